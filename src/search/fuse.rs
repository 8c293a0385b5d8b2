//! What was found by words and what was found by meaning, as one ranking.

use std::collections::BTreeMap;

use super::proximity::InOrder;
use crate::limits::SEARCH_CANDIDATES;
use crate::store::{Found, Fusion, LegWeights};

/// What is added to a rank, so that the first ones do not decide alone (Cormack et al. 2009).
const RANK_OFFSET: f64 = 60.0;

/// Where a piece stands in a leg.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leg {
    /// From 1.
    pub rank: usize,
    /// BM25, or the cosine.
    pub score: f64,
    /// From 0 to 1: what counts of it. By words more than BM25 says, where they stand as in the query.
    pub scaled: f64,
}

/// A piece that was found, and why it stands where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    pub row: usize,
    pub explanation: Explanation,
}

/// Why a piece stands where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// From 0 to 1: the relevance, and what the priors make of it.
    pub score: f64,
    /// By words, BM25 as a share of what a text would come near to that has all of the query's terms again and again, and more
    /// where they stand as in the query; by meaning, the cosine, below 0 as 0; by both, the weighted mean of these, or what the
    /// ranks make of them, and of how near its words come.
    pub relevance: f64,
    /// None where its words are not among the candidates.
    pub keyword: Option<Leg>,
    /// None where its meaning is not.
    pub semantic: Option<Leg>,
    /// How near its words come to those of the query, from 0 to 1; none where that was not looked at.
    pub words: Option<f64>,
    /// By feature: how much of it the piece has, from 0 to 1.
    pub priors: Vec<(String, f64)>,
}

impl Ranked {
    fn new(row: usize, relevance: f64, keyword: Option<Leg>, semantic: Option<Leg>) -> Self {
        let (words, priors) = (None, Vec::new());
        Self { row, explanation: Explanation { score: relevance, relevance, keyword, semantic, words, priors } }
    }
}

/// The best first; of equals the first row.
pub(super) fn sort(ranked: &mut [Ranked]) {
    ranked.sort_by(|a, b| b.explanation.score.total_cmp(&a.explanation.score).then(a.row.cmp(&b.row)));
}

/// Where pieces stand by words, the best first; `ceiling` is the score of BM25 that counts as 1.
pub(super) fn of_words(words: &[Found], ceiling: f64, in_order: &InOrder) -> Vec<(usize, Leg)> {
    let share = |score: f64| if ceiling > 0.0 { (score / ceiling).clamp(0.0, 1.0) } else { 0.0 };
    let mut legs: Vec<(usize, Leg)> = legs(words, share).collect();
    legs.iter_mut().for_each(|(row, leg)| leg.scaled = in_order.boosted(*row, leg.scaled));
    legs.sort_by(|(a_row, a), (b_row, b)| b.scaled.total_cmp(&a.scaled).then(a_row.cmp(b_row)));
    legs.iter_mut().enumerate().for_each(|(index, (_, leg))| leg.rank = index + 1);
    legs
}

/// By words alone.
pub(super) fn by_keyword(words: Vec<(usize, Leg)>) -> Vec<Ranked> {
    words.into_iter().map(|(row, leg)| Ranked::new(row, leg.scaled, Some(leg), None)).collect()
}

/// By meaning alone.
pub(super) fn by_semantic(meanings: &[Vec<Found>]) -> Vec<Ranked> {
    legs(&mean(meanings), cosine).map(|(row, leg)| Ranked::new(row, leg.scaled, None, Some(leg))).collect()
}

/// By both, as `fusion` says. By scores what is no candidate by words has 0 of them, what is none by meaning as much as the
/// last candidate, where there are more rows than candidates; by ranks what is no candidate of a leg has 0 of it.
pub(super) fn both(
    words: Vec<(usize, Leg)>,
    meanings: &[Vec<Found>],
    fusion: Fusion,
    weights: LegWeights,
) -> Vec<Ranked> {
    let meaning = mean(meanings);
    let mut by_row: BTreeMap<usize, (Option<Leg>, Option<Leg>)> = BTreeMap::new();
    for (row, leg) in words {
        by_row.entry(row).or_default().0 = Some(leg);
    }
    for (row, leg) in legs(&meaning, cosine) {
        by_row.entry(row).or_default().1 = Some(leg);
    }
    let last = meaning.last().filter(|_| meaning.len() >= SEARCH_CANDIDATES);
    let last = last.map(|found| cosine(f64::from(found.score))).unwrap_or_default();
    let of_rank = |leg: Option<Leg>| leg.map_or(0.0, |leg| (RANK_OFFSET + 1.0) / (RANK_OFFSET + leg.rank as f64));
    let LegWeights { keyword: of_keyword, semantic: of_semantic } = weights;
    let total = (of_keyword + of_semantic).max(f64::MIN_POSITIVE);
    let fused = |(row, (keyword, semantic)): (usize, (Option<Leg>, Option<Leg>))| {
        let (by_keyword, by_semantic) = match fusion {
            Fusion::Scores => (keyword.map_or(0.0, |leg| leg.scaled), semantic.map_or(last, |leg| leg.scaled)),
            Fusion::Ranks => (of_rank(keyword), of_rank(semantic)),
        };
        let relevance = (of_keyword * by_keyword + of_semantic * by_semantic) / total;
        Ranked::new(row, relevance, keyword, semantic)
    };
    let mut ranked: Vec<Ranked> = by_row.into_iter().map(fused).collect();
    sort(&mut ranked);
    ranked
}

/// The candidates by each kind of vectors as one: the mean of their cosines. What is no candidate of a kind is no nearer than
/// its last one.
fn mean(meanings: &[Vec<Found>]) -> Vec<Found> {
    let [first, rest @ ..] = meanings else { return Vec::new() };
    if rest.is_empty() {
        return first.clone();
    }
    let last = |found: &Vec<Found>| found.last().map(|found| found.score).unwrap_or_default();
    let mut sums: BTreeMap<usize, f32> = BTreeMap::new();
    let floor: f32 = meanings.iter().map(last).sum();
    for found in meanings {
        let last = last(found);
        for Found { row, score } in found {
            *sums.entry(*row).or_insert(floor) += score - last;
        }
    }
    let kinds = meanings.len() as f32;
    let mut mean: Vec<Found> = sums.into_iter().map(|(row, sum)| Found { row, score: sum / kinds }).collect();
    mean.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
    mean
}

fn cosine(score: f64) -> f64 {
    score.clamp(0.0, 1.0)
}

fn legs(found: &[Found], scale: impl Fn(f64) -> f64) -> impl Iterator<Item = (usize, Leg)> {
    found.iter().enumerate().map(move |(index, found)| {
        let score = f64::from(found.score);
        (found.row, Leg { rank: index + 1, score, scaled: scale(score) })
    })
}
