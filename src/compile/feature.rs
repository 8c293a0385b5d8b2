//! One feature: typed, fingerprinted, and closed where what it reads is closed.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{ExprSchemable, LogicalPlan, cast};

use super::fingerprint::{self, Formula};
use super::graph::Reads;
use super::names::default_access;
use super::target::{
    Recipe, Target, TargetAnalyzer, TargetDuplicates, TargetEmbedding, TargetEntity, TargetFeature, TargetWindows,
};
use super::{analyzer, embedding};
use crate::analyze::Analyzer;
use crate::definition::{Access, Diagnostics, Dtype, Feature, FeatureView, Input, Values};
use crate::engine::{EMBEDDING, Needs, Session, SqlError, canonical_expression};
use crate::name::{FeatureName, nearest};

/// What a feature's compilation needs to know.
pub(super) struct Context<'a> {
    pub view: &'a FeatureView,
    pub reads: &'a Reads,
    pub session: &'a Session,
    pub target: &'a Target,
    pub entity: &'a TargetEntity,
    pub base: &'a LogicalPlan,
    /// None where its values come with a request.
    pub recipe: Option<&'a Recipe>,
}

impl Context<'_> {
    pub fn feature(&self, written: &Feature, diagnostics: &mut Diagnostics) -> Option<TargetFeature> {
        let expr = self.expression_text(written);
        let planned = match self.session.expression(&expr, self.base) {
            Ok(planned) => planned,
            Err(error) => {
                self.report_expression(error, written, diagnostics);
                return None;
            }
        };
        let found = match planned.get_type(self.base.schema()) {
            Ok(found) => found,
            Err(error) => {
                self.report_expression(SqlError::from_execution(error), written, diagnostics);
                return None;
            }
        };
        let dtype = &written.dtype.value;
        if let Err(remedy) = convertible(&found, &dtype.to_arrow()) {
            let message = format!("`{}` is {}, not {dtype}", written.name.value, shown(&found));
            diagnostics.add_with(&written.dtype.place, message, Some(remedy));
            return None;
        }
        let column = cast(planned, dtype.to_arrow()).alias(written.name.value.as_str());
        let needs = self.session.project(self.base, vec![column]).and_then(|plan| self.session.needs(&plan));
        let Needs { columns: read, functions } = match needs {
            Ok(needs) => needs,
            Err(error) => {
                self.report_expression(error, written, diagnostics);
                return None;
            }
        };
        let (expression, mut context) = self.formula(written, &expr, &read);
        if matches!(self.view.values, Values::Sql(_)) && !functions.is_empty() {
            context = format!("{context} by {}", functions.join(" "));
        }
        let read = self.of_tables(read);
        let formula = Formula { entity: self.entity, dtype, expression: &expression, context: &context };
        let fingerprint = fingerprint::feature(&formula, &read, self.target);
        let access = written.access.unwrap_or_else(|| self.default_access(written, &read));
        let Feature { name, dtype, expr: _, unit, description, licence, access: _, online, tags, expect } =
            written.clone();
        Some(TargetFeature {
            name: name.value,
            dtype: dtype.value,
            expr,
            fingerprint,
            reads: read.into_iter().map(|(table, column)| format!("{table}.{column}")).collect(),
            unit,
            description,
            licence,
            access,
            online,
            tags,
            expect,
        })
    }

    fn expression_text(&self, written: &Feature) -> String {
        match (&written.expr, &self.view.values) {
            (Some(text), _) => text.value.clone(),
            (None, Values::Sql(_) | Values::Aggregate(_) | Values::Corpus(_) | Values::OnRequest(_)) => {
                written.name.value.to_string()
            }
            (None, Values::Analyzer(call)) => format!("{}.{}", call.name.value, written.name.value),
            (None, Values::Embedding(_)) => format!("{EMBEDDING}.{}", written.name.value),
        }
    }

    fn embedding(&self) -> Option<&TargetEmbedding> {
        match self.recipe {
            Some(Recipe::Embedding(embedding)) => Some(embedding),
            _ => None,
        }
    }

    fn analyzer(&self) -> Option<&TargetAnalyzer> {
        match self.recipe {
            Some(Recipe::Analyzer(analyzer)) => Some(analyzer),
            _ => None,
        }
    }

    fn duplicates(&self) -> Option<&TargetDuplicates> {
        match self.recipe {
            Some(Recipe::Duplicates(duplicates)) => Some(duplicates),
            _ => None,
        }
    }

    fn windows(&self) -> Option<&TargetWindows> {
        match self.recipe {
            Some(Recipe::Aggregate(windows)) => Some(windows),
            _ => None,
        }
    }

    /// The feature's own expression and what surrounds it, both canonical.
    fn formula(&self, written: &Feature, expr: &str, read: &[(String, String)]) -> (String, String) {
        let own = canonical_expression(expr).unwrap_or_else(|_| expr.to_owned());
        let keys: Vec<&str> = self.entity.join_keys.iter().map(|key| key.name.as_str()).collect();
        match (&self.view.values, &self.reads.statement) {
            (Values::Analyzer(call), _) => (own, analyzer::formula(call, self.analyzer())),
            (Values::Corpus(_), _) => (own, self.duplicates().map(TargetDuplicates::formula).unwrap_or_default()),
            (Values::Embedding(call), _) => (own, embedding::formula(call, self.embedding())),
            (Values::Aggregate(_), _) => {
                let windows = self.windows().into_iter().flat_map(|windows| &windows.columns);
                let read = windows.filter(|window| read.iter().any(|(_, column)| *column == window.name));
                let context: Vec<String> =
                    read.map(|w| format!("{}({:?}) {:?}", w.function.name(), w.column, w.length_seconds)).collect();
                (own, format!("windows {}", context.join(", ")))
            }
            (Values::OnRequest(on_request), _) => {
                let of_request = |input: &&Input| read.iter().any(|(_, column)| *column == input.name.value.as_str());
                let inputs = on_request.inputs.iter().filter(of_request);
                let inputs: Vec<String> =
                    inputs.map(|input| format!("{} {}", input.name.value, input.dtype.value)).collect();
                (own, format!("on request {}", inputs.join(", ")))
            }
            (Values::Sql(_), Some(statement)) => {
                match (&written.expr, statement.canonical_column(written.name.value.as_str(), &keys)) {
                    (None, Some(formula)) => formula,
                    _ => (own, statement.canonical()),
                }
            }
            (Values::Sql(text), None) => (own, text.value.clone()),
        }
    }

    /// What is read of windows is read of the columns that they are over; of duplicates, of the sketches; on request, of the
    /// views that have it.
    fn of_tables(&self, read: Vec<(String, String)>) -> Vec<(String, String)> {
        if matches!(self.view.values, Values::OnRequest(_)) {
            let mut of_views: Vec<_> = read.into_iter().filter_map(|(_, column)| self.of_entity(column)).collect();
            of_views.sort();
            return of_views;
        }
        if let Some(TargetDuplicates { view, sketch, prefer, .. }) = self.duplicates() {
            let read = std::iter::once(sketch).chain(prefer).map(|column| (view.to_string(), column.to_string()));
            return read.collect::<BTreeSet<_>>().into_iter().collect();
        }
        let Some(windows) = self.windows() else { return read };
        let source = self.target.source(windows.source.as_str());
        let time = source.and_then(|source| source.timestamp_field.clone());
        let of_window = |(_, column): &(String, String)| {
            let window = windows.columns.iter().find(|window| window.name == *column);
            window.into_iter().flat_map(|window| window.column.iter().chain(&time).cloned()).collect::<Vec<_>>()
        };
        let columns: BTreeSet<FeatureName> = read.iter().flat_map(of_window).collect();
        columns.into_iter().map(|column| (windows.source.to_string(), column.to_string())).collect()
    }

    /// The view that has a feature of the entity, or the entity of a join key; none for an input.
    fn of_entity(&self, column: String) -> Option<(String, String)> {
        let views = self.target.views.iter().filter(|view| view.entity == self.entity.name);
        let mut has = views.filter(|view| view.features.iter().any(|feature| feature.name.as_str() == column));
        let is_key = || self.entity.join_keys.iter().any(|key| key.name.as_str() == column);
        let table = match has.next() {
            Some(view) => view.name.to_string(),
            None => is_key().then(|| self.entity.name.to_string())?,
        };
        Some((table, column))
    }

    /// A string made from a restricted column is restricted, unless its author says otherwise; whatever is made of one on
    /// request is.
    fn default_access(&self, written: &Feature, read: &[(String, String)]) -> Access {
        let on_request = matches!(self.view.values, Values::OnRequest(_));
        let text =
            !matches!(written.dtype.value, Dtype::Bool | Dtype::Int32 | Dtype::Int64 | Dtype::Float32 | Dtype::Float64);
        let restricted = |(table, column): &(String, String)| is_restricted(self.target, table, column);
        let made_of_restricted = (text || on_request) && read.iter().any(restricted);
        if made_of_restricted || (text && written.licence.as_deref() == Some("proprietary")) {
            return Access::Restricted;
        }
        default_access(false, written.licence.as_deref())
    }

    fn report_expression(&self, error: SqlError, written: &Feature, diagnostics: &mut Diagnostics) {
        let place = match (&written.expr, error.position) {
            (Some(text), Some((line, column))) => text.at(line, column),
            (Some(text), None) => text.place.clone(),
            (None, _) => written.name.place.clone(),
        };
        let (message, remedy) = match (&written.expr, &self.view.values) {
            (None, Values::Sql(_) | Values::Aggregate(_) | Values::Corpus(_)) => self.no_such_column(written),
            (None, Values::Analyzer(call)) => no_such_field(&call.name.value, written),
            (None, Values::Embedding(_)) => embedding::no_such_part(self.embedding(), written),
            (Some(_), Values::Analyzer(call)) => {
                let field = error.message.strip_prefix("unknown field `").and_then(|rest| rest.strip_suffix('`'));
                let fields = Analyzer::find(&call.name.value).map(Analyzer::fields).unwrap_or_default();
                let nearest = field.and_then(|field| nearest(field, fields.iter().map(|field| field.name)));
                let remedy = nearest.map(|nearest| format!("did you mean `{}.{nearest}`?", call.name.value));
                (error.message, error.remedy.or(remedy))
            }
            (Some(_), _) | (None, Values::OnRequest(_)) => (error.message, error.remedy),
        };
        diagnostics.add_with(&place, message, remedy);
    }

    fn no_such_column(&self, written: &Feature) -> (String, Option<String>) {
        let columns: Vec<&str> = self.base.schema().fields().iter().map(|field| field.name().as_str()).collect();
        let name = written.name.value.as_str();
        let remedy = match nearest(name, columns.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("it returns `{}`; write `… as {name}` there, or an `expr` here", columns.join("`, `")),
        };
        (format!("the view's query returns no column `{name}`"), Some(remedy))
    }
}

