//! Target against release: what a build will do, and why. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::compile::{Recipe, RelatedWords, Target, TargetSource, TargetView};
use crate::definition::Format;
use crate::model::Model;
use crate::store::{IncomingFile, Manifest, SourcePin, ViewPin, WordVectorsPin};

/// What a build will do, in the order in which it will do it.
#[derive(Clone, Debug)]
pub struct Plan {
    pub sources: Vec<SourceStep>,
    pub views: Vec<ViewStep>,
    /// After the views, which they read.
    pub searches: Vec<ViewStep>,
    /// After the searches, whose words they are.
    pub word_vectors: Vec<WordVectorsStep>,
}

/// A source and what happens to it.
#[derive(Clone, Debug)]
pub struct SourceStep {
    pub source: TargetSource,
    pub pinned: Option<SourcePin>,
    /// The ingests that it will take, in their order.
    pub take: Vec<IncomingFile>,
    /// `Columns` never.
    pub work: Work,
    /// Why it changes; empty where it does not.
    pub reasons: Vec<String>,
}

/// A view and what happens to it.
#[derive(Clone, Debug)]
pub struct ViewStep {
    pub view: TargetView,
    pub pinned: Option<ViewPin>,
    pub work: Work,
    /// Why it is computed; empty where it is not.
    pub reasons: Vec<String>,
}

/// The words of a search that have vectors, and whether those of the release before are kept.
#[derive(Clone, Debug)]
pub struct WordVectorsStep {
    pub search: String,
    /// The columns of its texts.
    pub columns: Vec<String>,
    pub limit: usize,
    pub model: Arc<Model>,
    pub pinned: Option<WordVectorsPin>,
    pub is_kept: bool,
}

/// How much of a source or a view is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Nothing.
    Keep,
    /// The rows that changed, in the columns that stay, and these columns for all rows.
    Rows(ChangedColumns),
    /// These columns, for all rows; the files of the others stay.
    Columns(ChangedColumns),
    /// All of it.
    Whole,
}

/// The columns of a view that are not those of its pinned version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangedColumns {
    /// In the pinned version, and no longer wanted or wanted anew.
    pub dropped: Vec<String>,
    /// New or wanted anew.
    pub added: Vec<String>,
}

impl ChangedColumns {
    pub fn is_empty(&self) -> bool {
        self.dropped.is_empty() && self.added.is_empty()
    }
}

impl Plan {
    /// Whether no data has to be written.
    pub fn is_empty(&self) -> bool {
        let sources = self.sources.iter().all(|step| step.work == Work::Keep);
        let word_vectors = self.word_vectors.iter().all(|step| step.is_kept);
        sources && word_vectors && self.views.iter().chain(&self.searches).all(|step| step.work == Work::Keep)
    }
}

/// Compares `target` with the newest release; `incoming` holds the ingests of each source.
///
/// `as_of` is the moment at which windows shall end; none for that of the newest release, as long as no events come.
pub fn plan(
    target: &Target,
    newest: Option<&Manifest>,
    incoming: &BTreeMap<String, Vec<IncomingFile>>,
    as_of: Option<DateTime<Utc>>,
) -> Plan {
    let sources: Vec<SourceStep> = target
        .sources
        .iter()
        .map(|source| {
            let name = source.name.as_str();
            let files = incoming.get(name).map(Vec::as_slice).unwrap_or_default();
            plan_source(source, newest.and_then(|manifest| manifest.source(name)), files)
        })
        .collect();
    let mut works: BTreeMap<&str, Work> =
        sources.iter().map(|step| (step.source.name.as_str(), step.work.clone())).collect();
    let mut views = Vec::new();
    for view in &target.views {
        let pinned = newest.and_then(|manifest| manifest.view(view.name.as_str()));
        let (mut work, mut reasons) = plan_view(view, pinned, &works);
        if let (Recipe::Aggregate(_), false) = (&view.recipe, work == Work::Whole) {
            let come = sources.iter().find(|step| step.source.timestamp_field.is_some() && step.work != Work::Keep);
            let moved = as_of.is_some_and(|as_of| newest.is_some_and(|newest| newest.as_of != as_of));
            let reason = match come {
                Some(step) => Some(format!("events of `{}` come, so windows may end later", step.source.name)),
                None => moved.then(|| "its windows end at another time".to_owned()),
            };
            if let Some(reason) = reason {
                work = Work::Whole;
                reasons.push(reason);
            }
        }
        works.insert(view.name.as_str(), work.clone());
        views.push(ViewStep { view: view.clone(), pinned: pinned.cloned(), work, reasons });
    }
    let searches = target.searches.iter().map(|search| {
        let pinned = newest.and_then(|manifest| manifest.search(search.name.as_str())).map(|pin| &pin.rows);
        let (work, reasons) = plan_view(search, pinned, &works);
        ViewStep { view: search.clone(), pinned: pinned.cloned(), work, reasons }
    });
    let searches: Vec<ViewStep> = searches.collect();
    let word_vectors = searches.iter().filter_map(|step| plan_word_vectors(step, newest)).collect();
    Plan { sources, views, searches, word_vectors }
}

