//! Lengths of time and counts per time, in units that fit the horizon: a market is told by the second and the hour, customers by the day.

use crate::report::format::{self, number};

/// Up to this horizon, in seconds, events are told by the hour.
const LONGEST_BY_HOUR_S: u64 = 6 * 3_600;
/// Up to this length, in seconds, a length of time is told in seconds.
const LONGEST_IN_SECONDS: f64 = 3_600.0;

/// By what unit of time events are counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// The unit with its article: `an hour`.
    pub unit: &'static str,
    hours: f64,
}

impl Rate {
    pub fn for_horizon(horizon_s: Option<u64>) -> Rate {
        match horizon_s.is_some_and(|seconds| seconds > LONGEST_BY_HOUR_S) {
            true => Rate { unit: "a day", hours: 24.0 },
            false => Rate { unit: "an hour", hours: 1.0 },
        }
    }

    /// Returns a figure an hour as one of this unit.
    pub fn of_hourly(self, hourly: Option<f64>) -> Option<f64> {
        hourly.map(|hourly| hourly * self.hours)
    }

    /// Returns the hours, as time in this unit with its name.
    pub fn time(self, hours: Option<f64>) -> Option<f64> {
        hours.map(|hours| hours / self.hours)
    }

    /// Returns the name of the unit in the plural.
    pub fn plural(self) -> &'static str {
        if self.hours > 1.0 { "days" } else { "hours" }
    }
}

/// Returns a length of time in seconds as text: `57.3 s`, `30 d`.
pub fn length(seconds: Option<f64>) -> String {
    match seconds.filter(|seconds| seconds.abs() >= LONGEST_IN_SECONDS) {
        Some(long) => {
            let sign = if long < 0.0 { "−" } else { "" };
            format!("{sign}{}", format::span(Some((long.abs() * 1e9) as i64)))
        }
        None => match seconds {
            None => format::UNKNOWN.into(),
            Some(whole) if whole.fract() == 0.0 => format!("{} s", format::count(Some(whole))),
            Some(seconds) => format!("{} s", number(Some(seconds))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{Rate, length};

    #[test]
    fn units_fit_the_horizon() {
        let (market, customers) = (Rate::for_horizon(Some(60)), Rate::for_horizon(Some(30 * 86_400)));
        assert_eq!((market.unit, market.of_hourly(Some(2.0)), market.plural()), ("an hour", Some(2.0), "hours"));
        assert_eq!(
            (customers.unit, customers.of_hourly(Some(0.5)), customers.time(Some(48.0))),
            ("a day", Some(12.0), Some(2.0))
        );
        assert_eq!((length(Some(57.25)), length(Some(60.0))), ("57.25 s".into(), "60 s".into()));
        assert_eq!(length(Some(30.0 * 86_400.0)), "30 d");
        assert_eq!(length(Some(-90_000.0)), "−1 d 1 h");
        assert_eq!(length(None), "–");
    }
}
