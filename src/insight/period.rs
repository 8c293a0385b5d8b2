//! Periods that time is cut into.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Days, NaiveDate, Weekday};

use super::asked::InsightError;
use crate::limits::TREND_PERIODS_DEFAULT;

/// A moment as trends count it: a whole number (a year), or a day since 1970.
pub(super) type Moment = i64;

const DAYS_IN_A_YEAR: f64 = 365.2425;

const WIDTH_MAX: u64 = 1_000_000_000_000_000_000;

/// How time is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// Of a time that is a whole number: so many of them, from a multiple of it on.
    Width(u64),
    Day,
    /// From Monday on.
    Week,
    Month,
    Quarter,
    Year,
    /// Ten years, from one that ends in 0 on.
    Decade,
}

const OF_DATES: [(&str, Period); 6] = [
    ("day", Period::Day),
    ("week", Period::Week),
    ("month", Period::Month),
    ("quarter", Period::Quarter),
    ("year", Period::Year),
    ("decade", Period::Decade),
];

impl Period {
    /// The finest that cuts `moments` into few periods.
    pub(super) fn fitting(moments: impl Iterator<Item = Moment> + Clone, is_date: bool) -> Self {
        let starts = |period: Self| moments.clone().map(move |moment| period.place(moment));
        let ends = |period| starts(period).max().zip(starts(period).min());
        let span = |period| ends(period).map_or(0, |(last, first)| last.saturating_sub(first));
        let fits = |period: &Self| span(*period) < TREND_PERIODS_DEFAULT;
        let widths = (0..18).flat_map(|zeros| [1, 2, 5].map(|digit| Self::Width(digit * 10_u64.pow(zeros))));
        match is_date {
            true => OF_DATES.iter().map(|(_, period)| *period).find(fits).unwrap_or(Self::Decade),
            false => widths.into_iter().find(fits).unwrap_or(Self::Width(WIDTH_MAX)),
        }
    }

    pub(super) fn is_of_dates(self) -> bool {
        !matches!(self, Self::Width(_))
    }

    /// The number of the period in which a moment is: those beside each other differ by one.
    pub(super) fn place(self, moment: Moment) -> i64 {
        let month = || day(moment).map_or(0, |day| i64::from(day.year()) * 12 + i64::from(day.month0()));
        match self {
            Self::Width(width) => moment.div_euclid(i64::try_from(width).unwrap_or(i64::MAX)),
            Self::Day => moment,
            // The first of January 1970 was a Thursday.
            Self::Week => (moment + i64::from(Weekday::Thu.num_days_from_monday())).div_euclid(7),
            Self::Month => month(),
            Self::Quarter => month().div_euclid(3),
            Self::Year => month().div_euclid(12),
            Self::Decade => month().div_euclid(120),
        }
    }

    /// The first moment of a period: a number, or a date as ISO 8601 has it.
    pub(super) fn start(self, place: i64) -> Start {
        let month = |months: i64| {
            let year = i32::try_from(months.div_euclid(12)).unwrap_or(i32::MAX);
            let month = u32::try_from(months.rem_euclid(12)).unwrap_or_default() + 1;
            Start::Date(NaiveDate::from_ymd_opt(year, month, 1).unwrap_or_default())
        };
        match self {
            Self::Width(width) => Start::Number(place.saturating_mul(i64::try_from(width).unwrap_or(i64::MAX))),
            Self::Day => Start::Date(day(place).unwrap_or_default()),
            Self::Week => {
                Start::Date(day(place * 7 - i64::from(Weekday::Thu.num_days_from_monday())).unwrap_or_default())
            }
            Self::Month => month(place),
            Self::Quarter => month(place * 3),
            Self::Year => month(place * 12),
            Self::Decade => month(place * 120),
        }
    }
}

/// When a period begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Start {
    Number(i64),
    Date(NaiveDate),
}

impl Start {
    /// On a scale whose unit is 1, or a year of dates.
    pub(super) fn on_scale(self) -> f64 {
        match self {
            Self::Number(number) => number as f64,
            Self::Date(date) => (date - NaiveDate::default()).num_days() as f64 / DAYS_IN_A_YEAR,
        }
    }
}

impl fmt::Display for Start {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(out),
            Self::Date(date) => date.fmt(out),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Width(width) => width.fmt(out),
            of_dates => {
                let name = OF_DATES.iter().find(|(_, period)| period == of_dates).map(|(name, _)| *name);
                out.write_str(name.unwrap_or_default())
            }
        }
    }
}

impl FromStr for Period {
    type Err = InsightError;

    /// A whole number, or `day`, `week`, `month`, `quarter`, `year`, `decade`.
    fn from_str(text: &str) -> Result<Self, InsightError> {
        let of_dates = OF_DATES.iter().find(|(name, _)| *name == text).map(|(_, period)| *period);
        let width = || text.parse().ok().filter(|width| (1..=WIDTH_MAX).contains(width)).map(Self::Width);
        of_dates.or_else(width).ok_or_else(|| InsightError::NotAPeriod(text.chars().take(40).collect()))
    }
}

fn day(moment: Moment) -> Option<NaiveDate> {
    match u64::try_from(moment) {
        Ok(days) => NaiveDate::default().checked_add_days(Days::new(days)),
        Err(_) => NaiveDate::default().checked_sub_days(Days::new(moment.unsigned_abs())),
    }
}
