//! How far the distribution of a feature has moved: the population stability index.
//!
//! PSI = Σ (after − before) · ln(after / before) over the shares in bins (Siddiqi, *Credit Risk Scorecards*, 2006): below
//! 0.1 nothing to speak of, from 0.25 on a large shift. Numbers fall into the deciles of what was before, texts and
//! truth values into the commonest values of what was before and one bin for the others, nulls into a bin of their own.

use std::collections::HashMap;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};

use crate::store::StoreError;

/// Bins of numbers, before equal edges are made one.
const BINS: usize = 10;

/// Values of texts that have a bin of their own.
const CATEGORIES: usize = 20;

/// The share that an empty bin counts as, so that the logarithm is finite.
const LEAST_SHARE: f64 = 1e-4;

/// The index between two columns of one type, each of which comes in pieces; none for types that have no order and no
/// categories, and where one side has no rows.
pub(super) fn population_stability_index(before: &[ArrayRef], after: &[ArrayRef]) -> Result<Option<f64>, StoreError> {
    let Some(first) = before.first() else { return Ok(None) };
    let (before, after) = match first.data_type() {
        DataType::Int32 | DataType::Int64 | DataType::Float32 | DataType::Float64 => {
            let (before, after) = (numbers(before)?, numbers(after)?);
            let edges = edges(&before);
            let bin = |value: &Option<f64>| match value {
                Some(value) => edges.partition_point(|edge| edge < value),
                None => edges.len() + 1,
            };
            (counted(before.iter().map(bin), edges.len() + 2), counted(after.iter().map(bin), edges.len() + 2))
        }
        DataType::Utf8 | DataType::Boolean => {
            let (before, after) = (texts(before)?, texts(after)?);
            let common = common(&before);
            let bin = |value: &Option<String>| match value {
                Some(value) => common.get(value).copied().unwrap_or(common.len()),
                None => common.len() + 1,
            };
            (counted(before.iter().map(bin), common.len() + 2), counted(after.iter().map(bin), common.len() + 2))
        }
        _ => return Ok(None),
    };
    let (of_before, of_after) = (before.iter().sum::<f64>(), after.iter().sum::<f64>());
    if of_before == 0.0 || of_after == 0.0 {
        return Ok(None);
    }
    let term = |(before, after): (&f64, &f64)| {
        let (before, after) = (before / of_before, after / of_after);
        // What was never there and is not there now says nothing.
        if before == after {
            return 0.0;
        }
        let (before, after) = (before.max(LEAST_SHARE), after.max(LEAST_SHARE));
        (after - before) * (after / before).ln()
    };
    Ok(Some(before.iter().zip(&after).map(term).sum()))
}

fn counted(bins: impl Iterator<Item = usize>, len: usize) -> Vec<f64> {
    let mut counts = vec![0.0; len];
    bins.for_each(|bin| counts[bin] += 1.0);
    counts
}

fn numbers(pieces: &[ArrayRef]) -> Result<Vec<Option<f64>>, StoreError> {
    let mut values = Vec::new();
    for piece in pieces {
        let floats = cast(piece, &DataType::Float64).map_err(fault)?;
        values.extend(floats.as_primitive::<Float64Type>().iter().map(|value| value.filter(|v| v.is_finite())));
    }
    Ok(values)
}

fn texts(pieces: &[ArrayRef]) -> Result<Vec<Option<String>>, StoreError> {
    let mut values = Vec::new();
    for piece in pieces {
        let texts = cast(piece, &DataType::Utf8).map_err(fault)?;
        values.extend(texts.as_string::<i32>().iter().map(|value| value.map(str::to_owned)));
    }
    Ok(values)
}

/// The deciles of the values that are there, without the least and the greatest, each once.
fn edges(values: &[Option<f64>]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().flatten().copied().collect();
    sorted.sort_unstable_by(f64::total_cmp);
    if sorted.is_empty() {
        return Vec::new();
    }
    let mut edges: Vec<f64> = (1..BINS).map(|bin| sorted[(sorted.len() - 1) * bin / BINS]).collect();
    edges.dedup();
    edges
}

/// The commonest values and the bin of each.
fn common(values: &[Option<String>]) -> HashMap<&String, usize> {
    let mut counts: HashMap<&String, u64> = HashMap::new();
    for value in values.iter().flatten() {
        *counts.entry(value).or_default() += 1;
    }
    let mut counts: Vec<(&String, u64)> = counts.into_iter().collect();
    counts.sort_by(|(a, m), (b, n)| n.cmp(m).then(a.cmp(b)));
    counts.into_iter().take(CATEGORIES).enumerate().map(|(bin, (value, _))| (value, bin)).collect()
}

fn fault(error: datafusion::arrow::error::ArrowError) -> StoreError {
    StoreError::Rows(error.to_string())
}
