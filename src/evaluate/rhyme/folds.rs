//! The analyzer's choices on gold, one author left out at a time.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Stanza, canonical};
use crate::analyze::rhyme::ends;
use crate::analyze::rhyme::english::{self, FEATURES};
use crate::analyze::rhyme::scheme::{self, Evidence, Prior, Process};
use crate::evaluate::fit::{Patterns, logistic};
use crate::evaluate::schemes::Score;

/// Lines that lie farther apart teach nothing of sound: the longest stanzas would outweigh all others.
const PAIR_DISTANCE_MAX: usize = 8;
/// The stanzas of one author that have one scheme count this power of their number.
const REPEAT_POWER: f64 = 0.5;

/// What the analyzer knows of a stanza's neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Each stanza is a text.
    Alone,
    /// Consecutive stanzas of one author and title are one.
    Together,
}

struct Prepared {
    author: usize,
    gold: Vec<u8>,
    features: Vec<(usize, usize, english::Features)>,
}

fn prepare(stanzas: &[Stanza], names: &[String]) -> Vec<Prepared> {
    let one = |stanza: &Stanza| {
        let ends = ends(&stanza.lines);
        let pairs = (0..ends.len()).flat_map(|later| (0..later).map(move |earlier| (earlier, later)));
        let features = pairs.filter_map(|(earlier, later)| {
            Some((earlier, later, english::features(ends.get(earlier)?.as_ref()?, ends.get(later)?.as_ref()?)))
        });
        Prepared {
            author: names.iter().position(|name| *name == stanza.author).unwrap_or(0),
            gold: canonical(&stanza.scheme),
            features: features.collect(),
        }
    };
    stanzas.iter().map(one).collect()
}

/// How the stanzas of each author come out by constants that were learnt from the other authors.
pub fn cross_validate(stanzas: &[Stanza], setting: Setting) -> Vec<Score> {
    let names = authors(stanzas);
    let prepared = prepare(stanzas, &names);
    let patterns = patterns(&prepared, names.len());
    let mut scores = vec![Score::default(); names.len()];
    for (author, score) in scores.iter_mut().enumerate() {
        let weights = logistic(&patterns.without(Some(author)), FEATURES);
        let prior = learn_prior(&prepared, author);
        for text in texts(stanzas, &prepared, author, setting) {
            let evidence: Vec<Evidence> = text.iter().map(|&at| evidence(&prepared[at], &weights)).collect();
            for (&at, scheme) in text.iter().zip(scheme::together(&evidence, &prior)) {
                score.add(&Score::of([(prepared[at].gold.as_slice(), scheme.as_slice())]));
            }
        }
    }
    scores
}

/// What the fit reads, as JSON Lines: patterns of features, and schemes with their weights.
pub fn dump(stanzas: &[Stanza]) -> Vec<serde_json::Value> {
    let names = authors(stanzas);
    let prepared = prepare(stanzas, &names);
    let patterns = patterns(&prepared, names.len());
    let mut rows = vec![json!({"features_total": FEATURES})];
    let all = patterns.without(None);
    rows.extend(all.iter().map(|(features, [no, yes])| json!({"features": features, "no": no, "yes": yes})));
    let schemes = schemes(&prepared, None);
    rows.extend(schemes.iter().map(|(scheme, count)| json!({"scheme": scheme, "count": count})));
    rows
}

/// In the order of their first stanza.
fn authors(stanzas: &[Stanza]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for stanza in stanzas {
        if !names.contains(&stanza.author) {
            names.push(stanza.author.clone());
        }
    }
    names
}

fn patterns(prepared: &[Prepared], authors: usize) -> Patterns {
    let mut patterns = Patterns::new(authors);
    for stanza in prepared {
        for (earlier, later, features) in stanza.features.iter().filter(|(a, b, _)| b - a <= PAIR_DISTANCE_MAX) {
            let rhymes = stanza.gold.get(*earlier) == stanza.gold.get(*later);
            patterns.add(stanza.author, features.as_slice(), rhymes);
        }
    }
    patterns
}

fn texts(stanzas: &[Stanza], prepared: &[Prepared], author: usize, setting: Setting) -> Vec<Vec<usize>> {
    let mut texts: Vec<Vec<usize>> = Vec::new();
    for at in (0..stanzas.len()).filter(|&at| prepared[at].author == author) {
        match texts.last_mut() {
            Some(text)
                if setting == Setting::Together
                    && text.last().is_some_and(|&last| stanzas[last].title == stanzas[at].title && last + 1 == at) =>
            {
                text.push(at);
            }
            _ => texts.push(vec![at]),
        }
    }
    texts
}

fn evidence(stanza: &Prepared, weights: &[f32]) -> Evidence {
    let mut matrix = vec![0.0; stanza.gold.len() * stanza.gold.len()];
    for (earlier, later, features) in &stanza.features {
        matrix[earlier * stanza.gold.len() + later] = english::sum(features, weights);
    }
    Evidence::of(stanza.gold.len(), |earlier, later| matrix[earlier * stanza.gold.len() + later])
}

fn learn_prior(prepared: &[Prepared], without: usize) -> Prior {
    let schemes = schemes(prepared, Some(without));
    let process = Process::fit(&schemes);
    Prior::new(process, schemes.into_iter().chain(scheme::named()))
}

/// Each scheme of the other authors with its weight.
fn schemes(prepared: &[Prepared], without: Option<usize>) -> Vec<(Vec<u8>, f64)> {
    let mut counts: BTreeMap<(usize, &[u8]), f64> = BTreeMap::new();
    for stanza in prepared.iter().filter(|stanza| Some(stanza.author) != without && stanza.gold.len() <= 64) {
        *counts.entry((stanza.author, &stanza.gold)).or_default() += 1.0;
    }
    let mut schemes: BTreeMap<&[u8], f64> = BTreeMap::new();
    for ((_, scheme), count) in counts {
        *schemes.entry(scheme).or_default() += count.powf(REPEAT_POWER);
    }
    schemes.into_iter().map(|(scheme, count)| (scheme.to_vec(), count)).collect()
}
