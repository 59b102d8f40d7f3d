//! Reads times as exchanges and recorders write them: nanoseconds since 1970, UTC.
//!
//! One rule holds wherever a time stands: in a message, beside it, or before it. It is a date with a time of day, or a number
//! of seconds, milli-, micro- or nanoseconds since 1970, as a JSON number or as text.

use std::ops::Range;

use chrono::NaiveDate;

use super::problem::Fault;

const NANOSECONDS_A_SECOND: i64 = 1_000_000_000;

/// Market data of today's exchanges lie between these times, the beginnings of 2009 and of 2100. A time outside them was
/// written in another unit, or by a clock that was never set.
pub const PLAUSIBLE: Range<i64> = 1_230_768_000 * NANOSECONDS_A_SECOND..4_102_444_800 * NANOSECONDS_A_SECOND;

/// Reads a time that is written as text.
///
/// # Errors
/// It is not a time, or not a plausible one.
pub fn from_text(text: &str) -> Result<i64, Fault> {
    let text = text.trim();
    plausible(date_time(text.as_bytes()).or_else(|| since_1970(text)))
}

/// Reads a time that is written as a number.
///
/// # Errors
/// It is not a time, or not a plausible one.
pub fn from_number(digits: &str) -> Result<i64, Fault> {
    plausible(since_1970(digits))
}

fn plausible(time: Option<i64>) -> Result<i64, Fault> {
    let time = time.ok_or(Fault::NotATime)?;
    if PLAUSIBLE.contains(&time) { Ok(time) } else { Err(Fault::NotPlausible) }
}

/// Reads a date and a time of day, such as `2026-04-04T21:13:43.291084825Z`: `T` or a space between them; up to 9 decimals of
/// a second after a point or a comma (more are cut off); then the zone.
///
/// Second 60, which a leap second has, is the second after second 59.
fn date_time(bytes: &[u8]) -> Option<i64> {
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if separators.iter().any(|&(at, separator)| bytes.get(at) != Some(&separator))
        || !matches!(bytes[10], b'T' | b't' | b' ')
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
    if second > 60 {
        return None;
    }
    let (nanosecond, rest) = fraction(&bytes[19..])?;
    let minute = date.and_hms_opt(hour, minute, 0)?.and_utc().timestamp();
    let seconds = minute + i64::from(second) - offset_seconds(rest)?;
    seconds.checked_mul(NANOSECONDS_A_SECOND)?.checked_add(i64::from(nanosecond))
}

/// A double that is printed has no more digits than this, and its last ones mean nothing.
const DOUBLES_DIGITS: usize = 17;

/// Reads a number of seconds since 1970, with or without decimals. If the number is too large for seconds, it is milli-,
/// micro- or nanoseconds. Decimals of a nanosecond are cut off. A number with decimals that may be a printed double is rounded to
/// the microsecond.
///
/// Each unit covers March 1973 to the year 5138; nanoseconds only reach 2262.
fn since_1970(text: &str) -> Option<i64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let bytes = decimals.as_bytes();
    let number: i64 = match whole.parse() {
        // These digits are exact.
        Ok(number)
            if number >= 0
                && bytes.iter().all(u8::is_ascii_digit)
                && (bytes.is_empty() || whole.len() + bytes.len() > DOUBLES_DIGITS) =>
        {
            number
        }
        // Doubles of today's times are exact to the microsecond.
        _ => return from_double(text.parse().ok()?),
    };
    let unit = unit(number);
    let mut fraction = 0;
    let mut place = unit;
    for byte in bytes {
        place /= 10;
        fraction += i64::from(byte - b'0') * place;
    }
    number.checked_mul(unit)?.checked_add(fraction)
}

/// Reads a number that is written as a double is, or with an exponent.
fn from_double(number: f64) -> Option<i64> {
    if number.is_nan() || number.abs() >= 9e18 {
        return None;
    }
    let microseconds = (number * (unit(number as i64) as f64 / 1e3)).round();
    (microseconds.abs() < 9e15).then(|| microseconds as i64 * 1_000)
}

