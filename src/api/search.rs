//! `POST /api/search`: pieces by their words and by their meaning; `POST /api/search/batch`: many questions at once.

mod asked;
mod found;
mod table;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::asked::SearchRequest;
pub(super) use self::asked::check_query;
use self::found::Hits;
pub(super) use self::found::features_of;
pub(crate) use self::table::SearchCalls;
use super::Problem;
use super::cache::AnswerId;
use super::extract::{JsonBody, Parameters};
use super::respond::{JSON, answer, negotiate};
use crate::access::{Caller, Unit};
use crate::app::{App, KeptAnswer, ReleaseView};
use crate::experiments::Arm;
use crate::limits::{SEARCHES_AT_ONCE_MAX, SEARCHES_OF_BATCH_MAX};
use crate::name::nearest;
use crate::search::{self, SearchError};
use crate::store::ReadableSearch;

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
    JsonBody(mut request): JsonBody<SearchRequest>,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&["release"])?;
    let media_type = negotiate(&headers, &[JSON])?;
    caller.spend(Unit::Entities, request.limit()? as u64).await??;
    let view = app.open(&parameters.release()?).await?.readable_by(caller.entitlements());
    let arm = enrolled(&app, &caller, &view, &mut request).await?;
    let canonical = serde_json::to_vec(&request).unwrap_or_default();
    let id = AnswerId::new(&view, &[b"/api/search".as_slice(), &canonical], media_type, parameters.is_pinned());
    let making = async {
        let body = hits(&app, &view, &request).await?;
        Ok::<_, Problem>(KeptAnswer { body: serde_json::to_vec(&body).unwrap_or_default().into(), scanned: 0 })
    };
    let kept = app.answers().get_or_make(id.hash(), making).await.map_err(Problem::of_this_request)?;
    count(&app, arm).await?;
    Ok(answer(view.readable.number(), media_type, kept.body))
}

/// Several searches.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchBatch {
    /// 1 to 100.
    #[schema(min_items = 1, max_items = 100)]
    searches: Vec<SearchRequest>,
}

/// What each search of a batch found, in their order.
#[derive(Serialize, ToSchema)]
pub(super) struct BatchHits {
    release: u64,
    answers: Vec<Hits>,
}

/// Several searches over one release at once, as `POST /api/search` each. Where one is refused, all are, and the problem's
/// `field` says which.
#[utoipa::path(post, path = "/api/search/batch", tag = "search", request_body = SearchBatch,
    params(("release" = Option<String>, Query, description = "A number, a tag or `latest`")),
    responses((status = 200, body = BatchHits), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn batch(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    parameters: Parameters,
    JsonBody(mut batch): JsonBody<SearchBatch>,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&["release"])?;
    let media_type = negotiate(&headers, &[JSON])?;
    let count_of = batch.searches.len();
    if !(1..=SEARCHES_OF_BATCH_MAX).contains(&count_of) {
        let detail = format!("a batch has 1 to {SEARCHES_OF_BATCH_MAX} searches, not {count_of}");
        return Err(Problem::invalid("invalid-batch", detail).field("searches", count_of.to_string()));
    }
    let mut limits = 0;
    for (at, request) in batch.searches.iter().enumerate() {
        limits += request.limit().map_err(|problem| of_batch(problem, at))?;
    }
    caller.spend(Unit::Entities, limits as u64).await??;
    let view = app.open(&parameters.release()?).await?.readable_by(caller.entitlements());
    let mut arms = Vec::new();
    for (at, request) in batch.searches.iter_mut().enumerate() {
        arms.extend(enrolled(&app, &caller, &view, request).await.map_err(|problem| of_batch(problem, at))?);
    }
    let searches = &batch.searches;
    let canonical = serde_json::to_vec(&batch).unwrap_or_default();
    let id = AnswerId::new(&view, &[b"/api/search/batch".as_slice(), &canonical], media_type, parameters.is_pinned());
    let release = view.readable.number();
    let making = async {
        let (app, view) = (&app, &view);
        let mut finding = Vec::with_capacity(searches.len());
        for (at, request) in searches.iter().enumerate() {
            finding.push(async move { hits(app, view, request).await.map_err(|problem| of_batch(problem, at)) });
        }
        let found = stream::iter(finding).buffered(SEARCHES_AT_ONCE_MAX);
        let body = BatchHits { release: release.get(), answers: found.try_collect().await? };
        Ok::<_, Problem>(KeptAnswer { body: serde_json::to_vec(&body).unwrap_or_default().into(), scanned: 0 })
    };
    let kept = app.answers().get_or_make(id.hash(), making).await.map_err(Problem::of_this_request)?;
    count(&app, arms).await?;
    Ok(answer(release, media_type, kept.body))
}

