//! Filters: comparisons of columns with constants, joined. They run where other requests are answered, so there is nothing in
//! them that could take long or fail on a value: no function, no arithmetic, no cast of a column.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::{Between, InList, Like};
use datafusion::logical_expr::{BinaryExpr, Cast, EmptyRelation, Expr, LogicalPlan, Operator};
use datafusion::physical_expr::PhysicalExpr;

use super::{Session, SqlError};

/// A filter, compiled.
#[derive(Clone, Debug)]
pub struct RowFilter {
    condition: Arc<dyn PhysicalExpr>,
}

impl RowFilter {
    /// Of which of `rows` it is true; null where it cannot be told.
    pub fn matches(&self, rows: &RecordBatch) -> Result<BooleanArray, SqlError> {
        let values = self.condition.evaluate(rows).and_then(|values| values.into_array(rows.num_rows()));
        let values = values.map_err(SqlError::from_execution)?;
        // Nothing but a null is neither true nor false.
        Ok(values.as_boolean_opt().cloned().unwrap_or_else(|| BooleanArray::new_null(rows.num_rows())))
    }
}

impl Session {
    /// The filter that `text` is over rows of `schema`.
    pub fn filter(&self, text: &str, schema: &SchemaRef) -> Result<RowFilter, SqlError> {
        let filter = self.expression(text, &rows(schema)?)?;
        self.filter_of(filter, schema)
    }

    /// The filter that `filter` is over rows of `schema`.
    pub fn filter_of(&self, filter: Expr, schema: &SchemaRef) -> Result<RowFilter, SqlError> {
        let mut refused = None;
        let walked = filter.apply(|part| {
            Ok(match refusal(part) {
                None => TreeNodeRecursion::Continue,
                Some(what) => {
                    refused = Some(what);
                    TreeNodeRecursion::Stop
                }
            })
        });
        walked.map_err(SqlError::from_execution)?;
        if let Some(what) = refused {
            return Err(SqlError::invalid(format!("a filter has no {what}"))
                .with_remedy("compare columns with constants: `year between 1890 and 1910 and artist = 'Keats'`"));
        }
        let rows = rows(schema)?;
        self.check_is_condition(filter.clone(), &filter.to_string(), &rows)?;
        let condition = self.state.create_physical_expr(filter, rows.schema());
        Ok(RowFilter { condition: condition.map_err(|error| self.planning(error))? })
    }
}

/// A plan that has the columns of `schema`.
fn rows(schema: &SchemaRef) -> Result<LogicalPlan, SqlError> {
    let schema = DFSchema::try_from(Arc::clone(schema)).map_err(SqlError::from_execution)?;
    Ok(LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema: Arc::new(schema) }))
}

/// What a filter may not have; none for what it may.
fn refusal(part: &Expr) -> Option<String> {
    use Operator::{And, Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq, Or};
    match part {
        Expr::Column(_) | Expr::Literal(..) | Expr::Not(_) | Expr::IsNull(_) | Expr::IsNotNull(_) | Expr::IsTrue(_) => {
            None
        }
        Expr::IsFalse(_) | Expr::IsUnknown(_) | Expr::IsNotTrue(_) | Expr::IsNotFalse(_) | Expr::IsNotUnknown(_) => {
            None
        }
        Expr::Between(Between { .. }) | Expr::InList(InList { .. }) | Expr::Like(Like { .. }) => None,
        Expr::BinaryExpr(BinaryExpr { op, .. }) => {
            let ops = [And, Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq, Or];
            (!ops.contains(op)).then(|| format!("`{op}`"))
        }
        // `-5`, `date '1900-01-01'`.
        Expr::Negative(of) | Expr::Cast(Cast { expr: of, .. }) if matches!(**of, Expr::Literal(..)) => None,
        Expr::ScalarFunction(call) => Some(format!("function (`{}`)", call.name())),
        Expr::Cast(_) | Expr::TryCast(_) => Some("cast of a column".to_owned()),
        Expr::Negative(_) => Some("arithmetic".to_owned()),
        Expr::SimilarTo(_) => Some("`similar to`".to_owned()),
        other => Some(format!("`{other}`")),
    }
}
