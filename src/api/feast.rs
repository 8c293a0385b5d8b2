//! `POST /get-online-features`: lookups as Feast speaks them, so that its unmodified clients read from here.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use datafusion::arrow::array::Array;
use datafusion::arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Problem;
use super::extract::{JsonBody, Parameters};
use super::features::{entities_read, frame};
use super::inputs::Inputs;
use super::respond::{JSON, answer};
use crate::access::Caller;
use crate::app::{App, ReleaseView, ViewNames};
use crate::engine::json::{self, JsonColumn};
use crate::limits::{BATCH_ENTITIES_MAX, SELECTION_FEATURES_MAX};
use crate::name::{EntityKey, nearest};
use crate::online::{self, Selection};
use crate::store::{Moments, ReadableFrame};

/// Which features of which entities, as Feast's clients ask. What else they send is not needed.
#[derive(Deserialize, ToSchema)]
pub(super) struct FeastRequest {
    /// `view:feature`.
    #[schema(example = json!(["metadata:decade", "lexical:mtld"]))]
    features: Option<Vec<String>>,
    /// By join key, and by input of features on request: a value for each row.
    #[schema(example = json!({"track_id": ["t1", "nope"]}))]
    entities: BTreeMap<String, Vec<Value>>,
    /// Whether features are called `view__feature`.
    #[serde(default)]
    full_feature_names: bool,
    #[schema(value_type = Option<String>)]
    feature_service: Option<Value>,
}

/// A list for each name: join keys first, then the features in the order asked.
#[derive(Serialize, ToSchema)]
pub(super) struct FeastAnswer {
    metadata: FeastMetadata,
    results: Vec<FeastResult>,
}

#[derive(Serialize, ToSchema)]
struct FeastMetadata {
    feature_names: Vec<String>,
}

/// A value and a status for each row.
#[derive(Serialize, ToSchema)]
struct FeastResult {
    values: Vec<Value>,
    /// `PRESENT`, `NULL_VALUE`, `NOT_FOUND` or `OUTSIDE_MAX_AGE`.
    statuses: Vec<String>,
    /// When each value came about, where its view has a time.
    event_timestamps: Vec<String>,
}

/// What is asked of one entity: the names of features, without their views.
struct Wanted<'a> {
    frame: ReadableFrame<'a>,
    features: Vec<String>,
}

/// What is found of one entity.
struct Part<'a> {
    frame: ReadableFrame<'a>,
    rows: Vec<Option<usize>>,
    selection: Arc<Selection>,
    /// Where the rows stand in the selection.
    places: Vec<Option<usize>>,
}

/// A feature that is asked for: its view and its name, which entity's it is, and where it stands among that one's features.
struct Column<'a> {
    view: &'a str,
    name: &'a str,
    part: usize,
    position: usize,
}

/// Lookups for Feast's clients: `online_store: {type: remote, path: …}`, `auth: {type: oidc, token: <key>}`.
#[utoipa::path(post, path = "/get-online-features", tag = "features", request_body = FeastRequest,
    responses((status = 200, body = FeastAnswer), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn online_features(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
    JsonBody(request): JsonBody<FeastRequest>,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&["release"])?;
    let rows = checked(&request)?;
    let view = app.open(&parameters.release()?).await?.readable_by(caller.entitlements());
    let references = request.features.as_deref().unwrap_or_default();
    let (wanted, columns) = wanted(&view, references)?;
    let mut parts = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        parts.push(look_up(wanted, &view, &request, rows).await?);
    }
    entities_read(&caller, parts.iter().map(|part| part.rows.iter().flatten().count() as u64).sum()).await?;
    let release = view.readable.number();
    let mut body = Vec::with_capacity(256 + rows * (columns.len() + 1) * 24);
    write(&mut body, &request, rows, &parts, &columns, app.clock().now())?;
    Ok(answer(release, JSON, body))
}

/// How many rows are asked for: each list has as many values.
fn checked(request: &FeastRequest) -> Result<usize, Problem> {
    if request.feature_service.is_some() {
        return Err(Problem::invalid("no-feature-services", "there are no feature services here")
            .field("feature_service", "")
            .remedy("name the features: `view:feature`"));
    }
    let count = request.features.as_ref().map(Vec::len).unwrap_or_default();
    if count > SELECTION_FEATURES_MAX {
        let detail = format!("{count} features were asked for, {SELECTION_FEATURES_MAX} at most are answered");
        return Err(Problem::too_large("too-many-features", detail).field("features", count.to_string()));
    }
    let mut lists = request.entities.iter();
    let Some((first, values)) = lists.next() else {
        return Err(Problem::invalid("missing-entity", "no entities are named")
            .field("entities", "")
            .remedy("send a list of values for each join key"));
    };
    if let Some((other, others)) = lists.find(|(_, others)| others.len() != values.len()) {
        let detail = format!("`{first}` has {} values, `{other}` {}", values.len(), others.len());
        return Err(
            Problem::invalid("invalid-entities", detail).field(format!("entities.{other}"), others.len().to_string())
        );
    }
    if values.len() > BATCH_ENTITIES_MAX {
        let detail = format!("{} rows were asked for, {BATCH_ENTITIES_MAX} at most are answered", values.len());
        return Err(
            Problem::too_large("too-many-keys", detail).field(format!("entities.{first}"), values.len().to_string())
        );
    }
    Ok(values.len())
}

