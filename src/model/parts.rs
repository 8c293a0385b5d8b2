//! The parts of a text that have vectors: the whole, its stanzas, its sentences.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeListArray, ListArray, StringArray, StructArray, UInt64Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Fields};

use super::{Embedded, EmbeddingModel, ModelError, vector_type};
use crate::text;

/// The parts of a text that have vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// All of it: one vector.
    Whole,
    /// Its stanzas ([`text::stanzas`]): a list of vectors.
    Stanzas,
    /// Its sentences ([`text::sentences`]): a list of vectors.
    Sentences,
}

impl Part {
    pub const ALL: [Self; 3] = [Self::Whole, Self::Stanzas, Self::Sentences];

    /// What definitions call it; the name of its field too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Stanzas => "stanzas",
            Self::Sentences => "sentences",
        }
    }

    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }

    /// The type of its values, where a vector has so many numbers.
    pub fn data_type(self, dimensions: usize) -> DataType {
        match self {
            Self::Whole => vector_type(dimensions),
            Self::Stanzas | Self::Sentences => DataType::List(vector_field(dimensions)),
        }
    }
}

fn vector_field(dimensions: usize) -> Arc<Field> {
    Arc::new(Field::new("item", vector_type(dimensions), true))
}

/// The fields of the struct of some parts, where a vector has so many numbers.
pub fn parts_type(parts: &[Part], dimensions: usize) -> Fields {
    parts.iter().map(|part| Field::new(part.name(), part.data_type(dimensions), true)).collect()
}

/// The values of some parts of texts.
#[derive(Debug)]
pub struct Parts {
    /// A field for each part that was asked for ([`parts_type`]); null where there is no text.
    pub values: StructArray,
    pub tokens: u64,
    /// The texts of which a part has no vector, and why: `(row, reason)`.
    pub faults: Vec<(usize, String)>,
}

/// The vectors of `parts` of `texts`, by one call of the model: what parts have in common it computes once.
pub(super) async fn embed_parts(
    model: &dyn EmbeddingModel,
    texts: &StringArray,
    parts: &[Part],
) -> Result<Parts, ModelError> {
    // A text and its parts stand together, so that the model sees them together.
    let mut asked: Vec<Option<&str>> = Vec::new();
    let mut of_row: Vec<usize> = Vec::new();
    let mut wholes = Vec::new();
    let mut stanzas = Lists::default();
    let mut sentences = Lists::default();
    for (row, text) in texts.iter().enumerate() {
        for part in parts {
            let start = asked.len();
            match part {
                Part::Whole => {
                    asked.push(text);
                    wholes.push(start as u64);
                }
                Part::Stanzas => {
                    asked.extend(text.map(text::stanzas).unwrap_or_default().into_iter().map(Some));
                    stanzas.push(start..asked.len());
                }
                Part::Sentences => {
                    asked.extend(text.map(text::sentences).unwrap_or_default().into_iter().map(Some));
                    sentences.push(start..asked.len());
                }
            }
            of_row.resize(asked.len(), row);
        }
    }
    let Embedded { vectors, tokens, faults } = model.embed(StringArray::from_iter(asked)).await?;
    let faults = faults.into_iter().map(|(index, reason)| (of_row[index], reason)).collect();
    let taken = |indices: &[u64]| {
        let taken = take(&vectors, &UInt64Array::from(indices.to_vec()), None);
        taken.expect("the indices are those of texts that were asked for").as_fixed_size_list().clone()
    };
    let values = parts.iter().map(|part| match part {
        Part::Whole => Arc::new(taken(&wholes)) as ArrayRef,
        Part::Stanzas => Arc::new(stanzas.of(texts, taken(&stanzas.indices))) as ArrayRef,
        Part::Sentences => Arc::new(sentences.of(texts, taken(&sentences.indices))) as ArrayRef,
    });
    let fields = parts_type(parts, model.dimensions());
    Ok(Parts { values: StructArray::new(fields, values.collect(), texts.nulls().cloned()), tokens, faults })
}

/// Parts of which a text has many.
#[derive(Default)]
struct Lists {
    /// Where they are among what is asked for.
    indices: Vec<u64>,
    /// How many each text has.
    counts: Vec<usize>,
}

impl Lists {
    fn push(&mut self, of_text: Range<usize>) {
        self.counts.push(of_text.len());
        self.indices.extend(of_text.start as u64..of_text.end as u64);
    }

    /// Their vectors as a list for each text, null where there is no text.
    fn of(&self, texts: &StringArray, vectors: FixedSizeListArray) -> ListArray {
        let field = vector_field(usize::try_from(vectors.value_length()).unwrap_or_default());
        let offsets = OffsetBuffer::from_lengths(self.counts.iter().copied());
        ListArray::new(field, offsets, Arc::new(vectors), texts.nulls().cloned())
    }
}
