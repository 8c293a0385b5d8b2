//! How alike two pieces are by the values of a feature.

use std::collections::BTreeSet;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, ListArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::array_value_to_string;

use crate::search::numbers;

/// What pieces are compared with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Example {
    /// Another piece.
    Row(usize),
    /// A value that is wished for.
    Value(String),
}

/// The values of a feature, ready to be compared.
pub(super) enum Values {
    /// Their likeness is exp(-d² / 2), where d is how many standard deviations they are apart.
    Numbers { values: Float64Array, deviation: f64 },
    /// 1 where they are the same, 0 otherwise.
    Texts(StringArray),
    /// The cosine of the lists, below 0 as 0.
    Profiles(ListArray),
    /// The share of what both have in what either has (Jaccard).
    Sets(Vec<Option<BTreeSet<String>>>),
}

impl Values {
    pub fn of(column: &ArrayRef) -> Result<Self, ArrowError> {
        match column.data_type() {
            DataType::List(item) if item.data_type().is_numeric() => {
                let list = DataType::new_list(DataType::Float64, true);
                Ok(Self::Profiles(cast(column, &list)?.as_list().clone()))
            }
            DataType::List(_) => {
                let lists: &ListArray = column.as_list();
                let set = |row: usize| {
                    let items = lists.is_valid(row).then(|| lists.value(row))?;
                    let texts = (0..items.len()).filter(|at| items.is_valid(*at));
                    Some(texts.filter_map(|at| array_value_to_string(&items, at).ok()).collect())
                };
                Ok(Self::Sets((0..lists.len()).map(set).collect()))
            }
            DataType::Utf8 | DataType::Boolean => Ok(Self::Texts(cast(column, &DataType::Utf8)?.as_string().clone())),
            _ => {
                let values = numbers(column)?;
                let deviation = deviation(&values);
                Ok(Self::Numbers { values, deviation })
            }
        }
    }

    /// How alike the value of `row` and the example's are, from 0 to 1; none where one of them has none.
    pub fn likeness(&self, row: usize, example: &Example) -> Option<f64> {
        match self {
            Self::Numbers { values, deviation } => {
                let value = |row: usize| values.is_valid(row).then(|| values.value(row));
                let other = match example {
                    Example::Row(other) => value(*other)?,
                    Example::Value(text) => text.trim().parse().ok()?,
                };
                let apart = (value(row)? - other) / deviation;
                Some(if apart.is_finite() { (-apart * apart / 2.0).exp() } else { f64::from(value(row)? == other) })
            }
            Self::Texts(texts) => {
                let text = |row: usize| texts.is_valid(row).then(|| texts.value(row));
                let other = match example {
                    Example::Row(other) => text(*other)?,
                    Example::Value(text) => text,
                };
                Some(f64::from(text(row)? == other))
            }
            Self::Profiles(lists) => {
                let Example::Row(other) = example else { return None };
                let list = |row: usize| lists.is_valid(row).then(|| lists.value(row));
                let (a, b) = (list(row)?, list(*other)?);
                let (a, b) = (a.as_primitive::<Float64Type>(), b.as_primitive::<Float64Type>());
                let product = |a: &Float64Array, b: &Float64Array| {
                    a.values().iter().zip(b.values()).map(|(a, b)| a * b).sum::<f64>()
                };
                let lengths = (product(a, a) * product(b, b)).sqrt();
                Some((product(a, b) / lengths.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0))
            }
            Self::Sets(sets) => {
                let own = sets[row].as_ref()?;
                let wished = match example {
                    Example::Row(other) => sets[*other].clone()?,
                    Example::Value(text) => BTreeSet::from([text.clone()]),
                };
                let either = own.union(&wished).count();
                (either > 0).then(|| own.intersection(&wished).count() as f64 / either as f64)
            }
        }
    }

    /// Whether `text` is a value of the feature.
    pub fn reads(&self, text: &str) -> bool {
        match self {
            Self::Numbers { .. } => text.trim().parse::<f64>().is_ok_and(f64::is_finite),
            Self::Texts(_) | Self::Sets(_) => true,
            Self::Profiles(_) => false,
        }
    }
}

/// The standard deviation of the values that there are.
fn deviation(values: &Float64Array) -> f64 {
    let there = || values.iter().flatten();
    let count = there().count().max(1) as f64;
    let mean = there().sum::<f64>() / count;
    (there().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
}
