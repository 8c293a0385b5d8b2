//! Patterns: what goes with success, or what sets a slice of a corpus apart from the rest. They are associations: they do not
//! say what brings what about.

mod association;

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::{cast, concat, filter_record_batch};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, Schema};
use datafusion::arrow::error::ArrowError;

use self::association::{Association, Ranked};
use super::asked::{Columns, InsightError, condition, finite, group, moment, wrong};
use super::period::Period;
use crate::engine::{columns_of_expression, quoted};
use crate::statistics::{Interval, false_discovery};

/// What patterns are asked for.
#[derive(Clone, Debug)]
pub struct Request {
    pub entity: String,
    pub measure: Measure,
    /// Features within whose values pieces are compared.
    pub by: Option<String>,
    /// A whole number, a date or a timestamp, within whose periods pieces are compared.
    pub time: Option<String>,
    pub period: Option<Period>,
    /// Which pieces are looked at: a condition in SQL.
    pub filter: Option<String>,
    /// How much of what is told may be chance.
    pub error_rate: f64,
    /// Patterns that are told.
    pub limit: usize,
}

/// What pieces are compared by.
#[derive(Clone, Debug)]
pub enum Measure {
    /// A feature that is a number or a bool.
    Success(String),
    /// Whether a condition in SQL is true.
    Slice(String),
}

/// What goes with the measure.
#[derive(Clone, Debug)]
pub struct Patterns {
    /// Pieces that were compared.
    pub pieces: u64,
    /// Groups and periods within which they were.
    pub strata: usize,
    /// How many numbers, and values of how many features, were looked at.
    pub tested: usize,
    /// Those with the greatest effect first.
    pub found: Vec<Pattern>,
    /// How time is cut, where it is.
    pub period: Option<Period>,
    pub not_compared: NotCompared,
}

/// Pieces that have no place in patterns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotCompared {
    /// Of whom the measure is not known, or whether they are of the slice.
    pub without_measure: u64,
    /// Of those with a measure.
    pub without_group: u64,
    /// Of those with a measure and a group.
    pub without_time: u64,
}

/// A number or a value that goes with the measure by more than chance.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    pub feature: String,
    /// None of a number.
    pub value: Option<String>,
    /// Pieces that have it.
    pub pieces: u64,
    /// From -1 to 1, by ranks within strata: of a number the correlation with the measure (Spearman); of a value by how much
    /// likelier a piece with it has more of the measure than one without, than less (Cliff's delta).
    pub effect: f64,
    pub interval: Interval,
    pub p: f64,
    /// The rate of chance among what is told at this and at lesser rates.
    pub q: f64,
    /// The mean of the measure with the value and without it: of a slice, its share of either.
    pub means: Option<(f64, f64)>,
}

/// Patterns that are asked for of features that are there: what must be read for them.
#[derive(Clone, Debug)]
pub struct Comparing {
    request: Request,
    /// What is compared with the measure.
    features: Vec<String>,
    /// The measure in SQL.
    measure: String,
    condition: Option<String>,
    time_is_date: bool,
}

