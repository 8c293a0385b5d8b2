//! The definitions as they are written: one type a kind, which the JSON Schemas are made from.

use schemars::JsonSchema;

use super::{Dtype, Spanned, Text};
use crate::name::{EntityName, FeatureName, TableName};

/// All definitions of a project, in the order of files and documents.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    pub entities: Vec<Entity>,
    pub sources: Vec<Source>,
    pub views: Vec<FeatureView>,
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
    /// What it holds.
    pub description: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Words to find it by.
    #[schemars(default)]
    pub tags: Vec<String>,
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

/// Features of one entity that are computed together from the same inputs: by `sql` or by an `analyzer`.
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
}

/// Where the values of a view come from.
#[derive(Clone, Debug)]
pub enum Values {
    /// A query over sources and other views; it returns the join keys and a column for each feature.
    Sql(Text),
    /// A built-in function over a text of a source; its values are read by the features' expressions.
    Analyzer(AnalyzerCall),
}

/// `analyzer: { name: lexical, text: lyrics }` with `source: tracks`.
#[derive(Clone, Debug)]
pub struct AnalyzerCall {
    pub name: Spanned<String>,
    pub text: Spanned<FeatureName>,
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
    /// Words to find it by.
    #[schemars(default)]
    pub tags: Vec<String>,
}
