//! Finds the expression that makes planning fail, when the engine's error does not say where it is.
//!
//! In: a statement and the engine's message. Out: the place of the smallest expression at fault. The statement is planned again
//! with one expression after another replaced by NULL, which fits everywhere. If the message is then gone, the expression is at
//! fault, or something in it. If several of its parts are each at fault, they do not fit together, so the whole is the answer.

use std::ops::ControlFlow;

use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, Spanned, Statement as Ast, Value, VisitMut, VisitorMut};

use super::statement::{Position, matching_end};
use crate::catalog::Session;
use crate::dialect;

/// Statements with more expressions are not searched.
const MOST_EXPRESSIONS: usize = 400;

/// An expression of the statement.
struct Node {
    parent: Option<usize>,
    is_leaf: bool,
    start: Position,
    end: Position,
}

/// Returns where the smallest expression at fault starts, and its length in characters on its first line.
pub async fn find(session: &Session, statement: &str, message: &str) -> Option<(Position, usize)> {
    let state = session.context().state();
    let Ok(Statement::Statement(parsed)) = dialect::parse(&state, statement) else { return None };
    let nodes = nodes(&parsed);
    if nodes.len() > MOST_EXPRESSIONS || !fails(&state, &parsed, message).await {
        return None;
    }
    let mut parent = None;
    let mut found = None;
    loop {
        let mut at_fault = Vec::new();
        for (index, node) in nodes.iter().enumerate().filter(|(_, node)| node.parent == parent) {
            if !fails(&state, &without(&parsed, index), message).await {
                at_fault.push((index, node));
            }
        }
        match at_fault.as_slice() {
            // A name or a value alone has no wrong type: what surrounds it is at fault.
            [(_, node)] if node.is_leaf && found.is_some() => break,
            [(index, node)] => {
                found = Some(*node);
                parent = Some(*index);
            }
            [(_, node), ..] if found.is_none() => {
                found = Some(*node);
                break;
            }
            _ => break,
        }
    }
    let node = found.filter(|node| node.start.line > 0)?;
    let end = matching_end(statement, node.start, node.end);
    let length = if end.line == node.start.line { end.column.saturating_sub(node.start.column) } else { 1 };
    Some((node.start, length.max(1)))
}

/// Returns whether planning fails with this message.
async fn fails(state: &SessionState, statement: &Ast, message: &str) -> bool {
    let planned = dialect::plan(state, Statement::Statement(Box::new(statement.clone()))).await;
    let optimized = planned.and_then(|plan| state.optimize(&plan));
    optimized.is_err_and(|error| error.iter().next().unwrap_or(&error).find_root().message() == message)
}

fn nodes(statement: &Ast) -> Vec<Node> {
    struct Collector {
        nodes: Vec<Node>,
        open: Vec<usize>,
    }
    impl VisitorMut for Collector {
        type Break = ();

        fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
            let span = expression.span();
            let position = |line: u64, column: u64| Position { line: line as usize, column: column as usize };
            self.nodes.push(Node {
                parent: self.open.last().copied(),
                is_leaf: matches!(expression, Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_)),
                start: position(span.start.line, span.start.column),
                end: position(span.end.line, span.end.column),
            });
            self.open.push(self.nodes.len() - 1);
            ControlFlow::Continue(())
        }

        fn post_visit_expr(&mut self, _: &mut Expr) -> ControlFlow<()> {
            self.open.pop();
            ControlFlow::Continue(())
        }
    }
    let mut collector = Collector { nodes: Vec::new(), open: Vec::new() };
    // Only a break ends a visit early.
    let _ = statement.clone().visit(&mut collector);
    collector.nodes
}

/// Returns the statement with one expression replaced by NULL.
fn without(statement: &Ast, index: usize) -> Ast {
    struct Replacer {
        next: usize,
        wanted: usize,
    }
    impl VisitorMut for Replacer {
        type Break = ();

        fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
            if self.next == self.wanted {
                *expression = Expr::Value(Value::Null.into());
                return ControlFlow::Break(());
            }
            self.next += 1;
            ControlFlow::Continue(())
        }
    }
    let mut changed = statement.clone();
    let _ = changed.visit(&mut Replacer { next: 0, wanted: index });
    changed
}
