//! Whether values are as they were expected to be. Checks run over what a build wrote, before anything is published.

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::functions::regex::expr_fn::regexp_like;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, ident, lit};
use futures::TryStreamExt;

use super::shift::population_stability_index;
use super::{BuiltTable, MaterializeError};
use crate::compile::{TargetFeature, TargetView};
use crate::definition::{Expectation, Expected, OnFailure};
use crate::engine::{Bounds, Session, SqlError, Statement};
use crate::limits::{BUILD_BATCH_ROWS, TOLD_ROWS_MAX};
use crate::store::{Check, Store, StoreError, Table, ViewPin};

/// The checks of a view that was built or kept. Those of a kept one are the release's, as long as the same is expected.
pub(super) async fn checks(
    store: &Store,
    view: &TargetView,
    key: &[String],
    built: &BuiltTable,
    pinned: Option<&ViewPin>,
    memory_bytes: usize,
) -> Result<Vec<Check>, MaterializeError> {
    let expectations: Vec<(Option<&TargetFeature>, &Expectation)> = (view.expect.iter().map(|of_view| (None, of_view)))
        .chain(view.features.iter().flat_map(|feature| feature.expect.iter().map(move |one| (Some(feature), one))))
        .collect();
    if let (None, Some(pin)) = (built.seconds, pinned)
        && expectations.iter().map(|(feature, one)| identity(*feature, one)).eq(pin.checks.iter().map(checked))
    {
        return Ok(pin.checks.clone());
    }
    let checking = Checking { store, view, key, built, pinned, memory_bytes };
    let mut checks = Vec::with_capacity(expectations.len());
    for (feature, expectation) in expectations {
        let (passed, found) = match feature {
            None => checking.rows(&expectation.expected),
            Some(feature) => checking.values(feature, &expectation.expected).await?,
        };
        checks.push(Check {
            feature: feature.map(|feature| feature.name.to_string()),
            expected: expectation.expected.to_string(),
            found,
            passed,
            is_warning: expectation.on_failure == OnFailure::Warn,
        });
    }
    Ok(checks)
}

fn identity(feature: Option<&TargetFeature>, expectation: &Expectation) -> (Option<String>, String, bool) {
    let name = feature.map(|feature| feature.name.to_string());
    (name, expectation.expected.to_string(), expectation.on_failure == OnFailure::Warn)
}

fn checked(check: &Check) -> (Option<String>, String, bool) {
    (check.feature.clone(), check.expected.clone(), check.is_warning)
}

/// A view whose values are checked.
struct Checking<'a> {
    store: &'a Store,
    view: &'a TargetView,
    key: &'a [String],
    built: &'a BuiltTable,
    pinned: Option<&'a ViewPin>,
    memory_bytes: usize,
}

