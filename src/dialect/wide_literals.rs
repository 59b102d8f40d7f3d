//! Integers that are too long for 64 bits.
//!
//! The engine reads such a literal as a double, which loses digits. In: a parsed statement. Out: the same statement, in which an integer
//! of up to 38 digits is a DECIMAL.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, ExactNumberInfo, Expr, Statement, Value, VisitMut, VisitorMut,
};

use crate::error::Refused;

/// The most digits of a DECIMAL.
const MOST_DIGITS: usize = 38;

/// Writes long integers as decimals.
pub fn write_decimals(statement: &mut Statement) -> Result<(), Refused> {
    // Nothing ends the visit early.
    let _ = statement.visit(&mut Writer);
    Ok(())
}

struct Writer;

impl VisitorMut for Writer {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        let Expr::Value(literal) = expression else { return ControlFlow::Continue(()) };
        let Value::Number(text, _) = &literal.value else { return ControlFlow::Continue(()) };
        let digits = text.trim_start_matches('0').len();
        let is_long = text.bytes().all(|digit| digit.is_ascii_digit()) && text.parse::<u64>().is_err();
        if is_long && digits <= MOST_DIGITS {
            let mut literal = literal.clone();
            literal.value = Value::SingleQuotedString(text.clone());
            *expression = Expr::Cast {
                kind: CastKind::Cast,
                expr: Box::new(Expr::Value(literal)),
                data_type: DataType::Decimal(ExactNumberInfo::PrecisionAndScale(MOST_DIGITS as u64, 0)),
                array: false,
                format: None,
            };
        }
        ControlFlow::Continue(())
    }
}
