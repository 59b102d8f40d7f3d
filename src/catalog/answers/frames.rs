//! Window frames whose offsets the engine would misread.
//!
//! The engine reads `RANGE BETWEEN 1 PRECEDING …` over a date or timestamp as one month, widens frames in silence if it cannot
//! subtract from the key (strings, booleans), accepts negative intervals, and refuses frames without offsets over durations,
//! intervals and times. In: a new plan, in which offsets are still text. Out: offsets of the right type, or an error.
//!
//! Upstream: apache/datafusion#24902 (negative intervals) and #24514 (times as keys).

use datafusion::arrow::datatypes::{DataType, IntervalUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::WindowFunctionParams;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, WindowFrame, WindowFrameBound, WindowFrameUnits};
use datafusion::optimizer::AnalyzerRule;

use super::{refuse, rewritten};

/// Checks the offsets of RANGE frames.
#[derive(Debug)]
pub struct CheckFrames;

impl AnalyzerRule for CheckFrames {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, checked)
    }

    fn name(&self) -> &str {
        "squall_check_frames"
    }
}

fn checked(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let Expr::WindowFunction(mut call) = expr else { return Ok(Transformed::no(expr)) };
    let frame = match frame(&call.params, schema)? {
        Some(frame) => frame,
        None => return Ok(Transformed::no(Expr::WindowFunction(call))),
    };
    call.params.window_frame = frame;
    Ok(Transformed::yes(Expr::WindowFunction(call)))
}

/// Returns the frame to use instead of the given one, if another is needed.
fn frame(params: &WindowFunctionParams, schema: &DFSchema) -> Result<Option<WindowFrame>> {
    let given = &params.window_frame;
    let Some(sort) = params.order_by.first() else { return Ok(None) };
    if given.units != WindowFrameUnits::Range {
        return Ok(None);
    }
    // An order key without a type is an error that the engine reports.
    let Ok(key) = sort.expr.get_type(schema) else { return Ok(None) };
    let key = match key {
        DataType::Dictionary(_, value) => *value,
        key => key,
    };
    let (start, end) = (offset(&given.start_bound), offset(&given.end_bound));
    if start.is_none() && end.is_none() {
        // Without offsets, the frame ends at peers. GROUPS counts peers, and takes every type.
        let bounds = || (counted(&given.start_bound), counted(&given.end_bound));
        let of_groups = |(start, end)| WindowFrame::new_bounds(WindowFrameUnits::Groups, start, end);
        return Ok((!is_ranged(&key) && !has_offsets(given)).then(|| of_groups(bounds())));
    }
    let bound = |given: &WindowFrameBound| -> Result<WindowFrameBound> {
        Ok(match given {
            WindowFrameBound::Preceding(ScalarValue::Utf8(Some(text))) => {
                WindowFrameBound::Preceding(measured(text, &key)?)
            }
            WindowFrameBound::Following(ScalarValue::Utf8(Some(text))) => {
                WindowFrameBound::Following(measured(text, &key)?)
            }
            other => other.clone(),
        })
    };
    let (start, end) = (bound(&given.start_bound)?, bound(&given.end_bound)?);
    Ok(Some(WindowFrame::new_bounds(WindowFrameUnits::Range, start, end)))
}

/// Returns the text of an offset.
fn offset(bound: &WindowFrameBound) -> Option<&str> {
    match bound {
        WindowFrameBound::Preceding(ScalarValue::Utf8(text)) | WindowFrameBound::Following(ScalarValue::Utf8(text)) => {
            text.as_deref()
        }
        _ => None,
    }
}

fn has_offsets(frame: &WindowFrame) -> bool {
    let is_offset = |bound: &WindowFrameBound| !bound.is_unbounded() && *bound != WindowFrameBound::CurrentRow;
    is_offset(&frame.start_bound) || is_offset(&frame.end_bound)
}

/// Returns a bound without an offset, for a frame that counts peers.
fn counted(bound: &WindowFrameBound) -> WindowFrameBound {
    match bound {
        WindowFrameBound::Preceding(_) => WindowFrameBound::Preceding(ScalarValue::UInt64(None)),
        WindowFrameBound::Following(_) => WindowFrameBound::Following(ScalarValue::UInt64(None)),
        WindowFrameBound::CurrentRow => WindowFrameBound::CurrentRow,
    }
}

