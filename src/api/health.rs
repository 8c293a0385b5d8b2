//! `/healthz`, `/readyz`, and where to look first.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::Problem;
use super::respond::{JSON, answer};
use crate::app::App;

/// Whether the process runs.
#[utoipa::path(get, path = "/healthz", tag = "operation", responses((status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether it has a release to answer from.
#[utoipa::path(get, path = "/readyz", tag = "operation",
    responses((status = 200, body = Object), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn readyz(State(app): State<App>) -> Response {
    match app.latest() {
        Some(release) => {
            let number = release.number();
            answer(number, JSON, format!("{{\"release\":{number}}}\n"))
        }
        None => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no-release", "no release is open yet")
            .remedy("`rhapsode build` publishes the first")
            .into_response(),
    }
}

/// A browser wants the documentation.
pub(super) async fn index() -> Redirect {
    Redirect::temporary("/docs/")
}
