//! Recommendations: pieces that are like others, or like what is wished for, by weighted criteria.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, FixedSizeListArray};
use datafusion::arrow::datatypes::Float32Type;
use serde_json::Value;

use super::likeness::{Example, likeness};
use crate::error::ErrorKind;
use crate::limits::RECOMMENDATION_CANDIDATES;
use crate::model::{Models, inner_product};
use crate::name::EntityKey;
use crate::search::{self, SearchError};
use crate::store::{Compared, CriterionPin, ReadableSearch, StoreError, aside};

/// What recommendations are asked for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Pieces that the recommended ones are like.
    pub keys: Vec<EntityKey>,
    /// What they are about, in words: a wish for the criterion of vectors.
    pub text: Option<String>,
    /// Values that are wished for, by feature of a criterion.
    pub like: Vec<(String, String)>,
    /// How much each criterion counts; those of the definition where there are none.
    pub weights: BTreeMap<String, f64>,
    /// Which pieces are looked at: a SQL condition, or its JSON form.
    pub filter: Option<Value>,
    /// How much it counts that a piece is unlike those before it, from 0 to 1.
    pub diversity: f64,
    /// By filter: of the pieces with one value of it, how many are recommended.
    pub at_most: BTreeMap<String, usize>,
    pub leave_out: Vec<EntityKey>,
    pub limit: usize,
}

/// Pieces that are recommended, the best first.
#[derive(Clone, Debug)]
pub struct Recommended {
    pub pieces: Vec<Recommendation>,
    /// How much each criterion counted, of those that did.
    pub weights: BTreeMap<String, f64>,
}

/// A piece that is recommended.
#[derive(Clone, Debug)]
pub struct Recommendation {
    /// Its row in the search ([`ReadableSearch::columns`]).
    pub row: usize,
    pub key: EntityKey,
    /// From 0 to 1: the weighted mean of its likeness by each criterion.
    pub score: f64,
    /// Its likeness by each criterion, that which adds most first.
    pub reasons: Vec<Reason>,
}

/// How alike a piece is by a criterion.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    pub criterion: String,
    /// From 0 to 1.
    pub likeness: f64,
}

/// Why nothing is recommended.
#[derive(Debug, thiserror::Error)]
pub enum RecommendationError {
    #[error("this search has no criteria, by which pieces are alike")]
    NoCriteria,
    #[error("there is nothing that the recommended pieces shall be like")]
    NothingAsked,
    #[error("there is no `{0}`")]
    UnknownKey(EntityKey),
    #[error("there is no criterion `{name}`")]
    UnknownCriterion { name: String, known: Vec<String> },
    #[error("`{name}` is a feature of no criterion")]
    UnknownFeature { name: String, known: Vec<String> },
    #[error("`{value}` is no value of `{name}` that can be wished for")]
    NotAValue { name: String, value: String },
    #[error("no criterion counts: all have the weight 0, or say nothing of what is asked")]
    NothingCounts,
    #[error(transparent)]
    Search(#[from] SearchError),
}

impl RecommendationError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownKey(_) | Self::NoCriteria => ErrorKind::NotFound,
            Self::NothingAsked | Self::UnknownCriterion { .. } | Self::UnknownFeature { .. } => ErrorKind::Invalid,
            Self::NotAValue { .. } | Self::NothingCounts => ErrorKind::Invalid,
            Self::Search(error) => error.kind(),
        }
    }
}

impl From<StoreError> for RecommendationError {
    fn from(error: StoreError) -> Self {
        Self::Search(error.into())
    }
}

/// A criterion that counts, and what pieces are compared with by it.
struct Weighed {
    criterion: CriterionPin,
    weight: f64,
    /// By feature; none of vectors.
    examples: Vec<(String, Vec<Example>)>,
    /// The vectors of what is asked.
    vectors: Vec<Vec<f32>>,
}

/// How alike each row is by features, and the rows that they bring nearest.
struct ByFeatures {
    /// By criterion; none for those of vectors.
    likeness: Vec<Option<Vec<f64>>>,
    nearest: Vec<usize>,
}

