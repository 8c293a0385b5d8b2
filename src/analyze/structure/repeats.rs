//! Lines that come again, alone and together with their neighbours.

use std::ops::Range;

use hashbrown::HashMap;

use super::Section;
use super::lines::Line;

/// Places of one line that are looked at. A line that comes more often says no more.
const PLACES_MAX: usize = 32;

/// The natural logarithm of how much likelier a line that is said again with a neighbour is in a chorus than in a verse,
/// and of how much less likely a line that is not: 0.97 to 0.06, by half, since lines of one chorus go together.
const AGAIN: f64 = 1.39;
const NOT_AGAIN: f64 = -1.72;

/// Which lines of a text are said again.
pub(super) struct Repeats {
    /// The number of each line.
    numbers: Vec<usize>,
    /// Where each number stands: the first places of it.
    places: HashMap<usize, Vec<usize>>,
    /// How often each number comes.
    counts: HashMap<usize, usize>,
    /// By line: the sum of the evidence for a chorus before it.
    evidence: Vec<f64>,
}

/// How a repeat begins or ends at a gap.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AtGap {
    pub(super) begins: bool,
    pub(super) ends: bool,
    pub(super) begins_long: bool,
    pub(super) ends_long: bool,
    pub(super) goes_on: bool,
}

impl Repeats {
    pub(super) fn of(lines: &[Line<'_>]) -> Self {
        let numbers: Vec<usize> = lines.iter().map(|line| line.number).collect();
        let mut places: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut counts: HashMap<usize, usize> = HashMap::new();
        for (place, number) in numbers.iter().enumerate() {
            *counts.entry(*number).or_default() += 1;
            let places = places.entry(*number).or_default();
            if places.len() < PLACES_MAX {
                places.push(place);
            }
        }
        let mut repeats = Self { numbers, places, counts, evidence: Vec::new() };
        let mut in_pair = vec![false; lines.len()];
        for gap in 1..lines.len() {
            if repeats.at_gap(gap).goes_on {
                in_pair[gap - 1] = true;
                in_pair[gap] = true;
            }
        }
        let mut sum = 0.0;
        repeats.evidence.push(sum);
        for again in in_pair {
            sum += if again { AGAIN } else { NOT_AGAIN };
            repeats.evidence.push(sum);
        }
        repeats
    }

    /// Whether a line is said again together with one of its neighbours.
    pub(super) fn any(&self) -> bool {
        self.evidence.windows(2).any(|pair| pair[1] > pair[0])
    }

    /// The evidence that lines are a chorus, against that they are a verse.
    pub(super) fn evidence(&self, lines: Range<usize>) -> f64 {
        self.evidence[lines.end] - self.evidence[lines.start]
    }

    pub(super) fn is_chorus(&self, lines: Range<usize>) -> bool {
        self.evidence(lines) > 0.0
    }

    /// The other places of a line.
    fn elsewhere(&self, line: usize) -> impl Iterator<Item = usize> + '_ {
        let places = self.places.get(&self.numbers[line]).map(Vec::as_slice).unwrap_or_default();
        places.iter().copied().filter(move |place| place.abs_diff(line) > 1)
    }

    fn same(&self, one: Option<usize>, other: Option<usize>) -> bool {
        matches!((one.and_then(|i| self.numbers.get(i)), other.and_then(|i| self.numbers.get(i))), (Some(a), Some(b)) if a == b)
    }

    /// What the lines around `gap`, between line `gap - 1` and line `gap`, say.
    pub(super) fn at_gap(&self, gap: usize) -> AtGap {
        let (before, after) = (gap.checked_sub(1), Some(gap));
        let mut found = AtGap::default();
        for place in self.elsewhere(gap) {
            let continues = self.same(before, place.checked_sub(1));
            found.goes_on |= continues && place > 0;
            found.begins |= !continues;
            found.begins_long |= !continues && self.same(Some(gap + 1), Some(place + 1));
        }
        for place in self.elsewhere(gap - 1) {
            let continues = self.same(after, Some(place + 1));
            found.ends |= !continues;
            let long = gap > 1 && place > 0 && self.same(Some(gap - 2), Some(place - 1));
            found.ends_long |= !continues && long;
        }
        found
    }

    /// The distances at which lines come again, the commonest first, `count` of them at most.
    pub(super) fn distances(&self, max: usize, count: usize) -> Vec<usize> {
        let mut distances: HashMap<usize, usize> = HashMap::new();
        for line in 0..self.numbers.len() {
            for place in self.elsewhere(line).filter(|place| *place > line && place - line <= max) {
                *distances.entry(place - line).or_default() += 1;
            }
        }
        let mut distances: Vec<(usize, usize)> = distances.into_iter().collect();
        distances.sort_by_key(|(distance, times)| (std::cmp::Reverse(*times), *distance));
        distances.into_iter().take(count).map(|(distance, _)| distance).collect()
    }

    /// Lines that were said before.
    pub(super) fn said_before(&self) -> usize {
        self.counts.values().map(|count| count - 1).sum()
    }

    /// The line that comes most often, by its first place, and how often; none where none comes twice.
    pub(super) fn commonest(&self) -> Option<(usize, usize)> {
        let first = |number: &usize| self.places.get(number).and_then(|places| places.first()).copied();
        let several = self.counts.iter().filter(|(_, count)| **count > 1);
        let found = several.filter_map(|(number, count)| Some((first(number)?, *count)));
        found.max_by_key(|(place, count)| (*count, std::cmp::Reverse(*place)))
    }

    /// Whether half of the lines of two sections are the same, in the same order.
    pub(super) fn alike(&self, one: &Section, other: &Section) -> bool {
        let pairs = (0..one.lines.min(other.lines)).map(|line| (one.start + line, other.start + line));
        let same = pairs.filter(|(a, b)| self.numbers[*a] == self.numbers[*b]).count();
        2 * same >= one.lines.max(other.lines)
    }
}
