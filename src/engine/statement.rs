//! One statement of SQL: parsed, bounded and known to be a query, before anything plans it.

mod calls;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DataFusionStatement;
use datafusion::sql::sqlparser::ast::{self, Query, Spanned, Value, Visit, VisitMut, Visitor, VisitorMut};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

pub use calls::TableCall;

use super::SqlError;
use crate::limits::{STATEMENT_BYTES_MAX, STATEMENT_DEPTH_MAX, STATEMENT_OPERATORS_MAX};
use crate::name::FeatureReference;

/// A query within the bounds.
#[derive(Clone, Debug)]
pub struct Statement {
    query: Box<Query>,
}

impl Statement {
    /// Reads one query.
    pub fn parse(sql: &str) -> Result<Self, SqlError> {
        check_bounds(sql)?;
        let statements = Parser::parse_sql(&GenericDialect {}, sql).map_err(SqlError::from_parser)?;
        let [statement] = <[ast::Statement; 1]>::try_from(statements)
            .map_err(|statements| SqlError::invalid(format!("one statement is expected, not {}", statements.len())))?;
        match statement {
            ast::Statement::Query(query) => Self::of_query(query),
            other => {
                let verb: String = other.to_string().split_whitespace().next().unwrap_or_default().to_uppercase();
                Err(SqlError::invalid(format!("`{verb}` is not a query"))
                    .with_remedy("only `select` (and `with`) is answered"))
            }
        }
    }

    fn of_query(query: Box<Query>) -> Result<Self, SqlError> {
        let writes = matches!(
            *query.body,
            ast::SetExpr::Insert(_) | ast::SetExpr::Update(_) | ast::SetExpr::Delete(_) | ast::SetExpr::Merge(_)
        );
        if writes {
            return Err(SqlError::invalid("a query only reads".to_owned()));
        }
        Ok(Self { query })
    }

    /// The tables that it reads, its own `with` names left out; ordered, each where it is first named.
    pub fn tables(&self) -> Vec<TableRead> {
        let mut finder = TableFinder::default();
        let _ = self.query.visit(&mut finder);
        let tables = finder.tables.into_iter();
        tables.map(|(name, (line, column))| TableRead { name, line, column }).collect()
    }

    /// Its text without formatting and comments.
    pub fn canonical(&self) -> String {
        self.query.to_string()
    }

    /// Its text without the expressions it selects, and the expression that it selects as `column`: what decides a
    /// column's values is its own expression and the rest. None where it is not a plain `select` with such a column.
    ///
    /// The expressions of the `keys` are part of the rest, since they decide which row a value belongs to.
    pub fn canonical_column(&self, column: &str, keys: &[&str]) -> Option<(String, String)> {
        let ast::SetExpr::Select(select) = self.query.body.as_ref() else { return None };
        let is_named = |item: &ast::SelectItem, column: &str| match item {
            ast::SelectItem::ExprWithAlias { alias, .. } => alias.value == column,
            ast::SelectItem::UnnamedExpr(ast::Expr::Identifier(name)) => name.value == column,
            ast::SelectItem::UnnamedExpr(ast::Expr::CompoundIdentifier(names)) => {
                names.last().is_some_and(|name| name.value == column)
            }
            _ => false,
        };
        if !keys.iter().all(|key| select.projection.iter().any(|item| is_named(item, key))) {
            return None;
        }
        let expression = match select.projection.iter().find(|item| is_named(item, column))? {
            ast::SelectItem::ExprWithAlias { expr, .. } | ast::SelectItem::UnnamedExpr(expr) => expr.to_string(),
            _ => return None,
        };
        // `distinct` and ordinals (`group by 1`, `order by 2`) depend on the other expressions.
        if select.distinct.is_some() || self.uses_ordinals(select) {
            return None;
        }
        let mut rest = self.query.clone();
        if let ast::SetExpr::Select(select) = rest.body.as_mut() {
            select.projection.retain(|item| keys.iter().any(|key| is_named(item, key)));
        }
        Some((expression, rest.to_string()))
    }

    /// The statement without the versions that features are asked for by, and those: `"decade@2"` is `decade`, and an
    /// assertion.
    pub fn without_versions(mut self) -> (Self, BTreeSet<(String, u32)>) {
        let mut versions = Versions::default();
        let _ = VisitMut::visit(&mut self.query, &mut versions);
        (self, versions.0)
    }

