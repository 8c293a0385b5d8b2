//! Where the rows and the values of a plan come from.

use std::collections::BTreeSet;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};

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
/// rows there are.
pub(super) fn made_from(plan: &LogicalPlan, column: usize) -> BTreeSet<(String, String)> {
    let of_expression = |expression: &Expr, input: &LogicalPlan| -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        let _ = expression.apply(|part| {
            match part {
                Expr::Column(column) => {
                    found.extend(
                        input.schema().maybe_index_of_column(column).into_iter().flat_map(|i| made_from(input, i)),
                    );
                }
                Expr::ScalarSubquery(query) => found.extend(made_from(&query.subquery, 0)),
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        });
        found
    };
    match plan {
        LogicalPlan::TableScan(scan) => {
            let name = scan.projected_schema.field(column).name().clone();
            BTreeSet::from([(scan.table_name.table().to_owned(), name)])
        }
        LogicalPlan::Projection(projection) => of_expression(&projection.expr[column], &projection.input),
        LogicalPlan::Aggregate(aggregate) => {
            match aggregate.group_expr.iter().chain(&aggregate.aggr_expr).nth(column) {
                Some(expression) => of_expression(expression, &aggregate.input),
                None => BTreeSet::new(),
            }
        }
        LogicalPlan::Window(window) => match column.checked_sub(window.input.schema().fields().len()) {
            None => made_from(&window.input, column),
            Some(call) => of_expression(&window.window_expr[call], &window.input),
        },
        LogicalPlan::Union(union) => union.inputs.iter().flat_map(|input| made_from(input, column)).collect(),
        plan => {
            // The columns of its inputs, one after the other; a join that keeps one side has fewer.
            let mut column = column;
            for input in plan.inputs() {
                match column.checked_sub(input.schema().fields().len()) {
                    None => return made_from(input, column),
                    Some(rest) => column = rest,
                }
            }
            BTreeSet::new()
        }
    }
}
