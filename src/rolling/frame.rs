//! Translates SQL frames into frames that the kernels can count.

use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{WindowFrame, WindowFrameBound, WindowFrameUnits};

use super::kernel::bounds::{Edge, FrameSpec, Units};
use super::kernel::calendar::Months;
use super::keys::is_countable;

const NANOSECONDS_PER_DAY: i128 = 86_400_000_000_000;

/// Returns the kernel's frame; `None` if the kernels do not support it. `key` is the type of the order key, if there is
/// exactly one and frames can measure it; `descending` is its order.
pub fn translate(frame: &WindowFrame, key: Option<&DataType>, descending: bool) -> Option<FrameSpec> {
    let has_offset = |bound: &WindowFrameBound| !matches!(bound, WindowFrameBound::CurrentRow) && !bound.is_unbounded();
    let units = match frame.units {
        WindowFrameUnits::Rows => Units::Rows,
        WindowFrameUnits::Groups => Units::Peers,
        WindowFrameUnits::Range if key.is_some_and(is_countable) => Units::Keys,
        WindowFrameUnits::Range if has_offset(&frame.start_bound) || has_offset(&frame.end_bound) => {
            key?;
            Units::Keys
        }
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
        if units == Units::Keys && key?.is_floating() {
            let ScalarValue::Float64(Some(by)) = value.cast_to(&DataType::Float64).ok()? else { return None };
            let by = if sign < 0 { -by } else { by };
            return (by.is_finite() && !value_is_negative(value))
                .then(|| Edge::Double { by: by.to_bits(), descending });
        }
        if units == Units::Keys
            && let ScalarValue::IntervalMonthDayNano(Some(interval)) = value
            && interval.months != 0
        {
            return calendar(*interval, key?, sign, rounding).map(|by| Edge::Calendar { by, descending });
        }
        let (numerator, denominator) = match units {
            Units::Keys => distance(value, key?)?,
            Units::Rows | Units::Peers => (integer(value)?, 1),
        };
        if numerator < 0 {
            return None;
        }
        i64::try_from(rounding.quotient(sign * numerator, denominator)).ok().map(Edge::Offset)
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

impl Rounding {
    fn quotient(self, numerator: i128, denominator: i128) -> i128 {
        match self {
            Rounding::Up => -(-numerator).div_euclid(denominator),
            Rounding::Down => numerator.div_euclid(denominator),
        }
    }
}

fn value_is_negative(value: &ScalarValue) -> bool {
    matches!(value.cast_to(&DataType::Float64), Ok(ScalarValue::Float64(Some(value))) if value < 0.0)
}

/// Returns a distance in months; `None` if the time zone has days of different lengths, or the distance goes in two directions.
fn calendar(interval: IntervalMonthDayNano, key: &DataType, sign: i128, rounding: Rounding) -> Option<Months> {
    let zone = match key {
        DataType::Timestamp(_, zone) => zone.as_deref(),
        _ => None,
    };
    let uniform = zone.is_none_or(|zone| matches!(zone, "UTC" | "+00:00" | "Etc/UTC" | "Z"));
    let unit = unit(key)?;
    let rest = days(interval.days, None)? + i128::from(interval.nanoseconds);
    if !uniform || interval.months < 0 || rest < 0 {
        return None;
    }
    let sign_of_months = if sign < 0 { -1 } else { 1 };
    Some(Months {
        months: sign_of_months * i64::from(interval.months),
        rest: i64::try_from(rounding.quotient(sign * rest, unit)).ok()?,
        day: i64::try_from(NANOSECONDS_PER_DAY / unit).ok()?,
    })
}

/// Returns the nanoseconds of a key's unit.
fn unit(key: &DataType) -> Option<i128> {
    Some(match key {
        DataType::Date32 => NANOSECONDS_PER_DAY,
        DataType::Date64 => 1_000_000,
        DataType::Timestamp(TimeUnit::Second, _) => 1_000_000_000,
        DataType::Timestamp(TimeUnit::Millisecond, _) => 1_000_000,
        DataType::Timestamp(TimeUnit::Microsecond, _) => 1_000,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => 1,
        _ => return None,
    })
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
    if let (ScalarValue::Decimal128(Some(digits), _, scale), DataType::Decimal128(_, key_scale)) = (value, key) {
        let power = |exponent: i32| 10i128.checked_pow(u32::try_from(exponent).ok()?);
        let finer = i32::from(*scale) - i32::from(*key_scale);
        return if finer > 0 { Some((*digits, power(finer)?)) } else { Some((digits.checked_mul(power(-finer)?)?, 1)) };
    }
    let zone = match key {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    let per_unit = unit(key)?;
    let nanoseconds = match value {
        ScalarValue::IntervalMonthDayNano(Some(interval)) if interval.months == 0 => {
            days(interval.days, zone.as_deref())? + i128::from(interval.nanoseconds)
        }
        ScalarValue::IntervalDayTime(Some(interval)) => {
            days(interval.days, zone.as_deref())? + i128::from(interval.milliseconds) * 1_000_000
        }
        _ => return None,
    };
    Some((nanoseconds, per_unit))
}

/// Returns the length of calendar days; `None` if the time zone has days of different lengths.
fn days(count: i32, zone: Option<&str>) -> Option<i128> {
    let uniform = count == 0 || zone.is_none_or(|zone| matches!(zone, "UTC" | "+00:00" | "Etc/UTC" | "Z"));
    uniform.then(|| i128::from(count) * NANOSECONDS_PER_DAY)
}
