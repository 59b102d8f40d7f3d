//! IS DISTINCT FROM between AND and OR.
//!
//! The parser takes everything behind `a IS DISTINCT FROM` for the right side: `a IS DISTINCT FROM b OR c` as
//! `a IS DISTINCT FROM (b OR c)`. In: a parsed statement. Out: the same statement, in which the right side ends before AND, OR and IS, as
//! in PostgreSQL and DuckDB. What the user put in parentheses is a node of its own in the tree, so it stays together.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Statement, UnaryOperator, Value, VisitMut, VisitorMut};

use crate::error::Refused;

/// Puts the right sides of IS DISTINCT FROM where they belong.
pub fn mend(statement: &mut Statement) -> Result<(), Refused> {
    // Nothing ends the visit early.
    let _ = statement.visit(&mut Mender);
    Ok(())
}

struct Mender;

impl VisitorMut for Mender {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if is_wrong(expression) {
            let mut parts = Vec::new();
            take_apart(std::mem::replace(expression, nothing()), &mut parts);
            let mut parts = parts.into_iter().peekable();
            *expression = put_together(&mut parts, 0);
        }
        ControlFlow::Continue(())
    }
}

/// A part of an expression, as it stands in the text.
enum Part {
    Operand(Box<Expr>),
    Not,
    /// AND or OR.
    Between(BinaryOperator),
    /// IS DISTINCT FROM or IS NOT DISTINCT FROM, and the function that makes it.
    Distinct(fn(Box<Expr>, Box<Expr>) -> Expr),
    /// A test behind its operand, such as IS NULL.
    Behind(fn(Box<Expr>) -> Expr),
}

type Parts = std::iter::Peekable<std::vec::IntoIter<Part>>;

const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const IS: u8 = 4;

/// Returns how tightly an operator binds that binds less tightly than comparisons.
fn tightness(operator: &BinaryOperator) -> Option<u8> {
    match operator {
        BinaryOperator::Or => Some(OR),
        BinaryOperator::And => Some(AND),
        _ => None,
    }
}

/// Returns whether the right side of an IS DISTINCT FROM holds more than it should, somewhere among the parts of a condition.
fn is_wrong(expression: &Expr) -> bool {
    let mut left = vec![expression];
    while let Some(part) = left.pop() {
        match part {
            Expr::BinaryOp { left: before, op, right } if tightness(op).is_some() => left.extend([&**before, &**right]),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => left.push(expr),
            Expr::IsDistinctFrom(before, right) | Expr::IsNotDistinctFrom(before, right) => {
                if is_loose(right) {
                    return true;
                }
                left.push(before);
            }
            _ => {}
        }
    }
    false
}

/// Returns whether an expression is one that cannot be the right side without parentheses.
fn is_loose(expression: &Expr) -> bool {
    match expression {
        Expr::BinaryOp { op, .. } => tightness(op).is_some(),
        Expr::IsDistinctFrom(..) | Expr::IsNotDistinctFrom(..) => true,
        other => test(other).is_some(),
    }
}

/// Returns the test that an expression is, such as IS NULL.
fn test(expression: &Expr) -> Option<fn(Box<Expr>) -> Expr> {
    Some(match expression {
        Expr::IsNull(_) => Expr::IsNull,
        Expr::IsNotNull(_) => Expr::IsNotNull,
        Expr::IsTrue(_) => Expr::IsTrue,
        Expr::IsNotTrue(_) => Expr::IsNotTrue,
        Expr::IsFalse(_) => Expr::IsFalse,
        Expr::IsNotFalse(_) => Expr::IsNotFalse,
        Expr::IsUnknown(_) => Expr::IsUnknown,
        Expr::IsNotUnknown(_) => Expr::IsNotUnknown,
        _ => return None,
    })
}

/// Takes an expression apart, in the order of the text.
fn take_apart(expression: Expr, parts: &mut Vec<Part>) {
    let behind = test(&expression);
    match expression {
        Expr::BinaryOp { left, op, right } if tightness(&op).is_some() => {
            take_apart(*left, parts);
            parts.push(Part::Between(op));
            take_apart(*right, parts);
        }
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
            parts.push(Part::Not);
            take_apart(*expr, parts);
        }
        Expr::IsDistinctFrom(left, right) => {
            take_apart(*left, parts);
            parts.push(Part::Distinct(Expr::IsDistinctFrom));
            take_apart(*right, parts);
        }
        Expr::IsNotDistinctFrom(left, right) => {
            take_apart(*left, parts);
            parts.push(Part::Distinct(Expr::IsNotDistinctFrom));
            take_apart(*right, parts);
        }
        Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotUnknown(inner) => {
            take_apart(*inner, parts);
            parts.extend(behind.map(Part::Behind));
        }
        other => parts.push(Part::Operand(Box::new(other))),
    }
}

