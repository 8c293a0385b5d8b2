//! Rows as they come, checked and gathered into batches.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::json::ReaderBuilder;
use arrow::json::reader::Decoder;
use datafusion::arrow::array::{Array, BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde_json::{Map, Value};

use super::IngestError;
use crate::engine::json::JsonRows;
use crate::engine::shown;
use crate::limits::SOURCE_BATCH_ROWS;
use crate::store::{IncomingWriter, KeySet, StoreError, key_texts};

/// Characters of a rejected row, or of a value in a reason, that are kept.
const SHOWN_CHARS: usize = 500;

/// What the rows of a source look like.
#[derive(Clone, Debug)]
pub struct Shape {
    pub source: String,
    pub columns: Vec<ShapeColumn>,
    /// The columns that no two rows share; they are never null.
    pub key: Vec<String>,
    /// Whether a column says when a row was written: then several rows may share a key, and the build takes the last.
    pub has_created: bool,
}

/// A column of a source.
#[derive(Clone, Debug)]
pub struct ShapeColumn {
    pub name: String,
    pub data_type: DataType,
    /// What files may call it, the first that is there winning.
    pub from: Vec<String>,
}

impl Shape {
    pub fn schema(&self) -> SchemaRef {
        let field = |c: &ShapeColumn| Field::new(&c.name, c.data_type.clone(), !self.key.contains(&c.name));
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }
}

/// Where a row stood.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'a> {
    pub file: &'a str,
    /// A line, or a row of a Parquet file, from 1.
    pub line: u64,
}

/// Gathers rows of one source.
pub(super) struct Intake<'a> {
    shape: &'a Shape,
    schema: SchemaRef,
    writer: IncomingWriter,
    /// Rows that wait for a full batch: their mapped values and where they stood.
    waiting: Vec<(Map<String, Value>, String, u64)>,
    seen: KeySet,
    rows: u64,
    first_reject: Option<String>,
}

impl<'a> Intake<'a> {
    pub fn new(shape: &'a Shape, writer: IncomingWriter) -> Self {
        let schema = shape.schema();
        Self { shape, schema, writer, waiting: Vec::new(), seen: KeySet::default(), rows: 0, first_reject: None }
    }

    /// Takes a row with the file's own names.
    pub async fn row(&mut self, origin: Origin<'_>, row: &Map<String, Value>) -> Result<(), IngestError> {
        let mapped = self.mapped(row);
        let column = self
            .shape
            .columns
            .iter()
            .find(|column| mapped.get(&column.name).is_some_and(|value| would_be_cut(value, &column.data_type)));
        if let Some(column) = column {
            let reason = misfit(&column.name, &mapped[&column.name].to_string(), &column.data_type);
            return self.reject(origin, &reason, &Value::Object(mapped).to_string()).await;
        }
        self.waiting.push((mapped, origin.file.to_owned(), origin.line));
        if self.waiting.len() >= SOURCE_BATCH_ROWS {
            self.flush().await?;
        }
        Ok(())
    }

    pub async fn reject(&mut self, origin: Origin<'_>, reason: &str, row: &str) -> Result<(), IngestError> {
        let row: String = row.chars().take(SHOWN_CHARS).collect();
        self.first_reject.get_or_insert_with(|| format!("{}:{}: {reason}", origin.file, origin.line));
        Ok(self.writer.reject(origin.file, origin.line, reason, &row).await?)
    }

