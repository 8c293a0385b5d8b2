//! Training sets: rows of entities at moments, each with the features that were known then.
//!
//! From a view with time a row gets the last row at or before its moment, `ttl` permitting; from windows of events, what
//! happened in the time that ends at its moment; from the others, the release's value. Rows come back in the order in
//! which they were given, each once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::common::{JoinType, ScalarValue};
use datafusion::datasource::ViewTable;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, ident, lit};
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;

use super::finished::Finished;
use super::numbered::Numbered;
use super::{Limits, asserted, session};
use crate::engine::time::{AsOfTable, NamedWindow, TimedTable, WindowFunction, WindowsTable};
use crate::engine::{RowExpression, Session, SqlError, Statement, quoted};
use crate::error::ErrorKind;
use crate::store::{Readable, StoreError, ViewPin, WindowsPin};

/// What the rows call their moment, where nothing else is said.
pub const EVENT_TIMESTAMP: &str = "event_timestamp";

/// The number of a row, which no column of a caller's can be called.
const ROW: &str = "_row";

/// Which rows, and which features of them.
#[derive(Clone, Debug)]
pub struct TrainingRequest {
    pub entity: String,
    /// Features of the entity that may be read, in order.
    pub features: Vec<TrainingFeature>,
    pub rows: TrainingRows,
    /// The column of the rows that says when they are.
    pub time: String,
}

/// A feature of a training set.
#[derive(Clone, Debug)]
pub enum TrainingFeature {
    Stored(String),
    /// The columns of the rows are its inputs.
    OnRequest(Arc<RowExpression>),
}

impl TrainingFeature {
    fn name(&self) -> &str {
        match self {
            Self::Stored(name) => name,
            Self::OnRequest(expression) => expression.field().name(),
        }
    }
}

/// Where the rows come from.
#[derive(Clone, Debug)]
pub enum TrainingRows {
    /// A statement over the release.
    Statement(String),
    Given(Arc<dyn TableProvider>),
    /// Every row of history and every event behind the features between two moments, which belong to it; where nothing
    /// behind them has a time, every entity at the later moment.
    Range(DateTime<Utc>, DateTime<Utc>),
}

