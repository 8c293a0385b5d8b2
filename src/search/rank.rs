//! Priors: what makes a piece stand higher, whatever is asked.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use datafusion::arrow::compute::{cast, max, min};
use datafusion::arrow::datatypes::{DataType, Float64Type, TimeUnit};
use datafusion::arrow::error::ArrowError;

use super::SearchError;
use super::fuse::{self, Ranked};
use crate::engine::SqlError;
use crate::store::{PriorPin, ReadableSearch};

/// What was found with its priors: the weighted mean of its relevance, whose weight is 1, and of the share that it has of
/// each prior. What is null has nothing of it.
pub(super) fn with_priors(
    search: &ReadableSearch,
    mut ranked: Vec<Ranked>,
    priors: &[PriorPin],
) -> Result<Vec<Ranked>, SearchError> {
    let mut total = 1.0;
    for prior in priors {
        let shares = Shares::of(search, prior)?;
        total += prior.weight;
        for Ranked { row, explanation } in &mut ranked {
            let share = shares.of_row(*row);
            explanation.score += prior.weight * share;
            explanation.priors.push((prior.feature.clone(), share));
        }
    }
    if !priors.is_empty() {
        ranked.iter_mut().for_each(|ranked| ranked.explanation.score /= total);
        fuse::sort(&mut ranked);
    }
    Ok(ranked)
}

/// The values of a column of numbers or moments as numbers; a moment is counted in seconds from 1970.
pub fn numbers(column: &ArrayRef) -> Result<Float64Array, ArrowError> {
    let seconds = DataType::Timestamp(TimeUnit::Second, None);
    let numbers = match column.data_type() {
        DataType::Date32 | DataType::Timestamp(..) => cast(&cast(column, &seconds)?, &DataType::Int64)?,
        _ => Arc::clone(column),
    };
    Ok(cast(&numbers, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

/// How much each row has of a prior.
struct Shares {
    values: Float64Array,
    from: f64,
    to: f64,
}

impl Shares {
    fn of(search: &ReadableSearch, prior: &PriorPin) -> Result<Self, SearchError> {
        let column = search.columns().column_by_name(&prior.feature);
        let column = column.ok_or_else(|| SearchError::UnknownFilter {
            name: prior.feature.clone(),
            known: search.pin().filters.clone(),
        })?;
        let values = numbers(column).map_err(|error| SearchError::Filter(SqlError::invalid(error.to_string())))?;
        let from = prior.from.or_else(|| min(&values)).unwrap_or_default();
        let to = prior.to.or_else(|| max(&values)).unwrap_or_default();
        Ok(Self { values, from, to })
    }

    fn of_row(&self, row: usize) -> f64 {
        let share = (self.values.value(row) - self.from) / (self.to - self.from);
        match self.values.is_valid(row) && share.is_finite() {
            true => share.clamp(0.0, 1.0),
            false => 0.0,
        }
    }
}