    /// Takes rows that are in the source's schema already, nullable keys excepted; the first stands at `origin`.
    pub async fn batch(
        &mut self,
        origin: Origin<'_>,
        columns: Vec<Arc<dyn Array>>,
        bad: &BTreeMap<usize, String>,
    ) -> Result<(), IngestError> {
        let nullable: Vec<Field> = self.schema.fields().iter().map(|f| Field::clone(f).with_nullable(true)).collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(nullable)), columns).map_err(rows_fault)?;
        let mut bad = bad.clone();
        for name in &self.shape.key {
            let Some(column) = batch.column_by_name(name) else { continue };
            for row in (0..batch.num_rows()).filter(|row| column.is_null(*row)) {
                bad.entry(row).or_insert_with(|| format!("the key `{name}` is missing"));
            }
        }
        for (row, reason) in &bad {
            let origin = Origin { line: origin.line + *row as u64, ..origin };
            self.reject(origin, reason, &row_text(&batch, *row)?).await?;
        }
        let keep: BooleanArray = (0..batch.num_rows()).map(|row| Some(!bad.contains_key(&row))).collect();
        let kept = filter_record_batch(&batch, &keep).map_err(rows_fault)?;
        let lines: Vec<u64> =
            (0..batch.num_rows()).filter(|row| !bad.contains_key(row)).map(|row| origin.line + row as u64).collect();
        let kept = RecordBatch::try_new(Arc::clone(&self.schema), kept.columns().to_vec()).map_err(rows_fault)?;
        let file = origin.file.to_owned();
        self.distinct(kept, &lines.into_iter().map(|line| (file.clone(), line)).collect::<Vec<_>>()).await
    }

    /// Writes what waits; returns the writer, the rows taken and the first reject.
    pub async fn finish(mut self) -> Result<(IncomingWriter, u64, Option<String>), IngestError> {
        self.flush().await?;
        Ok((self.writer, self.rows, self.first_reject))
    }

    /// The values of a row under the source's names.
    fn mapped(&self, row: &Map<String, Value>) -> Map<String, Value> {
        let mut mapped = Map::new();
        for column in &self.shape.columns {
            let value = column.from.iter().find_map(|name| row.get(name)).filter(|value| !value.is_null());
            if let Some(value) = value {
                mapped.insert(column.name.clone(), value.clone());
            }
        }
        mapped
    }

    async fn flush(&mut self) -> Result<(), IngestError> {
        let mut waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        let rows: Vec<&Map<String, Value>> = waiting.iter().map(|(row, ..)| row).collect();
        let batch = match decode(&self.schema, &rows) {
            Ok(batch) => batch,
            Err(_) => {
                // One of them is at fault: find out which.
                let mut good = Vec::new();
                for (row, file, line) in waiting {
                    match decode(&self.schema, &[&row]) {
                        Ok(_) => good.push((row, file, line)),
                        Err(error) => {
                            let reason = self.reason(&row).unwrap_or(error);
                            let text = Value::Object(row).to_string();
                            self.reject(Origin { file: &file, line }, &reason, &text).await?;
                        }
                    }
                }
                waiting = good;
                let rows: Vec<&Map<String, Value>> = waiting.iter().map(|(row, ..)| row).collect();
                decode(&self.schema, &rows).map_err(StoreError::Rows)?
            }
        };
        let origins: Vec<(String, u64)> = waiting.into_iter().map(|(_, file, line)| (file, line)).collect();
        self.distinct(batch, &origins).await
    }

    /// Writes the rows whose key is new, and rejects the others.
    async fn distinct(&mut self, batch: RecordBatch, origins: &[(String, u64)]) -> Result<(), IngestError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let keys = key_texts(&batch, &self.shape.key)?;
        let mut keep = Vec::with_capacity(batch.num_rows());
        for (row, (file, line)) in origins.iter().enumerate() {
            let new = self.shape.has_created || self.seen.insert(&keys, row);
            if !new {
                let key: Vec<&str> = keys.iter().map(|part| part.value(row)).collect();
                let reason = format!("the key `{}` came before", key.join(","));
                self.reject(Origin { file, line: *line }, &reason, &row_text(&batch, row)?).await?;
            }
            keep.push(new);
        }
        let batch = filter_record_batch(&batch, &BooleanArray::from(keep)).map_err(rows_fault)?;
        self.rows += batch.num_rows() as u64;
        Ok(self.writer.write(&batch).await?)
    }

    /// Why a row is not of the schema, in terms of its columns.
    fn reason(&self, row: &Map<String, Value>) -> Option<String> {
        self.schema.fields().iter().find_map(|field| {
            let name = field.name();
            match row.get(name) {
                None if !field.is_nullable() => Some(format!("the key `{name}` is missing")),
                None => None,
                Some(value) => {
                    let alone = Map::from_iter([(name.clone(), value.clone())]);
                    let schema = Arc::new(Schema::new(vec![Field::clone(field)]));
                    decode(&schema, &[&alone]).err().map(|_| misfit(name, &value.to_string(), field.data_type()))
                }
            }
        })
    }
}

