//! One view: planned, its types checked, its features fingerprinted.

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, cast, ident};

use super::fingerprint::{self, Formula};
use super::graph::Reads;
use super::names::{Names, default_access};
use super::target::{JoinKey, Recipe, Target, TargetEntity, TargetFeature, TargetView};
use crate::analyze::Analyzer;
use crate::definition::{Access, Diagnostics, Dtype, Feature, FeatureView, Place, Text, Values};
use crate::engine::{Session, SqlError, Statement, canonical_expression};
use crate::name::{TableName, nearest};

/// Compiles a view; none where something is wrong with it.
pub(super) async fn compile(
    written: &FeatureView,
    reads: &Reads,
    session: &Session,
    target: &Target,
    names: &Names,
    diagnostics: &mut Diagnostics,
) -> Option<TargetView> {
    let before = diagnostics.iter().len();
    let entity = target.entity(&written.entity.value)?;
    let recipe = recipe(&written.values);
    if !is_resolved(&recipe, target) {
        return None;
    }
    let base = match base_plan(session, &recipe).await {
        Ok(base) => base,
        Err(error) => {
            report(error, &written.values, diagnostics);
            return None;
        }
    };
    if let Values::Sql(text) = &written.values {
        check_keys(session, target, &base, entity, text, diagnostics);
    }
    let mut features = Vec::new();
    for feature in &written.features {
        let context = Context { view: written, reads, session, target, entity, base: &base };
        features.extend(context.feature(feature, diagnostics));
    }
    if diagnostics.iter().len() > before {
        return None;
    }
    let row_local = is_row_local(session, &base, entity, target);
    let inputs = reads.tables.keys().filter(|table| names.tables.contains(*table));
    let FeatureView { name, entity, values: _, features: _, description, owner, tags, ttl_seconds } = written.clone();
    Some(TargetView {
        name: name.value,
        entity: entity.value,
        recipe,
        inputs: inputs.filter_map(|table| TableName::parse(table).ok()).collect(),
        row_local,
        features,
        description,
        owner,
        tags,
        ttl_seconds,
    })
}

/// Whether each row of the view is made from the one row of its entity in its one input.
fn is_row_local(session: &Session, base: &LogicalPlan, entity: &TargetEntity, target: &Target) -> bool {
    let keys: Vec<&str> = entity.join_keys.iter().map(|key| key.name.as_str()).collect();
    let Some(input) = session.mapped_table(base, &keys) else { return false };
    let of_source =
        target.source(&input).map(|source| source.entity == entity.name && source.timestamp_field.is_none());
    let of_view = target.view(&input).map(|view| view.entity == entity.name);
    of_source.or(of_view).unwrap_or(false)
}

/// Whether an analyzer, its source and its text exist; that they do not is reported with the names.
fn is_resolved(recipe: &Recipe, target: &Target) -> bool {
    let Recipe::Analyzer { name, text, source } = recipe else { return true };
    let columns = target.source(source.as_str()).into_iter().flat_map(|source| &source.columns);
    Analyzer::find(name).is_some()
        && columns.into_iter().any(|column| column.name == *text && column.dtype == Dtype::String)
}

/// The plan of a view's rows over the tables of `session`: the join keys, then its features in their declared types.
pub async fn plan(session: &Session, view: &TargetView, join_keys: &[JoinKey]) -> Result<LogicalPlan, SqlError> {
    let base = base_plan(session, &view.recipe).await?;
    let keys = join_keys.iter().map(|key| (key.name.as_str(), key.name.as_str(), &key.dtype));
    let features = view.features.iter().map(|feature| (feature.name.as_str(), feature.expr.as_str(), &feature.dtype));
    let columns: Result<Vec<Expr>, SqlError> = keys
        .chain(features)
        .map(|(name, expr, dtype)| Ok(cast(session.expression(expr, &base)?, dtype.to_arrow()).alias(name)))
        .collect();
    session.project(&base, columns?)
}

fn recipe(values: &Values) -> Recipe {
    match values {
        Values::Sql(text) => Recipe::Sql(text.value.clone()),
        Values::Analyzer(call) => Recipe::Analyzer {
            name: call.name.value.clone(),
            text: call.text.value.clone(),
            source: call.source.value.clone(),
        },
    }
}

async fn base_plan(session: &Session, recipe: &Recipe) -> Result<LogicalPlan, SqlError> {
    match recipe {
        Recipe::Sql(sql) => {
            let plan = session.plan(&Statement::parse(sql)?).await?;
            session.check(&plan)?;
            Ok(plan)
        }
        Recipe::Analyzer { name, text, source } => match Analyzer::find(name) {
            Some(analyzer) => session.analyzed(source.as_str(), analyzer, text.as_str()).await,
            None => Err(SqlError::invalid(format!("unknown analyzer `{name}`"))),
        },
    }
}

/// What a feature's compilation needs to know.
struct Context<'a> {
    view: &'a FeatureView,
    reads: &'a Reads,
    session: &'a Session,
    target: &'a Target,
    entity: &'a TargetEntity,
    base: &'a LogicalPlan,
}

