//! `rhapsode releases diff`: two releases, side by side.

use console::style;
use serde::Serialize;

use super::paint::{table, thousands};
use super::print_json;
use crate::materialize::{self, FeatureChange, FeatureDiff, ReleaseDiff};
use crate::store::{ReleaseRef, Store};

#[derive(Serialize)]
struct Diff {
    before: u64,
    after: u64,
    tables: Vec<Table>,
    features: Vec<Feature>,
}

#[derive(Serialize)]
struct Table {
    kind: &'static str,
    name: String,
    rows_before: Option<u64>,
    rows_after: Option<u64>,
}

#[derive(Serialize)]
struct Feature {
    view: String,
    name: String,
    change: &'static str,
    /// Of a changed feature.
    versions: Option<(u32, u32)>,
    null_rate_before: Option<f64>,
    null_rate_after: Option<f64>,
    /// The population stability index.
    drift: Option<f64>,
}

pub(super) async fn run(store: &Store, before: &ReleaseRef, after: &ReleaseRef, json: bool) -> anyhow::Result<()> {
    let (before, after) = (store.resolve(before).await?, store.resolve(after).await?);
    let diff = materialize::diff(store, &store.manifest(before).await?, &store.manifest(after).await?).await?;
    if json {
        return print_json(&wire(diff, (before.get(), after.get())));
    }
    say!("release {before} → release {after}");
    let rows: Vec<Vec<String>> = diff.tables.iter().map(table_row).collect();
    table(&["table", "rows before", "rows after", ""], &rows);
    match diff.features.is_empty() {
        true => say!("every feature is the same, and so are its values"),
        false => {
            let rows: Vec<Vec<String>> = diff.features.iter().map(feature_row).collect();
            table(&["feature", "change", "nulls before", "nulls after", "drift"], &rows);
        }
    }
    Ok(())
}

fn change(change: FeatureChange) -> (&'static str, Option<(u32, u32)>) {
    match change {
        FeatureChange::Added => ("added", None),
        FeatureChange::Removed => ("removed", None),
        FeatureChange::Changed(from, to) => ("changed", Some((from, to))),
        FeatureChange::Rows => ("rows", None),
    }
}

fn wire(diff: ReleaseDiff, (before, after): (u64, u64)) -> Diff {
    let tables = diff.tables.into_iter().map(|table| Table {
        kind: if table.is_view { "view" } else { "source" },
        name: table.name,
        rows_before: table.before,
        rows_after: table.after,
    });
    let features = diff.features.into_iter().map(|feature| {
        let (change, versions) = change(feature.change);
        let (null_rate_before, null_rate_after) = feature.null_rate;
        let (view, name, drift) = (feature.view, feature.name, feature.drift);
        Feature { view, name, change, versions, null_rate_before, null_rate_after, drift }
    });
    Diff { before, after, tables: tables.collect(), features: features.collect() }
}

fn table_row(diff: &materialize::TableDiff) -> Vec<String> {
    let rows = |rows: Option<u64>| rows.map(thousands).unwrap_or_else(|| "–".to_owned());
    let change = match (diff.before, diff.after) {
        (Some(before), Some(after)) if before > 0 && before != after => {
            format!("{:+.1} %", (after as f64 / before as f64 - 1.0) * 100.0)
        }
        (None, _) => "added".to_owned(),
        (_, None) => "removed".to_owned(),
        _ => String::new(),
    };
    vec![diff.name.clone(), rows(diff.before), rows(diff.after), change]
}

fn feature_row(diff: &FeatureDiff) -> Vec<String> {
    let share = |rate: Option<f64>| rate.map(|rate| format!("{:.1} %", rate * 100.0)).unwrap_or_default();
    let what = match change(diff.change) {
        (_, Some((from, to))) => format!("@{from} → @{to}"),
        ("rows", None) => String::new(),
        (what, None) => what.to_owned(),
    };
    let drift = match diff.drift {
        Some(drift) if drift >= 0.25 => style(format!("{drift:.3}")).red().to_string(),
        Some(drift) if drift >= 0.1 => style(format!("{drift:.3}")).yellow().to_string(),
        Some(drift) => format!("{drift:.3}"),
        None => String::new(),
    };
    let (before, after) = diff.null_rate;
    vec![format!("{}.{}", diff.view, diff.name), what, share(before), share(after), drift]
}
