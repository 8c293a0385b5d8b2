//! How well the Russian half of `rhyme` finds the schemes of gold fragments, each judged by constants fitted without it.

mod folds;

use super::bootstrap::{Interval, interval};

pub use crate::analyze::rhyme::russian::StressDictionary;

pub use self::folds::{Found, Stress, cross_validate, dump, stress_accuracy};

/// A fragment of verse whose scheme is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Fragment {
    pub stanza_sizes: Vec<usize>,
    /// The last word of each line, with its stress marked by U+0301.
    pub end_words: Vec<String>,
    /// Lines of one stanza with the same label rhyme; `-` with none. Labels begin anew in each stanza.
    pub labels: Vec<String>,
}

/// The figures of all fragments, and 95 % by bootstrap over fragments.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    pub exact: f64,
    pub exact_interval: Interval,
    /// Harmonic mean of precision and recall over all pairs of lines of a stanza.
    pub pair_f1: f64,
    pub pair_f1_interval: Interval,
}

#[derive(Clone, Debug, Default)]
struct Score {
    fragments: u64,
    exact: u64,
    pairs: [u64; 3],
}

impl Score {
    fn of(found: &Found) -> Self {
        Self { fragments: 1, exact: u64::from(found.exact), pairs: found.pairs }
    }

    fn add(&mut self, other: &Self) {
        self.fragments += other.fragments;
        self.exact += other.exact;
        self.pairs.iter_mut().zip(other.pairs).for_each(|(sum, pairs)| *sum += pairs);
    }

    fn exact_share(&self) -> f64 {
        self.exact as f64 / self.fragments.max(1) as f64
    }

    fn pair_f1(&self) -> f64 {
        let [both, said, truth] = self.pairs;
        2.0 * both as f64 / (said + truth).max(1) as f64
    }
}

impl Figures {
    pub fn of(found: &[Found]) -> Self {
        let scores: Vec<Score> = found.iter().map(Score::of).collect();
        let mut all = Score::default();
        scores.iter().for_each(|score| all.add(score));
        Self {
            exact: all.exact_share(),
            exact_interval: interval(&scores, Score::add, Score::exact_share),
            pair_f1: all.pair_f1(),
            pair_f1_interval: interval(&scores, Score::add, Score::pair_f1),
        }
    }
}
