//! Shares of stanzas and of pairs, with intervals.

use super::Found;
use crate::evaluate::bootstrap::{Interval, interval};

/// The figures of all stanzas, and 95 % by bootstrap over authors.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    pub all: Score,
    pub exact_interval: Interval,
    pub pair_f1_interval: Interval,
    /// By author, in the order of their first stanza.
    pub authors: Vec<(String, Score)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    pub stanzas: u64,
    pub exact: u64,
    pub pairs: [u64; 3],
}

impl Score {
    pub fn exact_share(&self) -> f64 {
        self.exact as f64 / self.stanzas.max(1) as f64
    }

    /// Harmonic mean of precision and recall over all pairs of lines within a stanza.
    pub fn pair_f1(&self) -> f64 {
        let [both, said, truth] = self.pairs;
        2.0 * both as f64 / ((said + truth).max(1)) as f64
    }

    fn add(&mut self, other: &Score) {
        self.stanzas += other.stanzas;
        self.exact += other.exact;
        for (sum, pairs) in self.pairs.iter_mut().zip(other.pairs) {
            *sum += pairs;
        }
    }
}

impl Figures {
    pub fn of(names: &[String], found: &[Found]) -> Figures {
        let mut scores = vec![Score::default(); names.len()];
        for one in found {
            if let Some(score) = scores.get_mut(one.author) {
                score.add(&Score { stanzas: 1, exact: u64::from(one.exact), pairs: one.pairs });
            }
        }
        let mut all = Score::default();
        scores.iter().for_each(|score| all.add(score));
        Figures {
            all,
            exact_interval: interval(&scores, Score::add, Score::exact_share),
            pair_f1_interval: interval(&scores, Score::add, Score::pair_f1),
            authors: names.iter().cloned().zip(scores).collect(),
        }
    }
}
