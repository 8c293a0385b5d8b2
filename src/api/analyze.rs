//! `POST /api/analyze`: a new text, by what made the features of the corpus.

use arrow::array::{Array, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int64Type};
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Problem;
use super::extract::{JsonBody, Parameters};
use super::features::frame;
use super::respond::{JSON, answer};
use crate::access::{Caller, Unit};
use crate::analysis::{self, Analyzed, AnalyzedFeature, Texts, share_below};
use crate::app::App;
use crate::engine::json::JsonColumn;
use crate::limits::{ANALYZED_TEXT_BYTES_MAX, NEAREST_MAX};
use crate::store::{DuplicatesPin, ReadableFrame};

/// The nearest entities that are named where the request does not say how many.
const NEAREST: usize = 10;

/// A text, and what to say of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AnalyzeRequest {
    /// The text, of 1 MiB at most.
    #[schema(example = "The curfew tolls the knell of parting day,\nThe lowing herd wind slowly o'er the lea")]
    text: String,
    /// Its language, ISO 639-1, where it is known.
    language: Option<String>,
    /// Which entity, where there are several.
    entity: Option<String>,
    /// How many of the nearest entities to name, and of those that it is a copy of: 100 at most, 10 by default.
    nearest: Option<usize>,
    /// Whether vectors are among the features. By default they are not.
    #[serde(default)]
    vectors: bool,
}

/// What the release's analyzers and models make of a text.
#[derive(Serialize, ToSchema)]
pub(super) struct Analysis {
    entity: String,
    release: u64,
    /// A value for each feature that comes from a text, null where it is undefined.
    features: Map<String, Value>,
    /// For each number: the percentage of the corpus whose value is smaller.
    percentiles: Map<String, Value>,
    /// The entities whose vectors are nearest.
    nearest: Vec<Near>,
    /// The entities of which the text is a copy, or nearly one, the most similar first.
    duplicates: Vec<Copy>,
    /// What could not be done as it was for the corpus, and why.
    warnings: Vec<String>,
}

/// An entity and how near it is.
#[derive(Serialize, ToSchema)]
struct Near {
    key: String,
    /// The cosine of the vectors, -1 to 1.
    similarity: f32,
}

/// An entity and how much of its text is the same.
#[derive(Serialize, ToSchema)]
struct Copy {
    key: String,
    /// The share of the runs of three words that both texts have, of those that either has: an estimate, 0 to 1.
    similarity: f64,
}

