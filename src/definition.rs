//! What people wrote in `feature_defs/`, with the place of every word, and everything that is wrong with it.
//!
//! YAML is read into a tree that knows its lines and columns (`tree.rs`) and not by serde, which stops at the first
//! fault. What comes out ([`Definitions`]) is well-formed piece by piece; whether the pieces fit together is for
//! `compile` to say.

mod aggregate;
mod corpus;
mod criterion;
mod diagnostic;
mod dtype;
mod expect;
mod fields;
mod load;
mod on_request;
mod profile;
mod read;
mod schema;
mod search;
mod synonyms;
mod theme;
mod tree;
mod written;

pub use criterion::Criterion;
pub use diagnostic::{Diagnostic, Diagnostics, Place, Spanned};
pub use dtype::Dtype;
pub use expect::{Expectation, Expected, OnFailure};
pub use load::{FOLDER, File, LoadError, load};
pub use profile::{AtMost, Fusion, LegWeights, Prior, Profile, SearchMode};
pub use schema::json_schema;
pub use synonyms::Synonyms;
pub use tree::Text;
pub use written::{
    Access, Aggregate, AggregateFunction, AnalyzerCall, Column, CorpusCall, Definitions, EmbeddingCall, Entity,
    Feature, FeatureView, Format, Input, Languages, OnRequest, Online, Postgres, Search, SearchText, Source, Theme,
    Values, WindowLength,
};

/// Reads every document of `files`. Whatever is wrong is in the diagnostics; what could be read is in the definitions.
pub fn parse(files: &[File]) -> (Definitions, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let mut definitions = Definitions::default();
    for file in files {
        for document in tree::documents(file, &mut diagnostics) {
            read::document(&document, &mut definitions, &mut diagnostics);
        }
    }
    (definitions, diagnostics)
}
