//! An analyzer's values as Arrow columns: one table says the name, the type and the values of each.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, StringArray, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;

use super::{OutputField, arrow_fields};

/// A column of an analyzer whose values for one text are a `T`.
pub(super) struct Column<T: 'static> {
    pub(super) name: &'static str,
    pub(super) unit: Option<&'static str>,
    pub(super) description: &'static str,
    pub(super) value: Value<T>,
}

/// Where a column's value stands in a `T`; it decides the column's type.
pub(super) enum Value<T: 'static> {
    /// At most `i32::MAX`: a text of more tokens than that is larger than any that gets in.
    Count(fn(&T) -> Option<usize>),
    Measure(fn(&T) -> Option<f64>),
    Code(fn(&T) -> Option<&'static str>),
}

impl<T> Column<T> {
    pub(super) fn output_field(&self) -> OutputField {
        let data_type = match self.value {
            Value::Count(_) => DataType::Int32,
            Value::Measure(_) => DataType::Float64,
            Value::Code(_) => DataType::Utf8,
        };
        OutputField { name: self.name, data_type, unit: self.unit, description: self.description }
    }

    fn array(&self, rows: &[Option<T>]) -> ArrayRef {
        match self.value {
            Value::Count(get) => Arc::new(Int32Array::from_iter(values(rows, get).map(|count| count.map(saturated)))),
            Value::Measure(get) => Arc::new(Float64Array::from_iter(values(rows, get))),
            Value::Code(get) => Arc::new(StringArray::from_iter(values(rows, get))),
        }
    }
}

/// The struct of all columns; where there is no row, it and its values are null. There is at least one column.
pub(super) fn struct_array<T>(columns: &[Column<T>], rows: &[Option<T>]) -> StructArray {
    let fields: Vec<OutputField> = columns.iter().map(Column::output_field).collect();
    let arrays: Vec<ArrayRef> = columns.iter().map(|column| column.array(rows)).collect();
    let present: NullBuffer = rows.iter().map(Option::is_some).collect();
    StructArray::new(arrow_fields(&fields), arrays, Some(present))
}

fn values<T, V>(rows: &[Option<T>], get: fn(&T) -> Option<V>) -> impl Iterator<Item = Option<V>> {
    rows.iter().map(move |row| row.as_ref().and_then(get))
}

fn saturated(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
