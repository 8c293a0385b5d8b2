//! Sections of a text that shows none: the likeliest under verses and choruses of one length each.
//!
//! For each length of the verses, and each of the choruses where lines come again, the best cut is found (Viterbi over
//! sections, a hidden semi-Markov model); of those the one is taken that is likeliest together with its lengths.

use super::Kind;
use super::Section;
use super::gaps::{self, GapWeights};
use super::lines::Line;
use super::repeats::Repeats;

/// The longest section that is found.
const SECTION_LINES_MAX: usize = 16;

/// Lines that are cut at once; a longer text is cut in runs of so many.
const RUN_LINES_MAX: usize = 1_024;

/// How likely verses of 1 to 16 lines are, as far as the length decides: by the songs of two hymnals (1886, 1908), and
/// with more for 16 lines, the verse of rap.
const LENGTHS: [f64; SECTION_LINES_MAX] =
    [0.001, 0.005, 0.01, 0.72, 0.02, 0.05, 0.02, 0.14, 0.005, 0.01, 0.002, 0.01, 0.001, 0.003, 0.001, 0.005];

/// How likely a section has the length of its kind.
const KEEPS_LENGTH: f64 = 0.97;

/// How likely a text has choruses where some of its lines come again.
const HAS_CHORUS: f64 = 0.25;

/// The natural logarithm of how likely a chorus follows a chorus, or a verse a verse, where there are both.
const SAME_KIND: f64 = -3.5;

/// What a syllable of difference between lines of the same place in their verses takes, by the root of their number.
const METRE: f64 = 3.0;

/// Syllables of difference that count. More is another line.
const SYLLABLES_MAX: usize = 4;

/// Distances between repeats from which the lengths of verse and chorus are taken.
const DISTANCES: usize = 3;

/// The lengths of a text's verses and choruses; no choruses where it is none.
#[derive(Clone, Copy)]
struct Lengths {
    verse: usize,
    chorus: Option<usize>,
}

/// The sections of lines.
pub(super) fn segment(lines: &[Line<'_>], repeats: &Repeats, weights: &GapWeights) -> Vec<Section> {
    let gaps = gaps::log_odds(lines, repeats, weights);
    let mut sections = Vec::new();
    for start in (0..lines.len()).step_by(RUN_LINES_MAX) {
        let end = (start + RUN_LINES_MAX).min(lines.len());
        sections.extend(Run::new(&lines[start..end], &gaps[start..end - 1], repeats, start).segment());
    }
    sections
}

/// Lines that are cut at once.
struct Run<'a> {
    lines: &'a [Line<'a>],
    /// One fewer than lines.
    gaps: &'a [f64],
    repeats: &'a Repeats,
    /// Where it begins in the text.
    start: usize,
    /// By distance: the mean difference in syllables of lines that are so far apart.
    differences: Vec<f64>,
    /// The mean of those within a section.
    mean_difference: f64,
}

/// The best way to a line's end, by what kind of section ends there.
#[derive(Clone, Copy)]
struct Step {
    score: f64,
    start: usize,
    kind_before: usize,
}

const IMPOSSIBLE: Step = Step { score: f64::NEG_INFINITY, start: 0, kind_before: VERSE };
const VERSE: usize = 0;
const CHORUS: usize = 1;

