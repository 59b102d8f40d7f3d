//! Named windows in QUALIFY and ORDER BY.
//!
//! The engine looks up the windows of a WINDOW clause only for the columns of SELECT. In: a parsed statement. Out: the same
//! statement, in which each `OVER w` of QUALIFY and ORDER BY says what `w` stands for.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, NamedWindowDefinition, NamedWindowExpr, OrderByKind, Query, SetExpr, Statement, VisitMut, VisitorMut,
    WindowSpec, WindowType, visit_expressions_mut,
};

/// Writes the definitions of named windows where they are used.
pub fn insert(statement: &mut Statement) {
    // Nothing ends the visit early.
    let _ = statement.visit(&mut Inserter);
}

struct Inserter;

impl VisitorMut for Inserter {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let SetExpr::Select(select) = query.body.as_mut() else { return ControlFlow::Continue(()) };
        let windows = select.named_window.clone();
        if windows.is_empty() {
            return ControlFlow::Continue(());
        }
        if let Some(condition) = &mut select.qualify {
            define(condition, &windows);
        }
        if let Some(order) = &mut query.order_by
            && let OrderByKind::Expressions(expressions) = &mut order.kind
        {
            expressions.iter_mut().for_each(|order| define(&mut order.expr, &windows));
        }
        ControlFlow::Continue(())
    }
}

fn define(expression: &mut Expr, windows: &[NamedWindowDefinition]) {
    let _: ControlFlow<()> = visit_expressions_mut(expression, |expression| {
        if let Expr::Function(call) = expression
            && let Some(WindowType::NamedWindow(name)) = &call.over
            && let Some(spec) = definition(name, windows)
        {
            call.over = Some(WindowType::WindowSpec(spec.clone()));
        }
        ControlFlow::Continue(())
    });
}

fn definition<'a>(name: &Ident, windows: &'a [NamedWindowDefinition]) -> Option<&'a WindowSpec> {
    let is_same = |a: &Ident, b: &Ident| match (a.quote_style, b.quote_style) {
        (None, None) => a.value.eq_ignore_ascii_case(&b.value),
        _ => a.value == b.value,
    };
    let mut name = name;
    // A window may be defined by the name of another. A chain of names has at most one step for each window, unless it is a circle.
    for _ in windows {
        let NamedWindowDefinition(_, defined) = windows.iter().find(|window| is_same(&window.0, name))?;
        match defined {
            NamedWindowExpr::NamedWindow(other) => name = other,
            NamedWindowExpr::WindowSpec(spec) => return Some(spec),
        }
    }
    None
}
