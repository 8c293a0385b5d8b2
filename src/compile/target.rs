//! What should exist. Nothing here can be wrong: names are unique, references resolved, types checked.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};

use crate::analyze::ReadyAnalyzer;
use crate::definition::{Access, Dtype, Expectation, Format, Online, Postgres, Profile, Synonyms};
use crate::engine::time::WindowFunction;
use crate::model::{Model, Part};
use crate::name::{EntityName, FeatureName, Fingerprint, TableName};

/// The compiled definitions.
#[derive(Clone, Debug)]
pub struct Target {
    pub entities: Vec<TargetEntity>,
    pub sources: Vec<TargetSource>,
    /// Each after those that it reads.
    pub views: Vec<TargetView>,
    pub on_request: Vec<TargetOnRequest>,
    /// What is searched, each as a view of what is found by: its features are columns of the search's own dataset.
    pub searches: Vec<TargetView>,
}

impl Target {
    pub fn entity(&self, name: &EntityName) -> Option<&TargetEntity> {
        self.entities.iter().find(|entity| entity.name == *name)
    }

    /// The names of an entity's join keys, in order.
    pub fn keys(&self, entity: &EntityName) -> Vec<String> {
        self.entity(entity).into_iter().flat_map(|entity| &entity.join_keys).map(|key| key.name.to_string()).collect()
    }

    pub fn source(&self, name: &str) -> Option<&TargetSource> {
        self.sources.iter().find(|source| source.name.as_str() == name)
    }

    pub fn view(&self, name: &str) -> Option<&TargetView> {
        self.views.iter().find(|view| view.name.as_str() == name)
    }
}

/// An entity and the types of its join keys.
#[derive(Clone, Debug)]
pub struct TargetEntity {
    pub name: EntityName,
    pub join_keys: Vec<JoinKey>,
    pub description: Option<String>,
    pub owner: Option<String>,
    pub tags: Vec<String>,
}

/// One of the columns that identify an entity.
#[derive(Clone, Debug)]
pub struct JoinKey {
    pub name: FeatureName,
    pub dtype: Dtype,
}

/// A source: its columns and where rows get them from.
#[derive(Clone, Debug)]
pub struct TargetSource {
    pub name: TableName,
    pub entity: EntityName,
    pub columns: Vec<TargetColumn>,
    /// The columns that no two rows share: the join keys, and where there is one the time and what tells events apart.
    pub key: Vec<FeatureName>,
    pub timestamp_field: Option<FeatureName>,
    /// When a row was written: of several rows for one key the last one counts.
    pub created_timestamp_column: Option<FeatureName>,
    /// Where rows come from without a file.
    pub postgres: Option<Postgres>,
    pub description: Option<String>,
    pub owner: Option<String>,
    pub tags: Vec<String>,
}

impl TargetSource {
    /// Its columns in Arrow; those of the key are never null.
    pub fn schema(&self) -> SchemaRef {
        let field = |column: &TargetColumn| {
            Field::new(column.name.as_str(), column.dtype.to_arrow(), !self.key.contains(&column.name))
        };
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }
}

/// A column of a source.
#[derive(Clone, Debug)]
pub struct TargetColumn {
    pub name: FeatureName,
    pub dtype: Dtype,
    /// What files may call it, the first that is there winning.
    pub from: Vec<String>,
    pub description: Option<String>,
    pub licence: Option<String>,
    pub access: Access,
}

/// A feature view.
#[derive(Clone, Debug)]
pub struct TargetView {
    pub name: TableName,
    pub entity: EntityName,
    pub recipe: Recipe,
    /// The sources and views that it reads, ordered.
    pub inputs: Vec<TableName>,
    /// Whether a change of its inputs' rows costs rows of it: each is made from the rows of its inputs that have the same
    /// key, or a build finds out which rows change.
    pub row_local: bool,
    pub features: Vec<TargetFeature>,
    pub description: Option<String>,
    pub owner: Option<String>,
    pub tags: Vec<String>,
    pub ttl_seconds: Option<u64>,
    pub expect: Vec<Expectation>,
    pub format: Format,
    /// The column that says when a row became true; then there is a row for each key and time.
    pub time: Option<FeatureName>,
}

/// A view whose features are computed when they are asked for.
#[derive(Clone, Debug)]
pub struct TargetOnRequest {
    pub name: TableName,
    pub entity: EntityName,
    /// The values that come with a request, by name.
    pub inputs: Vec<TargetInput>,
    /// Over stored features and join keys of the entity, and the inputs.
    pub features: Vec<TargetFeature>,
    pub description: Option<String>,
    pub owner: Option<String>,
    pub tags: Vec<String>,
}

