//! The names of a result's columns.
//!
//! The engine names a column by its own form of the expression, such as `sum(t.price)` or `Utf8("a")`. In: a statement. Out: the same
//! statement, in which each expression of the result has the name that the user typed.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectNamePart, OrderBy, OrderByKind, Query, SelectItem, SetExpr, Statement, TableFactor, Visit,
    Visitor,
};

use super::exclusions;
use super::identifiers::folded;
use crate::error::Refused;

/// Names the columns of a statement's result by their text.
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    let query = match statement {
        Statement::Query(query) => query,
        Statement::CreateTable(create) => match &mut create.query {
            Some(query) => query,
            None => return Ok(()),
        },
        Statement::CreateView(create) => &mut create.query,
        _ => return Ok(()),
    };
    name(query);
    Ok(())
}

fn name(query: &mut Query) {
    let Query { body, order_by, .. } = query;
    let mut body = body.as_mut();
    let select = loop {
        match body {
            SetExpr::Select(select) => break select,
            // The first query of several names the columns.
            SetExpr::SetOperation { left, .. } => body = left,
            SetExpr::Query(query) => return name(query),
            _ => return,
        }
    };
    let mut tables = Tables::default();
    // Nothing ends the visit early.
    let _ = select.from.visit(&mut tables);
    let mut taken: HashSet<String> = select.projection.iter().filter_map(known).collect();
    for item in &mut select.projection {
        let SelectItem::UnnamedExpr(expression) = item else { continue };
        let field = tables.field(expression);
        if field.is_none() && is_named(expression) {
            continue;
        }
        let text = field.unwrap_or_else(|| exclusions::typed(expression));
        let name = unused(&text, &taken);
        taken.insert(name.clone());
        if let Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }) = order_by {
            // The engine does not see that a key is the column, once the column has a name.
            let same = keys.iter_mut().filter(|key| key.expr == *expression);
            same.for_each(|key| key.expr = Expr::Identifier(Ident::with_quote('"', name.clone())));
        }
        *item = SelectItem::ExprWithAlias { expr: expression.clone(), alias: Ident::with_quote('"', name) };
    }
}

/// The names of the tables of a FROM.
#[derive(Default)]
struct Tables(HashSet<String>);

impl Visitor for Tables {
    type Break = ();

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<()> {
        let name = match table {
            TableFactor::Table { name, alias: None, .. } => name.0.last().and_then(ObjectNamePart::as_ident),
            TableFactor::Table { alias: Some(alias), .. }
            | TableFactor::Derived { alias: Some(alias), .. }
            | TableFactor::Function { alias: Some(alias), .. }
            | TableFactor::UNNEST { alias: Some(alias), .. }
            | TableFactor::NestedJoin { alias: Some(alias), .. } => Some(&alias.name),
            _ => None,
        };
        self.0.extend(name.map(folded));
        ControlFlow::Continue(())
    }
}

impl Tables {
    /// Returns the name of a field of a struct, as in `column.field` and `table.column.field`, which the engine calls
    /// `table.column[field]`; `None` for `table.column`.
    fn field(&self, expression: &Expr) -> Option<String> {
        let Expr::CompoundIdentifier(parts) = expression else { return None };
        let column = parts.iter().position(|part| self.0.contains(&folded(part))).map_or(0, |table| table + 1);
        parts.last().filter(|_| parts.len() > column + 1).map(folded)
    }
}

/// Returns whether the engine's name for an expression is that of a column.
fn is_named(expression: &Expr) -> bool {
    match expression {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => true,
        // Its columns have names of their own.
        Expr::Function(call) => call.name.to_string().eq_ignore_ascii_case("unnest"),
        _ => false,
    }
}

fn known(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name.value.clone()),
        _ => None,
    }
}

fn unused(text: &str, taken: &HashSet<String>) -> String {
    let numbered = (1..).map(|number| format!("{text}_{number}"));
    std::iter::once(text.to_string()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or_default()
}
