//! What a release's analyzers and models make of a new text: the functions and the expressions that made what is stored,
//! compiled once per release.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray, new_null_array};
use datafusion::arrow::datatypes::{DataType, Field, Float32Type, Int64Type};
use rayon::prelude::*;
use tokio::sync::OnceCell;

use crate::analyze::sketch::similarity;
use crate::analyze::theme::{Theme, Themes};
use crate::analyze::{Analyzer, ReadyAnalyzer};
use crate::clock::Stopwatch;
use crate::definition::Dtype;
use crate::engine::{Bounds, EMBEDDING, Resources, RowExpression, Session, SqlError, with_vectors};
use crate::limits::{PLANNING_MEMORY_BYTES, SOURCE_BATCH_ROWS};
use crate::model::{BUILT_IN, Model, Part, inner_product, parts_type};
use crate::store::{
    DuplicatesPin, FeaturePin, Readable, SourcePin, Statistics, TextMethod, TextPin, ThemePin, ViewPin,
};

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
    /// The texts of which a view could make nothing, and why: `(row, reason)`, ascending.
    pub faults: Vec<(usize, String)>,
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
    /// What tells whether a text is nearly one of the corpus.
    duplicates: Option<DuplicatesPin>,
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
    Analyzer {
        analyzer: ReadyAnalyzer,
        /// The view whose vectors of stanzas it reads too, and their model.
        vectors: Option<(String, Arc<Model>)>,
        /// The analyzer with the vectors of its themes, from the first text on.
        ready: OnceCell<ReadyAnalyzer>,
    },
    Embedding(Arc<Model>, Vec<Part>),
}

impl Method {
    /// What the struct is called, whose fields the features read.
    fn column(&self) -> &str {
        match self {
            Self::Analyzer { analyzer, .. } => analyzer.analyzer().name,
            Self::Embedding(..) => EMBEDDING,
        }
    }

    fn data_type(&self) -> DataType {
        match self {
            Self::Analyzer { analyzer, .. } => analyzer.analyzer().data_type(),
            Self::Embedding(model, parts) => DataType::Struct(parts_type(parts, model.dimensions())),
        }
    }

    fn vectors(&self) -> Option<&str> {
        match self {
            Self::Analyzer { vectors, .. } => vectors.as_ref().map(|(view, _)| view.as_str()),
            Self::Embedding(..) => None,
        }
    }
}

impl TextAnalysis {
    /// That of each entity of the release that has features of a text.
    pub fn of_release(readable: &Readable, resources: &Resources) -> BTreeMap<String, Self> {
        let manifest = readable.manifest();
        let session = Session::new(Bounds { memory_bytes: PLANNING_MEMORY_BYTES, batch_rows: SOURCE_BATCH_ROWS });
        let of_entity = |entity: &str| {
            let views = manifest.views.iter().filter(|view| view.entity == entity);
            let views: Vec<(&ViewPin, &TextPin)> = views.filter_map(|view| Some((view, view.text.as_ref()?))).collect();
            let (_, first) = views.first()?;
            let source = manifest.source(&first.source)?;
            let views = views.iter().filter(|(_, text)| text.source == first.source && text.column == first.column);
            let mut of_entity = manifest.views.iter().filter(|view| view.entity == entity);
            let duplicates = of_entity.find_map(|view| view.duplicates.clone());
            let column = first.column.clone();
            let mut analysis = Self { column, views: Vec::new(), duplicates, warnings: Vec::new() };
            for (view, text) in views {
                analysis.add(&session, resources, source, view, text);
            }
            Some((entity.to_owned(), analysis))
        };
        readable.entities().filter_map(of_entity).collect()
    }

    fn add(&mut self, session: &Session, resources: &Resources, source: &SourcePin, view: &ViewPin, text: &TextPin) {
        match compiled(session, resources, source, view, text) {
            Ok((compiled, warning)) => {
                self.views.push(compiled);
                self.warnings.extend(warning);
            }
            Err(reason) => self.warnings.push(left_out(&view.name, &reason)),
        }
    }

