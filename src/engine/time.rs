//! Correct in time: the point-in-time join and windows of events, as streaming operators.
//!
//! Both read two sides once, each in the order of key and time. That order is what they ask of their inputs: where a table
//! declares it, nothing is sorted; where not, DataFusion sorts, and spills what does not fit into the session's memory.

mod as_of;
mod sorted;
mod tables;
mod window;
mod windows;

pub use as_of::AsOfJoinExec;
pub use sorted::{Sides, in_order};
pub use tables::{AsOfTable, NamedWindow, TimedTable, WindowsTable};
pub use windows::{WindowColumn, WindowFunction, WindowsExec};
