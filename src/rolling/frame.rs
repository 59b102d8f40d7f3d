//! Translates SQL frames into frames that the kernels can count.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{WindowFrame, WindowFrameBound, WindowFrameUnits};

use super::kernel::bounds::{Edge, FrameSpec, Units};

const NANOSECONDS_PER_DAY: i128 = 86_400_000_000_000;

/// Returns the kernel's frame; `None` if the kernels do not support it. `key` is the type of the order key, if there is
/// exactly one and the kernels can count with it.
pub fn translate(frame: &WindowFrame, key: Option<&DataType>) -> Option<FrameSpec> {
    let has_offset = |bound: &WindowFrameBound| !matches!(bound, WindowFrameBound::CurrentRow) && !bound.is_unbounded();
    let units = match frame.units {
        WindowFrameUnits::Rows => Units::Rows,
        WindowFrameUnits::Groups => Units::Peers,
        WindowFrameUnits::Range if key.is_some() => Units::Keys,
        WindowFrameUnits::Range if has_offset(&frame.start_bound) || has_offset(&frame.end_bound) => return None,
        WindowFrameUnits::Range => Units::Peers,
    };
    let edge = |bound: &WindowFrameBound, rounding: Rounding| -> Option<Edge> {
        let (value, sign) = match bound {
            WindowFrameBound::CurrentRow => return Some(Edge::Offset(0)),
            WindowFrameBound::Preceding(value) => (value, -1),
            WindowFrameBound::Following(value) => (value, 1),
        };
        if value.is_null() {
            return Some(Edge::Unbounded);
        }
        let (numerator, denominator) = match units {
            Units::Keys => distance(value, key?)?,
            Units::Rows | Units::Peers => (integer(value)?, 1),
        };
        if numerator < 0 {
            return None;
        }
        let ratio = sign * numerator;
        let rounded = match rounding {
            Rounding::Up => -(-ratio).div_euclid(denominator),
            Rounding::Down => ratio.div_euclid(denominator),
        };
        i64::try_from(rounded).ok().map(Edge::Offset)
    };
    Some(FrameSpec {
        units,
        start: edge(&frame.start_bound, Rounding::Up)?,
        end: edge(&frame.end_bound, Rounding::Down)?,
    })
}

/// How to round a distance that lies between two units of the key: towards the inside of the frame.
#[derive(Debug, Clone, Copy)]
enum Rounding {
    Up,
    Down,
}

fn integer(value: &ScalarValue) -> Option<i128> {
    match value.cast_to(&DataType::Int64).ok()? {
        ScalarValue::Int64(Some(value)) => Some(i128::from(value)),
        _ => None,
    }
}

/// Returns an offset in units of the key, as a fraction; `None` if its length varies (as a month's does) or the kernels
/// cannot count with it.
pub fn distance(value: &ScalarValue, key: &DataType) -> Option<(i128, i128)> {
    if key.is_integer() {
        return if value.data_type().is_integer() { Some((integer(value)?, 1)) } else { None };
    }
    let DataType::Timestamp(unit, zone) = key else { return None };
    let nanoseconds = match value {
        ScalarValue::IntervalMonthDayNano(Some(interval)) if interval.months == 0 => {
            days(interval.days, zone.as_deref())? + i128::from(interval.nanoseconds)
        }
        ScalarValue::IntervalDayTime(Some(interval)) => {
            days(interval.days, zone.as_deref())? + i128::from(interval.milliseconds) * 1_000_000
        }
        _ => return None,
    };
    let per_unit = match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    };
    Some((nanoseconds, per_unit))
}

/// Returns the length of calendar days; `None` if the time zone has days of different lengths.
fn days(count: i32, zone: Option<&str>) -> Option<i128> {
    let uniform = count == 0 || zone.is_none_or(|zone| matches!(zone, "UTC" | "+00:00" | "Etc/UTC" | "Z"));
    uniform.then(|| i128::from(count) * NANOSECONDS_PER_DAY)
}
