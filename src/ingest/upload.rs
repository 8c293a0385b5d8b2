//! Rows without definitions, such as those of a training set: their types are told by the rows.

use std::io::Cursor;
use std::str::FromStr;
use std::sync::Arc;

use arrow::csv::reader::Format as Csv;
use arrow::ipc::reader::{FileReader, StreamReader};
use arrow::json::reader::{ReaderBuilder, infer_json_schema_from_seekable};
use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::limits::SOURCE_BATCH_ROWS;

/// The format of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadFormat {
    Csv,
    /// An object a line.
    JsonLines,
    Parquet,
    ArrowStream,
    ArrowFile,
}

impl UploadFormat {
    /// By media type and by the ending of files.
    pub const NAMED: [(&'static str, &'static str, UploadFormat); 5] = [
        ("text/csv", "csv", Self::Csv),
        ("application/x-ndjson", "jsonl", Self::JsonLines),
        ("application/vnd.apache.parquet", "parquet", Self::Parquet),
        ("application/vnd.apache.arrow.stream", "arrows", Self::ArrowStream),
        ("application/vnd.apache.arrow.file", "arrow", Self::ArrowFile),
    ];

    pub fn of_media_type(media_type: &str) -> Option<Self> {
        Self::NAMED.iter().find(|(known, ..)| media_type.eq_ignore_ascii_case(known)).map(|(.., format)| *format)
    }
}

impl FromStr for UploadFormat {
    type Err = ();

    /// By the ending of a file.
    fn from_str(ending: &str) -> Result<Self, ()> {
        Self::NAMED.iter().find(|(_, known, _)| ending == *known).map(|(.., format)| *format).ok_or(())
    }
}

/// Reads an upload; the error says what is wrong with it.
pub fn read_upload(format: UploadFormat, body: Bytes) -> Result<(SchemaRef, Vec<RecordBatch>), String> {
    read(format, body).map_err(|error| error.to_string())
}

fn read(format: UploadFormat, body: Bytes) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    match format {
        UploadFormat::Csv => {
            let csv = Csv::default().with_header(true);
            let (schema, _) = csv.infer_schema(Cursor::new(&body), None)?;
            let schema = Arc::new(schema);
            let reader =
                arrow::csv::ReaderBuilder::new(Arc::clone(&schema)).with_format(csv).build(Cursor::new(&body))?;
            Ok((schema, reader.collect::<Result<_, _>>()?))
        }
        UploadFormat::JsonLines => {
            let (schema, _) = infer_json_schema_from_seekable(Cursor::new(&body), None)?;
            let schema = Arc::new(schema);
            let reader = ReaderBuilder::new(Arc::clone(&schema)).with_batch_size(SOURCE_BATCH_ROWS);
            Ok((schema, reader.build(Cursor::new(&body))?.collect::<Result<_, _>>()?))
        }
        UploadFormat::Parquet => {
            let builder = ParquetRecordBatchReaderBuilder::try_new(body)?;
            let schema = Arc::clone(builder.schema());
            Ok((schema, builder.with_batch_size(SOURCE_BATCH_ROWS).build()?.collect::<Result<_, _>>()?))
        }
        UploadFormat::ArrowStream => {
            let reader = StreamReader::try_new(Cursor::new(&body), None)?;
            Ok((reader.schema(), reader.collect::<Result<_, _>>()?))
        }
        UploadFormat::ArrowFile => {
            let reader = FileReader::try_new(Cursor::new(&body), None)?;
            Ok((reader.schema(), reader.collect::<Result<_, _>>()?))
        }
    }
}
