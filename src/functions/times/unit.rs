//! The units of time in which differences are counted.

use chrono::{DateTime, Datelike, Months, NaiveDateTime};
use datafusion::common::{Result, exec_datafusion_err};

/// A unit: a number of nanoseconds, of months, or the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Nanoseconds(i64),
    Week,
    Months(i64),
}

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// The names of units; an `s` may follow those of more than three letters.
const NAMES: &[(&[&str], Unit)] = &[
    (&["nanosecond", "ns"], Unit::Nanoseconds(1)),
    (&["microsecond", "us"], Unit::Nanoseconds(1_000)),
    (&["millisecond", "ms"], Unit::Nanoseconds(1_000_000)),
    (&["second", "sec", "s"], Unit::Nanoseconds(SECOND)),
    (&["minute", "min", "m"], Unit::Nanoseconds(60 * SECOND)),
    (&["hour", "hr", "h"], Unit::Nanoseconds(3_600 * SECOND)),
    (&["day", "d"], Unit::Nanoseconds(DAY)),
    (&["week", "w"], Unit::Week),
    (&["month", "mon"], Unit::Months(1)),
    (&["quarter"], Unit::Months(3)),
    (&["year", "yr", "y"], Unit::Months(12)),
    (&["decade"], Unit::Months(120)),
];

impl Unit {
    /// Reads a unit's name.
    ///
    /// # Errors
    /// The name is not that of a unit.
    pub fn read(name: &str) -> Result<Unit> {
        let lower = name.to_lowercase();
        let single = lower.strip_suffix('s').filter(|single| single.len() > 2).unwrap_or(&lower);
        let found = NAMES.iter().find(|(names, _)| names.contains(&single) || names.contains(&lower.as_str()));
        found.map(|(_, unit)| *unit).ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().filter_map(|(names, _)| names.first().copied()).collect();
            exec_datafusion_err!("`{name}` is not a unit of time; write {}", names.join(", "))
        })
    }

    /// Returns how many boundaries of the unit lie between two times, in nanoseconds since 1970.
    pub fn boundaries(self, from: i64, to: i64) -> i64 {
        match self {
            Unit::Nanoseconds(length) => to.div_euclid(length) - from.div_euclid(length),
            // Weeks have no boundaries of their own: whole weeks between the days count.
            Unit::Week => (to.div_euclid(DAY) - from.div_euclid(DAY)) / 7,
            Unit::Months(length) => months(to).div_euclid(length) - months(from).div_euclid(length),
        }
    }

    /// Returns how many whole units lie between two times.
    pub fn whole(self, from: i64, to: i64) -> i64 {
        match self {
            Unit::Nanoseconds(length) => whole(from, to, length),
            Unit::Week => whole(from, to, 7 * DAY),
            Unit::Months(_) if to < from => -self.whole(to, from),
            Unit::Months(length) => {
                let count = months(to) - months(from);
                // The last month counts if it is complete. The 31st of a shorter month is its last day.
                let shifted =
                    u32::try_from(count).ok().and_then(|count| date_time(from).checked_add_months(Months::new(count)));
                let complete = if shifted.is_some_and(|shifted| shifted <= date_time(to)) { count } else { count - 1 };
                complete / length
            }
        }
    }
}

/// Returns the whole units of a length between two times. It fits, unless times 500 years apart are counted in nanoseconds.
fn whole(from: i64, to: i64, length: i64) -> i64 {
    let units = (i128::from(to) - i128::from(from)) / i128::from(length);
    i64::try_from(units).unwrap_or(if units > 0 { i64::MAX } else { i64::MIN })
}

/// Returns the number of months since year 0.
fn months(time: i64) -> i64 {
    let date = date_time(time);
    i64::from(date.year()) * 12 + i64::from(date.month0())
}

/// Returns a time in nanoseconds since 1970 as a date and time, in UTC.
pub fn date_time(time: i64) -> NaiveDateTime {
    DateTime::from_timestamp_nanos(time).naive_utc()
}
