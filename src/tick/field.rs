//! A field of a message: borrowed from the message, of any JSON type, and converted to the type of its column.
//!
//! Exchanges write decimals as strings; recorders write numbers or strings. Both can be read. JSON's `null` and the empty
//! string mean that the value is absent.

use std::borrow::Cow;

use super::problem::{Fault, quoted};
use super::{Problem, Side, json, time};
use crate::text::is_printable;

/// No product's name has more bytes. Names become keys, statistics of Parquet files and parts of tables.
pub const LONGEST_PRODUCT: usize = 128;

/// A JSON value as a message holds it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Value<'a> {
    #[default]
    Absent,
    Text(&'a str),
    /// A text in which some characters are still written with a backslash.
    Escaped(&'a str),
    /// The digits of a number.
    Number(&'a str),
    /// A value of a type that no field can have; holds the name of its JSON type.
    Other(&'static str),
    /// Several values, which are different: the key comes twice. It is a problem wherever the field is read.
    Twice,
}

impl<'a> Value<'a> {
    /// Returns whether there is no value.
    pub fn is_absent(self) -> bool {
        matches!(self, Value::Absent | Value::Text(""))
    }

    /// Returns the value of a field whose type does not matter.
    ///
    /// # Errors
    /// The key comes twice, with different values.
    pub fn once(self, field: &'static str) -> Result<Value<'a>, Problem> {
        if self == Value::Twice { Err(Problem::Twice { field }) } else { Ok(self) }
    }

    /// Returns the problem for this field with this fault.
    pub fn wrong(self, field: &'static str, fault: Fault) -> Problem {
        let value = match self {
            Value::Twice => return Problem::Twice { field },
            Value::Absent => "absent".into(),
            Value::Text(text) => quoted(text),
            Value::Escaped(text) => quoted(&unescaped(text)),
            Value::Number(digits) => quoted(digits).trim_matches('`').to_string(),
            Value::Other(name) => name.into(),
        };
        Problem::Value { field, value, fault }
    }

    /// Returns a name's text; absent is `None`.
    pub fn text(self, field: &'static str) -> Result<Option<Cow<'a, str>>, Problem> {
        match self {
            _ if self.is_absent() => Ok(None),
            Value::Text(text) => Ok(Some(Cow::Borrowed(text))),
            Value::Escaped(text) => Ok(Some(Cow::Owned(unescaped(text)))),
            other => Err(other.wrong(field, Fault::NotAName)),
        }
    }

    /// Returns the product's name, which is short and can be printed.
    pub fn product(self, field: &'static str) -> Result<Cow<'a, str>, Problem> {
        let product = self.text(field)?.ok_or(Problem::Missing { field })?;
        if product.len() > LONGEST_PRODUCT {
            return Err(self.wrong(field, Fault::TooLong));
        }
        let is_cut = matches!(self, Value::Escaped(content) if whole(content).is_none());
        if is_cut || !is_printable(&product) {
            return Err(self.wrong(field, Fault::NotPrintable));
        }
        Ok(product)
    }

    /// Returns a finite number; absent is `None`.
    #[inline]
    pub fn number(self, field: &'static str) -> Result<Option<f64>, Problem> {
        if let Value::Text(text) | Value::Number(text) = self
            && let Some(number) = short_decimal(text)
        {
            return Ok(Some(number));
        }
        self.unusual_number(field)
    }

    #[cold]
    fn unusual_number(self, field: &'static str) -> Result<Option<f64>, Problem> {
        let number = match self {
            _ if self.is_absent() => return Ok(None),
            Value::Text(text) | Value::Number(text) => text.parse().ok(),
            Value::Escaped(text) => unescaped(text).parse().ok(),
            _ => None,
        };
        match number {
            None => Err(self.wrong(field, Fault::NotANumber)),
            Some(number) if !f64::is_finite(number) => Err(self.wrong(field, Fault::NotFinite)),
            Some(number) => Ok(Some(number)),
        }
    }

    /// Returns a quantity or volume, at least 0; absent is `None`.
    #[inline]
    pub fn amount(self, field: &'static str) -> Result<Option<f64>, Problem> {
        match self.number(field)? {
            Some(number) if number < 0.0 => Err(self.wrong(field, Fault::Negative)),
            number => Ok(number),
        }
    }

    /// Returns a price, above 0; absent is a problem.
    #[inline]
    pub fn price(self, field: &'static str) -> Result<f64, Problem> {
        match self.number(field)? {
            None => Err(Problem::Missing { field }),
            Some(number) if number <= 0.0 => Err(self.wrong(field, Fault::NotPositive)),
            Some(number) => Ok(number),
        }
    }

    /// Returns a whole number; absent is `None`.
    pub fn integer(self, field: &'static str) -> Result<Option<i64>, Problem> {
        let integer = match self {
            _ if self.is_absent() => return Ok(None),
            Value::Text(text) | Value::Number(text) => text.parse().ok(),
            Value::Escaped(text) => unescaped(text).parse().ok(),
            _ => None,
        };
        integer.map(Some).ok_or_else(|| self.wrong(field, Fault::NotAnInteger))
    }

    /// Returns the taker's side; absent is `None`.
    pub fn side(self, field: &'static str) -> Result<Option<Side>, Problem> {
        match self.text(field)? {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("buy") => Ok(Some(Side::Buy)),
            Some(text) if text.eq_ignore_ascii_case("sell") => Ok(Some(Side::Sell)),
            Some(_) => Err(self.wrong(field, Fault::NotASide)),
        }
    }

    /// Returns the time, nanoseconds since 1970, UTC; absent is `None`.
    ///
    /// Text is a date and a time of day, without an offset in UTC; or, like a number, it counts the seconds, milli-, micro- or
    /// nanoseconds since 1970.
    pub fn time(self, field: &'static str) -> Result<Option<i64>, Problem> {
        let time = match self {
            _ if self.is_absent() => return Ok(None),
            Value::Text(text) => time::from_text(text),
            Value::Escaped(text) => time::from_text(&unescaped(text)),
            Value::Number(digits) => time::from_number(digits),
            _ => Err(Fault::NotATime),
        };
        time.map(Some).map_err(|fault| self.wrong(field, fault))
    }
}

/// Returns a text's content; as it stands if it holds half of a surrogate pair.
fn unescaped(content: &str) -> String {
    whole(content).unwrap_or_else(|| content.to_string())
}

/// Returns a text's content; `None` if it holds half of a surrogate pair.
fn whole(content: &str) -> Option<String> {
    let mut text = String::with_capacity(content.len());
    json::unescape(content, &mut text)?;
    Some(text)
}

/// Returns the double nearest to a decimal of at most 15 digits, such as `103472.28`; `None` for any other text.
///
/// Its digits are an exact double, and so is the power of ten that divides them; so the one division rounds correctly
/// (Clinger, How to read floating point numbers accurately, <https://doi.org/10.1145/93542.93557>).
#[inline]
fn short_decimal(text: &str) -> Option<f64> {
    const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let bytes = text.as_bytes();
    if bytes.len() > POWERS.len() {
        return None;
    }
    let (whole, number) = leading_digits(bytes, 0);
    let (decimals, number) = match bytes.get(whole) {
        Some(b'.') => leading_digits(&bytes[whole + 1..], number),
        _ => (0, number),
    };
    let length = whole + decimals + usize::from(bytes.get(whole) == Some(&b'.'));
    // At most 15 digits, which are below 2^53.
    (whole > 0 && length == bytes.len() && whole + decimals < POWERS.len()).then(|| number as f64 / POWERS[decimals])
}

/// Appends the digits with which the bytes begin to a number; returns how many there are, and the number.
#[inline]
fn leading_digits(bytes: &[u8], mut number: u64) -> (usize, u64) {
    for (count, byte) in bytes.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return (count, number);
        }
        number = number * 10 + u64::from(digit);
    }
    (bytes.len(), number)
}

/// Returns bid and ask. They may be equal (a locked quote); a bid above the ask (a crossed quote) is a problem.
#[inline]
pub fn quote(best_bid: f64, best_ask: f64) -> Result<(), Problem> {
    if best_bid > best_ask {
        return Err(Problem::Crossed { best_bid, best_ask });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::short_decimal;

    proptest! {
        #[test]
        fn a_short_decimal_is_what_the_standard_library_reads(text in "[0-9]{0,12}(\\.[0-9]{0,12})?") {
            if let Some(number) = short_decimal(&text) {
                assert_eq!(Ok(number.to_bits()), text.parse::<f64>().map(f64::to_bits), "{text}");
            }
        }
    }

    #[test]
    fn usual_decimals_are_short() {
        for text in ["103472.28", "0.02454085", "2401.16054813", "1", "0", "5.", "999999999999999"] {
            assert_eq!(short_decimal(text), text.parse().ok(), "{text}");
        }
        for text in ["", ".", ".5", "-1", "1e5", "+1", "1.2.3", "9999999999999999", "inf", "1 "] {
            assert_eq!(short_decimal(text), None, "{text}");
        }
    }
}
