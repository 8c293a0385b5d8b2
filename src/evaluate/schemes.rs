//! Rhyme schemes that were found beside those that are known.

use super::bootstrap::{Interval, interval};
use super::counts::Counts;

/// How some texts came out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    texts: u64,
    /// Texts all of whose schemes were found.
    exact: u64,
    /// Pairs of lines of a stanza that rhyme.
    pairs: Counts,
}

impl Score {
    /// Of one text: for each stanza the known scheme and the one that was found, a class for each line.
    pub(super) fn of<'a>(stanzas: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut score = Self { texts: 1, exact: 1, pairs: Counts::default() };
        for (gold, found) in stanzas {
            score.exact &= u64::from(gold == found);
            for later in 0..gold.len() {
                for earlier in 0..later {
                    let same =
                        |scheme: &[u8]| scheme.get(earlier).is_some() && scheme.get(earlier) == scheme.get(later);
                    score.pairs.count(same(found), same(gold));
                }
            }
        }
        score
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.texts += other.texts;
        self.exact += other.exact;
        self.pairs.add(&other.pairs);
    }

    fn exact_share(&self) -> f64 {
        self.exact as f64 / self.texts.max(1) as f64
    }

    fn pair_f1(&self) -> f64 {
        self.pairs.f1()
    }
}

/// The figures of all texts, and 95 % by bootstrap over what they were given by.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    pub exact: f64,
    pub exact_interval: Interval,
    /// Harmonic mean of precision and recall over all pairs of lines of a stanza.
    pub pair_f1: f64,
    pub pair_f1_interval: Interval,
}

impl Figures {
    pub fn of(scores: &[Score]) -> Self {
        let mut all = Score::default();
        scores.iter().for_each(|score| all.add(score));
        Self {
            exact: all.exact_share(),
            exact_interval: interval(scores, Score::add, Score::exact_share),
            pair_f1: all.pair_f1(),
            pair_f1_interval: interval(scores, Score::add, Score::pair_f1),
        }
    }
}