/// The features that are asked for, by the entities that have them.
fn wanted<'a>(view: &'a ReleaseView, references: &'a [String]) -> Result<(Vec<Wanted<'a>>, Vec<Column<'a>>), Problem> {
    let mut wanted: Vec<Wanted<'a>> = Vec::new();
    let mut columns = Vec::new();
    for (index, reference) in references.iter().enumerate() {
        let Some((of, name)) = reference.split_once(':') else {
            let detail = format!("`{reference}` is not a reference to a feature");
            return Err(Problem::invalid("malformed-feature", detail)
                .field(format!("features[{index}]"), reference)
                .remedy("write `view:feature`"));
        };
        let known = view.views().get(of).filter(|names| names.features.contains(name));
        let entity = &known.ok_or_else(|| unknown(view.views(), of, name, index))?.entity;
        let part = match wanted.iter().position(|wanted| wanted.frame.entity().name == *entity) {
            Some(part) => part,
            None => {
                wanted.push(Wanted { frame: frame(view, Some(entity))?, features: Vec::new() });
                wanted.len() - 1
            }
        };
        let features = &mut wanted[part].features;
        let position = features.iter().position(|feature| feature == name).unwrap_or_else(|| {
            features.push(name.to_owned());
            features.len() - 1
        });
        columns.push(Column { view: of, name, part, position });
    }
    Ok((wanted, columns))
}

/// Says which view, or which feature of it, there is not.
fn unknown(views: &BTreeMap<String, ViewNames>, of: &str, name: &str, index: usize) -> Problem {
    let about =
        |kind, detail| Problem::invalid(kind, detail).field(format!("features[{index}]"), format!("{of}:{name}"));
    let (problem, meant) = match views.get(of) {
        None => {
            let meant = nearest(of, views.keys().map(String::as_str)).map(|nearest| format!("{nearest}:{name}"));
            (about("unknown-view", format!("there is no view `{of}`")), meant)
        }
        Some(names) => {
            let elsewhere = views.iter().find(|(_, names)| names.features.contains(name));
            let elsewhere = elsewhere.map(|(view, _)| format!("{view}:{name}"));
            let near = || nearest(name, names.features.iter().map(String::as_str)).map(|near| format!("{of}:{near}"));
            let detail = format!("the view `{of}` has no feature `{name}`");
            (about("unknown-feature", detail), elsewhere.or_else(near))
        }
    };
    match meant {
        Some(meant) => problem.remedy(format!("did you mean `{meant}`?")),
        None => problem.remedy("GET /api/features is the catalogue"),
    }
}

async fn look_up<'a>(
    Wanted { frame, features }: Wanted<'a>,
    view: &ReleaseView,
    request: &FeastRequest,
    rows: usize,
) -> Result<Part<'a>, Problem> {
    let entity = frame.entity();
    let mut keys = vec![Vec::with_capacity(entity.join_keys.len()); rows];
    for join_key in &entity.join_keys {
        let Some(values) = request.entities.get(join_key) else {
            return Err(Problem::invalid("missing-entity", format!("the join key `{join_key}` is missing"))
                .field(format!("entities.{join_key}"), "")
                .remedy("send a list of values for each join key"));
        };
        for (row, (key, value)) in keys.iter_mut().zip(values).enumerate() {
            key.push(part_of_key(value).ok_or_else(|| {
                Problem::invalid("malformed-key", "a key is a string or an integer")
                    .field(format!("entities.{join_key}[{row}]"), value.to_string())
            })?);
        }
    }
    let found = keys.into_iter().map(|key| online::row(&frame, &EntityKey::new(key)));
    let rows_found: Vec<Option<usize>> = found.collect::<Result<_, _>>()?;
    let selection = view.selection(&entity.name, Some(features)).await?;
    if !selection.must_be_gathered() {
        return Ok(Part { frame, places: rows_found.clone(), rows: rows_found, selection });
    }
    let needed: Vec<&str> = selection.inputs().map(|field| field.name().as_str()).collect();
    let given = request.entities.iter().filter(|(name, _)| needed.contains(&name.as_str()));
    let given = given.map(|(name, values)| (name.clone(), Value::Array(values.clone())));
    let (selection, places) =
        Box::pin(Inputs::of_values(given.collect(), rows)?.gather(&selection, &rows_found)).await?;
    Ok(Part { frame, rows: rows_found, selection, places })
}

