//! `word_vectors/<search>/<fingerprint>.arrow`: the commonest words of a search's texts as vectors, by which words of a query that no
//! text has, in another language or another word for the same, are read as words that texts have.

use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{Array, AsArray, FixedSizeListArray, Float32Array, Int8Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Float32Type, Int8Type, Schema};
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::FileWriter;
use hashbrown::HashMap;
use indexmap::IndexSet;

use super::eight_bits::{products, quantised};
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
    words: IndexSet<String>,
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
        self.push_quantised(word, scale, &numbers);
    }

    /// Takes those of `words` from `other`; says which of them it does not have.
    pub fn take(&mut self, words: Vec<String>, other: &Self) -> Vec<String> {
        let mut missing = Vec::new();
        for word in words {
            match other.words.get_index_of(&word) {
                Some(place) => self.push_quantised(word, other.scales[place], other.vector(place)),
                None => missing.push(word),
            }
        }
        missing
    }

    fn push_quantised(&mut self, word: String, scale: f32, numbers: &[i8]) {
        self.words.insert(word);
        self.scales.push(scale);
        self.numbers.extend_from_slice(numbers);
    }

    /// The words whose vectors have the greatest cosine with `vector`, which has the length 1; the nearest first.
    pub fn nearest(&self, vector: &[f32], limit: usize) -> Vec<(String, f32)> {
        if vector.len() != self.dimensions {
            return Vec::new();
        }
        let (scale, vector) = quantised(vector);
        let mut sums = vec![0; self.len()];
        products(&self.numbers, &vector, &mut sums);
        let cosine = |place: usize| sums[place] as f32 * scale * self.scales[place];
        let mut nearest: Vec<(usize, f32)> = (0..self.len()).map(|place| (place, cosine(place))).collect();
        let order = |a: &(usize, f32), b: &(usize, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if nearest.len() > limit {
            nearest.select_nth_unstable_by(limit, order);
            nearest.truncate(limit);
        }
        nearest.sort_by(order);
        nearest.into_iter().map(|(place, cosine)| (self.words[place].clone(), cosine)).collect()
    }

    /// For each of `texts` and each of `vectors` the greatest cosine of a word of the text with the vector, or 0.
    pub fn alike(&self, vectors: &[Vec<f32>], texts: &[Vec<String>]) -> Vec<Vec<f32>> {
        // Each different word of the texts is compared once.
        let mut numbers: HashMap<usize, usize> = HashMap::new();
        let (mut words, mut scales) = (Vec::new(), Vec::new());
        let mut in_numbers = |text: &Vec<String>| -> Vec<usize> {
            let mut number = |place: usize| {
                *numbers.entry(place).or_insert_with(|| {
                    words.extend_from_slice(self.vector(place));
                    scales.push(self.scales[place]);
                    scales.len() - 1
                })
            };
            let places = text.iter().filter_map(|word| self.words.get_index_of(word));
            let mut text: Vec<usize> = places.map(&mut number).collect();
            text.sort_unstable();
            text.dedup();
            text
        };
        let texts: Vec<Vec<usize>> = texts.iter().map(&mut in_numbers).collect();
        let mut alike = vec![Vec::with_capacity(vectors.len()); texts.len()];
        let mut sums = vec![0; scales.len()];
        for vector in vectors {
            let has_size = vector.len() == self.dimensions;
            let (scale, vector) = quantised(vector);
            sums.fill(0);
            if has_size {
                products(&words, &vector, &mut sums);
            }
            let cosine = |word: &usize| sums[*word] as f32 * scale * scales[*word];
            for (alike, text) in alike.iter_mut().zip(&texts) {
                alike.push(text.iter().map(cosine).fold(0.0, f32::max));
            }
        }
        alike
    }

    fn vector(&self, place: usize) -> &[i8] {
        &self.numbers[place * self.dimensions..(place + 1) * self.dimensions]
    }

    pub fn memory_bytes(&self) -> usize {
        // With its hash, and its place by that.
        let word = |word: &String| word.len() + size_of::<String>() + 2 * size_of::<usize>() + size_of::<f32>();
        self.words.iter().map(word).sum::<usize>() + self.numbers.len()
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
            Arc::new(StringArray::from_iter_values(&self.words)),
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
