//! Subqueries in VALUES.
//!
//! The engine computes the rows of VALUES before it runs subqueries. In: a parsed statement. Out: the same statement, in which such rows are
//! queries of their own. Rows of constants stay together, since each query makes the plan longer.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Parens, Query, SelectItem, SetExpr, SetOperator, SetQuantifier, Statement, Values, Visit, VisitMut,
    VisitorMut, visit_expressions,
};

use super::scopes::everything;
use crate::error::Refused;

/// Writes such rows as SELECT … UNION ALL VALUES ….
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
        SetExpr::Values(values) if has(&values.rows, is_query) => {
            let is_constant = |row: &Parens<Vec<Expr>>| !has(row, |part| is_query(part) || is_name(part));
            let parts =
                values.rows.chunk_by(|row, next| is_constant(row) && is_constant(next)).map(|rows| match rows {
                    [row] if !is_constant(row) => selected(&row.content),
                    rows => SetExpr::Values(Values {
                        explicit_row: values.explicit_row,
                        value_keyword: values.value_keyword,
                        rows: rows.to_vec(),
                    }),
                });
            let all = parts.reduce(|left, right| SetExpr::SetOperation {
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

fn is_query(part: &Expr) -> bool {
    matches!(part, Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. })
}

fn is_name(part: &Expr) -> bool {
    matches!(part, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
}

fn has(rows: &impl Visit, is_wanted: impl Fn(&Expr) -> bool) -> bool {
    let found = visit_expressions(rows, |part| match part {
        part if is_wanted(part) => ControlFlow::Break(()),
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
