//! Experiments: which profiles of a search are tried on whom.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Keys are given to profiles of a search, each key to one, for as long as this is written here.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExperimentConfig {
    /// The search whose profiles are compared.
    pub search: String,
    /// The profiles, each with its share of the keys; shares need not add up to anything.
    pub arms: BTreeMap<String, f64>,
}
