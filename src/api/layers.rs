//! What surrounds every handler: an id, a log line, metrics, limits, compression, and problems for what no handler saw.

use std::future::Future;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate, SizeAbove};
use tracing::Instrument;

use super::Problem;
use super::admission::{Admission, admit};
use super::cache::tag_encodings;
use crate::app::App;
use crate::clock::Stopwatch;
use crate::limits::{BODY_PIECE_TIME_MAX, REQUEST_TIME_MAX, REQUESTS_IN_FLIGHT_MAX};
use crate::telemetry::{follow_caller, span};

tokio::task_local! {
    static REQUEST_ID: String;
}

/// The id of the request that is being answered.
pub(super) fn request_id() -> String {
    REQUEST_ID.try_with(Clone::clone).unwrap_or_default()
}

/// Answers below this many bytes are not worth compressing.
const COMPRESS_ABOVE_BYTES: u16 = 1_024;

/// The layers, outermost first. A type alias would be longer than the function.
pub(super) fn all(
    app: &App,
    admission: Admission,
) -> impl tower::Layer<
    axum::routing::Route,
    Service: tower::Service<
        Request,
        Response: IntoResponse + 'static,
        Error: Into<std::convert::Infallible> + 'static,
        Future: Send + 'static,
    > + Clone
                 + Send
                 + Sync
                 + 'static,
> + Clone
+ Send
+ Sync
+ 'static {
    let compressed = SizeAbove::new(COMPRESS_ABOVE_BYTES).and(not_a_file as fn(_, _, &_, &_) -> bool);
    ServiceBuilder::new()
        .layer(from_fn(observe))
        .option_layer((admission == Admission::Open).then(|| from_fn(loopback_names_only)))
        .layer(from_fn(bounded))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(tag_encodings))
        .layer(CompressionLayer::new().gzip(true).zstd(true).compress_when(compressed))
        .layer(from_fn_with_state((app.clone(), admission), admit))
}

/// Files are served as they lie, so that ranges and digests hold.
fn not_a_file(
    _: StatusCode,
    _: axum::http::Version,
    headers: &axum::http::HeaderMap,
    _: &axum::http::Extensions,
) -> bool {
    !headers.contains_key(header::ACCEPT_RANGES)
}

/// Gives the request an id, writes one log line and counts it.
async fn observe(request: Request, next: Next) -> Response {
    let watch = Stopwatch::start();
    let id = request
        .headers()
        .get("x-request-id")
        .and_then(|id| id.to_str().ok())
        .filter(|id| {
            (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
        .map(str::to_owned)
        .unwrap_or_else(new_request_id);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| "other".to_owned());
    let span = span!("request", otel.kind = "server", otel.name = tracing::field::Empty, http.request.method = %method,
        http.route = route, http.response.status_code = tracing::field::Empty, otel.status_code = tracing::field::Empty,
        rhapsode.request_id = id);
    if !span.is_disabled() {
        span.record("otel.name", format!("{method} {route}"));
        follow_caller(&span, |name| request.headers().get(name).and_then(|value| value.to_str().ok()));
    }
    let in_flight = metrics::gauge!("rhapsode_http_requests_in_flight");
    in_flight.increment(1.0);
    let mut response = REQUEST_ID.scope(id.clone(), next.run(request)).instrument(span.clone()).await;
    in_flight.decrement(1.0);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    let (status, seconds) = (response.status().as_u16(), watch.seconds());
    span.record("http.response.status_code", status);
    if response.status().is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    metrics::counter!("rhapsode_http_requests_total", "route" => route.clone(), "method" => method.to_string(), "status" => status.to_string()).increment(1);
    metrics::histogram!("rhapsode_http_request_seconds", "route" => route.clone()).record(seconds);
    tracing::debug!(request_id = id, %method, route, status, seconds, "answered");
    response
}

/// Unique among the requests of all processes: where the process began at random, and a count.
fn new_request_id() -> String {
    static BEGIN: LazyLock<u64> = LazyLock::new(|| uuid::Uuid::new_v4().as_u64_pair().0);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{:016x}{:016x}", *BEGIN, COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Without keys, the server answers on loopback only. A page of a browser on this machine could still
/// reach it under a name of its own that resolves to loopback, so the name must be one of loopback's.
async fn loopback_names_only(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri().authority().map(|authority| authority.as_str()));
    let name = host.map(|host| {
        host.rsplit_once(':')
            .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
            .map_or(host, |(name, _)| name)
    });
    let is_loopback = |name: &str| ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| own.eq_ignore_ascii_case(name));
    match name {
        None => next.run(request).await,
        Some(name) if is_loopback(name) => next.run(request).await,
        Some(name) => {
            Problem::new(StatusCode::FORBIDDEN, "not-loopback", "without keys, only this machine is answered")
                .field("host", name)
                .remedy("use http://127.0.0.1 or http://localhost")
                .into_response()
        }
    }
}

/// Bounds the requests in flight and the time of each.
async fn bounded(request: Request, next: Next) -> Response {
    static PERMITS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(REQUESTS_IN_FLIGHT_MAX);
    let Ok(_permit) = PERMITS.try_acquire() else {
        let busy = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "too many requests are in flight");
        return busy.retry_after(1).into_response();
    };
    within_time(next.run(request)).await
}

async fn within_time(answer: impl Future<Output = Response>) -> Response {
    match tokio::time::timeout(REQUEST_TIME_MAX, answer).await {
        Ok(response) => response,
        Err(_) => {
            let seconds = REQUEST_TIME_MAX.as_secs();
            let detail = format!("the answer took longer than {seconds} s");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", detail).remedy("ask for less").into_response()
        }
    }
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response<Body> {
    tracing::error!(request_id = request_id(), "a handler panicked");
    let detail = "something went wrong inside; the log has it under this request's id";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).into_response()
}

pub(super) async fn not_found(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "unknown-path", format!("there is nothing at `{}`", uri.path()))
        .remedy("/docs shows every path")
}

pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let detail = format!("`{}` does not answer {method}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail).remedy("/docs shows every path")
}

/// The body of a request, bounded in bytes and in the time that its sender takes.
pub(super) async fn body(request: Request, bytes_max: usize) -> Result<Bytes, Problem> {
    let mut pieces = request.into_body().into_data_stream();
    let mut body = BytesMut::new();
    loop {
        let piece = match tokio::time::timeout(BODY_PIECE_TIME_MAX, pieces.next()).await {
            Ok(None) => return Ok(body.freeze()),
            Ok(Some(Ok(piece))) => piece,
            Ok(Some(Err(error))) => {
                return Err(Problem::invalid("incomplete-body", format!("the body broke off: {error}")));
            }
            Err(_) => {
                let detail = format!("the next piece of the body took longer than {} s", BODY_PIECE_TIME_MAX.as_secs());
                return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "slow-body", detail).remedy("send it at once"));
            }
        };
        if body.len() + piece.len() > bytes_max {
            let detail = format!("the body has more than {bytes_max} bytes");
            return Err(Problem::too_large("body-too-large", detail).remedy("send several smaller requests"));
        }
        body.extend_from_slice(&piece);
    }
}
