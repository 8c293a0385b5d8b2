//! The words of texts as they stand there, for words of queries that are misspelt.

use super::counted;
use crate::store::StoreError;
use crate::store::lance::LanceTable;
use crate::text::terms::words;

/// The words of a field: in lower case, without accents, not stemmed.
#[derive(Debug)]
pub(in crate::store) struct Words(Vec<Word>);

/// A word and in how many rows it is.
#[derive(Debug)]
struct Word {
    text: Box<str>,
    rows: u32,
    letters: Letters,
}

/// A word of texts that is like one of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearWord {
    pub text: String,
    /// In how many rows it is.
    pub rows: u32,
    /// Letters that are to be changed, added, taken away, or changed for the one beside them, until they are the same.
    pub distance: usize,
}

/// Which letters a word has, a bit for each; letters may share one.
#[derive(Clone, Copy, Debug)]
struct Letters(u64);

impl Letters {
    fn of(word: &str) -> Self {
        Self(word.chars().fold(0, |letters, letter| letters | 1 << (u32::from(letter) % u64::BITS)))
    }

    /// Whether words with these letters may be so near to each other.
    fn may_be_within(self, other: Self, distance: usize) -> bool {
        (self.0 & !other.0).count_ones() as usize <= distance && (other.0 & !self.0).count_ones() as usize <= distance
    }
}

impl Words {
    /// Those of a column of texts.
    pub async fn of(table: &LanceTable, column: &str) -> Result<Self, StoreError> {
        let cut = |text: &str, count: &mut dyn FnMut(&str)| words(text).for_each(|word| count(&word));
        let counts = counted(table, column, cut).await?;
        let word = |(text, rows): (String, u32)| Word { letters: Letters::of(&text), rows, text: text.into() };
        Ok(Self(counts.into_iter().map(word).collect()))
    }

    /// Those that are as near to `word` as `distance`.
    pub fn near(&self, word: &str, distance: usize) -> impl Iterator<Item = NearWord> {
        let letters = Letters::of(word);
        let like = self.0.iter().filter(move |like| like.letters.may_be_within(letters, distance));
        like.filter_map(move |like| {
            let apart = strsim::osa_distance(word, &like.text);
            let near = || NearWord { text: like.text.to_string(), rows: like.rows, distance: apart };
            (apart <= distance).then(near)
        })
    }

    /// Those that are spelt in letters, and in how many rows each is.
    pub fn spelt(&self) -> impl Iterator<Item = (&str, u32)> {
        let is_spelt =
            |word: &&Word| word.text.chars().all(|c| c.is_alphabetic() || c == '\'') && word.text.chars().count() > 1;
        self.0.iter().filter(is_spelt).map(|word| (&*word.text, word.rows))
    }

    pub fn memory_bytes(&self) -> usize {
        self.0.iter().map(|word| word.text.len() + size_of::<Word>()).sum()
    }
}
