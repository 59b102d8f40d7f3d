//! Named windows.
//!
//! The engine looks up the windows of a WINDOW clause only for the columns of SELECT, and never the window on which another one is
//! built, as in `OVER (w ORDER BY ts)`. In: a parsed statement. Out: the same statement, in which each OVER says all of its window.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, NamedWindowDefinition, NamedWindowExpr, OrderByKind, Query, Select, SelectItem, SetExpr, Statement,
    VisitMut, VisitorMut, WindowSpec, WindowType, visit_expressions_mut,
};

use super::exclusions;
use crate::error::Refused;

/// Writes the definitions of named windows where they are used.
///
/// # Errors
/// A window is built on one that is not there, or changes what that one says.
pub fn insert(statement: &mut Statement) -> Result<(), Refused> {
    super::refused(statement.visit(&mut Inserter))
}

struct Inserter;

impl VisitorMut for Inserter {
    type Break = Refused;

    /// The query is visited before its SELECT, whose windows its ORDER BY may use.
    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Refused> {
        if let SetExpr::Select(select) = query.body.as_ref()
            && let Some(order) = &mut query.order_by
            && let OrderByKind::Expressions(expressions) = &mut order.kind
        {
            for order in expressions {
                define(&mut order.expr, &select.named_window)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Refused> {
        let windows = std::mem::take(&mut select.named_window);
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(column) | SelectItem::ExprWithAlias { expr: column, .. } = item {
                define(column, &windows)?;
            }
        }
        if let Some(condition) = &mut select.qualify {
            define(condition, &windows)?;
        }
        ControlFlow::Continue(())
    }
}

fn define(expression: &mut Expr, windows: &[NamedWindowDefinition]) -> ControlFlow<Refused> {
    visit_expressions_mut(expression, |expression| {
        let Expr::Function(call) = expression else { return ControlFlow::Continue(()) };
        let whole = match &call.over {
            Some(WindowType::NamedWindow(name)) => named(name, windows, windows.len()),
            Some(WindowType::WindowSpec(spec)) if spec.window_name.is_some() => whole(spec, windows, windows.len()),
            _ => return ControlFlow::Continue(()),
        };
        match whole {
            Ok(spec) => {
                call.over = Some(WindowType::WindowSpec(spec));
                ControlFlow::Continue(())
            }
            Err(refused) => ControlFlow::Break(refused),
        }
    })
}

/// Returns what a name stands for. A chain of names has at most one step for each window, unless it is a circle.
fn named(name: &Ident, windows: &[NamedWindowDefinition], steps: usize) -> Result<WindowSpec, Refused> {
    let is_same = |a: &Ident, b: &Ident| match (a.quote_style, b.quote_style) {
        (None, None) => a.value.eq_ignore_ascii_case(&b.value),
        _ => a.value == b.value,
    };
    let found = windows.iter().find(|window| is_same(&window.0, name));
    match (found, steps.checked_sub(1)) {
        (Some(NamedWindowDefinition(_, NamedWindowExpr::NamedWindow(other))), Some(steps)) => {
            named(other, windows, steps)
        }
        (Some(NamedWindowDefinition(_, NamedWindowExpr::WindowSpec(spec))), Some(steps)) => whole(spec, windows, steps),
        _ => Err(refuse(name, "no WINDOW clause defines", "define it: WINDOW w AS (PARTITION BY a ORDER BY b)")),
    }
}

/// Adds to a window what the one on which it is built says.
fn whole(spec: &WindowSpec, windows: &[NamedWindowDefinition], steps: usize) -> Result<WindowSpec, Refused> {
    let mut spec = spec.clone();
    let Some(name) = spec.window_name.take() else { return Ok(spec) };
    let base = named(&name, windows, steps)?;
    let (marks, parts): (Vec<_>, Vec<_>) =
        spec.partition_by.drain(..).partition(|part| exclusions::marked(part).is_some());
    if !parts.is_empty() {
        return Err(refuse(
            &name,
            "PARTITION BY cannot be changed where a window is built on",
            "leave it out, or write the whole window",
        ));
    }
    if !spec.order_by.is_empty() && !base.order_by.is_empty() {
        return Err(refuse(
            &name,
            "ORDER BY cannot be changed where a window is built on",
            "leave it out, or write the whole window",
        ));
    }
    if base.window_frame.is_some() {
        return Err(refuse(
            &name,
            "a window with a frame cannot be built on:",
            "write `OVER w` without parentheses, or the whole window",
        ));
    }
    spec.partition_by = base.partition_by.into_iter().chain(marks).collect();
    if spec.order_by.is_empty() {
        spec.order_by = base.order_by;
    }
    Ok(spec)
}

fn refuse(name: &Ident, what: &str, hint: &str) -> Refused {
    let start = name.span.start;
    let place = if start.line > 0 { format!("line {}, column {}: ", start.line, start.column) } else { String::new() };
    Refused { message: format!("{place}{what} `{}`", name.value), hint: Some(hint.into()) }
}
