//! Queries over tables that have no rows, such as those of indexes and keys.
//!
//! Tools ask them in words that only PostgreSQL knows. In: a query. Out: a query of the same columns without rows, if it is plain that it
//! has none.

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident, JoinOperator, ObjectName, Query, Select,
    SelectItem, SetExpr, TableFactor, Value,
};

use super::empty::is_empty;

/// Returns whether a query has no rows because a table that it reads has none.
pub fn is_read_by(query: &Query) -> bool {
    matches!(query.body.as_ref(), SetExpr::Select(select) if has_none(select))
}

/// Writes the queries that have no rows as such.
pub fn write(query: &mut Query) {
    if write_body(&mut query.body) {
        query.order_by = None;
        query.limit_clause = None;
    }
}

/// Returns whether the whole is one query without rows.
fn write_body(body: &mut SetExpr) -> bool {
    match body {
        SetExpr::Select(select) if has_none(select) => {
            let Some(columns) = columns(select) else { return false };
            select.projection = columns;
            select.distinct = None;
            select.from.clear();
            select.selection = Some(Expr::Value(Value::Boolean(false).into()));
            select.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
            select.having = None;
            true
        }
        SetExpr::SetOperation { left, right, .. } => {
            write_body(left);
            write_body(right);
            false
        }
        _ => false,
    }
}

/// Returns the columns, as NULL; `None` if they are not listed.
fn columns(select: &Select) -> Option<Vec<SelectItem>> {
    let mut taken: Vec<String> = Vec::new();
    for item in &select.projection {
        let mut name = name(item)?;
        while taken.contains(&name) {
            name.push('_');
        }
        taken.push(name);
    }
    let null =
        |name| SelectItem::ExprWithAlias { expr: Expr::Value(Value::Null.into()), alias: Ident::with_quote('"', name) };
    Some(taken.into_iter().map(null).collect())
}

/// Returns the name that PostgreSQL gives a column; `None` for `*`.
pub fn name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(plain(alias)),
        SelectItem::UnnamedExpr(expr) => Some(named(expr)),
        _ => None,
    }
}

fn named(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(name) => plain(name),
        Expr::CompoundIdentifier(parts) => parts.last().map(plain).unwrap_or_default(),
        Expr::Function(function) => last(&function.name).unwrap_or_default(),
        Expr::Cast { expr, .. } | Expr::Nested(expr) => named(expr),
        other => {
            // What follows the last point, as in `(result.keys).x`.
            let text = other.to_string();
            match text.rsplit_once('.') {
                Some((_, field)) if field.chars().all(|c| c.is_alphanumeric() || c == '_') => field.to_lowercase(),
                _ => "?column?".into(),
            }
        }
    }
}

fn plain(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

fn last(name: &ObjectName) -> Option<String> {
    Some(name.0.last()?.as_ident()?.value.to_lowercase())
}

fn has_none(select: &Select) -> bool {
    let grouped = match &select.group_by {
        GroupByExpr::Expressions(keys, _) => !keys.is_empty(),
        GroupByExpr::All(_) => true,
    };
    // Without groups, an aggregate of no rows is a row.
    let one_row = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => aggregates(expr),
        _ => false,
    };
    if !grouped && select.projection.iter().any(one_row) {
        return false;
    }
    select.from.iter().any(|from| {
        let joined = from.joins.iter().filter(|join| {
            matches!(join.join_operator, JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_))
        });
        // Rows that an inner join needs do not come back in a later join, unless that keeps those of its own side.
        let kept = from.joins.iter().any(|join| {
            matches!(
                join.join_operator,
                JoinOperator::Right(_) | JoinOperator::RightOuter(_) | JoinOperator::FullOuter(_)
            )
        });
        !kept && std::iter::once(&from.relation).chain(joined.map(|join| &join.relation)).any(is_without_rows)
    })
}

/// Returns whether an expression aggregates rows of its own query.
fn aggregates(expr: &Expr) -> bool {
    match expr {
        Expr::Function(function) => {
            let name = last(&function.name).unwrap_or_default();
            let arguments = match &function.args {
                FunctionArguments::List(list) => list.args.as_slice(),
                _ => &[],
            };
            let of_argument = |argument: &FunctionArg| matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) if aggregates(expr));
            ["count", "max", "min", "sum", "avg"].contains(&name.as_str())
                || name.ends_with("_agg")
                || arguments.iter().any(of_argument)
        }
        Expr::Cast { expr, .. } | Expr::Nested(expr) => aggregates(expr),
        Expr::BinaryOp { left, right, .. } => aggregates(left) || aggregates(right),
        _ => false,
    }
}

fn is_without_rows(relation: &TableFactor) -> bool {
    match relation {
        TableFactor::Table { name, args: None, .. } => last(name).is_some_and(|name| {
            let information = name_of_information(relation);
            is_empty(&name) || information.is_some_and(|name| is_empty(&name))
        }),
        TableFactor::Derived { subquery, .. } => is_read_by(subquery),
        _ => false,
    }
}

/// Returns the name under which a table of information_schema is kept.
fn name_of_information(relation: &TableFactor) -> Option<String> {
    let TableFactor::Table { name, .. } = relation else { return None };
    let schema = name.0.first()?.as_ident()?.value.to_lowercase();
    (name.0.len() == 2 && schema == "information_schema")
        .then(|| format!("{schema}_{}", last(name).unwrap_or_default()))
}
