//! What the values of a feature are like: the statistics that a release carries.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::{cast, concat};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use serde_json::Value;

use crate::engine::json::JsonColumn;
use crate::limits::{
    STATISTICS_CATEGORIES_MAX, STATISTICS_SAMPLE_ROWS_MAX, STATISTICS_TEXT_BYTES_MAX, STATISTICS_VALUES_MAX,
};
use crate::store::{Bin, Quantile, Statistics, StoreError, Table, TopValue};

/// The shares at which quantiles are told.
const SHARES: [f64; 9] = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99];

/// Bins of a histogram, all of one width.
const BINS: usize = 20;

/// The commonest values that are told.
const TOP: usize = 10;

/// The statistics of the columns `names` of a table of so many rows. Columns are read a few at a time.
pub(super) async fn profiles(
    table: &Table,
    rows: u64,
    names: &[String],
) -> Result<BTreeMap<String, Statistics>, StoreError> {
    let at_once = (STATISTICS_VALUES_MAX / rows.max(1)).max(1) as usize;
    let mut found = BTreeMap::new();
    for names in names.chunks(at_once) {
        let batches = Arc::new(table.read(names).await?);
        let profiling = names.iter().enumerate().map(|(index, name)| {
            let batches = Arc::clone(&batches);
            let pieces = move || batches.iter().map(|batch| Arc::clone(batch.column(index))).collect::<Vec<_>>();
            let task = tokio::task::spawn_blocking(move || profile(&pieces()));
            async move { Ok::<_, StoreError>((name.clone(), task.await.map_err(panicked)??)) }
        });
        for (name, statistics) in futures::future::try_join_all(profiling).await? {
            found.extend(statistics.map(|statistics| (name, statistics)));
        }
    }
    Ok(found)
}

fn panicked(error: tokio::task::JoinError) -> StoreError {
    StoreError::Rows(format!("statistics could not be computed: {error}"))
}

/// The statistics of a column, which comes in pieces; none for lists, structs and vectors.
///
/// Quantiles are interpolated linearly between the values around them (Hyndman and Fan 1996, type 7). Of more rows than
/// [`STATISTICS_SAMPLE_ROWS_MAX`], quantiles, the histogram and the commonest values are of every k-th row.
fn profile(pieces: &[ArrayRef]) -> Result<Option<Statistics>, StoreError> {
    let pieces: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
    if pieces.is_empty() {
        return Ok(None);
    }
    let column = concat(&pieces).map_err(fault)?;
    let statistics = match column.data_type() {
        DataType::Int32 | DataType::Int64 | DataType::Float32 | DataType::Float64 => numbers(&column)?,
        DataType::Date32 | DataType::Timestamp(..) => times(&column)?,
        DataType::Utf8 => texts(column.as_string::<i32>().iter().flatten(), false),
        DataType::Boolean => {
            texts(column.as_boolean().iter().flatten().map(|value| if value { "true" } else { "false" }), true)
        }
        _ => return Ok(None),
    };
    Ok(Some(Statistics { count: (column.len() - column.null_count()) as u64, ..statistics }))
}

/// Which rows are looked at.
fn stride(rows: usize) -> usize {
    rows.div_ceil(STATISTICS_SAMPLE_ROWS_MAX).max(1)
}

fn numbers(column: &ArrayRef) -> Result<Statistics, StoreError> {
    let floats = cast(column, &DataType::Float64).map_err(fault)?;
    let floats = floats.as_primitive::<Float64Type>();
    let all =
        || floats.iter().enumerate().filter_map(|(row, value)| Some((row, value?))).filter(|(_, v)| v.is_finite());
    let first = |better: fn(f64, f64) -> bool| {
        all().reduce(|best, next| if better(next.1, best.1) { next } else { best }).map(|(row, _)| row)
    };
    let (least, greatest) = (first(|a, b| a < b), first(|a, b| a > b));
    let (sum, count) = all().fold((0.0, 0_u64), |(sum, count), (_, value)| (sum + value, count + 1));
    let stride = stride(column.len());
    let mut values: Vec<f64> = all().filter(|(row, _)| row % stride == 0).map(|(_, value)| value).collect();
    values.sort_unstable_by(f64::total_cmp);
    let runs = runs(&values);
    let json = JsonColumn::new(column).map_err(fault)?;
    let number = |value: f64| match column.data_type() {
        DataType::Int32 | DataType::Int64 => Value::from(value as i64),
        // The shortest text of a float32 is not that of its float64.
        DataType::Float32 => serde_json::from_str(&(value as f32).to_string()).unwrap_or_default(),
        _ => Value::from(value),
    };
    let few = runs.len() <= STATISTICS_CATEGORIES_MAX && runs.len() < values.len();
    let counted = if few { runs.iter().map(|(value, count)| (number(*value), *count)).collect() } else { Vec::new() };
    Ok(Statistics {
        count: 0,
        distinct: (stride == 1).then_some(runs.len() as u64),
        min: least.map(|row| value(&json, row)),
        max: greatest.map(|row| value(&json, row)),
        mean: (count > 0).then(|| sum / count as f64),
        quantiles: SHARES.iter().filter_map(|share| quantile(&values, *share)).collect(),
        histogram: histogram(&values),
        top: top(counted),
        sampled_every: stride as u64,
    })
}

