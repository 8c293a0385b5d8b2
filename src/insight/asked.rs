//! What trends and patterns are asked of: features of an entity, checked against its columns.

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::arrow::error::ArrowError;

use super::period::Period;
use crate::engine::{SqlError, canonical_expression, quoted, shown};
use crate::error::ErrorKind;
use crate::limits::{TREND_GROUPS_MAX, TREND_PERIODS_MAX};
use crate::name::nearest;
use crate::store::Readable;

/// Why there are no trends, or no patterns. `parameter` is what asks for the feature.
#[derive(Debug, thiserror::Error)]
pub enum InsightError {
    #[error("`{entity}` has no feature `{name}`")]
    UnknownFeature { entity: String, name: String, parameter: &'static str, nearest: Option<String> },
    #[error("`{name}` is {is}, and cannot be the {parameter}, which is {wanted}")]
    WrongType { name: String, parameter: &'static str, is: String, wanted: &'static str },
    #[error("`{0}` is no period: a whole number, or day, week, month, quarter, year, decade")]
    NotAPeriod(String),
    #[error("the period `{period}` is not for `{time}`, which is {is}")]
    OtherPeriod { period: Period, time: String, is: &'static str },
    #[error("there is a period, and no time that it cuts")]
    PeriodOfNothing,
    #[error("that makes {0} periods, which are more than {TREND_PERIODS_MAX}")]
    ManyPeriods(usize),
    #[error("`{name}` has {count} values, and there are {TREND_GROUPS_MAX} groups at most")]
    ManyGroups { name: String, count: usize },
    #[error("that makes {rows} rows, which are more than {most}")]
    ManyRows { rows: usize, most: usize },
    #[error("{error}")]
    Condition { parameter: &'static str, text: String, error: SqlError },
    #[error("what was read is not as it was asked for: {0}")]
    Rows(#[from] ArrowError),
}

impl InsightError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Rows(_) => ErrorKind::Internal,
            Self::Condition { error, .. } => error.kind(),
            _ => ErrorKind::Invalid,
        }
    }
}

/// The columns of an entity.
pub(super) struct Columns<'a> {
    pub entity: &'a str,
    pub schema: &'a Schema,
}

impl Columns<'_> {
    pub fn typed(&self, name: &str, parameter: &'static str) -> Result<&DataType, InsightError> {
        let unknown = |_| InsightError::UnknownFeature {
            entity: self.entity.to_owned(),
            name: name.chars().take(80).collect(),
            parameter,
            nearest: nearest(name, self.schema.fields().iter().map(|field| field.name().as_str())).map(str::to_owned),
        };
        Ok(self.schema.field_with_name(name).map_err(unknown)?.data_type())
    }

    /// Checks the time and how it is cut; says whether it is a date.
    pub fn time(&self, name: &str, period: Option<Period>) -> Result<bool, InsightError> {
        let is_date = match self.typed(name, "time")? {
            DataType::Date32 | DataType::Timestamp(..) => true,
            number if number.is_integer() => false,
            other => return Err(wrong(name, "time", other, "a whole number, a date or a timestamp")),
        };
        match period.filter(|period| period.is_of_dates() != is_date) {
            None => Ok(is_date),
            Some(period) => {
                let is = if is_date { "a date" } else { "a number" };
                Err(InsightError::OtherPeriod { period, time: name.to_owned(), is })
            }
        }
    }

    /// Checks what makes the groups.
    pub fn group(&self, name: &str) -> Result<(), InsightError> {
        match self.typed(name, "by")? {
            DataType::Utf8 | DataType::Boolean => Ok(()),
            number if number.is_integer() => Ok(()),
            other => Err(wrong(name, "by", other, "a string, a bool or a whole number")),
        }
    }
}

pub(super) fn wrong(name: &str, parameter: &'static str, is: &DataType, wanted: &'static str) -> InsightError {
    InsightError::WrongType { name: name.to_owned(), parameter, is: shown(is), wanted }
}

/// A condition of a caller's, parsed and printed, so that it is one expression and nothing else.
pub(super) fn condition(text: Option<&str>, parameter: &'static str) -> Result<Option<String>, InsightError> {
    let canonical = |text: &str| {
        canonical_expression(text).map_err(|error| InsightError::Condition { parameter, text: text.to_owned(), error })
    };
    text.map(canonical).transpose()
}

/// A number in SQL: null where it is none, or without end.
pub(super) fn finite(feature: &str) -> String {
    let (number, greatest) = (format!("cast({} as double)", quoted(feature)), f64::MAX);
    format!("case when {number} between -{greatest:e} and {greatest:e} then {number} end")
}

/// A moment in SQL: a whole number, or days since 1970.
pub(super) fn moment(time: &str, is_date: bool) -> String {
    match is_date {
        true => format!("cast(arrow_cast(cast({} as date), 'Int32') as bigint)", quoted(time)),
        false => format!("cast({} as bigint)", quoted(time)),
    }
}

/// A group in SQL: a text; of all pieces the empty one where there are no groups.
pub(super) fn group(by: Option<&String>) -> String {
    format!("cast({} as varchar)", by.map_or_else(|| "''".to_owned(), |by| quoted(by)))
}

/// The only entity that has these features, or where none has all of them the first ones; none where several have.
pub fn entity_of(readable: &Readable, features: &[&str]) -> Option<String> {
    let has_all = |entity: &str, features: &[&str]| {
        let frame = readable.frame(entity);
        frame.is_some_and(|frame| features.iter().all(|feature| frame.column(feature).is_some()))
    };
    let with = |count: usize| readable.entities().filter(|entity| has_all(entity, &features[..count])).collect();
    let entities: Vec<&str> = (1..=features.len()).rev().map(with).find(|found: &Vec<&str>| !found.is_empty())?;
    let [only] = entities.as_slice() else { return None };
    Some((*only).to_owned())
}
