//! `GET /api/recommendations`: pieces that are like others, or like what is wished for.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Problem;
use super::cache::AnswerId;
use super::extract::Parameters;
use super::features::parse_key;
use super::respond::{JSON, answer, negotiate};
use super::search::{features_of, meant};
use crate::access::{Caller, Unit};
use crate::app::{App, KeptAnswer};
use crate::insight::{self, Reason, Recommendation, RecommendationError, Recommended, Request};
use crate::limits::{RECOMMENDATION_EXAMPLES_MAX, SEARCH_CANDIDATES};
use crate::name::EntityKey;
use crate::search::{self, written_filter};
use crate::store::ReadableSearch;

/// Recommendations where it is not said how many.
const LIMIT: usize = 10;

/// What parts keys from each other.
const KEYS_PARTING: char = ';';

/// Pieces that are recommended, the best first.
#[derive(Serialize, ToSchema)]
pub(super) struct Recommendations {
    release: u64,
    search: String,
    recommendations: Vec<RecommendedPiece>,
    /// How much each criterion counted.
    weights: BTreeMap<String, f64>,
}

/// A piece that is recommended.
#[derive(Serialize, ToSchema)]
struct RecommendedPiece {
    key: String,
    /// From 0 to 1: the weighted mean of its likeness by each criterion.
    score: f64,
    /// The values of the search's filters.
    #[schema(value_type = Object)]
    features: Value,
    /// Its likeness by each criterion, that which adds most first.
    reasons: Vec<ReasonShown>,
}

/// How alike a piece is by a criterion.
#[derive(Serialize, ToSchema)]
struct ReasonShown {
    criterion: String,
    /// From 0 to 1.
    likeness: f64,
}

/// Recommends pieces that are like those with the keys `key`, like a text, or like values that are wished for, by the weighted
/// criteria of a search's definition.
#[utoipa::path(get, path = "/api/recommendations", tag = "insight",
    params(
        ("key" = Option<String>, Query, description = "Pieces to be like: keys with `;` between, percent-encoded where a key has one", example = "t1"),
        ("text" = Option<String>, Query, description = "What they are about, in words"),
        ("like" = Option<String>, Query, description = "Values to be like, of features of the criteria: `valence:0.8,year:1890`"),
        ("weights" = Option<String>, Query, description = "How much each criterion counts: `meaning:1,style:.5`; those of the definition by default"),
        ("filter" = Option<String>, Query, description = "Which pieces are looked at: a condition in SQL, or its JSON form"),
        ("diversity" = Option<f64>, Query, minimum = 0, maximum = 1, description = "How much it counts that a piece is unlike those before it"),
        ("at_most" = Option<String>, Query, description = "Of the pieces with one value of a filter, how many: `artist:2`"),
        ("leave_out" = Option<String>, Query, description = "Keys of pieces that are not recommended"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 200),
        ("search" = Option<String>, Query, description = "Which search, where there are several"),
        ("release" = Option<String>, Query, description = "A number, a tag or `latest`")),
    responses((status = 200, body = Recommendations), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn recommendations(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&[
        "key",
        "text",
        "like",
        "weights",
        "filter",
        "diversity",
        "at_most",
        "leave_out",
        "limit",
        "search",
        "release",
    ])?;
    let media_type = negotiate(&headers, &[JSON])?;
    let limit = limit(&parameters)?;
    caller.spend(Unit::Entities, limit as u64).await??;
    let view = app.open(&parameters.release()?).await?.readable_by(caller.entitlements());
    let canonical = parameters.canonical();
    let parts = [b"/api/recommendations".as_slice(), canonical.as_bytes()];
    let id = AnswerId::new(&view, &parts, media_type, parameters.is_pinned());
    let release = view.readable.number();
    let making = async {
        let found = search::find(&view.readable, parameters.get("search")).await?;
        let request = asked(&found, &parameters, limit)?;
        let Recommended { pieces, weights } = insight::recommend(&found, app.models(), &request).await?;
        let rows: Vec<usize> = pieces.iter().map(|piece| piece.row).collect();
        let features = features_of(&found, &rows)?;
        let body = Recommendations {
            release: release.get(),
            search: found.pin().rows.name.clone(),
            recommendations: pieces.into_iter().zip(features).map(|(piece, features)| shown(piece, features)).collect(),
            weights,
        };
        Ok::<_, Problem>(KeptAnswer { body: serde_json::to_vec(&body).unwrap_or_default().into(), scanned: 0 })
    };
    let kept = app.answers().get_or_make(id.hash(), making).await.map_err(Problem::of_this_request)?;
    Ok(answer(release, media_type, kept.body))
}

fn limit(parameters: &Parameters) -> Result<usize, Problem> {
    let limit = parameters.get("limit").map_or(Some(LIMIT), |text| text.parse().ok());
    limit.filter(|limit| (1..=SEARCH_CANDIDATES).contains(limit)).ok_or_else(|| {
        let detail = format!("`limit` is 1 to {SEARCH_CANDIDATES}");
        Problem::invalid("invalid-limit", detail).field("limit", parameters.get("limit").unwrap_or_default())
    })
}

