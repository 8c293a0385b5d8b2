//! How often each value of a filter is among what was found.

use std::collections::BTreeMap;

use datafusion::arrow::array::Array;
use datafusion::arrow::util::display::array_value_to_string;

use super::SearchError;
use crate::store::ReadableSearch;

/// The values of one filter among what was found, the most frequent first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    pub name: String,
    pub values: Vec<FacetValue>,
}

/// A value and how often it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FacetValue {
    /// A row that has the value ([`ReadableSearch::columns`]).
    pub row: usize,
    pub count: usize,
}

/// Counts the values of each filter that is asked for among `rows`, once. Nulls are not counted.
pub(super) fn counted(search: &ReadableSearch, names: &[String], rows: &[usize]) -> Result<Vec<Facet>, SearchError> {
    let mut counted: Vec<Facet> = Vec::new();
    for name in names {
        if !counted.iter().any(|known| known.name == *name) {
            counted.push(facet(search, name, rows)?);
        }
    }
    Ok(counted)
}

fn facet(search: &ReadableSearch, name: &str, rows: &[usize]) -> Result<Facet, SearchError> {
    let known = &search.pin().facets;
    let column = search.columns().column_by_name(name).filter(|_| known.iter().any(|known| known == name));
    let Some(column) = column else {
        return Err(SearchError::UnknownFacet { name: name.to_owned(), known: known.clone() });
    };
    let mut by_text: BTreeMap<String, FacetValue> = BTreeMap::new();
    for row in rows.iter().copied().filter(|row| column.is_valid(*row)) {
        let text = array_value_to_string(column, row).unwrap_or_default();
        by_text.entry(text).or_insert(FacetValue { row, count: 0 }).count += 1;
    }
    let mut values: Vec<FacetValue> = by_text.into_values().collect();
    // Of equals as they are ordered by their text.
    values.sort_by_key(|value| std::cmp::Reverse(value.count));
    Ok(Facet { name: name.to_owned(), values })
}
