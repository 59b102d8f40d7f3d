//! Names of SELECT that are used in the same SELECT.
//!
//! `SELECT price * 2 AS double, double + 1 AS more FROM t WHERE double > 3`: the engine knows such a name only in GROUP BY, HAVING and
//! ORDER BY. In: a statement in which the engine misses a column. Out: the same statement, in which the name is replaced by what it
//! stands for. A column of FROM with the same name comes first, as in DuckDB.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::common::{Result, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, Ident, Query, Select, SelectItem, Statement as Ast};

use super::identifiers::{folded, replace_names};
use super::probe::{Ask, answer};
use super::scopes::{Part, everything, walk};

/// Returns whether an error may be gone once names are replaced.
pub fn may_help(error: &DataFusionError, statement: &Statement) -> bool {
    let DataFusionError::SchemaError(missing, _) = error.find_root() else { return false };
    let SchemaError::FieldNotFound { field, .. } = missing.as_ref() else { return false };
    let Some(mut parsed) = super::tree(statement) else { return false };
    let mut found = false;
    // The walk ends at the first name.
    let _ = walk(&mut parsed, &mut |part, _| {
        if let Part::Select(select) = part {
            found |= aliases(select).any(|(alias, _)| same(alias, &field.name));
        }
        ControlFlow::Continue(())
    });
    found
}

/// Replaces such names; `None` if there are none.
///
/// # Errors
/// The columns of a FROM cannot be found.
pub async fn written(state: &SessionState, mut statement: Statement) -> Result<Option<Statement>> {
    let Some(mut parsed) = super::tree(&statement) else { return Ok(None) };
    let mut changed = false;
    let mut index = 0;
    while let Some(question) = question(&mut parsed, index) {
        if let Some(query) = question {
            // What FROM holds may be known only to a query around it. Its names then stay.
            if let Ok(answer) = answer(state, Ask { query, rows: false }).await {
                let columns: Vec<String> = answer.columns.into_iter().map(|(_, name)| name).collect();
                changed |= replace(&mut parsed, index, &columns);
            }
        }
        index += 1;
    }
    super::put(&mut statement, parsed);
    Ok(changed.then_some(statement))
}

/// Returns the query for the columns of a SELECT's FROM. The outer `None` says that there are fewer SELECTs; the inner one, that this
/// SELECT names nothing.
fn question(statement: &mut Ast, wanted: usize) -> Option<Option<Query>> {
    let mut next = 0;
    let mut found = None;
    // The walk ends at the SELECT.
    let _ = walk(statement, &mut |part, scope| {
        let Part::Select(select) = part else { return ControlFlow::Continue(()) };
        if next == wanted {
            let named = aliases(select).next().is_some();
            found = Some(named.then(|| scope.query(everything(select.from.clone()))));
            return ControlFlow::Break(());
        }
        next += 1;
        ControlFlow::Continue(())
    });
    found
}

fn replace(statement: &mut Ast, wanted: usize, columns: &[String]) -> bool {
    let mut next = 0;
    let mut changed = false;
    // The walk ends at the SELECT.
    let _ = walk(statement, &mut |part, _| {
        let Part::Select(select) = part else { return ControlFlow::Continue(()) };
        if next == wanted {
            changed = replace_in(select, columns);
            return ControlFlow::Break(());
        }
        next += 1;
        ControlFlow::Continue(())
    });
    changed
}

fn replace_in(select: &mut Select, columns: &[String]) -> bool {
    let mut known: HashMap<String, Expr> = HashMap::new();
    let replaced = |expression: &mut Expr, known: &HashMap<String, Expr>| {
        replace_names(expression, &|name| known.get(&folded(name)).map(|known| Expr::Nested(Box::new(known.clone()))))
    };
    let mut changed = false;
    for item in &mut select.projection {
        match item {
            SelectItem::UnnamedExpr(expression) => {
                let text = expression.to_string();
                if replaced(expression, &known) {
                    let alias = Ident::with_quote('"', text);
                    *item = SelectItem::ExprWithAlias { expr: expression.clone(), alias };
                    changed = true;
                }
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                changed |= replaced(expr, &known);
                let is_column = columns.iter().any(|column| same(alias, column));
                if !is_column && !holds_query(expr) {
                    known.insert(folded(alias), expr.clone());
                }
            }
            _ => {}
        }
    }
    for condition in [&mut select.selection, &mut select.qualify].into_iter().flatten() {
        changed |= replaced(condition, &known);
    }
    changed
}

fn aliases(select: &Select) -> impl Iterator<Item = (&Ident, &Expr)> {
    select.projection.iter().filter_map(|item| match item {
        SelectItem::ExprWithAlias { expr, alias } => Some((alias, expr)),
        _ => None,
    })
}

fn same(alias: &Ident, column: &str) -> bool {
    folded(alias) == column
}

/// A subquery is not computed twice for a name.
fn holds_query(expression: &Expr) -> bool {
    let visited = datafusion::sql::sqlparser::ast::visit_expressions(expression, |expression| match expression {
        Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    visited.is_break()
}
