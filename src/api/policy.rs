//! Who may call what: one table for every route. What is not in it is not answered.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::http::Method;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};

use crate::access::{RouteClass, Scope};

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Nothing: no key is looked at.
    Open,
    /// A good key, whatever its scopes.
    Key(RouteClass),
    /// A good key with that scope.
    Scope(Scope, RouteClass),
}

/// Method, path, policy. `HEAD` goes with `GET`.
pub const ROUTES: &[(&str, &str, Policy)] = &[
    ("GET", "/", Policy::Open),
    ("GET", "/healthz", Policy::Open),
    ("GET", "/readyz", Policy::Open),
    ("GET", "/openapi.json", Policy::Open),
    ("GET", "/docs", Policy::Open),
    ("GET", "/docs/", Policy::Open),
    ("GET", "/docs/{*rest}", Policy::Open),
    ("GET", "/.well-known/jwks.json", Policy::Open),
    ("GET", "/api/features", Policy::Scope(Scope::Features, RouteClass::Lookup)),
    ("GET", "/api/features/{key}", Policy::Scope(Scope::Features, RouteClass::Lookup)),
    ("POST", "/api/features/batch", Policy::Scope(Scope::Features, RouteClass::Lookup)),
    ("POST", "/get-online-features", Policy::Scope(Scope::Features, RouteClass::Lookup)),
    ("GET", "/api/releases", Policy::Scope(Scope::Features, RouteClass::Lookup)),
    ("GET", "/api/embeddings/{key}", Policy::Scope(Scope::Features, RouteClass::Lookup)),
    ("POST", "/api/embeddings/batch", Policy::Scope(Scope::Analyze, RouteClass::Analyze)),
    ("POST", "/api/analyze", Policy::Scope(Scope::Analyze, RouteClass::Analyze)),
    ("POST", "/api/jobs", Policy::Scope(Scope::Analyze, RouteClass::Analyze)),
    ("GET", "/api/jobs", Policy::Scope(Scope::Analyze, RouteClass::Lookup)),
    ("GET", "/api/jobs/{id}", Policy::Scope(Scope::Analyze, RouteClass::Lookup)),
    ("DELETE", "/api/jobs/{id}", Policy::Scope(Scope::Analyze, RouteClass::Lookup)),
    ("GET", "/api/jobs/{id}/results", Policy::Scope(Scope::Analyze, RouteClass::Query)),
    ("POST", "/api/sql", Policy::Scope(Scope::Sql, RouteClass::Query)),
    ("POST", "/api/search", Policy::Scope(Scope::Search, RouteClass::Query)),
    ("POST", "/api/search/batch", Policy::Scope(Scope::Search, RouteClass::Query)),
    ("POST", "/api/feedback", Policy::Scope(Scope::Search, RouteClass::Query)),
    ("GET", "/api/recommendations", Policy::Scope(Scope::Insight, RouteClass::Query)),
    ("GET", "/api/patterns", Policy::Scope(Scope::Insight, RouteClass::Query)),
    ("GET", "/api/trends", Policy::Scope(Scope::Insight, RouteClass::Query)),
    ("POST", "/api/training-sets", Policy::Scope(Scope::Sql, RouteClass::Query)),
    ("GET", "/api/dataset/download", Policy::Scope(Scope::Download, RouteClass::Query)),
    ("POST", "/api/ingest/{source}", Policy::Scope(Scope::Ingest, RouteClass::Manage)),
    ("POST", "/api/auth/token", Policy::Key(RouteClass::Manage)),
    ("GET", "/api/usage", Policy::Key(RouteClass::Manage)),
    ("GET", "/api/keys", Policy::Scope(Scope::Admin, RouteClass::Manage)),
    ("POST", "/api/keys", Policy::Scope(Scope::Admin, RouteClass::Manage)),
    ("DELETE", "/api/keys/{id}", Policy::Scope(Scope::Admin, RouteClass::Manage)),
    ("POST", "/api/keys/{id}/rotate", Policy::Scope(Scope::Admin, RouteClass::Manage)),
];

/// The route's path as the table has it, and its policy; none where the table has no such route.
pub(super) fn of(method: &Method, path: &str) -> Option<(&'static str, Policy)> {
    static PLACES: LazyLock<HashMap<(&str, &str), usize>> = LazyLock::new(|| {
        ROUTES.iter().enumerate().map(|(place, (method, path, _))| ((*method, *path), place)).collect()
    });
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    let (_, route, policy) = ROUTES[*PLACES.get(&(method, path))?];
    Some((route, policy))
}

/// The methods that a path answers, as `Allow` tells them.
pub(super) fn methods(path: &str) -> Vec<&'static str> {
    let listed = ROUTES.iter().filter(|(_, listed, _)| *listed == path);
    listed.flat_map(|(method, ..)| [Some(*method), (*method == "GET").then_some("HEAD")]).flatten().collect()
}

/// Says in the OpenAPI document what each route asks, and how it refuses.
pub(super) fn describe(document: &mut OpenApi) {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A key, `rhp_…`, or a token of one from `POST /api/auth/token`."));
    let components = document.components.get_or_insert_default();
    components.security_schemes.insert("key".to_owned(), RefOr::T(SecurityScheme::Http(bearer.build())));
    for (method, path, policy) in ROUTES {
        let (scope, detail) = match policy {
            Policy::Open => continue,
            Policy::Key(_) => (None, "A good key, whatever its scopes.".to_owned()),
            Policy::Scope(scope, _) => (Some(scope.name()), format!("A key with the scope `{}`.", scope.name())),
        };
        let Some(operation) = document.paths.paths.get_mut(*path).and_then(|item| operation(item, method)) else {
            continue;
        };
        operation.security = Some(vec![SecurityRequirement::new("key", scope.iter().map(ToString::to_string))]);
        let told = operation.description.get_or_insert_default();
        *told = format!("{told}\n\nNeeds: {detail}").trim().to_owned();
        let refusals = [
            ("4XX", "The request is wrong"),
            ("401", "No key, or not a good one"),
            ("403", "The key lacks the scope"),
            ("429", "Over the key's rate or quota; `retry-after` says for how long"),
            ("503", "Busy; `retry-after` says for how long"),
        ];
        for (status, description) in refusals {
            let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            let response = ResponseBuilder::new().description(description).content("application/problem+json", problem);
            operation.responses.responses.entry(status.to_owned()).or_insert(RefOr::T(response.build()));
        }
    }
}

fn operation<'a>(item: &'a mut PathItem, method: &str) -> Option<&'a mut Operation> {
    match method {
        "GET" => item.get.as_mut(),
        "POST" => item.post.as_mut(),
        "DELETE" => item.delete.as_mut(),
        _ => None,
    }
}
