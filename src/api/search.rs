//! `POST /api/search`: pieces by their words and by their meaning.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use datafusion::arrow::array::UInt64Array;
use datafusion::arrow::compute::take_record_batch;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};

use super::Problem;
use super::cache::AnswerId;
use super::extract::{JsonBody, Parameters};
use super::respond::{JSON, answer, negotiate, unencodable};
use crate::access::{Caller, Unit};
use crate::app::{App, KeptAnswer};
use crate::engine::json::JsonRows;
use crate::limits::{SEARCH_CANDIDATES, SEARCH_QUERY_CHARS_MAX};
use crate::name::nearest;
use crate::search::{self, Explanation, Facet, FacetValue, Hit, Leg, Mode, SearchError, Understood, Weights};
use crate::store::ReadableSearch;

/// Hits where it is not said how many.
const LIMIT: usize = 10;

/// What is looked for.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchRequest {
    /// Words, or what is meant in other words, in any language of the search. `"A phrase"` must stand there, `-this` and
    /// `-"that one"` must not.
    #[schema(example = "the sea at night", min_length = 1, max_length = 2000)]
    query: String,
    /// Which search, where there are several.
    search: Option<String>,
    /// By words, by meaning, or by both.
    #[serde(default)]
    mode: SearchMode,
    /// Which pieces are looked at: a condition in SQL over the search's filters, or an object.
    #[schema(schema_with = filter_schema, example = json!("decade >= 1850 and language = 'en'"))]
    filter: Option<Value>,
    /// How much each leg counts in a hybrid answer; 0.65 and 0.35 by default.
    weights: Option<LegWeights>,
    /// The filters whose values are counted among all hits.
    #[serde(default)]
    #[schema(example = json!(["decade"]))]
    facets: Vec<String>,
    /// Hits of this page.
    #[schema(minimum = 1, maximum = 200, example = 10)]
    limit: Option<usize>,
    /// Where the page before ended: its `next`.
    cursor: Option<String>,
    /// Whether hits say why they are where they are.
    #[serde(default)]
    explain: bool,
}

/// How pieces are found.
#[derive(Clone, Copy, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SearchMode {
    /// By their words and by their meaning.
    #[default]
    Hybrid,
    /// By their words.
    Keyword,
    /// By their meaning.
    Semantic,
}

/// How much each leg counts.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LegWeights {
    #[schema(minimum = 0, example = 0.7)]
    keyword: f64,
    #[schema(minimum = 0, example = 0.3)]
    semantic: f64,
}

/// What was found, the best first.
#[derive(Serialize, ToSchema)]
pub(super) struct Hits {
    release: u64,
    search: String,
    hits: Vec<SearchHit>,
    /// By name: values and how often they are among all hits, the most frequent first.
    #[schema(value_type = Object)]
    facets: Map<String, Value>,
    /// The terms that were looked for, those of phrases among them.
    terms: Vec<String>,
    /// What must stand there: terms behind one another.
    phrases: Vec<Vec<String>>,
    /// What must not.
    excluded: Vec<Vec<String>>,
    /// The cursor of the page after this one; null where this is the last.
    next: Option<String>,
}

/// A piece that was found.
#[derive(Serialize, ToSchema)]
struct SearchHit {
    key: String,
    /// From 0 to 1: by words BM25 as a share of what a text would come near to that has all of the query's terms again and
    /// again; by meaning the cosine, below 0 as 0; by both the weighted mean of these.
    score: f64,
    /// The values of the search's filters.
    #[schema(value_type = Object)]
    features: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<HitExplanation>,
}

/// Where a hit stands in each leg; null where it is none of its candidates.
#[derive(Serialize, ToSchema)]
struct HitExplanation {
    keyword: Option<HitLeg>,
    semantic: Option<HitLeg>,
}

/// Where a hit stands in a leg.
#[derive(Serialize, ToSchema)]
struct HitLeg {
    /// From 1.
    rank: usize,
    /// BM25, or the cosine.
    score: f64,
    /// From 0 to 1: what counts of it.
    scaled: f64,
}

