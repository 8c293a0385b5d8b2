//! `POST /api/feedback`: what people say of hits.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Problem;
use super::auth::secret;
use super::extract::{JsonBody, Parameters};
use super::features::parse_key;
use super::search::{arm_of, check_query};
use crate::access::Caller;
use crate::app::App;
use crate::experiments::{self, Arm, ExperimentError, Recorded};
use crate::search;

/// What is said of a hit.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Feedback {
    /// What was asked.
    #[schema(example = "the sea at night", min_length = 1, max_length = 2000)]
    query: String,
    /// The `key` of the hit.
    #[schema(example = "t1")]
    key: String,
    verdict: Verdict,
    /// Which search, where there are several.
    search: Option<String>,
    /// By which profile it was found: the answer's `profile`. By default that of the key's experiment, or `default`.
    profile: Option<String>,
}

/// Whether a hit was what was looked for.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Relevant,
    Irrelevant,
}

/// What became of it.
#[derive(Serialize, ToSchema)]
pub(super) struct FeedbackRecorded {
    release: u64,
    search: String,
    profile: String,
    recorded: RecordedShown,
    /// The experiment that it counts for; null where the key has none, or the hit was found by another profile than the key's.
    experiment: Option<String>,
}

/// Whether something was said of the hit before.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RecordedShown {
    New,
    /// The same was said before.
    Same,
    /// Another verdict was there; this one holds.
    Changed,
}

/// Keeps whether a hit was what was looked for. Said again, it is kept once; the last verdict of a key on a query's hit holds.
#[utoipa::path(post, path = "/api/feedback", tag = "search", request_body = Feedback,
    params(("release" = Option<String>, Query, description = "In which it was found: a number, a tag or `latest`")),
    responses((status = 200, body = FeedbackRecorded), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn feedback(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
    JsonBody(feedback): JsonBody<Feedback>,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&["release"])?;
    let Feedback { query, key, verdict, search, profile } = feedback;
    check_query(&query)?;
    let query = query.trim().to_owned();
    let view = app.open(&parameters.release()?).await?.readable_by(caller.entitlements());
    let found = search::find(&view.readable, search.as_deref()).await?;
    let piece = parse_key(found.key_parts(), &key, false)?;
    if found.row_of(&piece).is_none() {
        let detail = format!("the search `{}` has no piece with the key `{piece}`", found.pin().rows.name);
        let problem = Problem::new(StatusCode::NOT_FOUND, "unknown-key", detail).field("key", key);
        return Err(problem.remedy("send the `key` of a hit"));
    }
    let search = found.pin().rows.name.clone();
    let profile = match profile {
        Some(profile) => profile,
        None => match arm_of(&app, &caller, &found).await? {
            Some(Arm { profile, .. }) => profile,
            None => search::DEFAULT_PROFILE.to_owned(),
        },
    };
    search::profile(&found, Some(&profile))?;
    let verdict = match verdict {
        Verdict::Relevant => experiments::Verdict::Relevant,
        Verdict::Irrelevant => experiments::Verdict::Irrelevant,
    };
    let release = view.readable.number();
    let piece = piece.to_string();
    let feedback = experiments::Feedback { key: caller.id(), search, profile, query, piece, verdict, release };
    let (recorded, experiment) = app.experiments().await?.record(&feedback).await?;
    let recorded = match recorded {
        Recorded::New => RecordedShown::New,
        Recorded::Same => RecordedShown::Same,
        Recorded::Changed => RecordedShown::Changed,
    };
    let experiments::Feedback { search, profile, .. } = feedback;
    Ok(secret(&FeedbackRecorded { release: release.get(), search, profile, recorded, experiment }))
}

impl From<ExperimentError> for Problem {
    fn from(error: ExperimentError) -> Self {
        let (kind, detail) = (error.kind(), error.to_string());
        match error {
            ExperimentError::Config { .. } => Self::of_kind(kind, "invalid-experiment", detail),
            ExperimentError::Unknown { .. } => Self::of_kind(kind, "unknown-experiment", detail),
            ExperimentError::TooMuch => Self::of_kind(kind, "too-much-feedback", detail),
            ExperimentError::Damaged(_) => Self::of_kind(kind, "damaged-feedback", detail),
            ExperimentError::State(error) => error.into(),
        }
    }
}
