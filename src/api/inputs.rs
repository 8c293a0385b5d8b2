//! The values that features on request need, as they come with a request.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::scalar::ScalarValue;
use serde_json::Value;

use super::Problem;
use crate::engine::{SqlError, shown};
use crate::ingest::typed_column;
use crate::name::nearest;
use crate::online::Selection;

/// By the names of inputs.
pub(super) struct Inputs(BTreeMap<String, Given>);

enum Given {
    /// Of a URL, the same for every key.
    Text(String),
    /// The same for every key.
    One(Value),
    /// One a key.
    Each(Vec<Value>),
}

impl Inputs {
    /// Texts of a URL.
    pub fn of_texts(texts: BTreeMap<String, String>) -> Self {
        Self(texts.into_iter().map(|(name, text)| (name, Given::Text(text))).collect())
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

    /// The features of `selection` for the `rows` that were found, read and computed, and where each of them is then.
    pub async fn gather(
        &self,
        selection: &Selection,
        rows: &[Option<usize>],
    ) -> Result<(Arc<Selection>, Vec<Option<usize>>), Problem> {
        let found: Vec<usize> = rows.iter().flatten().copied().collect();
        let gathered = selection.gather(&found, |field| self.column(field, rows)).await?;
        let mut places = 0..found.len();
        Ok((Arc::new(gathered), rows.iter().map(|row| row.and_then(|_| places.next())).collect()))
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

    /// The values of an input for those of `rows` that were found.
    fn column(&self, field: &Field, rows: &[Option<usize>]) -> Result<ArrayRef, Problem> {
        let name = field.name();
        let typed = |values: &[&Value]| {
            typed_column(field, values).map_err(|reason| {
                Problem::invalid("invalid-input", reason)
                    .field(format!("inputs.{name}"), "")
                    .remedy("GET /api/features says which types inputs have")
            })
        };
        let one = |value: &Value| {
            let value = ScalarValue::try_from_array(&typed(&[value])?, 0);
            let found = rows.iter().flatten().count();
            value
                .and_then(|value| value.to_array_of_size(found))
                .map_err(|error| SqlError::from_execution(error).into())
        };
        match self.0.get(name) {
            Some(Given::Text(text)) => one(&as_meant(text, field.data_type())),
            Some(Given::One(value)) => one(value),
            Some(Given::Each(values)) => {
                let of_found = values.iter().zip(rows).filter(|(_, row)| row.is_some()).map(|(value, _)| value);
                typed(&of_found.collect::<Vec<_>>())
            }
            None => {
                let data_type = shown(field.data_type());
                Err(Problem::invalid("missing-input", format!("the input `{name}` is missing, a {data_type}"))
                    .field(format!("inputs.{name}"), "")
                    .remedy(format!("`inputs.{name}=…` in a URL, `\"inputs\": {{\"{name}\": …}}` in a body")))
            }
        }
    }
}

/// In a URL all is text.
fn as_meant(text: &str, data_type: &DataType) -> Value {
    match (data_type, serde_json::from_str(text).unwrap_or_default()) {
        (DataType::Boolean, Value::Bool(value)) => Value::Bool(value),
        (data_type, Value::Number(number)) if data_type.is_numeric() => Value::Number(number),
        _ => Value::String(text.to_owned()),
    }
}
