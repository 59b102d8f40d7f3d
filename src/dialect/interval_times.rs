//! `INTERVAL '01:30:00'`, `'1 day 02:03:04.5'::INTERVAL`.
//!
//! The engine reads no hours and minutes with colons. In: a statement. Out: the same statement, in which such a part of an interval has units:
//! `1 hours 30 minutes 0 seconds`.

use datafusion::sql::sqlparser::ast::{DataType, Expr, Interval, Statement, Value};

use crate::error::Refused;

/// Writes the times of intervals with units.
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    super::each_expression(statement, |expression| {
        let text = match expression {
            Expr::Interval(Interval { value, leading_field: None, .. }) => value,
            Expr::Cast { expr, data_type: DataType::Interval { .. }, .. } => expr,
            _ => return,
        };
        if let Expr::Value(value) = text.as_mut()
            && let Value::SingleQuotedString(text) = &mut value.value
            && let Some(spelled) = spelled(text)
        {
            *text = spelled;
        }
    });
    Ok(())
}

/// Returns the text of an interval with units; `None` if it has no time with colons, or one that is not a time.
fn spelled(text: &str) -> Option<String> {
    let parts: Option<Vec<String>> = text
        .split_whitespace()
        .map(|part| if part.contains(':') { with_units(part) } else { Some(part.to_string()) })
        .collect();
    text.contains(':').then_some(parts?.join(" "))
}

/// Returns a time with units: `-1:30` is `-1 hours -30 minutes -0 seconds`, because the sign is that of the whole time.
fn with_units(time: &str) -> Option<String> {
    let (sign, time) = match time.strip_prefix('-') {
        Some(time) => ("-", time),
        None => ("", time.strip_prefix('+').unwrap_or(time)),
    };
    let (hours, rest) = time.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':').unwrap_or((rest, "0"));
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let is_below_60 = |digits: &str| is_number(digits) && digits.parse::<u8>().is_ok_and(|number| number < 60);
    let is_time = is_number(hours) && is_below_60(minutes) && is_below_60(whole) && is_number(fraction);
    is_time.then(|| format!("{sign}{hours} hours {sign}{minutes} minutes {sign}{seconds} seconds"))
}

#[cfg(test)]
mod tests {
    use super::spelled;

    #[test]
    fn times_get_units() {
        for (text, expected) in [
            ("22:59:58.5", "22 hours 59 minutes 58.5 seconds"),
            ("02:03", "02 hours 03 minutes 0 seconds"),
            ("-1:30:00", "-1 hours -30 minutes -00 seconds"),
            ("1 day 02:03:04", "1 day 02 hours 03 minutes 04 seconds"),
            ("+100:00:00", "100 hours 00 minutes 00 seconds"),
        ] {
            assert_eq!(spelled(text).as_deref(), Some(expected));
        }
        for text in ["5 minutes", "00:61:00", "1:2:3:4", "1:", "a:00", "00:00:60", "00:00:1.", "--1:00"] {
            assert_eq!(spelled(text), None, "{text}");
        }
    }
}
