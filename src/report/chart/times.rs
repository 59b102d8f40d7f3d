//! Axes of time: their labels are round on a clock or a calendar.

use chrono::{DateTime, Datelike, Months, NaiveTime};

use super::{Axis, Unit};

/// The most labels of an axis.
const LABELS: f64 = 6.0;
const SECOND: f64 = 1e9;
const DAY: i64 = 86_400_000_000_000;
/// Distances between labels that are round on a clock, in seconds.
const STEPS: [f64; 15] = [
    1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0,
];

/// Returns the shortest round span of time that is not below this one, both in nanoseconds.
pub fn round_step(rough: f64) -> i64 {
    let rough = rough / SECOND;
    let days = (rough / 86_400.0).ceil() * 86_400.0;
    let seconds = STEPS.into_iter().find(|step| *step >= rough).unwrap_or(days);
    (seconds * SECOND) as i64
}

/// Returns the time as a label of an axis whose labels are so far apart, in UTC; both are nanoseconds.
pub fn time_label(at: i64, step: i64) -> String {
    let pattern = match step {
        _ if step >= 31 * DAY => "%b %Y",
        _ if step >= DAY => "%-d %b",
        _ if step < 60_000_000_000 => "%H:%M:%S",
        _ => "%H:%M",
    };
    DateTime::from_timestamp_nanos(at).format(pattern).to_string()
}

/// Returns an axis of times in nanoseconds since 1970.
pub fn time_axis(from: f64, to: f64) -> Axis {
    let step = round_step((to - from) / LABELS);
    let mut day = None;
    let times = if step < 31 * DAY { multiples(from, to, step) } else { months(from, to, step) };
    let mut places: Vec<(f64, String)> = times
        .into_iter()
        .map(|at| {
            // The first label of a day names it.
            let is_new = step < DAY && day.replace(at.div_euclid(DAY)) != Some(at.div_euclid(DAY));
            let time = time_label(at, step);
            let label = if is_new { format!("{} {time}", time_label(at, DAY)) } else { time };
            (at as f64, label)
        })
        .collect();
    if places.is_empty() && from.is_finite() {
        places.push((from, with_day(from as i64)));
    }
    Axis::new("UTC", Unit::Places(places), from, to)
}

fn multiples(from: f64, to: f64, step: i64) -> Vec<i64> {
    let first = (from / step as f64).ceil() as i64;
    let last = (to / step as f64).floor() as i64;
    (first..=last.min(first + LABELS as i64)).map(|place| place * step).collect()
}

/// Returns the first days of months that are at least so far apart.
fn months(from: f64, to: f64, step: i64) -> Vec<i64> {
    let start = DateTime::from_timestamp_nanos(from as i64);
    let apart = u32::try_from(step / (28 * DAY)).unwrap_or(u32::MAX);
    let year = start.with_time(NaiveTime::MIN).single().and_then(|midnight| midnight.with_ordinal0(0));
    let times = (0_u32..).map_while(|place| {
        let month = year?.checked_add_months(Months::new(place.checked_mul(apart)?))?;
        month.timestamp_nanos_opt().filter(|at| *at as f64 <= to)
    });
    times.filter(|at| *at as f64 >= from).collect()
}

/// Returns the day and the time.
pub fn with_day(at: i64) -> String {
    DateTime::from_timestamp_nanos(at).format("%-d %b %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(from: &str, to: &str) -> Vec<String> {
        let time = |text: &str| text.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_nanos_opt().unwrap() as f64;
        match time_axis(time(from), time(to)).unit {
            Unit::Places(places) => places.into_iter().map(|(_, label)| label).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn labels_are_round() {
        let cases: [(&str, &str, &[&str]); 6] = [
            ("2026-01-05T10:00:00.2Z", "2026-01-05T10:00:22Z", &["5 Jan 10:00:05", "10:00:10", "10:00:15", "10:00:20"]),
            (
                "2026-01-05T09:47:00Z",
                "2026-01-05T12:31:00Z",
                &["5 Jan 10:00", "10:30", "11:00", "11:30", "12:00", "12:30"],
            ),
            ("2026-01-05T15:08:00Z", "2026-01-06T10:00:00Z", &["5 Jan 18:00", "6 Jan 00:00", "06:00"]),
            ("2026-01-05T15:08:00Z", "2026-01-10T00:00:00Z", &["6 Jan", "7 Jan", "8 Jan", "9 Jan", "10 Jan"]),
            (
                "2026-01-01T00:00:00Z",
                "2027-01-01T00:00:00Z",
                &["Jan 2026", "Mar 2026", "May 2026", "Jul 2026", "Sep 2026", "Nov 2026", "Jan 2027"],
            ),
            ("2026-01-05T10:00:00.2Z", "2026-01-05T10:00:00.4Z", &["5 Jan 10:00"]),
        ];
        for (from, to, expected) in cases {
            assert_eq!(labels(from, to), expected, "{from} to {to}");
        }
    }
}