/// Why there is no training set.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    #[error("there is no entity `{0}`")]
    NoEntity(String),
    #[error("the rows have no column `{name}`; they have `{found}`")]
    NoColumn { name: String, found: String },
    #[error("the rows have a column `{0}`, and a feature is called so; give the column another name")]
    Taken(String),
    #[error(transparent)]
    Sql(#[from] SqlError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl TrainingError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoEntity(_) | Self::NoColumn { .. } | Self::Taken(_) => ErrorKind::Invalid,
            Self::Sql(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}

/// The rows that were asked for as they come: their own columns, then the features.
pub async fn training_set(
    readable: &Readable,
    limits: Limits,
    request: TrainingRequest,
) -> Result<SendableRecordBatchStream, TrainingError> {
    let Some(frame) = readable.frame(&request.entity) else { return Err(TrainingError::NoEntity(request.entity)) };
    let key = |name: &String| Some((name.clone(), frame.column(name)?.field.data_type().clone()));
    let keys: Vec<(String, DataType)> = frame.entity().join_keys.iter().filter_map(key).collect();
    let session = session(readable, limits);
    let stored = stored(&request, &keys);
    let sources = Sources::of(readable, &request.entity, &stored);
    let making = Making { readable, session, keys, request: &request, stored, sources };
    let rows = making.rows().await?;
    let rows = making.numbered(rows)?;
    let known = making.with_history(rows).await?;
    let plan = making.with_values(known).await?;
    let rows = making.session.execute(plan).await?;
    let finished = Arc::new(Finished::new(&rows.schema(), &making.stored, &request.features)?);
    let schema = Arc::clone(&finished.schema);
    let rows =
        rows.map(move |batch| finished.batch(&batch?).map_err(|error| DataFusionError::External(Box::new(error))));
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
}

/// The stored features that are asked for, and then those that others are made of.
fn stored(request: &TrainingRequest, keys: &[(String, DataType)]) -> Vec<String> {
    let mut stored = Vec::new();
    for feature in &request.features {
        match feature {
            TrainingFeature::Stored(name) => stored.push(name.clone()),
            TrainingFeature::OnRequest(expression) => {
                stored.extend(expression.stored().map(|field| field.name().clone()))
            }
        }
    }
    let mut seen: BTreeSet<String> = keys.iter().map(|(name, _)| name.clone()).collect();
    stored.retain(|name| seen.insert(name.clone()));
    stored
}

/// Where the features come from.
struct Sources {
    /// By view.
    history: BTreeMap<String, (ViewPin, Vec<String>)>,
    windows: BTreeMap<String, (ViewPin, WindowsPin, Vec<String>)>,
    values: Vec<String>,
}

impl Sources {
    fn of(readable: &Readable, entity: &str, stored: &[String]) -> Self {
        let mut sources = Self { history: BTreeMap::new(), windows: BTreeMap::new(), values: Vec::new() };
        for feature in stored {
            let Some(view) = readable.view_of(entity, feature) else { continue };
            let name = view.name.clone();
            match (&view.timestamp_field, &view.windows) {
                (Some(_), _) => sources.history.entry(name).or_insert((view, Vec::new())).1.push(feature.clone()),
                (None, Some(windows)) => {
                    let windows = windows.clone();
                    sources.windows.entry(name).or_insert((view, windows, Vec::new())).2.push(feature.clone());
                }
                (None, None) => sources.values.push(feature.clone()),
            }
        }
        sources
    }
}

struct Making<'a> {
    readable: &'a Readable,
    session: Session,
    keys: Vec<(String, DataType)>,
    request: &'a TrainingRequest,
    /// The stored features that are needed.
    stored: Vec<String>,
    sources: Sources,
}

