//! The values that a client gives for `$1`, `$2` …, as SQL.
//!
//! In: a value's bytes, its format and the number of its type. Out: an expression that stands in the place of the parameter, so that
//! it can stand wherever the statement may have a literal.

use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::encode::read_numeric;
use super::failure::Failure;
use super::foreign;
use super::types::{Shown, Type, all};
use crate::text::{from_hex, hex, literal};

/// Seconds from 1970 to 2000, where PostgreSQL's times begin.
const EPOCH_SECONDS: i64 = 946_684_800;

/// The most digits of a decimal.
const DIGITS: usize = 76;

/// Why a value cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub enum Unreadable {
    Value(String),
    /// The binary form of the type with this number is not known.
    Type(u32),
}

/// The number of a type of which a client says nothing, and that of PostgreSQL's type for it. The value is a text.
const UNSAID: [u32; 2] = [0, 705];

impl From<Unreadable> for Failure {
    fn from(unreadable: Unreadable) -> Failure {
        match unreadable {
            Unreadable::Value(message) => Failure::told("22P02", message),
            Unreadable::Type(oid) => {
                let message = format!("values of type {} are not supported in binary", foreign::unread(oid));
                Failure::told("0A000", message).hint("send the value as text, or as one of the types in docs/serve.md")
            }
        }
    }
}

/// Returns a parameter's value as an expression; NULL for `None`. If it is `exact`, small integers have the types smallint and integer.
/// Otherwise they are plain numbers, which more functions take.
///
/// # Errors
/// The bytes are not a value of the type.
pub fn expression(oid: u32, binary: bool, value: Option<&[u8]>, exact: bool) -> Result<Expr, Unreadable> {
    let shown = match Shown::numbered(oid) {
        Some(shown) => shown,
        None if binary && value.is_some() && !UNSAID.contains(&oid) => return Err(Unreadable::Type(oid)),
        None => Shown { of: Type::Text, array: false },
    };
    let Some(bytes) = value else { return if exact { null(oid) } else { parsed("NULL") } };
    let text = match (shown.array, binary) {
        (false, false) => scalar_text(shown.of, utf8(bytes)?)?,
        (false, true) => binary_of(oid, shown.of, bytes)?,
        (true, false) => array_text(shown.of, utf8(bytes)?)?,
        (true, true) => array_binary(element(oid), shown.of, bytes)?,
    };
    match shown {
        Shown { of: Type::Int2 | Type::Int4, array: false } if exact => {
            parsed(&format!("CAST({text} AS {})", sql(shown)))
        }
        _ => parsed(&text),
    }
}

/// Returns a NULL of a type, which stands for a value that is not known yet.
///
/// # Errors
/// There are none for the types that exist.
pub fn null(oid: u32) -> Result<Expr, Unreadable> {
    parsed(&format!("CAST(NULL AS {})", sql(shown(oid))))
}

fn shown(oid: u32) -> Shown {
    Shown::numbered(oid).unwrap_or(Shown { of: Type::Text, array: false })
}

/// Returns the name of a type in SQL.
fn sql(shown: Shown) -> String {
    let name = match shown.of {
        Type::Bool => "BOOLEAN",
        Type::Bytea => "BYTEA",
        Type::Int2 => "SMALLINT",
        Type::Int4 => "INTEGER",
        Type::Int8 => "BIGINT",
        Type::Float4 => "REAL",
        Type::Float8 => "DOUBLE",
        Type::Numeric => "DECIMAL(38, 9)",
        Type::Text => "VARCHAR",
        Type::Date => "DATE",
        Type::Time => "TIME",
        Type::Timestamp => "TIMESTAMP",
        Type::TimestampTz => "TIMESTAMP WITH TIME ZONE",
        Type::Interval => "INTERVAL",
    };
    format!("{name}{}", if shown.array { "[]" } else { "" })
}

/// Reads a value in the form of SQL.
///
/// # Errors
/// It is none.
pub fn parsed(text: &str) -> Result<Expr, Unreadable> {
    let parser = Parser::new(&GenericDialect {}).try_with_sql(text);
    let read = parser.and_then(|mut parser| parser.parse_expr());
    read.map_err(|error| Unreadable::Value(format!("a parameter's value cannot be read: {error}")))
}

fn utf8(bytes: &[u8]) -> Result<&str, Unreadable> {
    std::str::from_utf8(bytes).map_err(|_| Unreadable::Value("a parameter's value is not UTF-8".into()))
}

fn wrong(of: Type, text: &str) -> Unreadable {
    Unreadable::Value(format!("invalid value for type {}: {}", of.known().name, literal(text)))
}

