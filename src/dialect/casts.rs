//! Calls that differ only by a cast.
//!
//! The engine leaves casts out of the names of expressions, so `sum(a)` and `sum(CAST(a AS DOUBLE))` have one name, and it refuses two
//! aggregates, window functions or columns of one name. In: a statement. Out: the same statement, in which the casts of later calls stand
//! inside `coalesce(…)` of one argument, which the engine takes away once it has named them.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, OrderBy, Query, SetExpr, Statement, VisitMut, VisitorMut, visit_expressions,
};

use super::calls::call;
use crate::error::Refused;

/// Gives such calls names that differ.
pub fn tell_apart(statement: &mut Statement) -> Result<(), Refused> {
    let has_cast = visit_expressions(&*statement, |part| match part {
        Expr::Cast { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    if has_cast.is_break() {
        // Nothing ends the visit early.
        let _ = statement.visit(&mut Queries);
    }
    Ok(())
}

struct Queries;

impl VisitorMut for Queries {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        in_body(&mut query.body, query.order_by.as_mut());
        ControlFlow::Continue(())
    }
}

fn in_body(body: &mut SetExpr, order: Option<&mut OrderBy>) {
    match body {
        SetExpr::Select(select) => {
            let mut calls = Calls::default();
            let mut order = order;
            for marks in [false, true] {
                calls.marks = marks;
                // Nothing ends the visit early.
                let _ = select.visit(&mut calls);
                let _ = order.as_deref_mut().map(|order| order.visit(&mut calls));
                if !calls.by_name.values().any(|calls| calls.len() > 1) {
                    return;
                }
            }
        }
        SetExpr::SetOperation { left, right, .. } => {
            in_body(left, None);
            in_body(right, None);
        }
        _ => {}
    }
}

/// The calls of one SELECT that have casts in their arguments, or the same names as these.
#[derive(Default)]
struct Calls {
    /// The calls that the engine gives one name, as they are written.
    by_name: HashMap<String, Vec<String>>,
    /// Whether calls are marked, after all were read.
    marks: bool,
    /// How many queries surround the place.
    depth: usize,
}

impl VisitorMut for Calls {
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
        if self.depth > 0 || !matches!(expression, Expr::Function(_)) {
            return ControlFlow::Continue(());
        }
        let text = expression.to_string();
        let mut bare = expression.clone();
        let _ = bare.visit(&mut WithoutCasts);
        let calls = self.by_name.entry(bare.to_string().to_lowercase());
        if !self.marks {
            let calls = calls.or_default();
            if !calls.contains(&text) {
                // Those without casts keep their name.
                let at = if bare == *expression { 0 } else { calls.len() };
                calls.insert(at, text);
            }
        } else if let std::collections::hash_map::Entry::Occupied(calls) = calls
            && let Some(times) = calls.get().iter().position(|call| *call == text).filter(|times| *times > 0)
        {
            let _ = expression.visit(&mut Mark { times });
        }
        ControlFlow::Continue(())
    }
}

struct WithoutCasts;

impl VisitorMut for WithoutCasts {
    type Break = ();

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        while let Expr::Cast { expr, .. } | Expr::Nested(expr) = expression {
            *expression = expr.as_ref().clone();
        }
        ControlFlow::Continue(())
    }
}

/// Puts the casts of a call into so many others.
struct Mark {
    times: usize,
}

impl VisitorMut for Mark {
    type Break = ();

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if matches!(expression, Expr::Cast { .. }) {
            for _ in 0..self.times {
                *expression = call("coalesce", vec![expression.clone()]);
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn later_casts_are_marked() {
        for (text, expected) in [
            ("SELECT sum(a::INT), sum(a)", "SELECT sum(coalesce(a::INT)), sum(a)"),
            ("SELECT sum(a::INT), sum(a::REAL)", "SELECT sum(a::INT), sum(coalesce(a::REAL))"),
            (
                "SELECT f(a), f(a::INT), f(a::REAL) FROM (SELECT f(a::INT)) ORDER BY f(a::REAL)",
                "SELECT f(a), f(coalesce(a::INT)), f(coalesce(coalesce(a::REAL))) FROM (SELECT f(a::INT)) \
                 ORDER BY f(coalesce(coalesce(a::REAL)))",
            ),
            ("SELECT sum(a), sum(a), sum(b::INT)", "SELECT sum(a), sum(a), sum(b::INT)"),
        ] {
            let mut statement = Parser::parse_sql(&GenericDialect {}, text).expect("SQL").remove(0);
            tell_apart(&mut statement).expect("marked");
            assert_eq!(statement.to_string(), expected);
        }
    }
}
