//! The definitions as they are written: one type a kind, which the JSON Schemas are made from.

use schemars::JsonSchema;

use super::criterion::Criterion;
use super::expect::Expectation;
use super::profile::Profile;
use super::schema::{FeatureExpect, ListOr, NameOr};
use super::synonyms::Synonyms;
use super::{Dtype, Place, Spanned, Text};
use crate::name::{EntityName, FeatureName, TableName, ThemeName};

/// All definitions of a project, in the order of files and documents.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    pub entities: Vec<Entity>,
    pub sources: Vec<Source>,
    pub views: Vec<FeatureView>,
    pub themes: Vec<Theme>,
    pub searches: Vec<Search>,
}

/// The thing that has features.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Entity {
    /// Its name; SQL has a table of this name with all its features.
    pub name: Spanned<EntityName>,
    /// The columns that identify it, in order.
    pub join_keys: Vec<Spanned<FeatureName>>,
    /// What it is.
    pub description: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Words to find it by.
    #[schemars(default)]
    pub tags: Vec<String>,
}

/// Raw rows that enter by `rhapsode ingest`.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Source {
    /// Its name; SQL has a table of this name.
    pub name: Spanned<TableName>,
    /// The entity that its rows belong to.
    pub entity: Spanned<EntityName>,
    /// Its columns; the entity's join keys are among them.
    pub columns: Vec<Column>,
    /// The column that says when a row became true. Then history is kept.
    pub timestamp_field: Option<Spanned<FeatureName>>,
    /// The column that says when a row was written; of two rows for one key and time the later one counts.
    pub created_timestamp_column: Option<Spanned<FeatureName>>,
    /// The column that tells rows of one key and time apart, where there can be several.
    pub event_id: Option<Spanned<FeatureName>>,
    /// A query whose rows enter by `rhapsode ingest` without a file.
    #[schemars(with = "Option<Postgres>")]
    pub postgres: Option<Postgres>,
    /// What it holds.
    pub description: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Words to find it by.
    #[schemars(default)]
    pub tags: Vec<String>,
}

/// Rows of a PostgreSQL database.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Postgres {
    /// The environment variable that holds the connection's URL: `postgres://user:password@host/database`.
    pub url_env: String,
    /// A `select` whose columns have the names of the source's, or those of `from`.
    pub query: String,
}

/// A column of a source.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Column {
    /// Its name.
    pub name: Spanned<FeatureName>,
    /// Its type.
    pub dtype: Spanned<Dtype>,
    /// What it is called in files: the first of these names that a file has. By default its own name.
    #[schemars(default)]
    pub from: Vec<String>,
    /// What it means.
    pub description: Option<String>,
    /// The licence of its values: an SPDX identifier, `public-domain` or `proprietary`.
    pub licence: Option<String>,
    /// Who may read it. By default `open`, but a string whose licence is `proprietary` or absent is `restricted`.
    pub access: Option<Access>,
}

/// Who may read a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Access {
    /// Whoever holds a key.
    Open,
    /// Whoever holds a key with the scope `restricted`.
    Restricted,
}

/// Something that texts are about, by which the analyzer `theme` judges them.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Theme {
    /// Its name, which is the value of features.
    pub name: Spanned<ThemeName>,
    /// What people call it, by language.
    #[schemars(with = "Option<Languages<String>>")]
    pub title: Languages<String>,
    /// What texts about it say, in a sentence, by language: compared with texts by their vectors.
    pub description: Languages<String>,
    /// Words and phrases that texts about it have, by language; other forms of a word count too.
    pub seeds: Languages<Vec<String>>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Words to find it by.
    #[schemars(default)]
    pub tags: Vec<String>,
}