    /// What tells whether a text is nearly one of the corpus.
    pub fn duplicates(&self) -> Option<&DuplicatesPin> {
        self.duplicates.as_ref()
    }

    /// The features that it makes, in the order of the release's views.
    pub fn features(&self) -> impl Iterator<Item = &Arc<FeaturePin>> {
        self.views.iter().flat_map(|view| view.features.iter().map(|(pin, _)| pin))
    }

    /// Makes the features of new texts. What fails is left out, with a warning.
    pub async fn analyze(&self, texts: &Texts) -> Analyzed {
        let (after, first): (Vec<&TextView>, Vec<&TextView>) =
            self.views.iter().partition(|view| view.method.vectors().is_some());
        let mut made = self.made(&first, &BTreeMap::new(), texts).await;
        let of_others = self.made(&after, &made, texts).await;
        made.extend(of_others);
        let mut analyzed = Analyzed { features: Vec::new(), warnings: self.warnings.clone(), faults: Vec::new() };
        for view in &self.views {
            let Some(made) = made.remove(view.name.as_str()) else { continue };
            let features = made.and_then(|Values { values, faults }| {
                analyzed.faults.extend(faults.into_iter().map(|(row, reason)| (row, left_out(&view.name, &reason))));
                view.features(&self.column, &values, texts)
            });
            match features {
                Ok(features) => analyzed.features.extend(features),
                Err(reason) => analyzed.warnings.push(left_out(&view.name, &reason)),
            }
        }
        analyzed.faults.sort();
        analyzed
    }

    /// The structs of some views, by their names. `vectors` are those that were made before.
    async fn made<'a>(
        &self,
        views: &[&'a TextView],
        vectors: &BTreeMap<&str, Made>,
        texts: &Texts,
    ) -> BTreeMap<&'a str, Made> {
        let of_view = |view: &&'a TextView| {
            let view = *view;
            let vectors = view.method.vectors().map(|name| match vectors.get(name) {
                Some(Ok(made)) => Ok(Arc::clone(&made.values)),
                Some(Err(_)) | None => Err(format!("it reads the vectors of `{name}`, which are not there")),
            });
            async move {
                let made = match vectors.transpose() {
                    Ok(vectors) => view.made(&texts.texts, vectors).await,
                    Err(reason) => Err(reason),
                };
                (view.name.as_str(), made)
            }
        };
        futures::future::join_all(views.iter().map(of_view)).await.into_iter().collect()
    }
}

/// What features are made of.
struct Values {
    /// A struct for each text.
    values: ArrayRef,
    /// The texts of which nothing could be made.
    faults: Vec<(usize, String)>,
}

/// What features are made of, or why there is nothing.
type Made = Result<Values, String>;

fn left_out(view: &str, reason: &str) -> String {
    format!("`{view}` is left out: {reason}")
}

