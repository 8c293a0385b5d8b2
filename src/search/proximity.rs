//! Words that stand in a text as they stand in the query: by them a line that somebody remembers is found, also where one of
//! its words is wrong.

use std::collections::BTreeSet;

use super::understand::Understood;
use crate::limits::SEARCH_CANDIDATES;
use crate::store::{Allowed, Found, ReadableSearch, StoreError};
use crate::text::terms::Tokenizer;

/// Words of a query from which their order says something; headings of three words are often lists.
const WORDS_MIN: usize = 4;

/// Words up to which a query may be a remembered line, in which one may be wrong.
const LINE_WORDS_MAX: usize = 12;

/// How many words, the rarest first, are tried without: what is wrong is likely rare.
const LEFT_OUT_MAX: usize = 3;

/// How much of what a text lacks by BM25 all words in their order make up for.
const BOOST: f64 = 0.75;

/// What has the words of a query in their order.
#[derive(Debug, Default)]
pub(super) struct InOrder {
    /// Ascending.
    pub rows: BTreeSet<usize>,
    /// The share of the query's words that they have so.
    pub share: f64,
}

impl InOrder {
    /// What counts of a text that has `scaled` by BM25.
    pub fn boosted(&self, row: usize, scaled: f64) -> f64 {
        if self.rows.contains(&row) { scaled + (1.0 - scaled) * self.share * BOOST } else { scaled }
    }
}

/// Which words of a query are looked for in their order.
#[derive(Debug, PartialEq)]
struct Way<'a> {
    terms: Vec<&'a str>,
    /// Other words that may stand between two of them, since words were left out there.
    between: usize,
}

/// The texts that have the query's words in their order: all of them; or else those of a line that are not unknown to the
/// corpus; or else all but one.
pub(super) async fn in_order(
    search: &ReadableSearch,
    tokenizer: &Tokenizer,
    understood: &Understood,
    allowed: Option<&Allowed>,
) -> Result<InOrder, StoreError> {
    let terms: Vec<String> = tokenizer.terms(&understood.text()).map(|term| term.text).collect();
    let rows_with: Vec<usize> = terms.iter().map(|term| search.rows_with(term)).collect();
    let is_corrected = |term: &String| understood.corrected.iter().any(|of| of.term == *term);
    let is_sure: Vec<bool> =
        terms.iter().zip(&rows_with).map(|(term, rows)| *rows > 0 && !is_corrected(term)).collect();
    for Way { terms: kept, between } in ways(&terms, &rows_with, &is_sure) {
        let found: Vec<Found> = search.by_phrase(&kept, between, allowed, SEARCH_CANDIDATES).await?;
        if !found.is_empty() {
            let share = kept.len() as f64 / terms.len() as f64;
            return Ok(InOrder { rows: found.into_iter().map(|found| found.row).collect(), share });
        }
    }
    Ok(InOrder::default())
}

/// What is tried, in this order, until something is found. A way with a word that no text has finds nothing.
fn ways<'a>(terms: &'a [String], rows_with: &[usize], is_sure: &[bool]) -> Vec<Way<'a>> {
    let all = vec![true; terms.len()];
    let mut kept: Vec<Vec<bool>> = Vec::new();
    if terms.len() < WORDS_MIN {
        return Vec::new();
    }
    kept.push(all.clone());
    if terms.len() <= LINE_WORDS_MAX {
        kept.push(is_sure.to_vec());
        let mut rarest: Vec<usize> = (0..terms.len()).collect();
        rarest.sort_by_key(|at| rows_with[*at]);
        kept.extend(rarest.into_iter().take(LEFT_OUT_MAX).map(|left_out| {
            let mut kept = all.clone();
            kept[left_out] = false;
            kept
        }));
    }
    let is_possible = |kept: &Vec<bool>| {
        let mut of_kept = kept.iter().zip(rows_with).filter(|(kept, _)| **kept).map(|(_, rows)| *rows);
        2 * kept.iter().filter(|kept| **kept).count() >= kept.len() && of_kept.all(|rows| rows > 0)
    };
    let mut ways: Vec<Way> = Vec::new();
    for kept in kept.iter().filter(|kept| is_possible(kept)) {
        let way = way(terms, kept);
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    ways
}

fn way<'a>(terms: &'a [String], kept: &[bool]) -> Way<'a> {
    let places: Vec<usize> = (0..terms.len()).filter(|at| kept[*at]).collect();
    let between = places.windows(2).map(|two| two[1] - two[0] - 1).max().unwrap_or_default();
    Way { terms: places.into_iter().map(|at| terms[at].as_str()).collect(), between }
}
