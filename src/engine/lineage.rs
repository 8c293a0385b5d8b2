//! Where the rows and the values of a plan come from.

use std::collections::BTreeSet;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Distinct, Expr, Join, LogicalPlan, Operator};

/// The tables of each of which a row of `plan` is made from the one row that has its `keys`, or from none; none where a row
/// of the plan depends on several rows of a table.
pub(super) fn mapped_tables(plan: &LogicalPlan, keys: &[&str]) -> Option<BTreeSet<String>> {
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    let mut tables = BTreeSet::new();
    maps(plan, &keys, &keys, &mut tables).then_some(tables)
}

/// Whether the columns `names` of `plan` are the columns `keys` of each of its tables, and its rows are made one by one.
fn maps(plan: &LogicalPlan, names: &[String], keys: &[String], tables: &mut BTreeSet<String>) -> bool {
    let asks_a_query = |expression: &Expr| {
        let is_query = |part: &Expr| {
            matches!(part, Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_))
        };
        expression.exists(|part| Ok(is_query(part))).unwrap_or(true)
    };
    if plan.expressions().iter().any(asks_a_query) {
        return false;
    }
    match plan {
        LogicalPlan::TableScan(scan) => {
            // A table that is there twice would have to be cut to changed rows twice.
            scan.fetch.is_none() && names == keys && tables.insert(scan.table_name.table().to_owned())
        }
        LogicalPlan::Projection(projection) => {
            let column = |name: &String| {
                let index = projection.schema.index_of_column_by_name(None, name)?;
                match projection.expr.get(index)?.clone().unalias_nested().data {
                    Expr::Column(column) => Some(column.name),
                    _ => None,
                }
            };
            let names: Option<Vec<String>> = names.iter().map(column).collect();
            names.is_some_and(|names| maps(&projection.input, &names, keys, tables))
        }
        LogicalPlan::Join(join) if matches!(join.join_type, JoinType::Inner | JoinType::Left) => {
            let pairs = equal_columns(join);
            let meets = |name: &String| pairs.iter().find(|(left, right)| left == name || right == name).cloned();
            let met: Option<Vec<(String, String)>> = names.iter().map(meets).collect();
            let Some((left, right)): Option<(Vec<_>, Vec<_>)> = met.map(|met| met.into_iter().unzip()) else {
                return false;
            };
            // Of a left join only the left side has every key.
            let has_keys = join.join_type == JoinType::Inner || left == names;
            has_keys && maps(&join.left, &left, keys, tables) && maps(&join.right, &right, keys, tables)
        }
        LogicalPlan::Sort(sort) if sort.fetch.is_some() => false,
        LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::Sort(_) => {
            plan.inputs().first().is_some_and(|input| maps(input, names, keys, tables))
        }
        _ => false,
    }
}

/// The columns of the left and the right side that a join asks to be equal, whichever way it is written.
fn equal_columns(join: &Join) -> Vec<(String, String)> {
    let written = join.filter.iter().flat_map(split_conjunction).filter_map(|condition| match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => Some((left.as_ref(), right.as_ref())),
        _ => None,
    });
    let of_columns = |(a, b): (&Expr, &Expr)| {
        let (Expr::Column(a), Expr::Column(b)) = (a, b) else { return None };
        match join.left.schema().has_column(a) {
            true => Some((a.name.clone(), b.name.clone())),
            false => Some((b.name.clone(), a.name.clone())),
        }
    };
    join.on.iter().map(|(left, right)| (left, right)).chain(written).filter_map(of_columns).collect()
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