/// Recommends pieces.
///
/// A piece's likeness by a criterion of features is the mean over its features and over what is asked; by one of vectors it
/// is the mean cosine, below 0 as 0. Candidates are those that are most alike by features, and those whose vectors are
/// nearest to what is asked.
pub async fn recommend(
    search: &Arc<ReadableSearch>,
    models: &Models,
    request: &Request,
) -> Result<Recommended, RecommendationError> {
    let asked = rows_of(search, &request.keys)?;
    let weighed = Arc::new(weighed(search, models, request, &asked).await?);
    let is_allowed = Arc::new(is_allowed(search, request, asked)?);
    let by_features = by_features(search, &weighed, &is_allowed).await?;
    let rows = candidates(search, &weighed, &by_features, &is_allowed).await?;
    let pieces = scored(search, &weighed, &by_features, &rows).await?;
    let mut pieces = search::at_most(search, pieces, |piece| piece.row, &request.at_most)?;
    if request.diversity > 0.0 {
        let vectors = search.pin().vectors.first().ok_or(SearchError::NoVectors)?;
        let place = |piece: &Recommendation| (piece.row, piece.score);
        pieces = search::apart(search, pieces, place, &vectors.column, request.diversity, request.limit).await?;
    }
    pieces.truncate(request.limit);
    let weights = weighed.iter().map(|weighed| (weighed.criterion.name.clone(), weighed.weight)).collect();
    Ok(Recommended { pieces, weights })
}

fn rows_of(search: &ReadableSearch, keys: &[EntityKey]) -> Result<Vec<usize>, RecommendationError> {
    let row = |key: &EntityKey| search.row_of(key).ok_or_else(|| RecommendationError::UnknownKey(key.clone()));
    keys.iter().map(row).collect()
}

/// Which rows may be recommended: none of those that are asked for.
fn is_allowed(search: &ReadableSearch, request: &Request, asked: Vec<usize>) -> Result<Vec<bool>, RecommendationError> {
    let mut is_allowed = match &request.filter {
        Some(filter) => search::matching(search, filter)?.iter().map(|matches| matches == Some(true)).collect(),
        None => vec![true; search.rows()],
    };
    let left_out = rows_of(search, &request.leave_out)?;
    asked.into_iter().chain(left_out).for_each(|row| is_allowed[row] = false);
    Ok(is_allowed)
}

/// The criteria that count and say something of what is asked.
async fn weighed(
    search: &ReadableSearch,
    models: &Models,
    request: &Request,
    asked: &[usize],
) -> Result<Vec<Weighed>, RecommendationError> {
    let criteria = &search.pin().criteria;
    if criteria.is_empty() {
        return Err(RecommendationError::NoCriteria);
    }
    if asked.is_empty() && request.text.is_none() && request.like.is_empty() {
        return Err(RecommendationError::NothingAsked);
    }
    if let Some(name) = request.weights.keys().find(|name| !criteria.iter().any(|of| of.name == **name)) {
        let known = criteria.iter().map(|criterion| criterion.name.clone()).collect();
        return Err(RecommendationError::UnknownCriterion { name: name.clone(), known });
    }
    let features = || criteria.iter().filter(|of| !of.has_vectors).flat_map(|of| &of.of);
    if let Some((name, _)) = request.like.iter().find(|(name, _)| !features().any(|of| of == name)) {
        let known = features().cloned().collect();
        return Err(RecommendationError::UnknownFeature { name: name.clone(), known });
    }
    let mut all = Vec::new();
    for criterion in criteria {
        let weight = match request.weights.is_empty() {
            true => criterion.weight,
            false => request.weights.get(&criterion.name).copied().unwrap_or_default(),
        };
        let (examples, vectors) = match criterion.has_vectors {
            true => (Vec::new(), vectors_of(search, models, criterion, request.text.as_deref(), asked).await?),
            false => (examples(search, criterion, &request.like, asked)?, Vec::new()),
        };
        let says_something = !examples.is_empty() || !vectors.is_empty();
        let weighed = Weighed { criterion: criterion.clone(), weight, examples, vectors };
        all.extend((weight > 0.0 && says_something).then_some(weighed));
    }
    if all.is_empty() { Err(RecommendationError::NothingCounts) } else { Ok(all) }
}

