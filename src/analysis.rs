//! What a release's analyzers and models make of a new text: the functions and the expressions that made what is stored,
//! compiled once per release.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray, new_null_array};
use datafusion::arrow::datatypes::{DataType, Field, Float32Type};
use rayon::prelude::*;

use crate::analyze::Analyzer;
use crate::clock::Stopwatch;
use crate::definition::Dtype;
use crate::engine::{Bounds, EMBEDDING, RowExpression, Session, SqlError};
use crate::limits::{PLANNING_MEMORY_BYTES, SOURCE_BATCH_ROWS};
use crate::model::{Model, Models, Part, inner_product, parts_type};
use crate::store::{FeaturePin, Readable, SourcePin, Statistics, TextMethod, TextPin, ViewPin};

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
    pub pin: Arc<FeaturePin>,
    pub values: ArrayRef,
}

/// What makes the features of an entity of a text: the views over one column, that of the first of them.
#[derive(Debug)]
pub struct TextAnalysis {
    /// The column that stands for the text.
    column: String,
    views: Vec<TextView>,
    /// Why views are left out, or differ from what is stored.
    warnings: Vec<String>,
}

#[derive(Debug)]
struct TextView {
    name: String,
    method: Method,
    features: Vec<(Arc<FeaturePin>, RowExpression)>,
}

/// By what a text becomes the struct that features are made of.
#[derive(Debug)]
enum Method {
    Analyzer(&'static Analyzer),
    Embedding(Arc<Model>, Vec<Part>),
}

impl Method {
    /// What the struct is called, whose fields the features read.
    fn column(&self) -> &str {
        match self {
            Self::Analyzer(analyzer) => analyzer.name,
            Self::Embedding(..) => EMBEDDING,
        }
    }

    fn data_type(&self) -> DataType {
        match self {
            Self::Analyzer(analyzer) => analyzer.data_type(),
            Self::Embedding(model, parts) => DataType::Struct(parts_type(parts, model.dimensions())),
        }
    }
}

impl TextAnalysis {
    /// That of each entity of the release that has features of a text.
    pub fn of_release(readable: &Readable, models: &Models) -> BTreeMap<String, Self> {
        let manifest = readable.manifest();
        let session = Session::new(Bounds { memory_bytes: PLANNING_MEMORY_BYTES, batch_rows: SOURCE_BATCH_ROWS });
        let of_entity = |entity: &str| {
            let views = manifest.views.iter().filter(|view| view.entity == entity);
            let views: Vec<(&ViewPin, &TextPin)> = views.filter_map(|view| Some((view, view.text.as_ref()?))).collect();
            let (_, first) = views.first()?;
            let source = manifest.source(&first.source)?;
            let views = views.iter().filter(|(_, text)| text.source == first.source && text.column == first.column);
            let mut analysis = Self { column: first.column.clone(), views: Vec::new(), warnings: Vec::new() };
            for (view, text) in views {
                analysis.add(&session, models, source, view, text);
            }
            Some((entity.to_owned(), analysis))
        };
        readable.entities().filter_map(of_entity).collect()
    }

    fn add(&mut self, session: &Session, models: &Models, source: &SourcePin, view: &ViewPin, text: &TextPin) {
        match compiled(session, models, source, view, text) {
            Ok((compiled, warning)) => {
                self.views.push(compiled);
                self.warnings.extend(warning);
            }
            Err(reason) => self.warnings.push(left_out(&view.name, &reason)),
        }
    }