/// A problem of one search of a batch.
fn of_batch(problem: Problem, at: usize) -> Problem {
    let field = problem.field.as_deref().map(|field| format!("searches[{at}].{field}"));
    Problem { field: field.or_else(|| Some(format!("searches[{at}]"))), ..problem }
}

/// Gives a request that names no profile that of the caller's experiment, if there is one.
async fn enrolled(
    app: &App,
    caller: &Caller,
    view: &ReleaseView,
    request: &mut SearchRequest,
) -> Result<Option<Arm>, Problem> {
    if request.profile.is_some() || !app.experiments().await?.is_any_running() {
        return Ok(None);
    }
    let found = search::find(&view.readable, request.search.as_deref()).await?;
    let arm = arm_of(app, caller, &found).await?;
    if let Some(Arm { experiment, profile, .. }) = arm.clone() {
        (request.profile, request.experiment) = (Some(profile), Some(experiment));
    }
    Ok(arm)
}

/// The profile that the caller searches by, where a key is shown and an experiment gives it one that the release has.
pub(super) async fn arm_of(app: &App, caller: &Caller, found: &ReadableSearch) -> Result<Option<Arm>, Problem> {
    let Some(key) = caller.id() else { return Ok(None) };
    let arm = app.experiments().await?.arm(&found.pin().rows.name, key);
    Ok(arm.filter(|arm| search::profile(found, Some(&arm.profile)).is_ok()))
}

/// Counts answered searches of experiments.
async fn count(app: &App, arms: impl IntoIterator<Item = Arm>) -> Result<(), Problem> {
    let experiments = app.experiments().await?;
    arms.into_iter().for_each(|arm| experiments.count_searches(arm, 1));
    Ok(())
}

async fn hits(app: &App, view: &ReleaseView, request: &SearchRequest) -> Result<Hits, Problem> {
    let found = search::find(&view.readable, request.search.as_deref()).await?;
    let asked = request.of(&found)?;
    let answer = search::search(&found, app.models(), &asked).await?;
    Hits::new(view.readable.number(), &found, answer, request, &asked.profile)
}

/// The name that was likely meant, or those there are.
pub(super) fn meant(name: &str, known: &[String], none: &str) -> String {
    match nearest(name, known.iter().map(String::as_str)) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None if known.is_empty() => none.to_owned(),
        None => format!("there is `{}`", known.join("`, `")),
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        let (kind, detail) = (error.kind(), error.to_string());
        match error {
            SearchError::NoSearch => Self::of_kind(kind, "no-search", detail),
            SearchError::Several(_) => Self::of_kind(kind, "which-search", detail).field("search", ""),
            SearchError::Unknown { name, known } => {
                let remedy = meant(&name, &known, "the release has none");
                Self::of_kind(kind, "unknown-search", detail).field("search", name).remedy(remedy)
            }
            SearchError::UnknownFacet { name, known } => {
                let remedy = meant(&name, &known, "its definition lists none under `facets`");
                Self::of_kind(kind, "unknown-facet", detail).field("facets", name).remedy(remedy)
            }
            SearchError::UnknownFilter { name, known } => {
                let remedy = meant(&name, &known, "its definition lists none under `filters`");
                Self::of_kind(kind, "unknown-filter", detail).field("at_most", name).remedy(remedy)
            }
            SearchError::UnknownProfile { name, known } => {
                let remedy = meant(&name, &known, "its definition lists none under `profiles`");
                Self::of_kind(kind, "unknown-profile", detail).field("profile", name).remedy(remedy)
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