fn no_such_field(analyzer: &str, written: &Feature) -> (String, Option<String>) {
    let fields = Analyzer::find(analyzer).map(Analyzer::fields).unwrap_or_default();
    let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
    let name = written.name.value.as_str();
    let remedy = match nearest(name, names.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`? An `expr: {analyzer}.{nearest}` keeps the name"),
        None => format!("it has `{}`", names.join("`, `")),
    };
    (format!("the analyzer `{analyzer}` has no field `{name}`"), Some(remedy))
}

pub(super) fn is_restricted(target: &Target, table: &str, column: &str) -> bool {
    let of_source = target.source(table).and_then(|source| {
        source.columns.iter().find(|candidate| candidate.name.as_str() == column).map(|column| column.access)
    });
    let of_view = target.view(table).and_then(|view| {
        view.features.iter().find(|feature| feature.name.as_str() == column).map(|feature| feature.access)
    });
    of_source.or(of_view) == Some(Access::Restricted)
}

/// Whether a value of type `from` becomes one of type `to` without a decision of the author's; if not, what to write.
///
/// Numbers widen and narrow (what does not fit fails the build), but a fraction is not cut off silently.
pub(super) fn convertible(from: &DataType, to: &DataType) -> Result<(), String> {
    let integer = |t: &DataType| t.is_integer();
    let text = |t: &DataType| matches!(t, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let fits = match (from, to) {
        (from, to) if from == to => true,
        (DataType::Null, _) => true,
        (DataType::Dictionary(_, value), to) => return convertible(value, to),
        (from, to) if integer(from) => to.is_numeric(),
        (from, to) if from.is_numeric() => to.is_floating(),
        (from, to) if text(from) => text(to),
        (DataType::Timestamp(..), DataType::Timestamp(..)) => true,
        (DataType::Date64, DataType::Date32) => true,
        (DataType::List(from) | DataType::LargeList(from) | DataType::FixedSizeList(from, _), DataType::List(to)) => {
            return convertible(from.data_type(), to.data_type());
        }
        (DataType::FixedSizeList(from, n), DataType::FixedSizeList(to, m)) if n == m => {
            return convertible(from.data_type(), to.data_type());
        }
        (DataType::Struct(from), DataType::Struct(to)) => {
            from.len() == to.len()
                && from
                    .iter()
                    .zip(to)
                    .all(|(from, to)| from.name() == to.name() && convertible(from.data_type(), to.data_type()).is_ok())
        }
        _ => false,
    };
    match (fits, written_as(from)) {
        (true, _) => Ok(()),
        (false, Some(dtype)) => Err(format!("write `dtype: {dtype}`, or convert it with `cast(… as …)`")),
        (false, None) => Err("convert it with `cast(… as …)`".to_owned()),
    }
}

/// The dtype that stands for an Arrow type.
fn written_as(from: &DataType) -> Option<String> {
    let scalar = match from {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string",
        DataType::Boolean => "bool",
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => "int32",
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "int64",
        DataType::Float16 | DataType::Float32 => "float32",
        DataType::Float64 | DataType::Decimal128(..) => "float64",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Timestamp(..) => "timestamp",
        DataType::FixedSizeList(item, size) if *item.data_type() == DataType::Float32 => {
            return Some(format!("vector[{size}]"));
        }
        DataType::List(item) => return written_as(item.data_type()).map(|item| format!("list<{item}>")),
        _ => return None,
    };
    Some(scalar.to_owned())
}

pub(super) fn shown(found: &DataType) -> String {
    written_as(found).unwrap_or_else(|| found.to_string())
}
