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
const MOST_DIGITS: usize = 38;

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
        let Expr::Value(literal) = expression else { return ControlFlow::Continue(()) };
        let Value::Number(text, _) = &literal.value else { return ControlFlow::Continue(()) };
        let Some(fraction) = fraction(text) else { return ControlFlow::Continue(()) };
        let digits = text.trim_start_matches(['0', '.']).bytes().filter(u8::is_ascii_digit).count().max(fraction);
        let is_long = if fraction == 0 { text.parse::<u64>().is_err() } else { digits > DIGITS_OF_DOUBLE };
        if is_long && digits <= MOST_DIGITS {
            let precision = if fraction == 0 { MOST_DIGITS } else { digits };
            let mut literal = literal.clone();
            literal.value = Value::SingleQuotedString(text.clone());
            *expression = Expr::Cast {
                kind: CastKind::Cast,
                expr: Box::new(Expr::Value(literal)),
                data_type: DataType::Decimal(ExactNumberInfo::PrecisionAndScale(precision as u64, fraction as i64)),
                array: false,
                format: None,
            };
        }
        ControlFlow::Continue(())
    }
}

/// Returns how many digits stand behind the point; `None` if the number has an exponent.
fn fraction(text: &str) -> Option<usize> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_plain = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    (is_plain(whole) && is_plain(fraction)).then_some(fraction.len())
}
