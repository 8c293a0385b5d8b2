//! All features of one entity in Arrow memory, one row a key.
//!
//! Each view's columns are brought into the order of the entity's keys once, when a release is opened: then a lookup is
//! one hash and a gather however many views there are, and SQL over the entity needs no join.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, TimestampMicrosecondArray, UInt32Array};
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit, TimestampMicrosecondType};

use super::indexed::{IndexedView, RowCache};
use super::spine::{Spine, rows_fault};
use super::{EntityPin, FeaturePin, KeyIndex, Manifest, Online, PackedRows, StoreError, Table, ViewPin};

/// The features of one entity.
#[derive(Debug)]
pub struct Frame {
    entity: EntityPin,
    spine: Arc<Spine>,
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
        let spine = Arc::new(Spine::load(entity, manifest, tables).await?);
        let mut frame = Self {
            entity: entity.clone(),
            spine: Arc::clone(&spine),
            columns: Vec::new(),
            by_name: BTreeMap::new(),
            packed: PackedRows::default(),
            moments: BTreeMap::new(),
        };
        for (field, values) in spine.columns.schema().fields().iter().zip(spine.columns.columns()) {
            let values = Values::Held(Arc::clone(values));
            frame.push(FrameColumn { field: Field::clone(field), values, slot: None, feature: None });
        }
        *room = room.saturating_sub(frame.memory_bytes());
        for (number, view) in manifest.views.iter().enumerate().filter(|(_, view)| view.entity == entity.name) {
            if let Some(table) = tables.get(&view.name) {
                frame.add_view(number, view, table, room, remembered).await?;
            }
        }
        frame.pack();
        Ok(frame)
    }

    pub fn entity(&self) -> &EntityPin {
        &self.entity
    }

    pub fn keys(&self) -> &KeyIndex {
        &self.spine.keys
    }

    pub fn rows(&self) -> usize {
        self.spine.keys.len()
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
        columns + moments + self.spine.keys.memory_bytes() + self.packed.memory_bytes()
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
        room: &mut usize,
        remembered: &RowCache,
    ) -> Result<(), StoreError> {
        let held = view.features.iter().filter(|feature| feature.online == Online::Memory);
        let held: Vec<&str> = held.map(|feature| feature.name.as_str()).collect();
        let time = view.timestamp_field.as_ref();
        let mut columns: BTreeMap<&str, ArrayRef> = BTreeMap::new();
        if !held.is_empty() || time.is_some() {
            let read = self.spine.read(table, time, &held).await?;
            if let Some(field) = time {
                let ttl = view.ttl_seconds.and_then(|seconds| TimeDelta::try_seconds(seconds.try_into().ok()?));
                self.moments.insert(view.name.clone(), Moments { times: micros(&read[field])?, ttl });
            }
            columns.extend(held.iter().map(|name| (*name, Arc::clone(&read[*name]))));
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
        let read = online.iter().filter(|(pin, _)| is_read(pin)).map(|(_, field)| field.clone());
        let read: Vec<Field> = read.collect();
        let indexed = Arc::new(IndexedView {
            number,
            table: table.clone(),
            timestamp_field: view.timestamp_field.clone(),
            schema: Arc::new(Schema::new(read)),
            spine: Arc::clone(&self.spine),
            remembered: remembered.clone(),
        });
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

/// Times as they are kept: in microseconds.
pub(super) fn micros(times: &ArrayRef) -> Result<TimestampMicrosecondArray, StoreError> {
    let times = cast(times, &DataType::Timestamp(TimeUnit::Microsecond, None)).map_err(rows_fault)?;
    Ok(times.as_primitive::<TimestampMicrosecondType>().clone())
}
