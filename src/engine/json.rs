//! Arrow values as JSON, written straight from the arrays.
//!
//! Floats are the shortest text that reads back as the same value in their own width (a float32 0.1 is `0.1`), integers
//! are exact, timestamps are RFC 3339 to the microsecond in UTC, nulls and what JSON has no number for are `null`.

use std::io::Write;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, SecondsFormat};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, FixedSizeListArray, Float32Array, Float64Array, Int32Array,
    Int64Array, LargeListArray, ListArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
    UInt64Array,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
    UInt64Type,
};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::array_value_to_string;

/// A column, ready to be written value by value.
#[derive(Clone, Debug)]
pub enum JsonColumn {
    Null,
    Bool(BooleanArray),
    Int32(Int32Array),
    Int64(Int64Array),
    UInt64(UInt64Array),
    Float32(Float32Array),
    Float64(Float64Array),
    Text(StringArray),
    Date(Date32Array),
    Timestamp(TimestampMicrosecondArray),
    List(ListArray, Box<JsonColumn>),
    LargeList(LargeListArray, Box<JsonColumn>),
    Vector(FixedSizeListArray, Box<JsonColumn>),
    Struct(StructArray, Vec<(Box<[u8]>, JsonColumn)>),
    /// Rare types, as text.
    Other(ArrayRef),
}

impl JsonColumn {
    /// Prepares a column; fails where a rare type cannot be brought into one of ours.
    pub fn new(array: &ArrayRef) -> Result<Self, ArrowError> {
        let timestamp = |zone: Option<Arc<str>>| DataType::Timestamp(TimeUnit::Microsecond, zone);
        Ok(match array.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Bool(array.as_boolean().clone()),
            DataType::Int32 => Self::Int32(array.as_primitive::<Int32Type>().clone()),
            DataType::Int64 => Self::Int64(array.as_primitive::<Int64Type>().clone()),
            DataType::UInt64 => Self::UInt64(array.as_primitive::<UInt64Type>().clone()),
            DataType::Float32 => Self::Float32(array.as_primitive::<Float32Type>().clone()),
            DataType::Float64 => Self::Float64(array.as_primitive::<Float64Type>().clone()),
            DataType::Utf8 => Self::Text(array.as_string::<i32>().clone()),
            DataType::Date32 => Self::Date(array.as_primitive::<Date32Type>().clone()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Self::Timestamp(array.as_primitive::<TimestampMicrosecondType>().clone())
            }
            DataType::Timestamp(_, zone) => Self::new(&cast(array, &timestamp(zone.clone()))?)?,
            DataType::Int8 | DataType::Int16 | DataType::UInt8 | DataType::UInt16 => {
                Self::new(&cast(array, &DataType::Int32)?)?
            }
            DataType::UInt32 => Self::new(&cast(array, &DataType::Int64)?)?,
            DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => {
                Self::new(&cast(array, &DataType::Utf8)?)?
            }
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                Self::List(list.clone(), Box::new(Self::new(list.values())?))
            }
            DataType::LargeList(_) => {
                let list = array.as_list::<i64>();
                Self::LargeList(list.clone(), Box::new(Self::new(list.values())?))
            }
            DataType::FixedSizeList(..) => {
                let list = array.as_fixed_size_list();
                Self::Vector(list.clone(), Box::new(Self::new(list.values())?))
            }
            DataType::Struct(fields) => {
                let columns = array.as_struct();
                let named = fields.iter().zip(columns.columns());
                let named: Result<Vec<_>, ArrowError> =
                    named.map(|(field, column)| Ok((quoted(field.name()), Self::new(column)?))).collect();
                Self::Struct(columns.clone(), named?)
            }
            _ => Self::Other(Arc::clone(array)),
        })
    }

    /// Appends the value of `row`.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(a) if a.is_valid(row) => out.extend_from_slice(if a.value(row) { b"true" } else { b"false" }),
            Self::Int32(a) if a.is_valid(row) => number(a.value(row), out),
            Self::Int64(a) if a.is_valid(row) => number(a.value(row), out),
            Self::UInt64(a) if a.is_valid(row) => number(a.value(row), out),
            Self::Float32(a) if a.is_valid(row) => number(a.value(row), out),
            Self::Float64(a) if a.is_valid(row) => number(a.value(row), out),
            Self::Text(a) if a.is_valid(row) => text(a.value(row), out),
            Self::Date(a) if a.is_valid(row) => date(a.value(row), out),
            Self::Timestamp(a) if a.is_valid(row) => timestamp(a.value(row), out),
            Self::List(a, items) if a.is_valid(row) => {
                let offsets = a.value_offsets();
                list(items, offsets[row] as usize..offsets[row + 1] as usize, out);
            }
            Self::LargeList(a, items) if a.is_valid(row) => {
                let offsets = a.value_offsets();
                list(items, offsets[row] as usize..offsets[row + 1] as usize, out);
            }
            Self::Vector(a, items) if a.is_valid(row) => {
                let start = a.value_offset(row) as usize;
                list(items, start..start + a.value_length() as usize, out);
            }
            Self::Struct(a, columns) if a.is_valid(row) => object(columns, row, out),
            Self::Other(a) if a.is_valid(row) => text(&array_value_to_string(a, row).unwrap_or_default(), out),
            _ => out.extend_from_slice(b"null"),
        }
    }

    /// Appends a value of the column's type that comes in a word: an integer or a time with its sign, or a float's bits.
    pub fn write_word(&self, word: u64, out: &mut Vec<u8>) {
        let signed = word.cast_signed();
        match self {
            Self::Bool(_) => out.extend_from_slice(if word == 1 { b"true" } else { b"false" }),
            Self::Int32(_) | Self::Int64(_) => number(signed, out),
            Self::Float32(_) => number(f32::from_bits(word as u32), out),
            Self::Float64(_) => number(f64::from_bits(word), out),
            Self::Date(_) => date(signed as i32, out),
            Self::Timestamp(_) => timestamp(signed, out),
            _ => out.extend_from_slice(b"null"),
        }
    }
}

