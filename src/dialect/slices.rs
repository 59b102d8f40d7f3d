//! `list[2:]`, `list[:2]` and `text[2:3]`: slices, also without a start or an end.
//!
//! In: a parsed statement. Out: the same statement, in which a slice is a call of `array_slice`, which also takes texts. One without bounds
//! begins with the first element, or ends with the last one.

use datafusion::sql::sqlparser::ast::{AccessExpr, Expr, Statement, Subscript, UnaryOperator, Value};

use super::calls::call;
use crate::error::Refused;

/// Writes slices as calls.
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    super::each_expression(statement, |expression| {
        let Expr::CompoundFieldAccess { root, access_chain } = expression else { return };
        if !access_chain.iter().any(is_slice) {
            return;
        }
        let (mut inner, mut before) = ((**root).clone(), Vec::new());
        for access in std::mem::take(access_chain) {
            match access {
                AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride }) => {
                    let bounds = [lower_bound.unwrap_or_else(one), upper_bound.unwrap_or_else(last)];
                    let list = accessed(inner, std::mem::take(&mut before));
                    inner = call("array_slice", [list].into_iter().chain(bounds).chain(stride).collect());
                }
                other => before.push(other),
            }
        }
        *expression = accessed(inner, before);
    });
    Ok(())
}

fn is_slice(access: &AccessExpr) -> bool {
    matches!(access, AccessExpr::Subscript(Subscript::Slice { .. }))
}

/// Returns a part of a value; of a name, with names of its parts behind it, this is a longer name.
fn accessed(root: Expr, access_chain: Vec<AccessExpr>) -> Expr {
    let mut names = match &root {
        Expr::Identifier(name) => vec![name.clone()],
        Expr::CompoundIdentifier(names) => names.clone(),
        _ => Vec::new(),
    };
    for access in &access_chain {
        match access {
            AccessExpr::Dot(Expr::Identifier(name)) if !names.is_empty() => names.push(name.clone()),
            _ => return Expr::CompoundFieldAccess { root: Box::new(root), access_chain },
        }
    }
    if access_chain.is_empty() { root } else { Expr::CompoundIdentifier(names) }
}

fn one() -> Expr {
    Expr::value(Value::Number("1".into(), false))
}

/// Places below zero are counted from the end.
fn last() -> Expr {
    Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(one()) }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn slices_become_calls() {
        for (text, expected) in [
            ("SELECT a[2:], (b)[:2]", "SELECT array_slice(a, 2, -1), array_slice((b), 1, 2)"),
            ("SELECT t.a[1:2], t.s.a[1:4:2][3]", "SELECT array_slice(t.a, 1, 2), array_slice(t.s.a, 1, 4, 2)[3]"),
            ("SELECT a[1]['k'][2:3][1:1]", "SELECT array_slice(array_slice(a[1]['k'], 2, 3), 1, 1)"),
            ("SELECT a[1], t.a[2]", "SELECT a[1], t.a[2]"),
        ] {
            let mut statements = Parser::parse_sql(&GenericDialect {}, text).unwrap();
            write(&mut statements[0]).unwrap();
            assert_eq!(statements[0].to_string(), expected);
        }
    }
}
