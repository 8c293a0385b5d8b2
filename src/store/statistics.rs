//! What a release says of the values of a feature, and of what was expected of them.

use std::fmt;

use serde_json::Value;

/// What the values of a feature are like. Nulls are not among them; a feature counts them beside.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// How many values there are.
    pub count: u64,
    /// How many different ones; none where only some rows were looked at.
    pub distinct: Option<u64>,
    /// Of numbers and times.
    pub min: Option<Value>,
    /// Of numbers and times.
    pub max: Option<Value>,
    /// Of numbers.
    pub mean: Option<f64>,
    /// Of numbers, by ascending share.
    pub quantiles: Vec<Quantile>,
    /// Of numbers: bins of one width, from the least value to the greatest.
    pub histogram: Vec<Bin>,
    /// The commonest values, where there are few different ones.
    pub top: Vec<TopValue>,
    /// Quantiles, histogram and commonest values are of every row that is a multiple of this.
    pub sampled_every: u64,
}

/// The value below which a share of the values lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantile {
    pub share: f64,
    pub value: f64,
}

/// Values from `from` to `to`; to the last bin, `to` belongs too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    pub from: f64,
    pub to: f64,
    pub count: u64,
}

/// A value and how often it comes.
#[derive(Clone, Debug, PartialEq)]
pub struct TopValue {
    pub value: Value,
    pub count: u64,
}

/// Something that was expected of a view or of one of its features, and what was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// None where it is about the view's rows.
    pub feature: Option<String>,
    /// What was expected, as people read it: `null_rate ≤ 0.01`.
    pub expected: String,
    /// What was found: `null_rate is 0.2`.
    pub found: String,
    pub passed: bool,
    /// Whether the build goes on where it does not pass.
    pub is_warning: bool,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(feature) = &self.feature {
            write!(f, "`{feature}`: ")?;
        }
        write!(f, "expected {}; found {}", self.expected, self.found)
    }
}
