//! Names and values as MLflow takes them.
//!
//! In: any text, such as the name of a column. Out: a text that MLflow accepts as a key. Different texts become different keys.

use std::collections::BTreeSet;

use crate::text::fingerprint;

/// The most characters of a key, and of the values of params and tags.
const KEY: usize = 250;
pub const PARAM: usize = 6000;
pub const TAG: usize = 5000;

/// The digits of the fingerprint that tells changed keys apart.
const DIGITS: usize = 8;

/// Returns the key for a name: letters, digits and `_ - . : /` and spaces stay, other characters become `_`. A key is never a path
/// that means another path. A name that cannot stay as it is gets the first digits of its fingerprint, so that no two names share
/// a key.
pub fn key(name: &str) -> String {
    let letter = |letter: char| match letter {
        '_' | '-' | '.' | ':' | '/' | ' ' => letter,
        other if other.is_alphanumeric() => other,
        _ => '_',
    };
    let plain: String = name.chars().map(letter).collect();
    let parts = plain.split('/').filter(|part| !matches!(*part, "" | "." | ".."));
    let plain = parts.collect::<Vec<_>>().join("/");
    if plain == name && plain.chars().count() <= KEY && !plain.is_empty() {
        return plain;
    }
    let start: String = plain.chars().take(KEY - DIGITS - 1).collect();
    format!("{start}-{}", &fingerprint(name)[..DIGITS])
}

/// Returns the start of a text that has at most so many characters.
pub fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// Returns entries with their keys; of names that share a key all the same, the first counts.
pub fn keyed<'a, V>(entries: impl IntoIterator<Item = (&'a String, V)>) -> Vec<(String, V)> {
    let mut seen = BTreeSet::new();
    let keyed = entries.into_iter().map(|(name, value)| (key(name), value));
    keyed.filter(|(key, _)| seen.insert(key.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn every_name_becomes_a_key_that_mlflow_takes_and_no_two_become_one() {
        let names = ["l2_reg", "ü x", "a/b", "100%", "100$", "../x", "x", "/x", "a//b", ".", "", "tab\tstop"];
        let long = ["x".repeat(250), "x".repeat(251), "x".repeat(252)];
        let names: Vec<&str> = names.into_iter().chain(long.iter().map(String::as_str)).collect();
        let keys: std::collections::BTreeSet<String> = names.iter().map(|name| key(name)).collect();
        assert_eq!(keys.len(), names.len());
        for key in &keys {
            assert!(key.chars().count() <= 250 && !key.starts_with(['/', '.']) && !key.contains("//"), "{key}");
        }
        for same in ["l2_reg", "ü x", "a/b"] {
            assert_eq!(key(same), same);
        }
        assert!(key("100%").starts_with("100_-"));
    }
}
