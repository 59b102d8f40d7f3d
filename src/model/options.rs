//! The options of a type of model: their names, ranges and defaults, and the values in use.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use super::Error;
use super::recipe::AUTO;
use super::types::ModelType;

/// An option of a type of model.
#[derive(Debug)]
pub struct ModelOption {
    /// The option's name in OPTIONS.
    pub name: &'static str,
    /// What the option sets, as a noun phrase.
    pub meaning: &'static str,
    pub default: f64,
    /// The values that `'auto'` compares; none if the option does not take it.
    pub usual: &'static [f64],
    pub range: Range,
}

/// The values that an option takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Range {
    AtLeast(f64),
    /// Between the two numbers, which are not allowed themselves.
    Between(f64, f64),
    /// Above the first number, and at most the second.
    UpTo(f64, f64),
    WholeFrom(u64),
    /// One of these words; the value is its position.
    OneOf(&'static [&'static str]),
    /// The word, or a number from the first to the second, which are above 0; the value of the word is 0.
    WordOrFrom(&'static str, f64, f64),
    /// A text, described by a noun phrase; the default is none.
    Text(&'static str),
    /// A list of texts; the default is none.
    Texts(&'static str),
}

impl Range {
    fn contains(self, value: f64) -> bool {
        match self {
            Range::AtLeast(least) => value >= least && value.is_finite(),
            Range::Between(low, high) => value > low && value < high,
            Range::UpTo(low, high) => value > low && value <= high,
            Range::WholeFrom(least) => value >= least as f64 && value.fract() == 0.0 && value < u64::MAX as f64,
            Range::OneOf(words) => value.fract() == 0.0 && (0.0..words.len() as f64).contains(&value),
            Range::WordOrFrom(_, least, most) => (least..=most).contains(&value),
            Range::Text(_) | Range::Texts(_) => value == 0.0,
        }
    }

    /// Returns the number that a value of the statement means; `None` if it is outside the range.
    fn read(self, value: &Value) -> Option<f64> {
        match self {
            Range::OneOf(words) => {
                words.iter().position(|word| value.as_str() == Some(*word)).map(|place| place as f64)
            }
            Range::WordOrFrom(word, ..) if value.as_str() == Some(word) => Some(0.0),
            _ => value.as_f64().filter(|&number| self.contains(number)),
        }
    }

    /// Returns the number that stands for the word; `None` if the range has none or several.
    pub fn of_word(self) -> Option<f64> {
        matches!(self, Range::WordOrFrom(..)).then_some(0.0)
    }

    /// Returns a number of the range as the artifact records it.
    pub fn recorded(self, number: f64) -> Value {
        match self {
            // Whole numbers are written as integers in the artifact.
            Range::WholeFrom(_) => Value::from(number as u64),
            Range::WordOrFrom(word, ..) if number == 0.0 => Value::from(word),
            Range::AtLeast(_) | Range::Between(..) | Range::UpTo(..) | Range::WordOrFrom(..) => Value::from(number),
            Range::OneOf(words) => words.get(number as usize).map_or(Value::Null, |word| Value::from(*word)),
            Range::Text(_) => Value::Null,
            Range::Texts(_) => Value::Array(Vec::new()),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Range::AtLeast(least) => write!(f, "a number of at least {least}"),
            Range::Between(low, high) => write!(f, "a number between {low} and {high}"),
            Range::UpTo(low, high) => write!(f, "a number above {low} and at most {high}"),
            Range::Text(what) | Range::Texts(what) => f.write_str(what),
            Range::WholeFrom(least) => write!(f, "a whole number of at least {least}"),
            Range::OneOf(words) => write!(f, "'{}'", words.join("' or '")),
            Range::WordOrFrom(word, least, most) => write!(f, "'{word}' or a number from {least:e} to {most:e}"),
        }
    }
}

/// A type of model and the values of its options.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    pub model_type: &'static ModelType,
    given: BTreeMap<&'static str, f64>,
    texts: BTreeMap<&'static str, Vec<String>>,
}

impl Options {
    /// Returns the default options of a type.
    pub fn of(model_type: &'static ModelType) -> Options {
        Options { model_type, given: BTreeMap::new(), texts: BTreeMap::new() }
    }

    /// Sets an option.
    ///
    /// # Errors
    /// The type has no option of this name, or the value is outside the option's range.
    pub fn set(&mut self, name: &str, value: &Value) -> Result<(), Error> {
        let option = self.option(name)?;
        let wrong =
            || Error::Option { option: option.name, expected: option.range.to_string(), given: value.to_string() };
        let texts = match option.range {
            Range::Text(_) => value.as_str().map(|text| vec![text.to_string()]),
            Range::Texts(_) => strings(value),
            range => {
                self.given.insert(option.name, range.read(value).ok_or_else(wrong)?);
                return Ok(());
            }
        };
        self.texts.insert(option.name, texts.ok_or_else(wrong)?);
        Ok(())
    }

    /// Returns the values that an option is given: those of a list (for an option that is itself a list, of a list of lists), the usual ones for `'auto'`, or else the one value.
    ///
    /// # Errors
    /// The type has no option of this name.
    pub fn values(&self, name: &str, value: &Value) -> Result<Vec<Value>, Error> {
        let option = self.option(name)?;
        let is_list = matches!(option.range, Range::Texts(_));
        match value {
            Value::Array(items) if !items.is_empty() && items.iter().all(|item| item.is_array() || !is_list) => {
                Ok(items.clone())
            }
            Value::String(word) if word == AUTO && !option.usual.is_empty() => {
                Ok(option.usual.iter().map(|number| option.range.recorded(*number)).collect())
            }
            other => Ok(vec![other.clone()]),
        }
    }

    /// Returns the option of this name.
    fn option(&self, name: &str) -> Result<&'static ModelOption, Error> {
        let found = self.model_type.options.iter().find(|option| option.name == name);
        found.ok_or_else(|| Error::NotAnOption { name: name.into(), model_type: self.model_type })
    }

    /// Returns an option's value, or its default.
    pub fn number(&self, option: &ModelOption) -> f64 {
        self.given.get(option.name).copied().unwrap_or(option.default)
    }

    /// Returns the texts of an option, or its one text; none if it is not given.
    pub fn texts(&self, option: &ModelOption) -> Vec<&str> {
        self.texts.get(option.name).into_iter().flatten().map(String::as_str).collect()
    }

    /// Returns the values in use, as the artifact records them.
    pub fn recorded(&self) -> Map<String, Value> {
        let value = |option: &ModelOption| match (option.range, self.texts.get(option.name)) {
            (Range::Text(_), Some(texts)) => texts.first().map_or(Value::Null, |text| Value::from(text.as_str())),
            (_, Some(texts)) => Value::from(texts.clone()),
            (_, None) => option.range.recorded(self.number(option)),
        };
        let record = |option: &ModelOption| (option.name.to_string(), value(option));
        self.model_type.options.iter().map(record).collect()
    }
}

