//! Where the rows and the values of a plan come from.

use std::collections::BTreeSet;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType};
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan};

/// The table whose rows `plan` maps or leaves out one by one, each under the same `keys`; none where a row of the plan
/// depends on several rows, or on none.
pub(super) fn mapped_table(plan: &LogicalPlan, keys: &[&str]) -> Option<String> {
    let table = only_table(plan)?;
    keys.iter().all(|key| origin(plan, key).as_deref() == Some(*key)).then_some(table)
}

fn only_table(plan: &LogicalPlan) -> Option<String> {
    let asks_a_query = |expression: &Expr| {
        let is_query = |part: &Expr| {
            matches!(part, Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_))
        };
        expression.exists(|part| Ok(is_query(part))).unwrap_or(true)
    };
    if plan.expressions().iter().any(asks_a_query) {
        return None;
    }
    match plan {
        LogicalPlan::TableScan(scan) if scan.fetch.is_none() => Some(scan.table_name.table().to_owned()),
        LogicalPlan::Sort(sort) if sort.fetch.is_some() => None,
        LogicalPlan::Projection(_) | LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::Sort(_) => {
            only_table(plan.inputs().first()?)
        }
        _ => None,
    }
}

/// The column of the table that `name` is, unchanged.
fn origin(plan: &LogicalPlan, name: &str) -> Option<String> {
    match plan {
        LogicalPlan::TableScan(_) => Some(name.to_owned()),
        LogicalPlan::Projection(projection) => {
            let index = projection.schema.index_of_column_by_name(None, name)?;
            match projection.expr.get(index)?.clone().unalias_nested().data {
                Expr::Column(column) => origin(&projection.input, &column.name),
                _ => None,
            }
        }
        _ => origin(plan.inputs().first()?, name),
    }
}

/// The columns, as `(table, column)`, that the values of a plan's column are made from; not those that only decide which
/// rows there are. Where that cannot be told, all that the plan reads.
pub(super) fn made_from(plan: &LogicalPlan, column: usize) -> BTreeSet<(String, String)> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let name = scan.projected_schema.field(column).name().clone();
            BTreeSet::from([(scan.table_name.table().to_owned(), name)])
        }
        LogicalPlan::Projection(projection) => of_expression(&projection.expr[column], &projection.input),
        LogicalPlan::Aggregate(aggregate) => {
            let is_set = |expression: &Expr| matches!(expression, Expr::GroupingSet(_));
            match aggregate.group_expr.iter().chain(&aggregate.aggr_expr).nth(column) {
                Some(expression) if !aggregate.group_expr.iter().any(is_set) => {
                    of_expression(expression, &aggregate.input)
                }
                _ => everything(&aggregate.input),
            }
        }
        LogicalPlan::Window(window) => match column.checked_sub(window.input.schema().fields().len()) {
            None => made_from(&window.input, column),
            Some(call) => of_expression(&window.window_expr[call], &window.input),
        },
        LogicalPlan::Union(union) => union.inputs.iter().flat_map(|input| made_from(input, column)).collect(),
        LogicalPlan::Join(join)
            if matches!(join.join_type, JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full) =>
        {
            match column.checked_sub(join.left.schema().fields().len()) {
                None => made_from(&join.left, column),
                Some(column) => made_from(&join.right, column),
            }
        }
        LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Distinct(Distinct::All(_)) => {
            plan.inputs().into_iter().flat_map(|input| made_from(input, column)).collect()
        }
        plan => plan.inputs().into_iter().flat_map(everything).collect(),
    }
}

/// What the values of `expression` over `input` are made from.
fn of_expression(expression: &Expr, input: &LogicalPlan) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let of_column = |column: &Column| {
        let index = input.schema().maybe_index_of_column(column);
        index.into_iter().flat_map(|index| made_from(input, index))
    };
    let _ = expression.apply(|part| {
        let query = match part {
            Expr::Column(column) => {
                found.extend(of_column(column));
                return Ok(TreeNodeRecursion::Continue);
            }
            Expr::ScalarSubquery(query) => query,
            Expr::Exists(exists) => &exists.subquery,
            Expr::InSubquery(within) => &within.subquery,
            Expr::SetComparison(comparison) => &comparison.subquery,
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        found.extend(everything(&query.subquery));
        for outer in &query.outer_ref_columns {
            if let Expr::OuterReferenceColumn(_, column) = outer {
                found.extend(of_column(column));
            }
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

/// What all columns of a plan are made from.
fn everything(plan: &LogicalPlan) -> BTreeSet<(String, String)> {
    (0..plan.schema().fields().len()).flat_map(|column| made_from(plan, column)).collect()
}
