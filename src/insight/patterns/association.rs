//! How strongly something goes with a measure, by ranks within strata.

use std::collections::BTreeMap;

use crate::limits::PATTERN_PIECES_MIN;
use crate::statistics::{Interval, standard_errors, two_sided};

/// By how much the variance of a transformed rank correlation is greater than that of a plain one (Fieller,
/// Hartley & Pearson 1957).
const RANKS_VARIANCE: f64 = 1.06;

/// How many pieces are expected by chance to have both what is rare of a number or a value, and what is rare of the measure:
/// where there are fewer, sums are not near to normal and a single piece would be told as a pattern.
const RARE_TOGETHER_MIN: f64 = 5.0;

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

/// Products of the ranks of a number and of the measure, added up.
#[derive(Clone, Copy, Default)]
struct Products {
    count: f64,
    together: f64,
    numbers: f64,
    measured: f64,
}

/// Ranks within strata.
struct Ranks {
    /// Of each piece.
    ranks: Vec<f64>,
    /// By stratum: how many pieces share the rank that most do.
    commonest: BTreeMap<u32, f64>,
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
        *self = self.and(Self { count: 1.0, ranks: rank, squares: rank * rank, measure });
    }

    fn and(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            ranks: self.ranks + other.ranks,
            squares: self.squares + other.squares,
            measure: self.measure + other.measure,
        }
    }

    fn less(self, other: Self) -> Self {
        Self {
            count: self.count - other.count,
            ranks: self.ranks - other.ranks,
            squares: self.squares - other.squares,
            measure: self.measure - other.measure,
        }
    }

    /// The variance of the ranks, of two pieces or more.
    fn spread(&self) -> f64 {
        (self.squares - self.ranks * self.ranks / self.count).max(0.0) / (self.count - 1.0)
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

    /// How a number goes with the measure: the correlation of their ranks, pooled over strata, tested by its variance over all
    /// orders within strata, with its interval by Fisher's transformation. None of few pieces.
    pub fn with_number(&self, number: impl Fn(usize) -> Option<f64>) -> Option<Association> {
        let rows: Vec<(usize, f64)> = (0..self.pieces()).filter_map(|row| Some((row, number(row)?))).collect();
        if rows.len() < PATTERN_PIECES_MIN {
            return None;
        }
        let measures: Vec<(usize, f64)> = rows.iter().map(|(row, _)| (*row, self.measure[*row])).collect();
        let (of_number, of_measure) = (self.ranks(&rows), self.ranks(&measures));
        let mut strata: BTreeMap<u32, Products> = BTreeMap::new();
        for (at, (row, _)) in rows.iter().enumerate() {
            let (number, measure) = (of_number.ranks[at], of_measure.ranks[at]);
            let of_stratum = strata.entry(self.strata[*row]).or_default();
            of_stratum.count += 1.0;
            of_stratum.together += number * measure;
            of_stratum.numbers += number * number;
            of_stratum.measured += measure * measure;
        }
        // Where either is the same throughout a stratum, nothing is compared.
        strata.retain(|_, of| of.numbers > 0.0 && of.measured > 0.0);
        let (mut all, mut variance, mut rare) = (Products::default(), 0.0, 0.0);
        for (stratum, of) in &strata {
            all.count += of.count;
            all.together += of.together;
            all.numbers += of.numbers;
            all.measured += of.measured;
            variance += of.numbers * of.measured / (of.count - 1.0);
            let rare_of = |ranks: &Ranks| of.count - ranks.commonest.get(stratum).copied().unwrap_or_default();
            rare += rare_of(&of_number) * rare_of(&of_measure) / of.count;
        }
        let Products { count: pieces, together, numbers, measured } = all;
        if strata.is_empty() || rare < RARE_TOGETHER_MIN || pieces < PATTERN_PIECES_MIN as f64 {
            return None;
        }
        let freedom = numbers * measured / variance - 2.0;
        if freedom < 1.0 {
            return None;
        }
        let effect = (together / (numbers * measured).sqrt()).clamp(-1.0, 1.0);
        // Of a correlation of 1 the transformed is without end.
        let transformed = effect.clamp(-1.0 + f64::EPSILON, 1.0 - f64::EPSILON).atanh();
        let half = standard_errors() * (RANKS_VARIANCE / freedom).sqrt();
        let interval = Interval { low: (transformed - half).tanh(), high: (transformed + half).tanh() };
        let p = two_sided(together / variance.sqrt());
        Some(Association { value: None, pieces: pieces as usize, effect, interval, p, means: None })
    }

    /// How each value that enough pieces have, and enough have not, goes with the measure: the difference of their mean ranks,
    /// pooled over strata. `values` are those of a piece; none where they are not known.
    pub fn with_values<'a>(&self, values: impl Fn(usize) -> Option<Vec<&'a str>>) -> Vec<Association> {
        let mut measures: Vec<(usize, f64)> = Vec::new();
        let mut with: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for row in 0..self.pieces() {
            let Some(mut values) = values(row) else { continue };
            values.sort_unstable();
            values.dedup();
            values.into_iter().for_each(|value| with.entry(value).or_default().push(measures.len()));
            measures.push((row, self.measure[row]));
        }
        let ranks = self.ranks(&measures);
        let mut all: BTreeMap<u32, Sums> = BTreeMap::new();
        for ((row, measure), rank) in measures.iter().zip(&ranks.ranks) {
            all.entry(self.strata[*row]).or_default().add(*rank, *measure);
        }
        with.retain(|_, pieces| pieces.len() >= PATTERN_PIECES_MIN);
        let of_value = |(value, pieces): (&str, Vec<usize>)| {
            let mut of_strata: BTreeMap<u32, Sums> = BTreeMap::new();
            for at in pieces {
                let (row, measure) = measures[at];
                of_strata.entry(self.strata[row]).or_default().add(ranks.ranks[at], measure);
            }
            of_value(value, &of_strata, &all, &ranks)
        };
        with.into_iter().filter_map(of_value).collect()
    }

    /// The rank of each piece's number within its stratum: from -1/2, the least, to 1/2; equal ones share one.
    fn ranks(&self, numbers: &[(usize, f64)]) -> Ranks {
        let mut order: Vec<usize> = (0..numbers.len()).collect();
        let place = |at: &usize| (self.strata[numbers[*at].0], numbers[*at].1);
        order.sort_unstable_by(|a, b| {
            let ((a_stratum, a), (b_stratum, b)) = (place(a), place(b));
            a_stratum.cmp(&b_stratum).then(a.total_cmp(&b))
        });
        let (mut ranks, mut commonest) = (vec![0.0; numbers.len()], BTreeMap::new());
        for of_stratum in order.chunk_by(|a, b| place(a).0 == place(b).0) {
            let (mut before, mut most) = (0, 0);
            for equal in of_stratum.chunk_by(|a, b| place(a).1 == place(b).1) {
                let rank = (before as f64 + equal.len() as f64 / 2.0) / of_stratum.len() as f64 - 0.5;
                equal.iter().for_each(|at| ranks[*at] = rank);
                before += equal.len();
                most = most.max(equal.len());
            }
            commonest.insert(place(&of_stratum[0]).0, most as f64);
        }
        Ranks { ranks, commonest }
    }
}

