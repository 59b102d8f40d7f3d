//! Durations on the command line: a number and its unit, such as `90s`, `500ms` or `1.5h`.

use std::time::Duration;

/// Reads a duration: a number and `ms`, `s`, `m`, `h` or `d`.
///
/// # Errors
/// A text that says what to write instead.
pub fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit_s = match unit.trim_start() {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err("write a number and its unit: 500ms, 90s, 5m, 1.5h or 1d".into()),
    };
    let number: f64 = number.parse().map_err(|_| "write a number and its unit: 500ms, 90s, 5m, 1.5h or 1d")?;
    match Duration::try_from_secs_f64(number * unit_s) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        Ok(_) => Err("must be more than nothing".into()),
        Err(_) => Err("is too long".into()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::parse;

    #[test]
    fn reads_numbers_with_units() {
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(parse("1.5h"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse("1 d"), Ok(Duration::from_secs(86_400)));
    }

    #[test]
    fn says_what_to_write_instead() {
        for text in ["", "90", "s", "-5s", "5 parsecs", "1.2.3s", "0s", "99999999999999999999d"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
