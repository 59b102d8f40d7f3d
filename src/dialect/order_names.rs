//! Names in the expressions of ORDER BY.
//!
//! In `SELECT abs(x) AS x … ORDER BY x + 0`, the engine takes x for the result's column, and other databases for the table's. In: a query
//! in which an expression of ORDER BY has a name of SELECT. Out: the same query; an error if the name is one of a table's columns, too. An
//! expression that SELECT has as well is the result's column.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, OrderByExpr, OrderByKind, Query, Select, SelectItem, SetExpr, visit_expressions, visit_expressions_mut,
};

use super::identifiers::folded;
use super::probe::{Answer, Ask, Need};
use super::scopes::{Part, Scope, everything};
use crate::error::Refused;

/// What looks at the names.
pub const NEED: Need = Need { asks, write };

fn asks(part: &Part, scope: &Scope) -> Option<Vec<Ask>> {
    let Part::Query(query) = part else { return None };
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let named = keys(query).iter().any(|key| is_open(key, select));
    if !named || select.from.is_empty() {
        return None;
    }
    let mut whole = Query::clone(query);
    whole.body = Box::new(SetExpr::Select(Box::new(everything(select.from.clone()))));
    (whole.order_by, whole.limit_clause) = (None, None);
    Some(vec![Ask { query: scope.around(whole), rows: false }])
}

fn write(part: Part, answers: &[Answer]) -> Result<(), Refused> {
    let (Part::Query(query), [answer]) = (part, answers) else { return Ok(()) };
    let SetExpr::Select(select) = query.body.as_ref() else { return Ok(()) };
    let select = select.clone();
    let Some(order) = &mut query.order_by else { return Ok(()) };
    let OrderByKind::Expressions(keys) = &mut order.kind else { return Ok(()) };
    for key in keys {
        let same = aliases(&select).find(|(expression, _)| **expression == key.expr);
        if let Some((_, alias)) = same {
            key.expr = Expr::Identifier(closed(alias));
            continue;
        }
        if !is_open(key, &select) {
            continue;
        }
        let visited = visit_expressions_mut(&mut key.expr, |part| {
            let Expr::Identifier(name) = part else { return ControlFlow::Continue(()) };
            if !is_alias(name, &select) {
                return ControlFlow::Continue(());
            }
            if answer.columns.iter().any(|(_, column)| *column == folded(name)) {
                return ControlFlow::Break(name.value.clone());
            }
            *name = closed(name);
            ControlFlow::Continue(())
        });
        if let ControlFlow::Break(name) = visited {
            return Err(Refused {
                message: format!("`{name}` in the expression of ORDER BY is a column and a name of SELECT"),
                hint: Some("give the result's column another name: AS …".into()),
            });
        }
    }
    Ok(())
}

fn keys(query: &Query) -> &[OrderByExpr] {
    match query.order_by.as_ref().map(|order| &order.kind) {
        Some(OrderByKind::Expressions(keys)) => keys,
        _ => &[],
    }
}

/// Returns whether a key is an expression with a name of SELECT that was not looked at.
fn is_open(key: &OrderByExpr, select: &Select) -> bool {
    if matches!(key.expr, Expr::Identifier(_)) {
        return false;
    }
    let found = visit_expressions(&key.expr, |part| match part {
        Expr::Identifier(name) if is_alias(name, select) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// Returns whether an unquoted name is that of an expression of SELECT, and not of the column itself.
fn is_alias(name: &Ident, select: &Select) -> bool {
    name.quote_style.is_none()
        && aliases(select).any(|(expression, alias)| {
            folded(alias) == folded(name) && !matches!(expression, Expr::Identifier(own) if folded(own) == folded(name))
        })
}

fn aliases(select: &Select) -> impl Iterator<Item = (&Expr, &Ident)> {
    select.projection.iter().filter_map(|item| match item {
        SelectItem::ExprWithAlias { expr, alias } => Some((expr, alias)),
        _ => None,
    })
}

/// Returns a name with quotes, by which it is known that it was looked at.
fn closed(name: &Ident) -> Ident {
    Ident::with_quote('"', folded(name))
}
