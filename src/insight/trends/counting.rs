//! What must be counted for trends: the statement that does it, and what it gives.

use std::collections::BTreeMap;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, Schema};
use datafusion::arrow::error::ArrowError;

use super::{NotCounted, Request, Trends};
use crate::engine::quoted;
use crate::insight::asked::{Columns, InsightError, condition, finite, group, moment, wrong};
use crate::insight::period::Moment;
use crate::statistics::Moments;

/// What kind of values a feature has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    Values,
    /// Each of a list, once.
    Lists,
    Numbers,
}

/// Trends that are asked for of features that are there: what must be counted for them.
#[derive(Clone, Debug)]
pub struct Counting {
    request: Request,
    counted: Counted,
    time_is_date: bool,
    /// The caller's, parsed and printed, so that it is one expression and nothing else.
    condition: Option<String>,
}

/// What was counted.
#[derive(Default)]
pub(super) struct Counts {
    pub groups: BTreeMap<String, Group>,
    pub not_counted: NotCounted,
    /// The moments are days.
    pub time_is_date: bool,
    /// The values are numbers, of which there are means and no shares.
    pub of_numbers: bool,
}

/// What was counted of a group.
#[derive(Default)]
pub(super) struct Group {
    /// By moment: the pieces that have any value.
    pub any: BTreeMap<Moment, Moments>,
    /// By value and moment: how many pieces have it.
    pub values: BTreeMap<String, BTreeMap<Moment, f64>>,
}

impl Counting {
    /// Checks what is asked against the columns of the entity.
    pub fn new(request: Request, columns: &Schema) -> Result<Self, InsightError> {
        let asked = Columns { entity: &request.entity, schema: columns };
        let feature = asked.typed(&request.feature, "feature")?;
        let counted = match feature {
            DataType::Utf8 | DataType::Boolean => Counted::Values,
            DataType::List(item) if matches!(item.data_type(), DataType::Utf8) => Counted::Lists,
            number if number.is_numeric() => Counted::Numbers,
            other => {
                let wanted = "a string, a bool, a number or a list of strings";
                return Err(wrong(&request.feature, "feature", other, wanted));
            }
        };
        let time_is_date = asked.time(&request.time, request.period)?;
        request.by.as_ref().map(|by| asked.group(by)).transpose()?;
        let condition = condition(request.filter.as_deref(), "filter")?;
        Ok(Self { request, counted, time_is_date, condition })
    }

    /// The condition of the caller, which whoever runs the statement checks first.
    pub fn condition(&self) -> Option<&str> {
        self.request.filter.as_deref()
    }

    /// The statement that counts. Its columns: `moment`, `piece_group`, `value` (null of all pieces together), `pieces`,
    /// `counted` (those with a value), and `mean` and `variance` of numbers.
    pub fn statement(&self) -> String {
        let Request { entity, feature, time, by, .. } = &self.request;
        let rows = format!(
            "select {} as moment, {} as piece_group, {} as value from {}{}",
            moment(time, self.time_is_date),
            group(by.as_ref()),
            if self.counted == Counted::Numbers { finite(feature) } else { quoted(feature) },
            quoted(entity),
            self.condition.as_ref().map(|condition| format!(" where ({condition})")).unwrap_or_default()
        );
        let grouped = "group by moment, piece_group";
        let key = "moment, piece_group";
        let of_numbers = "cast(null as double) as mean, cast(null as double) as variance";
        let all = |numbers: &str| {
            format!(
                "select {key}, cast(null as varchar) as value, count(*) as pieces, count(value) as counted, {numbers} from rows {grouped}"
            )
        };
        let each = |from: &str| {
            format!(
                "select {key}, cast(value as varchar) as value, count(*) as pieces, count(*) as counted, {of_numbers} from {from} where value is not null {grouped}, value"
            )
        };
        let counts = match self.counted {
            Counted::Numbers => all("avg(value) as mean, var_pop(value) as variance"),
            Counted::Values => format!("{} union all {}", all(of_numbers), each("rows")),
            Counted::Lists => {
                let items = format!("(select {key}, unnest(array_distinct(value)) as value from rows) as items");
                format!("{} union all {}", all(of_numbers), each(&items))
            }
        };
        format!("with rows as ({rows}) {counts}")
    }

    /// Reads what was counted.
    pub fn trends(&self, counts: &[RecordBatch]) -> Result<Trends, InsightError> {
        let of_numbers = self.counted == Counted::Numbers;
        let mut all = Counts { time_is_date: self.time_is_date, of_numbers, ..Counts::default() };
        counts.iter().try_for_each(|batch| all.read(batch))?;
        Trends::of(&self.request, all)
    }
}

impl Counts {
    fn read(&mut self, batch: &RecordBatch) -> Result<(), InsightError> {
        let Self { groups, not_counted, .. } = self;
        let column = |name: &str, to: &DataType| -> Result<ArrayRef, ArrowError> {
            let column = batch.column_by_name(name);
            cast(column.ok_or_else(|| ArrowError::SchemaError(format!("there is no column `{name}`")))?, to)
        };
        let (moments, pieces, counted) = (
            column("moment", &DataType::Int64)?,
            column("pieces", &DataType::Int64)?,
            column("counted", &DataType::Int64)?,
        );
        let (names, values) = (column("piece_group", &DataType::Utf8)?, column("value", &DataType::Utf8)?);
        let (means, variances) = (column("mean", &DataType::Float64)?, column("variance", &DataType::Float64)?);
        let whole = |column: &ArrayRef, row| column.as_primitive::<Int64Type>().value(row);
        let number = |column: &ArrayRef, row| column.as_primitive::<Float64Type>().value(row);
        for row in 0..batch.num_rows() {
            let of_all = values.is_null(row);
            let (pieces, counted) = (whole(&pieces, row).unsigned_abs(), whole(&counted, row).unsigned_abs());
            if moments.is_null(row) || names.is_null(row) {
                let without =
                    if moments.is_null(row) { &mut not_counted.without_time } else { &mut not_counted.without_group };
                *without += if of_all { pieces } else { 0 };
                continue;
            }
            let group = groups.entry(names.as_string::<i32>().value(row).to_owned()).or_default();
            let moment = whole(&moments, row);
            if !of_all {
                let value = values.as_string::<i32>().value(row).to_owned();
                group.values.entry(value).or_default().insert(moment, counted as f64);
                continue;
            }
            not_counted.without_value += pieces - counted;
            if counted > 0 {
                let (count, mean) = (counted as f64, number(&means, row));
                let squares = number(&variances, row) * count;
                group.any.insert(moment, Moments { count, mean, squares });
            }
        }
        Ok(())
    }
}
