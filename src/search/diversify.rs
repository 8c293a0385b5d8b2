//! What was found without what is alike: so many of one value at most, and rather what is unlike what stands before it.

use std::collections::{BTreeMap, HashMap};

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::Float32Type;
use datafusion::arrow::util::display::array_value_to_string;

use super::SearchError;
use crate::limits::SEARCH_CANDIDATES;
use crate::model::inner_product;
use crate::store::ReadableSearch;

/// The first so many of the pieces that have one value of a filter, for each filter. What has no value of it stays.
pub fn at_most<T>(
    search: &ReadableSearch,
    ranked: Vec<T>,
    row: impl Fn(&T) -> usize,
    at_most: &BTreeMap<String, usize>,
) -> Result<Vec<T>, SearchError> {
    let mut kept = ranked;
    for (filter, hits) in at_most {
        let column = search.columns().column_by_name(filter);
        let column = column
            .ok_or_else(|| SearchError::UnknownFilter { name: filter.clone(), known: search.pin().filters.clone() })?;
        let mut seen: HashMap<String, usize> = HashMap::new();
        kept.retain(|piece| {
            let row = row(piece);
            if column.is_null(row) {
                return true;
            }
            let seen = seen.entry(array_value_to_string(column, row).unwrap_or_default()).or_default();
            *seen += 1;
            *seen <= *hits
        });
    }
    Ok(kept)
}

/// The order in which each of the first `wanted` is the one that has most of what is asked and least of what stands before it
/// (maximal marginal relevance, Carbonell & Goldstein 1998): (1 - `diversity`) × its score, scaled from 0 for the last of the
/// candidates to 1 for the first, less `diversity` × its greatest cosine with those before it. `place` tells a piece's row
/// and score.
pub async fn apart<T>(
    search: &ReadableSearch,
    mut ranked: Vec<T>,
    place: impl Fn(&T) -> (usize, f64),
    vectors: &str,
    diversity: f64,
    wanted: usize,
) -> Result<Vec<T>, SearchError> {
    let rest = ranked.split_off(ranked.len().min(SEARCH_CANDIDATES));
    let (rows, scores): (Vec<usize>, Vec<f64>) = ranked.iter().map(place).unzip();
    let vectors = search.vectors(vectors, &rows).await?;
    let numbers = vectors.values().as_primitive::<Float32Type>().values();
    let size = vectors.value_length().unsigned_abs() as usize;
    let vector = |at: usize| vectors.is_valid(at).then(|| &numbers[at * size..(at + 1) * size]);
    let first = scores.iter().copied().fold(0.0, f64::max);
    let last = scores.iter().copied().fold(1.0, f64::min);
    let scaled = |at: usize| (scores[at] - last) / (first - last).max(f64::MIN_POSITIVE);
    // Those that are left, each with its greatest cosine with those that were chosen.
    let mut left: Vec<(usize, f64)> = (0..ranked.len()).map(|at| (at, 0.0)).collect();
    let mut order = Vec::with_capacity(ranked.len());
    while !left.is_empty() && order.len() < wanted {
        let merit = |(at, like): &(usize, f64)| (1.0 - diversity) * scaled(*at) - diversity * like;
        // Of equals the first.
        let best = (0..left.len()).rev().max_by(|a, b| merit(&left[*a]).total_cmp(&merit(&left[*b])));
        let Some(best) = best else { break };
        let (chosen, _) = left.remove(best);
        order.push(chosen);
        if let Some(chosen) = vector(chosen) {
            for (at, like) in &mut left {
                let cosine = vector(*at).map_or(0.0, |vector| f64::from(inner_product(chosen, vector)));
                *like = like.max(cosine);
            }
        }
    }
    order.extend(left.into_iter().map(|(at, _)| at));
    let mut places: Vec<Option<T>> = ranked.into_iter().map(Some).collect();
    Ok(order.into_iter().filter_map(|at| places[at].take()).chain(rest).collect())
}
