//! From the tree to the definitions: every document, every field, every fault.

use super::diagnostic::suggestion;
use super::fields::{self, Fields};
use super::tree::{Node, Text, Value};
use super::written::{Access, AnalyzerCall, Column, Definitions, Entity, Feature, FeatureView, Source, Values};
use super::{Diagnostics, Dtype, Spanned};

const KINDS: &[&str] = &["entity", "source", "feature_view"];

/// Reads one document into `definitions`; what is incomplete is reported and left out.
pub(super) fn document(node: &Node, definitions: &mut Definitions, diagnostics: &mut Diagnostics) {
    let entries = match &node.value {
        Value::Null => return,
        Value::Map(entries) => entries,
        Value::Scalar(_) | Value::List(_) => {
            diagnostics.add(&node.place, "a definition is written as `name: value` lines, `kind` the first");
            return;
        }
    };
    let Some((_, kind)) = entries.iter().find(|(key, _)| key.value == "kind") else {
        diagnostics.add_with(
            &node.place,
            "this definition has no `kind`",
            Some(format!("write `kind: {}`", KINDS.join("`, `kind: "))),
        );
        return;
    };
    let Some(kind) = fields::text(kind, "kind", diagnostics) else { return };
    match kind.value.as_str() {
        "entity" => definitions.entities.extend(entity(node, diagnostics)),
        "source" => definitions.sources.extend(source(node, diagnostics)),
        "feature_view" => definitions.views.extend(feature_view(node, diagnostics)),
        other => {
            diagnostics.add_with(
                &kind.place,
                format!("unknown kind `{other}`"),
                suggestion(other, KINDS.iter().copied()),
            );
        }
    }
}

fn entity(node: &Node, diagnostics: &mut Diagnostics) -> Option<Entity> {
    let known = &["kind", "name", "join_keys", "description", "owner", "tags"];
    let fields = Fields::open(node, "entity", known, diagnostics)?;
    let name = fields.required_name("name", diagnostics);
    let keys = fields.required_list("join_keys", diagnostics);
    let join_keys: Vec<_> = keys
        .iter()
        .filter_map(|node| fields::name(fields::text(node, "join_keys", diagnostics)?, diagnostics))
        .collect();
    let description = fields.string("description", diagnostics);
    let owner = fields.string("owner", diagnostics);
    let tags = fields.strings("tags", diagnostics);
    (join_keys.len() == keys.len() && !keys.is_empty()).then_some(Entity {
        name: name?,
        join_keys,
        description,
        owner,
        tags,
    })
}

fn source(node: &Node, diagnostics: &mut Diagnostics) -> Option<Source> {
    let known = &[
        "kind",
        "name",
        "entity",
        "columns",
        "timestamp_field",
        "created_timestamp_column",
        "description",
        "owner",
        "tags",
    ];
    let fields = Fields::open(node, "source", known, diagnostics)?;
    let name = fields.required_name("name", diagnostics);
    let entity = fields.required_name("entity", diagnostics);
    let nodes = fields.required_list("columns", diagnostics);
    let columns = nodes.iter().filter_map(|node| column(node, diagnostics)).collect();
    let timestamp_field = fields.name("timestamp_field", diagnostics);
    let created_timestamp_column = fields.name("created_timestamp_column", diagnostics);
    let description = fields.string("description", diagnostics);
    let owner = fields.string("owner", diagnostics);
    let tags = fields.strings("tags", diagnostics);
    Some(Source {
        name: name?,
        entity: entity?,
        columns,
        timestamp_field,
        created_timestamp_column,
        description,
        owner,
        tags,
    })
}

fn column(node: &Node, diagnostics: &mut Diagnostics) -> Option<Column> {
    let known = &["name", "dtype", "from", "description", "licence", "access"];
    let fields = Fields::open(node, "column", known, diagnostics)?;
    let name = fields.required_name("name", diagnostics);
    let dtype = dtype(&fields, diagnostics);
    let from = fields.strings("from", diagnostics);
    let description = fields.string("description", diagnostics);
    let licence = fields.string("licence", diagnostics);
    let access = access(&fields, diagnostics);
    Some(Column { name: name?, dtype: dtype?, from, description, licence, access })
}

