//! The keys of a JSON object, which tell the shapes apart, and on request the text of its values.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::super::Problem;

/// Most messages have fewer keys.
const USUAL_KEYS: usize = 24;

/// An object's keys in their order, each with the text of its value. The text is empty if values were not requested.
///
/// A key that is written with an escape gets an empty name here, because no shape has such a key.
#[derive(Debug)]
pub struct Outline<'a> {
    pub entries: Vec<(&'a str, &'a str)>,
}

impl<'a> Outline<'a> {
    /// Reads an object's keys and, if `values` is true, the text of its values.
    pub fn read(text: &'a str, values: bool) -> Result<Outline<'a>, Problem> {
        let mut json = serde_json::Deserializer::from_str(text);
        let read = Entries { values }.deserialize(&mut json).and_then(|entries| json.end().map(|()| entries));
        match read {
            Ok(entries) => Ok(Outline { entries }),
            Err(error) if error.is_eof() => Err(Problem::Truncated { bytes: text.len() }),
            Err(error) => Err(Problem::NotJson { reason: error.to_string() }),
        }
    }

    /// Returns whether the object has the key.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| *name == key)
    }
}

struct Entries {
    values: bool,
}

impl<'de> DeserializeSeed<'de> for Entries {
    type Value = Vec<(&'de str, &'de str)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<(&'de str, &'de str)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::with_capacity(USUAL_KEYS);
        while let Some(key) = map.next_key_seed(Key)? {
            let value = if self.values {
                map.next_value::<&RawValue>()?.get()
            } else {
                map.next_value::<IgnoredAny>()?;
                ""
            };
            entries.push((key, value));
        }
        Ok(entries)
    }
}

/// A borrowed key; empty if it cannot be borrowed.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = &'de str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = &'de str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(key)
    }

    fn visit_str<E>(self, _escaped: &str) -> Result<Self::Value, E> {
        Ok("")
    }
}
