//! Lookups: from keys to features, out of Arrow memory.
//!
//! A selection is compiled once per release; then a lookup hashes the key, gathers the row and writes it.

mod select;

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, RecordBatch, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Field, Schema};

pub use select::{OnRequestFeature, SelectedFeature, Selection, SelectionError, compile};

use crate::engine::json;
use crate::name::EntityKey;
use crate::store::ReadableFrame;

/// A key that is not of the entity's shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key of `{entity}` has {expected} parts (`{join_keys}`), `{key}` has {found}")]
pub struct WrongKey {
    pub entity: String,
    pub join_keys: String,
    pub expected: usize,
    pub found: usize,
    pub key: String,
}

/// The row of a key; none where the entity is unknown.
pub fn row(frame: &ReadableFrame<'_>, key: &EntityKey) -> Result<Option<usize>, WrongKey> {
    let join_keys = &frame.entity().join_keys;
    if key.parts().len() != join_keys.len() {
        return Err(WrongKey {
            entity: frame.entity().name.clone(),
            join_keys: join_keys.join("`, `"),
            expected: join_keys.len(),
            found: key.parts().len(),
            key: key.parts().join(","),
        });
    }
    Ok(frame.keys().row(key.parts().iter().map(String::as_str)))
}

/// Appends the selected features of `row` as an object.
pub fn write_object(frame: &ReadableFrame<'_>, selection: &Selection, row: usize, out: &mut Vec<u8>) {
    let packed = selection.packed(frame, row);
    out.push(b'{');
    for (index, feature) in selection.features().iter().enumerate() {
        out.extend_from_slice(if index == 0 { &feature.member[1..] } else { &feature.member });
        feature.write(row, packed, out);
    }
    out.push(b'}');
}

/// Appends the selected features of `row` as an array, in the order of the selection.
pub fn write_values(frame: &ReadableFrame<'_>, selection: &Selection, row: usize, out: &mut Vec<u8>) {
    let packed = selection.packed(frame, row);
    out.push(b'[');
    for (index, feature) in selection.features().iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        feature.write(row, packed, out);
    }
    out.push(b']');
}

/// Appends one of the selected features of `row`.
pub fn write_value(
    frame: &ReadableFrame<'_>,
    selection: &Selection,
    feature: &SelectedFeature,
    row: usize,
    out: &mut Vec<u8>,
) {
    feature.write(row, selection.packed(frame, row), out);
}

/// The selected features of `rows` in that order, null where a row is absent: the key columns, the features, `found`.
pub fn batch(
    frame: &ReadableFrame<'_>,
    selection: &Selection,
    keys: &[EntityKey],
    rows: &[Option<usize>],
) -> Result<RecordBatch, datafusion::arrow::error::ArrowError> {
    let indices: UInt32Array = rows.iter().map(|row| row.and_then(|row| u32::try_from(row).ok())).collect();
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (part, name) in frame.entity().join_keys.iter().enumerate() {
        // As they were asked for, so that the row of an unknown key says which one it is, where the column's type can.
        let texts = keys.iter().map(|key| key.parts().get(part).map(String::as_str));
        let texts: ArrayRef = Arc::new(texts.collect::<datafusion::arrow::array::StringArray>());
        let data_type = frame.column(name).map(|column| column.field.data_type()).unwrap_or(&DataType::Utf8);
        fields.push(Field::new(name, data_type.clone(), true));
        columns.push(datafusion::arrow::compute::cast(&texts, data_type)?);
    }
    for feature in selection.features() {
        fields.push(Field::new(&*feature.name, feature.values.data_type().clone(), true));
        columns.push(take(&feature.values, &indices, None)?);
    }
    fields.push(Field::new("found", DataType::Boolean, false));
    columns.push(Arc::new(rows.iter().map(|row| Some(row.is_some())).collect::<BooleanArray>()));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// Appends a key as it stands in an answer.
pub fn write_key(key: &EntityKey, out: &mut Vec<u8>) {
    match key.parts() {
        [only] => json::text(only, out),
        _ => json::text(&key.to_string(), out),
    }
}
