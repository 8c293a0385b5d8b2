//! The JSON form of a filter: `{"language": "en", "year": {"gte": 1890, "lt": 1910}, "artist": ["Keats", "Shelley"]}`. All of
//! it must be true; `any`, `all` and `not` join others.

use std::sync::LazyLock;

use datafusion::logical_expr::{Expr, and, ident, lit, not, or};
use serde_json::{Map, Number, Value};

use crate::engine::{Bounds, Session, SqlError};
use crate::limits::{PLANNING_MEMORY_BYTES, SEARCH_FILTER_PARTS_MAX, SOURCE_BATCH_ROWS};

/// What compares a column with a constant.
const COMPARISONS: &[&str] = &["eq", "ne", "gt", "gte", "lt", "lte", "in", "like", "exists"];

/// What plans filters; it knows no tables.
pub(super) fn session() -> &'static Session {
    static SESSION: LazyLock<Session> =
        LazyLock::new(|| Session::new(Bounds { memory_bytes: PLANNING_MEMORY_BYTES, batch_rows: SOURCE_BATCH_ROWS }));
    &SESSION
}

/// A filter as it is written where there is only text: a condition in SQL, or an object.
pub fn written_filter(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Object(form)) => Value::Object(form),
        _ => Value::String(text.to_owned()),
    }
}

/// The condition that a JSON form stands for.
pub(super) fn of_json(form: &Value) -> Result<Expr, SqlError> {
    let mut parts = 0;
    let condition = condition(form, &mut parts)?;
    condition.ok_or_else(|| SqlError::invalid("the filter is empty".to_owned()).with_remedy("leave it out"))
}

fn condition(form: &Value, parts: &mut usize) -> Result<Option<Expr>, SqlError> {
    let Value::Object(fields) = form else {
        let message = format!("`{form}` is no filter: a condition in SQL, or an object");
        return Err(SqlError::invalid(message).with_remedy(r#"write `"year > 1900"` or `{"year": {"gt": 1900}}`"#));
    };
    let mut all = None;
    for (name, value) in fields {
        count(parts)?;
        let one = match name.as_str() {
            "all" => several(name, value, and, parts)?,
            "any" => several(name, value, or, parts)?,
            "not" => condition(value, parts)?.map(not),
            column => Some(comparison(column, value, parts)?),
        };
        all = joined(all, one, and);
    }
    Ok(all)
}

/// A condition is walked by recursion, so it is bounded.
fn count(parts: &mut usize) -> Result<(), SqlError> {
    *parts += 1;
    match *parts > SEARCH_FILTER_PARTS_MAX {
        true => Err(SqlError::too_large(format!("a filter has {SEARCH_FILTER_PARTS_MAX} conditions at most"))),
        false => Ok(()),
    }
}

fn several(
    name: &str,
    value: &Value,
    join: fn(Expr, Expr) -> Expr,
    parts: &mut usize,
) -> Result<Option<Expr>, SqlError> {
    let Value::Array(forms) = value else {
        return Err(SqlError::invalid(format!("`{name}` has a list of filters, not `{value}`")));
    };
    let mut all = None;
    for form in forms {
        all = joined(all, condition(form, parts)?, join);
    }
    Ok(all)
}

fn joined(first: Option<Expr>, second: Option<Expr>, join: fn(Expr, Expr) -> Expr) -> Option<Expr> {
    match (first, second) {
        (Some(first), Some(second)) => Some(join(first, second)),
        (first, second) => first.or(second),
    }
}

fn comparison(column: &str, value: &Value, parts: &mut usize) -> Result<Expr, SqlError> {
    let of = || ident(column);
    match value {
        Value::Null => Ok(of().is_null()),
        Value::Array(values) => one_of(column, values, parts),
        Value::Object(comparisons) => ranges(column, comparisons, parts),
        scalar => Ok(of().eq(constant(column, scalar)?)),
    }
}

fn ranges(column: &str, comparisons: &Map<String, Value>, parts: &mut usize) -> Result<Expr, SqlError> {
    let mut all = None;
    for (operator, value) in comparisons {
        count(parts)?;
        let of = ident(column);
        let one = match (operator.as_str(), value) {
            ("in", Value::Array(values)) => one_of(column, values, parts)?,
            ("exists", Value::Bool(true)) => of.is_not_null(),
            ("exists", Value::Bool(false)) => of.is_null(),
            ("like", Value::String(_)) => of.like(constant(column, value)?),
            ("eq", value) => of.eq(constant(column, value)?),
            ("ne", value) => of.not_eq(constant(column, value)?),
            ("gt", value) => of.gt(constant(column, value)?),
            ("gte", value) => of.gt_eq(constant(column, value)?),
            ("lt", value) => of.lt(constant(column, value)?),
            ("lte", value) => of.lt_eq(constant(column, value)?),
            (known, value) if COMPARISONS.contains(&known) => {
                return Err(SqlError::invalid(format!("`{column}`: `{known}` does not take `{value}`")));
            }
            (unknown, _) => {
                return Err(SqlError::invalid(format!("`{column}`: there is no comparison `{unknown}`"))
                    .with_remedy(format!("there is `{}`", COMPARISONS.join("`, `"))));
            }
        };
        all = joined(all, Some(one), and);
    }
    all.ok_or_else(|| SqlError::invalid(format!("`{column}` is compared with nothing")))
}

fn one_of(column: &str, values: &[Value], parts: &mut usize) -> Result<Expr, SqlError> {
    let mut constants = Vec::with_capacity(values.len().min(SEARCH_FILTER_PARTS_MAX));
    for value in values {
        count(parts)?;
        constants.push(constant(column, value)?);
    }
    Ok(ident(column).in_list(constants, false))
}

fn constant(column: &str, value: &Value) -> Result<Expr, SqlError> {
    match value {
        Value::Bool(value) => Ok(lit(*value)),
        Value::String(value) => Ok(lit(value.as_str())),
        Value::Number(number) => Ok(of_number(number)),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(SqlError::invalid(format!("`{column}` is compared with `{value}`, which is no single value")))
        }
    }
}

fn of_number(number: &Number) -> Expr {
    match number.as_i64() {
        Some(integer) => lit(integer),
        None => lit(number.as_f64().unwrap_or(f64::NAN)),
    }
}
