//! The words of texts as they stand there, for words of queries that are misspelt.

use datafusion::arrow::array::{AsArray, StringArray};
use futures::TryStreamExt;
use hashbrown::HashMap;

use super::unexpected;
use crate::limits::SEARCH_ROWS_AT_ONCE;
use crate::store::StoreError;
use crate::store::lance::{self, LanceTable};
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
        let mut rows = table.scan(&[column.to_owned()]).await?;
        // With the last row that had it, so that each row counts once.
        let mut counts: HashMap<String, (u32, u32)> = HashMap::new();
        let mut row = 0;
        while let Some(batch) = rows.try_next().await.map_err(lance::rows_fault)? {
            let texts: Option<&StringArray> = batch.column(0).as_string_opt();
            for text in texts.ok_or_else(|| unexpected(&table.path, column))? {
                row += 1;
                for word in words(text.unwrap_or_default()) {
                    let (last, count) = counts.entry(word).or_default();
                    *count += u32::from(std::mem::replace(last, row) != row);
                }
                if row.is_multiple_of(SEARCH_ROWS_AT_ONCE) {
                    // Others are answered meanwhile.
                    tokio::task::yield_now().await;
                }
            }
        }
        let word =
            |(text, (_, rows)): (String, (u32, u32))| Word { letters: Letters::of(&text), rows, text: text.into() };
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