fn part_of_key(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

fn write(
    body: &mut Vec<u8>,
    request: &FeastRequest,
    rows: usize,
    parts: &[Part<'_>],
    columns: &[Column<'_>],
    now: DateTime<Utc>,
) -> Result<(), Problem> {
    let mut join_keys: Vec<&String> = parts.iter().flat_map(|part| &part.frame.entity().join_keys).collect();
    let mut seen = std::collections::BTreeSet::new();
    join_keys.retain(|name| seen.insert(name.as_str()));
    body.extend_from_slice(b"{\"metadata\":{\"feature_names\":[");
    for (index, name) in join_keys.iter().enumerate() {
        separate(index, body);
        json::text(name, body);
    }
    for (index, Column { view, name, .. }) in columns.iter().enumerate() {
        separate(index + join_keys.len(), body);
        match request.full_feature_names {
            true => json::text(&format!("{view}__{name}"), body),
            false => json::text(name, body),
        }
    }
    body.extend_from_slice(b"]},\"results\":[");
    for (index, name) in join_keys.iter().enumerate() {
        separate(index, body);
        body.extend_from_slice(b"{\"values\":");
        serde_json::to_writer(&mut *body, &request.entities[*name]).expect("values are written to memory");
        statuses(body, std::iter::repeat_n(Status::Present, rows));
        body.extend_from_slice(b",\"event_timestamps\":[]}");
    }
    let mut told = Vec::with_capacity(rows);
    for (index, column) in columns.iter().enumerate() {
        separate(index + join_keys.len(), body);
        write_column(body, &parts[column.part], column, now, &mut told)?;
    }
    body.extend_from_slice(b"]}");
    Ok(())
}

#[derive(Clone, Copy)]
enum Status {
    Present,
    Null,
    NotFound,
    Outdated,
}

fn write_column(
    body: &mut Vec<u8>,
    part: &Part<'_>,
    column: &Column<'_>,
    now: DateTime<Utc>,
    told: &mut Vec<Status>,
) -> Result<(), Problem> {
    let feature = &part.selection.features()[column.position];
    if !can_be_read(feature.values.data_type()) {
        let detail = format!("Feast's clients cannot read `{}`: it is nested", column.name);
        return Err(Problem::new(StatusCode::BAD_REQUEST, "unwritable-feature", detail)
            .field("features", format!("{}:{}", column.view, column.name))
            .remedy("POST /api/features/batch gives it"));
    }
    let moments = part.frame.moments(column.view);
    told.clear();
    body.extend_from_slice(b"{\"values\":[");
    for (index, (row, place)) in part.rows.iter().zip(&part.places).enumerate() {
        separate(index, body);
        let status = match (row, place) {
            (Some(row), Some(place)) => match moments.map_or(Status::Present, |moments| known(moments, *row, now)) {
                Status::Present => write_value(body, part, feature, *place),
                absent => absent,
            },
            _ => Status::NotFound,
        };
        if !matches!(status, Status::Present) {
            body.extend_from_slice(b"null");
        }
        told.push(status);
    }
    body.push(b']');
    statuses(body, told.iter().copied());
    body.extend_from_slice(b",\"event_timestamps\":[");
    if let Some(moments) = moments {
        for (index, row) in part.rows.iter().enumerate() {
            separate(index, body);
            let moment = row.and_then(|row| moments.at(row)).unwrap_or(DateTime::UNIX_EPOCH);
            write!(body, "\"{}\"", moment.to_rfc3339_opts(SecondsFormat::AutoSi, true)).expect("memory takes it");
        }
    }
    body.extend_from_slice(b"]}");
    Ok(())
}

/// Whether the view has a row of the entity, and one that is not too old.
fn known(moments: &Moments, row: usize, now: DateTime<Utc>) -> Status {
    match moments.at(row) {
        None => Status::NotFound,
        Some(moment) if moments.ttl.is_some_and(|ttl| now - moment > ttl) => Status::Outdated,
        Some(_) => Status::Present,
    }
}

/// Appends the value, if there is one that a client can read: an empty list is none.
fn write_value(body: &mut Vec<u8>, part: &Part<'_>, feature: &online::SelectedFeature, place: usize) -> Status {
    let start = body.len();
    match &feature.column {
        JsonColumn::Timestamp(times) if times.is_valid(place) => {
            write!(body, "{}", times.value(place).div_euclid(1_000_000)).expect("memory takes it");
        }
        _ => online::write_value(&part.frame, &part.selection, feature, place, body),
    }
    match &body[start..] {
        b"null" | b"[]" => {
            body.truncate(start);
            Status::Null
        }
        _ => Status::Present,
    }
}

fn can_be_read(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            !item.data_type().is_nested()
        }
        other => !other.is_nested(),
    }
}

fn statuses(body: &mut Vec<u8>, statuses: impl Iterator<Item = Status>) {
    body.extend_from_slice(b",\"statuses\":[");
    for (index, status) in statuses.enumerate() {
        separate(index, body);
        body.extend_from_slice(match status {
            Status::Present => b"\"PRESENT\"",
            Status::Null => b"\"NULL_VALUE\"",
            Status::NotFound => b"\"NOT_FOUND\"",
            Status::Outdated => b"\"OUTSIDE_MAX_AGE\"",
        });
    }
    body.push(b']');
}

fn separate(index: usize, body: &mut Vec<u8>) {
    if index > 0 {
        body.push(b',');
    }
}
