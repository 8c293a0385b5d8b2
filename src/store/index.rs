//! The indexes of a dataset: by value, by terms, by vectors.

use std::collections::BTreeSet;

use ::lance::Dataset;
use ::lance::index::DatasetIndexExt;
use ::lance::index::vector::VectorIndexParams;
use lance_index::optimize::OptimizeOptions;
use lance_index::scalar::inverted::tokenizer::Language;
use lance_index::scalar::{InvertedIndexParams, ScalarIndexParams};
use lance_index::vector::hnsw::builder::HnswBuildParams;
use lance_index::vector::ivf::IvfBuildParams;
use lance_index::vector::sq::builder::SQBuildParams;
use lance_index::{IndexParams, IndexType};
use lance_linalg::distance::DistanceType;

use super::lance::fault;
use super::writable::Writable;
use super::{StoreError, TableKey};
use crate::limits::{VECTOR_INDEX_ROWS_MIN, VECTOR_PARTITION_ROWS};

/// What rows are found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Index {
    /// By the values of a column.
    Value(String),
    /// By the terms in a column, which have spaces between; with their positions, for phrases.
    Terms(String),
    /// By nearness to the vectors of a column; where there are few, all are compared and there is no index.
    Vectors(String),
}

impl Index {
    /// Rows are found by the first column of their key.
    pub fn of_key(key: &TableKey) -> Vec<Self> {
        key.first().cloned().map(Self::Value).into_iter().collect()
    }

    fn column(&self) -> &str {
        match self {
            Self::Value(column) | Self::Terms(column) | Self::Vectors(column) => column,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Value(column) => format!("{column}_btree"),
            Self::Terms(column) => format!("{column}_terms"),
            Self::Vectors(column) => format!("{column}_vectors"),
        }
    }

    /// Whether a dataset of so many rows is read by it.
    fn is_for(&self, rows: usize) -> bool {
        !matches!(self, Self::Vectors(_)) || rows >= VECTOR_INDEX_ROWS_MIN
    }

    fn parameters(&self, rows: usize) -> (IndexType, Box<dyn IndexParams>) {
        match self {
            Self::Value(_) => (IndexType::BTree, Box::new(ScalarIndexParams::default())),
            Self::Terms(_) => {
                // Terms come as they shall be found: nothing is done to them here.
                let parameters = InvertedIndexParams::new("whitespace".to_owned(), Language::English)
                    .with_position(true)
                    .max_token_length(None)
                    .lower_case(false)
                    .stem(false)
                    .remove_stop_words(false)
                    .ascii_folding(false);
                (IndexType::Inverted, Box::new(parameters))
            }
            Self::Vectors(_) => {
                let partitions = rows.div_ceil(VECTOR_PARTITION_ROWS).max(1);
                let parameters = VectorIndexParams::with_ivf_hnsw_sq_params(
                    DistanceType::Cosine,
                    IvfBuildParams::new(partitions),
                    HnswBuildParams::default(),
                    SQBuildParams::default(),
                );
                (IndexType::Vector, Box::new(parameters))
            }
        }
    }
}

impl Writable {
    /// Builds indexes; those that are there are built anew.
    pub async fn index(&mut self, indexes: &[Index]) -> Result<(), StoreError> {
        let Some(dataset) = self.dataset.as_ref() else { return Ok(()) };
        let rows = dataset.count_rows(None).await.map_err(fault(&self.path))?;
        for index in indexes.iter().filter(|index| index.is_for(rows)) {
            let Some(dataset) = self.dataset.as_mut() else { return Ok(()) };
            let before = dataset.version_id();
            let (kind, parameters) = index.parameters(rows);
            let columns = [index.column()];
            let built = dataset.create_index(&columns, kind, Some(index.name()), parameters.as_ref(), true).await;
            built.map_err(fault(&self.path))?;
            let written = dataset.clone();
            self.committed(Some(before), written)?;
        }
        Ok(())
    }

    /// Brings the indexes up to date with the rows that were added since they were built, and builds those that are missing.
    pub async fn extend_indexes(&mut self, indexes: &[Index]) -> Result<(), StoreError> {
        let Some(dataset) = self.dataset.as_mut() else { return Ok(()) };
        let there = names(dataset).await.map_err(fault(&self.path))?;
        if !there.is_empty() {
            let before = dataset.version_id();
            dataset.optimize_indices(&OptimizeOptions::append()).await.map_err(fault(&self.path))?;
            let written = dataset.clone();
            // Where there is nothing to do, nothing is committed.
            if written.version_id() != before {
                self.committed(Some(before), written)?;
            }
        }
        let missing: Vec<Index> = indexes.iter().filter(|index| !there.contains(&index.name())).cloned().collect();
        self.index(&missing).await
    }
}

/// What the indexes of a dataset are called.
pub(super) async fn names(dataset: &Dataset) -> ::lance::Result<BTreeSet<String>> {
    let indices = dataset.load_indices().await?;
    Ok(indices.iter().map(|index| index.name.clone()).collect())
}
