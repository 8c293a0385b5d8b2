//! The values that features on request need, as they come with a request.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, Field};
use serde_json::Value;

use super::Problem;
use crate::engine::shown;
use crate::ingest::typed_column;
use crate::name::nearest;
use crate::online::Selection;

/// By the names of inputs.
#[derive(Default)]
pub(super) struct Inputs(BTreeMap<String, Given>);

enum Given {
    /// The same for every key.
    One(Value),
    /// One a key.
    Each(Vec<Value>),
}

impl Inputs {
    /// Texts of a URL.
    pub fn of_texts(texts: BTreeMap<String, String>) -> Self {
        Self(texts.into_iter().map(|(name, text)| (name, Given::One(Value::String(text)))).collect())
    }

    /// Values of a body, each one for all of `keys` keys or a list of one a key.
    pub fn of_values(values: BTreeMap<String, Value>, keys: usize) -> Result<Self, Problem> {
        let mut inputs = BTreeMap::new();
        for (name, value) in values {
            let given = match value {
                Value::Array(values) if values.len() == keys => Given::Each(values),
                Value::Array(values) => {
                    let detail = format!("`{name}` has {} values for {keys} keys", values.len());
                    return Err(Problem::invalid("invalid-input", detail)
                        .field(format!("inputs.{name}"), values.len().to_string())
                        .remedy("give one value for all keys, or a list of one for each"));
                }
                value => Given::One(value),
            };
            inputs.insert(name, given);
        }
        Ok(Self(inputs))
    }

    /// The features of `selection` for `rows`, which are answers to the keys at `positions`.
    pub fn gather(
        &self,
        selection: &Selection,
        rows: &[usize],
        positions: &[usize],
    ) -> Result<Arc<Selection>, Problem> {
        let gathered = selection.gather(rows, |field| self.column(field, positions))?;
        Ok(Arc::new(gathered))
    }

    /// Refuses what no feature of `selection` reads.
    pub fn check_are_read(&self, selection: &Selection) -> Result<(), Problem> {
        let known = || selection.inputs().map(|field| field.name().as_str());
        let Some(name) = self.0.keys().find(|name| !known().any(|known| known == *name)) else { return Ok(()) };
        let remedy = match nearest(name, known()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "GET /api/features says which features take which inputs".to_owned(),
        };
        let detail = format!("none of the features that are asked for takes an input `{name}`");
        Err(Problem::invalid("unknown-input", detail).field(format!("inputs.{name}"), name.as_str()).remedy(remedy))
    }

    fn column(&self, field: &Field, positions: &[usize]) -> Result<ArrayRef, Problem> {
        let name = field.name();
        let values: Vec<Value> = match self.0.get(name) {
            Some(Given::One(value)) => vec![as_meant(value, field.data_type()); positions.len()],
            Some(Given::Each(values)) => positions.iter().map(|at| values[*at].clone()).collect(),
            None => {
                let data_type = shown(field.data_type());
                return Err(Problem::invalid("missing-input", format!("the input `{name}` is missing, a {data_type}"))
                    .field(format!("inputs.{name}"), "")
                    .remedy(format!("`inputs.{name}=…` in a URL, `\"inputs\": {{\"{name}\": …}}` in a body")));
            }
        };
        typed_column(field, &values.iter().collect::<Vec<_>>()).map_err(|reason| {
            Problem::invalid("invalid-input", reason)
                .field(format!("inputs.{name}"), "")
                .remedy("GET /api/features says which types inputs have")
        })
    }
}

/// In a URL all is text.
fn as_meant(value: &Value, data_type: &DataType) -> Value {
    match (value, data_type) {
        (Value::String(text), DataType::Boolean) if matches!(text.as_str(), "true" | "false") => {
            Value::Bool(text == "true")
        }
        (Value::String(text), data_type) if data_type.is_numeric() => match serde_json::from_str(text) {
            Ok(Value::Number(number)) => Value::Number(number),
            _ => value.clone(),
        },
        _ => value.clone(),
    }
}
