//! Numbers and times in the form that readers see.
//!
//! In: values from queries. Out: text. An undefined value becomes an en dash, never 0 and never NaN.

use chrono::{DateTime, Utc};
use minijinja::Environment;

use crate::text;

/// The text for an unknown value.
pub const UNKNOWN: &str = "–";

/// Returns a number to four significant digits: `0.7712`, `87,250`, `3.2e-7`.
pub fn number(value: Option<f64>) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else { return UNKNOWN.into() };
    let magnitude = value.abs();
    if magnitude == 0.0 {
        return "0".into();
    }
    if !(1e-4..1e15).contains(&magnitude) {
        return scientific(value);
    }
    let decimals = (3 - magnitude.log10().floor() as i32).clamp(0, 7) as usize;
    text::decimals(value, decimals)
}

/// Returns a share as a percentage to three significant digits: `6.12 %`.
pub fn percent(share: Option<f64>) -> String {
    let Some(share) = share.filter(|share| share.is_finite()) else { return UNKNOWN.into() };
    let percentage = share * 100.0;
    let decimals = match percentage.abs() {
        size if size >= 99.95 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 || size == 0.0 => 2,
        _ => 3,
    };
    format!("{percentage:.decimals$} %")
}

/// Returns a count with thousands separators.
pub fn count(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map_or(UNKNOWN.into(), |value| text::decimals(value, 0))
}

fn scientific(value: f64) -> String {
    format!("{value:.2e}").replace('-', "−")
}

/// Returns an instant given in nanoseconds since 1970 as `2025-11-28 14:03:07 UTC`.
pub fn instant(nanoseconds: Option<i64>) -> String {
    nanoseconds.map_or(UNKNOWN.into(), |nanoseconds| {
        DateTime::from_timestamp_nanos(nanoseconds).format("%Y-%m-%d %H:%M:%S UTC").to_string()
    })
}

/// Returns a clock reading as `2025-11-28 14:03 UTC`.
pub fn minute(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// Returns a span of nanoseconds in its two largest units: `2 d 4 h`, `35 min`, `12 s`.
pub fn span(nanoseconds: Option<i64>) -> String {
    let Some(nanoseconds) = nanoseconds else { return UNKNOWN.into() };
    let seconds = nanoseconds / 1_000_000_000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let parts = match (days, hours, minutes) {
        (0, 0, 0) => [(seconds, "s"), (0, "")],
        (0, 0, _) => [(minutes, "min"), (seconds % 60, "s")],
        (0, _, _) => [(hours, "h"), (minutes, "min")],
        (_, _, _) => [(days, "d"), (hours, "h")],
    };
    let [first, second] = parts.map(|(value, unit)| format!("{value} {unit}"));
    if parts[1].0 == 0 { first } else { format!("{first} {second}") }
}

/// Adds the filters `number`, `percent` and `count`, which templates use on the values of queries.
pub fn add_filters(environment: &mut Environment<'_>) {
    environment.add_filter("number", number);
    environment.add_filter("percent", percent);
    environment.add_filter("count", count);
}

#[cfg(test)]
mod tests {
    use super::{count, number, percent, span};

    #[test]
    fn numbers_keep_four_significant_digits() {
        let cases = [
            (0.0, "0"),
            (0.771_234, "0.7712"),
            (87_250.4, "87,250"),
            (-0.05, "−0.05000"),
            (3.2e-7, "3.20e−7"),
            (12.345, "12.35"),
        ];
        for (value, text) in cases {
            assert_eq!(number(Some(value)), text, "{value}");
        }
        assert_eq!(number(None), "–");
        assert_eq!(number(Some(f64::NAN)), "–");
    }

    #[test]
    fn shares_counts_and_spans_read_well() {
        assert_eq!(percent(Some(0.061_23)), "6.12 %");
        assert_eq!(percent(Some(1.0)), "100 %");
        assert_eq!(percent(Some(0.000_5)), "0.050 %");
        assert_eq!(count(Some(1_234_567.0)), "1,234,567");
        assert_eq!(span(Some(187_200_000_000_000)), "2 d 4 h");
        assert_eq!(span(Some(2_100_000_000_000)), "35 min");
    }
}
