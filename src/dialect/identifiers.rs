//! Names in syntax trees.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Ident, Query, VisitMut, VisitorMut};

/// Returns a name as the engine reads it: in lower case, unless it is quoted.
pub fn folded(name: &Ident) -> String {
    if name.quote_style.is_none() { name.value.to_lowercase() } else { name.value.clone() }
}

/// Puts expressions in the place of names; returns whether there were any. A name inside a subquery is the subquery's own.
pub fn replace_names(expression: &mut Expr, with: &dyn Fn(&Ident) -> Option<Expr>) -> bool {
    let mut names = Names { with, depth: 0, changed: false };
    // Nothing ends the visit early.
    let _ = expression.visit(&mut names);
    names.changed
}

struct Names<'a> {
    with: &'a dyn Fn(&Ident) -> Option<Expr>,
    /// How many queries surround the place.
    depth: usize,
    changed: bool,
}

impl VisitorMut for Names<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::Identifier(name) = expression
            && let Some(other) = (self.with)(name)
        {
            *expression = other;
            self.changed = true;
        }
        ControlFlow::Continue(())
    }
}
