//! `/api/features/{key}` and `/api/features/batch`: one entity, many entities.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, LazyLock};

use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use metrics::Counter;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Problem;
use super::cache::AnswerId;
use super::extract::{JsonBody, Parameters};
use super::inputs::Inputs;
use super::respond::{ARROW_STREAM, JSON, answer, arrow_stream, negotiate, unencodable};
use crate::access::{Caller, Unit};
use crate::app::{App, Lookup, ReleaseView};
use crate::engine::json;
use crate::limits::BATCH_ENTITIES_MAX;
use crate::name::{EntityKey, nearest};
use crate::online;
use crate::store::ReadableFrame;

/// The features of one entity.
#[derive(Serialize, ToSchema)]
pub(super) struct OneEntity {
    entity: String,
    key: String,
    release: u64,
    /// A value for each feature that was asked for, null where there is none.
    features: serde_json::Map<String, serde_json::Value>,
}

/// The features of one entity. Features on request take their inputs as parameters: `inputs.NAME=VALUE`.
#[utoipa::path(get, path = "/api/features/{key}", tag = "features",
    params(
        ("key" = String, Path, description = "The entity's key; several join keys percent-encoded and joined by `,`"),
        ("features" = Option<String>, Query, description = "`name`, `name@version` or `view:*`, joined by `,`; all scalars by default"),
        ("entity" = Option<String>, Query, description = "Which entity, where there are several"),
        ("release" = Option<String>, Query, description = "A number, a tag or `latest`"),
    ),
    responses(
        (status = 200, body = OneEntity),
        (status = 304, description = "The answer is the one that the caller has, by `if-none-match`"),
        (status = 404, description = "No such key, release or feature version", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn one(
    State(app): State<App>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let parameters = uri.query().unwrap_or_default();
    // What asks for a release by its name is never remembered.
    let latest = app.latest().map(|latest| latest.readable_by(caller.entitlements()));
    let known = latest.and_then(|view| Some((view.lookup(parameters)?, view)));
    let (view, lookup, inputs, is_pinned) = match known {
        Some((lookup, view)) => (view, lookup, Inputs::of_texts(BTreeMap::new()), false),
        None => Box::pin(read(&app, &caller, parameters)).await?,
    };
    let asked = uri.path_and_query().map(|asked| asked.as_str()).unwrap_or_default();
    let id = AnswerId::new(&view, &[asked.as_bytes()], JSON, is_pinned);
    if let Some(not_modified) = id.not_modified(&headers) {
        return Ok(not_modified);
    }
    let entity = lookup.entity.as_str();
    let frame = frame(&view, Some(entity))?;
    // The raw path, since a `,` within a part is percent-encoded.
    let raw = uri.path().strip_prefix("/api/features/").unwrap_or_default();
    let key = parse_key(frame.entity().join_keys.len(), raw, true)?;
    let selection = Arc::clone(&lookup.selection);
    let Some(row) = online::row(&frame, &key)? else {
        return Err(unknown_key(&frame, &key));
    };
    entities_read(&caller, 1).await?;
    let (selection, row) = match selection.must_be_gathered() {
        false => (selection, row),
        true => (Box::pin(inputs.gather(&selection, &[Some(row)])).await?.0, 0),
    };
    let release = view.readable.number();
    let mut body = Vec::with_capacity(64 + 32 * selection.features().len());
    body.extend_from_slice(b"{\"entity\":");
    json::text(entity, &mut body);
    body.extend_from_slice(b",\"key\":");
    online::write_key(&key, &mut body);
    write!(body, ",\"release\":{release},\"features\":").expect("memory takes it");
    online::write_object(&frame, &selection, row, &mut body);
    body.push(b'}');
    Ok(id.name(answer(release, JSON, body)))
}

/// Reads the parameters of a lookup: the release, what of it is asked for, inputs, and whether the release was named by its
/// number.
async fn read(
    app: &App,
    caller: &Caller,
    parameters: &str,
) -> Result<(ReleaseView, Arc<Lookup>, Inputs, bool), Problem> {
    let written = parameters;
    let mut parameters = Parameters::read(parameters)?;
    let inputs = parameters.take_prefixed("inputs.");
    let parameters = parameters.only(&["features", "entity", "release"])?;
    let view = app.open(&parameters.release()?).await?.readable_by(caller.entitlements());
    let entity = frame(&view, parameters.get("entity"))?.entity().name.clone();
    let selection = view.selection(&entity, parameters.list("features")).await?;
    let lookup = Arc::new(Lookup { entity, selection });
    if inputs.is_empty() && parameters.get("release").is_none() {
        view.remember(written, &lookup);
    }
    let inputs = Inputs::of_texts(inputs);
    inputs.check_are_read(&lookup.selection)?;
    Ok((view, lookup, inputs, parameters.is_pinned()))
}

/// Which entities and features.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchRequest {
    /// Keys, 10,000 at most: a string or a number; for several join keys their values in order, or a string as in a URL.
    #[schema(example = json!(["t1", "nope"]))]
    keys: Vec<BatchKey>,
    /// As in `features=`; all scalars by default.
    #[schema(example = json!(["decade", "mtld"]))]
    features: Option<Vec<String>>,
    /// Which entity, where there are several.
    entity: Option<String>,
    /// For features on request: the value of each input, or a list of one for each key.
    #[schema(value_type = Option<Object>, example = json!({"asked_year": 1900}))]
    inputs: Option<BTreeMap<String, serde_json::Value>>,
}

/// The value of a join key, or a list of one for each join key.
#[derive(Deserialize, ToSchema)]
#[serde(untagged, expecting = "a key is a string, an integer, or a list of them")]
pub(super) enum BatchKey {
    Text(String),
    Number(i64),
    Large(u64),
    Parts(Vec<BatchKeyPart>),
}

/// The value of a join key.
#[derive(Deserialize, ToSchema)]
#[serde(untagged, expecting = "a part of a key is a string or an integer")]
pub(super) enum BatchKeyPart {
    Text(String),
    Number(i64),
}

/// The features of many entities, in the order asked; unknown keys are in `missing`.
#[derive(Serialize, ToSchema)]
pub(super) struct Batch {
    entity: String,
    release: u64,
    features: Vec<String>,
    rows: Vec<BatchRow>,
    missing: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct BatchRow {
    key: String,
    /// In the order of `features`.
    values: Vec<serde_json::Value>,
}

/// The features of many entities. With `Accept: application/vnd.apache.arrow.stream` the key columns, the features and
/// `found`, a row for each key in the order asked.
#[utoipa::path(post, path = "/api/features/batch", tag = "features", request_body = BatchRequest,
    params(("release" = Option<String>, Query, description = "A number, a tag or `latest`")),
    responses((status = 200, body = Batch), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn batch(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    parameters: Parameters,
    JsonBody(request): JsonBody<BatchRequest>,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&["release"])?;
    let media_type = negotiate(&headers, &[JSON, ARROW_STREAM])?;
    if request.keys.len() > BATCH_ENTITIES_MAX {
        let detail = format!("{} keys were asked for, {BATCH_ENTITIES_MAX} at most are answered", request.keys.len());
        return Err(Problem::too_large("too-many-keys", detail)
            .field("keys", request.keys.len().to_string())
            .remedy("send several batches, or download the dataset"));
    }
    let view = app.open(&parameters.release()?).await?.readable_by(caller.entitlements());
    let frame = frame(&view, request.entity.as_deref())?;
    let selection = view.selection(&frame.entity().name, request.features).await?;
    let mut keys = Vec::with_capacity(request.keys.len());
    for (index, key) in request.keys.into_iter().enumerate() {
        keys.push(
            batch_key(&frame, key).map_err(|problem| Problem { field: Some(format!("keys[{index}]")), ..problem })?,
        );
    }
    let rows: Result<Vec<Option<usize>>, _> = keys.iter().map(|key| online::row(&frame, key)).collect();
    let rows = rows?;
    entities_read(&caller, rows.iter().flatten().count() as u64).await?;
    let inputs = Inputs::of_values(request.inputs.unwrap_or_default(), keys.len())?;
    inputs.check_are_read(&selection)?;
    let (selection, rows) = match selection.must_be_gathered() {
        false => (selection, rows),
        true => Box::pin(inputs.gather(&selection, &rows)).await?,
    };
    let release = view.readable.number();
    if media_type == ARROW_STREAM {
        let batch = online::batch(&frame, &selection, &keys, &rows).map_err(unencodable)?;
        return Ok(answer(release, ARROW_STREAM, arrow_stream(&batch.schema(), &[batch])?));
    }
    let mut body = Vec::with_capacity(256 + rows.len() * 24 * (1 + selection.features().len()));
    body.extend_from_slice(b"{\"entity\":");
    json::text(&frame.entity().name, &mut body);
    body.extend_from_slice(format!(",\"release\":{release},\"features\":").as_bytes());
    joined(&mut body, selection.features(), |feature, body| body.extend_from_slice(&feature.quoted));
    body.extend_from_slice(b",\"rows\":");
    let found = keys.iter().zip(&rows).filter_map(|(key, row)| Some((key, (*row)?)));
    joined(&mut body, found, |(key, row), body| {
        body.extend_from_slice(b"{\"key\":");
        online::write_key(key, body);
        body.extend_from_slice(b",\"values\":");
        online::write_values(&frame, &selection, row, body);
        body.push(b'}');
    });
    body.extend_from_slice(b",\"missing\":");
    let missing = keys.iter().zip(&rows).filter(|(_, row)| row.is_none());
    joined(&mut body, missing, |(key, _), body| online::write_key(key, body));
    body.push(b'}');
    Ok(answer(release, JSON, body))
}

pub(super) async fn entities_read(caller: &Caller, count: u64) -> Result<(), Problem> {
    caller.spend(Unit::Entities, count).await??;
    // Looked up once: the recorder is there before the first request.
    static READ: LazyLock<Counter> = LazyLock::new(|| metrics::counter!("rhapsode_entities_read_total"));
    READ.increment(count);
    Ok(())
}

/// Appends an array.
fn joined<T>(body: &mut Vec<u8>, items: impl IntoIterator<Item = T>, mut write: impl FnMut(T, &mut Vec<u8>)) {
    body.push(b'[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        write(item, body);
    }
    body.push(b']');
}

/// The entity that is asked for; where there is one, it need not be named.
pub(super) fn frame<'a>(view: &'a ReleaseView, named: Option<&str>) -> Result<ReadableFrame<'a>, Problem> {
    let mut entities = view.readable.entities();
    let name = match (named, entities.next(), entities.next()) {
        (Some(name), ..) => name,
        (None, Some(only), None) => only,
        (None, ..) => {
            let entities: Vec<&str> = view.readable.entities().collect();
            return Err(Problem::invalid("missing-entity", "there are several entities; name one")
                .field("entity", "")
                .remedy(format!("there is `{}`", entities.join("`, `"))));
        }
    };
    view.readable.frame(name).ok_or_else(|| {
        let entities: Vec<&str> = view.readable.entities().collect();
        let remedy = match nearest(name, entities.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("there is `{}`", entities.join("`, `")),
        };
        Problem::new(StatusCode::NOT_FOUND, "unknown-entity", format!("there is no entity `{name}`"))
            .field("entity", name)
            .remedy(remedy)
    })
}

