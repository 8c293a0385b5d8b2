//! The HTTP API: one route table, the layers around it, and a file for each resource. It translates and decides nothing.

mod admission;
mod analyze;
mod auth;
mod cache;
mod catalogue;
mod connections;
mod datasets;
mod embeddings;
mod extract;
mod feast;
mod features;
mod feedback;
mod health;
mod ingest;
mod inputs;
mod insight;
mod jobs;
mod keys;
mod layers;
mod patterns;
mod policy;
mod problem;
mod recommendations;
mod releases;
mod respond;
mod search;
mod serve;
mod sql;
mod training_sets;
mod trends;
mod usage;

use axum::Router;
use axum::routing::get;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

pub use admission::Admission;
pub use datasets::{Asked, parse_range};
pub(crate) use keys::{KeyAnswer, NewKeyAnswer};
pub use policy::{Policy, ROUTES};
pub use problem::Problem;
pub(crate) use search::SearchCalls;
pub use serve::{ServeError, Serving, serve};
pub(crate) use usage::{UsageAnswer, UsageReport};

use crate::app::App;

/// The document's own words; paths and schemas come from the handlers.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Rhapsode",
        description = "A feature store for content. Every answer names its release in `x-rhapsode-release` and itself in \
                       `x-request-id`; every error is `application/problem+json` (RFC 9457).",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem))
)]
struct Document;

/// Every route, and the OpenAPI document of those that are for callers.
pub fn router(app: App, admission: Admission) -> Router {
    let (routes, document) = routes_and_document();
    routes
        .merge(SwaggerUi::new("/docs").url("/openapi.json", document))
        .fallback(layers::not_found)
        .method_not_allowed_fallback(layers::method_not_allowed)
        .layer(layers::all(&app, admission))
        .with_state(app)
}

/// The OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    routes_and_document().1
}

fn routes_and_document() -> (Router<App>, utoipa::openapi::OpenApi) {
    let (routes, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(catalogue::list))
        .routes(routes!(features::one))
        .routes(routes!(features::batch))
        .routes(routes!(feast::online_features))
        .routes(routes!(embeddings::one))
        .routes(routes!(embeddings::batch))
        .routes(routes!(analyze::analyze))
        .routes(routes!(jobs::submit, jobs::list))
        .routes(routes!(jobs::one, jobs::cancel))
        .routes(routes!(jobs::results))
        .routes(routes!(sql::query))
        .routes(routes!(training_sets::create))
        .routes(routes!(ingest::append))
        .routes(routes!(datasets::download))
        .routes(routes!(search::search))
        .routes(routes!(search::batch))
        .routes(routes!(feedback::feedback))
        .routes(routes!(recommendations::recommendations))
        .routes(routes!(trends::trends))
        .routes(routes!(patterns::patterns))
        .routes(routes!(releases::list))
        .routes(routes!(auth::token))
        .routes(routes!(auth::jwks))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::revoke))
        .routes(routes!(keys::rotate))
        .routes(routes!(usage::usage))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .route("/", get(health::index))
        .split_for_parts();
    policy::describe(&mut document);
    (routes, document)
}
