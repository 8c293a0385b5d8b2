//! Calls of table functions that are answered before a statement is planned: `from search('the sea', limit => 20)`.

use std::ops::ControlFlow;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast::{self, Spanned, Value as Literal, VisitMut, VisitorMut};
use serde_json::{Map, Number, Value};

use super::{Statement, quoted, resolved};
use crate::engine::SqlError;
use crate::engine::json::JsonRows;

/// What a call says: constants, parameters among them.
#[derive(Clone, Debug, PartialEq)]
pub struct TableCall {
    /// The first argument, which has no name.
    pub first: Value,
    pub named: Map<String, Value>,
}

impl Statement {
    /// The calls of `function` as they stand. `parameters` are what `$1`, `$2`, … stand for.
    pub fn calls(&self, function: &str, parameters: &[Value]) -> Result<Vec<TableCall>, SqlError> {
        let mut calls = Vec::new();
        let mut failed = None;
        self.clone().each_call(function, |args, _| match call(function, args, parameters) {
            Ok(call) => calls.push(call),
            Err(error) => failed = failed.take().or(Some(error)),
        });
        failed.map_or(Ok(calls), Err)
    }

    /// The statement's text with a table in the place of each call of `function`, as they stand.
    pub fn with_tables(mut self, function: &str, tables: &[RecordBatch]) -> Result<String, SqlError> {
        let mut queries = Vec::new();
        for table in tables {
            queries.push(Self::parse(&as_values(table)?)?.query);
        }
        let mut queries = queries.into_iter();
        self.each_call(function, |_, factor| {
            let (Some(subquery), ast::TableFactor::Table { alias, .. }) = (queries.next(), &mut *factor) else {
                return;
            };
            let own =
                || ast::TableAlias { explicit: true, name: ast::Ident::new(function), columns: Vec::new(), at: None };
            let alias = Some(alias.take().unwrap_or_else(own));
            *factor = ast::TableFactor::Derived { lateral: false, subquery, alias, sample: None };
        });
        Ok(self.query.to_string())
    }

    fn each_call(&mut self, function: &str, visit: impl FnMut(&[ast::FunctionArg], &mut ast::TableFactor)) {
        let _ = VisitMut::visit(&mut self.query, &mut Calls { function, visit });
    }
}

struct Calls<'a, V> {
    function: &'a str,
    visit: V,
}

impl<V: FnMut(&[ast::FunctionArg], &mut ast::TableFactor)> VisitorMut for Calls<'_, V> {
    type Break = ();

    fn post_visit_table_factor(&mut self, factor: &mut ast::TableFactor) -> ControlFlow<()> {
        if let ast::TableFactor::Table { name, args: Some(args), .. } = &*factor {
            let is_called =
                |[part]: &[ast::ObjectNamePart; 1]| part.as_ident().is_some_and(|name| resolved(name) == self.function);
            if name.0.as_array().is_some_and(is_called) {
                let args = args.args.clone();
                (self.visit)(&args, factor);
            }
        }
        ControlFlow::Continue(())
    }
}

fn call(function: &str, args: &[ast::FunctionArg], parameters: &[Value]) -> Result<TableCall, SqlError> {
    let remedy = || format!("write `{function}('the sea', limit => 20)`");
    let (mut first, mut named) = (None, Map::new());
    for arg in args {
        let (name, expression) = match arg {
            ast::FunctionArg::Named { name, arg: ast::FunctionArgExpr::Expr(value), .. } => {
                (Some(resolved(name)), value)
            }
            ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(value)) if first.is_none() => (None, value),
            other => {
                let message =
                    format!("`{function}` takes one argument without a name, and others by name; not `{other}`");
                return Err(SqlError::invalid(message).with_remedy(remedy()));
            }
        };
        let Some(value) = constant(expression, parameters) else {
            let start = expression.span().start;
            let message = format!("an argument of `{function}` is a constant or a parameter, not `{expression}`");
            return Err(SqlError::invalid(message).with_remedy(remedy()).at(start.line, start.column));
        };
        match name {
            None => first = Some(value),
            Some(name) => {
                if named.insert(name.clone(), value).is_some() {
                    return Err(SqlError::invalid(format!("`{function}` is given `{name}` twice")));
                }
            }
        }
    }
    let first =
        first.ok_or_else(|| SqlError::invalid(format!("`{function}` is given nothing")).with_remedy(remedy()))?;
    Ok(TableCall { first, named })
}

fn constant(expression: &ast::Expr, parameters: &[Value]) -> Option<Value> {
    let ast::Expr::Value(value) = expression else { return None };
    Some(match &value.value {
        Literal::Placeholder(name) => {
            let place: usize = name.strip_prefix('$')?.parse().ok()?;
            parameters.get(place.checked_sub(1)?)?.clone()
        }
        Literal::SingleQuotedString(text) => Value::String(text.clone()),
        Literal::Boolean(value) => Value::Bool(*value),
        Literal::Null => Value::Null,
        Literal::Number(text, _) => Value::Number(text.parse::<Number>().ok()?),
        _ => return None,
    })
}

/// A query that gives the rows of a table.
fn as_values(table: &RecordBatch) -> Result<String, SqlError> {
    let schema = table.schema();
    let columns = schema.fields().iter().enumerate().map(|(at, field)| {
        let of = if table.num_rows() == 0 { "null".to_owned() } else { format!("column{}", at + 1) };
        Ok(format!("cast({of} as {}) as {}", sql_type(field.data_type())?, quoted(field.name())))
    });
    let columns = columns.collect::<Result<Vec<_>, SqlError>>()?.join(", ");
    if table.num_rows() == 0 {
        return Ok(format!("select {columns} where false"));
    }
    let rows = JsonRows::new(table).map_err(|error| SqlError::internal(error.to_string()))?;
    let values = (0..rows.rows()).map(|row| {
        let mut written = Vec::new();
        rows.write(row, &mut written);
        let row: Map<String, Value> = serde_json::from_slice(&written).unwrap_or_default();
        let values: Vec<String> = schema.fields().iter().map(|field| literal(row.get(field.name()))).collect();
        format!("({})", values.join(", "))
    });
    Ok(format!("select {columns} from (values {}) as found", values.collect::<Vec<_>>().join(", ")))
}

fn sql_type(data_type: &DataType) -> Result<&'static str, SqlError> {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok("varchar"),
        DataType::Int32 => Ok("int"),
        DataType::Int64 => Ok("bigint"),
        DataType::Float64 => Ok("double"),
        other => Err(SqlError::internal(format!("no constant of a statement is a {other}"))),
    }
}

fn literal(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "null".to_owned(),
        Some(Value::String(text)) => format!("'{}'", text.replace('\'', "''")),
        Some(other) => other.to_string(),
    }
}