pub(super) fn unknown_key(frame: &ReadableFrame<'_>, key: &EntityKey) -> Problem {
    let entity = &frame.entity().name;
    let keys = frame.entity().join_keys.join(", ");
    Problem::new(StatusCode::NOT_FOUND, "unknown-key", format!("there is no {entity} with the key `{key}`"))
        .field("key", key.to_string())
        .remedy(format!("POST /api/sql with `select {keys} from {entity}` lists the keys"))
}

/// A key of so many parts in the form of a URL. A single part is percent-encoded in a path only.
pub(super) fn parse_key(key_parts: usize, text: &str, in_path: bool) -> Result<EntityKey, Problem> {
    let decode = |part: &str| {
        if !part.contains('%') {
            return Ok(part.to_owned());
        }
        percent_encoding::percent_decode_str(part)
            .decode_utf8()
            .map(|part| part.into_owned())
            .map_err(|_| Problem::invalid("malformed-key", "the key is not UTF-8").field("key", text))
    };
    let parts: Result<Vec<String>, Problem> = match (key_parts, in_path) {
        (1, true) => Ok(vec![decode(text)?]),
        (1, false) => Ok(vec![text.to_owned()]),
        _ => text.split(',').map(decode).collect(),
    };
    Ok(EntityKey::new(parts?))
}

pub(super) fn batch_key(frame: &ReadableFrame<'_>, key: BatchKey) -> Result<EntityKey, Problem> {
    let part = |part: BatchKeyPart| match part {
        BatchKeyPart::Text(text) => text,
        BatchKeyPart::Number(number) => number.to_string(),
    };
    match key {
        BatchKey::Text(text) => parse_key(frame.entity().join_keys.len(), &text, false),
        BatchKey::Number(number) => Ok(EntityKey::new(vec![number.to_string()])),
        BatchKey::Large(number) => Ok(EntityKey::new(vec![number.to_string()])),
        BatchKey::Parts(parts) => Ok(EntityKey::new(parts.into_iter().map(part).collect())),
    }
}
