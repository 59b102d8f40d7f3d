//! Frames that start after they end.
//!
//! The engine refuses them with the debug text of their bounds. In: a parsed statement, in which each OVER says all of its window. Out: an
//! error that says the frame.

use std::ops::ControlFlow;

use datafusion::arrow::compute::kernels::cast_utils::parse_interval_month_day_nano;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, Spanned, Statement, Value, VisitMut, VisitorMut, WindowFrame, WindowFrameBound, WindowType,
};

use crate::error::Refused;

/// Checks the bounds of frames.
///
/// # Errors
/// A frame starts after it ends.
pub fn check(statement: &mut Statement) -> Result<(), Refused> {
    super::refused(statement.visit(&mut Checker))
}

struct Checker;

impl VisitorMut for Checker {
    type Break = Refused;

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Refused> {
        if let Expr::Function(call) = expression
            && let Some(WindowType::WindowSpec(spec)) = &call.over
            && let Some(frame) = &spec.window_frame
        {
            let end = frame.end_bound.as_ref().unwrap_or(&WindowFrameBound::CurrentRow);
            if starts_after(&frame.start_bound, end) {
                return ControlFlow::Break(refuse(call, frame, end));
            }
        }
        ControlFlow::Continue(())
    }
}

fn starts_after(start: &WindowFrameBound, end: &WindowFrameBound) -> bool {
    use WindowFrameBound::{Following, Preceding};
    match (start, end) {
        (Preceding(Some(start)), Preceding(Some(end))) => is_longer(end, start),
        (Following(Some(start)), Following(Some(end))) => is_longer(start, end),
        (Following(None), _) | (_, Preceding(None)) => true,
        (start, end) => direction(start) > direction(end),
    }
}

fn direction(bound: &WindowFrameBound) -> u8 {
    match bound {
        WindowFrameBound::Preceding(_) => 0,
        WindowFrameBound::CurrentRow => 1,
        WindowFrameBound::Following(_) => 2,
    }
}

/// Returns whether an offset is greater than another one, as far as the statement says it.
fn is_longer(one: &Expr, other: &Expr) -> bool {
    matches!((length(one), length(other)), (Some(one), Some(other)) if one > other)
}

fn length(offset: &Expr) -> Option<f64> {
    match offset {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => number.parse().ok(),
            Value::SingleQuotedString(text) => seconds(text),
            _ => None,
        },
        Expr::Interval(interval) => {
            let Expr::Value(value) = interval.value.as_ref() else { return None };
            let text = match &value.value {
                Value::SingleQuotedString(text) | Value::Number(text, _) => text,
                _ => return None,
            };
            match &interval.leading_field {
                Some(unit) => seconds(&format!("{text} {unit}")),
                None => seconds(text),
            }
        }
        _ => None,
    }
}

/// Returns the length of an interval, where a month has 30 days.
fn seconds(interval: &str) -> Option<f64> {
    let interval = parse_interval_month_day_nano(interval).ok()?;
    let days = f64::from(interval.months) * 30.0 + f64::from(interval.days);
    Some(days * 86_400.0 + interval.nanoseconds as f64 / 1e9)
}

fn refuse(call: &Function, frame: &WindowFrame, end: &WindowFrameBound) -> Refused {
    let place = call.name.span().start;
    let place = if place.line > 0 { format!("line {}, column {}: ", place.line, place.column) } else { String::new() };
    let (units, start) = (&frame.units, &frame.start_bound);
    let hint = match (start, end) {
        (WindowFrameBound::Following(None), _) | (_, WindowFrameBound::Preceding(None)) => {
            "a frame begins with UNBOUNDED PRECEDING and ends with UNBOUNDED FOLLOWING".to_string()
        }
        _ => format!("write the earlier bound first: {units} BETWEEN {end} AND {start}"),
    };
    Refused {
        message: format!("{place}the frame `{units} BETWEEN {start} AND {end}` starts after it ends"),
        hint: Some(hint),
    }
}