/// The columns of a batch, written row by row as objects.
pub struct JsonRows {
    columns: Vec<(Box<[u8]>, JsonColumn)>,
    rows: usize,
}

impl JsonRows {
    pub fn new(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let schema = batch.schema();
        let named = schema.fields().iter().zip(batch.columns());
        let columns: Result<Vec<_>, ArrowError> =
            named.map(|(field, column)| Ok((quoted(field.name()), JsonColumn::new(column)?))).collect();
        Ok(Self { columns: columns?, rows: batch.num_rows() })
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Appends `row` as an object.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        object(&self.columns, row, out);
    }
}

/// `text` as a JSON string.
pub fn quoted(value: &str) -> Box<[u8]> {
    let mut out = Vec::with_capacity(value.len() + 2);
    text(value, &mut out);
    out.into()
}

/// Appends `value` as a JSON string.
pub fn text(value: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("a string is written to memory");
}

/// Appends a number; `serde_json` writes floats shortest and what is not finite as `null`.
fn number(value: impl serde::Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(out, &value).expect("a number is written to memory");
}

fn date(days: i32, out: &mut Vec<u8>) {
    match NaiveDate::from_epoch_days(days) {
        Some(date) => write!(out, "\"{date}\"").expect("a date is written to memory"),
        None => out.extend_from_slice(b"null"),
    }
}

fn timestamp(micros: i64, out: &mut Vec<u8>) {
    match DateTime::from_timestamp_micros(micros) {
        Some(time) => text(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true), out),
        None => out.extend_from_slice(b"null"),
    }
}

fn list(items: &JsonColumn, range: std::ops::Range<usize>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, row) in range.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        items.write(row, out);
    }
    out.push(b']');
}

fn object(columns: &[(Box<[u8]>, JsonColumn)], row: usize, out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, (name, column)) in columns.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(name);
        out.push(b':');
        column.write(row, out);
    }
    out.push(b'}');
}
