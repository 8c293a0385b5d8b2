//! Who is let in: credentials, scope, rate and work, before any handler sees the request.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::OwnedSemaphorePermit;

use super::policy::{self, Policy};
use super::respond::header_value;
use super::{Problem, layers};
use crate::access::{AccessError, Caller, Credentials, OverQuota, RateState, Refusal, RouteClass, Scope, Scopes, Unit};
use crate::app::App;
use crate::error::ErrorKind;
use crate::state::StateError;
use crate::store::Entitlements;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Whom the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Whoever shows a key.
    Keys,
    /// Whoever reaches it; on loopback only.
    Open,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Caller>().cloned().ok_or_else(no_key)
    }
}

impl Caller {
    /// What the caller may read of a release.
    pub(super) fn entitlements(&self) -> Entitlements {
        if self.may(Scope::Restricted) { Entitlements::ALL } else { Entitlements::OPEN }
    }
}

/// Lets a request through to its handler, with its [`Caller`], or says why not.
pub(super) async fn admit(
    State((app, admission)): State<(App, Admission)>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(path) = request.extensions().get::<MatchedPath>() else { return next.run(request).await };
    let Some((route, policy)) = policy::of(request.method(), path.as_str()) else {
        let allowed = policy::methods(path.as_str()).join(", ");
        let mut response = match allowed.is_empty() {
            true => layers::not_found(request.uri().clone()).await,
            false => layers::method_not_allowed(request.method().clone(), request.uri().clone()).await,
        }
        .into_response();
        response.headers_mut().extend(HeaderValue::from_str(&allowed).ok().map(|allowed| (header::ALLOW, allowed)));
        return response;
    };
    let (scope, class) = match policy {
        Policy::Open => return next.run(request).await,
        Policy::Key(class) => (None, class),
        Policy::Scope(scope, class) => (Some(scope), class),
    };
    let caller = match admission {
        Admission::Open => Ok(Caller::without_key(open_scopes(&app))),
        Admission::Keys => known(&app, request.headers(), request.uri(), route).await,
    };
    let caller = match caller.and_then(|caller| scoped(caller, scope)) {
        Ok(caller) => caller,
        Err(problem) => return problem.into_response(),
    };
    let rate = caller.request(class);
    let mut response = match within_limits(&caller, class, rate).await {
        Ok(_room) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    if let Some(rate) = rate {
        tell(&rate, class, response.headers_mut());
    }
    response
}

/// Without keys everything that is open can be read, and rows are taken where the operator said so.
fn open_scopes(app: &App) -> Scopes {
    if app.config().serve.ingest { Scopes::READ.with(Scope::Ingest) } else { Scopes::READ }
}

async fn known(app: &App, headers: &HeaderMap, uri: &Uri, route: &'static str) -> Result<Caller, Problem> {
    let access = app.access().await?;
    let linked = (route == super::datasets::DOWNLOAD).then(|| link_of(uri)).flatten();
    let credentials = match (headers.get(header::AUTHORIZATION), &linked) {
        (Some(value), _) => {
            let value = value.to_str().unwrap_or_default();
            let (scheme, credentials) = value.split_once(' ').unwrap_or_default();
            if !scheme.eq_ignore_ascii_case("bearer") {
                return Err(no_key());
            }
            access.authenticate(credentials.trim()).await?
        }
        (None, Some((_, token))) => access.authenticate(token).await?,
        (None, None) => return Err(no_key()),
    };
    check_link(&credentials, linked.as_ref().map(|(link, _)| link.as_str()))?;
    Ok(Caller::new(Arc::clone(access), credentials, route))
}

/// A link of a download without its token, and the token.
fn link_of(uri: &Uri) -> Option<(String, String)> {
    let (link, token) = uri.path_and_query()?.as_str().rsplit_once("&token=")?;
    Some((link.to_owned(), token.to_owned()))
}

/// A token for a link is good for that link alone, and nothing else in a URL is taken for credentials.
fn check_link(credentials: &Credentials, link: Option<&str>) -> Result<(), Problem> {
    match (&credentials.link, link) {
        (None, None) => Ok(()),
        (Some(signed), Some(link)) if signed == link => Ok(()),
        (None, Some(_)) => {
            Err(unauthorized("invalid-link", "a key or a token for other requests does not belong in a link")
                .remedy("POST /api/auth/token with `link` makes a link"))
        }
        (Some(_), _) => Err(unauthorized("invalid-link", "the token is for another link").remedy("make a new link")),
    }
}

fn scoped(caller: Caller, scope: Option<Scope>) -> Result<Caller, Problem> {
    scope.map_or(Ok(()), |scope| check_scope(&caller, scope))?;
    Ok(caller)
}

/// Refuses what needs a scope that the caller has not.
pub(super) fn check_scope(caller: &Caller, scope: Scope) -> Result<(), Problem> {
    if caller.may(scope) {
        return Ok(());
    }
    let refused =
        |detail: String| Problem::new(StatusCode::FORBIDDEN, "missing-scope", detail).field("scope", scope.name());
    if caller.key().is_none() {
        let detail = format!("without keys this server does nothing that needs the scope `{}`", scope.name());
        return Err(match scope {
            Scope::Ingest => refused(detail).remedy("start it with `rhapsode serve --open --ingest`"),
            _ => refused(detail).remedy("start it without `--open`, and send a key"),
        });
    }
    let detail = format!("this needs the scope `{}`, which the key has not", scope.name());
    Err(refused(detail).remedy(format!("it has `{}`; ask for a key of another tier", caller.scopes())))
}

/// Keeps the caller's requests and work within bounds while they are held.
async fn within_limits(
    caller: &Caller,
    class: RouteClass,
    rate: Option<RateState>,
) -> Result<[Option<OwnedSemaphorePermit>; 2], Problem> {
    if let Some((rate, seconds)) = rate.and_then(|state| Some((state.rate, state.wait_seconds()?))) {
        let (class, per_second, burst) = (class.name(), rate.per_second, rate.burst);
        let detail = format!("the key may send {per_second} requests of the class `{class}` a second, {burst} at once");
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "over-rate", detail)
            .retry_after(seconds)
            .remedy("wait as long as `retry-after` says"));
    }
    let in_flight = caller.in_flight().map_err(|most| too_many_at_once("requests", most))?;
    caller.spend(Unit::Requests, 1).await??;
    if !matches!(class, RouteClass::Query | RouteClass::Analyze) {
        return Ok([in_flight, None]);
    }
    let work = caller.work().map_err(|most| too_many_at_once("statements, downloads and analyses", most))?;
    Ok([in_flight, work])
}

