//! What a search has of its rows beside what they are found by: their texts, and the words of all texts.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::lance::dataset::ProjectionRequest;
use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};

use super::words::{NearWord, Words};
use super::{ReadableSearch, unexpected};
use crate::store::lance::{LanceTable, fault};
use crate::store::{SearchFieldPin, StoreError, aside};

impl ReadableSearch {
    /// For each of `asked`, a word and how far from it others may be, the words of the texts that are so near.
    pub async fn near_words(&self, asked: Vec<(String, usize)>) -> Result<Vec<Vec<NearWord>>, StoreError> {
        self.words().await?;
        let (table, fields) = (Arc::clone(&self.table), self.pin.fields.clone());
        // Beside those who are answered: some milliseconds for each word.
        aside(move || {
            let words: Vec<&Words> = table
                .words
                .get()
                .into_iter()
                .flat_map(|words| fields.iter().filter_map(|field| words.get(&field.column)))
                .collect();
            let near = |(word, distance): &(String, usize)| {
                words.iter().flat_map(|words| words.near(word, *distance)).collect()
            };
            asked.iter().map(near).collect()
        })
        .await
    }

    /// For each of `vectors` the words of the texts whose vectors are nearest to it, and their cosines with it. Those of texts
    /// that may not be read are among them: a reader has what [`Self::rows_with`] knows.
    pub async fn words_near(
        &self,
        vectors: Vec<Vec<f32>>,
        limit: usize,
    ) -> Result<Vec<Vec<(String, f32)>>, StoreError> {
        let table = Arc::clone(&self.table);
        // As above.
        aside(move || vectors.iter().map(|vector| table.word_vectors.nearest(vector, limit)).collect()).await
    }

    /// For each of `texts`, which are words, and each of `vectors` the greatest cosine of a word of the text with the vector; 0
    /// where no word has one above.
    pub async fn words_alike(
        &self,
        vectors: Vec<Vec<f32>>,
        texts: Vec<Vec<String>>,
    ) -> Result<Vec<Vec<f32>>, StoreError> {
        let table = Arc::clone(&self.table);
        // As above.
        aside(move || table.word_vectors.alike(&vectors, &texts)).await
    }

    /// Makes ready what is else made, or read, when it is first needed.
    pub async fn warm(&self) -> Result<(), StoreError> {
        self.table.held().await?;
        self.table.read_indexes().await?;
        self.words().await.map(|_| ())
    }

    /// Counts the words of its texts, unless they are.
    async fn words(&self) -> Result<&BTreeMap<String, Words>, StoreError> {
        let counting = async {
            let mut words = BTreeMap::new();
            for column in &self.table.texts {
                words.insert(column.clone(), Words::of(&self.table.table, column).await?);
            }
            Ok(words)
        };
        self.table.words.get_or_try_init(|| counting).await
    }

    /// Whether a field's text is restricted.
    pub fn is_restricted(&self, field: &str) -> bool {
        let column = self.pin.fields.iter().find(|known| known.name == field).map(|known| &known.column);
        self.pin.rows.features.iter().any(|feature| Some(&feature.name) == column && feature.restricted)
    }

    /// The texts of some rows, in their order: the name of each field, and its text of each row.
    pub async fn texts(&self, rows: &[usize]) -> Result<Vec<(&str, StringArray)>, StoreError> {
        let names: Vec<&str> = self.pin.fields.iter().map(|field| field.column.as_str()).collect();
        let taken = self.taken(&names, rows).await?;
        let text = |field: &'_ SearchFieldPin, column: &ArrayRef| {
            column.as_string_opt::<i32>().cloned().ok_or_else(|| unexpected(&self.table.table.path, &field.column))
        };
        let fields = self.pin.fields.iter().zip(taken.columns());
        fields.map(|(field, column)| Ok((field.name.as_str(), text(field, column)?))).collect()
    }

    pub(super) async fn taken(&self, columns: &[&str], rows: &[usize]) -> Result<RecordBatch, StoreError> {
        let LanceTable { dataset, path, .. } = &self.table.table;
        let ids: Vec<u64> = rows.iter().map(|row| self.table.ids[*row]).collect();
        let columns = ProjectionRequest::from_columns(columns.iter().copied(), dataset.schema());
        dataset.take_rows(&ids, columns).await.map_err(fault(path))
    }
}