/// Why `value` does not enter `column`.
pub(super) fn misfit(column: &str, value: &str, data_type: &DataType) -> String {
    let value: String = value.chars().take(SHOWN_CHARS).collect();
    format!("`{column}` is {value}, which is not {}", shown(data_type))
}

/// `values` as a column of the type of `field`; the error says which of them is not.
pub fn typed_column(field: &Field, values: &[&Value]) -> Result<Arc<dyn Array>, String> {
    let name = field.name();
    let shown = |value: &Value| misfit(name, &value.to_string(), field.data_type());
    if let Some(cut) = values.iter().find(|value| would_be_cut(value, field.data_type())) {
        return Err(shown(cut));
    }
    let schema = Arc::new(Schema::new(vec![field.clone().with_nullable(true)]));
    let rows: Vec<Map<String, Value>> =
        values.iter().map(|value| Map::from_iter([(name.clone(), Value::clone(value))])).collect();
    let rows: Vec<&Map<String, Value>> = rows.iter().collect();
    match decode(&schema, &rows) {
        Ok(batch) => Ok(Arc::clone(batch.column(0))),
        Err(error) => {
            let at_fault = rows.iter().zip(values).find(|(row, _)| decode(&schema, &[row]).is_err());
            Err(at_fault.map(|(_, value)| shown(value)).unwrap_or(error))
        }
    }
}

/// Whether the decoder would drop a part of a number: a fraction, or digits that a float does not hold.
fn would_be_cut(value: &Value, data_type: &DataType) -> bool {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0; // 2^53
    match (value, data_type) {
        (Value::Number(number), to) if number.is_f64() && (to.is_integer() || to.is_temporal()) => {
            number.as_f64().is_none_or(|number| number.fract() != 0.0 || number.abs() >= EXACT_MAX)
        }
        (Value::Array(items), DataType::List(item) | DataType::FixedSizeList(item, _)) => {
            items.iter().any(|value| would_be_cut(value, item.data_type()))
        }
        (Value::Object(values), DataType::Struct(fields)) => fields
            .iter()
            .any(|field| values.get(field.name()).is_some_and(|value| would_be_cut(value, field.data_type()))),
        _ => false,
    }
}

/// A row that was decoded, as JSON.
fn row_text(batch: &RecordBatch, row: usize) -> Result<String, IngestError> {
    let mut text = Vec::new();
    JsonRows::new(&batch.slice(row, 1)).map_err(rows_fault)?.write(0, &mut text);
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn decode(schema: &SchemaRef, rows: &[&Map<String, Value>]) -> Result<RecordBatch, String> {
    let mut decoder: Decoder = ReaderBuilder::new(Arc::clone(schema))
        .with_batch_size(rows.len().max(1))
        .build_decoder()
        .map_err(|error| error.to_string())?;
    decoder.serialize(rows).map_err(|error| error.to_string())?;
    match decoder.flush().map_err(|error| error.to_string())? {
        Some(batch) => Ok(batch),
        None => Ok(RecordBatch::new_empty(Arc::clone(schema))),
    }
}

fn rows_fault(error: arrow::error::ArrowError) -> IngestError {
    StoreError::Rows(error.to_string()).into()
}
