//! How far a header says that a query looks: `300 s`, `60 ticks`, `1 h 30 min`, `60 s and 1 tick`, `unbounded` or `none`.

const NS_PER_S: i64 = 1_000_000_000;

/// The units of time, each with its nanoseconds.
const UNITS: [(&[&str], i64); 7] = [
    (&["ns", "nanosecond", "nanoseconds"], 1),
    (&["us", "µs", "microsecond", "microseconds"], 1_000),
    (&["ms", "millisecond", "milliseconds"], 1_000_000),
    (&["s", "sec", "second", "seconds"], NS_PER_S),
    (&["m", "min", "minute", "minutes"], 60 * NS_PER_S),
    (&["h", "hour", "hours"], 3600 * NS_PER_S),
    (&["d", "day", "days"], 24 * 3600 * NS_PER_S),
];

const TICKS: [&str; 4] = ["tick", "ticks", "row", "rows"];
const UNBOUNDED: [&str; 2] = ["unbounded", "all"];
const NOTHING: [&str; 2] = ["none", "nothing"];

/// How far something reaches from a row's own time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// As far as there are data.
    Unbounded,
    /// At most this much time, and then this many rows.
    Within { time_ns: i64, rows: u64 },
}

impl Extent {
    /// Reads numbers with units, which `and`, `+`, commas or blanks separate; or `unbounded`, or `none`.
    pub fn parse(text: &str) -> Option<Extent> {
        let text = text.trim().trim_end_matches('.').to_lowercase();
        if UNBOUNDED.contains(&text.as_str()) {
            return Some(Extent::Unbounded);
        }
        if NOTHING.contains(&text.as_str()) {
            return Some(Extent::Within { time_ns: 0, rows: 0 });
        }
        let (mut time_ns, mut rows) = (0_i64, 0_u64);
        let spaced = spaced(&text);
        let mut words = spaced.split(|c: char| c.is_whitespace() || c == '+' || c == ',');
        let mut words = words.by_ref().filter(|word| !word.is_empty() && *word != "and").peekable();
        words.peek()?;
        while let Some(number) = words.next() {
            let (number, unit): (f64, &str) = (number.parse().ok()?, words.next()?);
            if !number.is_finite() || number < 0.0 {
                return None;
            }
            if TICKS.contains(&unit) {
                // A part of a tick has no meaning.
                rows = rows.checked_add(if number.fract() == 0.0 { number as u64 } else { return None })?;
            } else {
                let (_, unit_ns) = UNITS.iter().find(|(names, _)| names.contains(&unit))?;
                time_ns = time_ns.checked_add((number * *unit_ns as f64).round() as i64)?;
            }
        }
        Some(Extent::Within { time_ns, rows })
    }
}

/// Puts a blank between each number and the unit that follows it, so that `300s` reads as `300 s`.
fn spaced(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len() + 4);
    let mut in_number = false;
    for character in text.chars() {
        let is_number = character.is_ascii_digit() || character == '.';
        if in_number && !is_number {
            spaced.push(' ');
        }
        spaced.push(character);
        in_number = is_number;
    }
    spaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_read() {
        for (text, time_ns, rows) in [
            ("300 s", 300 * NS_PER_S, 0),
            ("300s", 300 * NS_PER_S, 0),
            ("0 s", 0, 0),
            ("none", 0, 0),
            ("60 ticks", 0, 60),
            ("1 tick", 0, 1),
            ("1 h 30 min", 5400 * NS_PER_S, 0),
            ("60 s and 1 tick", 60 * NS_PER_S, 1),
            ("60 s + 1 tick", 60 * NS_PER_S, 1),
            ("1.5 minutes", 90 * NS_PER_S, 0),
            ("1 Day", 86_400 * NS_PER_S, 0),
            ("500 ms", NS_PER_S / 2, 0),
        ] {
            assert_eq!(Extent::parse(text), Some(Extent::Within { time_ns, rows }), "{text}");
        }
        assert_eq!(Extent::parse("unbounded"), Some(Extent::Unbounded));
    }

    #[test]
    fn what_is_not_a_distance_is_refused() {
        for text in ["", "60", "s", "one minute", "-5 s", "5 parsecs", "1.5 ticks", "60 s of quotes", "{}", "5 s s"] {
            assert_eq!(Extent::parse(text), None, "{text}");
        }
    }
}
