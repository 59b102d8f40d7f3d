//! Paths into JSON: `$.a."b c"[0]`, `/a/0`, a key alone, or a place in an array.

use std::fmt;

use datafusion::common::{Result, plan_err};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// One step from a value to one inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A key of an object.
    Key(String),
    /// A place in an array; places below zero are counted from the end.
    Place(i64),
    /// A part of a pointer: a key of an object, or a place in an array.
    Part(String),
}

/// Reads a path. What begins neither with `$` nor with `/` is one key; an empty path is the whole document.
///
/// # Errors
/// It begins with `$` and goes on as no path does, or it has a wildcard.
pub fn read(path: &str) -> Result<Vec<Step>> {
    if let Some(rest) = path.strip_prefix('$') {
        return read_steps(path, rest);
    }
    if let Some(pointer) = path.strip_prefix('/') {
        let parts = pointer.split('/').map(|part| part.replace("~1", "/").replace("~0", "~"));
        return Ok(parts.map(Step::Part).collect());
    }
    Ok(if path.is_empty() { Vec::new() } else { vec![Step::Key(path.into())] })
}

fn read_steps(path: &str, mut rest: &str) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let read = match rest.strip_prefix('.') {
            Some(behind) => key(behind),
            None => rest.strip_prefix('[').and_then(place),
        };
        match read {
            Some((Step::Key(key), _)) if key == "*" && !rest.starts_with(".\"") => return wildcard(path),
            Some((step, behind)) => {
                steps.push(step);
                rest = behind;
            }
            None if rest.starts_with("..") || rest.starts_with("[*]") => return wildcard(path),
            None => {
                return plan_err!(
                    "the JSON path `{path}` cannot be read from `{rest}` on; write $.key, $.\"a key\" or $[0]"
                );
            }
        }
    }
    Ok(steps)
}

fn wildcard<T>(path: &str) -> Result<T> {
    plan_err!("the JSON path `{path}` has a wildcard, which squall does not have; write one path for each value")
}

/// Reads a key, which may stand in quotes.
fn key(text: &str) -> Option<(Step, &str)> {
    let (key, rest) = match text.strip_prefix('"') {
        None => {
            let end = text.find(['.', '[']).unwrap_or(text.len());
            (text[..end].to_string(), &text[end..])
        }
        Some(quoted) => {
            let mut key = String::new();
            let mut characters = quoted.char_indices();
            let end = loop {
                match characters.next()? {
                    (end, '"') => break end,
                    (_, '\\') => key.push(characters.next()?.1),
                    (_, other) => key.push(other),
                }
            };
            (key, &quoted[end + 1..])
        }
    };
    (!key.is_empty()).then_some((Step::Key(key), rest))
}

/// Reads `0]`, `-1]` or `#-1]`.
fn place(text: &str) -> Option<(Step, &str)> {
    let (place, rest) = text.split_once(']')?;
    let digits = place.strip_prefix('#').unwrap_or(place);
    let is_number = digits.trim_start_matches('-').bytes().all(|digit| digit.is_ascii_digit());
    let place: i64 = digits.parse().ok().filter(|_| is_number)?;
    // `[#1]` is behind the end.
    (place < 0 || digits.len() == text.find(']')?).then_some((Step::Place(place), rest))
}

/// Returns the part of a document at a path; `None` if nothing is there. Of equal keys, the first counts.
///
/// # Errors
/// The document is not JSON.
pub fn find<'a>(document: &'a str, path: &[Step]) -> serde_json::Result<Option<&'a str>> {
    // This reads the whole document, so that it is JSON from here on.
    let mut at: &RawValue = serde_json::from_str(document)?;
    for step in path {
        let is_object = at.get().starts_with('{');
        let found = match step {
            Step::Key(key) | Step::Part(key) if is_object => at.deserialize_map(KeyOf(key))?,
            Step::Place(place) if at.get().starts_with('[') => element(at, *place)?,
            Step::Part(place) if at.get().starts_with('[') => match place.parse() {
                Ok(number) if place == "0" || !place.starts_with(['0', '-', '+']) => element(at, number)?,
                _ => None,
            },
            _ => None,
        };
        match found {
            Some(inner) => at = inner,
            None => return Ok(None),
        }
    }
    Ok(Some(at.get()))
}

