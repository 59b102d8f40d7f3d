//! Where an axis has its marks, and what they say.

use chrono::{DateTime, Timelike, Utc};

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The steps between marks of time; shorter and longer ones are round numbers of seconds and of days.
const TIME_STEPS: [i64; 19] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
];

/// The marks of an axis, each with its label.
#[derive(Debug, Clone, PartialEq)]
pub struct Ticks {
    ticks: Vec<(f64, String)>,
    remark: String,
}

impl Ticks {
    /// Returns the marks and their labels, ascending.
    pub fn iter(&self) -> impl Iterator<Item = &(f64, String)> {
        self.ticks.iter()
    }

    /// Returns the labels.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.ticks.iter().map(|(_, label)| label.as_str())
    }

    /// Returns the label of a mark that is placed in a row.
    pub fn at(&self, row: usize, place: impl Fn(f64) -> usize) -> Option<&str> {
        let found = self.ticks.iter().find(|(value, _)| place(*value) == row);
        found.map(|(_, label)| label.as_str())
    }

    /// Returns what the axis's name says besides: the day of its times.
    pub fn remark(&self) -> &str {
        &self.remark
    }
}

/// Returns about `count` marks at round numbers.
pub fn number_ticks(low: f64, high: f64, count: usize) -> Ticks {
    let step = round_step((high - low) / count as f64);
    // As many decimals as the step has.
    let decimals = (-step.log10().floor()).clamp(0.0, 17.0) as usize;
    let small = step < 1e-6 || high.abs().max(low.abs()) >= 1e9;
    let label = |value: f64| match small {
        true if value == 0.0 => "0".to_string(),
        true => shortest_exponent(value, step),
        false => format!("{value:.decimals$}"),
    };
    // A mark at the end of the axis stays although the division is rounded.
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    // Marks are multiples of the step, so that 0 is exactly 0.
    let ticks = (first..=last.min(first + 1000)).map(|index| index as f64 * step).map(|value| (value, label(value)));
    Ticks { ticks: ticks.collect(), remark: String::new() }
}

/// Returns 1, 2 or 5 times a power of ten that is not below `step`.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let factor = step / power;
    let round = [1.0, 2.0, 5.0].into_iter().find(|round| factor <= round * (1.0 + 1e-9)).unwrap_or(10.0);
    round * power
}

/// Returns a number with an exponent and as many digits as the step needs.
fn shortest_exponent(value: f64, step: f64) -> String {
    let digits = (value.abs().log10().floor() - step.log10().floor()).clamp(0.0, 15.0) as usize;
    let text = format!("{value:.digits$e}");
    match text.split_once('e') {
        Some((digits, exponent)) if digits.contains('.') => {
            format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

/// Returns about `count` marks at round times; a value is a number of nanoseconds after `base`.
pub fn time_ticks(base: i64, low: f64, high: f64, count: usize) -> Ticks {
    let wanted = (high - low) / count as f64;
    let step = match TIME_STEPS.iter().find(|step| **step as f64 >= wanted) {
        Some(first) if *first > SECOND || wanted > SECOND as f64 / 2.0 => *first,
        Some(_) => (round_step(wanted) as i64).max(1),
        None => (round_step(wanted / DAY as f64) as i64).max(1).saturating_mul(DAY),
    };
    let (from, to) = (base.saturating_add(low as i64), base.saturating_add(high as i64));
    let mut ticks = Vec::new();
    let mut at = from.div_euclid(step).saturating_add(i64::from(from.rem_euclid(step) > 0)).saturating_mul(step);
    while at <= to && ticks.len() < 1000 {
        ticks.push(((at - base) as f64, label(at, step)));
        let Some(next) = at.checked_add(step) else { break };
        at = next;
    }
    let (first, last) = (DateTime::<Utc>::from_timestamp_nanos(from), DateTime::<Utc>::from_timestamp_nanos(to));
    let remark = match first.date_naive() == last.date_naive() {
        true => format!(", {} UTC", first.format("%Y-%m-%d")),
        false => format!(", {} to {} UTC", first.format("%Y-%m-%d"), last.format("%Y-%m-%d")),
    };
    Ticks { ticks, remark }
}

fn label(at: i64, step: i64) -> String {
    let time = DateTime::<Utc>::from_timestamp_nanos(at);
    let midnight = time.num_seconds_from_midnight() == 0 && time.nanosecond() == 0;
    let form = match step {
        _ if step >= DAY => "%Y-%m-%d",
        _ if midnight => "%m-%d",
        _ if step >= MINUTE => "%H:%M",
        _ if step >= SECOND => "%H:%M:%S",
        _ if step >= 1_000_000 => "%H:%M:%S%.3f",
        _ => "%H:%M:%S%.9f",
    };
    time.format(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &Ticks) -> Vec<&str> {
        ticks.labels().collect()
    }

    #[test]
    fn numbers_are_round() {
        assert_eq!(labels(&number_ticks(0.0, 1.0, 5)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&number_ticks(-3.0, 7.0, 4)), ["0", "5"]);
        assert_eq!(labels(&number_ticks(67_000.0, 67_250.0, 3)), ["67000", "67100", "67200"]);
        assert_eq!(labels(&number_ticks(0.0, 3e-8, 3)), ["0", "1e-8", "2e-8", "3e-8"]);
        assert_eq!(labels(&number_ticks(0.0, 0.0004, 2)), ["0.0000", "0.0002", "0.0004"]);
        assert_eq!(labels(&number_ticks(1e12, 2e12, 2)), ["1e12", "1.5e12", "2e12"]);
    }

    #[test]
    fn times_are_round() {
        let base = DateTime::parse_from_rfc3339("2025-11-24T09:58:00Z").unwrap().timestamp_nanos_opt().unwrap();
        let ticks = |length: i64, count| time_ticks(base, 0.0, length as f64, count);
        let minutes = ticks(15 * MINUTE, 3);
        assert_eq!(labels(&minutes), ["10:00", "10:05", "10:10"]);
        assert_eq!(minutes.remark(), ", 2025-11-24 UTC");
        assert_eq!(minutes.iter().next().unwrap().0, (2 * MINUTE) as f64);
        assert_eq!(labels(&ticks(3 * SECOND, 3)), ["09:58:00", "09:58:01", "09:58:02", "09:58:03"]);
        assert_eq!(labels(&ticks(20 * HOUR, 3)), ["12:00", "11-25"]);
        assert_eq!(labels(&ticks(40 * DAY, 3)), ["2025-11-28", "2025-12-18"]);
        assert_eq!(ticks(40 * DAY, 3).remark(), ", 2025-11-24 to 2026-01-03 UTC");
        assert_eq!(labels(&ticks(SECOND / 100, 2))[1], "09:58:00.005");
    }
}
