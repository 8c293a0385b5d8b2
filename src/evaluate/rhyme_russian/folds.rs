//! The schemes found for gold fragments, one fold of them left out at a time.

use std::collections::BTreeMap;

use serde_json::json;

use super::Fragment;
use crate::analyze::rhyme::russian::{self, FEATURES, Features, Sound, StressDictionary};
use crate::analyze::rhyme::scheme::{self, Evidence, Prior, Process};
use crate::evaluate::fit::{Patterns, logistic};
use crate::evaluate::schemes::Score;

/// Blocks of consecutive fragments: neighbours are from one book, as a rule.
const FOLDS: usize = 10;
/// Lines that lie farther apart teach nothing of sound.
const PAIR_DISTANCE_MAX: usize = 8;
/// How the number of fragments of one scheme counts.
const REPEAT_POWER: f64 = 1.0;

/// Where the stress of a word is read from.
#[derive(Clone, Copy, Debug)]
pub enum Stress<'dictionary> {
    /// From the marks of the gold.
    Marked,
    /// The marks are taken out.
    Stripped(&'dictionary StressDictionary),
}

struct Stanza {
    fragment: usize,
    fold: usize,
    gold: Vec<u8>,
    features: Vec<(usize, usize, Features)>,
}

/// How each fragment comes out by constants that were learnt from the other folds, as they are shipped: from the stress as
/// marked, from `dictionary`, and by suffix.
pub fn cross_validate(fragments: &[Fragment], stress: Stress, dictionary: &StressDictionary) -> Vec<Score> {
    let stanzas = stanzas(fragments, stress);
    let patterns = patterns(fragments, dictionary);
    let mut scores = Vec::with_capacity(fragments.len());
    for fold in 0..FOLDS {
        let weights = logistic(&patterns.without(Some(fold)), FEATURES);
        let learnt = schemes(stanzas.iter().filter(|stanza| stanza.fold != fold));
        let prior = Prior::new(Process::fit(&learnt), learnt.into_iter().chain(scheme::named()));
        let judged: Vec<&Stanza> = stanzas.iter().filter(|stanza| stanza.fold == fold).collect();
        for text in judged.chunk_by(|a, b| a.fragment == b.fragment) {
            let evidence: Vec<Evidence> = text.iter().map(|stanza| evidence(stanza, &weights)).collect();
            let found = scheme::together(&evidence, &prior);
            scores
                .push(Score::of(text.iter().map(|stanza| stanza.gold.as_slice()).zip(found.iter().map(Vec::as_slice))));
        }
    }
    scores
}

/// What the fit reads, as JSON Lines: patterns of features, and schemes with their weights.
pub fn dump(fragments: &[Fragment], dictionary: &StressDictionary) -> Vec<serde_json::Value> {
    let stanzas = stanzas(fragments, Stress::Marked);
    let patterns = patterns(fragments, dictionary);
    let all = patterns.without(None);
    let mut rows = vec![json!({"features_total": FEATURES})];
    rows.extend(all.iter().map(|(features, [no, yes])| json!({"features": features, "no": no, "yes": yes})));
    rows.extend(schemes(stanzas.iter()).iter().map(|(scheme, count)| json!({"scheme": scheme, "count": count})));
    rows
}

fn stripped(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '\u{300}' | '\u{301}')).collect()
}

fn stanzas(fragments: &[Fragment], stress: Stress) -> Vec<Stanza> {
    let mut stanzas = Vec::new();
    for (number, fragment) in fragments.iter().enumerate() {
        let mut start = 0;
        for &size in &fragment.stanza_sizes {
            let words = fragment.end_words.get(start..start + size).unwrap_or_default();
            let labels = fragment.labels.get(start..start + size).unwrap_or_default();
            start += size;
            let sound = |word: &String| match stress {
                Stress::Marked => Sound::of(&word.to_lowercase()),
                Stress::Stripped(dictionary) => Sound::with(&stripped(&word.to_lowercase()), dictionary),
            };
            let sounds: Vec<Sound> = words.iter().map(sound).collect();
            let mut features = Vec::new();
            for (later, b) in sounds.iter().enumerate() {
                for (earlier, a) in sounds.iter().take(later).enumerate() {
                    features.push((earlier, later, russian::features(a, b)));
                }
            }
            let fold = number * FOLDS / fragments.len();
            stanzas.push(Stanza { fragment: number, fold, gold: classes(labels), features });
        }
    }
    stanzas
}

/// A class for each line, from 0; each `-` is one of its own.
fn classes(labels: &[String]) -> Vec<u8> {
    let mut known: Vec<&str> = Vec::new();
    let class = |label: &String| {
        let at = known.iter().position(|&one| one == label && one != "-").unwrap_or_else(|| {
            known.push(label_of(labels, label));
            known.len() - 1
        });
        u8::try_from(at).unwrap_or(u8::MAX)
    };
    labels.iter().map(class).collect()
}

fn label_of<'labels>(labels: &'labels [String], label: &str) -> &'labels str {
    labels.iter().find(|one| *one == label).map_or("", String::as_str)
}

fn patterns(fragments: &[Fragment], dictionary: &StressDictionary) -> Patterns {
    let mut patterns = Patterns::new(FOLDS);
    let empty = StressDictionary::default();
    for stress in [Stress::Marked, Stress::Stripped(dictionary), Stress::Stripped(&empty)] {
        for stanza in stanzas(fragments, stress) {
            for (earlier, later, features) in stanza.features.iter().filter(|(a, b, _)| b - a <= PAIR_DISTANCE_MAX) {
                patterns.add(stanza.fold, features.as_slice(), stanza.gold.get(*earlier) == stanza.gold.get(*later));
            }
        }
    }
    patterns
}

fn evidence(stanza: &Stanza, weights: &[f32]) -> Evidence {
    let lines = stanza.gold.len();
    let mut matrix = vec![0.0; lines * lines];
    for (earlier, later, features) in &stanza.features {
        if let Some(place) = matrix.get_mut(earlier * lines + later) {
            *place = russian::score(features, weights);
        }
    }
    Evidence::of(lines, |earlier, later| matrix.get(earlier * lines + later).copied().unwrap_or(0.0))
}

fn schemes<'stanza>(stanzas: impl Iterator<Item = &'stanza Stanza>) -> Vec<(Vec<u8>, f64)> {
    let mut counts: BTreeMap<&[u8], f64> = BTreeMap::new();
    for stanza in stanzas.filter(|stanza| stanza.gold.len() <= scheme::WINDOW_LINES) {
        *counts.entry(&stanza.gold).or_default() += 1.0;
    }
    counts.into_iter().map(|(scheme, count)| (scheme.to_vec(), count.powf(REPEAT_POWER))).collect()
}
