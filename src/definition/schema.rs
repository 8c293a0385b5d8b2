//! The JSON Schema of a definition file, from the types of [`super::written`]: what an editor completes and checks.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::expect::OnFailure;
use super::written::{Column, Entity, Feature, Format, Input, Online, Search, Source, Theme};
use super::{Dtype, Spanned};
use crate::limits::NAME_CHARS_MAX;
use crate::name::{FeatureName, Name, TableName};

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

impl<Of> JsonSchema for Name<Of> {
    fn schema_name() -> Cow<'static, str> {
        "Name".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A lower-case letter, then lower-case letters, digits and `_`.",
            "type": "string",
            "pattern": format!("^[a-z][a-z0-9_]{{0,{}}}$", NAME_CHARS_MAX - 1),
        })
    }
}

impl JsonSchema for Dtype {
    fn schema_name() -> Cow<'static, str> {
        "Dtype".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A type: string, bool, int32, int64, float32, float64, date, timestamp, list<T>, vector[N], struct{…}.",
            "type": "string",
            "anyOf": [
                { "enum": ["string", "bool", "int32", "int64", "float32", "float64", "date", "timestamp"] },
                { "pattern": r"^(list<.+>|vector\[[0-9]+\]|struct\{.+\})$" },
            ],
        })
    }
}

/// A name alone, or more.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum NameOr<T> {
    Name(FeatureName),
    More(T),
}

/// Words alone, or more.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum ListOr<T> {
    List(Vec<String>),
    More(T),
}

/// What all feature views have in common, whatever their values come from.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct FeatureView {
    /// Its name; SQL has a table of this name.
    name: TableName,
    /// The entity that its features belong to.
    entity: crate::name::EntityName,
    /// A query over sources and other views; it returns the join keys and a column for each feature.
    sql: Option<String>,
    /// The source whose rows the analyzer or the model reads.
    source: Option<TableName>,
    /// A built-in function over a text of the source.
    analyzer: Option<Analyzer>,
    /// Vectors of a text of the source.
    embedding: Option<Embedding>,
    /// Windows over the events of a source with time.
    aggregate: Option<Aggregate>,
    /// What only the whole corpus tells: which rows are nearly the same.
    corpus: Option<Corpus>,
    /// Values that come with a request; the features are expressions over them and over stored features.
    on_request: Option<OnRequest>,
    /// Its features. For an aggregate by default its windows: `plays_count_7d`, `plays_sum_seconds_7d`.
    #[schemars(default)]
    features: Vec<Feature>,
    /// The column that says when a row became true. Then history is kept: a row a key and time.
    timestamp_field: Option<FeatureName>,
    /// What it holds.
    description: Option<String>,
    /// Who answers for it.
    owner: Option<String>,
    /// Words to find it by.
    #[schemars(default)]
    tags: Vec<String>,
    /// How long a value stays true: a number and `s`, `m`, `h` or `d`.
    #[schemars(regex(pattern = r"^[0-9]+[smhd]$"))]
    ttl: Option<String>,
    /// What its rows are expected to be like.
    expect: Option<ViewExpect>,
    /// How its rows are stored. By default `lance`.
    format: Option<Format>,
    /// How its values are held for lookups. By default `memory`.
    online: Option<Online>,
}

/// What the values of a feature are expected to be like.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct FeatureExpect {
    /// The share of rows without a value.
    null_rate: Option<AtMost>,
    /// Between which values they lie; the bounds belong to it.
    range: Option<Range>,
    /// The only values that are allowed.
    values: Option<Vec<Literal>>,
    /// A regular expression that a part of each value matches; `^…$` for all of it.
    pattern: Option<String>,
    /// Whether no value comes twice.
    unique: Option<bool>,
    /// How far the distribution has moved since the release before: the population stability index.
    drift: Option<AtMost>,
    /// Whether a build fails or only warns where it is not so. By default it fails.
    on_failure: Option<OnFailure>,
}