/// What pieces are compared with by each feature of a criterion that something is asked of.
fn examples(
    search: &ReadableSearch,
    criterion: &CriterionPin,
    like: &[(String, String)],
    asked: &[usize],
) -> Result<Vec<(String, Vec<Example>)>, RecommendationError> {
    let mut all = Vec::new();
    for feature in &criterion.of {
        let Some(values) = search.compared(feature) else { continue };
        let mut examples: Vec<Example> = asked.iter().copied().map(Example::Row).collect();
        for (name, value) in like.iter().filter(|(name, _)| name == feature) {
            let not_a_value = || RecommendationError::NotAValue { name: name.clone(), value: value.clone() };
            examples.push(Example::wished(values, value).ok_or_else(not_a_value)?);
        }
        all.extend((!examples.is_empty()).then(|| (feature.clone(), examples)));
    }
    Ok(all)
}

/// The vectors of what is asked, by a criterion of vectors.
async fn vectors_of(
    search: &ReadableSearch,
    models: &Models,
    criterion: &CriterionPin,
    text: Option<&str>,
    asked: &[usize],
) -> Result<Vec<Vec<f32>>, RecommendationError> {
    let Some(of) = search.pin().vectors.iter().find(|of| criterion.of.contains(&of.column)) else {
        return Ok(Vec::new());
    };
    let stored = search.vectors(&of.column, asked).await?;
    let mut vectors: Vec<Vec<f32>> = (0..asked.len()).filter_map(|at| Some(vector(&stored, at)?.to_vec())).collect();
    if let Some(text) = text {
        vectors.push(search::vector_of(models, of, text).await?);
    }
    Ok(vectors)
}

fn vector(vectors: &FixedSizeListArray, row: usize) -> Option<&[f32]> {
    let size = vectors.value_length().unsigned_abs() as usize;
    let numbers = vectors.values().as_primitive::<Float32Type>().values();
    vectors.is_valid(row).then(|| &numbers[row * size..(row + 1) * size])
}

/// Compares all rows that are allowed, beside those who are answered: it takes some milliseconds for each example.
async fn by_features(
    search: &Arc<ReadableSearch>,
    weighed: &Arc<Vec<Weighed>>,
    is_allowed: &Arc<Vec<bool>>,
) -> Result<ByFeatures, RecommendationError> {
    let (search, weighed, is_allowed) = (Arc::clone(search), Arc::clone(weighed), Arc::clone(is_allowed));
    let comparing = move || {
        let likeness = |weighed: &Weighed| {
            let of_features = weighed.examples.iter();
            let values: Vec<(&Compared, &[Example])> = of_features
                .filter_map(|(feature, examples)| Some((search.compared(feature)?, examples.as_slice())))
                .collect();
            let of_row = |(row, allowed): (usize, &bool)| if *allowed { mean_likeness(&values, row) } else { 0.0 };
            (!weighed.criterion.has_vectors).then(|| is_allowed.iter().enumerate().map(of_row).collect())
        };
        let likeness: Vec<Option<Vec<f64>>> = weighed.iter().map(likeness).collect();
        let nearest = nearest(&weighed, &likeness, &is_allowed);
        ByFeatures { likeness, nearest }
    };
    Ok(aside(comparing).await?)
}

/// The rows that features bring nearest; none where no criterion is of features.
fn nearest(weighed: &[Weighed], likeness: &[Option<Vec<f64>>], is_allowed: &[bool]) -> Vec<usize> {
    if likeness.iter().all(Option::is_none) {
        return Vec::new();
    }
    let of_criteria =
        || weighed.iter().zip(likeness).filter_map(|(of, likeness)| Some((of.weight, likeness.as_ref()?)));
    let score = |row: usize| of_criteria().map(|(weight, likeness)| weight * likeness[row]).sum::<f64>();
    let allowed = (0..is_allowed.len()).filter(|row| is_allowed[*row]);
    let mut nearest: Vec<(usize, f64)> = allowed.map(|row| (row, score(row))).collect();
    if nearest.len() > RECOMMENDATION_CANDIDATES {
        let order = |a: &(usize, f64), b: &(usize, f64)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        nearest.select_nth_unstable_by(RECOMMENDATION_CANDIDATES, order);
        nearest.truncate(RECOMMENDATION_CANDIDATES);
    }
    nearest.into_iter().map(|(row, _)| row).collect()
}

