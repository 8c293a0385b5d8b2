//! `/api/embeddings/{key}` and `/api/embeddings/batch`: the vectors that are stored, and those of new texts.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Float32Type, Schema};
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Problem;
use super::extract::{JsonBody, Parameters};
use super::features::{BatchKey, batch_key, frame, parse_key, unknown_key};
use super::respond::{ARROW_STREAM, JSON, answer, arrow_stream, negotiate, unencodable};
use crate::access::{Caller, Unit};
use crate::app::{App, ReleaseView};
use crate::limits::{BATCH_ENTITIES_MAX, EMBEDDED_TEXTS_MAX};
use crate::model::{BUILT_IN, ModelError};
use crate::name::{EntityKey, nearest};
use crate::online;
use crate::store::{FrameColumn, ReadableFrame};

/// The vector of one entity.
#[derive(Serialize, ToSchema)]
pub(super) struct Embedding {
    entity: String,
    key: String,
    release: u64,
    feature: String,
    dimensions: usize,
    /// Null where the entity has none.
    embedding: Option<Vec<f32>>,
}

/// The vector of one entity.
#[utoipa::path(get, path = "/api/embeddings/{key}", tag = "embeddings",
    params(
        ("key" = String, Path, description = "The entity's key; several join keys percent-encoded and joined by `,`"),
        ("feature" = Option<String>, Query, description = "Which vector, where the entity has several"),
        ("entity" = Option<String>, Query, description = "Which entity, where there are several"),
        ("release" = Option<String>, Query, description = "A number, a tag or `latest`"),
    ),
    responses((status = 200, body = Embedding), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn one(
    State(app): State<App>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&["feature", "entity", "release"])?;
    let view = app.open(&parameters.release()?).await?.readable_by(caller.entitlements());
    let frame = entity_frame(&view, parameters.get("entity"))?;
    let written = uri.path().strip_prefix("/api/embeddings/").unwrap_or_default();
    let key = parse_key(frame.entity().join_keys.len(), written, true)?;
    let column = vector_column(&frame, parameters.get("feature"))?;
    let Some(row) = online::row(&frame, &key)? else { return Err(unknown_key(&frame, &key)) };
    let release = view.readable.number();
    let body = Embedding {
        entity: frame.entity().name.clone(),
        key: key.to_string(),
        release: release.get(),
        feature: column.field.name().clone(),
        dimensions: dimensions(column.field.data_type()),
        embedding: vector(&column.of_rows(&[row]).await?, 0),
    };
    Ok(answer(release, JSON, serde_json::to_vec(&body).unwrap_or_default()))
}

/// Which vectors: of entities that are stored, or of texts that are not.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EmbeddingsRequest {
    /// Keys, 10,000 at most, as in `POST /api/features/batch`.
    #[schema(example = json!(["t1", "nope"]))]
    keys: Option<Vec<BatchKey>>,
    /// Texts, 1,000 at most. Each is embedded by `model`.
    texts: Option<Vec<String>>,
    /// Which vector of the keys, where the entity has several.
    feature: Option<String>,
    /// Which entity, where there are several.
    entity: Option<String>,
    /// Which model for the texts; `use` by default.
    model: Option<String>,
}

/// Vectors in the order asked.
#[derive(Serialize, ToSchema)]
pub(super) struct Embeddings {
    release: u64,
    /// The feature, or the model where texts were sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    feature: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    dimensions: usize,
    /// Null where there is none.
    embeddings: Vec<Option<Vec<f32>>>,
    /// Keys that are unknown.
    missing: Vec<String>,
    /// Texts that the model did not take: the position, and why.
    faults: Vec<TextFault>,
}

/// A text that the model did not take.
#[derive(Serialize, ToSchema)]
struct TextFault {
    index: usize,
    reason: String,
}

