//! A field of a message: borrowed from the message, of any JSON type, and converted to the type of its column.
//!
//! Exchanges write decimals as strings; recorders write numbers or strings. Both can be read. JSON's `null` and the empty
//! string mean that the value is absent.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::problem::Fault;
use super::{Problem, Side, time};

/// The longest part of a value that a [`Problem`] quotes.
const QUOTED_CHARS: usize = 60;

/// A JSON value as a message holds it.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value<'a> {
    #[default]
    Absent,
    Text(Cow<'a, str>),
    Integer(i64),
    Number(f64),
    /// A value of a type that no field can have; holds the name of its JSON type.
    Other(&'static str),
}

impl Value<'_> {
    fn is_absent(&self) -> bool {
        match self {
            Value::Absent => true,
            Value::Text(text) => text.is_empty(),
            _ => false,
        }
    }

    /// Returns the value for a problem's text: quoted, and shortened when long.
    fn quoted(&self) -> String {
        match self {
            Value::Absent => "absent".into(),
            Value::Text(text) if text.chars().nth(QUOTED_CHARS).is_some() => {
                format!("`{}…`", text.chars().take(QUOTED_CHARS).collect::<String>())
            }
            Value::Text(text) => format!("`{text}`"),
            Value::Integer(number) => number.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Other(name) => (*name).into(),
        }
    }

    /// Returns the problem for this field with this fault.
    fn wrong(&self, field: &'static str, fault: Fault) -> Problem {
        Problem::Value { field, value: self.quoted(), fault }
    }

    /// Returns a name's text; absent is `None`.
    pub fn text(&self, field: &'static str) -> Result<Option<&str>, Problem> {
        match self {
            _ if self.is_absent() => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            other => Err(other.wrong(field, Fault::NotAName)),
        }
    }

    /// Returns the product's name.
    pub fn product(&self, field: &'static str) -> Result<String, Problem> {
        Ok(self.text(field)?.ok_or(Problem::Missing { field })?.to_string())
    }

    /// Returns a finite number; absent is `None`.
    pub fn number(&self, field: &'static str) -> Result<Option<f64>, Problem> {
        let number = match self {
            _ if self.is_absent() => return Ok(None),
            Value::Text(text) => text.parse::<f64>().ok(),
            // Prices and sizes are far below 2^53, above which an integer would be rounded.
            Value::Integer(number) => Some(*number as f64),
            Value::Number(number) => Some(*number),
            Value::Absent | Value::Other(_) => None,
        };
        match number {
            None => Err(self.wrong(field, Fault::NotANumber)),
            Some(number) if !number.is_finite() => Err(self.wrong(field, Fault::NotFinite)),
            Some(number) => Ok(Some(number)),
        }
    }

    /// Returns a quantity or volume, at least 0; absent is `None`.
    pub fn amount(&self, field: &'static str) -> Result<Option<f64>, Problem> {
        match self.number(field)? {
            Some(number) if number < 0.0 => Err(self.wrong(field, Fault::Negative)),
            number => Ok(number),
        }
    }

    /// Returns a price, above 0; absent is a problem.
    pub fn price(&self, field: &'static str) -> Result<f64, Problem> {
        match self.number(field)? {
            None => Err(Problem::Missing { field }),
            Some(number) if number <= 0.0 => Err(self.wrong(field, Fault::NotPositive)),
            Some(number) => Ok(number),
        }
    }

    /// Returns a whole number; absent is `None`.
    pub fn integer(&self, field: &'static str) -> Result<Option<i64>, Problem> {
        let integer = match self {
            _ if self.is_absent() => return Ok(None),
            Value::Text(text) => text.parse().ok(),
            Value::Integer(number) => Some(*number),
            Value::Absent | Value::Number(_) | Value::Other(_) => None,
        };
        integer.map(Some).ok_or_else(|| self.wrong(field, Fault::NotAnInteger))
    }

    /// Returns the taker's side; absent is `None`.
    pub fn side(&self, field: &'static str) -> Result<Option<Side>, Problem> {
        match self.text(field)? {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("buy") => Ok(Some(Side::Buy)),
            Some(text) if text.eq_ignore_ascii_case("sell") => Ok(Some(Side::Sell)),
            Some(_) => Err(self.wrong(field, Fault::NotASide)),
        }
    }

    /// Returns the time, nanoseconds since 1970, UTC; absent is `None`.
    ///
    /// Text is a date and time; without an offset it is UTC. A number is seconds since 1970; if it is too large for seconds,
    /// it is milli-, micro- or nanoseconds.
    pub fn time(&self, field: &'static str) -> Result<Option<i64>, Problem> {
        let nanoseconds = match self {
            _ if self.is_absent() => return Ok(None),
            Value::Text(text) => time::from_text(text),
            Value::Integer(number) => time::from_integer(*number),
            Value::Number(number) => time::from_seconds(*number),
            Value::Absent | Value::Other(_) => None,
        };
        nanoseconds.map(Some).ok_or_else(|| self.wrong(field, Fault::NotATime))
    }
}

/// Returns bid and ask. They may be equal (a locked quote); a bid above the ask (a crossed quote) is a problem.
pub fn quote(best_bid: &Value<'_>, best_ask: &Value<'_>) -> Result<(f64, f64), Problem> {
    let (best_bid, best_ask) = (best_bid.price("best_bid")?, best_ask.price("best_ask")?);
    if best_bid > best_ask {
        return Err(Problem::Crossed { best_bid, best_ask });
    }
    Ok((best_bid, best_ask))
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(text.to_string())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).map_or(Value::Number(number as f64), Value::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Value::Other(if value { "true" } else { "false" }))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Absent)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other("a list"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other("an object"))
    }
}
