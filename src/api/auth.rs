//! `/api/auth/token` and `/.well-known/jwks.json`: tokens for web pages, and links that a browser follows.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::datasets::DOWNLOAD;
use super::extract::{JsonBody, Parameters};
use super::respond::JSON;
use super::{Problem, keys};
use crate::access::{Caller, Scope, Scopes, TokenRequest};
use crate::app::App;

/// What the token is for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TokenRequest)]
pub(super) struct Asked {
    /// Some of the key's scopes; all of them by default.
    #[schema(example = json!(["features"]))]
    scopes: Option<Vec<String>>,
    /// A download that a browser or `wget` is to follow without a header: the token is then good for that link alone.
    #[schema(example = "/api/dataset/download?dataset=track&format=csv")]
    link: Option<String>,
}

/// A token, in place of the key until it expires.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub(super) struct Token {
    token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
    scopes: Vec<&'static str>,
    /// The link with its token, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// Exchanges a key for a token that expires after minutes. A token is exchanged for nothing.
#[utoipa::path(post, path = "/api/auth/token", tag = "access", request_body = Asked,
    responses((status = 200, body = Token), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn token(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
    JsonBody(asked): JsonBody<Asked>,
) -> Result<Response, Problem> {
    parameters.only(&[])?;
    let Some(key) = caller.key() else {
        let detail = "this server answers without keys, so there is nothing to make a token of";
        return Err(Problem::invalid("no-key", detail).remedy("leave the token out"));
    };
    // Otherwise a token that was stolen would live as long as the key.
    if caller.has_token() {
        let detail = "a token makes no other token; it ends when it expires";
        let problem = Problem::new(StatusCode::FORBIDDEN, "not-a-key", detail).field("authorization", "");
        return Err(problem.remedy("send the key itself"));
    }
    let scopes = match (&asked.scopes, &asked.link) {
        (Some(names), _) => keys::scopes(names)?,
        (None, Some(_)) => Scopes::default().with(Scope::Download).with(Scope::Restricted).and(caller.scopes()),
        (None, None) => caller.scopes(),
    };
    if let Some(extra) = scopes.iter().find(|scope| !caller.may(*scope)) {
        let detail = format!("the key has no scope `{}`, so its token cannot", extra.name());
        return Err(Problem::invalid("missing-scope", detail).field("scopes", extra.name()));
    }
    if let Some(link) = asked.link.as_ref().filter(|link| !is_download(link)) {
        let detail = format!("a link begins with `{DOWNLOAD}?`, holds no blanks and has no token yet");
        return Err(Problem::invalid("invalid-link", detail).field("link", link));
    }
    let access = app.access().await?;
    let request = TokenRequest { key: key.id(), scopes, link: asked.link.clone() };
    let signed = access.token(&request)?;
    let token = Token {
        url: asked.link.map(|link| format!("{link}&token={}", signed.token)),
        token: signed.token,
        token_type: "Bearer",
        expires_in: (signed.expires_at - app.clock().now()).num_seconds(),
        scopes: scopes.names(),
    };
    Ok(secret(&token))
}

fn is_download(link: &str) -> bool {
    let query = link.strip_prefix(DOWNLOAD).and_then(|rest| rest.strip_prefix('?'));
    query.is_some_and(|query| !query.is_empty() && !query.contains("token="))
        && link.bytes().all(|b| b.is_ascii_graphic())
}

/// The public keys by which others verify tokens (RFC 7517).
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "access", responses((status = 200, body = Object)))]
pub(super) async fn jwks(State(app): State<App>) -> Result<Response, Problem> {
    let jwks = app.access().await?.jwks()?;
    let headers = [(header::CONTENT_TYPE, JSON), (header::CACHE_CONTROL, "public, max-age=3600")];
    Ok((headers, serde_json::to_vec(&jwks).unwrap_or_default()).into_response())
}

/// An answer that nobody may keep on its way.
pub(super) fn secret(answer: &impl Serialize) -> Response {
    let headers = [(header::CONTENT_TYPE, JSON), (header::CACHE_CONTROL, "no-store")];
    (headers, serde_json::to_vec(answer).unwrap_or_default()).into_response()
}