fn too_many_at_once(what: &str, most: usize) -> Problem {
    let detail = format!("the key's {what} are answered {most} at a time");
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-at-once", detail)
        .retry_after(1)
        .remedy("wait for an answer before asking again")
}

/// As in draft-ietf-httpapi-ratelimit-headers-10.
fn tell(rate: &RateState, class: RouteClass, headers: &mut HeaderMap) {
    let (name, burst, per_second) = (class.name(), rate.rate.burst.get(), rate.rate.per_second.get());
    let left = header_value(format_args!("\"{name}\";r={};t={}", rate.remaining, rate.reset_seconds()));
    let policy = header_value(format_args!("\"{name}\";q={burst};w={}", burst.div_ceil(per_second)));
    headers.extend(left.map(|value| (RATE_LIMIT, value)));
    headers.extend(policy.map(|value| (RATE_LIMIT_POLICY, value)));
}

fn unauthorized(kind: &str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, kind, detail)
}

fn no_key() -> Problem {
    unauthorized("no-key", "this needs a key, and none was sent")
        .field("authorization", "")
        .remedy("send `authorization: Bearer rhp_…`; `rhapsode keys create` makes a key")
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        let (kind, remedy) = match refusal {
            Refusal::Malformed | Refusal::Unknown => ("invalid-key", "copy the key anew, or ask for another"),
            Refusal::Revoked(_) => ("revoked-key", "ask for another key"),
            Refusal::Expired(_) => ("expired-key", "ask for another key"),
            Refusal::TierGone(..) => ("tier-gone", "ask whoever runs this server for another key"),
            Refusal::Token(_) => ("invalid-token", "POST /api/auth/token with the key makes another"),
            Refusal::Unavailable => {
                return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "state-unavailable", detail).retry_after(1);
            }
        };
        unauthorized(kind, detail).remedy(remedy)
    }
}

impl From<OverQuota> for Problem {
    fn from(over: OverQuota) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "over-quota", over.to_string())
            .field(over.unit.name(), over.asked.to_string())
            .retry_after(over.wait_seconds)
            .remedy(format!("it begins anew at {}; GET /api/usage shows what was used", over.resets_at.to_rfc3339()))
    }
}

impl From<StateError> for Problem {
    fn from(error: StateError) -> Self {
        tracing::warn!(%error, "the state database is missed");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "state-unavailable",
            "what is known of keys cannot be read at the moment",
        )
        .retry_after(1)
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        let detail = error.to_string();
        let name = match &error {
            AccessError::UnknownTier { .. } => "unknown-tier",
            AccessError::ScopeNotInTier { .. } => "scope-not-in-tier",
            AccessError::KeyName => "invalid-name",
            AccessError::UnknownKey(_) => "unknown-api-key",
            AccessError::NotRotated(_) => "key-ended",
            AccessError::State(_) => return Self::of_kind(ErrorKind::Unavailable, "state-unavailable", detail),
            // Of the operator's making, and none of the caller's business.
            AccessError::Secret { .. } | AccessError::Tier { .. } => {
                return Self::of_kind(ErrorKind::Internal, "", detail);
            }
            AccessError::Damaged(_) | AccessError::Unsigned => "",
        };
        Self::of_kind(error.kind(), name, detail)
    }
}