/// Finds pieces of a release by their words (BM25), by their meaning (vectors) or by both. A search has 200 hits at most, page
/// by page.
#[utoipa::path(post, path = "/api/search", tag = "search", request_body = SearchRequest,
    params(("release" = Option<String>, Query, description = "A number, a tag or `latest`")),
    responses((status = 200, body = Hits), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn search(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    parameters: Parameters,
    JsonBody(request): JsonBody<SearchRequest>,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&["release"])?;
    let media_type = negotiate(&headers, &[JSON])?;
    let asked = asked(&request)?;
    caller.spend(Unit::Entities, asked.limit as u64).await??;
    let view = app.open(&parameters.release()?).await?.readable_by(caller.entitlements());
    let canonical = serde_json::to_vec(&request).unwrap_or_default();
    let id = AnswerId::new(&view, &[b"/api/search".as_slice(), &canonical], media_type, parameters.is_pinned());
    let release = view.readable.number();
    let making = async {
        let found = search::find(&view.readable, request.search.as_deref()).await?;
        let answered = search::search(&found, app.models(), &asked).await?;
        let hits = hits(&found, answered.hits, request.explain)?;
        let facets = facets(&found, &answered.facets)?;
        let next = answered.next.map(|offset| offset.to_string());
        let search = found.pin().rows.name.clone();
        let Understood { text: _, terms, phrases, excluded } = answered.understood;
        let body = Hits { release: release.get(), search, hits, facets, terms, phrases, excluded, next };
        Ok::<_, Problem>(KeptAnswer { body: serde_json::to_vec(&body).unwrap_or_default().into(), scanned: 0 })
    };
    let kept = app.answers().get_or_make(id.hash(), making).await.map_err(Problem::of_this_request)?;
    Ok(answer(release, media_type, kept.body))
}

/// The request, checked.
fn asked(request: &SearchRequest) -> Result<search::Request, Problem> {
    let characters = request.query.chars().count();
    if request.query.trim().is_empty() || characters > SEARCH_QUERY_CHARS_MAX {
        let detail = format!("a query has 1 to {SEARCH_QUERY_CHARS_MAX} characters, not {characters}");
        return Err(Problem::invalid("invalid-query", detail).field("query", request.query.as_str()));
    }
    let limit = request.limit.unwrap_or(LIMIT);
    if !(1..=SEARCH_CANDIDATES).contains(&limit) {
        let detail = format!("`limit` is 1 to {SEARCH_CANDIDATES}");
        return Err(Problem::invalid("invalid-limit", detail).field("limit", limit.to_string()));
    }
    let cursor = request.cursor.as_deref().unwrap_or("0");
    let Some(offset) = cursor.parse().ok().filter(|offset| *offset <= SEARCH_CANDIDATES) else {
        let problem = Problem::invalid("invalid-cursor", format!("`{cursor}` is no cursor"));
        return Err(problem.field("cursor", cursor).remedy("send the `next` of the page before"));
    };
    let weights = match request.weights {
        None => Weights::default(),
        Some(LegWeights { keyword, semantic }) => {
            let is_weight = |weight: f64| weight.is_finite() && weight >= 0.0;
            if !is_weight(keyword) || !is_weight(semantic) || keyword + semantic == 0.0 {
                let detail = "weights are 0 or more, and one of them is more";
                return Err(
                    Problem::invalid("invalid-weights", detail).field("weights", format!("{keyword}, {semantic}"))
                );
            }
            Weights { keyword, semantic }
        }
    };
    let mode = match request.mode {
        SearchMode::Hybrid => Mode::Hybrid,
        SearchMode::Keyword => Mode::Keyword,
        SearchMode::Semantic => Mode::Semantic,
    };
    let filter = request.filter.clone().filter(|filter| !filter.is_null());
    let (query, facets) = (request.query.clone(), request.facets.clone());
    Ok(search::Request { query, mode, filter, weights, facets, offset, limit })
}

