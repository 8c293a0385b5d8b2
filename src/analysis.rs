//! What a release's analyzers and models make of a new text: the functions that made what is stored.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, new_null_array};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{Field, Float32Type, Schema};
use datafusion::datasource::MemTable;
use datafusion::logical_expr::{LogicalPlan, cast};
use futures::TryStreamExt;

use crate::analyze::Analyzer;
use crate::clock::Stopwatch;
use crate::definition::Dtype;
use crate::engine::{Bounds, Session, SqlError};
use crate::limits::{ANALYSIS_MEMORY_BYTES, SOURCE_BATCH_ROWS};
use crate::model::{Models, Part};
use crate::store::{FeaturePin, Readable, SourcePin, Statistics, TextMethod, TextPin, ViewPin};

/// The name that the texts have as a table.
const TEXTS: &str = "texts";

/// The column of a source that holds the language of its text.
const LANGUAGE: &str = "language";

/// Texts to analyze, and what else is known of each.
#[derive(Clone, Debug)]
pub struct Texts {
    pub texts: StringArray,
    /// ISO 639-1, for a source that has a column `language`; null where it is not known.
    pub languages: StringArray,
}

/// What was made of some texts.
#[derive(Debug)]
pub struct Analyzed {
    /// In the order of the release's views: a value for each text.
    pub features: Vec<AnalyzedFeature>,
    /// What could not be done as it was done for the corpus, and why.
    pub warnings: Vec<String>,
}

/// A feature of new texts.
#[derive(Debug)]
pub struct AnalyzedFeature {
    pub view: String,
    pub pin: FeaturePin,
    pub values: ArrayRef,
}

/// Why nothing is made of a text.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    #[error("the release makes no features of `{entity}` from a text")]
    NoText { entity: String },
}

/// The views of an entity that are made of a text, of one and the same column: that of the first of them.
fn text_views(readable: &Readable, entity: &str) -> Vec<(ViewPin, TextPin)> {
    let manifest = readable.manifest();
    let of_entity = manifest.views.into_iter().filter(|view| view.entity == entity);
    let mut views: Vec<(ViewPin, TextPin)> = of_entity.filter_map(|view| Some((view.clone(), view.text?))).collect();
    if let Some((_, first)) = views.first().cloned() {
        views.retain(|(_, text)| text.source == first.source && text.column == first.column);
    }
    views
}

/// Makes the features of `entity` that come from a text, for new ones. What fails is left out, with a warning.
pub async fn analyze(
    readable: &Readable,
    models: &Models,
    entity: &str,
    texts: &Texts,
) -> Result<Analyzed, AnalysisError> {
    let views = text_views(readable, entity);
    let source = views.first().and_then(|(_, text)| readable.manifest().source(&text.source).cloned());
    let Some(source) = source else { return Err(AnalysisError::NoText { entity: entity.to_owned() }) };
    let mut analyzed = Analyzed { features: Vec::new(), warnings: Vec::new() };
    let made = views.iter().map(|(view, text)| make(models, &source, view, text, texts));
    for (made, (view, _)) in futures::future::join_all(made).await.into_iter().zip(&views) {
        match made {
            Ok((features, warning)) => {
                analyzed.features.extend(features);
                analyzed.warnings.extend(warning);
            }
            Err(reason) => analyzed.warnings.push(format!("`{}` is left out: {reason}", view.name)),
        }
    }
    Ok(analyzed)
}

type Made = (Vec<AnalyzedFeature>, Option<String>);

/// The features of one view.
async fn make(
    models: &Models,
    source: &SourcePin,
    view: &ViewPin,
    text: &TextPin,
    texts: &Texts,
) -> Result<Made, String> {
    let watch = Stopwatch::start();
    let session = Session::new(Bounds { memory_bytes: ANALYSIS_MEMORY_BYTES, batch_rows: SOURCE_BATCH_ROWS });
    let rows = source_rows(source, &text.column, texts).map_err(|error| error.to_string())?;
    let table = MemTable::try_new(rows.schema(), vec![vec![rows]]).map_err(|error| error.to_string())?;
    session.register(TEXTS, Arc::new(table));
    let (base, warning) = base(&session, models, text).await?;
    let told = |error: SqlError| error.to_string();
    let columns: Result<Vec<_>, SqlError> = view
        .features
        .iter()
        .map(|feature| {
            let dtype = Dtype::parse(&feature.dtype).map_err(SqlError::invalid)?;
            Ok(cast(session.expression(&feature.expr, &base)?, dtype.to_arrow()).alias(&feature.name))
        })
        .collect();
    let plan = session.project(&base, columns.map_err(told)?).map_err(told)?;
    let rows = session.execute_in_order(plan).await.map_err(told)?;
    let schema = rows.schema();
    let batches: Vec<RecordBatch> = rows.try_collect().await.map_err(|error| error.to_string())?;
    let batch = concat_batches(&schema, &batches).map_err(|error| error.to_string())?;
    let features = view.features.iter().zip(batch.columns()).map(|(pin, values)| AnalyzedFeature {
        view: view.name.clone(),
        pin: pin.clone(),
        values: Arc::clone(values),
    });
    metrics::histogram!("rhapsode_analysis_seconds", "view" => view.name.clone()).record(watch.seconds());
    Ok((features.collect(), warning))
}

