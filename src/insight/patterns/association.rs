//! How strongly something goes with a measure, by ranks within strata.

use std::collections::BTreeMap;

use distrs::Normal;

use crate::insight::statistics::{Interval, standard_errors};
use crate::limits::PATTERN_PIECES_MIN;

/// By how much the variance of a transformed rank correlation is greater than that of a plain one (Bonett & Wright 2000).
const RANKS_VARIANCE: f64 = 1.06;

/// Pieces and their measure.
pub(super) struct Ranked {
    measure: Vec<f64>,
    strata: Vec<u32>,
}

/// How a number, or a value, goes with the measure.
pub(super) struct Association {
    pub value: Option<String>,
    pub pieces: usize,
    pub effect: f64,
    pub interval: Interval,
    pub p: f64,
    pub means: Option<(f64, f64)>,
}

/// What was added up of the pieces of a stratum.
#[derive(Clone, Copy, Default)]
struct Sums {
    count: f64,
    ranks: f64,
    squares: f64,
    measure: f64,
}

impl Sums {
    fn add(&mut self, rank: f64, measure: f64) {
        self.count += 1.0;
        self.ranks += rank;
        self.squares += rank * rank;
        self.measure += measure;
    }
}

impl Ranked {
    /// Of each piece its measure, and the stratum within which it is compared.
    pub fn new(measure: Vec<f64>, strata: Vec<u32>) -> Self {
        Self { measure, strata }
    }

    pub fn pieces(&self) -> usize {
        self.measure.len()
    }

    /// How a number goes with the measure: the correlation of their ranks, pooled over strata, with its interval by Fisher's
    /// transformation. None of few pieces, or where either is the same everywhere.
    pub fn with_number(&self, number: impl Fn(usize) -> Option<f64>) -> Option<Association> {
        let rows: Vec<(usize, f64)> = (0..self.pieces()).filter_map(|row| Some((row, number(row)?))).collect();
        if rows.len() < PATTERN_PIECES_MIN {
            return None;
        }
        let measures: Vec<(usize, f64)> = rows.iter().map(|(row, _)| (*row, self.measure[*row])).collect();
        let (of_number, of_measure) = (self.ranks(&rows), self.ranks(&measures));
        let (mut together, mut numbers, mut measured) = (0.0, 0.0, 0.0);
        for (number, measure) in of_number.iter().zip(&of_measure) {
            together += number * measure;
            numbers += number * number;
            measured += measure * measure;
        }
        if numbers <= 0.0 || measured <= 0.0 {
            return None;
        }
        let strata = self.strata_of(&rows);
        let effect = (together / (numbers * measured).sqrt()).clamp(-1.0, 1.0);
        let freedom = rows.len() as f64 - strata as f64 - 2.0;
        if freedom < 1.0 {
            return None;
        }
        let error = (RANKS_VARIANCE / freedom).sqrt();
        // Of a correlation of 1 the transformed is without end.
        let transformed = effect.clamp(-1.0 + f64::EPSILON, 1.0 - f64::EPSILON).atanh();
        let half = standard_errors() * error;
        let interval = Interval { low: (transformed - half).tanh(), high: (transformed + half).tanh() };
        let p = two_sided(transformed / error);
        Some(Association { value: None, pieces: rows.len(), effect, interval, p, means: None })
    }

