//! Embedding models: texts in, vectors out.
//!
//! A model is pure in the sense that matters: its [`EmbeddingModel::digest`] stands for all that decides its vectors, and
//! goes into the fingerprint of what is made with it.

mod bert;
mod cores;
mod endpoint;
mod models;
mod parts;
mod sentence_encoder;
mod sums;

use std::sync::Arc;

use arrow::array::{FixedSizeListArray, Float32Array, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field};
use async_trait::async_trait;

pub use models::{BUILT_IN, Model, Models};
pub use parts::{Part, Parts, parts_type};
pub use sums::inner_product;

use crate::error::ErrorKind;
use crate::name::Fingerprint;

/// Turns texts into vectors.
#[async_trait]
pub trait EmbeddingModel: std::fmt::Debug + Send + Sync {
    /// Numbers of a vector.
    fn dimensions(&self) -> usize;

    /// Of all that decides the vectors.
    fn digest(&self) -> Fingerprint;

    /// A vector for each text, in the same order. A null text has none; nor has one that the model cannot take, which is
    /// among the faults.
    async fn embed(&self, texts: StringArray) -> Result<Embedded, ModelError>;
}

/// The vectors of some texts.
#[derive(Debug)]
pub struct Embedded {
    /// float32, of length 1 each; null where there is none.
    pub vectors: FixedSizeListArray,
    /// Tokens that the model read.
    pub tokens: u64,
    /// The texts that have no vector, and why: `(row, reason)`, ascending.
    pub faults: Vec<(usize, String)>,
}

/// Why a model does not answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ModelError {
    #[error("there is no model `{name}`; {remedy}")]
    Unknown { name: String, remedy: String },
    #[error("the model `{name}` needs `{file}`, which cannot be read; {remedy}")]
    Missing { name: String, file: String, remedy: &'static str },
    #[error("the model `{name}` cannot be used: {reason}")]
    Unusable { name: String, reason: String },
    #[error("the model `{name}` does not answer: {reason}")]
    Unavailable { name: String, reason: String },
}

impl ModelError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unknown { .. } => ErrorKind::NotFound,
            Self::Missing { .. } | Self::Unusable { .. } => ErrorKind::Invalid,
            Self::Unavailable { .. } => ErrorKind::Unavailable,
        }
    }
}

/// The type of vectors of so many numbers.
pub fn vector_type(dimensions: usize) -> DataType {
    // Models have a few thousand at most.
    DataType::FixedSizeList(item_field(), i32::try_from(dimensions).unwrap_or(i32::MAX))
}

fn item_field() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::Float32, true))
}

/// Vectors of `dimensions` numbers that lie behind one another in `numbers`; those that are not `present` are null.
fn vectors(dimensions: usize, numbers: Vec<f32>, present: Vec<bool>) -> FixedSizeListArray {
    let size = i32::try_from(dimensions).unwrap_or(i32::MAX);
    let nulls = NullBuffer::from(present);
    FixedSizeListArray::new(item_field(), size, Arc::new(Float32Array::from(numbers)), Some(nulls))
}

/// The texts that are there, and the rows that they stand in.
fn present(texts: &StringArray) -> (Vec<usize>, Vec<&str>) {
    texts.iter().enumerate().filter_map(|(row, text)| Some((row, text?))).unzip()
}

/// `computed` vectors, the i-th of them that of row `rows[i]`, as vectors of all `count` rows.
fn spread(dimensions: usize, count: usize, rows: &[usize], computed: &[f32]) -> FixedSizeListArray {
    let mut numbers = vec![0.0; count * dimensions];
    let mut present = vec![false; count];
    for (row, vector) in rows.iter().zip(computed.chunks_exact(dimensions)) {
        numbers[row * dimensions..(row + 1) * dimensions].copy_from_slice(vector);
        present[*row] = true;
    }
    vectors(dimensions, numbers, present)
}
