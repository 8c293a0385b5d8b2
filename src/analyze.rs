//! Analyzers: built-in functions from a text to a struct of values.
//!
//! An analyzer is pure (no clock, no randomness, no state that shows in a value), deterministic to the last bit, and
//! versioned: a change of any value that it returns needs a new version, from which follow new fingerprints and a
//! rebuild of the features.
//! It works on columns; the build and a request for one new text run the same function.

mod column;
pub mod emotion;
mod labels;
pub mod lexical;
mod ready;
pub mod rhyme;
mod russian;
mod script;
pub mod sketch;
pub mod structure;
pub mod theme;

use arrow::array::{ListArray, StringArray, StructArray};
use arrow::datatypes::{DataType, Field, Fields};

pub use ready::{Analyzed, ReadyAnalyzer};

use rhyme::StressDictionary;
use theme::Themes;

/// Every analyzer, ordered by name.
pub const ANALYZERS: &[Analyzer] =
    &[emotion::ANALYZER, lexical::ANALYZER, rhyme::ANALYZER, sketch::ANALYZER, structure::ANALYZER, theme::ANALYZER];

/// A built-in function from a text to a struct of values.
#[derive(Clone, Copy, Debug)]
pub struct Analyzer {
    /// What a definition calls it: `analyzer: { name: lexical, text: lyrics }`.
    pub name: &'static str,
    /// Grows with every change of a value that the analyzer returns.
    pub version: u32,
    /// One sentence for the catalogue.
    pub description: &'static str,
    /// Whether it makes use of vectors of stanzas, where a view of them is named.
    pub reads_vectors: bool,
    /// Whether it judges by the themes that are defined.
    pub reads_themes: bool,
    /// Whether it asks the dictionary of stresses how Russian words are spoken.
    pub reads_stress: bool,
    /// The fields of the struct, in the order of its columns.
    pub fields: fn() -> Vec<OutputField>,
    /// One struct per text.
    pub run: fn(&Input<'_>) -> StructArray,
}

/// What an analyzer reads, a row a text.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    pub texts: &'a StringArray,
    /// A list of vectors for each text, one a stanza of [`crate::text::stanzas`]; none where no view of them is named.
    pub stanza_vectors: Option<&'a ListArray>,
    pub themes: &'a Themes,
    /// Empty where there is none: Russian words are then stressed by rule.
    pub stress: &'a StressDictionary,
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

    /// One struct per text, in the same order, by the texts alone. A null text gives a null struct whose values are null
    /// too; in an empty text counts are 0, and what is undefined is null.
    pub fn analyze(&self, texts: &StringArray) -> StructArray {
        let (themes, stress) = (&Themes::default(), &StressDictionary::default());
        (self.run)(&Input { texts, stanza_vectors: None, themes, stress })
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