impl Comparing {
    /// Checks what is asked against the columns of the entity, whose keys are no features.
    pub fn new(request: Request, columns: &Schema, keys: &[String]) -> Result<Self, InsightError> {
        let asked = Columns { entity: &request.entity, schema: columns };
        let (measure, of_slice) = match &request.measure {
            Measure::Slice(slice) => {
                let text = condition(Some(slice), "slice")?.unwrap_or_default();
                // What was printed can be read again.
                let names = columns_of_expression(&text).unwrap_or_default();
                (format!("case when ({text}) then 1.0 when not ({text}) then 0.0 end"), names)
            }
            Measure::Success(success) => match asked.typed(success, "success")? {
                DataType::Boolean => (format!("cast(cast({} as int) as double)", quoted(success)), BTreeSet::new()),
                number if number.is_numeric() => (finite(success), BTreeSet::new()),
                other => return Err(wrong(success, "success", other, "a number or a bool")),
            },
        };
        let time_is_date = match &request.time {
            Some(time) => asked.time(time, request.period)?,
            None if request.period.is_some() => return Err(InsightError::PeriodOfNothing),
            None => false,
        };
        request.by.as_ref().map(|by| asked.group(by)).transpose()?;
        let condition = condition(request.filter.as_deref(), "filter")?;
        // What a slice is made of sets it apart by itself.
        let is_of_request = |name: &str| {
            let named = [request.by.as_deref(), request.time.as_deref()].into_iter().flatten().any(|of| of == name);
            named || matches!(&request.measure, Measure::Success(success) if success == name)
        };
        let features = columns.fields().iter().filter(|field| is_compared(field.data_type()));
        let features = features.map(|field| field.name().clone());
        let features: Vec<String> =
            features.filter(|name| !(keys.contains(name) || of_slice.contains(name) || is_of_request(name))).collect();
        Ok(Self { request, features, measure, condition, time_is_date })
    }

    /// The conditions of the caller, which whoever runs the statement checks first.
    pub fn conditions(&self) -> impl Iterator<Item = &str> {
        let slice = match &self.request.measure {
            Measure::Success(_) => None,
            Measure::Slice(slice) => Some(slice.as_str()),
        };
        slice.into_iter().chain(self.request.filter.as_deref())
    }

    /// The statement that reads. Its first columns: the measure, the group and the moment; then the features.
    pub fn statement(&self) -> String {
        let Request { entity, by, time, .. } = &self.request;
        let measure = &self.measure;
        let group = group(by.as_ref());
        let moment =
            time.as_ref().map_or_else(|| "cast(0 as bigint)".to_owned(), |time| moment(time, self.time_is_date));
        let features: String = self.features.iter().map(|name| format!(", {}", quoted(name))).collect();
        let condition = self.condition.as_ref().map(|condition| format!(" where ({condition})")).unwrap_or_default();
        format!(
            "select {measure} as _measure, {group} as _group, {moment} as _moment{features} from {}{condition}",
            quoted(entity)
        )
    }

    /// Compares what was read: some milliseconds for each feature of ten thousands of pieces.
    pub fn patterns(&self, rows: &[RecordBatch]) -> Result<Patterns, InsightError> {
        let (kept, not_compared) = compared(rows)?;
        if kept.iter().all(|batch| batch.num_rows() == 0) {
            let period = self.request.period;
            return Ok(Patterns { pieces: 0, strata: 0, tested: 0, found: Vec::new(), period, not_compared });
        }
        let column = |name: &str| -> Result<ArrayRef, ArrowError> {
            let parts: Vec<&dyn Array> =
                kept.iter().filter_map(|batch| batch.column_by_name(name)).map(AsRef::as_ref).collect();
            concat(&parts)
        };
        let measure = cast(&column("_measure")?, &DataType::Float64)?;
        let (groups, moments) =
            (cast(&column("_group")?, &DataType::Utf8)?, cast(&column("_moment")?, &DataType::Int64)?);
        let (groups, moments) = (groups.as_string::<i32>(), moments.as_primitive::<Int64Type>().values());
        let period = self.request.period.unwrap_or_else(|| Period::fitting(moments.iter().copied(), self.time_is_date));
        let mut known: BTreeMap<(&str, i64), u32> = BTreeMap::new();
        let strata = groups.iter().zip(moments).map(|(group, moment)| {
            let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
            *known.entry((group.unwrap_or_default(), period.place(*moment))).or_insert(next)
        });
        let strata: Vec<u32> = strata.collect();
        let ranked = Ranked::new(measure.as_primitive::<Float64Type>().values().to_vec(), strata);
        let mut found: Vec<(String, Association)> = Vec::new();
        for name in &self.features {
            let of_feature = associations(&ranked, &column(name)?)?;
            found.extend(of_feature.into_iter().map(|association| (name.clone(), association)));
        }
        let (pieces, strata) = (ranked.pieces() as u64, known.len());
        let period = self.request.time.is_some().then_some(period);
        let (tested, found) = self.told(found);
        Ok(Patterns { pieces, strata, tested, found, period, not_compared })
    }