/// The view, and a warning where it makes other values than those that are stored.
fn compiled(
    session: &Session,
    resources: &Resources,
    source: &SourcePin,
    view: &ViewPin,
    text: &TextPin,
) -> Result<(TextView, Option<String>), String> {
    let (method, warning) = match &text.method {
        TextMethod::Analyzer { name, version, vectors, themes, stress } => {
            let analyzer = Analyzer::find(name).ok_or_else(|| format!("this version has no analyzer `{name}`"))?;
            let found = analyzer.version;
            let warning = (found != *version).then(|| {
                format!("the release has `{name}` of version {version}, this is {found}; a build closes the gap")
            });
            let vectors = match vectors {
                // On what analyzers were fitted.
                Some(view) => {
                    Some((view.clone(), resources.models().find(BUILT_IN).map_err(|error| error.to_string())?))
                }
                None => None,
            };
            let themes = Themes::new(themes.iter().cloned().map(theme).collect());
            let found_stress = if analyzer.reads_stress { resources.stress()? } else { Arc::default() };
            let digest = (!found_stress.is_empty()).then(|| found_stress.digest());
            if digest != *stress {
                let reason = "the release was built with another dictionary of stresses; `make setup` brings it";
                return Err(reason.to_owned());
            }
            let analyzer = ReadyAnalyzer::new(analyzer, Arc::new(themes), found_stress);
            (Method::Analyzer { analyzer, vectors, ready: OnceCell::new() }, warning)
        }
        TextMethod::Embedding { model, digest, parts } => {
            let model = resources.models().find(model).map_err(|error| error.to_string())?;
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

fn theme(pin: ThemePin) -> Theme {
    let ThemePin { name, descriptions, seeds_en, seeds_ru } = pin;
    Theme { name, descriptions, seeds_en, seeds_ru }
}

impl TextView {
    fn features(&self, text_column: &str, made: &ArrayRef, texts: &Texts) -> Result<Vec<AnalyzedFeature>, String> {
        let count = texts.texts.len();
        let column = |field: &Field| -> ArrayRef {
            match field.name().as_str() {
                name if name == text_column => Arc::new(texts.texts.clone()),
                LANGUAGE if *field.data_type() == DataType::Utf8 => Arc::new(texts.languages.clone()),
                name if name == self.method.column() => Arc::clone(made),
                // What is not known of a new text.
                _ => new_null_array(field.data_type(), count),
            }
        };
        let features = self.features.iter().map(|(pin, expression)| {
            let values = expression.evaluate(expression.stored().map(column).collect(), count);
            let values = values.map_err(|error| error.to_string())?;
            Ok(AnalyzedFeature { pin: Arc::clone(pin), values })
        });
        features.collect()
    }

    /// The struct that features are made of, one a text. `vectors` are the struct of the view whose vectors it reads.
    async fn made(&self, texts: &StringArray, vectors: Option<ArrayRef>) -> Made {
        let watch = Stopwatch::start();
        let made = match &self.method {
            Method::Analyzer { analyzer, vectors: of, ready } => {
                let model = of.as_ref().map(|(_, model)| model);
                let ready = ready.get_or_try_init(|| with_vectors(analyzer, model)).await;
                let (ready, texts) = (ready.map_err(|error| error.to_string())?.clone(), texts.clone());
                // Apart from the threads that serve others: a long text takes seconds.
                let made = tokio::task::spawn_blocking(move || {
                    let stanzas =
                        vectors.as_ref().and_then(|made| made.as_struct_opt()?.column_by_name(Part::Stanzas.name()));
                    ready.analyze(&texts, stanzas.and_then(|stanzas| stanzas.as_list_opt()))
                });
                let made = made.await.map_err(|error| format!("it was broken off: {error}"))?;
                Ok(Values { values: Arc::new(made.values), faults: made.faults })
            }
            Method::Embedding(model, parts) => {
                let made = model.embed_parts(texts, parts).await.map_err(|error| error.to_string())?;
                Ok(Values { values: Arc::new(made.values), faults: made.faults })
            }
        };
        metrics::histogram!("rhapsode_analysis_seconds", "view" => self.name.clone()).record(watch.seconds());
        made
    }
}

/// The rows of `sketches` that have at least `least` in common with `sketch`, the most similar first, and how much.
pub fn copies(sketches: &ArrayRef, sketch: &[i64], least: f64, count: usize) -> Vec<(usize, f64)> {
    let Some(lists) = sketches.as_list_opt::<i32>() else { return Vec::new() };
    let Some(numbers) = lists.values().as_primitive_opt::<Int64Type>() else { return Vec::new() };
    let (numbers, offsets) = (numbers.values(), lists.value_offsets());
    let of_row = |row: usize| {
        let range = usize::try_from(offsets[row]).ok()?..usize::try_from(offsets[row + 1]).ok()?;
        let similarity = similarity(sketch, numbers.get(range).filter(|_| lists.is_valid(row))?);
        (similarity >= least).then_some((row, similarity))
    };
    let mut copies: Vec<(usize, f64)> = (0..lists.len()).into_par_iter().filter_map(of_row).collect();
    copies.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    copies.truncate(count);
    copies
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
