//! Words that a query does not have and is meant by: those that are misspelt, synonyms, and those that are near in meaning.

use datafusion::arrow::array::{Array, AsArray, StringArray};
use datafusion::arrow::datatypes::Float32Type;

use super::SearchError;
use super::understand::{AddedTerm, Reason, Understood};
use crate::model::Models;
use crate::store::{NearWord, ReadableSearch, StoreError, SynonymsPin};
use crate::text::terms::{Term, Tokenizer};

/// Letters from which a word may have a typing error, and from which it may have two.
const ONE_ERROR_LETTERS: usize = 3;
const TWO_ERRORS_LETTERS: usize = 8;

/// How much a synonym counts, where the word that was asked for counts 1.
const SYNONYM_WEIGHT: f32 = 0.5;

/// Words of texts that a word which no text has is looked for by, and the least cosine of their vectors.
const RELATED_WORDS: usize = 5;
const RELATED_COSINE_MIN: f32 = 0.5;

/// Reads words that no text has as the words of texts that are nearest to them: by fewest errors, then rather those with the
/// same first letter, then those that most texts have.
pub(super) async fn correct(
    understood: &mut Understood,
    search: &ReadableSearch,
    tokenizer: &Tokenizer,
) -> Result<(), StoreError> {
    let mut unknown = understood.unknown_words(tokenizer, |term| search.rows_with(term) > 0);
    unknown.retain(|unknown| errors_max(&unknown.word) > 0);
    if unknown.is_empty() {
        return Ok(());
    }
    let asked = unknown.iter().map(|unknown| (unknown.word.clone(), errors_max(&unknown.word))).collect();
    let near = search.near_words(asked).await?;
    let meant = unknown.into_iter().zip(near).filter_map(|(unknown, near)| {
        let first = unknown.word.chars().next();
        let rank = |near: &NearWord| {
            (near.distance, near.text.chars().next() != first, std::cmp::Reverse(near.rows), near.text.clone())
        };
        Some((unknown, near.into_iter().min_by_key(rank)?.text))
    });
    understood.correct(meant.collect(), tokenizer);
    Ok(())
}

/// How many errors a word may have; none where it is too short to tell, or not spelt in letters.
fn errors_max(word: &str) -> usize {
    let is_spelt = word.chars().all(|c| c.is_alphabetic() || c == '\'');
    match word.chars().count() {
        TWO_ERRORS_LETTERS.. if is_spelt => 2,
        ONE_ERROR_LETTERS.. if is_spelt => 1,
        _ => 0,
    }
}

/// Looks for the synonyms of its words too.
pub(super) fn add_synonyms(understood: &mut Understood, synonyms: &[SynonymsPin], tokenizer: &Tokenizer) {
    let text = understood.text();
    let asked: Vec<Term> = tokenizer.terms(&text).collect();
    for SynonymsPin { from, to } in synonyms {
        let is_it = |terms: &&[Term], from: &[String]| terms.iter().map(|term| &term.text).eq(from);
        let Some([first, .., last] | [first @ last]) =
            from.iter().find_map(|from| asked.windows(from.len()).find(|terms| is_it(terms, from)))
        else {
            continue;
        };
        let word = &text[first.at.start..last.at.end];
        for term in to {
            let (term, word) = (term.clone(), word.to_owned());
            understood.add(AddedTerm { term, weight: SYNONYM_WEIGHT, word, reason: Reason::Synonym });
        }
    }
}

/// Looks for words that are near in meaning to those which no text has: the same in another language, or another word for it.
/// A word counts as much as the cosine of the two vectors.
pub(super) async fn add_related(
    understood: &mut Understood,
    search: &ReadableSearch,
    models: &Models,
    tokenizer: &Tokenizer,
) -> Result<(), SearchError> {
    let Some(pin) = &search.pin().word_vectors else { return Ok(()) };
    let unknown = understood.unknown_words(tokenizer, |term| search.rows_with(term) > 0);
    if unknown.is_empty() {
        return Ok(());
    }
    let model = models.find(&pin.model)?;
    if model.digest() != pin.digest {
        return Err(SearchError::OtherModel(pin.model.clone()));
    }
    let words: StringArray = unknown.iter().map(|unknown| Some(unknown.word.as_str())).collect();
    let vectors = model.embed(words).await?.vectors;
    // A word that the model cannot take has no neighbours.
    let numbers = |row: usize| match vectors.is_valid(row) {
        true => vectors.value(row).as_primitive::<Float32Type>().values().to_vec(),
        false => Vec::new(),
    };
    let near = search.words_near((0..unknown.len()).map(numbers).collect(), RELATED_WORDS).await?;
    for (unknown, near) in unknown.iter().zip(near) {
        for (word, cosine) in near.into_iter().filter(|(_, cosine)| *cosine >= RELATED_COSINE_MIN) {
            let term = tokenizer.joined(&word);
            if search.rows_with(&term) > 0 {
                let word = unknown.word.clone();
                understood.add(AddedTerm { term, weight: cosine.min(1.0), word, reason: Reason::Related });
            }
        }
    }
    Ok(())
}
