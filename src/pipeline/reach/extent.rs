//! How far something reaches from a row's own time, as people write and read it: `60 s`, `59 ticks`, `300 s and 1 tick`.

use std::fmt;

use super::times::Bound;

/// How far something reaches, in one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// At most this much time, and then this many rows. Both are 0 if nothing beyond the row itself matters.
    Within { time_ns: i64, rows: u64 },
    /// No bound is known to hold: all rows may matter.
    Unbounded,
    /// It cannot be found out, for this reason.
    Unknown(String),
}

/// Units of time, in nanoseconds, each with the names that a header may use. The first name is the one that is printed.
const UNITS: [(i64, &[&str]); 8] = [
    (604_800_000_000_000, &["w", "week", "weeks"]),
    (86_400_000_000_000, &["d", "day", "days"]),
    (3_600_000_000_000, &["h", "hour", "hours"]),
    (60_000_000_000, &["min", "minute", "minutes", "m"]),
    (1_000_000_000, &["s", "second", "seconds", "sec"]),
    (1_000_000, &["ms", "millisecond", "milliseconds"]),
    (1_000, &["us", "µs", "microsecond", "microseconds"]),
    (1, &["ns", "nanosecond", "nanoseconds"]),
];

/// Units that are printed: a header says 60 s, not 1 min.
const PRINTED: [i64; 6] = [86_400_000_000_000, 3_600_000_000_000, 1_000_000_000, 1_000_000, 1_000, 1];

const ROWS: [&str; 4] = ["ticks", "tick", "rows", "row"];
const UNBOUNDED: [&str; 2] = ["unbounded", "all"];
const NOTHING: [&str; 2] = ["none", "nothing"];

impl Extent {
    /// Nothing beyond the row itself.
    pub const NOTHING: Extent = Extent::Within { time_ns: 0, rows: 0 };

    /// Returns what a bound means beyond the row itself.
    pub(in crate::pipeline) fn of(bound: Bound) -> Extent {
        match bound {
            Bound::Unbounded => Extent::Unbounded,
            _ if !bound.is_beyond() => Extent::NOTHING,
            Bound::Within { ns, rows } => Extent::Within { time_ns: whole(ns.max(0)), rows: rows.into() },
        }
    }

    /// Returns the part that is a length of time, in nanoseconds; `None` if it is not bounded or not known.
    pub fn time_ns(&self) -> Option<i64> {
        match self {
            Extent::Within { time_ns, .. } => Some(*time_ns),
            Extent::Unbounded | Extent::Unknown(_) => None,
        }
    }

    /// Returns whether something beyond the row itself matters, or may matter.
    pub fn is_beyond(&self) -> bool {
        *self != Extent::NOTHING
    }

    /// Returns the greater of two extents, in each of their units.
    pub fn and(self, other: Extent) -> Extent {
        match (self, other) {
            (Extent::Unknown(reason), _) | (_, Extent::Unknown(reason)) => Extent::Unknown(reason),
            (Extent::Unbounded, _) | (_, Extent::Unbounded) => Extent::Unbounded,
            (Extent::Within { time_ns, rows }, Extent::Within { time_ns: other_ns, rows: other_rows }) => {
                Extent::Within { time_ns: time_ns.max(other_ns), rows: rows.max(other_rows) }
            }
        }
    }

