//! The rows of a view of sketches that are nearly the same, as a table of which features are made.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int32Array, ListArray, RecordBatch, StringArray,
};
use datafusion::arrow::compute::{SortColumn, SortOptions, concat_batches, filter_record_batch, lexsort_to_indices};
use datafusion::arrow::datatypes::{Field, Int64Type, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::row::{RowConverter, SortField};

use super::Computing;
use super::partly::{Changed, ChangedRows};
use crate::analyze::sketch::duplicates;
use crate::compile::TargetDuplicates;
use crate::limits::CHANGED_ROWS_MAX;
use crate::materialize::{BuiltTable, MaterializeError};
use crate::store::{KeySet, StoreError, ViewPin, key_texts};

impl Computing<'_> {
    /// The rows of which features are made, out of the sketches that were built; found once.
    pub(super) async fn duplicates_rows(&self, of: &TargetDuplicates) -> Result<&RecordBatch, MaterializeError> {
        self.duplicates.get_or_try_init(|| self.find_duplicates(of)).await
    }

    async fn find_duplicates(&self, of: &TargetDuplicates) -> Result<RecordBatch, MaterializeError> {
        let rows_fault = |error: ArrowError| MaterializeError::from(StoreError::Rows(error.to_string()));
        let columns = self.key.iter().cloned().chain([of.sketch.to_string()]);
        let columns: Vec<String> = columns.chain(of.prefer.iter().map(ToString::to_string)).collect();
        let Some(BuiltTable { table, .. }) = self.built.tables.get(of.view.as_str()) else {
            return Err(StoreError::Rows(format!("`{}` was not built before `{}`", of.view, self.name)).into());
        };
        let batches = table.read(&columns).await?;
        let schema = Arc::new(table.schema().project(&indices(&table.schema(), &columns)).map_err(rows_fault)?);
        let rows = concat_batches(&schema, &batches).map_err(rows_fault)?;
        let found = found(&rows, &self.key, of).map_err(rows_fault)?;
        let keys = self.key.len();
        let fields = schema.fields()[..keys].iter().map(|field| Field::clone(field).with_nullable(false));
        let schema = Arc::new(Schema::new(fields.chain(TargetDuplicates::found()).collect::<Vec<_>>()));
        let columns = rows.columns()[..keys].iter().cloned().chain(found).collect();
        RecordBatch::try_new(schema, columns).map_err(rows_fault)
    }

    /// The rows whose copies are not those that are stored: any row may change with any other.
    pub(super) async fn changed_copies(
        &self,
        pin: &ViewPin,
        of: &TargetDuplicates,
    ) -> Result<Changed, MaterializeError> {
        let rows_fault = |error: ArrowError| MaterializeError::from(StoreError::Rows(error.to_string()));
        let stored = self.store.view(self.name, &pin.data).await?;
        let (computed, _) = self.collected(self.computed(&self.session().await?, self.view).await?).await?;
        let names: Vec<String> = computed.schema().fields().iter().map(|field| field.name().clone()).collect();
        let common: Vec<String> = names.into_iter().filter(|name| stored.schema().index_of(name).is_ok()).collect();
        let there = stored.read(&common).await?;
        let schema = Arc::new(stored.schema().project(&indices(&stored.schema(), &common)).map_err(rows_fault)?);
        let there = concat_batches(&schema, &there).map_err(rows_fault)?;
        let computed = computed.project(&indices(&computed.schema(), &common)).map_err(rows_fault)?;
        let fields = schema.fields().iter().map(|field| SortField::new(field.data_type().clone()));
        let converter = RowConverter::new(fields.collect()).map_err(rows_fault)?;
        let old = converter.convert_columns(there.columns()).map_err(rows_fault)?;
        let new = converter.convert_columns(computed.columns()).map_err(rows_fault)?;
        // A row of a key is the same where there is the same row.
        let of_old: HashSet<&[u8]> = old.iter().map(|row| row.data()).collect();
        let of_new: HashSet<&[u8]> = new.iter().map(|row| row.data()).collect();
        let changed: BooleanArray = new.iter().map(|row| Some(!of_old.contains(row.data()))).collect();
        let gone: BooleanArray = old.iter().map(|row| Some(!of_new.contains(row.data()))).collect();
        let touched = [filter_record_batch(&computed, &changed), filter_record_batch(&there, &gone)];
        let keys = |batch: Result<RecordBatch, ArrowError>| {
            let batch = batch.map_err(rows_fault)?;
            batch.project(&indices(&batch.schema(), &self.key)).map_err(rows_fault)
        };
        let touched = touched.into_iter().map(keys).collect::<Result<Vec<_>, _>>()?;
        let touched = self.each_once(touched)?;
        match touched.iter().map(RecordBatch::num_rows).sum::<usize>() {
            0 => return Ok(Changed::Nothing),
            rows if rows > CHANGED_ROWS_MAX => return Ok(Changed::All),
            _ => {}
        }
        let rows = self.duplicates_rows(of).await?;
        let mut wanted = KeySet::default();
        for batch in &touched {
            let keys = key_texts(batch, &self.key)?;
            (0..batch.num_rows()).for_each(|row| {
                wanted.insert(&keys, row);
            });
        }
        // What is there already is not inserted.
        let keys = key_texts(rows, &self.key)?;
        let of_touched: BooleanArray = (0..rows.num_rows()).map(|row| Some(!wanted.insert(&keys, row))).collect();
        let rows = filter_record_batch(rows, &of_touched).map_err(rows_fault)?;
        Ok(Changed::Rows(ChangedRows { inputs: vec![(of.table(), rows.schema(), vec![rows])], touched }))
    }
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
