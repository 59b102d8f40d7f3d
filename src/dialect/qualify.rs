//! QUALIFY whose condition has no window function of its own.
//!
//! The engine asks for a window function in SELECT or QUALIFY, but no longer finds those of SELECT when it looks. In: a parsed statement, in
//! which each OVER says all of its window. Out: the same statement, in which such a condition names the window function of SELECT in a part
//! that is always true.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Query, Select, Statement, Visit, VisitMut, Visitor, VisitorMut};

use super::calls::filled;
use crate::error::Refused;

/// Completes the conditions of QUALIFY.
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    // Nothing ends the visit early.
    let _ = statement.visit(&mut Writer);
    Ok(())
}

struct Writer;

impl VisitorMut for Writer {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if let Some(condition) = &select.qualify
            && window_of(condition).is_none()
            && let Some(window) = window_of(&select.projection)
        {
            let condition = Expr::Nested(Box::new(condition.clone()));
            select.qualify = filled("$1 AND ($2 IS NULL OR $2 IS NOT NULL)", &[condition, window]);
        }
        ControlFlow::Continue(())
    }
}

/// Returns the first call with OVER outside of subqueries.
fn window_of(part: &impl Visit) -> Option<Expr> {
    let mut finder = Finder { depth: 0, found: None };
    let _ = part.visit(&mut finder);
    finder.found
}

struct Finder {
    depth: usize,
    found: Option<Expr>,
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        match expression {
            Expr::Function(call) if self.depth == 0 && call.over.is_some() => {
                self.found = Some(expression.clone());
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    }
}
