//! An analyzer's values as Arrow columns: one table says the name, the type and the values of each.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, ListArray, StringArray, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field};

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
    Flag(fn(&T) -> Option<bool>),
    Text(fn(&T) -> Option<String>),
    Texts(fn(&T) -> Option<Vec<String>>),
    Counts(fn(&T) -> Option<Vec<usize>>),
    Measures(fn(&T) -> Option<Vec<f64>>),
    /// Numbers that count nothing.
    Bits(fn(&T) -> Option<Vec<i64>>),
}

impl<T> Column<T> {
    pub(super) fn output_field(&self) -> OutputField {
        let data_type = match self.value {
            Value::Count(_) => DataType::Int32,
            Value::Measure(_) => DataType::Float64,
            Value::Code(_) | Value::Text(_) => DataType::Utf8,
            Value::Flag(_) => DataType::Boolean,
            Value::Texts(_) => list_of(DataType::Utf8),
            Value::Counts(_) => list_of(DataType::Int32),
            Value::Measures(_) => list_of(DataType::Float64),
            Value::Bits(_) => list_of(DataType::Int64),
        };
        OutputField { name: self.name, data_type, unit: self.unit, description: self.description }
    }

    fn array(&self, rows: &[Option<T>]) -> ArrayRef {
        match self.value {
            Value::Count(get) => Arc::new(Int32Array::from_iter(values(rows, get).map(|count| count.map(saturated)))),
            Value::Measure(get) => Arc::new(Float64Array::from_iter(values(rows, get))),
            Value::Code(get) => Arc::new(StringArray::from_iter(values(rows, get))),
            Value::Flag(get) => Arc::new(BooleanArray::from_iter(values(rows, get))),
            Value::Text(get) => Arc::new(StringArray::from_iter(values(rows, get))),
            Value::Texts(get) => lists(rows, get, |items| Arc::new(StringArray::from_iter_values(items))),
            Value::Counts(get) => {
                lists(rows, get, |items| Arc::new(Int32Array::from_iter_values(items.into_iter().map(saturated))))
            }
            Value::Measures(get) => lists(rows, get, |items| Arc::new(Float64Array::from_iter_values(items))),
            Value::Bits(get) => lists(rows, get, |items| Arc::new(Int64Array::from_iter_values(items))),
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

fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, true)))
}

/// Lists of values, null where there is none, the items made into an array by `array`.
fn lists<T, V>(rows: &[Option<T>], get: fn(&T) -> Option<Vec<V>>, array: impl FnOnce(Vec<V>) -> ArrayRef) -> ArrayRef {
    let lists: Vec<Option<Vec<V>>> = values(rows, get).collect();
    let nulls: NullBuffer = lists.iter().map(Option::is_some).collect();
    let lengths: Vec<usize> = lists.iter().map(|list| list.as_ref().map_or(0, Vec::len)).collect();
    let items = array(lists.into_iter().flatten().flatten().collect());
    let field = Arc::new(Field::new("item", items.data_type().clone(), true));
    Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(lengths), items, Some(nulls)))
}

fn saturated(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
