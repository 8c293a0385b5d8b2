//! The one integration binary: a module a capability.

mod analyze;
mod api;
mod build;
mod check;
mod cli;
mod config;
mod corpus;
mod datasets;
mod engine;
mod faults;
mod incremental;
mod ingest;
mod online;
mod store;
mod support;
mod tidy;