    fn uses_ordinals(&self, select: &ast::Select) -> bool {
        let is_number =
            |expr: &ast::Expr| matches!(expr, ast::Expr::Value(value) if matches!(value.value, Value::Number(..)));
        let grouped = match &select.group_by {
            ast::GroupByExpr::All(_) => true,
            ast::GroupByExpr::Expressions(expressions, _) => !expressions.is_empty(),
        };
        let ordered = self.query.order_by.as_ref().is_some_and(|order| match &order.kind {
            ast::OrderByKind::All(_) => true,
            ast::OrderByKind::Expressions(expressions) => expressions.iter().any(|by| is_number(&by.expr)),
        });
        grouped || ordered
    }

    pub(super) fn to_datafusion(&self) -> DataFusionStatement {
        let mut query = self.query.clone();
        let _ = VisitMut::visit(&mut query, &mut NameSubqueries(0));
        DataFusionStatement::Statement(Box::new(ast::Statement::Query(query)))
    }
}

/// A table in a statement, and where it is first named; lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRead {
    pub name: String,
    pub line: usize,
    pub column: usize,
}

#[derive(Default)]
struct TableFinder {
    tables: BTreeMap<String, (usize, usize)>,
    /// The names that a `with` gives and that are known in the query that is visited, for each query around it.
    own: Vec<BTreeSet<String>>,
    /// The same for the queries of a `with` that are still to be visited, by their address.
    of_with: BTreeMap<*const Query, BTreeSet<String>>,
}

impl Visitor for TableFinder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let around = self.of_with.remove(&std::ptr::from_ref(query)).or_else(|| self.own.last().cloned());
        let mut own = around.unwrap_or_default();
        for with in query.with.iter() {
            for table in &with.cte_tables {
                let name = resolved(&table.alias.name);
                // A query knows those before it; itself only where it may recurse.
                let mut known = own.clone();
                if with.recursive {
                    known.insert(name.clone());
                }
                self.of_with.insert(std::ptr::from_ref(table.query.as_ref()), known);
                own.insert(name);
            }
        }
        self.own.push(own);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.own.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ast::ObjectName) -> ControlFlow<()> {
        let start = relation.span().start;
        let position =
            (usize::try_from(start.line).unwrap_or(1).max(1), usize::try_from(start.column).unwrap_or(1).max(1));
        let name = relation.0.last().and_then(|part| part.as_ident()).map(resolved);
        let name = name.unwrap_or_else(|| relation.to_string());
        let is_own = relation.0.len() == 1 && self.own.last().is_some_and(|own| own.contains(&name));
        if !is_own {
            self.tables.entry(name).or_insert(position);
        }
        ControlFlow::Continue(())
    }
}

/// The name that an identifier stands for: in lower case, unless it is quoted.
fn resolved(name: &ast::Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_ascii_lowercase(),
    }
}

/// Gives a name to each subquery in `from` that has none: DataFusion 54 takes nested projections for one another where
/// nothing stands between them, and drops one of three that compute the same expression.
struct NameSubqueries(usize);

impl VisitorMut for NameSubqueries {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut ast::TableFactor) -> ControlFlow<()> {
        if let ast::TableFactor::Derived { alias: alias @ None, .. } = factor {
            self.0 += 1;
            let name = ast::Ident::new(format!("subquery_{}", self.0));
            *alias = Some(ast::TableAlias { explicit: true, name, columns: Vec::new(), at: None });
        }
        ControlFlow::Continue(())
    }
}

/// Takes the versions off quoted names such as `"decade@2"`.
#[derive(Default)]
struct Versions(BTreeSet<(String, u32)>);

impl VisitorMut for Versions {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut ast::Expr) -> ControlFlow<()> {
        let name = match expression {
            ast::Expr::Identifier(name) => name,
            ast::Expr::CompoundIdentifier(names) => match names.last_mut() {
                Some(name) => name,
                None => return ControlFlow::Continue(()),
            },
            _ => return ControlFlow::Continue(()),
        };
        if let (Some(_), Some(FeatureReference { name: feature, version: Some(version) })) =
            (name.quote_style, FeatureReference::parse(&name.value))
        {
            let feature = feature.to_owned();
            self.0.insert((feature.clone(), version));
            name.value = feature;
        }
        ControlFlow::Continue(())
    }
}

