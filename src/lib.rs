//! A feature store for content: definitions in, versioned datasets and an API out.
//!
//! The modules stand in reading order; each names only those above it. `src/ARCHITECTURE.md` draws the flow and the
//! invariants, `tests/it/tidy.rs` holds the code to them.

pub mod clock;
pub mod config;
pub mod error;
pub mod limits;
pub mod name;
pub mod statistics;
pub mod telemetry;
pub mod text;

pub mod analyze;
pub mod compile;
pub mod definition;
pub mod engine;
pub mod ingest;
pub mod materialize;
pub mod model;
pub mod pipeline;
pub mod state;
pub mod store;

pub mod access;
pub mod analysis;
pub mod dataset;
pub mod evaluate;
pub mod experiments;
pub mod insight;
pub mod jobs;
pub mod online;
pub mod query;
pub mod search;

pub mod api;
pub mod app;
pub mod cli;
