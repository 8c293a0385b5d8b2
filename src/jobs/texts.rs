//! The texts of a job: read from JSON Lines or CSV, a row a line. What cannot be read stays a row, with the reason.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, UInt64Type};
use arrow::error::ArrowError;
use serde::Deserialize;

use crate::limits::{ANALYZED_TEXT_BYTES_MAX, JOB_ROWS_MAX};

/// Texts to analyze, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// The line in what was sent, from 1; of CSV without the header's.
    pub lines: Vec<u64>,
    /// What the sender calls each.
    pub keys: Vec<Option<String>>,
    /// None where there is a fault.
    pub texts: Vec<Option<String>>,
    /// ISO 639-1.
    pub languages: Vec<Option<String>>,
    /// Why a line is no text.
    pub faults: Vec<Option<String>>,
}

/// In what texts come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextsFormat {
    JsonLines,
    Csv,
}

/// A line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    text: String,
    #[serde(default, deserialize_with = "key")]
    key: Option<String>,
    #[serde(default)]
    language: Option<String>,
}

/// A text or a number.
fn key<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Key {
        Text(String),
        Number(i64),
    }
    Ok(Option::<Key>::deserialize(deserializer)?.map(|key| match key {
        Key::Text(key) => key,
        Key::Number(key) => key.to_string(),
    }))
}

impl Texts {
    /// Reads what was sent; the error says why nothing of it can be.
    pub fn read(format: TextsFormat, content: &[u8]) -> Result<Self, String> {
        let texts = match format {
            TextsFormat::JsonLines => Self::json_lines(content),
            TextsFormat::Csv => Self::csv(content)?,
        };
        match texts.lines.len() {
            rows if rows > JOB_ROWS_MAX => Err(format!("there are {rows} texts, a job has {JOB_ROWS_MAX} at most")),
            _ => Ok(texts),
        }
    }

    fn json_lines(content: &[u8]) -> Self {
        let mut texts = Self::default();
        for (number, line) in content.split(|byte| *byte == b'\n').enumerate() {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let read = serde_json::from_slice::<Line>(line);
            texts.push(number as u64 + 1, read.map_err(|error| format!("the line cannot be read: {error}")));
        }
        texts
    }

    fn csv(content: &[u8]) -> Result<Self, String> {
        let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(content);
        let header = reader.headers().map_err(|error| format!("the header cannot be read: {error}"))?.clone();
        let known = ["text", "key", "language"];
        if let Some(other) = header.iter().find(|name| !known.contains(name)) {
            return Err(format!("there is no column `{other}`; there is `{}`", known.join("`, `")));
        }
        if !header.iter().any(|name| name == "text") {
            return Err("the header has no `text`".to_owned());
        }
        let mut texts = Self::default();
        for (number, record) in reader.records().enumerate() {
            let read = record.map_err(|error| format!("the row cannot be read: {error}")).map(|record| {
                let field = |name: &str| {
                    let index = header.iter().position(|column| column == name)?;
                    record.get(index).filter(|value| !value.is_empty()).map(str::to_owned)
                };
                Line { text: field("text").unwrap_or_default(), key: field("key"), language: field("language") }
            });
            texts.push(number as u64 + 1, read);
        }
        Ok(texts)
    }

    fn push(&mut self, line: u64, read: Result<Line, String>) {
        let read = read.and_then(|line| match line.text.len() {
            bytes if bytes > ANALYZED_TEXT_BYTES_MAX => {
                Err(format!("the text has {bytes} bytes, {ANALYZED_TEXT_BYTES_MAX} at most are analyzed"))
            }
            _ => Ok(line),
        });
        self.lines.push(line);
        let (line, fault) = match read {
            Ok(line) => (Some(line), None),
            Err(fault) => (None, Some(fault)),
        };
        let (text, key, language) = line.map(|line| (Some(line.text), line.key, line.language)).unwrap_or_default();
        self.texts.push(text);
        self.keys.push(key);
        self.languages.push(language);
        self.faults.push(fault);
    }

    pub(super) fn to_batch(&self) -> Result<RecordBatch, ArrowError> {
        let text = |name: &str| Field::new(name, DataType::Utf8, true);
        let schema = Schema::new(vec![
            Field::new("line", DataType::UInt64, false),
            text("key"),
            text("text"),
            text("language"),
            text("fault"),
        ]);
        let texts = |values: &[Option<String>]| Arc::new(StringArray::from_iter(values)) as Arc<dyn Array>;
        let lines = Arc::new(UInt64Array::from(self.lines.clone()));
        let (keys, languages) = (texts(&self.keys), texts(&self.languages));
        RecordBatch::try_new(Arc::new(schema), vec![lines, keys, texts(&self.texts), languages, texts(&self.faults)])
    }

    pub(super) fn of_batch(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let missing = |name: &str| ArrowError::SchemaError(format!("the texts have no column `{name}`"));
        let column = |name: &str| batch.column_by_name(name).ok_or_else(|| missing(name));
        let texts = |name: &str| {
            let column = column(name)?.as_string_opt::<i32>().ok_or_else(|| missing(name))?;
            Ok::<_, ArrowError>(column.iter().map(|value| value.map(str::to_owned)).collect())
        };
        let lines = column("line")?.as_primitive_opt::<UInt64Type>().ok_or_else(|| missing("line"))?.values().to_vec();
        let (keys, languages) = (texts("key")?, texts("language")?);
        Ok(Self { lines, keys, texts: texts("text")?, languages, faults: texts("fault")? })
    }
}
