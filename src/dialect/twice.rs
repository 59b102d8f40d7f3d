//! Names that a SELECT has twice.
//!
//! The engine refuses `SELECT a, a`, and a query in FROM whose columns are `x.a, y.a`. In: a statement. Out: the same statement, in which
//! a later column of a name is numbered, as DuckDB does where names have to differ: `a`, `a_1`.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, OrderByKind, Query, SelectItem, SetExpr, Statement, VisitMut, VisitorMut,
};

use super::identifiers::folded;
use crate::error::Refused;

/// Numbers names that come again.
pub fn number(statement: &mut Statement) -> Result<(), Refused> {
    // Nothing ends the visit early.
    let _ = statement.visit(&mut Numbers);
    Ok(())
}

struct Numbers;

impl VisitorMut for Numbers {
    type Break = ();

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let numbered = in_body(&mut query.body);
        if let Some(order) = &mut query.order_by
            && let OrderByKind::Expressions(keys) = &mut order.kind
        {
            // The engine does not see that a key is the column, once the column has another name.
            for (expression, name) in numbered {
                let same = keys.iter_mut().filter(|key| key.expr == expression);
                same.for_each(|key| key.expr = Expr::Identifier(name.clone()));
            }
        }
        ControlFlow::Continue(())
    }
}

/// Numbers the columns of every SELECT of a body; returns what the first one calls anew.
fn in_body(body: &mut SetExpr) -> Vec<(Expr, Ident)> {
    match body {
        SetExpr::Select(select) => in_items(&mut select.projection),
        SetExpr::SetOperation { left, right, .. } => {
            in_body(right);
            in_body(left)
        }
        _ => Vec::new(),
    }
}

fn in_items(items: &mut [SelectItem]) -> Vec<(Expr, Ident)> {
    let all: HashSet<String> = items.iter().filter_map(name).collect();
    let mut taken = HashSet::new();
    let mut numbered = Vec::new();
    for item in items {
        let Some(own) = name(item) else { continue };
        if taken.insert(own.clone()) {
            continue;
        }
        let names = (1..).map(|number| format!("{own}_{number}"));
        let Some(other) = names.into_iter().find(|other| !taken.contains(other) && !all.contains(other)) else {
            continue;
        };
        taken.insert(other.clone());
        let alias = Ident::with_quote('"', other);
        match item {
            SelectItem::UnnamedExpr(expression) => {
                // The same column twice has one place in an order; the first one has it.
                if matches!(expression, Expr::CompoundIdentifier(_)) {
                    numbered.push((expression.clone(), alias.clone()));
                }
                *item = SelectItem::ExprWithAlias { expr: expression.clone(), alias };
            }
            SelectItem::ExprWithAlias { alias: own, .. } => *own = alias,
            _ => {}
        }
    }
    numbered
}

/// Returns the name of a column of the result; `None` if the item stands for several.
fn name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(folded(name)),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last().map(folded),
        SelectItem::UnnamedExpr(expression) => Some(expression.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn written(text: &str) -> String {
        let mut statements = Parser::parse_sql(&GenericDialect {}, text).expect("SQL");
        number(&mut statements[0]).expect("written");
        statements[0].to_string()
    }

    #[test]
    fn later_columns_of_a_name_are_numbered() {
        assert_eq!(written("SELECT a, A, b AS a, a_1 FROM t"), "SELECT a, A AS \"a_2\", b AS \"a_3\", a_1 FROM t");
        assert_eq!(
            written("SELECT * FROM (SELECT x.a, y.a FROM x, y ORDER BY y.a)"),
            "SELECT * FROM (SELECT x.a, y.a AS \"a_1\" FROM x, y ORDER BY \"a_1\")"
        );
        assert_eq!(written("SELECT 1 AS x UNION ALL SELECT 2, 2"), "SELECT 1 AS x UNION ALL SELECT 2, 2 AS \"2_1\"");
        assert_eq!(written("SELECT a, \"A\", t.* FROM t"), "SELECT a, \"A\", t.* FROM t");
    }
}
