//! How well the Russian half of `rhyme` finds the schemes of gold fragments, each judged by constants fitted without it.

mod folds;

pub use crate::analyze::rhyme::russian::StressDictionary;

pub use self::folds::{Stress, cross_validate, dump};

/// A fragment of verse whose scheme is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Fragment {
    pub stanza_sizes: Vec<usize>,
    /// The last word of each line, with its stress marked by U+0301.
    pub end_words: Vec<String>,
    /// Lines of one stanza with the same label rhyme; `-` with none. Labels begin anew in each stanza.
    pub labels: Vec<String>,
}
