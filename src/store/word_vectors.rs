//! `word_vectors/<search>/<fingerprint>.arrow`: the commonest words of a search's texts as vectors, by which words of a query that no
//! text has, in another language or another word for the same, are read as words that texts have.

use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{Array, AsArray, FixedSizeListArray, Float32Array, Int8Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Float32Type, Int8Type, Schema};
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::FileWriter;
use hashbrown::HashMap;

use super::search::Words;
use super::{Store, StoreError, Table};
use crate::name::Fingerprint;

/// The words of a search as vectors, in a release.
#[derive(Clone, Debug, PartialEq)]
pub struct WordVectorsPin {
    /// Relative to the store.
    pub file: String,
    pub words: u64,
    /// How many there may be.
    pub limit: u64,
    /// What makes vectors of a query's words too.
    pub model: String,
    pub digest: Fingerprint,
}

/// Words and their vectors, each number in eight bits: the share of the greatest number of its vector.
#[derive(Debug, Default)]
pub struct WordVectors {
    words: Vec<String>,
    /// What each vector's numbers are multiples of.
    scales: Vec<f32>,
    numbers: Vec<i8>,
    dimensions: usize,
}

impl WordVectors {
    /// None yet, of so many numbers each.
    pub fn new(dimensions: usize) -> Self {
        Self { dimensions, ..Self::default() }
    }

    pub fn len(&self) -> usize {
        self.words.len()
    }

    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    pub fn push(&mut self, word: String, vector: &[f32]) {
        let (scale, numbers) = quantised(vector);
        self.words.push(word);
        self.scales.push(scale);
        self.numbers.extend(numbers);
    }

    /// Takes those of `words` from `other`; says which of them it does not have.
    pub fn take(&mut self, words: Vec<String>, other: &Self) -> Vec<String> {
        let places: HashMap<&str, usize> =
            other.words.iter().enumerate().map(|(place, word)| (word.as_str(), place)).collect();
        let mut missing = Vec::new();
        for word in words {
            match places.get(word.as_str()) {
                Some(place) => {
                    self.scales.push(other.scales[*place]);
                    self.numbers.extend_from_slice(other.vector(*place));
                    self.words.push(word);
                }
                None => missing.push(word),
            }
        }
        missing
    }

    /// The words whose vectors have the greatest cosine with `vector`, which has the length 1; the nearest first.
    pub fn nearest(&self, vector: &[f32], limit: usize) -> Vec<(String, f32)> {
        if vector.len() != self.dimensions {
            return Vec::new();
        }
        let (scale, vector) = quantised(vector);
        let cosine = |place: usize| product(&vector, self.vector(place)) as f32 * scale * self.scales[place];
        let mut nearest: Vec<(usize, f32)> = (0..self.len()).map(|place| (place, cosine(place))).collect();
        let order = |a: &(usize, f32), b: &(usize, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if nearest.len() > limit {
            nearest.select_nth_unstable_by(limit, order);
            nearest.truncate(limit);
        }
        nearest.sort_by(order);
        nearest.into_iter().map(|(place, cosine)| (self.words[place].clone(), cosine)).collect()
    }

    fn vector(&self, place: usize) -> &[i8] {
        &self.numbers[place * self.dimensions..(place + 1) * self.dimensions]
    }

    pub fn memory_bytes(&self) -> usize {
        self.words.iter().map(|word| word.len() + size_of::<String>() + size_of::<f32>()).sum::<usize>()
            + self.numbers.len()
    }

    fn to_batch(&self) -> Result<RecordBatch, arrow::error::ArrowError> {
        let item = Arc::new(Field::new("item", DataType::Int8, false));
        let size = i32::try_from(self.dimensions).unwrap_or(i32::MAX);
        let numbers = Arc::new(Int8Array::from(self.numbers.clone()));
        let vectors = FixedSizeListArray::try_new(Arc::clone(&item), size, numbers, None)?;
        let schema = Schema::new(vec![
            Field::new("word", DataType::Utf8, false),
            Field::new("scale", DataType::Float32, false),
            Field::new("vector", DataType::FixedSizeList(item, size), false),
        ]);
        let columns: Vec<Arc<dyn Array>> = vec![
            Arc::new(StringArray::from(self.words.clone())),
            Arc::new(Float32Array::from(self.scales.clone())),
            Arc::new(vectors),
        ];
        RecordBatch::try_new(Arc::new(schema), columns)
    }

    fn of_batch(batch: &RecordBatch) -> Option<Self> {
        let words = batch.column_by_name("word")?.as_string_opt::<i32>()?;
        let scales = batch.column_by_name("scale")?.as_primitive_opt::<Float32Type>()?;
        let vectors = batch.column_by_name("vector")?.as_fixed_size_list_opt()?;
        let numbers = vectors.values().as_primitive_opt::<Int8Type>()?;
        Some(Self {
            words: words.iter().flatten().map(str::to_owned).collect(),
            scales: scales.values().to_vec(),
            numbers: numbers.values().to_vec(),
            dimensions: vectors.value_length().unsigned_abs() as usize,
        })
    }
}

impl Store {
    /// The words of a search's texts: those that most rows have, `limit` of them.
    pub async fn commonest_words(
        &self,
        table: &Table,
        columns: &[String],
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let Some(table) = table.lance() else { return Ok(Vec::new()) };
        let mut rows: HashMap<String, u64> = HashMap::new();
        for column in columns {
            for (word, count) in Words::of(table, column).await?.spelt() {
                *rows.entry(word.to_owned()).or_default() += u64::from(count);
            }
        }
        let mut words: Vec<(String, u64)> = rows.into_iter().collect();
        words.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        words.truncate(limit);
        Ok(words.into_iter().map(|(word, _)| word).collect())
    }

    /// Writes the words of `search`, under the name of what is in them; the name.
    pub async fn write_word_vectors(&self, search: &str, words: &WordVectors) -> Result<String, StoreError> {
        let written = || {
            let batch = words.to_batch()?;
            let mut bytes = Vec::new();
            let mut writer = FileWriter::try_new(&mut bytes, &batch.schema())?;
            writer.write(&batch)?;
            writer.finish()?;
            drop(writer);
            Ok::<_, arrow::error::ArrowError>(bytes)
        };
        let bytes = written().map_err(|error| StoreError::Rows(error.to_string()))?;
        let file = format!("word_vectors/{search}/{}.arrow", Fingerprint::from(blake3::hash(&bytes)));
        self.objects.write(&file, bytes).await?;
        Ok(file)
    }

    /// The words behind a pin.
    pub async fn word_vectors(&self, pin: &WordVectorsPin) -> Result<WordVectors, StoreError> {
        let damaged = |reason: String| StoreError::Damaged { path: pin.file.clone(), reason };
        let bytes = self.objects.read(&pin.file).await?.ok_or_else(|| damaged("the file is missing".to_owned()))?;
        let batches = FileReader::try_new(Cursor::new(bytes), None).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let batches = batches.map_err(|error| damaged(error.to_string()))?;
        let words = batches.first().and_then(WordVectors::of_batch);
        words.ok_or_else(|| damaged("it has no words, or not their vectors".to_owned()))
    }
}

/// A vector in eight bits a number, and what its numbers are multiples of.
fn quantised(vector: &[f32]) -> (f32, Vec<i8>) {
    let greatest = vector.iter().fold(f32::MIN_POSITIVE, |greatest, number| greatest.max(number.abs()));
    let scale = greatest / f32::from(i8::MAX);
    (scale, vector.iter().map(|number| (number / scale).round() as i8).collect())
}

fn product(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}
