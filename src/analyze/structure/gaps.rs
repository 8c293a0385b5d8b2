//! Between two lines: whether a section ends there, by what stands around.

use super::lines::Line;
use super::repeats::Repeats;

/// What is seen of a gap.
pub const GAP_FEATURES: usize = 19;

/// Lines before and after a gap whose rhymes are looked at.
const RHYME_LINES: usize = 4;

/// Marks that end a line, by their feature.
const MARKS: [&[char]; 7] = [&['.', '…'], &['!'], &['?'], &[';'], &[':'], &[','], &['-', '—', '–']];

/// What may follow a mark at the end of a line.
const QUOTES: &[char] = &['"', '”', '\'', '’', '»', ')'];

/// The weights of what is seen, of a logistic regression.
#[derive(Clone, Debug, PartialEq)]
pub struct GapWeights(pub [f64; GAP_FEATURES]);

impl GapWeights {
    /// Fitted by `scripts/fit/structure.py`.
    pub const FITTED: Self = Self(super::calibration::GAP_WEIGHTS);
}

/// For each gap the natural logarithm of the odds that a section ends there.
pub(super) fn log_odds(lines: &[Line<'_>], repeats: &Repeats, weights: &GapWeights) -> Vec<f64> {
    let odds =
        |features: &[f64; GAP_FEATURES]| features.iter().zip(&weights.0).map(|(seen, weight)| seen * weight).sum();
    features(lines, repeats).iter().map(odds).collect()
}

/// What is seen of each gap: one, then whether each of the marks ends the line before, how the next line begins, which
/// lines around rhyme, and whether repeats begin or end.
pub(super) fn features(lines: &[Line<'_>], repeats: &Repeats) -> Vec<[f64; GAP_FEATURES]> {
    (1..lines.len()).map(|gap| at(lines, repeats, gap)).collect()
}

fn at(lines: &[Line<'_>], repeats: &Repeats, gap: usize) -> [f64; GAP_FEATURES] {
    let (before, after) = (&lines[gap - 1], &lines[gap]);
    let last = before.text.trim_end_matches(QUOTES).chars().next_back().unwrap_or_default();
    let mark = |index: usize| MARKS[index].contains(&last);
    let first = after.text.chars().next().unwrap_or_default();
    let is_quote = matches!(first, '"' | '“' | '«');
    let opens = first.is_uppercase() || is_quote || matches!(first, '\'' | '(' | '‘');
    let rhymes = |line: usize, others: std::ops::Range<usize>| {
        others.into_iter().any(|other| lines.get(other).is_some_and(|other| other.tail.rhymes_with(&lines[line].tail)))
    };
    let repeat = repeats.at_gap(gap);
    let seen = [
        true,
        mark(0),
        mark(1),
        mark(2),
        mark(3),
        mark(4),
        mark(5),
        mark(6),
        opens,
        is_quote,
        rhymes(gap - 1, (gap - 1).saturating_sub(RHYME_LINES)..gap - 1),
        rhymes(gap, gap.saturating_sub(RHYME_LINES - 1)..gap),
        rhymes(gap - 1, gap..gap + 2),
        rhymes(gap, gap + 1..gap + RHYME_LINES),
        repeat.begins,
        repeat.ends,
        repeat.begins_long,
        repeat.ends_long,
        repeat.goes_on,
    ];
    seen.map(|holds| f64::from(u8::from(holds)))
}