/// `name` as an identifier that stands for itself.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// An expression without formatting and comments.
pub fn canonical_expression(text: &str) -> Result<String, SqlError> {
    Ok(parse_expression(text)?.to_string())
}

/// The names of columns in an expression.
pub fn columns_of_expression(text: &str) -> Result<BTreeSet<String>, SqlError> {
    let mut names = NameFinder(BTreeSet::new());
    let _ = parse_expression(text)?.visit(&mut names);
    Ok(names.0)
}

/// Collects names as the engine reads them: in lower case, where they are not quoted.
struct NameFinder(BTreeSet<String>);

impl Visitor for NameFinder {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &ast::Expr) -> ControlFlow<()> {
        let name = match expression {
            ast::Expr::Identifier(name) => Some(name),
            ast::Expr::CompoundIdentifier(names) => names.last(),
            _ => None,
        };
        self.0.extend(name.map(|name| match name.quote_style {
            Some(_) => name.value.clone(),
            None => name.value.to_lowercase(),
        }));
        ControlFlow::Continue(())
    }
}

fn parse_expression(text: &str) -> Result<ast::Expr, SqlError> {
    check_bounds(text)?;
    let mut parser = Parser::new(&GenericDialect {}).try_with_sql(text).map_err(SqlError::from_parser)?;
    let expression = parser.parse_expr().map_err(SqlError::from_parser)?;
    match parser.peek_token().token {
        Token::EOF => Ok(expression),
        rest => Err(SqlError::invalid(format!("`{rest}` is left over after the expression `{expression}`"))),
    }
}

/// Refuses what is not an expression within the bounds, and one that asks a query.
pub(super) fn check_is_of_a_row(text: &str) -> Result<(), SqlError> {
    match parse_expression(text)?.visit(&mut QueryFinder) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => {
            Err(SqlError::invalid("a query stands in it; an expression is of one row".to_owned())
                .with_remedy(super::BELONGS_TO_A_QUERY))
        }
    }
}

/// Stops at the first query.
struct QueryFinder;

impl Visitor for QueryFinder {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}

/// Refuses what the parser or the planner could choke on. Counted on tokens, since parsing is what may recurse.
pub(super) fn check_bounds(sql: &str) -> Result<(), SqlError> {
    if sql.len() > STATEMENT_BYTES_MAX {
        return Err(SqlError::too_large(format!(
            "a statement has {STATEMENT_BYTES_MAX} bytes at most, not {}",
            sql.len()
        )));
    }
    let tokens = Tokenizer::new(&GenericDialect {}, sql)
        .tokenize()
        .map_err(|error| SqlError::invalid(error.message).at(error.location.line, error.location.column))?;
    let (mut depth, mut deepest, mut operators) = (0_usize, 0_usize, 0_usize);
    for token in &tokens {
        match token {
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            token if is_operator(token) => operators += 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    if deepest > STATEMENT_DEPTH_MAX {
        return Err(SqlError::too_large(format!(
            "brackets are nested {STATEMENT_DEPTH_MAX} deep at most, not {deepest}"
        )));
    }
    if operators > STATEMENT_OPERATORS_MAX {
        return Err(SqlError::too_large(format!(
            "a statement has {STATEMENT_OPERATORS_MAX} operators at most, not {operators}"
        ))
        .with_remedy("write `x in (…)` for a chain of comparisons, or several statements"));
    }
    Ok(())
}

/// What joins two operands into a longer chain, or nests without a bracket.
fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::XOR
                | Keyword::UNION
                | Keyword::EXCEPT
                | Keyword::INTERSECT
                | Keyword::JOIN
                | Keyword::CASE
                | Keyword::WHEN
                | Keyword::LIKE
                | Keyword::ILIKE
                | Keyword::IS
                | Keyword::BETWEEN
                | Keyword::COLLATE
                | Keyword::AT
        ),
        Token::Whitespace(_)
        | Token::EOF
        | Token::Number(..)
        | Token::Comma
        | Token::Period
        | Token::SemiColon
        | Token::Placeholder(_) => false,
        Token::SingleQuotedString(_)
        | Token::DoubleQuotedString(_)
        | Token::NationalStringLiteral(_)
        | Token::EscapedStringLiteral(_)
        | Token::UnicodeStringLiteral(_)
        | Token::HexStringLiteral(_)
        | Token::DollarQuotedString(_) => false,
        _ => true,
    }
}
