//! How well `rhyme` finds the schemes of gold stanzas, with every learnt constant refitted without the author judged.

mod folds;

pub use self::folds::{Setting, cross_validate, dump};

/// A stanza whose scheme is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Stanza {
    pub author: String,
    /// Consecutive stanzas of one author and title are one text.
    pub title: Option<String>,
    pub lines: Vec<String>,
    /// Lines of the same number rhyme.
    pub scheme: Vec<u32>,
}

/// Classes numbered from 0 in the order of their first lines.
fn canonical(scheme: &[u32]) -> Vec<u8> {
    let mut known: Vec<u32> = Vec::new();
    let mut class = |number: u32| {
        let at = known.iter().position(|&one| one == number).unwrap_or_else(|| {
            known.push(number);
            known.len() - 1
        });
        u8::try_from(at).unwrap_or(u8::MAX)
    };
    scheme.iter().map(|&number| class(number)).collect()
}