    /// Makes the features of new texts. What fails is left out, with a warning.
    pub async fn analyze(&self, texts: &Texts) -> Analyzed {
        let mut analyzed = Analyzed { features: Vec::new(), warnings: self.warnings.clone() };
        let made = futures::future::join_all(self.views.iter().map(|view| view.make(&self.column, texts))).await;
        for (view, made) in self.views.iter().zip(made) {
            match made {
                Ok(features) => analyzed.features.extend(features),
                Err(reason) => analyzed.warnings.push(left_out(&view.name, &reason)),
            }
        }
        analyzed
    }
}

fn left_out(view: &str, reason: &str) -> String {
    format!("`{view}` is left out: {reason}")
}

/// The view, and a warning where it makes other values than those that are stored.
fn compiled(
    session: &Session,
    models: &Models,
    source: &SourcePin,
    view: &ViewPin,
    text: &TextPin,
) -> Result<(TextView, Option<String>), String> {
    let (method, warning) = match &text.method {
        TextMethod::Analyzer { name, version } => {
            let analyzer = Analyzer::find(name).ok_or_else(|| format!("this version has no analyzer `{name}`"))?;
            let found = analyzer.version;
            let warning = (found != *version).then(|| {
                format!("the release has `{name}` of version {version}, this is {found}; a build closes the gap")
            });
            (Method::Analyzer(analyzer), warning)
        }
        TextMethod::Embedding { model, digest, parts } => {
            let model = models.find(model).map_err(|error| error.to_string())?;
            if model.digest() != *digest {
                return Err(format!("the release was built with another model `{}`", model.name()));
            }
            let parts: Vec<Part> = parts.iter().filter_map(|part| Part::find(part)).collect();
            (Method::Embedding(model, parts), None)
        }
    };
    // The reader may not see the column of the texts that are stored; new ones are the reader's own.
    let others = source.columns.iter().filter(|column| column.name != text.column);
    let made = Field::new(method.column(), method.data_type(), true);
    let mut columns = vec![made, Field::new(&text.column, DataType::Utf8, true)];
    // A release's types were checked when it was built.
    columns.extend(others.filter_map(|column| field(&column.name, &column.dtype)));
    let features = view.features.iter().map(|pin| {
        let field = field(&pin.name, &pin.dtype).ok_or_else(|| format!("`{}` has no type", pin.name))?;
        let expression = session.row_expression(field, &pin.expr, &columns, &[]);
        Ok((Arc::new(pin.clone()), expression.map_err(|error: SqlError| error.to_string())?))
    });
    let features = features.collect::<Result<_, String>>()?;
    Ok((TextView { name: view.name.clone(), method, features }, warning))
}

fn field(name: &str, dtype: &str) -> Option<Field> {
    Some(Field::new(name, Dtype::parse(dtype).ok()?.to_arrow(), true))
}

impl TextView {
    async fn make(&self, text_column: &str, texts: &Texts) -> Result<Vec<AnalyzedFeature>, String> {
        let watch = Stopwatch::start();
        let made = self.made(&texts.texts).await?;
        let count = texts.texts.len();
        let column = |field: &Field| -> ArrayRef {
            match field.name().as_str() {
                name if name == text_column => Arc::new(texts.texts.clone()),
                LANGUAGE if *field.data_type() == DataType::Utf8 => Arc::new(texts.languages.clone()),
                name if name == self.method.column() => Arc::clone(&made),
                // What is not known of a new text.
                _ => new_null_array(field.data_type(), count),
            }
        };
        let features = self.features.iter().map(|(pin, expression)| {
            let values = expression.evaluate(expression.stored().map(column).collect(), count);
            let values = values.map_err(|error| error.to_string())?;
            Ok(AnalyzedFeature { pin: Arc::clone(pin), values })
        });
        let features = features.collect();
        metrics::histogram!("rhapsode_analysis_seconds", "view" => self.name.clone()).record(watch.seconds());
        features
    }

    /// The struct that features are made of, one a text.
    async fn made(&self, texts: &StringArray) -> Result<ArrayRef, String> {
        match &self.method {
            Method::Analyzer(analyzer) => {
                let (analyzer, texts) = (*analyzer, texts.clone());
                // Apart from the threads that serve others: a long text takes seconds. A panic ends this view alone.
                let made = tokio::task::spawn_blocking(move || analyzer.analyze(&texts)).await;
                let made = made.map_err(|error| {
                    tracing::error!(%error, analyzer = analyzer.name, "an analyzer failed");
                    format!("`{}` failed on this text", analyzer.name)
                });
                Ok(Arc::new(made?))
            }
            Method::Embedding(model, parts) => {
                let made = model.embed_parts(texts, parts).await.map_err(|error| error.to_string())?;
                match made.faults.first() {
                    Some((_, reason)) => Err(reason.clone()),
                    None => Ok(Arc::new(made.values)),
                }
            }
        }
    }
}

/// The share of the corpus, 0 to 1, whose value is smaller: between the quantiles that the release has it is in a line.
pub fn share_below(statistics: &Statistics, value: f64) -> Option<f64> {
    let quantiles = &statistics.quantiles;
    let next = quantiles.partition_point(|quantile| quantile.value <= value);
    let Some(above) = quantiles.get(next) else {
        // The greatest value, or more than that.
        return quantiles.last().map(|last| if value > last.value { 1.0 } else { last.share });
    };
    let Some(below) = next.checked_sub(1).and_then(|before| quantiles.get(before)) else { return Some(0.0) };
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
    let rows = numbers.values().par_chunks_exact(vector.len()).take(list.len()).enumerate();
    let valid = rows.filter(|(row, _)| list.is_valid(*row));
    let mut near: Vec<(usize, f32)> = valid.map(|(row, other)| (row, inner_product(vector, other))).collect();
    let order = |a: &(usize, f32), b: &(usize, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if near.len() > count {
        near.select_nth_unstable_by(count, order);
        near.truncate(count);
    }
    near.sort_by(order);
    near
}
