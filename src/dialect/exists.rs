//! EXISTS as a column.
//!
//! The engine plans EXISTS only in conditions. In: a statement. Out: the same statement, in which EXISTS in a SELECT's columns counts the
//! rows.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Query, Select, SelectItem, SetExpr, Statement, TableFactor, TableWithJoins, VisitMut, VisitorMut,
};

use super::calls::filled;
use super::each_expression;
use super::scopes::everything;
use crate::error::Refused;

/// Writes EXISTS in columns as a count.
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    // Nothing ends the visit early.
    let _ = statement.visit(&mut Writer);
    Ok(())
}

struct Writer;

impl VisitorMut for Writer {
    type Break = ();

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            let (SelectItem::UnnamedExpr(column) | SelectItem::ExprWithAlias { expr: column, .. }) = item else {
                continue;
            };
            each_expression(column, |part| {
                if let Expr::Exists { subquery, negated } = part {
                    let form = if *negated { "count(*) = 0" } else { "count(*) > 0" };
                    if let Some(count) = filled(form, &[]) {
                        *part = Expr::Subquery(Box::new(counting((**subquery).clone(), count)));
                    }
                }
            });
        }
        ControlFlow::Continue(())
    }
}

/// Returns the query that compares the number of a query's rows.
fn counting(mut query: Query, count: Expr) -> Query {
    if let Some(select) = rows_of_tables(&mut query) {
        select.projection = vec![SelectItem::UnnamedExpr(count)];
        query.order_by = None;
        return query;
    }
    let rows = TableFactor::Derived { lateral: false, subquery: Box::new(query.clone()), alias: None, sample: None };
    let mut select = everything(vec![TableWithJoins { relation: rows, joins: Vec::new() }]);
    select.projection = vec![SelectItem::UnnamedExpr(count)];
    Query {
        with: None,
        body: Box::new(SetExpr::Select(Box::new(select))),
        order_by: None,
        limit_clause: None,
        fetch: None,
        ..query
    }
}

/// Returns the SELECT of a query that has a row for each row of its FROM and WHERE. Such a query can depend on the outer one.
fn rows_of_tables(query: &mut Query) -> Option<&mut Select> {
    let SetExpr::Select(select) = query.body.as_mut() else { return None };
    let is_plain = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(column) | SelectItem::ExprWithAlias { expr: column, .. } => {
            matches!(column, Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_))
        }
        SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => true,
        _ => false,
    };
    let has_groups = !matches!(&select.group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty());
    let is_cut = query.limit_clause.is_some() || query.fetch.is_some() || select.qualify.is_some();
    let is_rows = !has_groups && !is_cut && select.having.is_none() && select.distinct.is_none();
    (is_rows && select.projection.iter().all(is_plain)).then_some(select)
}
