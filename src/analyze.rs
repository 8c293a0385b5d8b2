//! Analyzers: built-in functions from a text to a struct of values.
//!
//! An analyzer is pure (no clock, no randomness, no state), deterministic to the last bit, and versioned: a change of
//! any value that it returns needs a new version, from which follow new fingerprints and a rebuild of the features.
//! It works on columns; the build and a request for one new text run the same function.

mod column;
pub mod emotion;
mod labels;
pub mod lexical;
pub mod rhyme;
pub mod structure;

use arrow::array::{StringArray, StructArray};
use arrow::datatypes::{DataType, Field, Fields};

/// Every analyzer, ordered by name.
pub const ANALYZERS: &[Analyzer] = &[emotion::ANALYZER, lexical::ANALYZER, rhyme::ANALYZER, structure::ANALYZER];

/// A built-in function from a text to a struct of values.
#[derive(Clone, Copy, Debug)]
pub struct Analyzer {
    /// What a definition calls it: `analyzer: { name: lexical, text: lyrics }`.
    pub name: &'static str,
    /// Grows with every change of a value that the analyzer returns.
    pub version: u32,
    /// One sentence for the catalogue.
    pub description: &'static str,
    fields: fn() -> Vec<OutputField>,
    run: fn(&StringArray) -> StructArray,
}

impl Analyzer {
    pub fn find(name: &str) -> Option<&'static Analyzer> {
        ANALYZERS.iter().find(|analyzer| analyzer.name == name)
    }

    /// The fields of the struct, in the order of its columns.
    pub fn fields(&self) -> Vec<OutputField> {
        (self.fields)()
    }

    /// The type of what [`Analyzer::analyze`] returns: a struct, each of whose fields is nullable.
    pub fn data_type(&self) -> DataType {
        DataType::Struct(arrow_fields(&self.fields()))
    }

    /// One struct per text, in the same order. A null text gives a null struct whose values are null too; in an empty
    /// text counts are 0, and what is undefined is null.
    pub fn analyze(&self, texts: &StringArray) -> StructArray {
        (self.run)(texts)
    }
}

/// One field of an analyzer's struct. It is nullable: a value may be undefined for a text.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputField {
    pub name: &'static str,
    pub data_type: DataType,
    /// What the value counts or is measured in; none for a share, a code or a score.
    pub unit: Option<&'static str>,
    /// One sentence for the catalogue.
    pub description: &'static str,
}

fn arrow_fields(fields: &[OutputField]) -> Fields {
    fields.iter().map(|field| Field::new(field.name, field.data_type.clone(), true)).collect()
}