/// What of an entity is found by words and by meaning.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Search {
    /// Its name.
    pub name: Spanned<TableName>,
    /// The entity that is found.
    pub entity: Spanned<EntityName>,
    /// The source that has a row for each.
    pub source: Spanned<TableName>,
    /// The languages that its texts are in, by ISO 639-1: each word is stemmed by the first that is written in its script.
    #[schemars(with = "Option<Vec<String>>")]
    pub languages: Vec<Spanned<String>>,
    /// The texts whose words are found: names of columns of the source or of features, or fields of several.
    #[schemars(with = "Vec<NameOr<SearchText>>")]
    pub text: Vec<SearchText>,
    /// Features that hold vectors of a text, whole or by stanza, made by an embedding view.
    #[schemars(default)]
    pub vectors: Vec<Spanned<FeatureName>>,
    /// Columns of the source and features that requests filter by.
    #[schemars(default)]
    pub filters: Vec<Spanned<FeatureName>>,
    /// Those of the filters whose values are counted.
    #[schemars(default)]
    pub facets: Vec<Spanned<FeatureName>>,
    /// Words that stand for others: groups, or one way.
    #[schemars(with = "Option<Vec<ListOr<Synonyms>>>")]
    pub synonyms: Vec<Synonyms>,
    /// How many of the commonest words of its texts have vectors, by which words that no text has are read as words that some
    /// have, from another language or for the same thing; none by default.
    pub related_words: Option<u32>,
    /// Named recipes of retrieval, fusion, ranking and diversity.
    #[schemars(default)]
    pub profiles: Vec<Profile>,
    /// What makes two pieces alike, for recommendations.
    #[schemars(default)]
    pub criteria: Vec<Criterion>,
    /// What it finds.
    pub description: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Words to find it by.
    #[schemars(default)]
    pub tags: Vec<String>,
}

/// A text whose words are found.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SearchText {
    /// What queries call it.
    pub name: Spanned<FeatureName>,
    /// The columns of the source and the features that it is made of, in order. By default the one of its own name.
    #[schemars(default)]
    pub of: Vec<Spanned<FeatureName>>,
    /// How much a word in it counts, from 1: that of a field of weight 2 counts as if it stood there twice.
    #[schemars(with = "Option<u32>")]
    pub weight: u32,
}

/// Something in the languages that it is there in.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Languages<T> {
    /// In English.
    pub en: Option<T>,
    /// In Russian.
    pub ru: Option<T>,
}

/// Features of one entity that are computed together from the same inputs: by `sql`, an `analyzer`, an `embedding`, an
/// `aggregate` or over the whole `corpus`, or when they are asked for: `on_request`.
#[derive(Clone, Debug)]
pub struct FeatureView {
    pub name: Spanned<TableName>,
    pub entity: Spanned<EntityName>,
    pub values: Values,
    pub features: Vec<Feature>,
    pub description: Option<String>,
    pub owner: Option<String>,
    pub tags: Vec<String>,
    /// How long a value stays true, in seconds.
    pub ttl_seconds: Option<u64>,
    pub expect: Vec<Expectation>,
    pub format: Format,
    /// How the values of its features are held, where they do not say it themselves.
    pub online: Online,
    /// The column that says when a row became true. Then history is kept.
    pub timestamp_field: Option<Spanned<FeatureName>>,
}

/// How the rows of a view are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Format {
    /// A Lance dataset: changes cost what changed.
    #[default]
    Lance,
    /// A Parquet file, written anew by each build that changes it.
    Parquet,
}

/// How the values of a feature are held for lookups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Online {
    /// In memory: lookups, training sets and the entity's table have them.
    #[default]
    Memory,
    /// In the store: lookups read them by the index of the key, and remember the last ones.
    Indexed,
    /// Not at all: SQL over the view reads them from the store.
    Off,
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Lance => "lance",
            Self::Parquet => "parquet",
        })
    }
}

/// Where the values of a view come from.
#[derive(Clone, Debug)]
pub enum Values {
    /// A query over sources and other views; it returns the join keys and a column for each feature.
    Sql(Text),
    /// A built-in function over a text of a source; its values are read by the features' expressions.
    Analyzer(AnalyzerCall),
    /// Vectors of a text of a source, made by a model.
    Embedding(EmbeddingCall),
    /// Windows over the events of a source with time.
    Aggregate(Aggregate),
    /// What only the whole corpus tells.
    Corpus(CorpusCall),
    /// Expressions over stored features and values that come with a request; nothing of it is stored.
    OnRequest(OnRequest),
}

