//! How well `rhyme` finds the schemes of gold stanzas, with every learnt constant refitted without the author judged.

mod figures;
mod folds;

pub use self::figures::{Figures, Score};
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

/// What was found for one stanza.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub author: usize,
    /// Classes from 0.
    pub scheme: Vec<u8>,
    pub exact: bool,
    /// Pairs of lines said to rhyme that do; said to rhyme; that do.
    pub pairs: [u64; 3],
}

/// Classes numbered from 0 in the order of their first lines.
pub(crate) fn canonical(scheme: &[u32]) -> Vec<u8> {
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

pub(crate) fn compare(author: usize, gold: &[u8], found: &[u8]) -> Found {
    let mut pairs = [0; 3];
    for later in 0..gold.len() {
        for earlier in 0..later {
            let same = |scheme: &[u8]| scheme.get(earlier).is_some() && scheme.get(earlier) == scheme.get(later);
            let (truth, said) = (same(gold), same(found));
            for (count, holds) in pairs.iter_mut().zip([truth && said, said, truth]) {
                *count += u64::from(holds);
            }
        }
    }
    Found { author, scheme: found.to_vec(), exact: gold == found, pairs }
}