/// What the rows of a view are expected to be like.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct ViewExpect {
    /// How many there are.
    rows: Option<RowRange>,
    /// The share by which their number has changed since the release before.
    rows_change: Option<AtMost>,
    /// Whether a build fails or only warns where it is not so. By default it fails.
    on_failure: Option<OnFailure>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct AtMost {
    max: f64,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Range {
    min: Option<Literal>,
    max: Option<Literal>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct RowRange {
    min: Option<u64>,
    max: Option<u64>,
}

/// A value of the feature's type.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Literal {
    Number(f64),
    Text(String),
    Truth(bool),
}

/// A built-in function over a text.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Analyzer {
    /// Which one.
    name: String,
    /// The source's column that it reads.
    text: FeatureName,
    /// An embedding view of the same text with `parts: [stanzas]`, whose vectors `emotion` and `theme` read too.
    vectors: Option<TableName>,
}

/// What only the whole corpus tells.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Corpus {
    /// `near_duplicates`: its features are made of `canonical`, `similarity` and `copies`.
    name: CorpusName,
    /// The view that holds the sketches, made by the analyzer `sketch`.
    view: TableName,
    /// Its feature that holds them.
    sketch: FeatureName,
    /// Its feature whose greatest value makes a row the canonical one of its copies; of equal ones the first key does.
    prefer: Option<FeatureName>,
    /// The least similarity of a copy, above 0 and up to 1. By default 0.4.
    similarity: Option<f64>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum CorpusName {
    NearDuplicates,
}

/// Vectors of a text, made by a model.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Embedding {
    /// `use`, the built-in one, or one of `[models]` in rhapsode.toml.
    model: String,
    /// The source's column that it reads.
    text: FeatureName,
    /// Which parts of the text have vectors. By default the whole.
    #[schemars(default)]
    parts: Vec<EmbeddedPart>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum EmbeddedPart {
    /// All of it: a vector, `embedding.whole`.
    Whole,
    /// Its stanzas: a list of vectors, `embedding.stanzas`.
    Stanzas,
    /// Its sentences, which line breaks end too: a list of vectors, `embedding.sentences`.
    Sentences,
}

/// Windows over events.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Aggregate {
    /// A source with a `timestamp_field`.
    source: TableName,
    /// `count`, or a function of a column: count, sum, mean, min, max, first, last, approx_distinct.
    #[schemars(inner(regex(pattern = r"^(count|(count|sum|mean|min|max|first|last|approx_distinct)\\(.+\\))$")))]
    functions: Vec<String>,
    /// Lengths: a number and `s`, `m`, `h` or `d`, or `all`.
    #[schemars(inner(regex(pattern = r"^([0-9]+[smhd]|all)$")))]
    windows: Vec<String>,
}

/// Values that come with a request.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct OnRequest {
    /// Each is given in the request by its name.
    inputs: Vec<Input>,
}

/// The schema of a definition file. Each document is one of the kinds.
pub fn json_schema() -> Value {
    let mut generator = schemars::generate::SchemaSettings::draft07().into_generator();
    let kinds = [
        kind("entity", generator.subschema_for::<Entity>(), &mut generator),
        kind("source", generator.subschema_for::<Source>(), &mut generator),
        kind("feature_view", generator.subschema_for::<FeatureView>(), &mut generator),
        kind("theme", generator.subschema_for::<Theme>(), &mut generator),
        kind("search", generator.subschema_for::<Search>(), &mut generator),
    ];
    // `Column` and `Feature` come with the kinds that hold them.
    debug_assert!(generator.definitions().contains_key(&*Column::schema_name()));
    let mut definitions = generator.take_definitions(true);
    for name in ["Entity", "Source", "FeatureView", "Theme", "Search"] {
        definitions.remove(name);
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Rhapsode definition",
        "oneOf": kinds,
        "definitions": definitions,
    })
}

/// The schema behind `reference`, with `kind` as its first property.
fn kind(name: &str, reference: Schema, generator: &mut SchemaGenerator) -> Value {
    let target = reference.as_value()["$ref"].as_str().unwrap_or_default();
    let definition = target.rsplit('/').next().unwrap_or_default();
    let mut schema = generator.definitions()[definition].clone();
    if let Some(properties) = schema["properties"].as_object_mut() {
        let rest = std::mem::take(properties);
        properties.insert("kind".to_owned(), json!({ "const": name }));
        properties.extend(rest);
    }
    if let Some(required) = schema["required"].as_array_mut() {
        required.insert(0, json!("kind"));
    }
    schema
}
