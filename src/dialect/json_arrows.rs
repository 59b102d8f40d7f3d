//! `j ->> 'a' = 'x'`: how tightly the operators of JSON bind.
//!
//! The parser lets `->` and `->>` bind less tightly than comparisons: it reads `j ->> ('a' = 'x')`. In: a parsed statement. Out: the same
//! statement, in which they bind more tightly than comparisons, IS, IN, LIKE and BETWEEN, as tightly as `||`, and less tightly than `+`, as in
//! PostgreSQL and DuckDB. What the user put in parentheses is a node of its own in the tree, so it stays together.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Statement, Value};

use super::each_expression;
use crate::error::Refused;

/// Puts the operands of the operators where they belong.
pub fn mend(statement: &mut Statement) -> Result<(), Refused> {
    each_expression(statement, |expression| {
        let Expr::BinaryOp { left, op: op @ (BinaryOperator::Arrow | BinaryOperator::LongArrow), right } = expression
        else {
            return;
        };
        let (op, left, right) = (op.clone(), take(left), take(right));
        *expression = joined(left, op, right);
    });
    Ok(())
}

/// Returns an operator between what stands directly before it and directly behind it, in the place of these.
fn joined(mut left: Expr, op: BinaryOperator, mut right: Expr) -> Expr {
    if let Some(end) = end(&mut left) {
        *end = joined(take(end), op, right);
        return left;
    }
    if let Some(start) = start(&mut right) {
        *start = joined(left, op, take(start));
        return right;
    }
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

/// Returns the last operand of an expression that binds less tightly than the operators of JSON.
fn end(expression: &mut Expr) -> Option<&mut Expr> {
    match expression {
        Expr::BinaryOp { op, right, .. } if is_comparison(op) => Some(&mut **right),
        Expr::Like { pattern: right, .. }
        | Expr::ILike { pattern: right, .. }
        | Expr::Between { high: right, .. }
        | Expr::IsDistinctFrom(_, right)
        | Expr::IsNotDistinctFrom(_, right) => Some(&mut **right),
        _ => None,
    }
}

/// Returns the first operand of an expression that binds less tightly than the operators of JSON, or as tightly.
fn start(expression: &mut Expr) -> Option<&mut Expr> {
    match expression {
        Expr::BinaryOp { left, op, .. } if is_comparison(op) || *op == BinaryOperator::StringConcat => {
            Some(&mut **left)
        }
        Expr::Like { expr: left, .. }
        | Expr::ILike { expr: left, .. }
        | Expr::SimilarTo { expr: left, .. }
        | Expr::Between { expr: left, .. }
        | Expr::InList { expr: left, .. }
        | Expr::InSubquery { expr: left, .. }
        | Expr::InUnnest { expr: left, .. }
        | Expr::AnyOp { left, .. }
        | Expr::AllOp { left, .. }
        | Expr::IsDistinctFrom(left, _)
        | Expr::IsNotDistinctFrom(left, _)
        | Expr::IsNull(left)
        | Expr::IsNotNull(left)
        | Expr::IsTrue(left)
        | Expr::IsNotTrue(left)
        | Expr::IsFalse(left)
        | Expr::IsNotFalse(left)
        | Expr::IsUnknown(left)
        | Expr::IsNotUnknown(left) => Some(&mut **left),
        _ => None,
    }
}

fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator as Op;
    matches!(
        op,
        Op::Eq
            | Op::NotEq
            | Op::Lt
            | Op::LtEq
            | Op::Gt
            | Op::GtEq
            | Op::Spaceship
            | Op::PGRegexMatch
            | Op::PGRegexIMatch
            | Op::PGRegexNotMatch
            | Op::PGRegexNotIMatch
            | Op::PGLikeMatch
            | Op::PGILikeMatch
            | Op::PGNotLikeMatch
            | Op::PGNotILikeMatch
    )
}

fn take(expression: &mut Expr) -> Expr {
    std::mem::replace(expression, Expr::value(Value::Null))
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::ast::{SelectItem, SetExpr};
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    /// Returns an expression after the step.
    fn mended(text: &str) -> Expr {
        let mut statements = Parser::parse_sql(&GenericDialect {}, &format!("SELECT {text}")).unwrap();
        mend(&mut statements[0]).unwrap();
        let Statement::Query(query) = statements.remove(0) else { panic!("{text}") };
        let SetExpr::Select(mut select) = *query.body else { panic!("{text}") };
        match select.projection.remove(0) {
            SelectItem::UnnamedExpr(expression) => expression,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn operators_bind_as_in_postgresql() {
        for (text, expected) in [
            ("j ->> 'a' = 'x'", "(j ->> 'a') = 'x'"),
            ("x = j -> 'a' ->> 'b'", "x = ((j -> 'a') ->> 'b')"),
            (
                "j -> 'a' ->> 'b' <> 'x' AND NOT j ->> 'c' IS NULL",
                "((j -> 'a') ->> 'b') <> 'x' AND NOT (j ->> 'c') IS NULL",
            ),
            ("j ->> 'a' LIKE 'x%' OR x LIKE j ->> 'b'", "(j ->> 'a') LIKE 'x%' OR x LIKE (j ->> 'b')"),
            ("j ->> 'a' IN ('x', j ->> 'b' = 'y')", "(j ->> 'a') IN ('x', (j ->> 'b') = 'y')"),
            ("j ->> 'a' BETWEEN '4' AND '6'", "(j ->> 'a') BETWEEN '4' AND '6'"),
            ("x BETWEEN '4' AND j ->> 'a'", "x BETWEEN '4' AND (j ->> 'a')"),
            ("j ->> 'a' || 'y' = 'z'", "(j ->> 'a') || 'y' = 'z'"),
            ("x || j ->> 'a'", "(x || j) ->> 'a'"),
            ("j -> i + 1", "j -> (i + 1)"),
            ("j ->> 'a'::VARCHAR IS NOT NULL", "(j ->> 'a'::VARCHAR) IS NOT NULL"),
        ] {
            let mut wanted = mended(expected);
            each_expression(&mut wanted, |part| {
                if let Expr::Nested(inner) = part {
                    *part = take(inner);
                }
            });
            // Trees are equal wherever their parts stand in the text.
            assert_eq!(mended(text), wanted, "{text}");
        }
    }
}
