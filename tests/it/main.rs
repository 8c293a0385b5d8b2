//! The one integration binary: a module a capability.

mod analyze;
mod api;
mod build;
mod check;
mod cli;
mod config;
mod conformance;
mod corpus;
mod created;
mod datasets;
mod embeddings;
mod engine;
mod failing_store;
mod faults;
mod garbage;
mod incremental;
mod ingest;
mod intake;
mod on_request;
mod online;
mod servers;
mod store;
mod support;
mod tidy;
mod time;
mod training_sets;