/// A value that comes with a request.
#[derive(Clone, Debug)]
pub struct TargetInput {
    pub name: FeatureName,
    pub dtype: Dtype,
    pub description: Option<String>,
}

/// How the values of a view are computed.
#[derive(Clone, Debug)]
pub enum Recipe {
    Sql(String),
    Analyzer(TargetAnalyzer),
    Embedding(TargetEmbedding),
    Aggregate(TargetWindows),
    Duplicates(TargetDuplicates),
    Search(TargetSearch),
}

/// An analyzer over a text of a source.
#[derive(Clone, Debug)]
pub struct TargetAnalyzer {
    /// Its themes without vectors.
    pub analyzer: ReadyAnalyzer,
    pub text: FeatureName,
    pub source: TableName,
    pub vectors: Option<TargetVectors>,
}

/// The vectors of the stanzas of the same text.
#[derive(Clone, Debug)]
pub struct TargetVectors {
    pub view: TableName,
    pub feature: FeatureName,
    /// By what its rows and those of the source meet.
    pub keys: Vec<String>,
    pub model: Arc<Model>,
}

/// Which rows of a view of sketches are nearly the same.
#[derive(Clone, Debug)]
pub struct TargetDuplicates {
    pub view: TableName,
    pub sketch: FeatureName,
    /// A row with a greater value of it is rather the canonical one.
    pub prefer: Option<FeatureName>,
    /// The least similarity of a copy.
    pub similarity: f64,
}

/// Vectors of a text of a source.
#[derive(Clone, Debug)]
pub struct TargetEmbedding {
    pub model: Arc<Model>,
    pub text: FeatureName,
    pub source: TableName,
    pub parts: Vec<Part>,
}

/// What is searched, and by what.
#[derive(Clone, Debug)]
pub struct TargetSearch {
    /// Its rows.
    pub sql: String,
    /// By their codes.
    pub languages: Vec<String>,
    /// The columns of terms: of the fields that are open, then, where there are others, of all.
    pub terms: Vec<FeatureName>,
    pub fields: Vec<SearchField>,
    pub vectors: Vec<SearchVectors>,
    pub filters: Vec<FeatureName>,
    pub facets: Vec<FeatureName>,
    pub synonyms: Vec<Synonyms>,
    /// How many words of its texts have vectors, and of which model; none of them by default.
    pub related_words: Option<RelatedWords>,
    /// What they name is there.
    pub profiles: Vec<Profile>,
    pub criteria: Vec<SearchCriterion>,
}

/// What makes two pieces alike: vectors, or the values of features.
#[derive(Clone, Debug)]
pub struct SearchCriterion {
    pub name: FeatureName,
    /// The column of vectors alone, or features.
    pub of: Vec<FeatureName>,
    pub has_vectors: bool,
    pub weight: f64,
}

/// The commonest words of texts, as vectors.
#[derive(Clone, Debug)]
pub struct RelatedWords {
    pub limit: usize,
    pub model: Arc<Model>,
}

/// A text whose words are found, and the column that has it as it is.
#[derive(Clone, Debug)]
pub struct SearchField {
    pub name: FeatureName,
    pub column: FeatureName,
}

/// Vectors by which texts are found.
#[derive(Clone, Debug)]
pub struct SearchVectors {
    pub column: FeatureName,
    pub model: Arc<Model>,
}

/// Windows over the events of a source.
#[derive(Clone, Debug)]
pub struct TargetWindows {
    pub source: TableName,
    pub columns: Vec<TargetWindow>,
}

/// One window: a column that features are made of.
#[derive(Clone, Debug)]
pub struct TargetWindow {
    pub name: String,
    pub function: WindowFunction,
    /// Of the source; none counts the events.
    pub column: Option<FeatureName>,
    /// None for all time.
    pub length_seconds: Option<u64>,
    pub dtype: Dtype,
}

impl TargetWindows {
    /// The name under which a session knows the windows, which no table of a project can have.
    pub fn table(&self) -> String {
        format!("_windows_of_{}", self.source)
    }
}

/// A feature.
#[derive(Clone, Debug)]
pub struct TargetFeature {
    pub name: FeatureName,
    pub dtype: Dtype,
    /// Over the recipe's columns.
    pub expr: String,
    pub fingerprint: Fingerprint,
    /// The columns that its values are made from: `table.column`, ordered.
    pub reads: Vec<String>,
    pub unit: Option<String>,
    pub description: Option<String>,
    pub licence: Option<String>,
    pub access: Access,
    pub online: Online,
    pub tags: Vec<String>,
    pub expect: Vec<Expectation>,
}