/// The vectors of entities, or of texts. With `Accept: application/vnd.apache.arrow.stream` the key or text's number, the
/// vector and `found`.
#[utoipa::path(post, path = "/api/embeddings/batch", tag = "embeddings", request_body = EmbeddingsRequest,
    params(("release" = Option<String>, Query, description = "A number, a tag or `latest`")),
    responses((status = 200, body = Embeddings), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn batch(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    parameters: Parameters,
    JsonBody(request): JsonBody<EmbeddingsRequest>,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&["release"])?;
    let media_type = negotiate(&headers, &[JSON, ARROW_STREAM])?;
    let view = app.open(&parameters.release()?).await?.readable_by(caller.entitlements());
    match (request.keys, request.texts) {
        (Some(keys), None) => {
            let frame = entity_frame(&view, request.entity.as_deref())?;
            caller.spend(Unit::Entities, keys.len() as u64).await??;
            of_keys(&view, &frame, keys, request.feature.as_deref(), media_type).await
        }
        (None, Some(texts)) => {
            check_count("texts", texts.len(), EMBEDDED_TEXTS_MAX)?;
            caller.spend(Unit::Texts, texts.len() as u64).await??;
            of_texts(&app, &view, texts, request.model.as_deref(), media_type).await
        }
        _ => Err(Problem::invalid("keys-or-texts", "a request has either `keys` or `texts`").field("keys", "")),
    }
}

async fn of_keys(
    view: &ReleaseView,
    frame: &ReadableFrame<'_>,
    keys: Vec<BatchKey>,
    feature: Option<&str>,
    media_type: &'static str,
) -> Result<Response, Problem> {
    check_count("keys", keys.len(), BATCH_ENTITIES_MAX)?;
    let column = vector_column(frame, feature)?;
    let keys: Result<Vec<EntityKey>, Problem> = keys.into_iter().map(|key| batch_key(frame, key)).collect();
    let keys = keys?;
    let rows: Result<Vec<Option<usize>>, _> = keys.iter().map(|key| online::row(frame, key)).collect();
    let rows = rows?;
    let release = view.readable.number();
    let found: Vec<usize> = rows.iter().flatten().copied().collect();
    let vectors = column.of_rows(&found).await?;
    let mut places = 0_u32..;
    let places: UInt32Array = rows.iter().map(|row| row.and_then(|_| places.next())).collect();
    let vectors = take(&vectors, &places, None).map_err(unencodable)?;
    if media_type == ARROW_STREAM {
        let names: StringArray = keys.iter().map(|key| Some(key.to_string())).collect();
        let found = rows.iter().map(|row| Some(row.is_some())).collect();
        return arrow(release, ("key", Arc::new(names)), column.field.name(), vectors, found);
    }
    let missing = keys.iter().zip(&rows).filter(|(_, row)| row.is_none()).map(|(key, _)| key.to_string());
    let body = Embeddings {
        release: release.get(),
        feature: Some(column.field.name().clone()),
        model: None,
        dimensions: dimensions(column.field.data_type()),
        embeddings: (0..vectors.len()).map(|row| vector(&vectors, row)).collect(),
        missing: missing.collect(),
        faults: Vec::new(),
    };
    Ok(answer(release, JSON, serde_json::to_vec(&body).unwrap_or_default()))
}

async fn of_texts(
    app: &App,
    view: &ReleaseView,
    texts: Vec<String>,
    model: Option<&str>,
    media_type: &'static str,
) -> Result<Response, Problem> {
    let model = app.models().find(model.unwrap_or(BUILT_IN))?;
    let embedded = model.embed(StringArray::from(texts)).await?;
    let release = view.readable.number();
    let vectors: ArrayRef = Arc::new(embedded.vectors);
    if media_type == ARROW_STREAM {
        let numbers: UInt32Array = (0..u32::try_from(vectors.len()).unwrap_or(u32::MAX)).map(Some).collect();
        let found = (0..vectors.len()).map(|row| Some(vectors.is_valid(row))).collect();
        return arrow(release, ("index", Arc::new(numbers)), "embedding", vectors, found);
    }
    let body = Embeddings {
        release: release.get(),
        feature: None,
        model: Some(model.name().to_owned()),
        dimensions: model.dimensions(),
        embeddings: (0..vectors.len()).map(|row| vector(&vectors, row)).collect(),
        missing: Vec::new(),
        faults: embedded.faults.into_iter().map(|(index, reason)| TextFault { index, reason }).collect(),
    };
    Ok(answer(release, JSON, serde_json::to_vec(&body).unwrap_or_default()))
}

