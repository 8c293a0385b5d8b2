//! What can be seen in a release beside what is asked for: which pieces are like others.

mod likeness;
mod recommend;

pub use recommend::{Reason, Recommendation, RecommendationError, Recommended, Request, recommend};