impl Checking<'_> {
    fn rows(&self, expected: &Expected) -> (bool, String) {
        let rows = self.built.rows;
        match expected {
            Expected::Rows { min, max } => {
                let passed = min.is_none_or(|min| rows >= min) && max.is_none_or(|max| rows <= max);
                (passed, format!("{rows} rows"))
            }
            Expected::RowsChange { max } => match self.pinned.map(|pin| pin.rows) {
                Some(before) if before > 0 => {
                    let change = rows.abs_diff(before) as f64 / before as f64;
                    (change <= *max, format!("{before} rows became {rows}: a change of {change:.4}"))
                }
                _ => (true, "there were no rows to compare with".to_owned()),
            },
            // Of a feature's values, which the reader of definitions tells apart.
            _ => (true, String::new()),
        }
    }

    async fn values(&self, feature: &TargetFeature, expected: &Expected) -> Result<(bool, String), MaterializeError> {
        let name = feature.name.as_str();
        let literal = |text: &String| cast(lit(text.as_str()), feature.dtype.to_arrow());
        let misfits = match expected {
            Expected::NullRate { max } => {
                let (nulls, rows) = (self.built.nulls.get(name).copied().unwrap_or_default(), self.built.rows);
                let rate = if rows == 0 { 0.0 } else { nulls as f64 / rows as f64 };
                if rate <= *max {
                    return Ok((true, format!("null_rate is {rate:.4}")));
                }
                let (_, told) = self.misfits(ident(name).is_null()).await?;
                return Ok((false, format!("null_rate is {rate:.4}: {nulls} of {rows} rows, {told}")));
            }
            Expected::Range { min, max } => {
                let below = min.as_ref().map(|min| ident(name).lt(literal(min)));
                let above = max.as_ref().map(|max| ident(name).gt(literal(max)));
                below.into_iter().chain(above).reduce(Expr::or)
            }
            Expected::Values(values) => Some(ident(name).in_list(values.iter().map(literal).collect(), true)),
            Expected::Pattern(pattern) => Some(!regexp_like(ident(name), lit(pattern.as_str()), None)),
            Expected::Unique => return self.unique(name).await,
            Expected::Drift { max } => return self.drift(name, *max).await,
            // Of a view's rows.
            Expected::Rows { .. } | Expected::RowsChange { .. } => None,
        };
        let Some(misfits) = misfits else { return Ok((true, String::new())) };
        let (count, told) = self.misfits(misfits).await?;
        Ok(match count {
            0 => (true, "every value".to_owned()),
            1 => (false, format!("1 row has another value: {told}")),
            _ => (false, format!("{count} rows have other values: {told}")),
        })
    }

    async fn unique(&self, name: &str) -> Result<(bool, String), MaterializeError> {
        let (session, plan) = self.plan().await?;
        let plan = LogicalPlanBuilder::from(plan)
            .filter(ident(name).is_not_null())
            .and_then(|plan| plan.aggregate([ident(name)], [count(lit(1)).alias("times")]))
            .and_then(|plan| plan.filter(ident("times").gt(lit(1))))
            .and_then(|plan| plan.project([ident(name)]))
            .and_then(|plan| plan.sort([ident(name).sort(true, false)]))
            .and_then(LogicalPlanBuilder::build);
        let (count, told) = self.told(&session, plan).await?;
        Ok(match count {
            0 => (true, "no value comes twice".to_owned()),
            _ => (false, format!("{count} values come more than once: {told}")),
        })
    }

    async fn drift(&self, name: &str, max: f64) -> Result<(bool, String), MaterializeError> {
        let known = self.pinned.filter(|pin| pin.features.iter().any(|feature| feature.name == name));
        let Some(pin) = known else { return Ok((true, "there were no values to compare with".to_owned())) };
        let before = self.store.view(self.view.name.as_str(), &pin.data).await?;
        let (before, after) = (column(&before, name).await?, column(&self.built.table, name).await?);
        Ok(match population_stability_index(&before, &after)? {
            Some(index) => (index <= max, format!("drift is {index:.4}")),
            None => (true, "there were no values to compare with".to_owned()),
        })
    }

    /// How many rows a condition is true of, and the keys of the first.
    async fn misfits(&self, condition: Expr) -> Result<(u64, String), MaterializeError> {
        let (session, plan) = self.plan().await?;
        let keys: Vec<Expr> = self.key.iter().map(|key| ident(key.as_str())).collect();
        let plan = LogicalPlanBuilder::from(plan)
            .filter(condition)
            .and_then(|plan| plan.project(keys.clone()))
            .and_then(|plan| plan.sort(keys.into_iter().map(|key| key.sort(true, false))))
            .and_then(LogicalPlanBuilder::build);
        self.told(&session, plan).await
    }

    async fn plan(&self) -> Result<(Session, LogicalPlan), MaterializeError> {
        let session = Session::new(Bounds { memory_bytes: self.memory_bytes, batch_rows: BUILD_BATCH_ROWS });
        session.register("checked", self.built.table.provider(false));
        let statement = Statement::parse("select * from checked").map_err(|error| self.fault(error))?;
        let plan = session.plan(&statement).await.map_err(|error| self.fault(error))?;
        Ok((session, plan))
    }

    /// The rows of a plan: how many there are, and the first of them.
    async fn told(
        &self,
        session: &Session,
        plan: datafusion::error::Result<LogicalPlan>,
    ) -> Result<(u64, String), MaterializeError> {
        let plan = plan.map_err(|error| self.fault(SqlError::from_execution(error)))?;
        let mut rows = session.execute(plan).await.map_err(|error| self.fault(error))?;
        let (mut count, mut told) = (0, Vec::new());
        while let Some(batch) = rows.try_next().await.map_err(|error| self.fault(SqlError::from_execution(error)))? {
            for row in 0..batch.num_rows().min(TOLD_ROWS_MAX - told.len()) {
                let parts = batch.columns().iter().map(|part| array_value_to_string(part, row).unwrap_or_default());
                told.push(parts.collect::<Vec<_>>().join(","));
            }
            count += batch.num_rows() as u64;
        }
        let more = if count > told.len() as u64 { ", …" } else { "" };
        Ok((count, format!("{}{more}", told.join(", "))))
    }

    fn fault(&self, source: SqlError) -> MaterializeError {
        MaterializeError::Values { view: self.view.name.to_string(), source }
    }
}

pub(super) async fn column(table: &Table, name: &str) -> Result<Vec<ArrayRef>, StoreError> {
    let batches = table.read(&[name.to_owned()]).await?;
    Ok(batches.iter().map(|batch| batch.column(0).slice(0, batch.num_rows())).collect())
}
