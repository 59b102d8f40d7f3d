//! Subqueries in VALUES.
//!
//! The engine computes the rows of VALUES before it runs subqueries. In: a parsed statement. Out: the same statement, in which such rows are
//! queries of their own.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Query, SelectItem, SetExpr, SetOperator, SetQuantifier, Statement, Values, VisitMut, VisitorMut,
    visit_expressions,
};

use super::scopes::everything;
use crate::error::Refused;

/// Writes such rows as SELECT … UNION ALL SELECT ….
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    // Nothing ends the visit early.
    let _ = statement.visit(&mut Writer);
    Ok(())
}

struct Writer;

impl VisitorMut for Writer {
    type Break = ();

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        change(&mut query.body);
        ControlFlow::Continue(())
    }
}

fn change(body: &mut SetExpr) {
    match body {
        SetExpr::SetOperation { left, right, .. } => {
            change(left);
            change(right);
        }
        SetExpr::Values(values) if has_query(values) => {
            let rows = values.rows.iter().map(|row| selected(&row.content));
            let all = rows.reduce(|left, right| SetExpr::SetOperation {
                left: Box::new(left),
                op: SetOperator::Union,
                set_quantifier: SetQuantifier::All,
                right: Box::new(right),
            });
            if let Some(all) = all {
                *body = all;
            }
        }
        _ => {}
    }
}

fn has_query(values: &Values) -> bool {
    let is_query = |part: &Expr| matches!(part, Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. });
    let found = visit_expressions(&values.rows, |part| match part {
        part if is_query(part) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// Returns the query of one row, whose columns have the names of VALUES.
fn selected(row: &[Expr]) -> SetExpr {
    let mut select = everything(Vec::new());
    let named = |(place, value): (usize, &Expr)| SelectItem::ExprWithAlias {
        expr: value.clone(),
        alias: Ident::new(format!("column{}", place + 1)),
    };
    select.projection = row.iter().enumerate().map(named).collect();
    SetExpr::Select(Box::new(select))
}
