//! Rows as the bytes of a file.

use std::str::FromStr;
use std::sync::Arc;

use arrow::csv::WriterBuilder;
use arrow::ipc::writer::FileWriter;
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::engine::json::{JsonColumn, JsonRows};

/// The format of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    /// One array of objects.
    Json,
    JsonLines,
    Parquet,
    /// The Arrow IPC file format, which Feather 2 is.
    Arrow,
}

impl Format {
    pub const ALL: [(&'static str, Format); 5] = [
        ("csv", Format::Csv),
        ("json", Format::Json),
        ("jsonl", Format::JsonLines),
        ("parquet", Format::Parquet),
        ("arrow", Format::Arrow),
    ];

    /// Its name, which is also the ending of its files.
    pub fn extension(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, format)| *format == self);
        found.map(|(name, _)| *name).unwrap_or_default()
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::JsonLines => "application/x-ndjson",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Arrow => "application/vnd.apache.arrow.file",
        }
    }
}

impl FromStr for Format {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, format)| *format).ok_or(())
    }
}

#[derive(Debug, thiserror::Error)]
/// Why rows cannot be written in a format.
pub enum EncodeError {
    #[error("the rows cannot be encoded: {0}")]
    Arrow(#[from] ArrowError),
    #[error("the rows cannot be encoded: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
}

/// Encodes batches; the bytes so far are taken out with [`Encoder::take`].
pub enum Encoder {
    Csv { out: Vec<u8>, header: bool, schema: SchemaRef },
    Json { out: Vec<u8>, first: bool },
    JsonLines { out: Vec<u8> },
    Parquet(Box<ArrowWriter<Vec<u8>>>),
    Arrow(Box<FileWriter<Vec<u8>>>),
}

impl Encoder {
    pub fn new(format: Format, schema: &SchemaRef) -> Result<Self, EncodeError> {
        Ok(match format {
            Format::Csv => Self::Csv { out: Vec::new(), header: true, schema: flat_schema(schema) },
            Format::Json => Self::Json { out: b"[".to_vec(), first: true },
            Format::JsonLines => Self::JsonLines { out: Vec::new() },
            Format::Parquet => {
                let properties =
                    WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
                Self::Parquet(Box::new(ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties))?))
            }
            Format::Arrow => Self::Arrow(Box::new(FileWriter::try_new(Vec::new(), schema)?)),
        })
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), EncodeError> {
        match self {
            Self::Csv { out, header, schema } => {
                let batch = flat(batch, schema)?;
                let mut writer = WriterBuilder::new().with_header(std::mem::take(header)).build(out);
                writer.write(&batch)?;
            }
            Self::Json { out, first } => {
                let rows = JsonRows::new(batch)?;
                for row in 0..rows.rows() {
                    if !std::mem::take(first) {
                        out.extend_from_slice(b",\n");
                    }
                    rows.write(row, out);
                }
            }
            Self::JsonLines { out } => {
                let rows = JsonRows::new(batch)?;
                for row in 0..rows.rows() {
                    rows.write(row, out);
                    out.push(b'\n');
                }
            }
            Self::Parquet(writer) => writer.write(batch)?,
            Self::Arrow(writer) => writer.write(batch)?,
        }
        Ok(())
    }

    /// The bytes since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Csv { out, .. } | Self::Json { out, .. } | Self::JsonLines { out } => std::mem::take(out),
            Self::Parquet(writer) => std::mem::take(writer.inner_mut()),
            Self::Arrow(writer) => std::mem::take(writer.get_mut()),
        }
    }

    /// The last bytes.
    pub fn finish(self) -> Result<Vec<u8>, EncodeError> {
        Ok(match self {
            Self::Csv { mut out, header, schema } => {
                if header {
                    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
                    out.extend_from_slice(names.join(",").as_bytes());
                    out.push(b'\n');
                }
                out
            }
            Self::Json { mut out, .. } => {
                out.extend_from_slice(b"]\n");
                out
            }
            Self::JsonLines { out } => out,
            Self::Parquet(writer) => writer.into_inner()?,
            Self::Arrow(writer) => writer.into_inner()?,
        })
    }
}

/// CSV has no nested values: they are written as JSON.
fn flat_schema(schema: &Schema) -> SchemaRef {
    let field = |field: &Arc<Field>| match field.data_type().is_nested() {
        true => Field::new(field.name(), DataType::Utf8, true),
        false => Field::clone(field),
    };
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

fn flat(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let column = |column: &ArrayRef| -> Result<ArrayRef, ArrowError> {
        if !column.data_type().is_nested() {
            return Ok(Arc::clone(column));
        }
        let json = JsonColumn::new(column)?;
        let texts = (0..column.len()).map(|row| {
            let mut out = Vec::new();
            json.write(row, &mut out);
            column.is_valid(row).then(|| String::from_utf8_lossy(&out).into_owned())
        });
        Ok(Arc::new(texts.collect::<StringArray>()))
    };
    let columns: Result<Vec<ArrayRef>, ArrowError> = batch.columns().iter().map(column).collect();
    RecordBatch::try_new(Arc::clone(schema), columns?)
}

/// Batches as CSV with a header.
pub fn csv_text(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Vec<u8>, ArrowError> {
    let schema = flat_schema(schema);
    let mut out = Vec::new();
    let mut writer = WriterBuilder::new().with_header(true).build(&mut out);
    for batch in batches {
        writer.write(&flat(batch, &schema)?)?;
    }
    if batches.is_empty() {
        writer.write(&RecordBatch::new_empty(schema))?;
    }
    drop(writer);
    Ok(out)
}
