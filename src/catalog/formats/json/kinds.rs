//! The types of the columns of JSON, by their values.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

/// The most digits of DECIMAL, which the engine has the most functions for.
const DIGITS: usize = 38;

/// How long a line may be that is held as a whole.
const LONGEST_LINE: u64 = 1 << 20;

/// What values have in common.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Kind {
    /// All values are null.
    #[default]
    Null,
    Boolean,
    Integer,
    /// Integers that are too long for BIGINT.
    Long,
    Number,
    Text,
    List(Box<Kind>),
    Object(Vec<(String, Kind)>),
}

impl Kind {
    /// Takes a value that is neither a list nor an object.
    fn take(&mut self, other: Kind) {
        *self = match (std::mem::take(self), other) {
            (Kind::Null, kind) | (kind, Kind::Null) => kind,
            (known, kind) if known == kind => known,
            (Kind::Integer | Kind::Long, Kind::Integer | Kind::Long) => Kind::Long,
            (Kind::Integer | Kind::Long | Kind::Number, Kind::Integer | Kind::Long | Kind::Number) => Kind::Number,
            // Text can hold all values but lists and objects. Whoever reads a column that has those too gets an error.
            _ => Kind::Text,
        };
    }

    fn data_type(&self) -> DataType {
        match self {
            Kind::Null => DataType::Null,
            Kind::Boolean => DataType::Boolean,
            Kind::Integer => DataType::Int64,
            Kind::Long => DataType::Decimal128(38, 0),
            Kind::Number => DataType::Float64,
            Kind::Text => DataType::Utf8,
            Kind::List(element) => DataType::List(Field::new_list_field(element.data_type(), true).into()),
            Kind::Object(fields) => DataType::Struct(fields_of(fields).into()),
        }
    }

    /// Returns the columns of objects.
    pub fn columns(&self) -> Schema {
        match self {
            Kind::Object(fields) => Schema::new(fields_of(fields)),
            _ => Schema::empty(),
        }
    }
}

fn fields_of(fields: &[(String, Kind)]) -> Vec<Field> {
    fields.iter().map(|(name, kind)| Field::new(name, kind.data_type(), true)).collect()
}

/// Takes the objects of a file, at most so many, if each is a line; `None` if a line is something else or too long. This is faster than [`take`].
///
/// # Errors
/// The file cannot be read.
pub fn take_lines(mut kind: Kind, reader: impl Read, most: usize) -> io::Result<Option<Kind>> {
    let mut reader = BufReader::with_capacity(256 << 10, reader);
    let mut line = Vec::new();
    let mut objects = 0;
    while objects < most {
        line.clear();
        match reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? as u64 {
            0 => break,
            LONGEST_LINE => return Ok(None),
            _ => {}
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let mut digits = Digits::Skipped;
        loop {
            let mut json = serde_json::Deserializer::from_slice(&line);
            if json
                .deserialize_map(Row(Value { kind: &mut kind, digits: &mut digits }))
                .and_then(|()| json.end())
                .is_err()
            {
                return Ok(None);
            }
            if digits != Digits::Wanted {
                break;
            }
            digits = Digits::Read;
        }
        objects += 1;
    }
    Ok(Some(kind))
}

/// Whether the digits of numbers are read, which takes longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digits {
    Skipped,
    /// They were skipped, and a number was too large for BIGINT. So it is not known whether it is an integer.
    Wanted,
    Read,
}

/// Takes the objects of a file, at most so many. If `digits` is [`Digits::Wanted`] then, the file has to be taken again with
/// [`Digits::Read`].
///
/// # Errors
/// The file is not JSON, or holds something else than objects.
pub fn take(kind: &mut Kind, reader: impl Read, most: usize, digits: &mut Digits) -> Result<(), serde_json::Error> {
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(reader));
    for _ in 0..most {
        match json.end() {
            Ok(()) => break,
            Err(error) if error.is_io() => return Err(error),
            // Something follows.
            Err(_) => json.deserialize_map(Row(Value { kind, digits }))?,
        }
    }
    Ok(())
}

/// Takes one object.
struct Row<'a>(Value<'a>);

impl<'de> Visitor<'de> for Row<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.visit_map(map)
    }
}

/// Takes one value.
struct Value<'a> {
    kind: &'a mut Kind,
    digits: &'a mut Digits,
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        if *self.digits != Digits::Read {
            return json.deserialize_any(self);
        }
        let text = Box::<RawValue>::deserialize(json)?;
        if text.get().starts_with(|first: char| first.is_ascii_digit() || first == '-') {
            self.kind.take(number(text.get()));
            return Ok(());
        }
        serde_json::Deserializer::from_str(text.get()).deserialize_any(self).map_err(D::Error::custom)
    }
}

