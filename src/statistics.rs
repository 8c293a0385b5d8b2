//! What can be told from numbers that were counted and added up: intervals, lines through time, and which of many findings
//! are more than chance.

use std::ops::AddAssign;

use statrs::distribution::{ChiSquared, ContinuousCDF, Normal, StudentsT};

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

/// What was counted over what it was counted of, where both come in clusters: the people that were drawn, each with many
/// observations, which are not independent of each other (Cochran 1977, 6.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    pub value: f64,
    /// Of the value; none of a single cluster.
    variance: Option<f64>,
    clusters: f64,
}

/// By how much two ratios differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    pub value: f64,
    pub interval: Interval,
    /// How likely so great a difference, up or down, or a greater one is, where there is none.
    pub p: f64,
}

impl Ratio {
    /// Of what each cluster counted, and of how much; those with nothing say nothing. None where all have nothing.
    pub fn of(clusters: impl Iterator<Item = (f64, f64)>) -> Option<Self> {
        let clusters: Vec<(f64, f64)> = clusters.filter(|(_, of)| *of > 0.0).collect();
        let count = clusters.len() as f64;
        let of: f64 = clusters.iter().map(|(_, of)| of).sum();
        let value = clusters.iter().map(|(counted, _)| counted).sum::<f64>() / of;
        let squares: f64 = clusters.iter().map(|(counted, of)| (counted - value * of).powi(2)).sum();
        let variance = (count >= 2.0).then(|| count / (count - 1.0) * squares / (of * of));
        (of > 0.0).then_some(Self { value, variance, clusters: count })
    }

    /// Where it is, by Student's t: of counts, and so not below 0. None where all clusters are alike.
    pub fn interval(&self) -> Option<Interval> {
        let half = quantile(self.clusters - 1.0) * self.variance.filter(|variance| *variance > 0.0)?.sqrt();
        Some(Interval { low: (self.value - half).max(0.0), high: self.value + half })
    }

    /// Where it is, of what is counted of itself: Wilson's interval of as many independent observations as would tell as much
    /// (Korn & Graubard 1998); where all clusters are alike, of as many as there are clusters.
    pub fn share_interval(&self) -> Option<Interval> {
        let variance = self.variance?;
        let observations = match variance > 0.0 {
            true => self.value * (1.0 - self.value) / variance,
            false => self.clusters,
        };
        let observations = observations * (standard_errors() / quantile(self.clusters - 1.0)).powi(2);
        Moments::of_share(self.value * observations, observations).share_interval()
    }

    /// By how much it is more than `other`, of other clusters (Welch 1947). None where it cannot be told, since the clusters of
    /// both are alike or one.
    pub fn less(&self, other: &Self) -> Option<Difference> {
        let (own, others) = (self.variance?, other.variance?);
        let (variance, value) = (own + others, self.value - other.value);
        if variance <= 0.0 {
            return None;
        }
        let freedom =
            variance.powi(2) / (own.powi(2) / (self.clusters - 1.0) + others.powi(2) / (other.clusters - 1.0));
        let half = quantile(freedom) * variance.sqrt();
        let p = 2.0 * student(freedom).sf((value / variance.sqrt()).abs());
        Some(Difference { value, interval: Interval { low: value - half, high: value + half }, p })
    }
}

/// How likely counts are so unlike the shares they were expected to have, or more, by chance (Pearson's chi-squared). None of
/// nothing.
pub fn spread_p(counts: &[f64], shares: &[f64]) -> Option<f64> {
    let (total, of): (f64, f64) = (counts.iter().sum(), shares.iter().sum());
    let freedom = counts.len() as f64 - 1.0;
    if total <= 0.0 || of <= 0.0 || freedom < 1.0 {
        return None;
    }
    let apart = |(count, share): (&f64, &f64)| {
        let expected = total * share / of;
        (count - expected).powi(2) / expected
    };
    let statistic: f64 = counts.iter().zip(shares).map(apart).sum();
    ChiSquared::new(freedom).ok().map(|distribution| distribution.sf(statistic))
}