/// Everything that the release's analyzers and models say of a new text: what they would have stored of it. Where one of
/// them fails, the others answer, and a warning says so.
#[utoipa::path(post, path = "/api/analyze", tag = "analyze", request_body = AnalyzeRequest,
    params(("release" = Option<String>, Query, description = "A number, a tag or `latest`")),
    responses((status = 200, body = Analysis), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn analyze(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
    JsonBody(request): JsonBody<AnalyzeRequest>,
) -> Result<Response, Problem> {
    let parameters = parameters.only(&["release"])?;
    let bytes = request.text.len();
    if bytes > ANALYZED_TEXT_BYTES_MAX {
        let detail = format!("the text has {bytes} bytes, {ANALYZED_TEXT_BYTES_MAX} at most are analyzed");
        return Err(Problem::too_large("text-too-large", detail).field("text", bytes.to_string()));
    }
    let count = request.nearest.unwrap_or(NEAREST);
    if count > NEAREST_MAX {
        let detail = format!("{count} nearest are asked for, {NEAREST_MAX} at most are named");
        return Err(Problem::invalid("too-many-nearest", detail).field("nearest", count.to_string()));
    }
    let view = app.open(&parameters.release()?).await?.readable_by(caller.entitlements());
    let frame = frame(&view, request.entity.as_deref())?;
    let texts =
        Texts { texts: StringArray::from(vec![request.text]), languages: StringArray::from(vec![request.language]) };
    let entity = frame.entity().name.clone();
    let analysis = view.analysis(&entity).ok_or_else(|| {
        Problem::invalid("no-text-features", format!("the release makes no features of `{entity}` from a text"))
            .field("entity", &entity)
            .remedy("a feature view with `analyzer` or `embedding` makes them")
    })?;
    caller.spend(Unit::Texts, 1).await??;
    let analyzed = analysis.analyze(&texts).await;
    let release = view.readable.number();
    let nearest = nearest(&frame, &analyzed, count).await?;
    let duplicates = match analysis.duplicates() {
        Some(of) => duplicates(&frame, &analyzed, of, count).await?,
        None => Vec::new(),
    };
    let analysis = Analysis {
        percentiles: percentiles(&analyzed),
        features: features(&analyzed, request.vectors)?,
        warnings: analyzed.warnings.into_iter().chain(analyzed.faults.into_iter().map(|(_, fault)| fault)).collect(),
        release: release.get(),
        nearest,
        duplicates,
        entity,
    };
    Ok(answer(release, JSON, serde_json::to_vec(&analysis).unwrap_or_default()))
}

fn features(analyzed: &Analyzed, vectors: bool) -> Result<Map<String, Value>, Problem> {
    let shown = analyzed.features.iter().filter(|feature| vectors || !feature.pin.dtype.contains("vector["));
    shown
        .map(|feature| {
            let column = JsonColumn::new(&feature.values).map_err(super::respond::unencodable)?;
            let mut text = Vec::new();
            column.write(0, &mut text);
            Ok((feature.pin.name.clone(), serde_json::from_slice(&text).unwrap_or_default()))
        })
        .collect()
}

/// With one decimal, as far as quantiles go.
fn percentiles(analyzed: &Analyzed) -> Map<String, Value> {
    let percentile = |feature: &AnalyzedFeature| {
        let number =
            feature.values.data_type().is_numeric().then(|| cast(&feature.values, &DataType::Float64).ok())??;
        let value = number.as_primitive::<Float64Type>().iter().next()??;
        let share = share_below(feature.pin.statistics.as_ref()?, value)?;
        Some((feature.pin.name.clone(), Value::from((share * 1_000.0).round() / 10.0)))
    };
    analyzed.features.iter().filter_map(percentile).collect()
}

/// By the first feature that is one vector.
async fn nearest(frame: &ReadableFrame<'_>, analyzed: &Analyzed, count: usize) -> Result<Vec<Near>, Problem> {
    let found = analyzed.features.iter().find_map(|feature| {
        let vector = feature.values.as_fixed_size_list_opt().filter(|list| !list.is_empty() && list.is_valid(0))?;
        let stored = frame.column(&feature.pin.name)?;
        Some((vector.value(0).as_primitive_opt::<Float32Type>()?.values().to_vec(), stored))
    });
    let Some((vector, stored)) = found else { return Ok(Vec::new()) };
    let near = analysis::nearest(&stored.all().await?, &vector, count).into_iter();
    Ok(near.map(|(row, similarity)| Near { key: key(frame, row), similarity }).collect())
}

/// By the sketches that the release has.
async fn duplicates(
    frame: &ReadableFrame<'_>,
    analyzed: &Analyzed,
    of: &DuplicatesPin,
    count: usize,
) -> Result<Vec<Copy>, Problem> {
    let sketch = analyzed.features.iter().find(|feature| feature.pin.name == of.sketch);
    let (Some(sketch), Some(stored)) = (sketch, frame.column(&of.sketch)) else { return Ok(Vec::new()) };
    let Some(list) = sketch.values.as_list_opt::<i32>().filter(|list| !list.is_empty() && list.is_valid(0)) else {
        return Ok(Vec::new());
    };
    let numbers = list.value(0);
    let Some(numbers) = numbers.as_primitive_opt::<Int64Type>() else { return Ok(Vec::new()) };
    let copies = analysis::copies(&stored.all().await?, numbers.values(), of.similarity, count).into_iter();
    Ok(copies.map(|(row, similarity)| Copy { key: key(frame, row), similarity }).collect())
}

fn key(frame: &ReadableFrame<'_>, row: usize) -> String {
    frame.keys().key(row).collect::<Vec<_>>().join(",")
}
