//! A view whose columns or rows changed in part: what did not change keeps its files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::{Array, BooleanArray, RecordBatch, UInt64Array};
use datafusion::arrow::compute::{filter_record_batch, take_record_batch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::datasource::MemTable;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;

use super::{Computing, nulls_of, rows_fault, statistics_of};
use crate::compile::{Recipe, TargetFeature, TargetView};
use crate::engine::SqlError;
use crate::limits::{CHANGED_ROWS_MAX, SMALL_FRAGMENTS_MAX};
use crate::materialize::{BuiltTable, Change, ChangedColumns, Event, MaterializeError};
use crate::store::{KeyIndex, KeySet, Reject, StoreError, ViewPin, Writable, key_texts};

/// The rows of a view's inputs that changed.
pub(super) enum Changed {
    Nothing,
    Rows(ChangedRows),
    /// All of them, or more than are held.
    All,
}

pub(super) struct ChangedRows {
    /// Each input, with those of its rows that have a key in `touched`.
    pub inputs: Vec<(String, SchemaRef, Vec<RecordBatch>)>,
    /// The keys of rows that changed in an input, or are gone.
    pub touched: Vec<RecordBatch>,
}

impl ChangedRows {
    fn count(&self) -> u64 {
        self.touched.iter().map(|batch| batch.num_rows() as u64).sum()
    }
}

/// Nulls by feature.
type Nulls = BTreeMap<String, u64>;

impl Computing<'_> {
    /// Takes away and adds columns, and puts the rows that come from `changed` rows of the input in their places.
    pub(super) async fn partly(
        &self,
        pin: &ViewPin,
        columns: &ChangedColumns,
        changed: Option<ChangedRows>,
    ) -> Result<BuiltTable, MaterializeError> {
        let ChangedColumns { dropped, added } = columns;
        let expected = changed.as_ref().map(ChangedRows::count);
        let expected = if added.is_empty() { expected } else { Some(pin.rows) };
        (self.progress)(Event::Begin { table: self.name.to_owned(), rows: expected });
        let mut writable = self.to_write(pin.data.lance_version()).await?;
        let mut nulls = nulls_of(pin);
        nulls.retain(|name, _| !dropped.contains(name));
        if !dropped.is_empty() {
            writable.replace_columns(dropped, None).await?;
        }
        let has_rows = changed.is_some();
        // A view has one function: where a column is computed for all rows, all that fails is told again.
        let mut rejects = if added.is_empty() { self.kept_rejects(pin, changed.as_ref()).await? } else { Vec::new() };
        let mut change = Change::None;
        if let Some(changed) = changed {
            let kept = self.part(|name| !added.iter().any(|added| added == name));
            let deleted = self.put_rows(&mut writable, &kept, changed, &mut nulls).await?;
            change = Change::Rows { deleted };
        }
        if !added.is_empty() {
            let part = self.part(|name| added.iter().any(|added| added == name));
            if !self.add_columns(&mut writable, &part, &mut nulls).await? {
                tracing::warn!(view = self.name, "its rows are not those that its columns were computed for");
                self.new_rejects();
                return self.whole(Some(pin)).await;
            }
        }
        // Pieces that are in order would not be after they were made one.
        match has_rows && self.view.time.is_none() {
            true => writable.keep_up(&self.indexes()).await?,
            false => writable.extend_indexes(&self.indexes()).await?,
        }
        let table = writable.finish(&self.settings.build_id).await?;
        let rows = if has_rows { table.rows().await? as u64 } else { pin.rows };
        let mut statistics = statistics_of(pin);
        statistics.retain(|name, _| !dropped.contains(name));
        let is_other = |feature: &&TargetFeature| has_rows || added.iter().any(|name| name == feature.name.as_str());
        statistics.extend(self.profiled(&table, rows, self.view.features.iter().filter(is_other)).await?);
        rejects.extend(self.new_rejects());
        rejects.sort();
        rejects.dedup();
        let rejects = self.store.write_rejects(self.name, &self.settings.build_id, &rejects).await?;
        Ok(BuiltTable { table, rows, nulls, statistics, checks: Vec::new(), rejects, change, seconds: None })
    }

    /// The rejects of the pinned version whose rows are not computed again.
    async fn kept_rejects(&self, pin: &ViewPin, changed: Option<&ChangedRows>) -> Result<Vec<Reject>, StoreError> {
        let Some(rejects) = &pin.rejects else { return Ok(Vec::new()) };
        let mut touched: BTreeSet<Vec<String>> = BTreeSet::new();
        for batch in changed.into_iter().flat_map(|changed| &changed.touched) {
            let keys = key_texts(batch, &self.key)?;
            let key = |row: usize| keys.iter().map(|part| part.value(row).to_owned()).collect();
            touched.extend((0..batch.num_rows()).map(key));
        }
        let mut rejects = self.store.rejects(rejects).await?;
        rejects.retain(|reject| !touched.contains(&reject.key));
        Ok(rejects)
    }

    /// The view with those of its features that are `wanted`.
    fn part(&self, wanted: impl Fn(&str) -> bool) -> TargetView {
        let mut part = self.view.clone();
        part.features.retain(|feature| wanted(feature.name.as_str()));
        part
    }

    /// Computes the columns of `part` for the rows that are there. Returns whether they are the same rows.
    async fn add_columns(
        &self,
        writable: &mut Writable,
        part: &TargetView,
        nulls: &mut Nulls,
    ) -> Result<bool, MaterializeError> {
        // In any order: they are brought into that of the rows that are there.
        let (computed, seen) = self.collected(self.computed(&self.session().await?, part).await?).await?;
        let there = match writable.table() {
            Some(table) => table.read(&self.key).await?,
            None => Vec::new(),
        };
        let Some(aligned) = self.aligned(&computed, &there)? else { return Ok(false) };
        let indices: Vec<usize> = (self.key.len()..computed.num_columns()).collect();
        writable.replace_columns(&[], Some(aligned.project(&indices).map_err(rows_fault)?)).await?;
        nulls.extend(self.counted(part, &seen));
        Ok(true)
    }

    /// Puts the rows of `part` that come from `changed` rows in their places, and takes away those that have none any
    /// more, whose keys it returns.
    async fn put_rows(
        &self,
        writable: &mut Writable,
        part: &TargetView,
        changed: ChangedRows,
        nulls: &mut Nulls,
    ) -> Result<Vec<RecordBatch>, MaterializeError> {
        let ChangedRows { inputs, touched } = changed;
        let session = self.session().await?;
        for (input, schema, rows) in inputs {
            let only = MemTable::try_new(schema, vec![rows]);
            let only = only.map_err(|error| self.values(SqlError::from_execution(error)))?;
            session.register(&input, Arc::new(only));
        }
        let (computed, seen) = self.collected(self.computed_in_order(&session, part).await?).await?;
        let gone = self.gone(&touched, &computed)?;
        let replaced = match writable.table() {
            Some(table) => nulls_in(&table.of_keys(&self.key, &touched).await?),
            None => Nulls::new(),
        };
        match seen.rows {
            0 => writable.delete(gone.clone(), &self.key).await?,
            _ => {
                let (schema, rows) = (computed.schema(), futures::stream::iter([Ok(computed)]));
                writable.put(Box::pin(RecordBatchStreamAdapter::new(schema, rows)), touched, &self.key).await?;
            }
        }
        for (name, count) in self.counted(part, &seen) {
            let before = nulls.get(&name).copied().unwrap_or_default();
            nulls.insert(name.clone(), before.saturating_sub(replaced.get(&name).copied().unwrap_or_default()) + count);
        }
        Ok(gone)
    }

    /// `computed` in the order of the rows that are `there`; none where they are not the same rows.
    fn aligned(&self, computed: &RecordBatch, there: &[RecordBatch]) -> Result<Option<RecordBatch>, StoreError> {
        let index = KeyIndex::new(key_texts(computed, &self.key)?)?;
        let mut rows = Vec::with_capacity(computed.num_rows());
        for batch in there {
            let keys = key_texts(batch, &self.key)?;
            for row in 0..batch.num_rows() {
                match index.row(keys.iter().map(|part| part.value(row))) {
                    Some(computed) => rows.push(computed as u64),
                    None => return Ok(None),
                }
            }
        }
        if rows.len() != computed.num_rows() {
            return Ok(None);
        }
        Ok(Some(take_record_batch(computed, &UInt64Array::from(rows)).map_err(rows_fault)?))
    }

    /// The rows of the view's inputs that changed since the view was computed.
    pub(super) async fn changed_rows(&self, pin: &ViewPin) -> Result<Changed, MaterializeError> {
        // Pieces that are in order are put in order again before they are too many.
        if self.view.time.is_some() && self.open(&pin.data).await?.fragments() > SMALL_FRAGMENTS_MAX {
            return Ok(Changed::All);
        }
        let (mut inputs, mut touched) = (Vec::new(), Vec::new());
        for input in &self.view.inputs {
            let (Some(table), Some(since)) = (self.built.tables.get(input.as_str()), pin.inputs.get(input.as_str()))
            else {
                return Ok(Changed::All);
            };
            match &table.change {
                Change::None => {}
                Change::Whole => return Ok(Changed::All),
                Change::Rows { deleted } => {
                    touched.extend(deleted.iter().cloned());
                    let Some(rows) = table.table.changed_since(*since, &self.key, CHANGED_ROWS_MAX).await? else {
                        return Ok(Changed::All);
                    };
                    for batch in &rows {
                        touched.push(batch.project(&self.key_indices(&batch.schema())?).map_err(rows_fault)?);
                    }
                    inputs.push((input.to_string(), schema_of(table, &rows), rows));
                }
            }
        }
        if inputs.is_empty() {
            return Ok(Changed::Nothing);
        }
        if let Recipe::Duplicates(duplicates) = &self.view.recipe {
            return self.changed_copies(pin, duplicates).await;
        }
        let touched = self.each_once(touched)?;
        if touched.iter().map(RecordBatch::num_rows).sum::<usize>() > CHANGED_ROWS_MAX {
            return Ok(Changed::All);
        }
        // The rows of one input that changed are all that is read. Where there are several, each is read where any changed.
        if self.view.inputs.len() > 1 {
            inputs.clear();
            for input in &self.view.inputs {
                let Some(table) = self.built.tables.get(input.as_str()) else { return Ok(Changed::All) };
                if table.table.data().lance_version().is_none() {
                    return Ok(Changed::All);
                }
                let rows = table.table.of_keys(&self.key, &touched).await?;
                inputs.push((input.to_string(), schema_of(table, &rows), rows));
            }
        }
        Ok(Changed::Rows(ChangedRows { inputs, touched }))
    }

    /// The keys of `batches`, each once.
    pub(super) fn each_once(&self, batches: Vec<RecordBatch>) -> Result<Vec<RecordBatch>, StoreError> {
        let mut seen = KeySet::default();
        let once = |batch: RecordBatch| {
            let keys = key_texts(&batch, &self.key)?;
            let is_new: BooleanArray = (0..batch.num_rows()).map(|row| Some(seen.insert(&keys, row))).collect();
            filter_record_batch(&batch, &is_new).map_err(rows_fault)
        };
        batches.into_iter().map(once).collect()
    }

    /// The keys of `touched` that no row of `computed` has.
    fn gone(&self, touched: &[RecordBatch], computed: &RecordBatch) -> Result<Vec<RecordBatch>, StoreError> {
        let index = KeyIndex::new(key_texts(computed, &self.key)?)?;
        let mut gone = Vec::new();
        for batch in touched {
            let keys = key_texts(batch, &self.key)?;
            let rows =
                (0..batch.num_rows()).filter(|row| index.row(keys.iter().map(|part| part.value(*row))).is_none());
            let rows: UInt64Array = rows.map(|row| row as u64).collect::<Vec<_>>().into();
            if !rows.is_empty() {
                gone.push(take_record_batch(batch, &rows).map_err(rows_fault)?);
            }
        }
        Ok(gone)
    }

    fn key_indices(&self, schema: &SchemaRef) -> Result<Vec<usize>, StoreError> {
        self.key.iter().map(|name| schema.index_of(name).map_err(rows_fault)).collect()
    }
}

fn schema_of(table: &BuiltTable, rows: &[RecordBatch]) -> SchemaRef {
    rows.first().map(|batch| batch.schema()).unwrap_or_else(|| table.table.schema())
}

/// The nulls, by column.
fn nulls_in(rows: &[RecordBatch]) -> BTreeMap<String, u64> {
    let mut nulls = BTreeMap::new();
    for batch in rows {
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            *nulls.entry(field.name().clone()).or_default() += column.null_count() as u64;
        }
    }
    nulls
}