/// The texts beside what the view's method makes of them; a warning where it is another method than the release's.
async fn base(session: &Session, models: &Models, text: &TextPin) -> Result<(LogicalPlan, Option<String>), String> {
    match &text.method {
        TextMethod::Analyzer { name, version } => {
            let analyzer = Analyzer::find(name).ok_or_else(|| format!("this version has no analyzer `{name}`"))?;
            let plan = session.analyzed(TEXTS, analyzer, &text.column).await.map_err(|error| error.to_string())?;
            let warning = (analyzer.version != *version).then(|| {
                format!(
                    "the release has `{name}` of version {version}, this is {}; a build closes the gap",
                    analyzer.version
                )
            });
            Ok((plan, warning))
        }
        TextMethod::Embedding { model, digest, parts } => {
            let model = models.find(model).map_err(|error| error.to_string())?;
            if model.digest() != *digest {
                return Err(format!("the release was built with another model `{}`", model.name()));
            }
            let parts: Vec<Part> = parts.iter().filter_map(|part| Part::find(part)).collect();
            let plan = session.embedded(TEXTS, &model, &text.column, &parts).await;
            Ok((plan.map_err(|error| error.to_string())?, None))
        }
    }
}

/// The texts as rows of the source; what is not known of them is null.
fn source_rows(
    source: &SourcePin,
    text_column: &str,
    texts: &Texts,
) -> Result<RecordBatch, datafusion::arrow::error::ArrowError> {
    // The reader may not see the column of the texts that are stored; these are the reader's own.
    let mut fields = vec![Field::new(text_column, Dtype::String.to_arrow(), true)];
    let mut columns: Vec<ArrayRef> = vec![Arc::new(texts.texts.clone())];
    for column in source.columns.iter().filter(|column| column.name != text_column) {
        // A release's types were checked when it was built.
        let Ok(dtype) = Dtype::parse(&column.dtype) else { continue };
        let is_language = column.name == LANGUAGE && dtype == Dtype::String;
        columns.push(match is_language {
            true => Arc::new(texts.languages.clone()),
            false => new_null_array(&dtype.to_arrow(), texts.texts.len()),
        });
        fields.push(Field::new(&column.name, dtype.to_arrow(), true));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// The share of the corpus, 0 to 1, whose value is smaller: between the quantiles that the release has it is in a line.
pub fn share_below(statistics: &Statistics, value: f64) -> Option<f64> {
    let quantiles = &statistics.quantiles;
    let (first, last) = (quantiles.first()?, quantiles.last()?);
    if value <= first.value || value >= last.value {
        let at_end = if value <= first.value { first } else { last };
        let outside = if value < first.value {
            0.0
        } else if value > last.value {
            1.0
        } else {
            at_end.share
        };
        return Some(outside);
    }
    let above = quantiles.partition_point(|quantile| quantile.value <= value);
    let (below, above) = (quantiles.get(above.checked_sub(1)?)?, quantiles.get(above)?);
    let part = (value - below.value) / (above.value - below.value);
    Some(below.share + part * (above.share - below.share))
}

/// The rows of `vectors` that are nearest to `vector`, the nearest first, and how near: the cosine, of vectors of length 1.
pub fn nearest(vectors: &ArrayRef, vector: &[f32], count: usize) -> Vec<(usize, f32)> {
    let Some(list) = vectors.as_fixed_size_list_opt() else { return Vec::new() };
    let Some(numbers) = list.values().as_primitive_opt::<Float32Type>() else { return Vec::new() };
    if vector.is_empty() || usize::try_from(list.value_length()) != Ok(vector.len()) {
        return Vec::new();
    }
    let rows = numbers.values().chunks_exact(vector.len()).take(list.len()).enumerate();
    let mut near: Vec<(usize, f32)> =
        rows.filter(|(row, _)| list.is_valid(*row)).map(|(row, other)| (row, product(vector, other))).collect();
    let order = |a: &(usize, f32), b: &(usize, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if near.len() > count {
        near.select_nth_unstable_by(count, order);
        near.truncate(count);
    }
    near.sort_by(order);
    near
}

/// The inner product, in eight sums so that the processor adds them side by side.
fn product(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    let rest = a.chunks_exact(8).remainder().iter().zip(b.chunks_exact(8).remainder());
    sums.iter().sum::<f32>() + rest.map(|(a, b)| a * b).sum::<f32>()
}
