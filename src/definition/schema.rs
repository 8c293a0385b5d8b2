//! The JSON Schema of a definition file, from the types of [`super::written`]: what an editor completes and checks.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::written::{Column, Entity, Feature, Source};
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
    /// The source whose rows the analyzer reads.
    source: Option<TableName>,
    /// A built-in function over a text of the source.
    analyzer: Option<Analyzer>,
    /// Its features.
    features: Vec<Feature>,
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
}

/// The schema of a definition file. Each document is one of the kinds.
pub fn json_schema() -> Value {
    let mut generator = schemars::generate::SchemaSettings::draft07().into_generator();
    let kinds = [
        kind("entity", generator.subschema_for::<Entity>(), &mut generator),
        kind("source", generator.subschema_for::<Source>(), &mut generator),
        kind("feature_view", generator.subschema_for::<FeatureView>(), &mut generator),
    ];
    // `Column` and `Feature` come with the kinds that hold them.
    debug_assert!(generator.definitions().contains_key(&*Column::schema_name()));
    let mut definitions = generator.take_definitions(true);
    for name in ["Entity", "Source", "FeatureView"] {
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