fn feature_view(node: &Node, diagnostics: &mut Diagnostics) -> Option<FeatureView> {
    let known =
        &["kind", "name", "entity", "sql", "source", "analyzer", "features", "description", "owner", "tags", "ttl"];
    let fields = Fields::open(node, "feature view", known, diagnostics)?;
    let name = fields.required_name("name", diagnostics);
    let entity = fields.required_name("entity", diagnostics);
    let values = values(&fields, diagnostics);
    let nodes = fields.required_list("features", diagnostics);
    let features = nodes.iter().filter_map(|node| feature(node, diagnostics)).collect();
    let description = fields.string("description", diagnostics);
    let owner = fields.string("owner", diagnostics);
    let tags = fields.strings("tags", diagnostics);
    let ttl_seconds = fields.text("ttl", diagnostics).and_then(|text| ttl(text, diagnostics));
    Some(FeatureView { name: name?, entity: entity?, values: values?, features, description, owner, tags, ttl_seconds })
}

fn values(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<Values> {
    let sql = fields.node("sql").is_some();
    let analyzer = fields.node("analyzer");
    match (sql, analyzer) {
        (true, Some(node)) => {
            diagnostics.add(&node.place, "a feature view has either `sql` or `analyzer`, not both");
            None
        }
        (false, None) => {
            let remedy = "write `sql: select …` or `analyzer: { name: …, text: … }`".to_owned();
            diagnostics.add_with(
                fields.place,
                "this feature view does not say where its values come from",
                Some(remedy),
            );
            None
        }
        (true, None) => {
            if let Some(node) = fields.node("source") {
                diagnostics.add(&node.place, "a view with `sql` names its sources there; leave `source` out");
            }
            fields.text("sql", diagnostics).cloned().map(Values::Sql)
        }
        (false, Some(node)) => {
            let source = fields.required_name("source", diagnostics);
            let call = Fields::open(node, "analyzer", &["name", "text"], diagnostics)?;
            let name = call.required_text("name", diagnostics);
            let text = call.required_name("text", diagnostics);
            let name = name.map(|name| Spanned::new(name.value.clone(), name.place.clone()));
            Some(Values::Analyzer(AnalyzerCall { name: name?, text: text?, source: source? }))
        }
    }
}

fn feature(node: &Node, diagnostics: &mut Diagnostics) -> Option<Feature> {
    let known = &["name", "dtype", "expr", "unit", "description", "licence", "access", "tags"];
    let fields = Fields::open(node, "feature", known, diagnostics)?;
    let name = fields.required_name("name", diagnostics);
    let dtype = dtype(&fields, diagnostics);
    let expr = fields.text("expr", diagnostics).cloned();
    let unit = fields.string("unit", diagnostics);
    let description = fields.string("description", diagnostics);
    let licence = fields.string("licence", diagnostics);
    let access = access(&fields, diagnostics);
    let tags = fields.strings("tags", diagnostics);
    Some(Feature { name: name?, dtype: dtype?, expr, unit, description, licence, access, tags })
}

fn dtype(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<Spanned<Dtype>> {
    let text = fields.required_text("dtype", diagnostics)?;
    match Dtype::parse(&text.value) {
        Ok(dtype) => Some(Spanned::new(dtype, text.place.clone())),
        Err(message) => {
            diagnostics.add(&text.place, message);
            None
        }
    }
}

fn access(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<Access> {
    let text = fields.text("access", diagnostics)?;
    match text.value.as_str() {
        "open" => Some(Access::Open),
        "restricted" => Some(Access::Restricted),
        other => {
            let remedy = suggestion(other, ["open", "restricted"]);
            diagnostics.add_with(&text.place, format!("unknown access `{other}`"), remedy);
            // Whoever wrote something here did not mean the default.
            Some(Access::Restricted)
        }
    }
}

/// Seconds of `90s`, `5m`, `12h` or `7d`.
fn ttl(text: &Text, diagnostics: &mut Diagnostics) -> Option<u64> {
    let value = text.value.trim();
    let unit = match value.chars().last() {
        Some('s') => Some(1),
        Some('m') => Some(60),
        Some('h') => Some(3_600),
        Some('d') => Some(86_400),
        _ => None,
    };
    let number = value.get(..value.len().saturating_sub(1)).and_then(|number| number.parse::<u64>().ok());
    let seconds = unit.zip(number).and_then(|(unit, number)| number.checked_mul(unit)).filter(|seconds| *seconds > 0);
    if seconds.is_none() {
        let remedy = "write a number and `s`, `m`, `h` or `d`, such as `7d`".to_owned();
        diagnostics.add_with(&text.place, format!("`{value}` is not a duration"), Some(remedy));
    }
    seconds
}
