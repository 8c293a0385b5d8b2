//! From the tree to the definitions: every document, every field, every fault.

use super::diagnostic::suggestion;
use super::fields::{self, Fields};
use super::tree::{Node, Value};
use super::written::{
    Access, AnalyzerCall, Column, Definitions, EmbeddingCall, Entity, Feature, FeatureView, Format, Online, Postgres,
    Source, Values,
};
use super::{Diagnostics, Dtype, Spanned, aggregate, corpus, expect, on_request, search, theme};

const KINDS: &[&str] = &["entity", "source", "feature_view", "theme", "search"];

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
        "search" => definitions.searches.extend(search::read(node, diagnostics)),
        "theme" => definitions.themes.extend(theme::read(node, diagnostics)),
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
        "event_id",
        "postgres",
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
    let event_id = fields.name("event_id", diagnostics);
    let postgres = fields.node("postgres").and_then(|node| postgres(node, diagnostics));
    let description = fields.string("description", diagnostics);
    let owner = fields.string("owner", diagnostics);
    let tags = fields.strings("tags", diagnostics);
    Some(Source {
        name: name?,
        entity: entity?,
        columns,
        timestamp_field,
        created_timestamp_column,
        event_id,
        postgres,
        description,
        owner,
        tags,
    })
}

fn postgres(node: &Node, diagnostics: &mut Diagnostics) -> Option<Postgres> {
    let fields = Fields::open(node, "postgres", &["url_env", "query"], diagnostics)?;
    let url_env = fields.required_text("url_env", diagnostics).cloned();
    let query = fields.required_text("query", diagnostics).map(|text| text.value.clone());
    let url_env = url_env?;
    if url_env.value.contains("://") {
        let message =
            "`url_env` is the name of an environment variable; a URL with a password stays out of definitions";
        diagnostics.add(&url_env.place, message);
        return None;
    }
    Some(Postgres { url_env: url_env.value, query: query? })
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
    let known = &[
        "kind",
        "name",
        "entity",
        "sql",
        "source",
        "analyzer",
        "embedding",
        "features",
        "description",
        "owner",
        "tags",
        "ttl",
        "format",
        "online",
        "aggregate",
        "corpus",
        "on_request",
        "timestamp_field",
        "expect",
    ];
    let fields = Fields::open(node, "feature view", known, diagnostics)?;
    let name = fields.required_name("name", diagnostics);
    let entity = fields.required_name("entity", diagnostics);
    let values = values(&fields, diagnostics);
    let is_aggregate = matches!(values, Some(Values::Aggregate(_)));
    // The windows of an aggregate are its features, unless others are made of them.
    let nodes = match is_aggregate && fields.node("features").is_none() {
        true => &[],
        false => fields.required_list("features", diagnostics),
    };
    let online = online(&fields, diagnostics).unwrap_or_default();
    let features: Vec<Feature> = nodes.iter().filter_map(|node| feature(node, online, diagnostics)).collect();
    if matches!(values, Some(Values::OnRequest(_))) {
        on_request::check(&fields, &features, diagnostics);
    }
    let description = fields.string("description", diagnostics);
    let owner = fields.string("owner", diagnostics);
    let tags = fields.strings("tags", diagnostics);
    let ttl_seconds = fields.text("ttl", diagnostics).and_then(|text| aggregate::seconds(text, "", diagnostics));
    let expect = fields.node("expect").map(|node| expect::of_view(node, diagnostics)).unwrap_or_default();
    let format = format(&fields, diagnostics);
    let is_indexed = online == Online::Indexed || features.iter().any(|feature| feature.online == Online::Indexed);
    if let (Format::Parquet, true, Some(text)) = (format, is_indexed, fields.text("format", diagnostics)) {
        let message = "a Parquet file has no index, which `online: indexed` reads by";
        diagnostics.add_with(&text.place, message, Some("write `format: lance`, or `online: memory`".to_owned()));
    }
    let timestamp_field = fields.name("timestamp_field", diagnostics);
    Some(FeatureView {
        name: name?,
        entity: entity?,
        values: values?,
        features,
        description,
        owner,
        tags,
        ttl_seconds,
        expect,
        format,
        online,
        timestamp_field,
    })
}