fn of_value(value: &str, with: &BTreeMap<u32, Sums>, all: &BTreeMap<u32, Sums>, ranks: &Ranks) -> Option<Association> {
    let (mut weights, mut difference, mut by_chance, mut variance, mut rare) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let (mut pieces, mut others) = (Sums::default(), Sums::default());
    for (stratum, with) in with {
        let all = all.get(stratum).copied().unwrap_or_default();
        let (without, spread) = (all.less(*with), all.spread());
        // Where all have the value, or all the same measure, nothing is compared.
        if without.count < 1.0 || spread <= 0.0 {
            continue;
        }
        pieces = pieces.and(*with);
        others = others.and(without);
        let weight = with.count * without.count / all.count;
        weights += weight;
        difference += weight * (with.ranks / with.count - without.ranks / without.count);
        // By chance the two means differ by a variance of spread · (1 / with + 1 / without).
        by_chance += weight * spread;
        let of_side = |side: &Sums| if side.count < 2.0 { spread } else { side.spread() } / side.count;
        variance += weight * weight * (of_side(with) + of_side(&without));
        let commonest = ranks.commonest.get(stratum).copied().unwrap_or_default();
        rare += with.count.min(without.count) * (all.count - commonest) / all.count;
    }
    let enough = PATTERN_PIECES_MIN as f64;
    if pieces.count < enough || others.count < enough || rare < RARE_TOGETHER_MIN {
        return None;
    }
    // A difference of mean ranks is how much likelier than by halves one is above another: of that delta is twice as much.
    let effect = 2.0 * difference / weights;
    let half = standard_errors() * 2.0 * variance.sqrt() / weights;
    Some(Association {
        value: Some(value.to_owned()),
        pieces: pieces.count as usize,
        effect,
        interval: Interval { low: (effect - half).max(-1.0), high: (effect + half).min(1.0) },
        p: two_sided(difference / by_chance.sqrt()),
        means: Some((pieces.measure / pieces.count, others.measure / others.count)),
    })
}
