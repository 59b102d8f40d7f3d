//! Numbers with more digits than a double has.
//!
//! The engine reads integers that are too long for 64 bits, and all numbers with a point, as doubles. In: a parsed statement. Out: the same
//! statement, in which a number that would lose digits is a DECIMAL, and `1.005::DECIMAL(10, 2)` a cast of these digits.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, ExactNumberInfo, Expr, Statement, Value, VisitMut, VisitorMut,
};

use crate::error::Refused;

/// The most digits of a DECIMAL.
pub(super) const MOST_DIGITS: usize = 38;

/// The digits that every double keeps.
const DIGITS_OF_DOUBLE: usize = 15;

/// Writes long numbers as decimals.
pub fn write_decimals(statement: &mut Statement) -> Result<(), Refused> {
    // Nothing ends the visit early.
    let _ = statement.visit(&mut Writer);
    Ok(())
}

struct Writer;

impl VisitorMut for Writer {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Expr::Cast { expr, data_type: DataType::Decimal(_) | DataType::Numeric(_) | DataType::Dec(_), .. } =
            expression
            && let Expr::Value(literal) = expr.as_mut()
            && let Value::Number(text, _) = &literal.value
            && fraction(text).is_some()
        {
            literal.value = Value::SingleQuotedString(text.clone());
        }
        if let Expr::Value(literal) = expression
            && let Value::Number(text, _) = &literal.value
            && let Some((digits, fraction)) = decimal(text)
        {
            make_decimal(expression, digits, fraction);
        }
        ControlFlow::Continue(())
    }
}

/// Returns the digits of the DECIMAL that a number is, and how many of them stand behind its point; `None` if it is another type.
pub(super) fn decimal(text: &str) -> Option<(usize, usize)> {
    let (digits, fraction) = digits(text)?;
    let is_long =
        if fraction == 0 { text.parse::<u64>().is_err() } else { digits > DIGITS_OF_DOUBLE && !is_double(text) };
    let precision = if fraction == 0 { MOST_DIGITS } else { digits };
    (is_long && digits <= MOST_DIGITS).then_some((precision, fraction))
}

/// Returns how many digits a number has, and how many stand behind its point; `None` if it has an exponent.
pub(super) fn digits(text: &str) -> Option<(usize, usize)> {
    let fraction = fraction(text)?;
    let digits = text.trim_start_matches(['0', '.']).bytes().filter(u8::is_ascii_digit).count();
    Some((digits.max(fraction), fraction))
}

/// Writes a number as a DECIMAL.
pub(super) fn make_decimal(number: &mut Expr, digits: usize, fraction: usize) {
    let Expr::Value(literal) = number else { return };
    let Value::Number(text, _) = &literal.value else { return };
    let mut literal = literal.clone();
    literal.value = Value::SingleQuotedString(text.clone());
    *number = Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(Expr::Value(literal)),
        data_type: DataType::Decimal(ExactNumberInfo::PrecisionAndScale(digits as u64, fraction as i64)),
        array: false,
        format: None,
    };
}

/// Returns whether a number with a point is as a double is written, with no more digits than tell it from other doubles.
fn is_double(text: &str) -> bool {
    let written = text.parse::<f64>().map(|double| double.to_string()).unwrap_or_default();
    let trimmed = text.trim_start_matches('0').trim_end_matches('0').trim_end_matches('.');
    written.trim_start_matches('0') == trimmed
}

/// Returns how many digits stand behind the point; `None` if the number has an exponent.
fn fraction(text: &str) -> Option<usize> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_plain = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    (is_plain(whole) && is_plain(fraction)).then_some(fraction.len())
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        for (text, expected) in [
            ("1.5", "1.5"),
            ("0.18687043819626223", "0.18687043819626223"),
            ("2.0000000000000004", "2.0000000000000004"),
            ("1234567890.1250000000000", "1234567890.1250000000000"),
            ("12345678901234567.25", "CAST('12345678901234567.25' AS DECIMAL(19,2))"),
            ("18446744073709551616", "CAST('18446744073709551616' AS DECIMAL(38,0))"),
            ("1.005::DECIMAL(10, 2)", "'1.005'::DECIMAL(10,2)"),
            ("1e3", "1e3"),
        ] {
            let statement = Parser::parse_sql(&GenericDialect {}, &format!("SELECT {text}"));
            let mut statement = statement.expect("SQL").swap_remove(0);
            write_decimals(&mut statement).expect("written");
            assert_eq!(statement.to_string(), format!("SELECT {expected}"));
        }
    }
}
