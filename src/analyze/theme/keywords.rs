//! What the words of a text tell of each theme.

use hashbrown::HashMap;

use super::themes::{Spelling, Themes};
use super::words::Words;

/// A seed that stands in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundKeyword {
    pub theme: String,
    /// As the definition writes it; the text may have another form of it.
    pub seed: String,
    pub occurrences: usize,
}

/// What the words of a text tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Evidence {
    /// One for each theme: the weights of its seeds, each with diminishing returns.
    pub(super) weights: Vec<f64>,
    /// In the order of their first occurrence; a seed of several themes once for each.
    pub(super) found: Vec<FoundKeyword>,
}

/// How often a seed of a theme was found.
struct Hit<'themes> {
    spelling: &'themes Spelling,
    weight: f64,
    occurrences: usize,
    /// Occurrences, those in a repeated line for less.
    fresh: f64,
}

/// Leftmost longest matches, line by line: words of a longer seed count for no shorter one.
pub(super) fn evidence(words: &Words, themes: &Themes) -> Evidence {
    let mut evidence = Evidence { weights: vec![0.0; themes.themes().len()], found: Vec::new() };
    for hit in hits(words, themes) {
        let Spelling { theme, written, .. } = hit.spelling;
        if let (Some(weight), Some(theme)) = (evidence.weights.get_mut(*theme), themes.themes().get(*theme)) {
            *weight += hit.weight * (1.0 + hit.fresh).log2();
            let (theme, seed) = (theme.name.clone(), written.to_string());
            evidence.found.push(FoundKeyword { theme, seed, occurrences: hit.occurrences });
        }
    }
    evidence
}

fn hits<'themes>(words: &Words, themes: &'themes Themes) -> Vec<Hit<'themes>> {
    let numbers: Vec<Option<u32>> = words.vocabulary.stems.names().iter().map(|stem| themes.stem(stem)).collect();
    let mut hits: Vec<Hit<'_>> = Vec::new();
    let mut places: HashMap<(usize, usize), usize> = HashMap::new();
    let mut stems: Vec<Option<u32>> = Vec::new();
    for line in &words.lines {
        stems.clear();
        stems.extend(line.words.iter().map(|word| numbers.get(word.stem as usize).copied().flatten()));
        let mut start = 0;
        while let Some(word) = line.words.get(start) {
            let found = stems.get(start..).and_then(|rest| themes.longest_seed(rest));
            start += found.map_or(1, |(_, matched)| matched);
            let Some((number, seed)) = found.and_then(|(number, _)| Some((number, themes.seeds().get(number)?))) else {
                continue;
            };
            let (form, stem) = (words.vocabulary.forms.name(word.form), words.vocabulary.stems.name(word.stem));
            // `потом` is no form of `пот`, though it looks like one: a stop word is taken only as it is written.
            let is_taken = |spelling: &&Spelling| {
                !word.is_stop_word || spelling.form.as_ref().is_none_or(|seed| seed.as_ref() == form)
            };
            for spelling in seed.spellings_of(form, stem).filter(is_taken) {
                let place = *places.entry((number, spelling.theme)).or_insert(hits.len());
                if place == hits.len() {
                    hits.push(Hit { spelling, weight: seed.weight, occurrences: 0, fresh: 0.0 });
                }
                if let Some(hit) = hits.get_mut(place) {
                    hit.occurrences += 1;
                    hit.fresh += line.freshness;
                }
            }
        }
    }
    hits
}