/// Returns a value in the text format as SQL.
fn scalar_text(of: Type, text: &str) -> Result<String, Unreadable> {
    let trimmed = text.trim();
    Ok(match of {
        Type::Bool => match trimmed.to_ascii_lowercase().as_str() {
            "t" | "true" | "1" | "on" | "yes" | "y" => "TRUE".into(),
            "f" | "false" | "0" | "off" | "no" | "n" => "FALSE".into(),
            _ => return Err(wrong(of, text)),
        },
        Type::Int2 | Type::Int4 | Type::Int8 => integer(trimmed.parse().map_err(|_| wrong(of, text))?),
        Type::Float4 | Type::Float8 => double(trimmed.parse().map_err(|_| wrong(of, text))?),
        Type::Numeric => decimal(trimmed).ok_or_else(|| wrong(of, text))?,
        Type::Text => literal(text),
        Type::Bytea => {
            let bytes = trimmed.strip_prefix("\\x").and_then(from_hex).ok_or_else(|| wrong(of, text))?;
            format!("X'{}'", hex(&bytes))
        }
        Type::Date => cast(trimmed, "DATE"),
        Type::Time => cast(trimmed, "TIME"),
        Type::Timestamp => cast(trimmed, "TIMESTAMP"),
        Type::TimestampTz => cast(trimmed, "TIMESTAMP WITH TIME ZONE"),
        Type::Interval => format!("INTERVAL {}", literal(trimmed)),
    })
}

/// Returns a text that is cast to a type.
pub fn cast(text: &str, to: &str) -> String {
    format!("CAST({} AS {to})", literal(text))
}

/// Returns a whole number as SQL.
pub fn integer(value: i64) -> String {
    match value {
        // The smallest number has no positive counterpart, which the sign would need.
        i64::MIN => cast(&value.to_string(), "BIGINT"),
        _ if value < 0 => format!("({value})"),
        _ => value.to_string(),
    }
}

/// Returns a floating-point number as SQL.
pub fn double(value: f64) -> String {
    cast(&format!("{value:?}"), "DOUBLE")
}

/// Returns a decimal as SQL, with as many digits as it has.
pub fn decimal(text: &str) -> Option<String> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(digits.to_ascii_lowercase().as_str(), "nan" | "infinity" | "inf") || digits.contains(['e', 'E']) {
        return text.parse().ok().map(double);
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    let precision = (whole.len() + fraction.len()).max(1);
    let all_digits = (whole.to_string() + fraction).bytes().all(|byte| byte.is_ascii_digit());
    (all_digits && !digits.is_empty() && precision <= DIGITS)
        .then(|| cast(text, &format!("DECIMAL({precision}, {})", fraction.len())))
}

/// Returns the number of an array's elements' type.
fn element(array: u32) -> u32 {
    all().find(|known| known.array == array).map_or(0, |known| known.oid)
}

/// Returns a value in the binary format of a type with this number, which means one of ours, as SQL.
fn binary_of(oid: u32, of: Type, bytes: &[u8]) -> Result<String, Unreadable> {
    match foreign::sql(oid, bytes) {
        Some(read) => read.map_err(Unreadable::Value),
        None => scalar_binary(of, bytes),
    }
}