/// `on_request: { inputs: [{ name: asked_year, dtype: int32 }] }`.
#[derive(Clone, Debug)]
pub struct OnRequest {
    pub place: Place,
    pub inputs: Vec<Input>,
}

/// A value that comes with a request.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Input {
    /// Its name, which no feature of the entity has.
    pub name: Spanned<FeatureName>,
    /// Its type, one of single values.
    pub dtype: Spanned<Dtype>,
    /// What it means.
    pub description: Option<String>,
}

/// `aggregate: { source: plays, functions: [count, sum(seconds)], windows: [7d, all] }`.
#[derive(Clone, Debug)]
pub struct Aggregate {
    pub place: Place,
    pub source: Spanned<TableName>,
    pub functions: Vec<Spanned<AggregateFunction>>,
    pub windows: Vec<Spanned<WindowLength>>,
}

/// What is made of the events in a window: `count`, or a function of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregateFunction {
    pub name: String,
    pub column: Option<FeatureName>,
}

/// How long a window is; none for all time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowLength {
    /// As it was written: `7d`, `all`.
    pub text: String,
    pub seconds: Option<u64>,
}

/// `corpus: { name: near_duplicates, view: sketch, sketch: text_sketch, prefer: sketch_words, similarity: 0.6 }`.
#[derive(Clone, Debug)]
pub struct CorpusCall {
    pub place: Place,
    pub view: Spanned<TableName>,
    /// The view's feature that holds sketches.
    pub sketch: Spanned<FeatureName>,
    /// The view's feature whose greatest value makes a row the canonical one; by default the first key does.
    pub prefer: Option<Spanned<FeatureName>>,
    /// The least similarity of a copy.
    pub similarity: f64,
}

/// `analyzer: { name: emotion, text: lyrics, vectors: meaning }` with `source: tracks`.
#[derive(Clone, Debug)]
pub struct AnalyzerCall {
    pub name: Spanned<String>,
    pub text: Spanned<FeatureName>,
    pub source: Spanned<TableName>,
    /// An embedding view of the same text, whose vectors of stanzas the analyzer reads too.
    pub vectors: Option<Spanned<TableName>>,
}

/// `embedding: { model: use, text: lyrics, parts: [whole, stanzas] }` with `source: tracks`.
#[derive(Clone, Debug)]
pub struct EmbeddingCall {
    pub model: Spanned<String>,
    pub text: Spanned<FeatureName>,
    /// `whole` where none are named.
    pub parts: Vec<Spanned<String>>,
    pub source: Spanned<TableName>,
}

/// A named, typed, documented, versioned value of an entity.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Feature {
    /// Its name, unique within the entity.
    pub name: Spanned<FeatureName>,
    /// Its type.
    pub dtype: Spanned<Dtype>,
    /// How it is computed from the view's values. By default the column (or the analyzer's field) of its own name.
    #[schemars(with = "Option<String>")]
    pub expr: Option<Text>,
    /// The unit of its values.
    pub unit: Option<String>,
    /// What it means.
    pub description: Option<String>,
    /// The licence of its values: an SPDX identifier, `public-domain` or `proprietary`.
    pub licence: Option<String>,
    /// Who may read it. By default `open`, but a string made from a restricted column is `restricted`.
    pub access: Option<Access>,
    /// How its values are held for lookups. By default `memory`, or what the view says.
    #[schemars(with = "Option<Online>")]
    pub online: Online,
    /// Words to find it by.
    #[schemars(default)]
    pub tags: Vec<String>,
    /// What its values are expected to be like.
    #[schemars(with = "Option<FeatureExpect>")]
    pub expect: Vec<Expectation>,
}
