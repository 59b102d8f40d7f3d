//! `INTERVAL 1 DAY PRECEDING`, `(1) PRECEDING`.
//!
//! In frames, the engine takes only a number, or an interval whose value is a text. In: a parsed statement, in which each OVER says all of its
//! window. Out: the same statement, in which offsets that are written in other ways are one of these.

use datafusion::sql::sqlparser::ast::{DataType, Expr, Interval, Statement, Value, WindowFrameBound, WindowType};

use crate::error::Refused;

/// Writes the offsets of frames as the engine has them.
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    super::each_expression(statement, |expression| {
        if let Expr::Function(call) = expression
            && let Some(WindowType::WindowSpec(spec)) = &mut call.over
            && let Some(frame) = &mut spec.window_frame
        {
            [Some(&mut frame.start_bound), frame.end_bound.as_mut()].into_iter().flatten().for_each(simplify);
        }
    });
    Ok(())
}

/// Writes an offset without parentheses, and an interval as a text.
fn simplify(bound: &mut WindowFrameBound) {
    let (WindowFrameBound::Preceding(Some(offset)) | WindowFrameBound::Following(Some(offset))) = bound else { return };
    while let Expr::Nested(inner) = offset.as_mut() {
        *offset = std::mem::replace(inner, Box::new(Expr::Value(Value::Null.into())));
    }
    match offset.as_mut() {
        Expr::Interval(interval) => {
            if let Expr::Value(value) = interval.value.as_mut()
                && let Value::Number(number, _) = &value.value
            {
                value.value = Value::SingleQuotedString(number.clone());
            }
        }
        Expr::Cast { expr, data_type: DataType::Interval { .. }, .. } if matches!(expr.as_ref(), Expr::Value(_)) => {
            let interval = Interval {
                value: expr.clone(),
                leading_field: None,
                leading_precision: None,
                last_field: None,
                fractional_seconds_precision: None,
            };
            **offset = Expr::Interval(interval);
        }
        _ => {}
    }
}
