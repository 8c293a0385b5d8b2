//! The criteria of a search: what makes two pieces alike.

use std::collections::BTreeSet;

use super::columns::{Columns, feature};
use crate::compile::target::SearchCriterion;
use crate::definition::{Criterion, Diagnostics, Dtype, Feature};

/// The weight of a criterion that does not say it.
const WEIGHT: f64 = 1.0;

/// The criteria of a search, and the features that they need beside its filters.
pub(super) struct Criteria {
    pub criteria: Vec<SearchCriterion>,
    pub features: Vec<Feature>,
}

pub(super) fn criteria(columns: &Columns<'_>, filters: &[Feature], diagnostics: &mut Diagnostics) -> Criteria {
    let mut taken = BTreeSet::new();
    let mut features: Vec<Feature> = Vec::new();
    let mut criteria = Vec::new();
    for Criterion { name, of, weight } in &columns.written().criteria {
        if !taken.insert(&name.value) {
            diagnostics.add(&name.place, format!("the criterion `{}` is written twice", name.value));
        }
        let mut has_vectors = false;
        for named in of {
            let Some(column) = columns.find(named, diagnostics) else { continue };
            if is_vectors(&column.dtype) {
                has_vectors = true;
                if !columns.written().vectors.iter().any(|vectors| vectors.value == named.value) {
                    let message = format!("`{}` is none of the search's vectors", named.value);
                    diagnostics.add_with(&named.place, message, Some("write it under `vectors` too".to_owned()));
                }
                if of.len() > 1 {
                    let message = format!("`{}` has vectors, which are a criterion by themselves", named.value);
                    diagnostics.add(&named.place, message);
                }
                continue;
            }
            if !is_comparable(&column.dtype) {
                let message =
                    format!("`{}` is {}; a criterion is of values or lists of them", named.value, column.dtype);
                diagnostics.add(&named.place, message);
            }
            let is_there = |known: &Feature| known.name.value == named.value;
            if !filters.iter().any(is_there) && !features.iter().any(is_there) {
                features.push(feature(named.clone(), column.dtype.clone(), column.access));
            }
        }
        let of = of.iter().map(|named| named.value.clone()).collect();
        let weight = weight.unwrap_or(WEIGHT);
        criteria.push(SearchCriterion { name: name.value.clone(), of, has_vectors, weight });
    }
    Criteria { criteria, features }
}

fn is_vectors(dtype: &Dtype) -> bool {
    match dtype {
        Dtype::Vector(_) => true,
        Dtype::List(item) => matches!(**item, Dtype::Vector(_)),
        _ => false,
    }
}

/// Values, and lists of numbers or of texts.
fn is_comparable(dtype: &Dtype) -> bool {
    match dtype {
        Dtype::List(item) => item.is_scalar() && !matches!(**item, Dtype::Bool | Dtype::Date | Dtype::Timestamp),
        dtype => dtype.is_scalar(),
    }
}
