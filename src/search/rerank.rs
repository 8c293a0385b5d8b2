//! What a query says in words that no text has, in another language or in other words, looked for word by word in the texts that
//! stand first: the mean over its words of how near the nearest word of a text is (MaxSim, Khattab & Zaharia 2020), by the
//! vectors of words that the release has. Where all words are known, BM25 says more, and nothing is done.

use datafusion::arrow::array::Array;

use super::expand::WordMeanings;
use super::fuse::{self, Ranked};
use super::understand::{QueryWord, Understood};
use crate::limits::SEARCH_RERANKED;
use crate::store::{LegWeights, ReadableSearch, StoreError};
use crate::text::terms::words;

/// How much it counts where no word of a query is known, beside a relevance that counts the rest. Fitted on questions in
/// English to paragraphs in Russian (docs/evaluation.md), as are the two below.
const WEIGHT: f64 = 0.35;

/// The cosine from which a word of a text is near to one of the query.
const COSINE_MIN: f64 = 0.35;

/// By how much the weight of BM25 is less then, as a share of it: the terms that it finds texts by are guesses.
const KEYWORD_LESS: f64 = 0.45;

/// What a word that hardly any text comes near to counts as, on the mean of the texts: its rarity is the logarithm.
const RAREST: f64 = 1e-3;

/// The share of a query's words that no text has and that are not read as others: from 0 to 1.
pub(super) fn unknown_share(search: &ReadableSearch, understood: &Understood) -> f64 {
    let unknown = understood.terms.iter().filter(|term| search.rows_with(term) == 0).count();
    unknown as f64 / understood.terms.len().max(1) as f64
}

/// How much each leg counts for a query with such a share of unknown words.
pub(super) fn weights(weights: LegWeights, unknown_share: f64) -> LegWeights {
    let LegWeights { keyword, semantic } = weights;
    let less = keyword * KEYWORD_LESS * unknown_share;
    LegWeights { keyword: keyword - less, semantic: semantic + less }
}

/// Ranks anew: what each of the first has of the words that are asked for counts by the share of them that is unknown.
pub(super) async fn reranked(
    search: &ReadableSearch,
    asked: &[QueryWord],
    vectors: &WordMeanings,
    unknown_share: f64,
    mut ranked: Vec<Ranked>,
) -> Result<Vec<Ranked>, StoreError> {
    let vectors = asked.iter().map(|asked| vectors.of(&asked.word)).collect();
    let first = ranked.len().min(SEARCH_RERANKED);
    let rows: Vec<usize> = ranked[..first].iter().map(|ranked| ranked.row).collect();
    let texts = search.texts(&rows).await?;
    let of_row = |at: usize| {
        let of_field = texts.iter().filter(|(_, texts)| texts.is_valid(at));
        of_field.flat_map(|(_, texts)| words(texts.value(at))).collect()
    };
    let likeness = search.words_alike(vectors, (0..first).map(of_row).collect()).await?;
    let likeness = by_rarity(likeness);
    let weight = WEIGHT * unknown_share;
    for (at, Ranked { explanation, .. }) in ranked.iter_mut().enumerate() {
        let by_words = likeness.get(at).copied();
        explanation.relevance = (1.0 - weight) * explanation.relevance + weight * by_words.unwrap_or_default();
        (explanation.score, explanation.words) = (explanation.relevance, by_words);
    }
    fuse::sort(&mut ranked);
    Ok(ranked)
}

/// For each text the mean of how near its words come to each word of a query, from 0 to 1. A word counts more, the less near
/// the texts come to it on the whole.
fn by_rarity(cosines: Vec<Vec<f32>>) -> Vec<f64> {
    let near = |cosine: &f32| ((f64::from(*cosine) - COSINE_MIN) / (1.0 - COSINE_MIN)).clamp(0.0, 1.0);
    let near: Vec<Vec<f64>> = cosines.iter().map(|text| text.iter().map(near).collect()).collect();
    let asked = near.first().map(Vec::len).unwrap_or_default();
    let rarity = |word: usize| {
        let mean = near.iter().map(|text| text[word]).sum::<f64>() / near.len() as f64;
        -mean.clamp(RAREST, 1.0).ln()
    };
    let rarity: Vec<f64> = (0..asked).map(rarity).collect();
    let total = rarity.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let mean = |text: &Vec<f64>| text.iter().zip(&rarity).map(|(near, rarity)| near * rarity).sum::<f64>() / total;
    near.iter().map(mean).collect()
}
