//! Trends: how the values of a feature change over time, by group, and which rise or fall by more than chance.
//!
//! One statement counts, so that trends are bounded as statements are; the rest is computed from what it gives.

mod counting;

use std::collections::{BTreeMap, BTreeSet};

pub use self::counting::Counting;
use self::counting::{Counts, Group};
use super::asked::InsightError;
use super::period::{Moment, Period, Start};
use crate::limits::{TREND_CELLS_MAX, TREND_COUNT_MIN, TREND_GROUPS_MAX, TREND_PERIODS_MAX, TREND_ROWS_MAX};
use crate::statistics::{Interval, Moments, Slope, false_discovery, slope};

/// What trends are asked for.
#[derive(Clone, Debug)]
pub struct Request {
    pub entity: String,
    /// Whose values are counted, each of a list; of a number it is the mean.
    pub feature: String,
    /// A whole number, a date or a timestamp.
    pub time: String,
    /// The feature whose values are the groups.
    pub by: Option<String>,
    /// By default the finest that makes few periods.
    pub period: Option<Period>,
    /// Which pieces are counted: a condition in SQL.
    pub filter: Option<String>,
    /// Periods that are taken together, each with those about it, so that what is shown is smooth: an odd number.
    pub smooth: usize,
    /// How much of what is told to rise or fall may be chance.
    pub error_rate: f64,
    /// Values that are shown: the commonest, besides those that rise or fall; and of each of these, how many.
    pub limit: usize,
}

/// How a feature changes.
#[derive(Clone, Debug)]
pub struct Trends {
    pub period: Period,
    /// By group, value and period; a period without pieces of a group has none of it.
    pub rows: Vec<Row>,
    /// Those that change most first.
    pub risers: Vec<Trend>,
    pub fallers: Vec<Trend>,
    /// How many values of how many groups were looked at for risers and fallers: those of enough pieces.
    pub tested: usize,
    /// How many values there are, shown or not; none of a number.
    pub values: Option<usize>,
    pub not_counted: NotCounted,
}

impl Trends {
    /// What is measured in each period: `share` of values, `mean` of a number.
    pub fn estimate(&self) -> &'static str {
        if self.values.is_some() { "share" } else { "mean" }
    }

    fn of(request: &Request, counts: Counts) -> Result<Self, InsightError> {
        let Counts { groups, not_counted, time_is_date, of_numbers } = counts;
        if groups.len() > TREND_GROUPS_MAX {
            let name = request.by.clone().unwrap_or_default();
            return Err(InsightError::ManyGroups { name, count: groups.len() });
        }
        let moments = || groups.values().flat_map(|group| group.any.keys().copied());
        let period = request.period.unwrap_or_else(|| Period::fitting(moments(), time_is_date));
        let places: BTreeSet<i64> = moments().map(|moment| period.place(moment)).collect();
        if places.len() > TREND_PERIODS_MAX {
            return Err(InsightError::ManyPeriods(places.len()));
        }
        let mut pieces: BTreeMap<&String, f64> = BTreeMap::new();
        for (value, counts) in groups.values().flat_map(|group| &group.values) {
            *pieces.entry(value).or_default() += counts.values().sum::<f64>();
        }
        let values = (!of_numbers).then_some(pieces.len());
        let mut commonest: Vec<(&String, f64)> = pieces.into_iter().collect();
        commonest.sort_by(|a, b| b.1.total_cmp(&a.1));
        let commonest: BTreeSet<&String> = commonest.into_iter().take(request.limit).map(|(value, _)| value).collect();
        // Of a value that few pieces have, and that is not shown, no line is drawn.
        let is_drawn = |(value, counts): &OfValue<'_>| {
            commonest.contains(value) || counts.values().sum::<f64>() >= TREND_COUNT_MIN
        };
        let drawn: usize = groups.values().map(|group| group.values.iter().filter(is_drawn).count()).sum();
        if drawn * places.len() > TREND_CELLS_MAX {
            return Err(InsightError::ManyRows { rows: drawn * places.len(), most: TREND_CELLS_MAX });
        }
        let series = groups.iter().flat_map(|(name, group)| {
            let name = request.by.is_some().then(|| name.clone());
            Series::all(name, group, period, of_numbers, &is_drawn)
        });
        let series: Vec<Series> = series.collect();
        let (risers, fallers, tested) = risers_and_fallers(request, &series, period);
        let changed = risers.iter().chain(&fallers).filter_map(|trend| trend.value.as_ref());
        let shown: BTreeSet<&String> = commonest.iter().copied().chain(changed).collect();
        let rows = rows(request, &series, &shown, period)?;
        Ok(Self { period, rows, risers, fallers, tested, values, not_counted })
    }
}

/// Pieces that have no place in trends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotCounted {
    pub without_time: u64,
    /// Of those with a time.
    pub without_group: u64,
    /// Of those with a time and a group.
    pub without_value: u64,
}

/// What a value, or a number, is in a period.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub start: Start,
    pub group: Option<String>,
    pub value: Option<String>,
    /// Pieces with this value; of a number, pieces with any.
    pub count: u64,
    /// Pieces with any value.
    pub of: u64,
    /// The share of the pieces with any value; of a number the mean.
    pub estimate: f64,
    /// None of a mean of one piece.
    pub interval: Option<Interval>,
    /// Of this period and those about it.
    pub smoothed: f64,
}

