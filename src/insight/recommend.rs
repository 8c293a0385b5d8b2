//! Recommendations: pieces that are like others, or like what is wished for, by weighted criteria.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::array::{Array, AsArray, FixedSizeListArray};
use datafusion::arrow::datatypes::Float32Type;
use datafusion::arrow::error::ArrowError;
use serde_json::Value;

use super::likeness::{Example, Values};
use crate::error::ErrorKind;
use crate::limits::RECOMMENDATION_CANDIDATES;
use crate::model::{Models, inner_product};
use crate::name::EntityKey;
use crate::search::{self, SearchError};
use crate::store::{Allowed, CriterionPin, ReadableSearch, StoreError};

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
    /// The criteria that counted, and how much.
    pub weights: Vec<(String, f64)>,
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

/// A criterion that counts, and what it compares with.
struct Weighed<'a> {
    criterion: &'a CriterionPin,
    weight: f64,
    /// By feature; none of vectors.
    values: Vec<(Values, Vec<Example>)>,
    /// What is wished for as vectors.
    wished: Vec<Vec<f32>>,
}

/// Recommends pieces.
///
/// A piece's likeness by a criterion of features is the mean over its features and over what is asked; by one of vectors it
/// is the mean cosine, below 0 as 0. Candidates are those that are most alike by features, and those whose vectors are
/// nearest to what is asked.
pub async fn recommend(
    search: &ReadableSearch,
    models: &Models,
    request: &Request,
) -> Result<Recommended, RecommendationError> {
    let asked: Vec<usize> = request.keys.iter().map(|key| row_of(search, key)).collect::<Result<_, _>>()?;
    let weighed = weighed(search, models, request, &asked).await?;
    let mut left_out: BTreeSet<usize> = asked.iter().copied().collect();
    for key in &request.leave_out {
        left_out.insert(row_of(search, key)?);
    }
    let filter = request.filter.as_ref().map(|filter| search::matching(search, filter)).transpose()?;
    let is_allowed: Vec<bool> = (0..search.rows())
        .map(|row| {
            !left_out.contains(&row) && filter.as_ref().is_none_or(|filter| filter.is_valid(row) && filter.value(row))
        })
        .collect();
    let allowed = search.allowed(&is_allowed.clone().into());
    let total: f64 = weighed.iter().map(|weighed| weighed.weight).sum();
    // By features, of all that are allowed.
    let by_features: Vec<Vec<f64>> = weighed.iter().map(|weighed| weighed.by_features(&is_allowed)).collect();
    let rows = candidates(search, &weighed, &by_features, &is_allowed, &allowed).await?;
    let mut pieces: Vec<Recommendation> = rows
        .iter()
        .map(|row| Recommendation {
            row: *row,
            key: EntityKey::new(search.key(*row).map(str::to_owned).collect()),
            score: 0.0,
            reasons: Vec::with_capacity(weighed.len()),
        })
        .collect();
    for (weighed, by_features) in weighed.iter().zip(&by_features) {
        let by_vectors = weighed.by_vectors(search, &rows).await?;
        for (at, piece) in pieces.iter_mut().enumerate() {
            let likeness = by_vectors.as_ref().map_or_else(|| by_features[piece.row], |likeness| likeness[at]);
            piece.score += weighed.weight * likeness / total;
            piece.reasons.push(Reason { criterion: weighed.criterion.name.clone(), likeness });
        }
    }
    pieces.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
    let mut pieces = search::at_most(search, pieces, |piece| piece.row, &request.at_most)?;
    if request.diversity > 0.0 {
        let vectors = search.pin().vectors.first().ok_or(SearchError::NoVectors)?;
        let place = |piece: &Recommendation| (piece.row, piece.score);
        pieces = search::apart(search, pieces, place, &vectors.column, request.diversity, request.limit).await?;
    }
    pieces.truncate(request.limit);
    let weights: BTreeMap<&str, f64> =
        weighed.iter().map(|weighed| (weighed.criterion.name.as_str(), weighed.weight)).collect();
    for piece in &mut pieces {
        let adds = |reason: &Reason| weights[reason.criterion.as_str()] * reason.likeness;
        piece.reasons.sort_by(|a, b| adds(b).total_cmp(&adds(a)));
    }
    let weights = weighed.iter().map(|weighed| (weighed.criterion.name.clone(), weighed.weight)).collect();
    Ok(Recommended { pieces, weights })
}

