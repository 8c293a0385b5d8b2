//! Words that a query does not have and is meant by: those that are misspelt, synonyms, and those that are near in meaning.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::array::{Array, AsArray, StringArray};
use datafusion::arrow::datatypes::Float32Type;

use super::SearchError;
use super::understand::{AddedTerm, QueryWord, Reason, Understood};
use crate::model::Models;
use crate::store::{NearWord, ReadableSearch, StoreError, SynonymsPin};
use crate::text::terms::{Term, Tokenizer};

/// Letters from which a word may have a typing error, and from which it may have two.
const ONE_ERROR_LETTERS: usize = 3;
const TWO_ERRORS_LETTERS: usize = 8;

/// Terms of a query from which it is told whether it is in a language that no text is in.
const FOREIGN_TERMS_MIN: usize = 4;

/// How much a synonym counts, where the word that was asked for counts 1.
const SYNONYM_WEIGHT: f32 = 0.5;

/// Words of texts that are near to one of a query which are looked at; some have one stem.
const NEAR_WORDS: usize = 15;

/// How many of the nearest words a word which no text has is looked for by, and the least cosine of their vectors; each counts
/// as much as it.
const RELATED_WORDS: usize = 5;
const RELATED_COSINE_MIN: f32 = 0.5;

/// How many terms are looked for beside a word that texts have, the least cosine, and how much each counts.
const RELATED_BESIDE: usize = 3;
const RELATED_BESIDE_COSINE_MIN: f32 = 0.7;
const RELATED_BESIDE_WEIGHT: f32 = 0.4;

/// Reads words that no text has as the words of texts that are nearest to them: by fewest errors, then rather those with the
/// same first letter, then those that most texts have.
pub(super) async fn correct(
    understood: &mut Understood,
    search: &ReadableSearch,
    tokenizer: &Tokenizer,
) -> Result<(), StoreError> {
    let mut unknown = understood.words(tokenizer, |term| search.rows_with(term) == 0);
    // Where most words are unknown, they are of another language and not misspelt.
    let foreign = understood.terms.iter().filter(|term| search.rows_with(term) == 0).count();
    let is_foreign = understood.terms.len() >= FOREIGN_TERMS_MIN && 2 * foreign > understood.terms.len();
    unknown.retain(|unknown| errors_max(&unknown.word) > 0);
    if is_foreign || unknown.is_empty() {
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

/// Looks for the words whose vectors are nearest to those of `asked`: the same in another language, or another word for it.
pub(super) async fn add_related(
    understood: &mut Understood,
    search: &ReadableSearch,
    tokenizer: &Tokenizer,
    asked: &[QueryWord],
    vectors: &WordMeanings,
) -> Result<(), StoreError> {
    if asked.is_empty() {
        return Ok(());
    }
    let near = search.words_near(asked.iter().map(|asked| vectors.of(&asked.word)).collect(), NEAR_WORDS).await?;
    for (asked, near) in asked.iter().zip(near) {
        let is_known = search.rows_with(&asked.term) > 0;
        let (looked_at, most, cosine_min) = match is_known {
            false => (RELATED_WORDS, RELATED_WORDS, RELATED_COSINE_MIN),
            true => (NEAR_WORDS, RELATED_BESIDE, RELATED_BESIDE_COSINE_MIN),
        };
        let mut terms: Vec<(String, f32)> = Vec::new();
        for (word, cosine) in near.into_iter().take(looked_at).filter(|(_, cosine)| *cosine >= cosine_min) {
            let term = tokenizer.joined(&word);
            let is_new = term != asked.term && !terms.iter().any(|(known, _)| *known == term);
            if is_new && search.rows_with(&term) > 0 {
                terms.push((term, cosine));
            }
        }
        for (term, cosine) in terms.into_iter().take(most) {
            let weight = if is_known { RELATED_BESIDE_WEIGHT } else { cosine.min(1.0) };
            understood.add(AddedTerm { term, weight, word: asked.word.clone(), reason: Reason::Related });
        }
    }
    Ok(())
}

/// Words of a query as vectors of the model that made those of the texts' words.
#[derive(Default)]
pub(super) struct WordMeanings(BTreeMap<String, Vec<f32>>);

impl WordMeanings {
    /// None of any word where the release has no vectors of words.
    pub async fn new(
        search: &ReadableSearch,
        models: &Models,
        words: impl IntoIterator<Item = &QueryWord>,
    ) -> Result<Self, SearchError> {
        let words: BTreeSet<&str> = words.into_iter().map(|asked| asked.word.as_str()).collect();
        let Some(pin) = search.pin().word_vectors.as_ref().filter(|_| !words.is_empty()) else {
            return Ok(Self::default());
        };
        let model = models.find(&pin.model)?;
        if model.digest() != pin.digest {
            return Err(SearchError::OtherModel(pin.model.clone()));
        }
        let vectors = model.embed(StringArray::from_iter_values(&words)).await?.vectors;
        let of_word = |(row, word): (usize, &&str)| {
            let vector = vectors.is_valid(row).then(|| vectors.value(row));
            vector.map(|vector| ((*word).to_owned(), vector.as_primitive::<Float32Type>().values().to_vec()))
        };
        Ok(Self(words.iter().enumerate().filter_map(of_word).collect()))
    }

    /// No numbers of a word that the model cannot take.
    pub fn of(&self, word: &str) -> Vec<f32> {
        self.0.get(word).cloned().unwrap_or_default()
    }
}
