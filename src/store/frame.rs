//! All features of one entity in Arrow memory, one row a key.
//!
//! Each view's columns are brought into the order of the entity's keys once, when a release is opened: then a lookup is
//! one hash and a gather however many views there are, and SQL over the entity needs no join.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use datafusion::arrow::compute::{cast, concat, concat_batches, partition, take, take_record_batch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};

use futures::TryStreamExt;

use super::indexed::{IndexedView, RowCache, Spine};
use super::{EntityPin, FeaturePin, KeyIndex, Manifest, Online, PackedRows, StoreError, Table, ViewPin, key_texts};

/// The features of one entity.
#[derive(Debug)]
pub struct Frame {
    entity: EntityPin,
    keys: Arc<KeyIndex>,
    /// The join keys in their own types, then every feature in the order of views.
    columns: Vec<FrameColumn>,
    by_name: BTreeMap<String, usize>,
    /// The values of the narrow columns once more.
    packed: PackedRows,
    /// By view that has a time: when the values of each row came about.
    moments: BTreeMap<String, Moments>,
}

/// When the values of a view came about, for each row of a frame.
#[derive(Clone, Debug)]
pub struct Moments {
    times: TimestampMicrosecondArray,
    /// How old they may be.
    pub ttl: Option<TimeDelta>,
}

impl Moments {
    /// None where the view has no row of the entity.
    pub fn at(&self, row: usize) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.times.is_valid(row).then(|| self.times.value(row))?)
    }
}

/// A column of a frame.
#[derive(Clone, Debug)]
pub struct FrameColumn {
    pub field: Field,
    pub values: Values,
    /// Where its values stand in a packed row; none where they are wide.
    pub slot: Option<usize>,
    /// The view and the feature; none for a join key.
    pub feature: Option<(Arc<str>, Arc<FeaturePin>)>,
}

/// Where the values of a column are, one for each row of the frame.
#[derive(Clone, Debug)]
pub enum Values {
    Held(ArrayRef),
    /// In the dataset of their view, under the name of the column.
    Indexed(Arc<IndexedView>),
}

impl FrameColumn {
    /// Its values in memory; none where they are read when they are asked for.
    pub fn held(&self) -> Option<&ArrayRef> {
        match &self.values {
            Values::Held(values) => Some(values),
            Values::Indexed(_) => None,
        }
    }

    /// Its values for `rows` of the frame.
    pub async fn of_rows(&self, rows: &[usize]) -> Result<ArrayRef, StoreError> {
        match &self.values {
            Values::Held(values) => take_rows(values, rows),
            Values::Indexed(view) => Ok(Arc::clone(&view.rows(rows).await?[self.field.name().as_str()])),
        }
    }

    /// Its values, one for each row of the frame; those that are not held are read whole.
    pub async fn all(&self) -> Result<ArrayRef, StoreError> {
        match &self.values {
            Values::Held(values) => Ok(Arc::clone(values)),
            Values::Indexed(view) => view.all(self.field.name()).await,
        }
    }

    pub fn is_restricted(&self) -> bool {
        self.feature.as_ref().is_some_and(|(_, feature)| feature.restricted)
    }
}

impl Frame {
    /// Reads the features of `entity` at the versions that `manifest` pins, as far as there is `room`, in bytes, of which it
    /// takes what it needs. Views for which there is none are read when they are asked for.
    pub(super) async fn load(
        entity: &EntityPin,
        manifest: &Manifest,
        tables: &BTreeMap<String, Table>,
        room: &mut usize,
        remembered: &RowCache,
    ) -> Result<Self, StoreError> {
        let columns = spine(entity, manifest, tables).await?;
        let keys = Arc::new(KeyIndex::new(key_texts(&columns, &entity.join_keys)?)?);
        let mut frame = Self {
            entity: entity.clone(),
            keys: Arc::clone(&keys),
            columns: Vec::new(),
            by_name: BTreeMap::new(),
            packed: PackedRows::default(),
            moments: BTreeMap::new(),
        };
        for (field, values) in columns.schema().fields().iter().zip(columns.columns()) {
            let values = Values::Held(Arc::clone(values));
            frame.push(FrameColumn { field: Field::clone(field), values, slot: None, feature: None });
        }
        *room = room.saturating_sub(frame.memory_bytes());
        let join_keys = entity.join_keys.clone();
        let spine = Spine { join_keys, columns, keys, remembered: remembered.clone() };
        for (number, view) in manifest.views.iter().enumerate().filter(|(_, view)| view.entity == entity.name) {
            if let Some(table) = tables.get(&view.name) {
                frame.add_view(number, view, table, &spine, room).await?;
            }
        }
        frame.pack();
        Ok(frame)
    }