/// Puts parts together, up to an operator that binds less tightly than `least`.
fn put_together(parts: &mut Parts, least: u8) -> Expr {
    let mut left = match parts.next() {
        Some(Part::Operand(operand)) => *operand,
        Some(Part::Not) => Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(put_together(parts, NOT)) },
        // The parts come from an expression, so an operand is there.
        _ => return nothing(),
    };
    loop {
        let binds = match parts.peek() {
            Some(Part::Between(operator)) => tightness(operator).unwrap_or(IS),
            Some(Part::Distinct(_) | Part::Behind(_)) => IS,
            _ => return left,
        };
        if binds < least {
            return left;
        }
        left = match parts.next() {
            Some(Part::Between(op)) => {
                let right = put_together(parts, binds + 1);
                Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
            }
            Some(Part::Distinct(make)) => make(Box::new(left), Box::new(put_together(parts, IS + 1))),
            Some(Part::Behind(make)) => make(Box::new(left)),
            _ => return left,
        };
    }
}

/// Stands where an expression was taken out.
fn nothing() -> Expr {
    Expr::Value(Value::Null.into())
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    /// Writes parentheses around every operator of these kinds.
    fn grouped(expression: &Expr) -> String {
        match expression {
            Expr::BinaryOp { left, op, right } => format!("({} {op} {})", grouped(left), grouped(right)),
            Expr::UnaryOp { op, expr } => format!("({op} {})", grouped(expr)),
            Expr::IsDistinctFrom(left, right) => format!("({} <> {})", grouped(left), grouped(right)),
            Expr::IsNotDistinctFrom(left, right) => format!("({} == {})", grouped(left), grouped(right)),
            Expr::IsNull(inner) => format!("({} IS NULL)", grouped(inner)),
            Expr::Nested(inner) => format!("[{}]", grouped(inner)),
            other => other.to_string(),
        }
    }

    #[test]
    fn the_right_side_ends_before_and_or_and_is() {
        for (text, expected) in [
            ("a IS DISTINCT FROM b OR c", "((a <> b) OR c)"),
            ("a IS NOT DISTINCT FROM b AND c OR d", "(((a == b) AND c) OR d)"),
            ("x AND a IS DISTINCT FROM b OR c AND d", "((x AND (a <> b)) OR (c AND d))"),
            ("NOT a IS DISTINCT FROM b AND c", "((NOT (a <> b)) AND c)"),
            ("a IS DISTINCT FROM b = c AND d", "((a <> (b = c)) AND d)"),
            ("a = b IS DISTINCT FROM c OR d", "(((a = b) <> c) OR d)"),
            ("a IS DISTINCT FROM b IS NULL", "((a <> b) IS NULL)"),
            ("a IS DISTINCT FROM b IS DISTINCT FROM c AND d", "(((a <> b) <> c) AND d)"),
            ("a IS DISTINCT FROM b IS NULL AND NOT c OR d", "((((a <> b) IS NULL) AND (NOT c)) OR d)"),
            ("a IS DISTINCT FROM (b OR c) AND d", "((a <> [(b OR c)]) AND d)"),
            ("a IS DISTINCT FROM b OR c IS DISTINCT FROM d OR e", "(((a <> b) OR (c <> d)) OR e)"),
            ("a OR b AND NOT c = d", "(a OR (b AND (NOT (c = d))))"),
        ] {
            let mut statement =
                Parser::parse_sql(&GenericDialect {}, &format!("SELECT {text}")).expect("SQL").remove(0);
            mend(&mut statement).expect("mended");
            assert_eq!(statement.to_string(), format!("SELECT {text}"));
            let mut first = None;
            let _ = datafusion::sql::sqlparser::ast::visit_expressions(&statement, |expression| {
                first = Some(grouped(expression));
                ControlFlow::Break(())
            });
            assert_eq!(first.as_deref(), Some(expected), "{text}");
        }
    }
}