fn values(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<Values> {
    let kinds = ["sql", "analyzer", "embedding", "aggregate", "corpus", "on_request"];
    let written: Vec<(&str, &Node)> = kinds.iter().filter_map(|kind| Some((*kind, fields.node(kind)?))).collect();
    let (kind, node) = match written.as_slice() {
        [] => {
            let remedy = "write `sql: select …`, `analyzer: { name: …, text: … }`, `embedding: { model: …, text: … }`, \
                          `aggregate: { source: … }`, `corpus: { name: … }` or `on_request: { inputs: … }`";
            let message = "this feature view does not say where its values come from";
            diagnostics.add_with(fields.place, message, Some(remedy.to_owned()));
            return None;
        }
        [only] => *only,
        [first, .., (_, last)] => {
            let message = format!("a feature view has either `{}` or `{}`, not both", first.0, written[1].0);
            diagnostics.add(&last.place, message);
            return None;
        }
    };
    if let Some(source) = fields.node("source").filter(|_| !matches!(kind, "analyzer" | "embedding")) {
        diagnostics.add(&source.place, format!("a view with `{kind}` names its sources there; leave `source` out"));
    }
    match kind {
        "sql" => fields.text("sql", diagnostics).cloned().map(Values::Sql),
        "analyzer" => {
            let source = fields.required_name("source", diagnostics);
            let call = Fields::open(node, "analyzer", &["name", "text", "vectors"], diagnostics)?;
            let name = call.required_text("name", diagnostics);
            let text = call.required_name("text", diagnostics);
            let name = name.map(|name| Spanned::new(name.value.clone(), name.place.clone()));
            let vectors = call.name("vectors", diagnostics);
            Some(Values::Analyzer(AnalyzerCall { name: name?, text: text?, source: source?, vectors }))
        }
        "embedding" => {
            let source = fields.required_name("source", diagnostics);
            let call = Fields::open(node, "embedding", &["model", "text", "parts"], diagnostics)?;
            let model = call.required_text("model", diagnostics);
            let text = call.required_name("text", diagnostics);
            let parts = call.texts("parts", diagnostics);
            let model = model.map(|model| Spanned::new(model.value.clone(), model.place.clone()));
            Some(Values::Embedding(EmbeddingCall { model: model?, text: text?, parts, source: source? }))
        }
        "corpus" => corpus::read(node, diagnostics).map(Values::Corpus),
        "on_request" => on_request::read(node, diagnostics).map(Values::OnRequest),
        _ => aggregate::read(node, diagnostics).map(Values::Aggregate),
    }
}

/// A feature of a view that says `of_view` for all of them.
fn feature(node: &Node, of_view: Online, diagnostics: &mut Diagnostics) -> Option<Feature> {
    let known = &["name", "dtype", "expr", "unit", "description", "licence", "access", "online", "tags", "expect"];
    let fields = Fields::open(node, "feature", known, diagnostics)?;
    let name = fields.required_name("name", diagnostics);
    let dtype = dtype(&fields, diagnostics);
    let expr = fields.text("expr", diagnostics).cloned();
    let unit = fields.string("unit", diagnostics);
    let description = fields.string("description", diagnostics);
    let licence = fields.string("licence", diagnostics);
    let access = access(&fields, diagnostics);
    let online = online(&fields, diagnostics).unwrap_or(of_view);
    let tags = fields.strings("tags", diagnostics);
    let dtype = dtype?;
    let expect = fields.node("expect").map(|node| expect::of_feature(node, &dtype.value, diagnostics));
    let expect = expect.unwrap_or_default();
    Some(Feature { name: name?, dtype, expr, unit, description, licence, access, online, tags, expect })
}

pub(super) fn dtype(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<Spanned<Dtype>> {
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
    fields.node("access")?;
    let known = [("open", Access::Open), ("restricted", Access::Restricted)];
    // Whoever wrote something here did not mean the default.
    Some(fields.one_of("access", &known, diagnostics).unwrap_or(Access::Restricted))
}

fn online(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<Online> {
    let known = [("memory", Online::Memory), ("indexed", Online::Indexed), ("off", Online::Off)];
    fields.one_of("online", &known, diagnostics)
}

fn format(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Format {
    let known = [("lance", Format::Lance), ("parquet", Format::Parquet)];
    fields.one_of("format", &known, diagnostics).unwrap_or(Format::Lance)
}