fn times(column: &ArrayRef) -> Result<Statistics, StoreError> {
    let words = cast(column, &DataType::Timestamp(datafusion::arrow::datatypes::TimeUnit::Microsecond, None))
        .and_then(|times| cast(&times, &DataType::Int64))
        .map_err(fault)?;
    let words = words.as_primitive::<datafusion::arrow::datatypes::Int64Type>();
    let all = || words.iter().enumerate().filter_map(|(row, value)| Some((row, value?)));
    let json = JsonColumn::new(column).map_err(fault)?;
    let stride = stride(column.len());
    let mut values: Vec<i64> = all().filter(|(row, _)| row % stride == 0).map(|(_, value)| value).collect();
    values.sort_unstable();
    values.dedup();
    let told = |found: Option<(usize, i64)>| found.map(|(row, _)| value(&json, row));
    Ok(Statistics {
        distinct: (stride == 1).then_some(values.len() as u64),
        min: told(all().min_by_key(|(_, value)| *value)),
        max: told(all().max_by_key(|(_, value)| *value)),
        sampled_every: stride as u64,
        ..Statistics::default()
    })
}

/// Of texts only short ones are told, and only where there are few: a statistic is no place to read lyrics.
fn texts<'a>(values: impl Iterator<Item = &'a str>, is_bool: bool) -> Statistics {
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let told = counts.len() <= STATISTICS_CATEGORIES_MAX
        && counts.keys().all(|value| value.len() <= STATISTICS_TEXT_BYTES_MAX);
    let json = |value: &str| if is_bool { Value::Bool(value == "true") } else { Value::from(value) };
    let counted = counts.iter().filter(|_| told).map(|(value, count)| (json(value), *count)).collect();
    Statistics { distinct: Some(counts.len() as u64), top: top(counted), sampled_every: 1, ..Statistics::default() }
}

/// The commonest first, then by value.
fn top(mut counted: Vec<(Value, u64)>) -> Vec<TopValue> {
    counted.sort_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.to_string().cmp(&b.to_string())));
    counted.truncate(TOP);
    counted.into_iter().map(|(value, count)| TopValue { value, count }).collect()
}

/// How often each value comes, ascending.
fn runs(sorted: &[f64]) -> Vec<(f64, u64)> {
    sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u64)).collect()
}

fn quantile(sorted: &[f64], share: f64) -> Option<Quantile> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(Quantile { share, value: below + (above - below) * place.fract() })
}

fn histogram(sorted: &[f64]) -> Vec<Bin> {
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return Vec::new() };
    let width = (last - first) / BINS as f64;
    if width <= 0.0 || !width.is_finite() {
        return vec![Bin { from: *first, to: *last, count: sorted.len() as u64 }];
    }
    let mut bins: Vec<Bin> = (0..BINS)
        .map(|bin| Bin { from: first + width * bin as f64, to: first + width * (bin + 1) as f64, count: 0 })
        .collect();
    for value in sorted {
        let bin = ((value - first) / width) as usize;
        bins[bin.min(BINS - 1)].count += 1;
    }
    bins
}

fn value(json: &JsonColumn, row: usize) -> Value {
    let mut text = Vec::new();
    json.write(row, &mut text);
    serde_json::from_slice(&text).unwrap_or_default()
}

fn fault(error: datafusion::arrow::error::ArrowError) -> StoreError {
    StoreError::Rows(error.to_string())
}
