//! JSON Lines, CSV and Parquet.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, new_null_array};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::util::display::array_value_to_string;
use flate2::read::MultiGzDecoder;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use serde_json::{Map, Value};

use super::rows::{Intake, Origin, Shape, misfit};
use super::{IngestError, Input};
use crate::engine::{exact_cast, shown};
use crate::limits::{SOURCE_BATCH_ROWS, SOURCE_LINE_BYTES_MAX};

/// Reads a file or an upload by the ending of its name.
pub(super) async fn read(
    input: &Input,
    shape: &Shape,
    intake: &mut Intake<'_>,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<(), IngestError> {
    let name = input.name();
    let path = match input {
        Input::File(path) => path.clone(),
        _ => PathBuf::from(&name),
    };
    let content = Content { input, path: &path };
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    match plain.rsplit('.').next().unwrap_or_default() {
        "jsonl" | "ndjson" => json_lines(content, &name, intake, progress).await,
        "csv" => csv(content, &name, shape, intake, progress).await,
        "parquet" if plain == name => parquet(content, &name, shape, intake, progress).await,
        _ => Err(IngestError::UnknownFormat { path }),
    }
}

/// The bytes of a file or an upload.
#[derive(Clone, Copy)]
struct Content<'a> {
    input: &'a Input,
    path: &'a Path,
}

impl Content<'_> {
    fn open(self) -> Result<Box<dyn Read + Send>, IngestError> {
        let plain: Box<dyn Read + Send> = match self.input {
            Input::Upload { content, .. } => Box::new(std::io::Cursor::new(content.clone())),
            _ => Box::new(File::open(self.path).map_err(|source| unreadable(self.path, source))?),
        };
        Ok(match self.path.extension().is_some_and(|extension| extension == "gz") {
            true => Box::new(MultiGzDecoder::new(plain)),
            false => plain,
        })
    }

    fn batches(self) -> Result<(SchemaRef, ParquetRecordBatchReader), IngestError> {
        let malformed = |error: ParquetError| IngestError::Malformed {
            path: self.path.to_owned(),
            format: "Parquet",
            reason: error.to_string(),
        };
        match self.input {
            Input::Upload { content, .. } => {
                let builder = ParquetRecordBatchReaderBuilder::try_new(content.clone()).map_err(malformed)?;
                let schema = Arc::clone(builder.schema());
                Ok((schema, builder.with_batch_size(SOURCE_BATCH_ROWS).build().map_err(malformed)?))
            }
            _ => {
                let file = File::open(self.path).map_err(|source| unreadable(self.path, source))?;
                let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(malformed)?;
                let schema = Arc::clone(builder.schema());
                Ok((schema, builder.with_batch_size(SOURCE_BATCH_ROWS).build().map_err(malformed)?))
            }
        }
    }
}

fn unreadable(path: &Path, source: std::io::Error) -> IngestError {
    IngestError::Unreadable { path: path.to_owned(), source }
}

async fn json_lines(
    content: Content<'_>,
    name: &str,
    intake: &mut Intake<'_>,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<(), IngestError> {
    let path = content.path;
    let mut reader = BufReader::with_capacity(1 << 20, content.open()?);
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let limit = SOURCE_LINE_BYTES_MAX as u64 + 1;
        let read =
            (&mut reader).take(limit).read_until(b'\n', &mut bytes).map_err(|source| unreadable(path, source))?;
        if read == 0 {
            break;
        }
        let origin = Origin { file: name, line };
        if bytes.len() > SOURCE_LINE_BYTES_MAX {
            // Its end may have been read already; then the next line is another.
            if !bytes.ends_with(b"\n") {
                reader.skip_until(b'\n').map_err(|source| unreadable(path, source))?;
            }
            intake.reject(origin, &format!("the line is longer than {SOURCE_LINE_BYTES_MAX} bytes"), "").await?;
            continue;
        }
        let Ok(text) = std::str::from_utf8(&bytes) else {
            let lossy = String::from_utf8_lossy(&bytes);
            intake.reject(origin, "the line is not UTF-8", lossy.trim_end()).await?;
            continue;
        };
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            continue;
        }
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(row)) => intake.row(origin, &row).await?,
            Ok(_) => intake.reject(origin, "the line is not a JSON object", text).await?,
            Err(error) => intake.reject(origin, &format!("the line is not JSON: {error}"), text).await?,
        }
        if line % 1_000 == 0 {
            progress(line);
        }
    }
    Ok(())
}

/// Stands behind the last line of a CSV as a row of its own, unless a quote is open there.
const END_OF_CSV: &str = "\n\u{1}the end of the file unless a quote is open\u{1}\n";