impl Context<'_> {
    fn feature(&self, written: &Feature, diagnostics: &mut Diagnostics) -> Option<TargetFeature> {
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
        let read = self.session.project(self.base, vec![column]).and_then(|plan| self.session.columns_read(&plan));
        let read = match read {
            Ok(read) => read,
            Err(error) => {
                self.report_expression(error, written, diagnostics);
                return None;
            }
        };
        let (expression, context) = self.formula(written, &expr);
        let formula = Formula { entity: self.entity, dtype, expression: &expression, context: &context };
        let fingerprint = fingerprint::feature(&formula, &read, self.target);
        let access = written.access.unwrap_or_else(|| self.default_access(written, &read));
        let Feature { name, dtype, expr: _, unit, description, licence, access: _, tags } = written.clone();
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
            tags,
        })
    }

    fn expression_text(&self, written: &Feature) -> String {
        match (&written.expr, &self.view.values) {
            (Some(text), _) => text.value.clone(),
            (None, Values::Sql(_)) => written.name.value.to_string(),
            (None, Values::Analyzer(call)) => format!("{}.{}", call.name.value, written.name.value),
        }
    }

    /// The feature's own expression and what surrounds it, both canonical.
    fn formula(&self, written: &Feature, expr: &str) -> (String, String) {
        let own = canonical_expression(expr).unwrap_or_else(|_| expr.to_owned());
        let keys: Vec<&str> = self.entity.join_keys.iter().map(|key| key.name.as_str()).collect();
        match (&self.view.values, &self.reads.statement) {
            (Values::Analyzer(call), _) => {
                let version = Analyzer::find(&call.name.value).map(|analyzer| analyzer.version).unwrap_or_default();
                (own, format!("{}@{version}({}.{})", call.name.value, call.source.value, call.text.value))
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

    /// A string made from a restricted column is restricted, unless its author says otherwise.
    fn default_access(&self, written: &Feature, read: &[(String, String)]) -> Access {
        let text =
            !matches!(written.dtype.value, Dtype::Bool | Dtype::Int32 | Dtype::Int64 | Dtype::Float32 | Dtype::Float64);
        let restricted = |(table, column): &(String, String)| is_restricted(self.target, table, column);
        if text && (read.iter().any(restricted) || written.licence.as_deref() == Some("proprietary")) {
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
            (None, Values::Sql(_)) => self.no_such_column(written),
            (None, Values::Analyzer(call)) => no_such_field(&call.name.value, written),
            (Some(_), Values::Analyzer(call)) => {
                let field = error.message.strip_prefix("unknown field `").and_then(|rest| rest.strip_suffix('`'));
                let fields = Analyzer::find(&call.name.value).map(Analyzer::fields).unwrap_or_default();
                let nearest = field.and_then(|field| nearest(field, fields.iter().map(|field| field.name)));
                let remedy = nearest.map(|nearest| format!("did you mean `{}.{nearest}`?", call.name.value));
                (error.message, error.remedy.or(remedy))
            }
            (Some(_), Values::Sql(_)) => (error.message, error.remedy),
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

fn report(error: SqlError, values: &Values, diagnostics: &mut Diagnostics) {
    let place: Place = match values {
        Values::Sql(text) => {
            let (line, column) = error.position.unwrap_or((1, 1));
            text.at(line, column)
        }
        // Names are checked before; this is what is left.
        Values::Analyzer(call) => call.name.place.clone(),
    };
    diagnostics.add_with(&place, error.message, error.remedy);
}

fn is_restricted(target: &Target, table: &str, column: &str) -> bool {
    let of_source = target.source(table).and_then(|source| {
        source.columns.iter().find(|candidate| candidate.name.as_str() == column).map(|column| column.access)
    });
    let of_view = target.view(table).and_then(|view| {
        view.features.iter().find(|feature| feature.name.as_str() == column).map(|feature| feature.access)
    });
    of_source.or(of_view) == Some(Access::Restricted)
}

/// Keys are there, of their type, and not made from what is closed: everybody reads them.
fn check_keys(
    session: &Session,
    target: &Target,
    base: &LogicalPlan,
    entity: &TargetEntity,
    text: &Text,
    diagnostics: &mut Diagnostics,
) {
    for key in &entity.join_keys {
        let name = key.name.as_str();
        match ident(name).get_type(base.schema()) {
            Err(_) => {
                let remedy = format!("select `{name}` too");
                diagnostics.add_with(
                    &text.at(1, 1),
                    format!("the query does not return the join key `{name}`"),
                    Some(remedy),
                );
            }
            Ok(found) => {
                if convertible(&found, &key.dtype.to_arrow()).is_err() {
                    let message =
                        format!("the join key `{name}` is {} here and {} in its source", shown(&found), key.dtype);
                    diagnostics.add(&text.at(1, 1), message);
                }
                // Rows may well be chosen by what is closed; only what the values are made from counts.
                let made_from = session.made_from(base, name);
                for (table, column) in made_from.iter().filter(|(table, column)| is_restricted(target, table, column)) {
                    let message =
                        format!("the join key `{name}` is made from the restricted `{table}.{column}`; keys are open");
                    let remedy =
                        format!("use a key that shows nothing of it, or give `{column}` a licence that opens it");
                    diagnostics.add_with(&text.at(1, 1), message, Some(remedy));
                }
            }
        }
    }
}

/// Whether a value of type `from` becomes one of type `to` without a decision of the author's; if not, what to write.
///
/// Numbers widen and narrow (what does not fit fails the build), but a fraction is not cut off silently.
fn convertible(from: &DataType, to: &DataType) -> Result<(), String> {
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
fn written_as(from: &DataType) -> Option<&'static str> {
    Some(match from {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string",
        DataType::Boolean => "bool",
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => "int32",
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "int64",
        DataType::Float16 | DataType::Float32 => "float32",
        DataType::Float64 | DataType::Decimal128(..) => "float64",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Timestamp(..) => "timestamp",
        _ => return None,
    })
}

fn shown(found: &DataType) -> String {
    written_as(found).map(str::to_owned).unwrap_or_else(|| found.to_string())
}
