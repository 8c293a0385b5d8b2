//! Statistics and checks on disk.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::store::statistics;

#[derive(Serialize, Deserialize)]
pub(super) struct Statistics {
    count: u64,
    distinct: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mean: Option<f64>,
    /// `[share, value]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    quantiles: Vec<(f64, f64)>,
    /// `[from, to, count]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    histogram: Vec<(f64, f64, u64)>,
    /// `[value, count]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    top: Vec<(Value, u64)>,
    sampled_every: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Check {
    feature: Option<String>,
    expected: String,
    found: String,
    passed: bool,
    is_warning: bool,
}

impl From<statistics::Statistics> for Statistics {
    fn from(statistics: statistics::Statistics) -> Self {
        let statistics::Statistics { count, distinct, min, max, mean, quantiles, histogram, top, sampled_every } =
            statistics;
        Self {
            count,
            distinct,
            min,
            max,
            mean,
            quantiles: quantiles.into_iter().map(|quantile| (quantile.share, quantile.value)).collect(),
            histogram: histogram.into_iter().map(|bin| (bin.from, bin.to, bin.count)).collect(),
            top: top.into_iter().map(|top| (top.value, top.count)).collect(),
            sampled_every,
        }
    }
}

impl From<Statistics> for statistics::Statistics {
    fn from(statistics: Statistics) -> Self {
        let Statistics { count, distinct, min, max, mean, quantiles, histogram, top, sampled_every } = statistics;
        let quantile = |(share, value)| statistics::Quantile { share, value };
        let bin = |(from, to, count)| statistics::Bin { from, to, count };
        Self {
            count,
            distinct,
            min,
            max,
            mean,
            quantiles: quantiles.into_iter().map(quantile).collect(),
            histogram: histogram.into_iter().map(bin).collect(),
            top: top.into_iter().map(|(value, count)| statistics::TopValue { value, count }).collect(),
            sampled_every,
        }
    }
}

impl From<statistics::Check> for Check {
    fn from(check: statistics::Check) -> Self {
        let statistics::Check { feature, expected, found, passed, is_warning } = check;
        Self { feature, expected, found, passed, is_warning }
    }
}

impl From<Check> for statistics::Check {
    fn from(check: Check) -> Self {
        let Check { feature, expected, found, passed, is_warning } = check;
        Self { feature, expected, found, passed, is_warning }
    }
}
