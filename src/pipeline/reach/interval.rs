//! Lengths of time in SQL, in nanoseconds.

use datafusion::common::ScalarValue;

pub const DAY: i64 = 86_400_000_000_000;

pub const SHORTEST_MONTH: i64 = 28 * DAY;
pub const LONGEST_MONTH: i64 = 31 * DAY;

/// By how much a day can be longer or shorter where clocks change.
pub const CLOCK_CHANGE: i64 = DAY / 24;

/// Returns the least and the greatest length that an interval can have: a month has 28 to 31 days.
pub fn length(value: &ScalarValue) -> Option<(i64, i64)> {
    let exact = |length: Option<i64>| length.map(|length| (length, length));
    match value {
        ScalarValue::IntervalYearMonth(Some(months)) => Some(calendar(i64::from(*months), 0)),
        ScalarValue::IntervalDayTime(Some(value)) => {
            exact(i64::from(value.days).checked_mul(DAY)?.checked_add(i64::from(value.milliseconds) * 1_000_000))
        }
        ScalarValue::IntervalMonthDayNano(Some(value)) => {
            let rest = i64::from(value.days).checked_mul(DAY)?.checked_add(value.nanoseconds)?;
            Some(calendar(i64::from(value.months), rest))
        }
        ScalarValue::DurationSecond(Some(value)) => exact(value.checked_mul(1_000_000_000)),
        ScalarValue::DurationMillisecond(Some(value)) => exact(value.checked_mul(1_000_000)),
        ScalarValue::DurationMicrosecond(Some(value)) => exact(value.checked_mul(1_000)),
        ScalarValue::DurationNanosecond(Some(value)) => exact(Some(*value)),
        _ => None,
    }
}

fn calendar(months: i64, rest: i64) -> (i64, i64) {
    let of = |month: i64| months.saturating_mul(month).saturating_add(rest);
    (of(SHORTEST_MONTH).min(of(LONGEST_MONTH)), of(SHORTEST_MONTH).max(of(LONGEST_MONTH)))
}

/// Where units of the calendar start that do not start at midnight of 1 January 1970, each at a midnight.
pub const CALENDAR: [&str; 4] = ["Monday", "month", "quarter", "year"];

/// Returns the greatest and the least length of a unit of `date_trunc`, and where such units start if not at midnight of
/// 1 January 1970.
pub fn calendar_unit(name: &str) -> Option<(i64, i64, &'static str)> {
    let regular = |length: i64| (length, length, "");
    Some(match name {
        "microsecond" => regular(1_000),
        "millisecond" => regular(1_000_000),
        "second" => regular(1_000_000_000),
        "minute" => regular(60_000_000_000),
        "hour" => regular(3_600_000_000_000),
        "day" => regular(DAY),
        "week" => (7 * DAY, 7 * DAY, "Monday"),
        "month" => (31 * DAY, 28 * DAY, "month"),
        "quarter" => (92 * DAY, 90 * DAY, "quarter"),
        "year" => (366 * DAY, 365 * DAY, "year"),
        _ => return None,
    })
}