fn plan_word_vectors(step: &ViewStep, newest: Option<&Manifest>) -> Option<WordVectorsStep> {
    let Recipe::Search(search) = &step.view.recipe else { return None };
    let RelatedWords { limit, model } = search.related_words.clone()?;
    let pinned = newest.and_then(|newest| newest.search(step.view.name.as_str())?.word_vectors.clone());
    let is_same = |pin: &WordVectorsPin| pin.limit == limit as u64 && pin.digest == model.digest();
    Some(WordVectorsStep {
        search: step.view.name.to_string(),
        columns: search.fields.iter().map(|field| field.column.to_string()).collect(),
        limit,
        is_kept: step.work == Work::Keep && pinned.as_ref().is_some_and(is_same),
        model,
        pinned,
    })
}

fn plan_source(source: &TargetSource, pinned: Option<&SourcePin>, files: &[IncomingFile]) -> SourceStep {
    let columns_changed = pinned.is_some_and(|pin| {
        let now = source.columns.iter().map(|column| (column.name.as_str(), column.dtype.to_string()));
        let then = pin.columns.iter().map(|column| (column.name.as_str(), column.dtype.clone()));
        let created = source.created_timestamp_column.as_ref().map(|column| column.as_str());
        !now.eq(then)
            || created != pin.created_timestamp_column.as_deref()
            || !source.key.iter().map(|key| key.as_str()).eq(pin.key.iter().map(String::as_str))
    });
    let anew = pinned.is_none() || columns_changed;
    let taken = |file: &IncomingFile| !anew && pinned.is_some_and(|pin| pin.ingested.contains(&file.name));
    let void = |file: &IncomingFile| pinned.is_some_and(|pin| pin.void.contains(&file.name));
    let take: Vec<IncomingFile> = files.iter().filter(|file| !taken(file) && !void(file)).cloned().collect();
    let rows: u64 = take.iter().map(|file| file.rows).sum();
    let (work, reason) = match pinned {
        None if take.is_empty() => (Work::Whole, "it is new, and nothing was ingested yet".to_owned()),
        None => (Work::Whole, format!("it is new: {rows} rows were ingested")),
        Some(_) if columns_changed => (Work::Whole, "its columns changed".to_owned()),
        Some(_) if !take.is_empty() => (Work::Rows(ChangedColumns::default()), format!("{rows} rows were ingested")),
        Some(_) => (Work::Keep, String::new()),
    };
    let reasons = Some(reason).filter(|reason| !reason.is_empty()).into_iter().collect();
    SourceStep { source: source.clone(), pinned: pinned.cloned(), take, work, reasons }
}

fn plan_view(view: &TargetView, pinned: Option<&ViewPin>, works: &BTreeMap<&str, Work>) -> (Work, Vec<String>) {
    let Some(pin) = pinned else { return (Work::Whole, vec!["it is new".to_owned()]) };
    let (mut columns, mut kept) = (ChangedColumns::default(), 0);
    let mut reasons = Vec::new();
    for feature in &view.features {
        let name = feature.name.to_string();
        match pin.features.iter().find(|pinned| pinned.name == name) {
            Some(pinned) if pinned.fingerprint == feature.fingerprint => kept += 1,
            Some(_) => {
                reasons.push(format!("`{name}` changed"));
                columns.dropped.push(name.clone());
                columns.added.push(name);
            }
            None => {
                reasons.push(format!("`{name}` is new"));
                columns.added.push(name);
            }
        }
    }
    for pinned in &pin.features {
        if !view.features.iter().any(|feature| feature.name.as_str() == pinned.name) {
            reasons.push(format!("`{}` is gone", pinned.name));
            columns.dropped.push(pinned.name.clone());
        }
    }
    let (mut by_row, mut whole) = (false, false);
    for input in &view.inputs {
        match works.get(input.as_str()) {
            Some(Work::Rows(_)) => {
                by_row = true;
                reasons.push(format!("rows of its input `{input}` change"));
            }
            Some(Work::Whole) => {
                whole = true;
                reasons.push(format!("its input `{input}` changes"));
            }
            // What its features read of it is in their fingerprints.
            Some(Work::Keep | Work::Columns(_)) | None => {}
        }
    }
    let format_changed = pin.data.lance_version().is_some() != (view.format == Format::Lance);
    if format_changed {
        reasons.push(format!("its format is {} now", view.format));
    }
    let work = match (columns.is_empty(), by_row) {
        _ if whole || format_changed => Work::Whole,
        (true, false) => Work::Keep,
        // A file is written anew.
        _ if view.format == Format::Parquet => Work::Whole,
        // A feature that stays vouches for the rows: the same context is in its fingerprint.
        (_, true) if kept > 0 && view.row_local => Work::Rows(columns),
        (false, false) if kept > 0 => Work::Columns(columns),
        _ => Work::Whole,
    };
    (work, reasons)
}