impl Making<'_> {
    fn key_names(&self) -> Vec<String> {
        self.keys.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The rows as they were given.
    async fn rows(&self) -> Result<LogicalPlan, TrainingError> {
        match &self.request.rows {
            TrainingRows::Statement(sql) => Ok(self.session.plan(&asserted(self.readable, sql).await?).await?),
            TrainingRows::Given(table) => self.table("_given", Arc::clone(table)).await,
            TrainingRows::Range(from, to) => self.range(*from, *to).await,
        }
    }

    async fn range(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<LogicalPlan, TrainingError> {
        let mut tables = Vec::new();
        for (view, _) in self.sources.history.values() {
            tables.push(self.history(view).await?);
        }
        for (_, windows, _) in self.sources.windows.values() {
            tables.push(self.events(windows).await?);
        }
        let keys = || self.keys.iter().map(|(name, _)| ident(name.as_str()));
        let mut all: Option<LogicalPlanBuilder> = None;
        for (index, table) in tables.into_iter().enumerate() {
            let time = ident(table.time.as_str());
            let plan = self.table(&format!("_moments_{index}"), table.table).await?;
            let bounds = time.clone().gt_eq(moment(from)).and(time.clone().lt_eq(moment(to)));
            let columns = keys().chain([cast(time, time_type()).alias(self.request.time.as_str())]);
            let part = LogicalPlanBuilder::from(plan)
                .filter(bounds)
                .and_then(|plan| plan.project(columns))
                .map_err(planning)?;
            all = Some(match all {
                None => part,
                Some(all) => all.union(part.build().map_err(planning)?).map_err(planning)?,
            });
        }
        let order = || keys().chain([ident(self.request.time.as_str())]).map(|column| column.sort(true, false));
        let plan = match all {
            Some(all) => all.distinct().and_then(|plan| plan.sort(order())),
            None => {
                let entity = self.session.plan(&Statement::parse(&self.all_of_entity())?).await?;
                let columns = keys().chain([moment(to).alias(self.request.time.as_str())]);
                LogicalPlanBuilder::from(entity).project(columns).and_then(|plan| plan.sort(order()))
            }
        };
        plan.and_then(LogicalPlanBuilder::build).map_err(planning)
    }

    fn all_of_entity(&self) -> String {
        format!("select * from {}", quoted(&self.request.entity))
    }

    /// Every row with its number, its key and moment in their types, and whatever else it has.
    fn numbered(&self, rows: LogicalPlan) -> Result<Arc<dyn TableProvider>, TrainingError> {
        let time = &self.request.time;
        let names: Vec<String> = rows.schema().fields().iter().map(|field| field.name().clone()).collect();
        let inputs = self.request.features.iter().flat_map(|feature| match feature {
            TrainingFeature::Stored(_) => Vec::new(),
            TrainingFeature::OnRequest(expression) => expression.inputs().map(Field::name).collect(),
        });
        for name in self.keys.iter().map(|(name, _)| name).chain([time]).chain(inputs) {
            if !names.contains(name) {
                return Err(TrainingError::NoColumn { name: name.clone(), found: names.join("`, `") });
            }
        }
        let is_feature = |name: &String| {
            self.stored.contains(name) || self.request.features.iter().any(|feature| feature.name() == name)
        };
        if let Some(taken) = names.iter().find(|name| is_feature(name)) {
            return Err(TrainingError::Taken(taken.clone()));
        }
        let typed = |name: &String| {
            let key = self.keys.iter().find(|(key, _)| key == name).map(|(_, data_type)| data_type.clone());
            let data_type = if name == time { Some(time_type()) } else { key };
            match data_type {
                Some(data_type) => cast(ident(name.as_str()), data_type).alias(name.as_str()),
                None => ident(name.as_str()),
            }
        };
        let columns: Vec<Expr> = names.iter().map(typed).collect();
        let plan =
            LogicalPlanBuilder::from(rows).project(columns).and_then(LogicalPlanBuilder::build).map_err(planning)?;
        Ok(Arc::new(Numbered::new(self.session.clone(), plan, ROW)))
    }

    /// The rows, and beside them what history and events say of their moments.
    async fn with_history(&self, rows: Arc<dyn TableProvider>) -> Result<Arc<dyn TableProvider>, TrainingError> {
        let mut known = rows;
        let timed =
            |table| TimedTable { table, key: self.key_names(), time: self.request.time.clone(), ties: Vec::new() };
        for (view, features) in self.sources.history.values() {
            let history = self.history(view).await?;
            let joined = AsOfTable::try_new(timed(known), history, features.clone(), view.ttl_seconds);
            known = Arc::new(joined.map_err(planning)?);
        }
        for (index, (view, windows, features)) in self.sources.windows.values().enumerate() {
            let before: Vec<String> = known.schema().fields().iter().map(|field| field.name().clone()).collect();
            let events = self.events(windows).await?;
            let table = WindowsTable::try_new(timed(known), events, self.windows(view, windows, features)?);
            let plan = self.table(&format!("_windows_{index}"), Arc::new(table.map_err(planning)?)).await?;
            let mut columns: Vec<Expr> = before.iter().map(|name| ident(name.as_str())).collect();
            for feature in features {
                let (Some(pin), Some(column)) = (
                    view.features.iter().find(|pin| pin.name == *feature),
                    self.readable.frame(&self.request.entity).and_then(|frame| frame.column(feature)),
                ) else {
                    continue;
                };
                let value = self.session.expression(&pin.expr, &plan)?;
                columns.push(cast(value, column.field.data_type().clone()).alias(feature.as_str()));
            }
            let plan = LogicalPlanBuilder::from(plan).project(columns).and_then(LogicalPlanBuilder::build);
            known = Arc::new(ViewTable::new(plan.map_err(planning)?, None));
        }
        Ok(known)
    }

    /// The windows that the features are made of.
    fn windows(
        &self,
        view: &ViewPin,
        windows: &WindowsPin,
        features: &[String],
    ) -> Result<Vec<NamedWindow>, TrainingError> {
        let used = |name: &str| {
            let of_features = view.features.iter().filter(|pin| features.contains(&pin.name));
            of_features
                .flat_map(|pin| pin.expr.split(|c: char| !c.is_alphanumeric() && c != '_'))
                .any(|word| word == name)
        };
        let mut named = Vec::new();
        for window in windows.columns.iter().filter(|window| used(&window.name)) {
            let Some(function) = WindowFunction::find(&window.function) else {
                let message = format!("`{}` of view `{}` is of a later version", window.function, view.name);
                return Err(SqlError::invalid(message).into());
            };
            named.push(NamedWindow {
                name: window.name.clone(),
                function,
                column: window.column.clone(),
                length_seconds: window.length_seconds,
            });
        }
        Ok(named)
    }

    /// The rows in their order with every stored feature, those without time joined by the key, and last their number.
    async fn with_values(&self, known: Arc<dyn TableProvider>) -> Result<LogicalPlan, TrainingError> {
        let own = known.schema();
        let mut plan = LogicalPlanBuilder::from(self.table("_known", known).await?);
        if !self.sources.values.is_empty() {
            // Under names that no column has.
            let right = |name: &String| format!("_of_{name}");
            let entity = self.session.plan(&Statement::parse(&self.all_of_entity())?).await?;
            let names = self.keys.iter().map(|(name, _)| name).chain(&self.sources.values);
            let columns = names.map(|name| ident(name.as_str()).alias(right(name)));
            let entity = LogicalPlanBuilder::from(entity).project(columns.collect::<Vec<_>>());
            let entity = entity.and_then(LogicalPlanBuilder::build).map_err(planning)?;
            let on = self.keys.iter().map(|(name, _)| ident(name.as_str()).eq(ident(right(name))));
            plan = plan.join_on(entity, JoinType::Left, on).map_err(planning)?;
        }
        let given = own.fields().iter().map(|field| field.name().clone());
        let given = given.filter(|name| name != ROW && !self.stored.contains(name)).collect::<Vec<_>>();
        let feature = |name: &String| match self.sources.values.contains(name) {
            true => ident(format!("_of_{name}")).alias(name.as_str()),
            false => ident(name.as_str()),
        };
        let columns = given.iter().map(|name| ident(name.as_str())).chain(self.stored.iter().map(feature));
        let columns: Vec<Expr> = columns.chain([ident(ROW)]).collect();
        // Nothing stands above the sort that could make it seem needless.
        let plan = plan
            .project(columns)
            .and_then(|plan| plan.sort([ident(ROW).sort(true, false)]))
            .and_then(LogicalPlanBuilder::build);
        plan.map_err(planning)
    }

    async fn history(&self, view: &ViewPin) -> Result<TimedTable, TrainingError> {
        let time = view.timestamp_field.clone().unwrap_or_default();
        let key = self.key_names();
        let table = self.readable.history(view, &key).await?;
        Ok(TimedTable { table, key, time, ties: Vec::new() })
    }

    async fn events(&self, windows: &WindowsPin) -> Result<TimedTable, TrainingError> {
        let key = self.key_names();
        let (source, table) = self.readable.events(windows).await?;
        let ties = source.key.iter().skip(key.len() + 1).cloned().collect();
        Ok(TimedTable { table, key, time: source.timestamp_field.unwrap_or_default(), ties })
    }

    async fn table(&self, name: &str, table: Arc<dyn TableProvider>) -> Result<LogicalPlan, TrainingError> {
        self.session.register(name, table);
        Ok(self.session.plan(&Statement::parse(&format!("select * from {name}"))?).await?)
    }
}

fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn moment(at: DateTime<Utc>) -> Expr {
    lit(ScalarValue::TimestampMicrosecond(Some(at.timestamp_micros()), Some("UTC".into())))
}

fn planning(error: DataFusionError) -> TrainingError {
    TrainingError::Sql(SqlError::from_execution(error))
}
