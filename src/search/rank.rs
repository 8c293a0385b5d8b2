//! Priors: what makes a piece stand higher, whatever is asked.

use super::fuse::{self, Ranked};
use crate::store::{Compared, Numbers, PriorPin, ReadableSearch};

/// What was found with its priors: the weighted mean of its relevance, whose weight is 1, and of the share that it has of
/// each prior. What is null has nothing of it.
pub(super) fn with_priors(search: &ReadableSearch, mut ranked: Vec<Ranked>, priors: &[PriorPin]) -> Vec<Ranked> {
    let mut total = 1.0;
    for prior in priors {
        // What a profile names is there, and a number.
        let Some(Compared::Numbers(numbers)) = search.compared(&prior.feature) else { continue };
        total += prior.weight;
        for Ranked { row, explanation } in &mut ranked {
            let share = share(numbers, *row, prior);
            explanation.score += prior.weight * share;
            explanation.priors.push((prior.feature.clone(), share));
        }
    }
    ranked.iter_mut().for_each(|ranked| ranked.explanation.score /= total);
    fuse::sort(&mut ranked);
    ranked
}

/// How much a row has of a prior, from 0 to 1.
fn share(numbers: &Numbers, row: usize, prior: &PriorPin) -> f64 {
    let from = prior.from.unwrap_or(numbers.least);
    let to = prior.to.unwrap_or(numbers.greatest);
    let share = numbers.value(row).map(|value| (value - from) / (to - from));
    share.filter(|share| share.is_finite()).map_or(0.0, |share| share.clamp(0.0, 1.0))
}
