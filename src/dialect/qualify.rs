//! QUALIFY whose condition has no window function of its own.
//!
//! The engine wants a window function in SELECT or QUALIFY, but finds only those in QUALIFY. In: a parsed statement, in which each OVER says all
//! of its window. Out: the same statement, in which such a condition has another part, which names a window function of SELECT and is always true.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Function, Query, Select, Statement, Visit, VisitMut, Visitor, VisitorMut};

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
            select.qualify = filled("$1 AND ($2 IS NULL OR $2 IS NOT NULL)", &[condition, Expr::Function(window)]);
        }
        ControlFlow::Continue(())
    }
}

/// Returns the first call with OVER outside of subqueries.
pub(super) fn window_of(part: &impl Visit) -> Option<Function> {
    let mut finder = Finder { depth: 0, found: None };
    // What ends the visit is in the finder.
    let _ = part.visit(&mut finder);
    finder.found
}

struct Finder {
    depth: usize,
    found: Option<Function>,
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
                self.found = Some(call.clone());
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    }
}
