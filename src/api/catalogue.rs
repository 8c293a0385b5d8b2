//! `GET /api/features`: the catalogue, with lineage, statistics and quality.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::Problem;
use super::cache::AnswerId;
use super::extract::Parameters;
use super::respond::{JSON, answer};
use crate::access::Caller;
use crate::app::App;
use crate::store::{Check, FeaturePin, InputPin, Manifest, Statistics};

/// All definitions of a release, with versions and lineage.
#[derive(Serialize, ToSchema)]
pub(super) struct Catalogue {
    release: u64,
    entities: Vec<CatalogueEntity>,
}

#[derive(Serialize, ToSchema)]
struct CatalogueEntity {
    name: String,
    join_keys: Vec<String>,
    description: Option<String>,
    views: Vec<CatalogueView>,
    /// Views whose features are computed when they are asked for.
    on_request: Vec<CatalogueOnRequest>,
}

#[derive(Serialize, ToSchema)]
struct CatalogueOnRequest {
    name: String,
    description: Option<String>,
    owner: Option<String>,
    tags: Vec<String>,
    /// The values that come with a request.
    inputs: Vec<CatalogueInput>,
    features: Vec<CatalogueFeature>,
}

#[derive(Serialize, ToSchema)]
struct CatalogueInput {
    name: String,
    dtype: String,
    description: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct CatalogueView {
    name: String,
    rows: u64,
    description: Option<String>,
    owner: Option<String>,
    tags: Vec<String>,
    /// The sources and views that it is computed from.
    inputs: Vec<String>,
    /// What was expected of it and of its features, and what was found.
    checks: Vec<CatalogueCheck>,
    features: Vec<CatalogueFeature>,
}

#[derive(Serialize, ToSchema)]
struct CatalogueFeature {
    name: String,
    dtype: String,
    version: u32,
    description: Option<String>,
    unit: Option<String>,
    licence: Option<String>,
    access: &'static str,
    /// `memory`, `indexed`, or `off` where only SQL over its view reads it.
    online: &'static str,
    tags: Vec<String>,
    /// Null where it names columns that the caller may not read.
    expr: Option<String>,
    /// The columns that its values are made from, as `table.column`; those that the caller may not read are left out.
    reads: Vec<String>,
    /// The columns of sources that those are made from in the end, as far as the caller may read them.
    origins: Vec<String>,
    fingerprint: String,
    nulls: u64,
    /// Null for lists, structs and vectors.
    statistics: Option<CatalogueStatistics>,
}

/// What the values of a feature are like. What its type does not have is left out.
#[derive(Serialize, ToSchema)]
struct CatalogueStatistics {
    count: u64,
    /// Null where only some rows were looked at.
    distinct: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean: Option<f64>,
    /// `[share, value]`: below the value lies that share of the values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    quantiles: Vec<(f64, f64)>,
    /// `[from, to, count]`, of one width.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    histogram: Vec<(f64, f64, u64)>,
    /// `[value, count]`, the commonest first, where there are few different values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    top: Vec<(serde_json::Value, u64)>,
    /// 1, or every how manieth row quantiles, histogram and commonest values were taken from.
    sampled_every: u64,
}

/// Something that was expected, and what was found.
#[derive(Serialize, ToSchema)]
struct CatalogueCheck {
    /// Null where it is about the view's rows.
    feature: Option<String>,
    expected: String,
    found: String,
    passed: bool,
    /// `fail` or `warn`.
    on_failure: &'static str,
}

/// The catalogue: every entity, view and feature of a release, with versions, lineage, statistics and checks.
#[utoipa::path(get, path = "/api/features", tag = "features",
    params(("release" = Option<String>, Query, description = "A number, a tag or `latest`")),
    responses((status = 200, body = Catalogue), (status = 304, description = "The answer is the one that the caller has"), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&["release"])?;
    let view = app.open(&parameters.release()?).await?.readable_by(caller.entitlements());
    let id = AnswerId::new(&view, &[b"/api/features"], JSON, parameters.is_pinned());
    if let Some(not_modified) = id.not_modified(&headers) {
        return Ok(not_modified);
    }
    let manifest = view.readable.manifest();
    let number = manifest.number;
    let body = serde_json::to_vec(&Catalogue::from(manifest)).unwrap_or_default();
    Ok(id.name(answer(number, JSON, body)))
}

impl From<Manifest> for Catalogue {
    fn from(manifest: Manifest) -> Self {
        let release = manifest.number.get();
        let feature = |pin: &FeaturePin| CatalogueFeature::new(pin.clone(), manifest.origins(&pin.reads));
        let views = &manifest.views;
        let entity = |entity: crate::store::EntityPin| {
            let of_entity = views.iter().filter(|view| view.entity == entity.name);
            let of_entity = of_entity.map(|view| CatalogueView {
                name: view.name.clone(),
                rows: view.rows,
                description: view.description.clone(),
                owner: view.owner.clone(),
                tags: view.tags.clone(),
                inputs: view.inputs.keys().cloned().collect(),
                checks: view.checks.iter().cloned().map(Into::into).collect(),
                features: view.features.iter().map(feature).collect(),
            });
            let on_request = manifest.on_request.iter().filter(|view| view.entity == entity.name);
            let on_request = on_request.map(|view| CatalogueOnRequest {
                name: view.name.clone(),
                description: view.description.clone(),
                owner: view.owner.clone(),
                tags: view.tags.clone(),
                inputs: view.inputs.iter().cloned().map(Into::into).collect(),
                features: view.features.iter().map(feature).collect(),
            });
            CatalogueEntity {
                on_request: on_request.collect(),
                views: of_entity.collect(),
                name: entity.name,
                join_keys: entity.join_keys,
                description: entity.description,
            }
        };
        Self { release, entities: manifest.entities.iter().cloned().map(entity).collect() }
    }
}

impl CatalogueFeature {
    fn new(pin: FeaturePin, origins: Vec<String>) -> Self {
        let FeaturePin {
            name,
            dtype,
            version,
            fingerprint,
            expr,
            reads,
            nulls,
            statistics,
            unit,
            description,
            licence,
            restricted,
            online,
            tags,
        } = pin;
        let access = if restricted { "restricted" } else { "open" };
        let expr = Some(expr).filter(|expr| !expr.is_empty());
        let fingerprint = fingerprint.to_string();
        let statistics = statistics.map(Into::into);
        Self {
            name,
            dtype,
            version,
            description,
            unit,
            licence,
            access,
            online: online.name(),
            tags,
            expr,
            reads,
            origins,
            fingerprint,
            nulls,
            statistics,
        }
    }
}

impl From<Statistics> for CatalogueStatistics {
    fn from(statistics: Statistics) -> Self {
        let Statistics { count, distinct, min, max, mean, quantiles, histogram, top, sampled_every } = statistics;
        Self {
            count,
            distinct,
            min,
            max,
            mean,
            quantiles: quantiles.into_iter().map(|quantile| (quantile.share, quantile.value)).collect(),
            histogram: histogram.into_iter().map(|bin| (bin.from, bin.to, bin.count)).collect(),
            top: top.into_iter().map(|top| (top.value, top.count)).collect(),
            sampled_every,
        }
    }
}

impl From<InputPin> for CatalogueInput {
    fn from(input: InputPin) -> Self {
        let InputPin { name, dtype, description } = input;
        Self { name, dtype, description }
    }
}

impl From<Check> for CatalogueCheck {
    fn from(check: Check) -> Self {
        let Check { feature, expected, found, passed, is_warning } = check;
        let on_failure = if is_warning { "warn" } else { "fail" };
        Self { feature, expected, found, passed, on_failure }
    }
}