/// Returns how many nanoseconds the unit has in which a time of this size is written.
fn unit(number: i64) -> i64 {
    match number.unsigned_abs() {
        0..100_000_000_000 => NANOSECONDS_A_SECOND,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    }
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
    let Some((b'.' | b',', fraction)) = bytes.split_first() else {
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

/// Reads a zone: `Z`, `UTC`, `GMT`, nothing, or an offset such as `+00:00`, `+0000` or `+00`, which may also stand before a
/// name of UTC. Spaces may stand before each.
fn offset_seconds(zone: &[u8]) -> Option<i64> {
    let zone = zone.trim_ascii_start();
    let name = zone.len() - zone.iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (offset, name) = zone.split_at(name);
    let is_utc = ["", "Z", "UTC", "GMT"].iter().any(|utc| name.eq_ignore_ascii_case(utc.as_bytes()));
    let seconds = match offset.trim_ascii_end() {
        [] => 0,
        [b'+', offset @ ..] => offset_of(offset)?,
        [b'-', offset @ ..] => -offset_of(offset)?,
        _ => return None,
    };
    // A name of UTC contradicts any other offset.
    (is_utc && (name.is_empty() || seconds == 0)).then_some(seconds)
}

fn offset_of(offset: &[u8]) -> Option<i64> {
    let (hours, minutes) = match offset {
        [_, _] => (offset, &b"00"[..]),
        [_, _, b':', _, _] => (&offset[..2], &offset[3..]),
        [_, _, _, _] => (&offset[..2], &offset[2..]),
        _ => return None,
    };
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    (hours < 24 && minutes < 60).then_some(i64::from(hours) * 3600 + i64::from(minutes) * 60)
}

#[cfg(test)]
mod tests {
    use super::{Fault, from_number, from_text};

    // Made with Python: int(datetime.fromisoformat("2026-04-04T21:13:43+00:00").timestamp()).
    const SECOND: i64 = 1_775_337_223;
    const NS: i64 = SECOND * 1_000_000_000;

    #[test]
    fn text_with_any_fraction_and_offset() {
        for (text, expected) in [
            ("2026-04-04T21:13:43.291084825Z", NS + 291_084_825),
            ("2026-04-04T21:13:43.52889Z", NS + 528_890_000),
            ("2026-04-04T21:13:43Z", NS),
            ("2026-04-04T21:13:43.5", NS + 500_000_000),
            ("2026-04-04 21:13:43.000000000+00:00", NS),
            ("2026-04-04T23:13:43+02:00", NS),
            ("2026-04-04T15:43:43-0530", NS),
            ("2026-04-04T23:13:43+02", NS),
            ("2026-04-04T21:13:43.2910848259Z", NS + 291_084_825),
            ("2026-04-04t21:13:43.25z", NS + 250_000_000),
            ("2026-04-04 21:13:43,25", NS + 250_000_000),
            ("2026-04-04 21:13:43 UTC", NS),
            ("2026-04-04 21:13:43.25utc", NS + 250_000_000),
            ("2026-04-04 21:13:43 GMT", NS),
            ("2026-04-04 23:13:43.5 +02:00", NS + 500_000_000),
            ("2026-04-04 21:13:43.291084825 +0000 UTC", NS + 291_084_825),
            (" 2026-04-04T21:13:43Z ", NS),
        ] {
            assert_eq!(from_text(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_leap_second_is_the_second_after_59() {
        // 2017-01-01T00:00:00Z, which is also the time that POSIX gives to the leap second before it.
        let midnight = 1_483_228_800_000_000_000;
        assert_eq!(from_text("2016-12-31T23:59:60Z"), Ok(midnight));
        assert_eq!(from_text("2016-12-31T23:59:60.5Z"), Ok(midnight + 500_000_000));
        assert_eq!(from_text("2017-01-01T00:59:60+01:00"), Ok(midnight));
        assert_eq!(from_text("2016-12-31T23:59:61Z"), Err(Fault::NotATime));
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
            "2026-04-04T21:13:43 EST",
            "2026-04-04T21:13:43+02:00 UTC",
            "2026-04-04T21:13:43 Z Z",
            "20x6-04-04T21:13:43Z",
            "２026-04-04T21:13:43Z",
            "1775337223s",
            "1775337223.5.5",
            "0x69d17bc7",
            "NaN",
            "inf",
            "1e300",
        ] {
            assert_eq!(from_text(text), Err(Fault::NotATime), "{text}");
        }
    }

    #[test]
    fn numbers_of_any_unit_are_told_by_their_size() {
        for (digits, expected) in [
            ("1775337223", NS),
            ("1775337223000", NS),
            ("1775337223000000", NS),
            ("1775337223000000000", NS),
            ("1775337223.291084825", NS + 291_084_825),
            ("1775337223.2910848259", NS + 291_084_825),
            ("1775337223500.25", NS + 500_250_000),
            ("1775337223500250.125", NS + 500_250_125),
            ("1775337223500250125.9", NS + 500_250_125),
            ("1762932011.609013", 1_762_932_011_609_013_000),
            // Python prints this time with a seventh decimal, which is only the distance to the nearest double.
            ("1762932011.6090131", 1_762_932_011_609_013_000),
            ("1.775337223e9", NS),
            ("1.7753372235e12", NS + 500_000_000),
        ] {
            assert_eq!(from_number(digits), Ok(expected), "{digits}");
            assert_eq!(from_text(digits), Ok(expected), "{digits} as text");
        }
    }

    #[test]
    fn a_time_that_cannot_be_meant_is_not_read() {
        for text in [
            "0",
            "-1775337223",
            "1723161254.5e-3",
            "17753372",
            "5000000000",
            "9223372036854775807",
            "2008-12-31T23:59:59.999999999Z",
            "2100-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
        ] {
            assert_eq!(from_text(text), Err(Fault::NotPlausible), "{text}");
        }
        for text in ["2009-01-01T00:00:00Z", "2099-12-31T23:59:59.999999999Z"] {
            assert!(from_text(text).is_ok(), "{text}");
        }
        assert_eq!(from_text("9999-04-04T21:13:43Z"), Err(Fault::NotATime), "beyond what nanoseconds can count");
    }
}