fn arrow(
    release: crate::name::ReleaseNumber,
    (key_name, keys): (&str, ArrayRef),
    name: &str,
    vectors: ArrayRef,
    found: BooleanArray,
) -> Result<Response, Problem> {
    let fields = vec![
        Field::new(key_name, keys.data_type().clone(), false),
        Field::new(name, vectors.data_type().clone(), true),
        Field::new("found", DataType::Boolean, false),
    ];
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![keys, vectors, Arc::new(found)]);
    let batch = batch.map_err(unencodable)?;
    Ok(answer(release, ARROW_STREAM, arrow_stream(&batch.schema(), &[batch])?))
}

fn check_count(field: &str, found: usize, allowed: usize) -> Result<(), Problem> {
    if found <= allowed {
        return Ok(());
    }
    let detail = format!("{found} {field} were sent, {allowed} at most are answered");
    Err(Problem::too_large(&format!("too-many-{field}"), detail)
        .field(field, found.to_string())
        .remedy("send several batches"))
}

/// The entity that is named, or the only one that has a vector.
fn entity_frame<'a>(view: &'a ReleaseView, named: Option<&str>) -> Result<ReadableFrame<'a>, Problem> {
    let frames = view.readable.entities().filter_map(|entity| view.readable.frame(entity));
    let mut with_vectors = frames.filter(|frame| vectors(frame).next().is_some());
    match (named, with_vectors.next(), with_vectors.next()) {
        (None, Some(only), None) => Ok(only),
        _ => frame(view, named),
    }
}

fn vectors<'a>(frame: &ReadableFrame<'a>) -> impl Iterator<Item = &'a FrameColumn> {
    frame.columns().filter(|column| matches!(column.field.data_type(), DataType::FixedSizeList(..)))
}

/// The vector that is named, or the first one.
fn vector_column<'a>(frame: &ReadableFrame<'a>, named: Option<&str>) -> Result<&'a FrameColumn, Problem> {
    let names: Vec<&str> = vectors(frame).map(|column| column.field.name().as_str()).collect();
    let found = match named {
        Some(name) => vectors(frame).find(|column| column.field.name() == name),
        None => vectors(frame).next(),
    };
    found.ok_or_else(|| {
        let entity = &frame.entity().name;
        let problem = match named {
            Some(name) => Problem::invalid("unknown-feature", format!("`{entity}` has no vector `{name}`")),
            None => Problem::new(StatusCode::NOT_FOUND, "no-vectors", format!("`{entity}` has no vectors")),
        };
        let remedy = match named.and_then(|name| nearest(name, names.iter().copied())) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None if names.is_empty() => "a feature view with `embedding` makes them".to_owned(),
            None => format!("there is `{}`", names.join("`, `")),
        };
        problem.field("feature", named.unwrap_or_default()).remedy(remedy)
    })
}

fn dimensions(data_type: &DataType) -> usize {
    match data_type {
        DataType::FixedSizeList(_, size) => usize::try_from(*size).unwrap_or_default(),
        _ => 0,
    }
}

fn vector(vectors: &ArrayRef, row: usize) -> Option<Vec<f32>> {
    let list = vectors.as_fixed_size_list_opt().filter(|list| list.is_valid(row))?;
    Some(list.value(row).as_primitive_opt::<Float32Type>()?.values().to_vec())
}

impl From<ModelError> for Problem {
    fn from(error: ModelError) -> Self {
        let (kind, detail) = (error.kind(), error.to_string());
        match error {
            ModelError::Unknown { name, remedy } => {
                let detail = format!("there is no model `{name}`");
                Self::invalid("unknown-model", detail).field("model", name).remedy(remedy)
            }
            // What it says is of this machine.
            ModelError::Missing { name, .. } | ModelError::Unusable { name, .. } => {
                tracing::error!(detail, "a model cannot be used");
                let detail = format!("the model `{name}` cannot be used here");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "model-unavailable", detail).field("model", name)
            }
            ModelError::Unavailable { name, .. } => {
                tracing::warn!(detail, "a model does not answer");
                Self::of_kind(kind, "model-unavailable", format!("the model `{name}` does not answer"))
                    .field("model", name)
            }
        }
    }
}