async fn csv(
    content: Content<'_>,
    name: &str,
    shape: &Shape,
    intake: &mut Intake<'_>,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<(), IngestError> {
    let path = content.path;
    let malformed = |error: ::csv::Error| IngestError::Malformed {
        path: path.to_owned(),
        format: "CSV",
        reason: error.to_string(),
    };
    let text = content.open()?.chain(END_OF_CSV.as_bytes());
    let mut reader = ::csv::ReaderBuilder::new().flexible(true).from_reader(BufReader::new(text));
    let headers: Vec<String> =
        reader.headers().map_err(malformed)?.iter().map(|h| h.trim_start_matches('\u{feff}').to_owned()).collect();
    if headers.iter().map(String::as_str).eq([END_OF_CSV.trim()]) {
        let reason = "it is empty".to_owned();
        return Err(IngestError::Malformed { path: path.to_owned(), format: "CSV", reason });
    }
    if let Some(twice) = headers.iter().enumerate().find_map(|(n, name)| headers[..n].contains(name).then_some(name)) {
        let reason = format!("its header has the column `{twice}` twice");
        return Err(IngestError::Malformed { path: path.to_owned(), format: "CSV", reason });
    }
    require_keys(path, shape, &headers)?;
    let bools: Vec<bool> = headers.iter().map(|header| is_bool(shape, header)).collect();
    let mut record = ::csv::ByteRecord::new();
    let mut rows = 0;
    loop {
        let begun = record.position().map(|position| position.line()).unwrap_or(1);
        let line = reader.position().line();
        let origin = Origin { file: name, line };
        match reader.read_byte_record(&mut record) {
            Ok(false) => {
                let reason = format!("a quote that is opened in the row of line {begun} is never closed");
                return Err(IngestError::Malformed { path: path.to_owned(), format: "CSV", reason });
            }
            Ok(true) if record.len() == 1 && record.get(0) == Some(END_OF_CSV.trim().as_bytes()) => return Ok(()),
            Ok(true) => {}
            Err(error) => return Err(malformed(error)),
        }
        let origin =
            Origin { line: record.position().map(|position| position.line()).unwrap_or(origin.line), ..origin };
        let fields: Result<Vec<&str>, _> = record.iter().map(std::str::from_utf8).collect();
        let Ok(fields) = fields else {
            intake.reject(origin, "the row is not UTF-8", "").await?;
            continue;
        };
        if fields.len() != headers.len() {
            let reason = format!("the row has {} fields, the header {}", fields.len(), headers.len());
            intake.reject(origin, &reason, &fields.join(",")).await?;
            continue;
        }
        let row: Map<String, Value> =
            headers.iter().zip(&fields).zip(&bools).map(|((h, f), b)| (h.clone(), cell(f, *b))).collect();
        intake.row(origin, &row).await?;
        rows += 1;
        if rows % 1_000 == 0 {
            progress(rows);
        }
    }
}

/// An empty field is a missing value.
fn cell(field: &str, is_bool: bool) -> Value {
    match field {
        "" => Value::Null,
        "true" | "True" | "TRUE" if is_bool => Value::Bool(true),
        "false" | "False" | "FALSE" if is_bool => Value::Bool(false),
        text => Value::String(text.to_owned()),
    }
}

fn is_bool(shape: &Shape, header: &str) -> bool {
    let column = shape.columns.iter().find(|column| column.from.iter().any(|name| name == header));
    column.is_some_and(|column| column.data_type == DataType::Boolean)
}

fn require_keys(path: &Path, shape: &Shape, found: &[String]) -> Result<(), IngestError> {
    for column in shape.columns.iter().filter(|column| shape.key.contains(&column.name)) {
        if !column.from.iter().any(|name| found.contains(name)) {
            return Err(IngestError::MissingKey {
                path: path.to_owned(),
                column: column.name.clone(),
                from: column.from.join("`, `"),
                found: found.join("`, `"),
            });
        }
    }
    Ok(())
}

async fn parquet(
    content: Content<'_>,
    name: &str,
    shape: &Shape,
    intake: &mut Intake<'_>,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<(), IngestError> {
    let path = content.path;
    let malformed = |reason: String| IngestError::Malformed { path: path.to_owned(), format: "Parquet", reason };
    let (schema, batches) = content.batches()?;
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    require_keys(path, shape, &names)?;
    let mut rows = 0;
    for batch in batches {
        let batch = batch.map_err(|error| malformed(error.to_string()))?;
        let mut bad = BTreeMap::new();
        let mut columns: Vec<ArrayRef> = Vec::new();
        for column in &shape.columns {
            let found = column.from.iter().find_map(|name| batch.column_by_name(name));
            let Some(found) = found else {
                columns.push(new_null_array(&column.data_type, batch.num_rows()));
                continue;
            };
            let (cast, misfits) = exact_cast(found, &column.data_type).map_err(|error| {
                malformed(format!(
                    "`{}` is {}, not {}: {error}",
                    column.name,
                    found.data_type(),
                    shown(&column.data_type)
                ))
            })?;
            for row in misfits {
                let value = array_value_to_string(found, row).unwrap_or_default();
                bad.entry(row).or_insert_with(|| misfit(&column.name, &value, &column.data_type));
            }
            columns.push(cast);
        }
        intake
            .batch(
                Origin { file: name, line: rows + 1 },
                columns.into_iter().map(|c| c as Arc<dyn Array>).collect(),
                &bad,
            )
            .await?;
        rows += batch.num_rows() as u64;
        progress(rows);
    }
    Ok(())
}