/// A value, or a number, that rises or falls.
#[derive(Clone, Debug, PartialEq)]
pub struct Trend {
    pub group: Option<String>,
    pub value: Option<String>,
    /// For each unit of a time that is a number, or for a year.
    pub slope: Slope,
    /// From the first period of the group to the last.
    pub change: f64,
    /// The rate of chance among what rises and falls at this and at lesser rates.
    pub q: f64,
}

/// What rises and what falls, and how many were looked at.
fn risers_and_fallers(request: &Request, series: &[Series], period: Period) -> (Vec<Trend>, Vec<Trend>, usize) {
    let tested = series.iter().filter(|series| series.pieces.min(series.others) >= TREND_COUNT_MIN);
    let lines = tested.filter_map(|series| {
        let scaled: Vec<(f64, Moments)> =
            series.places.iter().map(|(place, of)| (period.start(*place).on_scale(), *of)).collect();
        let (first, last) = (scaled.first()?.0, scaled.last()?.0);
        Some((series, last - first, slope(&scaled)?))
    });
    let lines: Vec<(&Series, f64, Slope)> = lines.collect();
    let rates = false_discovery(&lines.iter().map(|(.., slope)| slope.p).collect::<Vec<f64>>());
    let tested = lines.len();
    let found = lines.into_iter().zip(rates).filter(|(_, q)| *q <= request.error_rate);
    let found = found.map(|((series, span, slope), q)| {
        let (group, value) = (series.group.clone(), series.value.clone());
        Trend { group, value, change: slope.value * span, slope, q }
    });
    let mut found: Vec<Trend> = found.collect();
    found.sort_by(|a, b| b.change.abs().total_cmp(&a.change.abs()));
    let (mut risers, mut fallers): (Vec<Trend>, Vec<Trend>) = found.into_iter().partition(|of| of.change > 0.0);
    risers.truncate(request.limit);
    fallers.truncate(request.limit);
    (risers, fallers, tested)
}

/// The rows of the values that are shown.
fn rows(
    request: &Request,
    series: &[Series],
    shown: &BTreeSet<&String>,
    period: Period,
) -> Result<Vec<Row>, InsightError> {
    let shown = series.iter().filter(|series| series.value.as_ref().is_none_or(|value| shown.contains(value)));
    let shown: Vec<&Series> = shown.collect();
    let count = shown.iter().map(|series| series.places.len()).sum();
    if count > TREND_ROWS_MAX {
        return Err(InsightError::ManyRows { rows: count, most: TREND_ROWS_MAX });
    }
    Ok(shown.into_iter().flat_map(|series| series.rows(period, request.smooth)).collect())
}

/// A value, and by moment how many pieces have it.
type OfValue<'a> = (&'a String, &'a BTreeMap<Moment, f64>);

/// One line of a plot: a value of a group, or the number of a group.
struct Series {
    group: Option<String>,
    value: Option<String>,
    /// Pieces with the value, in all periods.
    pieces: f64,
    /// Pieces with another one; of a number as many as have it.
    others: f64,
    places: BTreeMap<i64, Moments>,
}

impl Series {
    fn all(
        name: Option<String>,
        group: &Group,
        period: Period,
        of_numbers: bool,
        is_drawn: &dyn Fn(&OfValue<'_>) -> bool,
    ) -> Vec<Self> {
        let mut any: BTreeMap<i64, Moments> = BTreeMap::new();
        for (moment, values) in &group.any {
            *any.entry(period.place(*moment)).or_default() += *values;
        }
        let all: f64 = any.values().map(|values| values.count).sum();
        if of_numbers {
            return vec![Self { group: name, value: None, pieces: all, others: all, places: any }];
        }
        let of_value = |(value, counts): OfValue<'_>| {
            let mut places: BTreeMap<i64, f64> = BTreeMap::new();
            counts.iter().for_each(|(moment, count)| *places.entry(period.place(*moment)).or_default() += count);
            let share = |(place, any): (&i64, &Moments)| {
                (*place, Moments::of_share(places.get(place).copied().unwrap_or_default(), any.count))
            };
            let (group, value, pieces) = (name.clone(), Some(value.clone()), counts.values().sum::<f64>());
            Self { group, value, pieces, others: all - pieces, places: any.iter().map(share).collect() }
        };
        group.values.iter().filter(is_drawn).map(of_value).collect()
    }

    fn rows(&self, period: Period, smooth: usize) -> impl Iterator<Item = Row> {
        let about = i64::try_from(smooth / 2).unwrap_or(i64::MAX);
        self.places.iter().map(move |(place, moments)| {
            let mut smoothed = Moments::default();
            let range = place.saturating_sub(about)..=place.saturating_add(about);
            self.places.range(range).for_each(|(_, about)| smoothed += *about);
            let is_share = self.value.is_some();
            let of = moments.count as u64;
            Row {
                start: period.start(*place),
                group: self.group.clone(),
                value: self.value.clone(),
                count: if is_share { (moments.mean * moments.count).round() as u64 } else { of },
                of,
                estimate: moments.mean,
                interval: if is_share { moments.share_interval() } else { moments.mean_interval() },
                smoothed: smoothed.mean,
            }
        })
    }
}