fn asked(found: &ReadableSearch, parameters: &Parameters, limit: usize) -> Result<Request, Problem> {
    let diversity = parameters.get("diversity").map_or(Some(0.0), |text| text.parse::<f64>().ok());
    let diversity = diversity.filter(|diversity| (0.0..=1.0).contains(diversity)).ok_or_else(|| {
        let written = parameters.get("diversity").unwrap_or_default();
        Problem::invalid("invalid-diversity", "`diversity` is from 0 to 1").field("diversity", written)
    })?;
    let is_weight = |weight: &f64| weight.is_finite() && *weight >= 0.0;
    let is_count = |count: &usize| *count > 0;
    let like = named(parameters, "like", "`valence:0.8`", |_: &String| true)?;
    few(parameters, "like", like.len())?;
    Ok(Request {
        keys: keys(found, parameters, "key")?,
        text: parameters.get("text").map(str::to_owned),
        like,
        weights: named(parameters, "weights", "`meaning:1`: a number, 0 or more", is_weight)?.into_iter().collect(),
        filter: parameters.get("filter").map(written_filter),
        diversity,
        at_most: named(parameters, "at_most", "`artist:2`: a whole number, 1 or more", is_count)?.into_iter().collect(),
        leave_out: keys(found, parameters, "leave_out")?,
        limit,
    })
}

fn keys(found: &ReadableSearch, parameters: &Parameters, name: &str) -> Result<Vec<EntityKey>, Problem> {
    let Some(written) = parameters.get(name) else { return Ok(Vec::new()) };
    let keys = written.split(KEYS_PARTING).filter(|key| !key.is_empty());
    let keys: Vec<EntityKey> =
        keys.map(|key| parse_key(found.key_parts(), key, true)).collect::<Result<_, Problem>>()?;
    few(parameters, name, keys.len())?;
    Ok(keys)
}

/// Refuses a parameter that has too many parts.
fn few(parameters: &Parameters, name: &str, parts: usize) -> Result<(), Problem> {
    if parts > RECOMMENDATION_EXAMPLES_MAX {
        let detail = format!("`{name}` names {RECOMMENDATION_EXAMPLES_MAX} at most, not {parts}");
        return Err(Problem::invalid("too-many", detail).field(name, parameters.get(name).unwrap_or_default()));
    }
    Ok(())
}

/// The parts of `name:value,name:value`.
fn named<T: FromStr>(
    parameters: &Parameters,
    name: &str,
    form: &str,
    is_right: impl Fn(&T) -> bool,
) -> Result<Vec<(String, T)>, Problem> {
    let part = |part: String| {
        let read =
            part.split_once(':').and_then(|(name, value)| Some((name.trim().to_owned(), value.trim().parse().ok()?)));
        read.filter(|(_, value)| is_right(value)).ok_or_else(|| {
            let problem = Problem::invalid("invalid-parameter", format!("`{part}` is not of the form {form}"));
            problem.field(name, part)
        })
    };
    parameters.list(name).unwrap_or_default().into_iter().map(part).collect()
}

fn shown(piece: Recommendation, features: Value) -> RecommendedPiece {
    let Recommendation { row: _, key, score, reasons } = piece;
    let reason = |Reason { criterion, likeness }: Reason| ReasonShown { criterion, likeness };
    RecommendedPiece { key: key.to_string(), score, features, reasons: reasons.into_iter().map(reason).collect() }
}

impl From<RecommendationError> for Problem {
    fn from(error: RecommendationError) -> Self {
        let (kind, detail) = (error.kind(), error.to_string());
        match error {
            RecommendationError::NoCriteria => {
                let remedy = "write `criteria` in the definition of the search, and build";
                Self::of_kind(kind, "no-criteria", detail).remedy(remedy)
            }
            RecommendationError::NothingAsked => {
                let remedy = "name pieces by `key`, words by `text`, or values by `like`";
                Self::of_kind(kind, "nothing-asked", detail).field("key", "").remedy(remedy)
            }
            RecommendationError::NothingCounts => {
                Self::of_kind(kind, "nothing-counts", detail).field("weights", "").remedy("give one a weight above 0")
            }
            RecommendationError::UnknownKey(key) => {
                Self::of_kind(kind, "unknown-key", detail).field("key", key.to_string())
            }
            RecommendationError::UnknownCriterion { name, known } => {
                let remedy = meant(&name, &known, "there is none");
                Self::of_kind(kind, "unknown-criterion", detail).field("weights", name).remedy(remedy)
            }
            RecommendationError::UnknownFeature { name, known } => {
                let remedy = meant(&name, &known, "there is none");
                Self::of_kind(kind, "unknown-feature", detail).field("like", name).remedy(remedy)
            }
            RecommendationError::NotAValue { name: _, value } => {
                Self::of_kind(kind, "not-a-value", detail).field("like", value)
            }
            RecommendationError::Search(error) => error.into(),
        }
    }
}
