//! Syllables of the lines.

use std::rc::Rc;

use hashbrown::HashMap;

use super::sound::Word;
use super::verse::Verse;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Metre {
    pub(super) mean: Option<f64>,
    pub(super) standard_deviation: Option<f64>,
    /// Share of the lines whose syllables differ by at most one from the median of their like: the lines in the same
    /// place of stanzas of as many lines, or all lines where there is no other such stanza.
    pub(super) regularity: Option<f64>,
}

impl Metre {
    pub(super) fn of(verse: &Verse, words: &[Rc<Word>]) -> Metre {
        let of_word =
            |&word: &u32| usize::try_from(word).ok().and_then(|at| words.get(at)).map(|word| word.syllables());
        let syllables: Vec<usize> =
            verse.lines.iter().map(|line| line.words.iter().filter_map(of_word).sum()).collect();
        if syllables.is_empty() {
            return Metre::default();
        }
        let count = syllables.len() as f64;
        let mean = syllables.iter().sum::<usize>() as f64 / count;
        let variance = syllables.iter().map(|&one| (one as f64 - mean).powi(2)).sum::<f64>() / count;
        let regular = regular(&syllables, &verse.stanzas);
        Metre { mean: Some(mean), standard_deviation: Some(variance.sqrt()), regularity: Some(regular as f64 / count) }
    }
}

fn regular(syllables: &[usize], stanza_ends: &[usize]) -> usize {
    let mut stanzas: HashMap<usize, usize> = HashMap::new();
    let starts = || std::iter::once(0).chain(stanza_ends.iter().copied());
    for (start, &end) in starts().zip(stanza_ends) {
        *stanzas.entry(end - start).or_default() += 1;
    }
    let mut groups: HashMap<(usize, usize), Vec<usize>> = HashMap::new();
    for (start, &end) in starts().zip(stanza_ends) {
        let alone = stanzas.get(&(end - start)).is_none_or(|&count| count < 2);
        for (place, &one) in syllables.get(start..end).unwrap_or_default().iter().enumerate() {
            if !alone {
                groups.entry((end - start, place)).or_default().push(one);
            }
        }
    }
    let all = median(syllables.to_vec());
    let medians: HashMap<(usize, usize), usize> =
        groups.into_iter().map(|(group, values)| (group, median(values))).collect();
    let mut regular = 0;
    for (start, &end) in starts().zip(stanza_ends) {
        for (place, &one) in syllables.get(start..end).unwrap_or_default().iter().enumerate() {
            let like = medians.get(&(end - start, place)).copied().unwrap_or(all);
            regular += usize::from(one.abs_diff(like) <= 1);
        }
    }
    regular
}

/// The lower of the two in the middle.
fn median(mut values: Vec<usize>) -> usize {
    let middle = values.len().saturating_sub(1) / 2;
    if values.is_empty() { 0 } else { *values.select_nth_unstable(middle).1 }
}