/// The rows that are looked at: those that features bring near, and those that vectors do; ascending.
async fn candidates(
    search: &ReadableSearch,
    weighed: &[Weighed],
    by_features: &ByFeatures,
    is_allowed: &[bool],
) -> Result<Vec<usize>, RecommendationError> {
    let mut rows: BTreeSet<usize> = by_features.nearest.iter().copied().collect();
    let allowed = search.allowed(&is_allowed.to_vec().into());
    for Weighed { criterion, vectors, .. } in weighed {
        // A criterion of vectors is of one column.
        let Some(column) = criterion.of.first() else { continue };
        for vector in vectors {
            let found = search.by_vector(column, vector, Some(&allowed), RECOMMENDATION_CANDIDATES).await?;
            rows.extend(found.into_iter().map(|found| found.row));
        }
    }
    Ok(rows.into_iter().collect())
}

/// The pieces of `rows`, the best first, each with the reasons for it.
async fn scored(
    search: &ReadableSearch,
    weighed: &[Weighed],
    by_features: &ByFeatures,
    rows: &[usize],
) -> Result<Vec<Recommendation>, RecommendationError> {
    let total: f64 = weighed.iter().map(|weighed| weighed.weight).sum();
    // By row: how much each criterion adds.
    let mut added: Vec<Vec<(f64, Reason)>> = vec![Vec::with_capacity(weighed.len()); rows.len()];
    for (of, likeness) in weighed.iter().zip(&by_features.likeness) {
        let likeness: Vec<f64> = match likeness {
            Some(likeness) => rows.iter().map(|row| likeness[*row]).collect(),
            None => of.by_vectors(search, rows).await?,
        };
        for (added, likeness) in added.iter_mut().zip(likeness) {
            added.push((of.weight * likeness / total, Reason { criterion: of.criterion.name.clone(), likeness }));
        }
    }
    let piece = |(row, mut added): (&usize, Vec<(f64, Reason)>)| {
        added.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let score = added.iter().map(|(added, _)| added).sum();
        let key = EntityKey::new(search.key(*row).map(str::to_owned).collect());
        Recommendation { row: *row, key, score, reasons: added.into_iter().map(|(_, reason)| reason).collect() }
    };
    let mut pieces: Vec<Recommendation> = rows.iter().zip(added).map(piece).collect();
    pieces.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
    Ok(pieces)
}

/// How alike a row is by features, over all examples of each; 0 where nothing can be told.
fn mean_likeness(values: &[(&Compared, &[Example])], row: usize) -> f64 {
    let (mut sum, mut count) = (0.0, 0);
    for (values, examples) in values {
        for likeness in examples.iter().filter_map(|example| likeness(values, row, example)) {
            sum += likeness;
            count += 1;
        }
    }
    if count > 0 { sum / f64::from(count) } else { 0.0 }
}

impl Weighed {
    /// How alike each of `rows` is by vectors; 0 where it has none.
    async fn by_vectors(&self, search: &ReadableSearch, rows: &[usize]) -> Result<Vec<f64>, RecommendationError> {
        let Some(column) = self.criterion.of.first() else { return Ok(vec![0.0; rows.len()]) };
        let stored = search.vectors(column, rows).await?;
        let likeness = |at: usize| {
            let Some(vector) = vector(&stored, at) else { return 0.0 };
            let cosine = |asked: &Vec<f32>| f64::from(inner_product(vector, asked)).clamp(0.0, 1.0);
            self.vectors.iter().map(cosine).sum::<f64>() / self.vectors.len() as f64
        };
        Ok((0..rows.len()).map(likeness).collect())
    }
}
