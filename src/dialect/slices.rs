//! `list[2:]` and `list[:2]`: slices without a start or an end.
//!
//! In: a parsed statement. Out: the same statement, in which such a slice begins with the first element, or ends with the last one.

use datafusion::sql::sqlparser::ast::{AccessExpr, Expr, Statement, Subscript, UnaryOperator, Value};

use crate::error::Refused;

/// Writes the bounds that are left out.
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    super::each_expression(statement, |expression| {
        let Expr::CompoundFieldAccess { access_chain, .. } = expression else { return };
        for access in access_chain {
            if let AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, .. }) = access {
                lower_bound.get_or_insert_with(one);
                upper_bound.get_or_insert_with(last);
            }
        }
    });
    Ok(())
}

fn one() -> Expr {
    Expr::value(Value::Number("1".into(), false))
}

/// Places below zero are counted from the end.
fn last() -> Expr {
    Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(one()) }
}