/// Returns the kind of a number by its text.
fn number(text: &str) -> Kind {
    let digits = text.trim_start_matches('-');
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Kind::Number;
    }
    match digits.len() {
        _ if text.parse::<i64>().is_ok() => Kind::Integer,
        ..=DIGITS => Kind::Long,
        _ => Kind::Text,
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, _value: bool) -> Result<(), E> {
        self.kind.take(Kind::Boolean);
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, _value: i64) -> Result<(), E> {
        self.kind.take(Kind::Integer);
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.kind.take(if i64::try_from(value).is_ok() { Kind::Integer } else { Kind::Long });
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        if value.abs() >= 2_f64.powi(63) {
            *self.digits = Digits::Wanted;
        } else {
            self.kind.take(Kind::Number);
        }
        Ok(())
    }

    fn visit_str<E: de::Error>(self, _value: &str) -> Result<(), E> {
        self.kind.take(Kind::Text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if *self.kind == Kind::Null {
            *self.kind = Kind::List(Box::default());
        }
        if let Kind::List(element) = self.kind {
            while list.next_element_seed(Value { kind: element, digits: self.digits })?.is_some() {}
        } else {
            *self.kind = Kind::Text;
            while list.next_element::<IgnoredAny>()?.is_some() {}
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if *self.kind == Kind::Null {
            *self.kind = Kind::Object(Vec::new());
        }
        let Kind::Object(fields) = self.kind else {
            *self.kind = Kind::Text;
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        };
        // Objects mostly have the same keys in the same order.
        let mut next = 0;
        while let Some(place) = map.next_key_seed(Key { fields, next })? {
            let Some((_, kind)) = fields.get_mut(place) else { return Err(A::Error::custom("a key without a place")) };
            map.next_value_seed(Value { kind, digits: self.digits })?;
            next = place + 1;
        }
        Ok(())
    }
}

/// Finds the place of a key among those that are known, and knows it from then on.
struct Key<'a> {
    fields: &'a mut Vec<(String, Kind)>,
    /// Where it is, if objects have the same keys in the same order.
    next: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<usize, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<usize, E> {
        if self.fields.get(self.next).is_some_and(|(known, _)| known == name) {
            return Ok(self.next);
        }
        Ok(self.fields.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.fields.push((name.to_string(), Kind::Null));
            self.fields.len() - 1
        }))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::Fields;

    use super::*;

    fn columns(json: &str) -> Result<Vec<(String, DataType)>, String> {
        let mut kind = Kind::default();
        let mut digits = Digits::Skipped;
        take(&mut kind, json.as_bytes(), usize::MAX, &mut digits).map_err(|error| error.to_string())?;
        if digits == Digits::Wanted {
            take(&mut kind, json.as_bytes(), usize::MAX, &mut Digits::Read).map_err(|error| error.to_string())?;
        }
        // Line by line, it is the same, if it can be.
        let lines = take_lines(Kind::default(), json.as_bytes(), usize::MAX).unwrap();
        assert!(lines.is_none_or(|lines| lines == kind), "{json}");
        Ok(kind.columns().fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect())
    }

    #[test]
    fn all_values_decide() {
        let list = |of: DataType| DataType::List(Field::new_list_field(of, true).into());
        let fields: Fields =
            vec![Field::new("x", DataType::Float64, true), Field::new("y", DataType::Utf8, true)].into();
        for (json, expected) in [
            ("{\"a\":1}\n{\"a\":null}\n{\"a\":2.5}", DataType::Float64),
            ("{\"a\":9223372036854775808}", DataType::Decimal128(38, 0)),
            ("{\"a\":1}\n{\"a\":-9223372036854775809}", DataType::Decimal128(38, 0)),
            ("{\"a\":99999999999999999999999999999999999999}", DataType::Decimal128(38, 0)),
            ("{\"a\":100000000000000000000000000000000000000}", DataType::Utf8),
            ("{\"a\":9223372036854775808}\n{\"a\":0.5}", DataType::Float64),
            ("{\"a\":1e30}\n{\"a\":-1}", DataType::Float64),
            (
                "{\"a\":[{\"b\":true}, {\"b\":1e30}]}",
                list(DataType::Struct(vec![Field::new("b", DataType::Utf8, true)].into())),
            ),
            ("{\"a\":[1, [36893488147419103232]]}", list(DataType::Utf8)),
            ("{\"a\":1}\n{\"a\":\"x\"}\n{\"a\":true}", DataType::Utf8),
            ("{\"a\":true}", DataType::Boolean),
            ("{\"a\":[]}\n{\"a\":[1]}\n{\"a\":[1.5, null]}", list(DataType::Float64)),
            ("{\"a\":{\"x\":1}}\n{\"a\":{\"y\":\"z\",\"x\":1.5}}", DataType::Struct(fields)),
            ("{\"a\":1}\n{\"a\":{\"b\":1}}\n{\"a\":[1]}", DataType::Utf8),
            ("{\n\"a\":\n1}", DataType::Int64),
        ] {
            assert_eq!(columns(json).unwrap(), [("a".to_string(), expected)], "{json}");
        }
        let names: Vec<String> =
            columns("{\"b\":1}\n{\"a\":1,\"b\":2}").unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["b", "a"]);
    }

    #[test]
    fn objects_that_are_lines_are_taken_line_by_line() {
        let taken = |json: &str, most| {
            take_lines(Kind::default(), json.as_bytes(), most).unwrap().map(|kind| kind.columns().fields().len())
        };
        assert_eq!(taken("{\"a\":1}\n\n {\"b\":1} \r\n{\"c\":1}", usize::MAX), Some(3));
        assert_eq!(taken("{\"a\":1}\n{\"b\":1}", 1), Some(1));
        assert_eq!(taken("", usize::MAX), Some(0));
        for other in ["{\"a\":1}\n2", "{\n\"a\":1}", "{\"a\":1} {\"b\":1}"] {
            assert_eq!(taken(other, usize::MAX), None, "{other}");
        }
    }

    #[test]
    fn what_is_not_an_object_is_an_error() {
        assert_eq!(columns("").unwrap(), []);
        assert!(columns("{\"a\":1}\n{\"a\":}").unwrap_err().ends_with("at line 2 column 6"));
        assert!(columns("{\"a\":1}\n2").unwrap_err().contains("expected an object"));
    }
}