fn row_of(search: &ReadableSearch, key: &EntityKey) -> Result<usize, RecommendationError> {
    search.row_of(key).ok_or_else(|| RecommendationError::UnknownKey(key.clone()))
}

/// The criteria that count and say something of what is asked.
async fn weighed<'a>(
    search: &'a ReadableSearch,
    models: &Models,
    request: &Request,
    asked: &[usize],
) -> Result<Vec<Weighed<'a>>, RecommendationError> {
    let criteria = &search.pin().criteria;
    if criteria.is_empty() {
        return Err(RecommendationError::NoCriteria);
    }
    if asked.is_empty() && request.text.is_none() && request.like.is_empty() {
        return Err(RecommendationError::NothingAsked);
    }
    let known = || criteria.iter().map(|criterion| criterion.name.clone()).collect();
    if let Some(name) = request.weights.keys().find(|name| !criteria.iter().any(|of| of.name == **name)) {
        return Err(RecommendationError::UnknownCriterion { name: name.clone(), known: known() });
    }
    let features = || criteria.iter().filter(|of| !of.has_vectors).flat_map(|of| &of.of);
    if let Some((name, _)) = request.like.iter().find(|(name, _)| !features().any(|of| of == name)) {
        let known = features().cloned().collect();
        return Err(RecommendationError::UnknownFeature { name: name.clone(), known });
    }
    let weight = |criterion: &CriterionPin| match request.weights.is_empty() {
        true => criterion.weight,
        false => request.weights.get(&criterion.name).copied().unwrap_or_default(),
    };
    let mut all = Vec::new();
    for criterion in criteria {
        let mut weighed = Weighed { criterion, weight: weight(criterion), values: Vec::new(), wished: Vec::new() };
        match criterion.has_vectors {
            true => weighed.wished = wished(search, models, criterion, request.text.as_deref(), asked).await?,
            false => weighed.values = compared(search, criterion, &request.like, asked)?,
        }
        let says_something = !weighed.wished.is_empty() || !weighed.values.is_empty();
        all.extend((weighed.weight > 0.0 && says_something).then_some(weighed));
    }
    if all.is_empty() { Err(RecommendationError::NothingCounts) } else { Ok(all) }
}

/// The features of a criterion that something is asked of.
fn compared(
    search: &ReadableSearch,
    criterion: &CriterionPin,
    like: &[(String, String)],
    asked: &[usize],
) -> Result<Vec<(Values, Vec<Example>)>, RecommendationError> {
    let mut compared = Vec::new();
    for feature in &criterion.of {
        let Some(column) = search.compared().column_by_name(feature) else { continue };
        let unreadable = |error: ArrowError| StoreError::Damaged { path: feature.clone(), reason: error.to_string() };
        let values = Values::of(column).map_err(unreadable)?;
        let mut examples: Vec<Example> = asked.iter().copied().map(Example::Row).collect();
        for (_, value) in like.iter().filter(|(name, _)| name == feature) {
            if !values.reads(value) {
                return Err(RecommendationError::NotAValue { name: feature.clone(), value: value.clone() });
            }
            examples.push(Example::Value(value.clone()));
        }
        if !examples.is_empty() {
            compared.push((values, examples));
        }
    }
    Ok(compared)
}

