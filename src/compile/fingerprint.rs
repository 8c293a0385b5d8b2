//! The fingerprint of a feature: BLAKE3 of all that decides its values.

use super::target::{Target, TargetEntity, TargetView};
use crate::definition::Dtype;
use crate::name::Fingerprint;

/// Changes when the rules below do, so that no value computed by other rules passes for one of these.
const RULES: &str = "rhapsode-fingerprint-1";

/// What decides a feature's values beside its inputs.
pub(super) struct Formula<'a> {
    pub entity: &'a TargetEntity,
    pub dtype: &'a Dtype,
    /// The feature's own expression, canonical.
    pub expression: &'a str,
    /// What surrounds it: the query without its other columns, or the analyzer with its version.
    pub context: &'a str,
}

/// `reads` are the columns that the feature's values are made from: `(table, column)`, ordered.
pub(super) fn feature(formula: &Formula<'_>, reads: &[(String, String)], target: &Target) -> Fingerprint {
    let keys: Vec<String> = formula.entity.join_keys.iter().map(|key| format!("{} {}", key.name, key.dtype)).collect();
    let own = [RULES, &keys.join(","), &formula.dtype.to_string(), formula.expression, formula.context];
    let inputs: Vec<[u8; 32]> = reads.iter().map(|(table, column)| input(target, table, column)).collect();
    Fingerprint::of(own.iter().map(|part| part.as_bytes()).chain(inputs.iter().map(|input| input.as_slice())))
}

/// The fingerprint of a column that is read. A source's column is decided by its name and type, not by where files keep
/// it; its rows are not part of it, since other rows are new data and not a new feature.
fn input(target: &Target, table: &str, column: &str) -> [u8; 32] {
    let dtype = target
        .source(table)
        .and_then(|source| source.columns.iter().find(|candidate| candidate.name.as_str() == column))
        .map(|column| column.dtype.to_string());
    let upstream = target.view(table).and_then(|view: &TargetView| {
        view.features.iter().find(|feature| feature.name.as_str() == column).map(|feature| feature.fingerprint)
    });
    let fingerprint = match (dtype, upstream) {
        (Some(dtype), _) => Fingerprint::of(["source", table, column, &dtype].map(str::as_bytes)),
        (None, Some(upstream)) => upstream,
        // A join key of a view.
        (None, None) => Fingerprint::of(["key", table, column].map(str::as_bytes)),
    };
    fingerprint.as_bytes().try_into().expect("a fingerprint has 32 bytes")
}
