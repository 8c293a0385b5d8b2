//! What one release has that another has not, and how far the values of both are apart.

use std::collections::BTreeSet;

use super::MaterializeError;
use super::quality::column;
use super::shift::population_stability_index;
use crate::store::{FeaturePin, Manifest, Store, ViewPin};

/// The difference between two releases.
#[derive(Clone, Debug, PartialEq)]
pub struct ReleaseDiff {
    /// Sources, then views, ordered by name; those that are the same too.
    pub tables: Vec<TableDiff>,
    /// The features that came, went or changed, or whose values may have, ordered by view.
    pub features: Vec<FeatureDiff>,
}

/// The rows of a table in both; none where it is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDiff {
    pub is_view: bool,
    pub name: String,
    pub before: Option<u64>,
    pub after: Option<u64>,
}

/// A feature in both.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureDiff {
    pub view: String,
    pub name: String,
    pub change: FeatureChange,
    /// The share of rows without a value, where it is there.
    pub null_rate: (Option<f64>, Option<f64>),
    /// The population stability index; none for types without order and categories, and where one side has no rows.
    pub drift: Option<f64>,
}

/// What became of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureChange {
    Added,
    Removed,
    /// From one version to another.
    Changed(u32, u32),
    /// The definition is the same; rows changed.
    Rows,
}

/// Compares two releases.
pub async fn diff(store: &Store, before: &Manifest, after: &Manifest) -> Result<ReleaseDiff, MaterializeError> {
    let mut tables = Vec::new();
    let sources = |manifest: &Manifest| manifest.sources.iter().map(|pin| pin.name.clone()).collect::<BTreeSet<_>>();
    let views = |manifest: &Manifest| manifest.views.iter().map(|pin| pin.name.clone()).collect::<BTreeSet<_>>();
    for name in &sources(before) | &sources(after) {
        let rows = |manifest: &Manifest| manifest.source(&name).map(|pin| pin.rows);
        tables.push(TableDiff { is_view: false, before: rows(before), after: rows(after), name });
    }
    let mut features = Vec::new();
    for name in &views(before) | &views(after) {
        let (old, new) = (before.view(&name), after.view(&name));
        tables.push(TableDiff {
            is_view: true,
            before: old.map(|pin| pin.rows),
            after: new.map(|pin| pin.rows),
            name: name.clone(),
        });
        features.extend(features_of(store, &name, old, new).await?);
    }
    let on_request =
        |manifest: &Manifest| manifest.on_request.iter().map(|pin| pin.name.clone()).collect::<BTreeSet<_>>();
    for name in &on_request(before) | &on_request(after) {
        features.extend(on_request_of(&name, before, after));
    }
    Ok(ReleaseDiff { tables, features })
}

/// The features on request of a view, of which nothing is stored.
fn on_request_of(view: &str, before: &Manifest, after: &Manifest) -> Vec<FeatureDiff> {
    let pins = |manifest: &Manifest| {
        let view = manifest.on_request.iter().find(|pin| pin.name == view);
        view.map(|view| view.features.clone()).unwrap_or_default()
    };
    let (old, new) = (pins(before), pins(after));
    let names: BTreeSet<String> = old.iter().chain(&new).map(|feature| feature.name.clone()).collect();
    let diff = |name: String| {
        let find = |pins: &[FeaturePin]| pins.iter().find(|feature| feature.name == name).cloned();
        let change = change(find(&old).as_ref(), find(&new).as_ref())?;
        Some(FeatureDiff { view: view.to_owned(), name, change, null_rate: (None, None), drift: None })
    };
    names.into_iter().filter_map(diff).collect()
}

/// What became of a definition; none where it is the same.
fn change(before: Option<&FeaturePin>, after: Option<&FeaturePin>) -> Option<FeatureChange> {
    match (before, after) {
        (Some(before), Some(after)) if before.fingerprint == after.fingerprint => None,
        (Some(before), Some(after)) => Some(FeatureChange::Changed(before.version, after.version)),
        (Some(_), None) => Some(FeatureChange::Removed),
        (None, _) => Some(FeatureChange::Added),
    }
}

async fn features_of(
    store: &Store,
    view: &str,
    old: Option<&ViewPin>,
    new: Option<&ViewPin>,
) -> Result<Vec<FeatureDiff>, MaterializeError> {
    let is_same_data = old.map(|pin| &pin.data) == new.map(|pin| &pin.data);
    let names = |pin: Option<&ViewPin>| -> Vec<String> {
        pin.into_iter().flat_map(|pin| &pin.features).map(|feature| feature.name.clone()).collect()
    };
    let mut all = names(old);
    all.extend(names(new).into_iter().filter(|name| !all.contains(name)).collect::<Vec<_>>());
    let mut diffs = Vec::new();
    for name in all {
        let find = |pin: Option<&ViewPin>| -> Option<(FeaturePin, u64)> {
            let pin = pin?;
            Some((pin.features.iter().find(|feature| feature.name == name)?.clone(), pin.rows))
        };
        let (before, after) = (find(old), find(new));
        let change = match change(before.as_ref().map(|found| &found.0), after.as_ref().map(|found| &found.0)) {
            Some(change) => change,
            None if is_same_data => continue,
            None => FeatureChange::Rows,
        };
        let drift = match (&before, &after, old, new) {
            (Some((a, _)), Some((b, _)), Some(old), Some(new)) if a.dtype == b.dtype && a.is_scalar() => {
                let before = column(&store.view(view, &old.data).await?, &name).await?;
                let after = column(&store.view(view, &new.data).await?, &name).await?;
                population_stability_index(&before, &after)?
            }
            _ => None,
        };
        let rate = |found: &Option<(FeaturePin, u64)>| {
            found.as_ref().filter(|(_, rows)| *rows > 0).map(|(feature, rows)| feature.nulls as f64 / *rows as f64)
        };
        diffs.push(FeatureDiff {
            view: view.to_owned(),
            null_rate: (rate(&before), rate(&after)),
            name,
            change,
            drift,
        });
    }
    Ok(diffs)
}
