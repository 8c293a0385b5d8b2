//! What the profiles of a search name is there.

use std::collections::BTreeSet;

use crate::compile::names::refer;
use crate::definition::{Diagnostics, Dtype, Feature, Search};

/// Checks the profiles of `search`, which has these filters.
pub(super) fn check(search: &Search, filters: &[Feature], diagnostics: &mut Diagnostics) {
    let vectors: Vec<&str> = search.vectors.iter().map(|name| name.value.as_str()).collect();
    let names: Vec<&str> = filters.iter().map(|filter| filter.name.value.as_str()).collect();
    let mut taken = BTreeSet::new();
    for profile in &search.profiles {
        if !taken.insert(&profile.name.value) {
            diagnostics.add(&profile.name.place, format!("the profile `{}` is written twice", profile.name.value));
        }
        for name in &profile.vectors {
            refer("vectors", name.value.as_str(), &name.place, &vectors, diagnostics);
        }
        for at_most in &profile.at_most {
            let filter = &at_most.filter;
            refer("filter", filter.value.as_str(), &filter.place, &names, diagnostics);
        }
        for prior in &profile.priors {
            let feature = &prior.feature;
            refer("filter", feature.value.as_str(), &feature.place, &names, diagnostics);
            let filter = filters.iter().find(|filter| filter.name.value == feature.value);
            if let Some(filter) = filter.filter(|filter| !filter.dtype.value.is_ordered()) {
                let message = format!("`{}` is {}; a prior is a number or a moment", feature.value, filter.dtype.value);
                diagnostics.add(&feature.place, message);
            }
            let is_moment = filter.is_some_and(|filter| matches!(filter.dtype.value, Dtype::Date | Dtype::Timestamp));
            if is_moment && (prior.from.is_some() || prior.to.is_some()) {
                diagnostics
                    .add(&feature.place, format!("`{}` is a moment; `from` and `to` are for numbers", feature.value));
            }
        }
    }
}
