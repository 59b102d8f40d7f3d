//! The type of a column of CSV, by its values.

use std::ops::BitOr;

use chrono::Utc;
use datafusion::arrow::compute::kernels::cast_utils::{Parser, string_to_datetime};
use datafusion::arrow::datatypes::{DataType, Date32Type, Time64NanosecondType, TimeUnit};

/// The kinds of values that a column has; none, if all are NULL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kinds(u8);

const BOOLEAN: u8 = 1;
const INTEGER: u8 = 1 << 1;
/// Integers that are too long for BIGINT.
const LONG: u8 = 1 << 2;
const NUMBER: u8 = 1 << 3;
const DATE: u8 = 1 << 4;
const TIMESTAMP: u8 = 1 << 5;
const TIME: u8 = 1 << 6;
const TEXT: u8 = 1 << 7;

/// The most digits of DECIMAL, which the engine has the most functions for.
const DIGITS: usize = 38;

impl Kinds {
    /// Of a column that is text whatever its values are.
    pub const ALL_TEXT: Kinds = Kinds(TEXT);

    /// Returns the kind of one value.
    pub fn of(value: &str) -> Kinds {
        Kinds(kind(value))
    }

    /// Returns whether a value is not NULL.
    pub fn has_values(self) -> bool {
        self != Kinds::default()
    }

    /// Returns whether VARCHAR is the only type that can hold all values.
    pub fn has_text(self) -> bool {
        self.data_type() == DataType::Utf8
    }

    /// Returns whether the type of these values can hold others too.
    pub fn holds(self, others: Kinds) -> bool {
        (self | others).data_type() == self.data_type()
    }

    /// Takes a value.
    pub fn see(&mut self, value: &str) {
        if self.0 & TEXT == 0 {
            self.0 |= kind(value);
        }
    }

    /// Returns the type that has a place for all values.
    pub fn data_type(self) -> DataType {
        let within = |kinds: u8| self.0 & !kinds == 0;
        match self.0 {
            0 => DataType::Null,
            BOOLEAN => DataType::Boolean,
            INTEGER => DataType::Int64,
            _ if within(INTEGER | LONG) => DataType::Decimal128(38, 0),
            _ if within(INTEGER | LONG | NUMBER) => DataType::Float64,
            DATE => DataType::Date32,
            _ if within(DATE | TIMESTAMP) => DataType::Timestamp(TimeUnit::Nanosecond, None),
            TIME => DataType::Time64(TimeUnit::Nanosecond),
            _ => DataType::Utf8,
        }
    }
}

impl BitOr for Kinds {
    type Output = Kinds;

    fn bitor(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }
}

fn kind(value: &str) -> u8 {
    let bytes = value.as_bytes();
    let unsigned = bytes.strip_prefix(b"-").unwrap_or(bytes);
    match unsigned {
        [b'0'..=b'9' | b'.', ..] => {}
        _ if value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false") => return BOOLEAN,
        _ if [&b"nan"[..], b"inf", b"infinity"].iter().any(|word| unsigned.eq_ignore_ascii_case(word)) => {
            return NUMBER;
        }
        _ => return TEXT,
    }
    // `007` is a name or a code, as in DuckDB: a number would lose its zeros.
    let is_code = matches!(bytes, [b'0', b'0'..=b'9', ..]);
    let digits = count_digits(unsigned);
    if digits == unsigned.len() {
        if is_code {
            return TEXT;
        }
        let leading = unsigned.iter().take_while(|byte| **byte == b'0').count();
        return match digits - leading {
            0..=18 => INTEGER,
            19 if value.parse::<i64>().is_ok() => INTEGER,
            19..=DIGITS => LONG,
            _ => TEXT,
        };
    }
    if is_number(unsigned, digits) {
        return if is_code { TEXT } else { NUMBER };
    }
    match bytes {
        [_, _, b':', ..] if bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b':' | b'.')) => {
            // TIME cannot hold a leap second, which comes after 23:59:59.
            match Time64NanosecondType::parse(value) {
                Some(_) if bytes.get(6) != Some(&b'6') => TIME,
                _ => TEXT,
            }
        }
        [_, _, _, _, b'-', _, _, b'-', _, _] if Date32Type::parse(value).is_some() => DATE,
        [_, _, _, _, b'-', _, _, b'-', _, _, b'T' | b' ', _, _, b':', _, _, b':', _, _, ..]
            if bytes[17] != b'6' && string_to_datetime(&Utc, value).is_ok() =>
        {
            TIMESTAMP
        }
        _ => TEXT,
    }
}

fn count_digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Returns whether text is a number with a point or an exponent; `whole` is how many digits it begins with.
fn is_number(text: &[u8], whole: usize) -> bool {
    let mut rest = &text[whole..];
    let mut digits = whole;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = count_digits(fraction);
        (rest, digits) = (&fraction[length..], digits + length);
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = exponent.strip_prefix(b"-").or_else(|| exponent.strip_prefix(b"+")).unwrap_or(exponent);
        let length = count_digits(exponent);
        return digits > 0 && length > 0 && length == exponent.len();
    }
    digits > 0 && rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_decide_the_type() {
        let of = |values: &[&str]| {
            let mut kinds = Kinds::default();
            values.iter().for_each(|value| kinds.see(value));
            kinds.data_type()
        };
        let timestamp = DataType::Timestamp(TimeUnit::Nanosecond, None);
        for (values, expected) in [
            (&[][..], DataType::Null),
            (&["true", "FALSE"], DataType::Boolean),
            (&["1", "-9223372036854775808", "-007"], DataType::Int64),
            (&["1", "007"], DataType::Utf8),
            (&["00.5"], DataType::Utf8),
            (&["0", "0.5"], DataType::Float64),
            (&["1", "9223372036854775808"], DataType::Decimal128(38, 0)),
            (&["99999999999999999999999999999999999999"], DataType::Decimal128(38, 0)),
            (&["100000000000000000000000000000000000000"], DataType::Utf8),
            (&["9223372036854775808", "0.5"], DataType::Float64),
            (&["1", ".5", "2.", "-1.5e-3", "1E5", "NaN", "-Infinity", "inf"], DataType::Float64),
            (&["1", "."], DataType::Utf8),
            (&["1e"], DataType::Utf8),
            (&["-"], DataType::Utf8),
            (&["1.2.3"], DataType::Utf8),
            (&["2024-01-31"], DataType::Date32),
            (&["2024-02-31"], DataType::Utf8),
            (&["2024-01-31", "2024-01-31T10:00:00.123456789Z"], timestamp.clone()),
            (&["2024-01-31 10:00:00", "2024-01-31 10:00:00+02:00"], timestamp),
            (&["2024-01-31 10:00:00", "1"], DataType::Utf8),
            (&["10:00", "23:59:59.5"], DataType::Time64(TimeUnit::Nanosecond)),
            (&["25:00"], DataType::Utf8),
            (&["23:59:60"], DataType::Utf8),
            (&["2016-12-31 23:59:60"], DataType::Utf8),
            (&["true", "1"], DataType::Utf8),
        ] {
            assert_eq!(of(values), expected, "{values:?}");
        }
    }
}
