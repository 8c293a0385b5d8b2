//! Words that a query does not have and is meant by: those that are misspelt, synonyms, and those that are near in meaning.

use datafusion::arrow::array::{Array, AsArray, StringArray};
use datafusion::arrow::datatypes::Float32Type;

use super::SearchError;
use super::understand::{AddedTerm, Reason, Understood};
use crate::limits::RELATED_QUERY_WORDS_MAX;
use crate::model::Models;
use crate::store::{NearWord, ReadableSearch, StoreError, SynonymsPin, WeightedTerm};
use crate::text::terms::{Tokenizer, plain_word};

/// Letters from which a word may have a typing error, and from which it may have two.
const ONE_ERROR_LETTERS: usize = 3;
const TWO_ERRORS_LETTERS: usize = 8;

/// How much a synonym counts, where the word that was asked for counts 1.
const SYNONYM_WEIGHT: f32 = 0.5;

/// Words of texts that a word which no text has is looked for by, and the least cosine of their vectors: chosen on XQuAD's
/// English questions about Russian paragraphs (docs/evaluation.md).
const RELATED_WORDS: usize = 5;
const RELATED_COSINE_MIN: f32 = 0.5;

/// What is asked for counts 1.
const RELATED_WEIGHT_MAX: f32 = 0.99;

/// Reads words that no text has as the words of texts that are nearest to them: by fewest errors, then rather those with the
/// same first letter, then those that most texts have.
pub(super) async fn correct(
    understood: &mut Understood,
    search: &ReadableSearch,
    tokenizer: &Tokenizer,
) -> Result<(), StoreError> {
    let mut corrections = Vec::new();
    for (at, term) in understood.words(tokenizer) {
        let word = plain_word(&understood.text[at.clone()]);
        let is_known = search.rows_with(&term) > 0;
        if is_known || !understood.terms.iter().any(|known| known.text == term) {
            continue;
        }
        if let Some(meant) = meant(search, &word).await? {
            corrections.push((at, meant));
        }
    }
    if !corrections.is_empty() {
        understood.replace(&corrections, tokenizer);
    }
    Ok(())
}

/// The word of the texts that `word` is likely meant to be.
async fn meant(search: &ReadableSearch, word: &str) -> Result<Option<String>, StoreError> {
    let letters = word.chars().count();
    let is_spelt = word.chars().all(|c| c.is_alphabetic() || c == '\'');
    let distance = match letters {
        _ if !is_spelt => return Ok(None),
        TWO_ERRORS_LETTERS.. => 2,
        ONE_ERROR_LETTERS.. => 1,
        _ => return Ok(None),
    };
    let first = word.chars().next();
    let rank = |near: &NearWord| {
        (near.distance, near.text.chars().next() != first, std::cmp::Reverse(near.rows), near.text.clone())
    };
    Ok(search.near_words(word, distance).await?.into_iter().min_by_key(rank).map(|near| near.text))
}

/// Looks for the synonyms of its words too.
pub(super) fn add_synonyms(understood: &mut Understood, synonyms: &[SynonymsPin], tokenizer: &Tokenizer) {
    let asked: Vec<String> = tokenizer.terms(&understood.text).map(|term| term.text).collect();
    let terms = |words: &str| tokenizer.terms(words).map(|term| term.text).collect::<Vec<_>>();
    for SynonymsPin { from, to } in synonyms {
        let is_asked = |words: &&String| {
            let terms = terms(words);
            !terms.is_empty() && asked.windows(terms.len()).any(|window| window == terms)
        };
        let Some(word) = from.iter().find(is_asked) else { continue };
        for term in to.iter().flat_map(|words| terms(words)) {
            if understood.terms.iter().any(|known| known.text == term) {
                continue;
            }
            understood.added.push(AddedTerm { term: term.clone(), word: word.clone(), reason: Reason::Synonym });
            understood.terms.push(WeightedTerm { text: term, weight: SYNONYM_WEIGHT });
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
    let Some(pin) = &search.pin().words else { return Ok(()) };
    let is_asked = |term: &String| understood.terms.iter().any(|asked| asked.text == *term);
    let mut unknown: Vec<(String, String)> = Vec::new();
    for (at, term) in understood.words(tokenizer) {
        let is_new = !unknown.iter().any(|(_, known)| *known == term);
        if is_new && is_asked(&term) && search.rows_with(&term) == 0 && unknown.len() < RELATED_QUERY_WORDS_MAX {
            unknown.push((plain_word(&understood.text[at]), term));
        }
    }
    if unknown.is_empty() {
        return Ok(());
    }
    let model = models.find(&pin.model)?;
    if model.digest() != pin.digest {
        return Err(SearchError::OtherModel(pin.model.clone()));
    }
    let words: StringArray = unknown.iter().map(|(word, _)| Some(word)).collect();
    let vectors = model.embed(words).await?.vectors;
    for (row, (word, _)) in unknown.into_iter().enumerate().filter(|(row, _)| vectors.is_valid(*row)) {
        let vector = vectors.value(row);
        let near = search.words_near(vector.as_primitive::<Float32Type>().values(), RELATED_WORDS);
        for (near, cosine) in near.into_iter().filter(|(_, cosine)| *cosine >= RELATED_COSINE_MIN) {
            let term = tokenizer.joined(near);
            let is_known = search.rows_with(&term) > 0;
            if is_known && !understood.terms.iter().any(|asked| asked.text == term) {
                understood.added.push(AddedTerm { term: term.clone(), word: word.clone(), reason: Reason::Related });
                understood.terms.push(WeightedTerm { text: term, weight: cosine.min(RELATED_WEIGHT_MAX) });
            }
        }
    }
    Ok(())
}
