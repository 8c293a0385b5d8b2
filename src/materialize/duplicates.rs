//! The rows of a view of sketches that are nearly the same, as a table of which features are made.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int32Array, ListArray, RecordBatch, StringArray,
};
use datafusion::arrow::compute::{SortColumn, SortOptions, concat_batches, lexsort_to_indices};
use datafusion::arrow::datatypes::{Field, Int64Type, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;

use super::{Built, MaterializeError};
use crate::analyze::sketch::duplicates;
use crate::compile::{JoinKey, TargetDuplicates};
use crate::engine::SqlError;
use crate::store::{StoreError, key_texts};

/// The table behind the view `name`, made of the sketches that were `built`.
pub(super) async fn duplicates_table(
    name: &str,
    of: &TargetDuplicates,
    join_keys: &[JoinKey],
    built: &Built,
) -> Result<Arc<dyn TableProvider>, MaterializeError> {
    let rows_fault = |error: ArrowError| MaterializeError::from(StoreError::Rows(error.to_string()));
    let keys: Vec<String> = join_keys.iter().map(|key| key.name.to_string()).collect();
    let columns: Vec<String> =
        keys.iter().cloned().chain([of.sketch.to_string()]).chain(of.prefer.iter().map(ToString::to_string)).collect();
    let Some(table) = built.tables.get(of.view.as_str()) else {
        return Err(StoreError::Rows(format!("`{}` was not built before `{name}`", of.view)).into());
    };
    let batches = table.table.read(&columns).await?;
    let schema = match batches.first() {
        Some(batch) => batch.schema(),
        None => Arc::new(table.table.schema().project(&indices(&table.table.schema(), &columns)).map_err(rows_fault)?),
    };
    let rows = concat_batches(&schema, &batches).map_err(rows_fault)?;
    let found = found(&rows, &keys, of).map_err(rows_fault)?;
    let fields =
        keys.iter().zip(rows.columns()).map(|(name, column)| Field::new(name, column.data_type().clone(), false));
    let schema = Arc::new(Schema::new(fields.chain(TargetDuplicates::found()).collect::<Vec<_>>()));
    let columns = rows.columns()[..keys.len()].iter().cloned().chain(found).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(rows_fault)?;
    let table = MemTable::try_new(schema, vec![vec![batch]]);
    let fault = |error| MaterializeError::Values { view: name.to_owned(), source: SqlError::from_execution(error) };
    Ok(Arc::new(table.map_err(fault)?))
}

fn indices(schema: &Schema, names: &[String]) -> Vec<usize> {
    names.iter().filter_map(|name| schema.index_of(name).ok()).collect()
}

/// The columns of [`TargetDuplicates::found`], in the order of `rows`: keys, sketches, what is preferred.
fn found(rows: &RecordBatch, keys: &[String], of: &TargetDuplicates) -> Result<[ArrayRef; 3], ArrowError> {
    let order = order(rows, keys.len())?;
    let Some(lists) = rows.column(keys.len()).as_list_opt::<i32>() else {
        return Err(ArrowError::SchemaError(format!("`{}` holds no sketches", of.sketch)));
    };
    let sketches = sketches(lists);
    let found = duplicates(&sketches, &order, of.similarity);
    let texts = key_texts(rows, keys).map_err(|error| ArrowError::ComputeError(error.to_string()))?;
    let key = |row: usize| texts.iter().map(|part| part.value(row)).collect::<Vec<_>>().join(",");
    let mut copies = vec![0_i32; rows.num_rows()];
    for of in found.iter().flatten() {
        copies[of.row] += 1;
    }
    let canonical = found.iter().map(|of| of.map(|of| key(of.row)));
    let similarity = found.iter().map(|of| of.map(|of| of.similarity));
    let copies = found.iter().map(|of| of.map(|of| copies[of.row]));
    Ok([
        Arc::new(StringArray::from_iter(canonical)),
        Arc::new(Float64Array::from_iter(similarity)),
        Arc::new(Int32Array::from_iter(copies)),
    ])
}

/// The rows from the most to the least preferred, equal ones by their keys.
fn order(rows: &RecordBatch, keys: usize) -> Result<Vec<usize>, ArrowError> {
    let sorted = |column: &ArrayRef, descending: bool| SortColumn {
        values: Arc::clone(column),
        options: Some(SortOptions { descending, nulls_first: false }),
    };
    let preferred = rows.columns().get(keys + 1).map(|column| sorted(column, true));
    let keys = rows.columns()[..keys].iter().map(|column| sorted(column, false));
    let order = lexsort_to_indices(&preferred.into_iter().chain(keys).collect::<Vec<_>>(), None)?;
    Ok(order.values().iter().map(|row| *row as usize).collect())
}

fn sketches(lists: &ListArray) -> Vec<Option<&[i64]>> {
    let numbers = lists.values().as_primitive_opt::<Int64Type>().map(|numbers| &numbers.values()[..]);
    let offsets = lists.value_offsets();
    let sketch = |row: usize| {
        let (start, end) = (usize::try_from(offsets[row]).ok()?, usize::try_from(offsets[row + 1]).ok()?);
        numbers.filter(|_| lists.is_valid(row))?.get(start..end)
    };
    (0..lists.len()).map(sketch).collect()
}
