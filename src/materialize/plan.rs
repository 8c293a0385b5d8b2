//! Target against release: what a build will do, and why. Pure.

use std::collections::BTreeMap;

use crate::compile::{Target, TargetSource, TargetView};
use crate::store::{IncomingFile, Manifest, SourcePin, ViewPin};

/// What a build will do, in the order in which it will do it.
#[derive(Clone, Debug)]
pub struct Plan {
    pub sources: Vec<SourceStep>,
    pub views: Vec<ViewStep>,
}

/// A source: kept as it is where there is no reason to touch it.
#[derive(Clone, Debug)]
pub struct SourceStep {
    pub source: TargetSource,
    pub pinned: Option<SourcePin>,
    /// The ingests that it will take, in their order.
    pub take: Vec<IncomingFile>,
    /// Whether it is written anew, from its first ingest on.
    pub anew: bool,
    /// Why it changes; empty where it does not.
    pub reasons: Vec<String>,
}

/// A view: kept as it is where there is no reason to compute it.
#[derive(Clone, Debug)]
pub struct ViewStep {
    pub view: TargetView,
    pub pinned: Option<ViewPin>,
    /// Why it is computed; empty where it is not.
    pub reasons: Vec<String>,
}

impl Plan {
    /// Whether no data has to be written.
    pub fn is_empty(&self) -> bool {
        let sources = self.sources.iter().all(|step| step.reasons.is_empty());
        sources && self.views.iter().all(|step| step.reasons.is_empty())
    }
}

/// Compares `target` with the newest release; `incoming` holds the ingests of each source.
pub fn plan(target: &Target, newest: Option<&Manifest>, incoming: &BTreeMap<String, Vec<IncomingFile>>) -> Plan {
    let sources: Vec<SourceStep> = target
        .sources
        .iter()
        .map(|source| {
            let name = source.name.as_str();
            let files = incoming.get(name).map(Vec::as_slice).unwrap_or_default();
            plan_source(source, newest.and_then(|manifest| manifest.source(name)), files)
        })
        .collect();
    let mut changed: Vec<&str> =
        sources.iter().filter(|step| !step.reasons.is_empty()).map(|step| step.source.name.as_str()).collect();
    let mut views = Vec::new();
    for view in &target.views {
        let pinned = newest.and_then(|manifest| manifest.view(view.name.as_str()));
        let reasons = view_reasons(view, pinned, &changed);
        if !reasons.is_empty() {
            changed.push(view.name.as_str());
        }
        views.push(ViewStep { view: view.clone(), pinned: pinned.cloned(), reasons });
    }
    Plan { sources, views }
}

fn plan_source(source: &TargetSource, pinned: Option<&SourcePin>, files: &[IncomingFile]) -> SourceStep {
    let columns_changed = pinned.is_some_and(|pin| {
        let now = source.columns.iter().map(|column| (column.name.as_str(), column.dtype.to_string()));
        let then = pin.columns.iter().map(|column| (column.name.as_str(), column.dtype.clone()));
        !now.eq(then) || !source.key.iter().map(|key| key.as_str()).eq(pin.key.iter().map(String::as_str))
    });
    let anew = pinned.is_none() || columns_changed;
    let taken = |file: &IncomingFile| !anew && pinned.is_some_and(|pin| pin.ingested.contains(&file.name));
    let take: Vec<IncomingFile> = files.iter().filter(|file| !taken(file)).cloned().collect();
    let rows: u64 = take.iter().map(|file| file.rows).sum();
    let mut reasons = Vec::new();
    match pinned {
        None if take.is_empty() => reasons.push("it is new, and nothing was ingested yet".to_owned()),
        None => reasons.push(format!("it is new: {rows} rows were ingested")),
        Some(_) if columns_changed => reasons.push("its columns changed".to_owned()),
        Some(_) if !take.is_empty() => reasons.push(format!("{rows} rows were ingested")),
        Some(_) => {}
    }
    SourceStep { source: source.clone(), pinned: pinned.cloned(), take, anew, reasons }
}

fn view_reasons(view: &TargetView, pinned: Option<&ViewPin>, changed: &[&str]) -> Vec<String> {
    let Some(pin) = pinned else { return vec!["it is new".to_owned()] };
    let mut reasons = Vec::new();
    for feature in &view.features {
        match pin.features.iter().find(|pinned| pinned.name == feature.name.as_str()) {
            None => reasons.push(format!("`{}` is new", feature.name)),
            Some(pinned) if pinned.fingerprint != feature.fingerprint => {
                reasons.push(format!("`{}` changed", feature.name));
            }
            Some(_) => {}
        }
    }
    for pinned in &pin.features {
        if !view.features.iter().any(|feature| feature.name.as_str() == pinned.name) {
            reasons.push(format!("`{}` is gone", pinned.name));
        }
    }
    for input in view.inputs.iter().filter(|input| changed.contains(&input.as_str())) {
        reasons.push(format!("its input `{input}` changes"));
    }
    reasons
}
