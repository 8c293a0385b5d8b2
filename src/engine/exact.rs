//! Casts that lose nothing, and what people call the types.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::array_value_to_string;

/// `values` as `to`, and the rows whose value does not fit, ascending; they are null in the result.
///
/// A fraction does not fit an integer, nor a time of day a date; a float is rounded to the nearest of a narrower type.
/// Fails where no value of the one type is of the other.
pub fn exact_cast(values: &ArrayRef, to: &DataType) -> Result<(ArrayRef, Vec<usize>), ArrowError> {
    let safe = CastOptions { safe: true, ..CastOptions::default() };
    let cast = cast_with_options(values, to, &safe)?;
    let back = match cuts(values.data_type(), to) {
        true => Some(cast_with_options(&cast, values.data_type(), &safe)?),
        false => None,
    };
    let is_cut = |row: usize| back.as_ref().is_some_and(|back| back.slice(row, 1) != values.slice(row, 1));
    let misfits = (0..values.len()).filter(|row| values.is_valid(*row) && (cast.is_null(*row) || is_cut(*row)));
    let misfits = misfits.collect();
    Ok((cast, misfits))
}

/// `values` as `to`, or the first value that does not fit, as people write it.
pub fn exact_or_misfit(values: &ArrayRef, to: &DataType) -> Result<ArrayRef, String> {
    match exact_cast(values, to) {
        Err(_) => Err(format!("of the type {}", shown(values.data_type()))),
        Ok((cast, misfits)) => match misfits.first() {
            None => Ok(cast),
            Some(row) => Err(array_value_to_string(values, *row).unwrap_or_default()),
        },
    }
}

/// Whether Arrow's cast changes a value without making it null.
fn cuts(from: &DataType, to: &DataType) -> bool {
    match (items(from), items(to)) {
        // What does not fit is null within its list, and the list is not.
        (Some(from), Some(to)) => from != to && (cuts(from, to) || !(from.is_numeric() && to.is_floating())),
        _ => match (from, to) {
            (DataType::Struct(from), DataType::Struct(to)) => from != to,
            (DataType::Dictionary(_, from), to) => cuts(from, to),
            (DataType::Timestamp(..) | DataType::Date64, DataType::Date32) => true,
            (from, to) => to.is_integer() && from.is_numeric() && !from.is_integer(),
        },
    }
}

fn items(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => Some(item.data_type()),
        _ => None,
    }
}

/// What people call a type.
pub fn shown(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 => "string".to_owned(),
        DataType::Boolean => "bool".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        DataType::List(item) => format!("list<{}>", shown(item.data_type())),
        DataType::FixedSizeList(_, size) => format!("vector[{size}]"),
        DataType::Struct(fields) => {
            let field = |field: &Arc<Field>| format!("{}: {}", field.name(), shown(field.data_type()));
            format!("struct{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string().to_lowercase(),
    }
}