fn element(array: &RawValue, place: i64) -> serde_json::Result<Option<&RawValue>> {
    let place = match place < 0 {
        true => array.deserialize_seq(Length)? as i64 + place,
        false => place,
    };
    match usize::try_from(place) {
        Ok(place) => array.deserialize_seq(ElementAt(place)),
        Err(_) => Ok(None),
    }
}

/// Returns the keys of an object in their order, each as often as it is there; none for another value.
///
/// # Errors
/// A key is not text.
pub fn keys(value: &str) -> serde_json::Result<Vec<String>> {
    if !value.starts_with('{') {
        return Ok(Vec::new());
    }
    serde_json::Deserializer::from_str(value).deserialize_map(Keys)
}

/// Returns the number of an array's elements; 0 for another value.
///
/// # Errors
/// The array is not JSON.
pub fn length(value: &str) -> serde_json::Result<usize> {
    if !value.starts_with('[') {
        return Ok(0);
    }
    serde_json::Deserializer::from_str(value).deserialize_seq(Length)
}

/// Finds the value of a key.
struct KeyOf<'k>(&'k str);

impl<'de> Visitor<'de> for KeyOf<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_key) = map.next_key_seed(Is(self.0))? {
            if is_key && found.is_none() {
                found = Some(map.next_value::<&RawValue>()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Compares a key.
struct Is<'k>(&'k str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<bool, D::Error> {
        key.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

/// Finds the element at a place.
struct ElementAt(usize);

impl<'de> Visitor<'de> for ElementAt {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        for _ in 0..self.0 {
            if elements.next_element::<IgnoredAny>()?.is_none() {
                return Ok(None);
            }
        }
        let found = elements.next_element()?;
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }
}

/// Counts the elements.
struct Length;

impl<'de> Visitor<'de> for Length {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<usize, A::Error> {
        let mut length = 0;
        while elements.next_element::<IgnoredAny>()?.is_some() {
            length += 1;
        }
        Ok(length)
    }
}

/// Collects the keys.
struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
        let mut keys = Vec::new();
        while let Some((key, IgnoredAny)) = map.next_entry()? {
            keys.push(key);
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        let key = |text: &str| Step::Key(text.into());
        for (path, expected) in [
            ("$", vec![]),
            ("", vec![]),
            ("a.b", vec![key("a.b")]),
            ("$.a.b[0]", vec![key("a"), key("b"), Step::Place(0)]),
            ("$[#-1][-2].é", vec![Step::Place(-1), Step::Place(-2), key("é")]),
            (r#"$."a.b"."c\"*""#, vec![key("a.b"), key("c\"*")]),
            ("/a~1b/0", vec![Step::Part("a/b".into()), Step::Part("0".into())]),
        ] {
            assert_eq!(read(path).unwrap(), expected, "{path}");
        }
        for path in ["$a", "$.", "$.a.", "$[a]", "$[ 0 ]", "$['a']", "$[0", "$[--1]", "$[1-]", "$.\"a", "$[+1]"] {
            assert!(read(path).unwrap_err().to_string().contains("cannot be read"), "{path}");
        }
        for path in ["$.*", "$[*].a", "$..a", "$.a.*"] {
            assert!(read(path).unwrap_err().to_string().contains("wildcard"), "{path}");
        }
    }

    #[test]
    fn values_are_found() {
        let document = r#" {"a": {"b": [1, {"c": 2.50}, "x"]}, "a": 5, "k\u0065y": null} "#;
        for (path, expected) in [
            ("$.a.b[0]", Some("1")),
            ("$.a.b[1].c", Some("2.50")),
            ("$.a.b[#-1]", Some("\"x\"")),
            ("$.a.b[-3]", Some("1")),
            ("$.a.b[-4]", None),
            ("$.a.b[3]", None),
            ("$.a.b.c", None),
            ("$.a[0]", None),
            ("key", Some("null")),
            ("/a/b/2", Some("\"x\"")),
            ("/a/b/02", None),
            ("$.z", None),
        ] {
            assert_eq!(find(document, &read(path).unwrap()).unwrap(), expected, "{path}");
        }
        for document in ["", "{", "[1,]", "{} x", "NaN", "{\"a\":1} {}", "'a'"] {
            assert!(find(document, &[]).is_err(), "{document}");
        }
    }
}