    pub fn entity(&self) -> &EntityPin {
        &self.entity
    }

    pub fn keys(&self) -> &KeyIndex {
        &self.keys
    }

    pub fn rows(&self) -> usize {
        self.columns.first().and_then(FrameColumn::held).map(|values| values.len()).unwrap_or_default()
    }

    pub fn columns(&self) -> &[FrameColumn] {
        &self.columns
    }

    pub fn column(&self, name: &str) -> Option<&FrameColumn> {
        self.by_name.get(name).map(|index| &self.columns[*index])
    }

    pub fn memory_bytes(&self) -> usize {
        let columns: usize = self.columns.iter().filter_map(FrameColumn::held).map(Array::get_array_memory_size).sum();
        let moments: usize = self.moments.values().map(|moments| moments.times.get_array_memory_size()).sum();
        columns + moments + self.keys.memory_bytes() + self.packed.memory_bytes()
    }

    /// When the values of `view` came about; none where it has no time.
    pub fn moments(&self, view: &str) -> Option<&Moments> {
        self.moments.get(view)
    }

    pub fn packed(&self) -> &PackedRows {
        &self.packed
    }

    fn pack(&mut self) {
        let rows = self.rows();
        let mut narrow = Vec::new();
        for column in self.columns.iter_mut().filter(|column| column.feature.is_some()) {
            let Values::Held(values) = &column.values else { continue };
            if PackedRows::takes(values.data_type()) {
                column.slot = Some(narrow.len());
                narrow.push(values);
            }
        }
        self.packed = PackedRows::new(rows, &narrow);
    }

    fn push(&mut self, column: FrameColumn) {
        self.by_name.insert(column.field.name().clone(), self.columns.len());
        self.columns.push(column);
    }