/// The hits with what filters may name of them.
fn hits(found: &ReadableSearch, hits: Vec<Hit>, explain: bool) -> Result<Vec<SearchHit>, Problem> {
    let rows: UInt64Array = hits.iter().map(|hit| hit.row as u64).collect::<Vec<_>>().into();
    let columns = take_record_batch(found.columns(), &rows).map_err(unencodable)?;
    let keys = columns.num_columns() - found.pin().filters.len();
    let filters: Vec<usize> = (keys..columns.num_columns()).collect();
    let values = JsonRows::new(&columns.project(&filters).map_err(unencodable)?).map_err(unencodable)?;
    let of_row = |(row, hit): (usize, Hit)| {
        let mut features = Vec::new();
        values.write(row, &mut features);
        let Hit { row: _, key, score, explanation } = hit;
        let explain = explain.then(|| explained(explanation));
        SearchHit {
            key: key.to_string(),
            score,
            features: serde_json::from_slice(&features).unwrap_or_default(),
            explain,
        }
    };
    Ok(hits.into_iter().enumerate().map(of_row).collect())
}

/// Each value as it is in a lookup.
fn facets(found: &ReadableSearch, facets: &[Facet]) -> Result<Map<String, Value>, Problem> {
    let mut counted = Map::new();
    for Facet { name, values } in facets {
        let rows: UInt64Array = values.iter().map(|value| value.row as u64).collect::<Vec<_>>().into();
        let column = found.columns().schema().index_of(name).and_then(|at| found.columns().project(&[at]));
        let column = column.and_then(|column| take_record_batch(&column, &rows)).map_err(unencodable)?;
        let shown = JsonRows::new(&column).map_err(unencodable)?;
        let of_value = |(row, value): (usize, &FacetValue)| {
            let mut object = Vec::new();
            shown.write(row, &mut object);
            let object: Value = serde_json::from_slice(&object).unwrap_or_default();
            json!({"value": object[name], "count": value.count})
        };
        counted.insert(name.clone(), values.iter().enumerate().map(of_value).collect());
    }
    Ok(counted)
}

fn explained(explanation: Explanation) -> HitExplanation {
    let Explanation { score: _, keyword, semantic } = explanation;
    let leg = |Leg { rank, score, scaled }: Leg| HitLeg { rank, score, scaled };
    HitExplanation { keyword: keyword.map(leg), semantic: semantic.map(leg) }
}

/// A condition, or its JSON form.
fn filter_schema() -> Schema {
    let of = |kind: Type| ObjectBuilder::new().schema_type(kind);
    Schema::OneOf(OneOfBuilder::new().item(of(Type::String)).item(of(Type::Object)).item(of(Type::Null)).build())
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        let (kind, detail) = (error.kind(), error.to_string());
        match error {
            SearchError::NoSearch => Self::of_kind(kind, "no-search", detail),
            SearchError::Several(_) => Self::of_kind(kind, "which-search", detail).field("search", ""),
            SearchError::Unknown { name, known } => {
                let remedy = match nearest(&name, known.iter().map(String::as_str)) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None if known.is_empty() => "the release has none".to_owned(),
                    None => format!("there is `{}`", known.join("`, `")),
                };
                Self::of_kind(kind, "unknown-search", detail).field("search", name).remedy(remedy)
            }
            SearchError::UnknownFacet { name, known } => {
                let remedy = match nearest(&name, known.iter().map(String::as_str)) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None if known.is_empty() => "its definition lists none under `facets`".to_owned(),
                    None => format!("there is `{}`", known.join("`, `")),
                };
                Self::of_kind(kind, "unknown-facet", detail).field("facets", name).remedy(remedy)
            }
            SearchError::NoVectors => Self::of_kind(kind, "no-vectors", detail).field("mode", "semantic"),
            SearchError::OtherModel(_) => Self::of_kind(kind, "other-model", detail),
            SearchError::Query(_) => Self::of_kind(kind, "invalid-query", detail).field("query", ""),
            SearchError::Filter(error) => {
                let problem = Self::of_kind(error.kind(), "invalid-filter", error.message);
                Self { field: Some("filter".to_owned()), remedy: error.remedy, ..problem }
            }
            SearchError::Model(error) => error.into(),
            SearchError::Store(error) => error.into(),
        }
    }
}
