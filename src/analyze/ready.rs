//! An analyzer with what it reads beside texts: what builds and requests run. Counted, and safe from a text that it cannot
//! stand.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeListArray, ListArray, StringArray, StructArray, new_null_array};
use arrow::compute::concat;
use arrow::datatypes::Float32Type;

use super::rhyme::StressDictionary;
use super::theme::Themes;
use super::{Analyzer, Input};
use crate::clock::Stopwatch;

/// An analyzer with what it reads beside texts.
#[derive(Clone, Debug)]
pub struct ReadyAnalyzer {
    analyzer: &'static Analyzer,
    themes: Arc<Themes>,
    stress: Arc<StressDictionary>,
}

/// What an analyzer made of some texts.
#[derive(Debug)]
pub struct Analyzed {
    /// One a text; null where there is no text, or a fault.
    pub values: StructArray,
    /// The texts of which nothing could be made, and why: `(row, reason)`, ascending.
    pub faults: Vec<(usize, String)>,
}

impl ReadyAnalyzer {
    pub fn new(analyzer: &'static Analyzer, themes: Arc<Themes>, stress: Arc<StressDictionary>) -> Self {
        let themes = if analyzer.reads_themes { themes } else { Arc::default() };
        let stress = if analyzer.reads_stress { stress } else { Arc::default() };
        Self { analyzer, themes, stress }
    }

    pub fn analyzer(&self) -> &'static Analyzer {
        self.analyzer
    }

    pub fn themes(&self) -> &Arc<Themes> {
        &self.themes
    }

    pub fn stress(&self) -> &Arc<StressDictionary> {
        &self.stress
    }

    /// What decides its values beside texts and vectors: part of a feature's fingerprint. An empty dictionary of stresses
    /// is none.
    pub fn formula(&self) -> String {
        let Analyzer { name, version, reads_themes, .. } = self.analyzer;
        let mut formula = format!("{name}@{version}");
        if *reads_themes {
            formula += &format!(" themes {}", self.themes.digest());
        }
        if !self.stress.is_empty() {
            formula += &format!(" stress {}", self.stress.digest());
        }
        formula
    }

    /// One struct per text, in the same order.
    pub fn analyze(&self, texts: &StringArray, stanza_vectors: Option<&ListArray>) -> Analyzed {
        let watch = Stopwatch::start();
        let input = Input { texts, stanza_vectors, themes: &self.themes, stress: &self.stress };
        let analyzed = match self.guarded(&input) {
            Some(values) => Analyzed { values, faults: Vec::new() },
            None => self.one_by_one(&input),
        };
        let name = self.analyzer.name;
        metrics::histogram!("rhapsode_analyzer_batch_seconds", "analyzer" => name).record(watch.seconds());
        metrics::counter!("rhapsode_analyzer_texts_total", "analyzer" => name).increment(texts.len() as u64);
        metrics::counter!("rhapsode_analyzer_faults_total", "analyzer" => name).increment(analyzed.faults.len() as u64);
        analyzed
    }

    /// None where it panics.
    fn guarded(&self, input: &Input<'_>) -> Option<StructArray> {
        catch_unwind(AssertUnwindSafe(|| (self.analyzer.run)(input))).ok()
    }

    /// A text that fails does not take the others with it.
    fn one_by_one(&self, input: &Input<'_>) -> Analyzed {
        let mut faults = Vec::new();
        let one = |row: usize| {
            let text = input.texts.slice(row, 1);
            let vectors = input.stanza_vectors.map(|vectors| vectors.slice(row, 1));
            let input = Input { texts: &text, stanza_vectors: vectors.as_ref(), ..*input };
            self.guarded(&input).map(|values| Arc::new(values) as ArrayRef)
        };
        let mut values = Vec::with_capacity(input.texts.len());
        for row in 0..input.texts.len() {
            values.push(one(row).unwrap_or_else(|| {
                tracing::error!(analyzer = self.analyzer.name, "an analyzer failed on a text");
                faults.push((row, format!("the analyzer `{}` failed on this text", self.analyzer.name)));
                new_null_array(&self.analyzer.data_type(), 1)
            }));
        }
        let values: Vec<&dyn Array> = values.iter().map(AsRef::as_ref).collect();
        let values = concat(&values).expect("all are of the analyzer's type, and at least one text failed");
        Analyzed { values: values.as_struct().clone(), faults }
    }
}

/// The vectors of the stanzas of the text in `row`; none where there is no list.
pub(super) fn vectors_of(lists: &ListArray, row: usize) -> Option<StanzaVectors> {
    let vectors = lists.is_valid(row).then(|| lists.value(row))?;
    Some(StanzaVectors(vectors.as_fixed_size_list_opt()?.clone()))
}

/// The vectors of the stanzas of a text.
pub(super) struct StanzaVectors(FixedSizeListArray);

impl StanzaVectors {
    /// One a stanza; none for a stanza without one.
    pub fn slices(&self) -> Vec<Option<&[f32]>> {
        let length = usize::try_from(self.0.value_length()).unwrap_or_default();
        let numbers = self.0.values().as_primitive_opt::<Float32Type>().map(|numbers| &numbers.values()[..]);
        let vector = |stanza: usize| {
            let start = stanza * length;
            numbers.filter(|_| self.0.is_valid(stanza)).and_then(|numbers| numbers.get(start..start + length))
        };
        (0..self.0.len()).map(vector).collect()
    }
}