/// Returns a value in the binary format as SQL.
fn scalar_binary(of: Type, bytes: &[u8]) -> Result<String, Unreadable> {
    let short = || Unreadable::Value(format!("a parameter of type {} has {} bytes", of.known().name, bytes.len()));
    let number = || -> Result<i64, Unreadable> {
        Ok(match bytes.len() {
            2 => i16::from_be_bytes(bytes.try_into().map_err(|_| short())?).into(),
            4 => i32::from_be_bytes(bytes.try_into().map_err(|_| short())?).into(),
            8 => i64::from_be_bytes(bytes.try_into().map_err(|_| short())?),
            _ => return Err(short()),
        })
    };
    Ok(match of {
        Type::Bool => match bytes {
            [0] => "FALSE".into(),
            [_] => "TRUE".into(),
            _ => return Err(short()),
        },
        Type::Int2 | Type::Int4 | Type::Int8 => integer(number()?),
        Type::Float4 => double(f32::from_be_bytes(bytes.try_into().map_err(|_| short())?).into()),
        Type::Float8 => double(f64::from_be_bytes(bytes.try_into().map_err(|_| short())?)),
        Type::Numeric => read_numeric(bytes).and_then(|text| decimal(&text)).ok_or_else(short)?,
        Type::Text => literal(utf8(bytes)?),
        Type::Bytea => format!("X'{}'", hex(bytes)),
        Type::Date => {
            let seconds = number()?.checked_mul(86_400).and_then(|seconds| seconds.checked_add(EPOCH_SECONDS));
            let instant = seconds.and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
            cast(&instant.ok_or_else(short)?.format("%Y-%m-%d").to_string(), "DATE")
        }
        Type::Time => {
            let microseconds = number()?;
            let nanoseconds = (microseconds.rem_euclid(1_000_000) * 1000) as u32;
            let seconds = u32::try_from(microseconds.div_euclid(1_000_000)).map_err(|_| short())?;
            let time = chrono::NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanoseconds);
            cast(&time.ok_or_else(short)?.format("%H:%M:%S%.6f").to_string(), "TIME")
        }
        Type::Timestamp | Type::TimestampTz => {
            let microseconds = number()?.checked_add(EPOCH_SECONDS * 1_000_000);
            let instant = microseconds.and_then(chrono::DateTime::from_timestamp_micros).ok_or_else(short)?;
            let text = instant.format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
            match of {
                Type::Timestamp => cast(&text, "TIMESTAMP"),
                _ => cast(&(text + "Z"), "TIMESTAMP WITH TIME ZONE"),
            }
        }
        Type::Interval => {
            let parts = bytes.split_first_chunk::<8>().and_then(|(time, rest)| {
                let (days, rest) = rest.split_first_chunk::<4>()?;
                let months = <[u8; 4]>::try_from(rest).ok()?;
                Some((i64::from_be_bytes(*time), i32::from_be_bytes(*days), i32::from_be_bytes(months)))
            });
            let (microseconds, days, months) = parts.ok_or_else(short)?;
            format!("INTERVAL '{months} months {days} days {microseconds} microseconds'")
        }
    })
}

/// Returns an array in the text format, such as `{1,NULL,"a b"}`, as SQL.
fn array_text(of: Type, text: &str) -> Result<String, Unreadable> {
    let inner = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let inner = inner.ok_or_else(|| wrong(of, text))?;
    let mut elements = Vec::new();
    let mut characters = inner.chars().peekable();
    while characters.peek().is_some() {
        let mut element = String::new();
        let mut quoted = false;
        let mut inside = false;
        while let Some(character) = characters.next() {
            match character {
                '"' => {
                    quoted = true;
                    inside = !inside;
                }
                '\\' => element.extend(characters.next()),
                ',' if !inside => break,
                '{' | '}' if !inside => return Err(Unreadable::Value("arrays have one dimension here".into())),
                other => element.push(other),
            }
        }
        let null = !quoted && element.trim().eq_ignore_ascii_case("null");
        elements.push(if null { "NULL".into() } else { scalar_text(of, &element)? });
    }
    Ok(array(&elements))
}

/// Returns an array in the binary format as SQL.
fn array_binary(element_oid: u32, of: Type, bytes: &[u8]) -> Result<String, Unreadable> {
    let mut rest = bytes;
    let mut number = || {
        let (four, after) =
            rest.split_first_chunk::<4>().ok_or_else(|| Unreadable::Value("an array that is too short".into()))?;
        rest = after;
        Ok(i32::from_be_bytes(*four))
    };
    let (dimensions, _, _) = (number()?, number()?, number()?);
    if dimensions == 0 {
        return Ok(array(&[]));
    }
    if dimensions != 1 {
        return Err(Unreadable::Value("arrays have one dimension here".into()));
    }
    let (count, _) = (number()?, number()?);
    let mut elements = Vec::new();
    for _ in 0..count {
        let (four, after) =
            rest.split_first_chunk::<4>().ok_or_else(|| Unreadable::Value("an array that is too short".into()))?;
        rest = after;
        match usize::try_from(i32::from_be_bytes(*four)) {
            Err(_) => elements.push("NULL".to_string()),
            Ok(length) => {
                let (element, after) = rest
                    .split_at_checked(length)
                    .ok_or_else(|| Unreadable::Value("an array that is too short".into()))?;
                elements.push(binary_of(element_oid, of, element)?);
                rest = after;
            }
        }
    }
    Ok(array(&elements))
}