    /// How each value that enough pieces have, and enough have not, goes with the measure: the difference of their mean ranks,
    /// pooled over strata (van Elteren 1960). `values` are those of a piece; none where they are not known.
    pub fn with_values<'a>(&self, values: impl Fn(usize) -> Option<Vec<&'a str>>) -> Vec<Association> {
        let known: Vec<(usize, Vec<&str>)> = (0..self.pieces()).filter_map(|row| Some((row, values(row)?))).collect();
        let measures: Vec<(usize, f64)> = known.iter().map(|(row, _)| (*row, self.measure[*row])).collect();
        let ranks = self.ranks(&measures);
        let mut all: BTreeMap<u32, Sums> = BTreeMap::new();
        let mut with: BTreeMap<&str, BTreeMap<u32, Sums>> = BTreeMap::new();
        for ((row, mut values), rank) in known.into_iter().zip(ranks) {
            let (stratum, measure) = (self.strata[row], self.measure[row]);
            all.entry(stratum).or_default().add(rank, measure);
            values.sort_unstable();
            values.dedup();
            for value in values {
                with.entry(value).or_default().entry(stratum).or_default().add(rank, measure);
            }
        }
        with.into_iter().filter_map(|(value, with)| of_value(value, &with, &all)).collect()
    }

    /// The rank of each piece's number within its stratum: from -1/2, the least, to 1/2; equal ones share one.
    fn ranks(&self, numbers: &[(usize, f64)]) -> Vec<f64> {
        let mut order: Vec<usize> = (0..numbers.len()).collect();
        let place = |at: &usize| (self.strata[numbers[*at].0], numbers[*at].1);
        order.sort_unstable_by(|a, b| {
            let ((a_stratum, a), (b_stratum, b)) = (place(a), place(b));
            a_stratum.cmp(&b_stratum).then(a.total_cmp(&b))
        });
        let mut ranks = vec![0.0; numbers.len()];
        for of_stratum in order.chunk_by(|a, b| place(a).0 == place(b).0) {
            let mut before = 0;
            for equal in of_stratum.chunk_by(|a, b| place(a).1 == place(b).1) {
                let rank = (before as f64 + equal.len() as f64 / 2.0) / of_stratum.len() as f64 - 0.5;
                equal.iter().for_each(|at| ranks[*at] = rank);
                before += equal.len();
            }
        }
        ranks
    }

    fn strata_of(&self, rows: &[(usize, f64)]) -> usize {
        let mut strata: Vec<u32> = rows.iter().map(|(row, _)| self.strata[*row]).collect();
        strata.sort_unstable();
        strata.dedup();
        strata.len()
    }
}

fn of_value(value: &str, with: &BTreeMap<u32, Sums>, all: &BTreeMap<u32, Sums>) -> Option<Association> {
    let (mut weights, mut difference, mut variance) = (0.0, 0.0, 0.0);
    let (mut pieces, mut others) = (Sums::default(), Sums::default());
    for (stratum, all) in all {
        let with = with.get(stratum).copied().unwrap_or_default();
        let without = Sums { count: all.count - with.count, ranks: all.ranks - with.ranks, ..Sums::default() };
        pieces.count += with.count;
        pieces.measure += with.measure;
        others.count += without.count;
        others.measure += all.measure - with.measure;
        if with.count == 0.0 || without.count == 0.0 || all.count < 2.0 {
            continue;
        }
        let weight = with.count * without.count / all.count;
        let spread = (all.squares - all.ranks * all.ranks / all.count).max(0.0) / (all.count - 1.0);
        weights += weight;
        difference += weight * (with.ranks / with.count - without.ranks / without.count);
        // The mean of either is as uncertain as it is by chance alone: weight² · spread · (1 / with + 1 / without).
        variance += weight * spread;
    }
    let enough = PATTERN_PIECES_MIN as f64;
    if pieces.count < enough || others.count < enough || weights <= 0.0 || variance <= 0.0 {
        return None;
    }
    // A difference of mean ranks is how much likelier than by halves one is above another: of that delta is twice as much.
    let (effect, error) = (2.0 * difference / weights, 2.0 * variance.sqrt() / weights);
    let half = standard_errors() * error;
    Some(Association {
        value: Some(value.to_owned()),
        pieces: pieces.count as usize,
        effect,
        interval: Interval { low: (effect - half).max(-1.0), high: (effect + half).min(1.0) },
        p: two_sided(effect / error),
        means: Some((pieces.measure / pieces.count, others.measure / others.count)),
    })
}

fn two_sided(z: f64) -> f64 {
    2.0 * Normal::cdf(-z.abs(), 0.0, 1.0)
}