    async fn add_view(
        &mut self,
        number: usize,
        view: &ViewPin,
        table: &Table,
        spine: &Spine,
        room: &mut usize,
    ) -> Result<(), StoreError> {
        let held = |feature: &&FeaturePin| feature.online == Online::Memory;
        let held: Vec<&str> = view.features.iter().filter(held).map(|feature| feature.name.as_str()).collect();
        let key = self.entity.join_keys.iter().chain(&view.timestamp_field).cloned();
        let names: Vec<String> = key.chain(held.iter().map(|name| (*name).to_owned())).collect();
        let mut columns: BTreeMap<&str, ArrayRef> = BTreeMap::new();
        if !held.is_empty() || view.timestamp_field.is_some() {
            let batch = match view.timestamp_field {
                None => one_batch(table, &names).await?,
                Some(_) => last_of_each_key(table, &names, &self.entity.join_keys).await?,
            };
            let rows = rows_of(&self.keys, self.rows(), &key_texts(&batch, &self.entity.join_keys)?);
            let in_order = |name: &str| match &rows {
                None => Ok(Arc::clone(&batch[name])),
                Some(rows) => take(&batch[name], rows, None).map_err(rows_fault),
            };
            if let Some(field) = &view.timestamp_field {
                let ttl = view.ttl_seconds.and_then(|seconds| TimeDelta::try_seconds(seconds.try_into().ok()?));
                let times = micros(&in_order(field)?)?;
                self.moments.insert(view.name.clone(), Moments { times, ttl });
            }
            for name in &held {
                columns.insert(name, in_order(name)?);
            }
        }
        let bytes: usize = columns.values().map(bytes_of).sum();
        if bytes > *room && table.has_index() {
            tracing::info!(view = view.name, bytes, "there is no room in memory for a view; it is read by its index");
            columns.clear();
        } else {
            *room = room.saturating_sub(bytes);
        }
        let schema = table.schema();
        // Metadata is the storage's own business.
        let field = |feature: &FeaturePin| {
            let stored = schema.field_with_name(&feature.name).ok()?;
            Some(Field::new(stored.name(), stored.data_type().clone(), true))
        };
        let online = view.features.iter().filter(|feature| feature.online != Online::Off);
        let online: Vec<(&FeaturePin, Field)> = online.filter_map(|pin| Some((pin, field(pin)?))).collect();
        let is_read = |pin: &FeaturePin| !columns.contains_key(pin.name.as_str());
        let read = online.iter().filter(|(pin, _)| is_read(pin)).map(|(_, field)| field.clone()).collect();
        let indexed = Arc::new(IndexedView::new(number, table, view.timestamp_field.clone(), read, spine));
        let name: Arc<str> = view.name.as_str().into();
        for (pin, field) in online {
            let values = match columns.remove(pin.name.as_str()) {
                Some(values) => Values::Held(values),
                None => Values::Indexed(Arc::clone(&indexed)),
            };
            let feature = Some((Arc::clone(&name), Arc::new(pin.clone())));
            self.push(FrameColumn { field, values, slot: None, feature });
        }
        Ok(())
    }
}

/// What a column takes once it is packed too.
fn bytes_of(values: &ArrayRef) -> usize {
    let packed = if PackedRows::takes(values.data_type()) { values.len() * size_of::<u64>() } else { 0 };
    values.get_array_memory_size() + packed
}

/// The values in `rows`.
pub fn take_rows(values: &ArrayRef, rows: &[usize]) -> Result<ArrayRef, StoreError> {
    let rows: UInt32Array = rows.iter().map(|row| u32::try_from(*row).ok()).collect();
    take(values, &rows, None).map_err(rows_fault)
}

/// For each of the `count` rows of `known` the row of a view with `keys`, null where it has none; None where they are the
/// same.
pub(super) fn rows_of(known: &KeyIndex, count: usize, keys: &[StringArray]) -> Option<UInt32Array> {
    if keys == known.columns() {
        return None;
    }
    let mut rows: Vec<Option<u32>> = vec![None; count];
    for view_row in 0..keys.first().map(|column| column.len()).unwrap_or_default() {
        let row = known.row(keys.iter().map(|column| column.value(view_row)));
        if let (Some(row), Ok(view_row)) = (row, u32::try_from(view_row)) {
            rows[row] = Some(view_row);
        }
    }
    Some(rows.into())
}

/// Times as they are kept: in microseconds.
pub(super) fn micros(times: &ArrayRef) -> Result<TimestampMicrosecondArray, StoreError> {
    let times = cast(times, &DataType::Timestamp(TimeUnit::Microsecond, None)).map_err(rows_fault)?;
    Ok(times.as_primitive::<TimestampMicrosecondType>().clone())
}