/// Returns an array of elements that are SQL.
pub fn array(elements: &[String]) -> String {
    format!("ARRAY[{}]", elements.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(read: Result<Expr, Unreadable>) -> String {
        match read {
            Ok(expr) => expr.to_string(),
            Err(Unreadable::Value(message)) => message,
            Err(Unreadable::Type(oid)) => format!("type {oid}"),
        }
    }

    fn text(oid: u32, value: &str) -> String {
        told(expression(oid, false, Some(value.as_bytes()), false))
    }

    fn binary(oid: u32, value: &[u8]) -> String {
        told(expression(oid, true, Some(value), false))
    }

    #[test]
    fn texts_become_literals_of_their_types() {
        for (oid, value, expected) in [
            (16, "t", "true"),
            (20, "-7", "(-7)"),
            (701, "NaN", "CAST('NaN' AS DOUBLE)"),
            (701, "1.5", "CAST('1.5' AS DOUBLE)"),
            (1700, "-12.50", "CAST('-12.50' AS DECIMAL(4,2))"),
            (25, "it's", "'it''s'"),
            (0, "x", "'x'"),
            (17, "\\x0aff", "X'0aff'"),
            (1184, "2026-01-02 03:04:05+01", "CAST('2026-01-02 03:04:05+01' AS TIMESTAMP WITH TIME ZONE)"),
            (1009, r#"{a,NULL,"b,\"c"}"#, "ARRAY['a', NULL, 'b,\"c']"),
            (1016, "{}", "ARRAY[]"),
            (23, "1; DROP", "invalid value for type int4: '1; DROP'"),
            (1700, "1'", "invalid value for type numeric: '1'''"),
        ] {
            assert_eq!(text(oid, value), expected);
        }
    }

    #[test]
    fn bytes_become_literals_of_their_types() {
        assert_eq!(binary(20, &i64::MIN.to_be_bytes()), "CAST('-9223372036854775808' AS BIGINT)");
        assert_eq!(
            binary(1184, &1i64.to_be_bytes()),
            "CAST('2000-01-01T00:00:00.000001Z' AS TIMESTAMP WITH TIME ZONE)"
        );
        assert_eq!(binary(1082, &(-1i32).to_be_bytes()), "CAST('1999-12-31' AS DATE)");
        assert_eq!(binary(1700, &[0, 1, 0, 0, 0, 0, 0, 1, 0, 5]), "CAST('5.0' AS DECIMAL(2,1))");
        let mut array = Vec::new();
        for number in [1i32, 0, 20, 2, 1, 8] {
            array.extend(number.to_be_bytes());
        }
        array.extend(7i64.to_be_bytes());
        array.extend((-1i32).to_be_bytes());
        assert_eq!(binary(1016, &array), "ARRAY[7, NULL]");
        assert_eq!(expression(20, true, None, false).unwrap().to_string(), "NULL");
        // The forms of PostgreSQL 16's uuid_send, jsonb_send, inet_send and cidr_send.
        let id: Vec<u8> = (0..16).collect();
        assert_eq!(binary(2950, &id), "'00010203-0405-0607-0809-0a0b0c0d0e0f'");
        assert_eq!(binary(2950, &id[1..]), "a parameter of type uuid has the wrong bytes");
        assert_eq!(binary(3802, b"\x01{\"a\": 1}"), "'{\"a\": 1}'");
        assert_eq!(binary(3802, b"{}"), "a parameter of type jsonb has the wrong bytes");
        assert_eq!(binary(869, &[2, 32, 0, 4, 10, 0, 0, 1]), "'10.0.0.1'");
        assert_eq!(binary(650, &[2, 8, 1, 4, 10, 0, 0, 0]), "'10.0.0.0/8'");
        let mut loopback = vec![3, 128, 0, 16];
        loopback.extend(1u128.to_be_bytes());
        assert_eq!(binary(869, &loopback), "'::1'");
        assert_eq!(binary(26, &u32::MAX.to_be_bytes()), "4294967295");
        let mut words = Vec::new();
        for number in [1i32, 0, 1043, 1, 1, 2] {
            words.extend(number.to_be_bytes());
        }
        words.extend(b"ab");
        assert_eq!(binary(1015, &words), "ARRAY['ab']");
        assert_eq!(
            (binary(3904, b"\0"), binary(99_999, b"ab"), binary(0, b"ab")),
            ("type 3904".into(), "type 99999".into(), "'ab'".into())
        );
        assert_eq!(text(3904, "[1,2)"), "'[1,2)'");
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_no_text_ends_its_literal(
            oid in proptest::sample::select(&[16u32, 17, 20, 21, 26, 650, 869, 2950, 2951, 3802, 3904, 23, 25, 701, 700, 1082, 1083, 1114, 1184, 1186, 1700, 1009, 1016, 1022][..]),
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
            is_binary: bool,
        ) {
            let _ = expression(oid, is_binary, Some(&bytes), true);
        }

        #[test]
        fn a_text_stays_one_literal(value in ".{0,40}") {
            let expr = expression(25, false, Some(value.as_bytes()), false).unwrap();
            prop_assert!(matches!(expr, Expr::Value(_)));
        }
    }
}
