//! What can be told from numbers that were counted and added up: intervals, lines through time, and which of many findings
//! are more than chance.

use std::ops::AddAssign;

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// How sure intervals are.
const CONFIDENCE: f64 = 0.95;

/// Where the true value is, with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// Values that were added up: how many, their mean, and how far from it they are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    pub count: f64,
    pub mean: f64,
    /// The sum of the squared differences from the mean.
    pub squares: f64,
}

impl Moments {
    /// Of `count` ones among `of` values that are 0 or 1.
    pub fn of_share(count: f64, of: f64) -> Self {
        let mean = if of > 0.0 { count / of } else { 0.0 };
        Self { count: of, mean, squares: of * mean * (1.0 - mean) }
    }

    /// Where the mean of values that are 0 or 1 is, by Wilson (1927): within 0 and 1, also where few were counted.
    pub fn share_interval(&self) -> Option<Interval> {
        let z = standard_errors();
        let Self { count, mean, .. } = *self;
        (count > 0.0).then(|| {
            let centre = (mean + z * z / (2.0 * count)) / (1.0 + z * z / count);
            let half = z / (1.0 + z * z / count) * (mean * (1.0 - mean) / count + z * z / (4.0 * count * count)).sqrt();
            Interval { low: (centre - half).max(0.0), high: (centre + half).min(1.0) }
        })
    }

    /// Where the mean is, by Student's t; none of fewer than two values.
    pub fn mean_interval(&self) -> Option<Interval> {
        let Self { count, mean, squares } = *self;
        (count >= 2.0).then(|| {
            let half = quantile(count - 1.0) * (squares / (count - 1.0) / count).sqrt();
            Interval { low: mean - half, high: mean + half }
        })
    }
}

/// Chan, Golub & LeVeque (1979): stable where a sum of squares would not be.
impl AddAssign for Moments {
    fn add_assign(&mut self, other: Self) {
        let count = self.count + other.count;
        if other.count > 0.0 {
            let apart = other.mean - self.mean;
            self.mean += apart * other.count / count;
            self.squares += other.squares + apart * apart * self.count * other.count / count;
            self.count = count;
        }
    }
}

/// By how much values change with each unit of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    pub value: f64,
    pub interval: Interval,
    /// How likely so much change, up or down, or more is, where there is none.
    pub p: f64,
}

/// The least-squares line through values whose moments are known by time, and Student's test of its slope. Of values that are
/// 0 or 1 it is near to the test of Cochran (1954) and Armitage (1955) for a trend in shares. None where all are of one time, where
/// none differs from the others, or of fewer than three values.
pub fn slope(by_time: &[(f64, Moments)]) -> Option<Slope> {
    let mut all = Moments::default();
    by_time.iter().for_each(|(_, values)| all += *values);
    let time_mean = by_time.iter().map(|(time, values)| time * values.count).sum::<f64>() / all.count;
    let apart = |time: f64| time - time_mean;
    let spread: f64 = by_time.iter().map(|(time, values)| values.count * apart(*time).powi(2)).sum();
    // What is the same everywhere differs by rounding alone.
    let rounding = all.count * (f64::EPSILON * all.mean).powi(2);
    if all.count < 3.0 || spread <= 0.0 || all.squares <= rounding {
        return None;
    }
    let together: f64 =
        by_time.iter().map(|(time, values)| values.count * apart(*time) * (values.mean - all.mean)).sum();
    let value = together / spread;
    let freedom = all.count - 2.0;
    let left = (all.squares - value * together).max(0.0);
    let error = (left / freedom / spread).sqrt();
    let p = if error > 0.0 { 2.0 * student(freedom).sf((value / error).abs()) } else { 0.0 };
    let half = quantile(freedom) * error;
    Some(Slope { value, interval: Interval { low: value - half, high: value + half }, p })
}

/// The `q` of each `p` among all of them: where those with q below a rate are believed, no more than that share of what is
/// believed is expected to be chance (Benjamini & Hochberg 1995).
pub fn false_discovery(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut q = vec![1.0; p.len()];
    let mut least: f64 = 1.0;
    for (rank, at) in order.into_iter().enumerate().rev() {
        least = least.min(p[at] * p.len() as f64 / (rank + 1) as f64);
        q[at] = least;
    }
    q
}

/// Within how many standard errors the true value is, where errors are normal.
pub fn standard_errors() -> f64 {
    Normal::standard().inverse_cdf(f64::midpoint(1.0, CONFIDENCE))
}

/// How likely so many standard errors, either way, or more are by chance.
pub fn two_sided(z: f64) -> f64 {
    2.0 * Normal::standard().sf(z.abs())
}

/// The same by Student's t.
fn quantile(freedom: f64) -> f64 {
    student(freedom).inverse_cdf(f64::midpoint(1.0, CONFIDENCE))
}

/// `freedom` is 1 or more.
fn student(freedom: f64) -> StudentsT {
    StudentsT::new(0.0, 1.0, freedom.max(1.0)).expect("a scale of 1 and a freedom of 1 or more are right")
}