/// The keys of an entity, each once: those of its sources without time, or else those of its events.
async fn spine(
    entity: &EntityPin,
    manifest: &Manifest,
    tables: &BTreeMap<String, Table>,
) -> Result<RecordBatch, StoreError> {
    let of_entity = || manifest.sources.iter().filter(|source| source.entity == entity.name);
    let timeless = of_entity().any(|source| source.timestamp_field.is_none());
    let mut batches = Vec::new();
    for source in of_entity().filter(|source| source.timestamp_field.is_none() == timeless) {
        if let Some(table) = tables.get(&source.name) {
            batches.push(one_batch(table, &entity.join_keys).await?);
        }
    }
    let Some(first) = batches.first() else { return Ok(RecordBatch::new_empty(Arc::new(Schema::empty()))) };
    let schema = plain_schema(&first.schema());
    let columns: Result<Vec<ArrayRef>, _> = (0..schema.fields().len())
        .map(|column| concat(&batches.iter().map(|batch| batch.column(column).as_ref()).collect::<Vec<_>>()))
        .collect();
    let all = RecordBatch::try_new(schema, columns.map_err(rows_fault)?).map_err(rows_fault)?;
    let index = KeyIndex::new(key_texts(&all, &entity.join_keys)?)?;
    if index.len() == all.num_rows() {
        return Ok(all);
    }
    let first_of_key = |row: &usize| index.row(index.key(*row)) == Some(*row);
    let rows: UInt32Array = (0..all.num_rows()).filter(first_of_key).map(|row| u32::try_from(row).ok()).collect();
    let columns: Result<Vec<ArrayRef>, _> = all.columns().iter().map(|column| take(column, &rows, None)).collect();
    RecordBatch::try_new(all.schema(), columns.map_err(rows_fault)?).map_err(rows_fault)
}

/// Without metadata, which is the storage's own business.
fn plain_schema(schema: &Schema) -> SchemaRef {
    let field = |field: &Arc<Field>| Field::new(field.name(), field.data_type().clone(), field.is_nullable());
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

/// The last row of each key of a table with time, which may be far larger than what is kept. `columns` begin with the key
/// and the time.
pub(super) async fn last_of_each_key(
    table: &Table,
    columns: &[String],
    key: &[String],
) -> Result<RecordBatch, StoreError> {
    let mut stream = table.scan_in_order(columns, &columns[..key.len() + 1]).await?;
    let schema = stream.schema();
    let key = indices(&schema, key);
    let mut kept: Vec<RecordBatch> = Vec::new();
    // The last row of what was read: the next one may have its key.
    let mut open: Option<RecordBatch> = None;
    while let Some(batch) = stream.try_next().await.map_err(super::lance::rows_fault)? {
        if batch.num_rows() == 0 {
            continue;
        }
        if let Some(last) = open.take() {
            let both = concat_batches(&schema, [&last, &batch.slice(0, 1)]).map_err(rows_fault)?;
            if ends_of_keys(&both, &key)?.len() == 2 {
                kept.push(last);
            }
        }
        let mut ends = ends_of_keys(&batch, &key)?;
        ends.pop();
        kept.push(take_record_batch(&batch, &UInt32Array::from(ends)).map_err(rows_fault)?);
        let last = UInt32Array::from(vec![batch.num_rows() as u32 - 1]);
        open = Some(take_record_batch(&batch, &last).map_err(rows_fault)?);
    }
    kept.extend(open);
    concat_batches(&schema, &kept).map_err(rows_fault)
}

/// The last row of each run of rows with one key, ascending.
fn ends_of_keys(batch: &RecordBatch, key: &[usize]) -> Result<Vec<u32>, StoreError> {
    let columns: Vec<ArrayRef> = key.iter().map(|index| Arc::clone(batch.column(*index))).collect();
    let runs = partition(&columns).map_err(rows_fault)?;
    Ok(runs.ranges().into_iter().map(|run| run.end as u32 - 1).collect())
}

pub(super) async fn one_batch(table: &Table, columns: &[String]) -> Result<RecordBatch, StoreError> {
    let batches = table.read(columns).await?;
    match batches.first() {
        Some(first) => concat_batches(&first.schema(), &batches).map_err(rows_fault),
        None => {
            let schema = table.schema().project(&indices(&table.schema(), columns)).map_err(rows_fault)?;
            Ok(RecordBatch::new_empty(Arc::new(schema)))
        }
    }
}

fn indices(schema: &Schema, columns: &[String]) -> Vec<usize> {
    columns.iter().filter_map(|column| schema.index_of(column).ok()).collect()
}

pub(super) fn rows_fault(error: datafusion::arrow::error::ArrowError) -> StoreError {
    StoreError::Rows(error.to_string())
}
