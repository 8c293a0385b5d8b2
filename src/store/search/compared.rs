//! The values of rows that they are ranked and compared by, in the form in which that is done: made once for a release.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, ListArray, StringArray};
use datafusion::arrow::compute::{cast, max, min};
use datafusion::arrow::datatypes::{DataType, Float64Type, TimeUnit};
use datafusion::arrow::error::ArrowError;

/// The values of a column, a row each.
#[derive(Debug)]
pub enum Compared {
    Numbers(Numbers),
    Texts(StringArray),
    Flags(BooleanArray),
    /// Of float64.
    NumberLists(ListArray),
    /// Of texts.
    TextLists(ListArray),
}

/// Numbers, and moments as seconds from 1970.
#[derive(Debug)]
pub struct Numbers {
    pub values: Float64Array,
    pub least: f64,
    pub greatest: f64,
    /// The standard deviation of those that there are.
    pub deviation: f64,
}

impl Compared {
    pub(super) fn of(column: &ArrayRef) -> Result<Self, ArrowError> {
        Ok(match column.data_type() {
            DataType::Utf8 => Self::Texts(column.as_string().clone()),
            DataType::Boolean => Self::Flags(column.as_boolean().clone()),
            DataType::List(item) if item.data_type().is_numeric() => {
                Self::NumberLists(cast(column, &DataType::new_list(DataType::Float64, true))?.as_list().clone())
            }
            DataType::List(_) => {
                Self::TextLists(cast(column, &DataType::new_list(DataType::Utf8, true))?.as_list().clone())
            }
            _ => Self::Numbers(Numbers::of(column)?),
        })
    }

    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.values.get_array_memory_size(),
            Self::Texts(texts) => texts.get_array_memory_size(),
            Self::Flags(flags) => flags.get_array_memory_size(),
            Self::NumberLists(lists) | Self::TextLists(lists) => lists.get_array_memory_size(),
        }
    }
}

impl Numbers {
    fn of(column: &ArrayRef) -> Result<Self, ArrowError> {
        let seconds = DataType::Timestamp(TimeUnit::Second, None);
        let numbers = match column.data_type() {
            DataType::Date32 | DataType::Timestamp(..) => cast(&cast(column, &seconds)?, &DataType::Int64)?,
            _ => Arc::clone(column),
        };
        let values = cast(&numbers, &DataType::Float64)?.as_primitive::<Float64Type>().clone();
        let there = || values.iter().flatten();
        let count = there().count().max(1) as f64;
        let mean = there().sum::<f64>() / count;
        let deviation = (there().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
        let (least, greatest) = (min(&values).unwrap_or_default(), max(&values).unwrap_or_default());
        Ok(Self { values, least, greatest, deviation })
    }

    /// None where there is none.
    pub fn value(&self, row: usize) -> Option<f64> {
        self.values.is_valid(row).then(|| self.values.value(row))
    }
}