/// The vectors of what is asked.
async fn wished(
    search: &ReadableSearch,
    models: &Models,
    criterion: &CriterionPin,
    text: Option<&str>,
    asked: &[usize],
) -> Result<Vec<Vec<f32>>, RecommendationError> {
    let [column] = criterion.of.as_slice() else { return Ok(Vec::new()) };
    let vectors = search.vectors(column, asked).await?;
    let mut wished: Vec<Vec<f32>> = (0..asked.len()).filter_map(|at| Some(of_row(&vectors, at)?.to_vec())).collect();
    let pin = search.pin().vectors.iter().find(|of| of.column == *column);
    if let (Some(text), Some(pin)) = (text, pin) {
        wished.push(search::vector_of(models, pin, text).await?);
    }
    Ok(wished)
}

fn of_row(vectors: &FixedSizeListArray, row: usize) -> Option<&[f32]> {
    let size = vectors.value_length().unsigned_abs() as usize;
    let numbers = vectors.values().as_primitive::<Float32Type>().values();
    vectors.is_valid(row).then(|| &numbers[row * size..(row + 1) * size])
}

/// The rows that are looked at: those that features bring near, and those that vectors do.
async fn candidates(
    search: &ReadableSearch,
    weighed: &[Weighed<'_>],
    by_features: &[Vec<f64>],
    is_allowed: &[bool],
    allowed: &Allowed,
) -> Result<Vec<usize>, RecommendationError> {
    let mut rows = BTreeSet::new();
    if weighed.iter().any(|weighed| !weighed.values.is_empty()) {
        let score = |row: usize| -> f64 {
            weighed.iter().zip(by_features).map(|(of, likeness)| of.weight * likeness[row]).sum()
        };
        let mut best: Vec<(usize, f64)> =
            (0..is_allowed.len()).filter(|row| is_allowed[*row]).map(|row| (row, score(row))).collect();
        let order = |a: &(usize, f64), b: &(usize, f64)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if best.len() > RECOMMENDATION_CANDIDATES {
            best.select_nth_unstable_by(RECOMMENDATION_CANDIDATES, order);
            best.truncate(RECOMMENDATION_CANDIDATES);
        }
        rows.extend(best.into_iter().map(|(row, _)| row));
    }
    for weighed in weighed {
        let Some(column) = weighed.criterion.of.first() else { continue };
        for wished in &weighed.wished {
            let found = search.by_vector(column, wished, Some(allowed), RECOMMENDATION_CANDIDATES).await?;
            rows.extend(found.into_iter().map(|found| found.row));
        }
    }
    Ok(rows.into_iter().collect())
}

impl Weighed<'_> {
    /// How alike each allowed row is by features; 0 where nothing can be told.
    fn by_features(&self, is_allowed: &[bool]) -> Vec<f64> {
        let mut likeness = vec![0.0; is_allowed.len()];
        for (row, of_row) in likeness.iter_mut().enumerate().filter(|(row, _)| is_allowed[*row]) {
            let (mut sum, mut count) = (0.0, 0);
            for (values, examples) in &self.values {
                for likeness in examples.iter().filter_map(|example| values.likeness(row, example)) {
                    sum += likeness;
                    count += 1;
                }
            }
            if count > 0 {
                *of_row = sum / f64::from(count);
            }
        }
        likeness
    }

    /// How alike each of `rows` is by vectors; none where the criterion is of features.
    async fn by_vectors(
        &self,
        search: &ReadableSearch,
        rows: &[usize],
    ) -> Result<Option<Vec<f64>>, RecommendationError> {
        let (true, Some(column)) = (self.criterion.has_vectors, self.criterion.of.first()) else { return Ok(None) };
        let vectors = search.vectors(column, rows).await?;
        let likeness = |at: usize| {
            let Some(vector) = of_row(&vectors, at) else { return 0.0 };
            let cosine = |wished: &Vec<f32>| f64::from(inner_product(vector, wished)).clamp(0.0, 1.0);
            self.wished.iter().map(cosine).sum::<f64>() / self.wished.len() as f64
        };
        Ok(Some((0..rows.len()).map(likeness).collect()))
    }
}