/// Returns whether the engine takes a RANGE frame without offsets over this type.
fn is_ranged(key: &DataType) -> bool {
    key.is_numeric()
        || key.is_null()
        || matches!(
            key,
            DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Utf8View
                | DataType::Boolean
                | DataType::List(_)
                | DataType::LargeList(_)
                | DataType::FixedSizeList(_, _)
                | DataType::Date32
                | DataType::Date64
                | DataType::Timestamp(_, _)
        )
}

/// Returns an offset in the type that the key needs.
fn measured(text: &str, key: &DataType) -> Result<ScalarValue> {
    let text = text.trim();
    let unchanged = || ScalarValue::Utf8(Some(text.to_owned()));
    match key {
        DataType::Date32 | DataType::Date64 if is_number(text) => match text.parse() {
            Ok(days) if days >= 0 => Ok(ScalarValue::new_interval_mdn(0, days, 0)),
            Ok(_) => Err(negative(text)),
            Err(_) => Err(refuse(
                format!("a RANGE frame over dates cannot be `{text}` days long"),
                "write a whole number of days, or INTERVAL '1 day'",
            )),
        },
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _) => interval(text),
        key if key.is_integer() => match text.parse::<i128>() {
            Ok(number) if number < 0 => Err(negative(text)),
            Ok(_) => Ok(unchanged()),
            Err(_) => Err(refuse(
                format!("a RANGE frame over integers needs a whole number, not `{text}`"),
                "round the number, or order by a DOUBLE: ORDER BY x::DOUBLE",
            )),
        },
        DataType::Float16 | DataType::Float32 | DataType::Float64 => match text.parse::<f64>() {
            Ok(number) if number.is_finite() && number >= 0.0 => Ok(unchanged()),
            Ok(number) if number < 0.0 => Err(negative(text)),
            _ => Err(not_a_number(text, key)),
        },
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => {
            let digits = text.split_once('.').map_or(0, |(_, digits)| digits.trim_end_matches('0').len());
            match text.parse::<f64>() {
                Ok(number) if number < 0.0 => Err(negative(text)),
                Ok(number) if number.is_finite() && i128::from(*scale) >= digits as i128 => Ok(unchanged()),
                Ok(_) => Err(refuse(
                    format!("the offset `{text}` of a RANGE frame is finer than its key, which has {scale} decimals"),
                    "cast the key: ORDER BY x::DOUBLE",
                )),
                Err(_) => Err(not_a_number(text, key)),
            }
        }
        _ => Err(refuse(
            format!("a RANGE frame with an offset needs a number, a date or a timestamp in ORDER BY, not {key}"),
            "ROWS counts rows, and GROUPS counts distinct values of the ORDER BY column",
        )),
    }
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok()
}

fn negative(text: &str) -> datafusion::error::DataFusionError {
    refuse(
        format!("the offset `{text}` of a window frame is negative"),
        "PRECEDING looks back and FOLLOWING looks ahead; write the offset without a sign",
    )
}

fn not_a_number(text: &str, key: &DataType) -> datafusion::error::DataFusionError {
    refuse(
        format!("a RANGE frame over {key} needs a number that is not negative, not `{text}`"),
        "write RANGE BETWEEN 0.5 PRECEDING AND CURRENT ROW",
    )
}

fn interval(text: &str) -> Result<ScalarValue> {
    if !text.contains(|letter: char| letter.is_alphabetic() || letter == ':') {
        return Err(refuse(
            format!("the offset `{text}` of a RANGE frame over times has no unit"),
            "write INTERVAL '1 second', INTERVAL '1 day' or the like",
        ));
    }
    let wanted = DataType::Interval(IntervalUnit::MonthDayNano);
    let Ok(ScalarValue::IntervalMonthDayNano(Some(read))) = ScalarValue::try_from_string(text.to_owned(), &wanted)
    else {
        return Err(refuse(
            format!("the offset `{text}` of a RANGE frame is not an interval"),
            "write INTERVAL '90 seconds', INTERVAL '1 hour 30 minutes' or the like",
        ));
    };
    if read.months < 0 || read.days < 0 || read.nanoseconds < 0 {
        return Err(negative(text));
    }
    Ok(ScalarValue::IntervalMonthDayNano(Some(read)))
}
