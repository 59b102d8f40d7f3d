//! Reads times as exchanges and recorders write them: nanoseconds since 1970, UTC.

use chrono::{NaiveDate, NaiveDateTime};

const NANOSECONDS_A_SECOND: i64 = 1_000_000_000;

/// Reads times such as `2026-04-04T21:13:43.291084825Z`: `T` or a space, up to 9 digits of a second (more are cut off), then
/// `Z`, an offset such as `+00:00`, or nothing, which means UTC.
pub fn from_text(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if separators.iter().any(|&(at, separator)| bytes.get(at) != Some(&separator)) || !matches!(bytes[10], b'T' | b' ')
    {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(
        i32::try_from(digits(&bytes[0..4])?).ok()?,
        digits(&bytes[5..7])?,
        digits(&bytes[8..10])?,
    )?;
    let (hour, minute) = (digits(&bytes[11..13])?, digits(&bytes[14..16])?);
    let second = digits(bytes.get(17..19)?)?;
    let (nanosecond, rest) = fraction(&bytes[19..])?;
    let local: NaiveDateTime = date.and_hms_nano_opt(hour, minute, second, nanosecond)?;
    let utc = local.and_utc().timestamp_nanos_opt()?;
    utc.checked_sub(offset_seconds(rest)? * NANOSECONDS_A_SECOND)
}

/// Reads a whole number of seconds. If the number is too large for seconds, it is milli-, micro- or nanoseconds.
///
/// Each unit covers March 1973 to the year 5138; nanoseconds only reach 2262.
pub fn from_integer(number: i64) -> Option<i64> {
    let nanoseconds_a_unit = match number.unsigned_abs() {
        0..100_000_000_000 => NANOSECONDS_A_SECOND,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    number.checked_mul(nanoseconds_a_unit)
}

/// Reads seconds since 1970 with a fraction, to the microsecond. A double is not more exact for today's dates.
pub fn from_seconds(seconds: f64) -> Option<i64> {
    let microseconds = (seconds * 1e6).round();
    // Values out of range, and NaN, fail this comparison.
    (microseconds.abs() < 9e15).then(|| microseconds as i64 * 1_000)
}

/// Returns the number written by 1 to 9 ASCII digits.
fn digits(bytes: &[u8]) -> Option<u32> {
    let mut number = 0;
    for byte in bytes {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number * 10 + u32::from(byte - b'0');
    }
    Some(number)
}

/// Splits `.291084825Z` into nanoseconds and `Z`.
fn fraction(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let Some((b'.', fraction)) = bytes.split_first() else {
        return Some((0, bytes));
    };
    let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let (fraction, rest) = fraction.split_at(length);
    let kept = &fraction[..length.min(9)];
    let missing_digits = u32::try_from(9 - kept.len()).ok()?;
    Some((digits(kept)? * 10_u32.pow(missing_digits), rest))
}

/// Reads `Z`, nothing, `+00:00`, `+0000` or `+00`.
fn offset_seconds(bytes: &[u8]) -> Option<i64> {
    let (sign, offset) = match bytes {
        [] | [b'Z' | b'z'] => return Some(0),
        [b'+', offset @ ..] => (1, offset),
        [b'-', offset @ ..] => (-1, offset),
        _ => return None,
    };
    let (hours, minutes) = match offset {
        [_, _] => (offset, &b"00"[..]),
        [_, _, b':', _, _] => (&offset[..2], &offset[3..]),
        [_, _, _, _] => (&offset[..2], &offset[2..]),
        _ => return None,
    };
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
}

#[cfg(test)]
mod tests {
    use super::{from_integer, from_seconds, from_text};

    // Made with Python: int(datetime.fromisoformat("2026-04-04T21:13:43+00:00").timestamp()).
    const SECOND: i64 = 1_775_337_223;

    #[test]
    fn text_with_any_fraction_and_offset() {
        for (text, expected) in [
            ("2026-04-04T21:13:43.291084825Z", SECOND * 1_000_000_000 + 291_084_825),
            ("2026-04-04T21:13:43.52889Z", SECOND * 1_000_000_000 + 528_890_000),
            ("2026-04-04T21:13:43Z", SECOND * 1_000_000_000),
            ("2026-04-04T21:13:43.5", SECOND * 1_000_000_000 + 500_000_000),
            ("2026-04-04 21:13:43.000000000+00:00", SECOND * 1_000_000_000),
            ("2026-04-04T23:13:43+02:00", SECOND * 1_000_000_000),
            ("2026-04-04T15:43:43-0530", SECOND * 1_000_000_000),
            ("2026-04-04T21:13:43.2910848259Z", SECOND * 1_000_000_000 + 291_084_825),
        ] {
            assert_eq!(from_text(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn text_that_is_not_a_time() {
        for text in [
            "",
            "2026-04-04",
            "2026-04-04T21:13",
            "2026-02-30T00:00:00Z",
            "2026-04-04T24:00:00Z",
            "2026-04-04T21:13:43.Z",
            "2026-04-04T21:13:43+0",
            "2026-04-04T21:13:43+25:00",
            "2026-04-04T21:13:43Zulu",
            "20x6-04-04T21:13:43Z",
            "9999-04-04T21:13:43Z",
            "２026-04-04T21:13:43Z",
        ] {
            assert_eq!(from_text(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_of_any_unit() {
        let expected = Some(SECOND * 1_000_000_000);
        assert_eq!(from_integer(SECOND), expected);
        assert_eq!(from_integer(SECOND * 1_000), expected);
        assert_eq!(from_integer(SECOND * 1_000_000), expected);
        assert_eq!(from_integer(SECOND * 1_000_000_000), expected);
        assert_eq!(from_seconds(1_762_932_011.609_013), Some(1_762_932_011_609_013_000));
        assert_eq!(from_seconds(f64::NAN), None);
        assert_eq!(from_seconds(1e300), None);
    }
}
