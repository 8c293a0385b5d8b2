//! `/api/keys`: made, listed, revoked and rotated by admins.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Problem;
use super::auth::secret;
use super::extract::{JsonBody, Parameters};
use crate::access::{Caller, KeyId, KeyRecord, KeyRequest, Scopes};
use crate::app::App;
use crate::limits::{KEY_DAYS_MAX, ROTATION_HOURS_MAX};

/// A key, without the key.
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
pub(crate) struct KeyAnswer {
    /// How the key begins: `rhp_` and eight characters.
    id: String,
    name: String,
    tier: String,
    /// What of the tier's scopes it has; null where it has all of them.
    scopes: Option<Vec<&'static str>>,
    /// `good`, `revoked` or `expired`.
    state: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: DateTime<Utc>,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<DateTime<Utc>>,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<DateTime<Utc>>,
    /// To the second or so.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<DateTime<Utc>>,
    replaced_by: Option<String>,
}

/// A new key. `key` is told this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewKeyAnswer {
    pub key: String,
    #[serde(flatten)]
    pub record: KeyAnswer,
}

#[derive(Serialize, ToSchema)]
pub(super) struct KeyList {
    keys: Vec<KeyAnswer>,
}

impl KeyAnswer {
    pub fn new(record: KeyRecord, now: DateTime<Utc>) -> Self {
        Self {
            id: record.id.to_string(),
            state: record.state(now).name(),
            scopes: record.scopes.map(Scopes::names),
            name: record.name,
            tier: record.tier,
            created_at: record.created_at,
            expires_at: record.expires_at,
            revoked_at: record.revoked_at,
            last_used_at: record.last_used_at,
            replaced_by: record.replaced_by.map(|id| id.to_string()),
        }
    }
}

/// What the key is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyRequest)]
pub(super) struct Asked {
    /// Whose it is, or what for.
    name: String,
    /// One of those in `rhapsode.toml`, or `free`, `research`, `pro`, `operator`.
    tier: String,
    /// Some of the tier's scopes; all of them by default.
    scopes: Option<Vec<String>>,
    /// Days after which it expires; never by default.
    #[schema(maximum = 36500)]
    expires_in_days: Option<u32>,
}

/// For how long the old key stays good.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    /// Hours; 24 by default.
    #[schema(maximum = 8760)]
    overlap_hours: Option<u32>,
}

/// All keys, the newest first.
#[utoipa::path(get, path = "/api/keys", tag = "access", responses((status = 200, body = KeyList)))]
pub(super) async fn list(State(app): State<App>, parameters: Parameters) -> Result<Response, Problem> {
    parameters.only(&[])?;
    let (keys, now) = (app.access().await?.list().await?, app.clock().now());
    Ok(secret(&KeyList { keys: keys.into_iter().map(|record| KeyAnswer::new(record, now)).collect() }))
}

/// Makes a key.
#[utoipa::path(post, path = "/api/keys", tag = "access", request_body = Asked,
    responses((status = 201, body = NewKeyAnswer), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
    JsonBody(asked): JsonBody<Asked>,
) -> Result<Response, Problem> {
    parameters.only(&[])?;
    let scopes = asked.scopes.as_deref().map(scopes).transpose()?;
    check_is_at_most("expires_in_days", asked.expires_in_days, KEY_DAYS_MAX)?;
    let expires_in = asked.expires_in_days.map(|days| TimeDelta::days(days.into()));
    let request = KeyRequest { name: asked.name, tier: asked.tier, scopes, expires_in };
    let (key, record) = app.access().await?.create(&actor(&caller), &request).await?;
    Ok(created(key.reveal(), record, app.clock().now()))
}

/// Ends a key for good: here at once, in other processes within a second.
#[utoipa::path(delete, path = "/api/keys/{id}", tag = "access", params(("id" = String, Path, description = "As in the list")),
    responses((status = 200, body = KeyAnswer), (status = 404, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.only(&[])?;
    let record = app.access().await?.revoke(&actor(&caller), parse(&id)?).await?;
    Ok(secret(&KeyAnswer::new(record, app.clock().now())))
}

/// Makes a key in place of another, which stays good for a while.
#[utoipa::path(post, path = "/api/keys/{id}/rotate", tag = "access", request_body = Rotation,
    params(("id" = String, Path, description = "As in the list")),
    responses(
        (status = 201, body = NewKeyAnswer),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It has ended", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn rotate(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
    JsonBody(rotation): JsonBody<Rotation>,
) -> Result<Response, Problem> {
    parameters.only(&[])?;
    check_is_at_most("overlap_hours", rotation.overlap_hours, ROTATION_HOURS_MAX)?;
    let overlap = TimeDelta::hours(rotation.overlap_hours.unwrap_or(24).into());
    let (key, record) = app.access().await?.rotate(&actor(&caller), parse(&id)?, overlap).await?;
    Ok(created(key.reveal(), record, app.clock().now()))
}

/// The scopes of those names.
pub(super) fn scopes(names: &[String]) -> Result<Scopes, Problem> {
    let scope = |(index, name): (usize, &String)| {
        name.parse().map_err(|error: crate::access::UnknownScope| {
            Problem::invalid("unknown-scope", error.to_string()).field(format!("scopes[{index}]"), name)
        })
    };
    names.iter().enumerate().map(scope).collect()
}

fn created(key: &str, record: KeyRecord, now: DateTime<Utc>) -> Response {
    let answer = NewKeyAnswer { key: key.to_owned(), record: KeyAnswer::new(record, now) };
    (StatusCode::CREATED, secret(&answer)).into_response()
}

pub(super) fn parse(id: &str) -> Result<KeyId, Problem> {
    KeyId::parse(id).ok_or_else(|| {
        let detail = "a key's id is `rhp_` and eight letters or digits";
        Problem::new(StatusCode::NOT_FOUND, "unknown-api-key", detail).field("id", id)
    })
}

fn check_is_at_most(field: &str, value: Option<u32>, most: u32) -> Result<(), Problem> {
    match value.filter(|value| *value > most) {
        None => Ok(()),
        Some(value) => {
            let detail = format!("`{field}` is {most} at most");
            Err(Problem::invalid("invalid-body", detail).field(field, value.to_string()))
        }
    }
}

/// Who did it, for the audit log.
fn actor(caller: &Caller) -> String {
    caller.id().map_or_else(|| "without a key".to_owned(), |id| id.to_string())
}