impl<'a> Run<'a> {
    fn new(lines: &'a [Line<'a>], gaps: &'a [f64], repeats: &'a Repeats, start: usize) -> Self {
        let differences: Vec<f64> = (0..=2 * SECTION_LINES_MAX).map(|distance| difference(lines, distance)).collect();
        let within = 1..(SECTION_LINES_MAX + 1).min(lines.len());
        let count = within.len().max(1) as f64;
        let mean_difference = differences[within].iter().sum::<f64>() / count;
        Self { lines, gaps, repeats, start, differences, mean_difference }
    }

    fn segment(&self) -> Vec<Section> {
        let candidates = self.candidates();
        let cuts = candidates.iter().map(|lengths| self.best(*lengths));
        let best = cuts.max_by(|(one, _), (other, _)| one.total_cmp(other));
        best.map(|(_, sections)| sections).unwrap_or_default()
    }

    fn candidates(&self) -> Vec<Lengths> {
        let longest = SECTION_LINES_MAX.min(self.lines.len());
        let mut candidates: Vec<Lengths> = (1..=longest).map(|verse| Lengths { verse, chorus: None }).collect();
        if self.repeats.any() {
            for period in self.repeats.distances(2 * SECTION_LINES_MAX, DISTANCES) {
                let verses = (1..=longest).filter(|verse| (1..=longest).contains(&period.saturating_sub(*verse)));
                candidates.extend(verses.map(|verse| Lengths { verse, chorus: Some(period - verse) }));
            }
        }
        candidates
    }

    /// The best cut under `lengths`, and its score.
    fn best(&self, lengths: Lengths) -> (f64, Vec<Section>) {
        let count = self.lines.len();
        let mut steps = vec![[IMPOSSIBLE; 2]; count + 1];
        steps[0] = [Step { score: 0.0, start: 0, kind_before: VERSE }; 2];
        for end in 1..=count {
            let gap = self.gaps.get(end - 1).copied().unwrap_or_default();
            let kinds = if lengths.chorus.is_some() { VERSE..CHORUS + 1 } else { VERSE..VERSE + 1 };
            for kind in kinds {
                let mut best = IMPOSSIBLE;
                let first = end.saturating_sub(SECTION_LINES_MAX);
                for (start, ways) in steps.iter().enumerate().take(end).skip(first) {
                    let (before, kind_before) = self.before(ways, start, kind, lengths);
                    let score = before + gap + self.section(start, end, kind, lengths);
                    if score > best.score {
                        best = Step { score, start, kind_before };
                    }
                }
                steps[end][kind] = best;
            }
        }
        let last = if steps[count][CHORUS].score > steps[count][VERSE].score { CHORUS } else { VERSE };
        let score = steps[count][last].score + self.prior(lengths);
        (score, self.traced(&steps, last))
    }

    /// The better of the ways to where a section of `kind` starts.
    fn before(&self, steps: &[Step; 2], start: usize, kind: usize, lengths: Lengths) -> (f64, usize) {
        let other = CHORUS - kind;
        if lengths.chorus.is_none() || start == 0 {
            return (steps[kind].score, kind);
        }
        let (same, changed) = (steps[kind].score + SAME_KIND, steps[other].score);
        if same > changed { (same, kind) } else { (changed, other) }
    }

    /// How likely the lines from `start` to `end` are a section of `kind`: by its length, and by what comes again.
    fn section(&self, start: usize, end: usize, kind: usize, lengths: Lengths) -> f64 {
        let expected = if kind == CHORUS { lengths.chorus } else { Some(lengths.verse) };
        let by_length = match expected == Some(end - start) {
            true => KEEPS_LENGTH.ln(),
            false => ((1.0 - KEEPS_LENGTH) / SECTION_LINES_MAX as f64).ln(),
        };
        if kind == CHORUS { by_length + self.repeats.evidence(self.start + start..self.start + end) } else { by_length }
    }

    /// How likely the lengths are: by themselves, and by whether lines at their distance have like lengths.
    fn prior(&self, Lengths { verse, chorus }: Lengths) -> f64 {
        let by_length = |length: usize| LENGTHS[length - 1].ln();
        let by_kind = match chorus {
            Some(chorus) => HAS_CHORUS.ln() + by_length(chorus),
            None if self.repeats.any() => (1.0 - HAS_CHORUS).ln(),
            None => 0.0,
        };
        let period = verse + chorus.unwrap_or_default();
        let pairs = self.lines.len().saturating_sub(period);
        by_length(verse) + by_kind - METRE * (self.differences[period] - self.mean_difference) * (pairs as f64).sqrt()
    }

    fn traced(&self, steps: &[[Step; 2]], last: usize) -> Vec<Section> {
        let (mut end, mut kind) = (self.lines.len(), last);
        let mut sections = Vec::new();
        while end > 0 {
            let Step { start, kind_before, .. } = steps[end][kind];
            let found = if kind == CHORUS { Kind::Chorus } else { Kind::Verse };
            sections.push(Section { kind: found, start: self.start + start, lines: end - start });
            (end, kind) = (start, kind_before);
        }
        sections.reverse();
        sections
    }
}

/// The mean difference in syllables of lines that are so far apart.
fn difference(lines: &[Line<'_>], distance: usize) -> f64 {
    let pairs = lines.iter().zip(lines.iter().skip(distance));
    let differences = pairs.map(|(one, other)| one.syllables.abs_diff(other.syllables).min(SYLLABLES_MAX));
    let count = lines.len().saturating_sub(distance).max(1);
    differences.sum::<usize>() as f64 / count as f64
}