/// Returns the texts of a list; `None` if the value is something else.
fn strings(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_string)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Options, Range};
    use crate::model::types::{ModelType, TYPES};

    #[test]
    fn every_default_lies_in_its_range() {
        for option in TYPES.iter().flat_map(|known| known.options) {
            assert!(option.range.contains(option.default), "{}", option.name);
        }
    }

    #[test]
    fn ranges_leave_out_what_they_say() {
        assert!(Range::AtLeast(0.0).contains(0.0) && !Range::AtLeast(0.0).contains(-0.1));
        assert!(!Range::AtLeast(0.0).contains(f64::INFINITY) && !Range::AtLeast(0.0).contains(f64::NAN));
        assert!(!Range::Between(0.0, 1.0).contains(0.0) && !Range::Between(0.0, 1.0).contains(1.0));
        assert!(Range::WholeFrom(1).contains(1.0) && !Range::WholeFrom(1).contains(1.5));
    }

    #[test]
    fn options_are_set_recorded_and_checked() {
        let mut options = Options::of(ModelType::parse("logistic_reg").unwrap());
        options.set("l2_reg", &json!(2)).unwrap();
        assert_eq!(
            serde_json::Value::from(options.recorded()),
            json!({"l2_reg": 2.0, "class_weight": 1.0, "max_iterations": 1000})
        );
        let error = options.set("l2_reg", &json!(-1)).unwrap_err();
        assert_eq!(error.to_string(), "l2_reg must be a number of at least 0, not -1");
        let error = options.set("quantile", &json!(0.5)).unwrap_err();
        assert_eq!(error.to_string(), "`quantile` is not an option of a logistic_reg model");
    }
}
