//! Lexical diversity: how seldom a text repeats its words.

use std::collections::BTreeMap;

use super::share;
use super::tokens::{Tokens, Type};

/// The type-token ratio at which a factor is complete.
const FACTOR_RATIO: f64 = 0.72;

/// The length from which MTLD is stable in texts of learners (Zenker & Kyle 2021, Assessing Writing 47, 100505).
const MTLD_TOKENS_MIN: usize = 50;

/// The size of the sample of HD-D (McCarthy & Jarvis 2007, p. 465).
const SAMPLE_TOKENS: usize = 42;

/// Types over tokens (Johnson 1944). It falls with the length of a text: compare texts of one length only.
pub(super) fn type_token_ratio(tokens: &Tokens) -> Option<f64> {
    share(tokens.types.len(), tokens.order.len())
}

/// The types that occur once, over all types.
pub(super) fn hapax_share(tokens: &Tokens) -> Option<f64> {
    let once = tokens.types.iter().filter(|kind| kind.occurrences == 1).count();
    share(once, tokens.types.len())
}

/// The measure of textual lexical diversity: the mean length, in tokens, of the runs that keep a type-token ratio above
/// 0.72 (McCarthy & Jarvis 2010, Behavior Research Methods 42, 381–392), of a reading forwards and one backwards.
///
/// `tokens / factors`, where a run that ends before it is complete counts for `(1 − ratio) / (1 − 0.72)` of a factor.
/// Null under 50 tokens, and where no token is repeated, since then there is no factor.
pub(super) fn mtld(tokens: &Tokens) -> Option<f64> {
    let (length, types) = (tokens.order.len(), tokens.types.len());
    if length < MTLD_TOKENS_MIN || types == length {
        return None;
    }
    let forwards = factors(tokens.order.iter(), types);
    let backwards = factors(tokens.order.iter().rev(), types);
    Some((length as f64 / forwards + length as f64 / backwards) / 2.0)
}

fn factors<'a>(order: impl Iterator<Item = &'a usize>, types: usize) -> f64 {
    let mut complete = 0_u32;
    let mut last_seen = vec![None; types]; // in which run
    let (mut tokens, mut distinct) = (0_u32, 0_u32);
    for &kind in order {
        tokens += 1;
        if last_seen[kind] != Some(complete) {
            last_seen[kind] = Some(complete);
            distinct += 1;
        }
        if f64::from(distinct) / f64::from(tokens) <= FACTOR_RATIO {
            complete += 1;
            (tokens, distinct) = (0, 0);
        }
    }
    let partial = match tokens {
        0 => 0.0,
        _ => (1.0 - f64::from(distinct) / f64::from(tokens)) / (1.0 - FACTOR_RATIO),
    };
    f64::from(complete) + partial
}

/// HD-D: the type-token ratio that a random sample of 42 tokens is expected to have (McCarthy & Jarvis 2007, Language
/// Testing 24, 459–488).
///
/// `Σ (1 − P(type is not in the sample)) / 42` over the types, with P hypergeometric. Null under 42 tokens.
pub(super) fn hdd(tokens: &Tokens) -> Option<f64> {
    let length = tokens.order.len();
    if length < SAMPLE_TOKENS {
        return None;
    }
    // Types of one frequency have one probability: a text of n tokens has fewer than √(2n) frequencies. In order, so
    // that the sum is the same to the last bit.
    let expected: f64 = frequencies(&tokens.types)
        .into_iter()
        .map(|(occurrences, types)| types as f64 * (1.0 - absence(occurrences, length)))
        .sum();
    Some(expected / SAMPLE_TOKENS as f64)
}

fn frequencies(types: &[Type]) -> BTreeMap<usize, usize> {
    let mut frequencies = BTreeMap::new();
    for kind in types {
        *frequencies.entry(kind.occurrences).or_insert(0) += 1;
    }
    frequencies
}

/// The probability that none of `occurrences` out of `length` tokens is in the sample: `C(n − k, 42) / C(n, 42)`.
fn absence(occurrences: usize, length: usize) -> f64 {
    let others = length - occurrences;
    if others < SAMPLE_TOKENS {
        return 0.0;
    }
    (0..SAMPLE_TOKENS).map(|drawn| (others - drawn) as f64 / (length - drawn) as f64).product()
}