    /// How many there are, and those that are told.
    fn told(&self, associations: Vec<(String, Association)>) -> (usize, Vec<Pattern>) {
        let rates = false_discovery(&associations.iter().map(|(_, of)| of.p).collect::<Vec<f64>>());
        let tested = associations.len();
        let found = associations.into_iter().zip(rates).filter(|(_, q)| *q <= self.request.error_rate);
        let found = found.map(|((feature, association), q)| {
            let Association { value, pieces, effect, interval, p, means } = association;
            Pattern { feature, value, pieces: pieces as u64, effect, interval, p, q, means }
        });
        let mut found: Vec<Pattern> = found.collect();
        found.sort_by(|a, b| b.effect.abs().total_cmp(&a.effect.abs()));
        found.truncate(self.request.limit);
        (tested, found)
    }
}

/// How the values of a feature go with the measure.
fn associations(ranked: &Ranked, values: &ArrayRef) -> Result<Vec<Association>, ArrowError> {
    Ok(match values.data_type() {
        DataType::Utf8 | DataType::Boolean => {
            let texts = cast(values, &DataType::Utf8)?;
            let texts = texts.as_string::<i32>();
            ranked.with_values(|row| texts.is_valid(row).then(|| vec![texts.value(row)]))
        }
        DataType::List(_) => {
            let (lists, offsets) = (values.as_list::<i32>(), values.as_list::<i32>().value_offsets());
            let items = lists.values().as_string::<i32>();
            let of_row = |row: usize| {
                let items_of_row = (offsets[row] as usize..offsets[row + 1] as usize).filter(|at| items.is_valid(*at));
                items_of_row.map(|at| items.value(at)).collect()
            };
            ranked.with_values(|row| lists.is_valid(row).then(|| of_row(row)))
        }
        _ => {
            let numbers = cast(values, &DataType::Float64)?;
            let numbers = numbers.as_primitive::<Float64Type>();
            let number = |row| numbers.is_valid(row).then(|| numbers.value(row)).filter(|number| number.is_finite());
            ranked.with_number(number).into_iter().collect()
        }
    })
}

/// The rows that have a measure, a group and a time, and how many have not.
fn compared(rows: &[RecordBatch]) -> Result<(Vec<RecordBatch>, NotCompared), ArrowError> {
    let mut not_compared = NotCompared::default();
    let mut kept = Vec::new();
    for batch in rows {
        let column = |name: &str| {
            let column = batch.column_by_name(name);
            column.ok_or_else(|| ArrowError::SchemaError(format!("there is no column `{name}`")))
        };
        let (measure, group, moment) = (column("_measure")?, column("_group")?, column("_moment")?);
        let is_kept = |row: usize| {
            let missing = [
                (measure, &mut not_compared.without_measure),
                (group, &mut not_compared.without_group),
                (moment, &mut not_compared.without_time),
            ];
            let lacks = missing.into_iter().find(|(column, _)| column.is_null(row));
            lacks.map(|(_, count)| *count += 1).is_none()
        };
        let is_kept: BooleanArray = (0..batch.num_rows()).map(is_kept).map(Some).collect();
        kept.push(filter_record_batch(batch, &is_kept)?);
    }
    Ok((kept, not_compared))
}

/// Whether values can be compared: single ones, and lists of texts.
fn is_compared(of: &DataType) -> bool {
    match of {
        DataType::Utf8 | DataType::Boolean => true,
        DataType::List(item) => *item.data_type() == DataType::Utf8,
        number => number.is_numeric(),
    }
}
