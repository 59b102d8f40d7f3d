//! `5 * INTERVAL '1 minute'`, `INTERVAL '1 day' * n`.
//!
//! The engine multiplies no intervals. In: a statement. Out: the same statement, in which such a product is a cast: the text of `n` with the
//! unit behind it. An interval of several units stays.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Statement, Value};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use crate::error::Refused;
use crate::text::literal;

/// Writes products of a number and an interval.
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    super::each_expression(statement, |expression| {
        if let Expr::BinaryOp { left, op: BinaryOperator::Multiply, right } = expression
            && let Some((number, (count, unit))) =
                counted(left).map(|found| (&*right, found)).or_else(|| counted(right).map(|found| (&*left, found)))
        {
            let text =
                format!("CAST(CAST(({number}) * {count} AS VARCHAR) || {} AS INTERVAL)", literal(&format!(" {unit}")));
            // The text is made here, so that it can be read.
            if let Ok(product) = Parser::new(&GenericDialect {}).try_with_sql(&text).and_then(|mut it| it.parse_expr())
            {
                *expression = product;
            }
        }
    });
    Ok(())
}

/// Returns the number and the unit of an interval; `None` if it has several, or is something else.
fn counted(expression: &Expr) -> Option<(i64, String)> {
    let interval = match expression {
        Expr::Nested(inner) => return counted(inner),
        Expr::Interval(interval) => interval,
        _ => return None,
    };
    let Expr::Value(value) = interval.value.as_ref() else { return None };
    let text = match &value.value {
        Value::SingleQuotedString(text) | Value::Number(text, _) => text.trim(),
        _ => return None,
    };
    let (count, unit) = match &interval.leading_field {
        Some(unit) => (text, unit.to_string()),
        None => text.split_once(' ').map(|(count, unit)| (count, unit.trim().to_string()))?,
    };
    let is_unit = unit.bytes().all(|letter| letter.is_ascii_alphabetic());
    is_unit.then_some((count.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_become_casts() {
        for (text, expected) in [
            ("ts + n * INTERVAL '5 minutes'", "ts + CAST(CAST((n) * 5 AS VARCHAR) || ' minutes' AS INTERVAL)"),
            ("INTERVAL '1' DAY * (a + 1)", "CAST(CAST(((a + 1)) * 1 AS VARCHAR) || ' DAY' AS INTERVAL)"),
            ("2 * INTERVAL '1 day 2 hours'", "2 * INTERVAL '1 day 2 hours'"),
            ("a * b", "a * b"),
        ] {
            let mut statement =
                Parser::parse_sql(&GenericDialect {}, &format!("SELECT {text}")).expect("SQL").remove(0);
            write(&mut statement).expect("written");
            assert_eq!(statement.to_string(), format!("SELECT {expected}"));
        }
    }
}