    /// Reads `60 s`, `60 ticks`, `300 s and 1 tick`, `unbounded` or `none`; `None` if the text is none of these.
    pub fn parse(text: &str) -> Option<Extent> {
        let text = text.trim().trim_end_matches('.').to_lowercase();
        if UNBOUNDED.contains(&text.as_str()) {
            return Some(Extent::Unbounded);
        }
        if NOTHING.contains(&text.as_str()) || text == "0" {
            return Some(Extent::NOTHING);
        }
        let (mut time_ns, mut rows) = (0i64, 0u64);
        for part in text.replace(" and ", ",").split([',', '+']) {
            let part = part.trim();
            let digits = part.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '_')).unwrap_or(part.len());
            let number: f64 = part[..digits].replace('_', "").parse().ok()?;
            let unit = part[digits..].trim();
            if ROWS.contains(&unit) {
                rows = rows.saturating_add(number as u64);
                continue;
            }
            let (length, _) = UNITS.iter().find(|(_, names)| names.contains(&unit))?;
            time_ns = time_ns.saturating_add((number * *length as f64).round() as i64);
        }
        Some(Extent::Within { time_ns, rows })
    }

    /// Returns whether a header that says `self` is right about `found`.
    ///
    /// A number of ticks may or may not count the row itself. A single tick beyond a length of time need not be said: it is
    /// the tick from which the first return of a frame starts, or the first tick after the end of a horizon.
    pub fn agrees(&self, found: &Extent) -> bool {
        match (self, found) {
            (Extent::Unbounded, Extent::Unbounded) => true,
            (Extent::Within { time_ns, rows }, Extent::Within { time_ns: found_ns, rows: found_rows }) => {
                let same_rows = *rows == *found_rows
                    || (*rows > 0 && *rows == found_rows + 1)
                    || (*rows == 0 && *found_rows == 1 && *found_ns > 0);
                time_ns.abs_diff(*found_ns) <= 1_000 && same_rows
            }
            _ => false,
        }
    }
}

/// Returns a length without the nanoseconds by which open ends fall short of a whole number of microseconds.
fn whole(ns: i64) -> i64 {
    match ns {
        1_000_000.. => ns.saturating_add(500) / 1_000 * 1_000,
        999 => 1_000,
        _ => ns,
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (time_ns, rows) = match self {
            Extent::Unbounded => return f.write_str("unbounded"),
            Extent::Unknown(reason) => return write!(f, "unknown ({reason})"),
            Extent::Within { time_ns: 0, rows: 0 } => return f.write_str("none"),
            Extent::Within { time_ns, rows } => (*time_ns, *rows),
        };
        if time_ns > 0 {
            let unit = PRINTED.into_iter().find(|unit| time_ns % unit == 0).unwrap_or(1);
            let name = UNITS.iter().find(|(length, _)| *length == unit).map_or("ns", |(_, names)| names[0]);
            write!(f, "{} {name}", time_ns / unit)?;
        }
        if time_ns > 0 && rows > 0 {
            f.write_str(" and ")?;
        }
        match rows {
            0 => Ok(()),
            1 => f.write_str("1 tick"),
            rows => write!(f, "{rows} ticks"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_back() {
        for text in ["60 s", "59 ticks", "300 s and 1 tick", "unbounded", "none", "1500 ms", "2 d", "90 s and 3 ticks"]
        {
            assert_eq!(Extent::parse(text).unwrap().to_string(), text);
        }
        for (text, same) in [("5 minutes", "300 s"), ("1.5 s", "1500 ms"), ("60s", "60 s"), ("10 rows", "10 ticks")] {
            assert_eq!(Extent::parse(text).unwrap().to_string(), same);
        }
        for text in ["", "a while", "60", "60 parsecs", "s"] {
            assert_eq!(Extent::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_header_agrees_in_time_and_in_ticks() {
        let agrees = |header: &str, found: &str| Extent::parse(header).unwrap().agrees(&Extent::parse(found).unwrap());
        for (header, found) in [
            ("60 s", "60 s"),
            ("60 s", "60 s and 1 tick"),
            ("60 ticks", "59 ticks"),
            ("59 ticks", "59 ticks"),
            ("unbounded", "unbounded"),
        ] {
            assert!(agrees(header, found), "{header}, {found}");
        }
        for (header, found) in [
            ("60 s", "61 s"),
            ("61 s", "60 s"),
            ("60 s", "3 ticks"),
            ("60 s", "unbounded"),
            ("unbounded", "60 s"),
            ("60 s", "60 s and 2 ticks"),
            ("none", "1 tick"),
        ] {
            assert!(!agrees(header, found), "{header}, {found}");
        }
    }
}
