//! What can be seen in a release beside what is asked for: which pieces are like others, what rises and what falls, what goes
//! with success.

mod asked;
mod chart;
mod likeness;
mod patterns;
mod period;
mod recommend;
mod trends;

pub use asked::{InsightError, entity_of};
pub use chart::{tidy, trend_chart};
pub use patterns::{Comparing, Measure, NotCompared, Pattern, Patterns, Request as PatternRequest};
pub use period::{Period, Start};
pub use recommend::{Reason, Recommendation, RecommendationError, Recommended, Request, recommend};
pub use trends::{Counting, NotCounted, Request as TrendRequest, Row, Trend, Trends};
