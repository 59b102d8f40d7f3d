//! One column of the two samples: its kind, the test that applies to it, and the test's result.
//!
//! The choice of test, the threshold and the numbers are those of Evidently 0.7's default drift preset.

use std::collections::BTreeMap;

use super::categories::{self, Counts};
use super::{ks, wasserstein};

/// If the reference has more rows than this, the samples are compared by a distance instead of a p-value.
const LARGEST_TESTED: usize = 1_000;
/// Numbers with at most this many distinct values are compared as categories.
const FEW_VALUES: usize = 5;
/// Whole numbers with at most this many distinct current values are categories.
const FEW_WHOLE_NUMBERS: usize = 10;
/// If more than this share of the texts is distinct, the column is free text, not categories.
const FREE_TEXT_SHARE: f64 = 0.5;

/// One sample's values of a column, without the missing ones.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Finite and ascending.
    Numbers(Vec<f64>),
    /// Finite and ascending; from a column of whole numbers.
    WholeNumbers(Vec<f64>),
    Texts(BTreeMap<String, u64>),
    Flags(BTreeMap<String, u64>),
    /// A type that is not compared, such as a time.
    Other,
}

/// One sample's column.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub values: Values,
    /// Values that are NULL, NaN or infinite.
    pub missing: u64,
}

impl Sample {
    /// Returns the number of values that are not missing.
    pub fn rows(&self) -> u64 {
        match &self.values {
            Values::Numbers(numbers) | Values::WholeNumbers(numbers) => numbers.len() as u64,
            Values::Texts(counts) | Values::Flags(counts) => counts.values().sum(),
            Values::Other => 0,
        }
    }

    /// Returns the values of a numeric column.
    pub fn numbers(&self) -> Option<&[f64]> {
        match &self.values {
            Values::Numbers(numbers) | Values::WholeNumbers(numbers) => Some(numbers),
            _ => None,
        }
    }
}

/// The kind of a column, as far as drift is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Numeric,
    Categorical,
    /// Not compared.
    Other,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Numeric => "numeric",
            Kind::Categorical => "categorical",
            Kind::Other => "other",
        }
    }
}

/// A drift test, with its name in Evidently's options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    Ks,
    Wasserstein,
    ChiSquare,
    Z,
    JensenShannon,
}

impl Test {
    pub fn as_str(self) -> &'static str {
        match self {
            Test::Ks => "ks",
            Test::Wasserstein => "wasserstein",
            Test::ChiSquare => "chisquare",
            Test::Z => "z",
            Test::JensenShannon => "jensenshannon",
        }
    }

    /// Returns the threshold: a p-value, or a distance.
    pub fn threshold(self) -> f64 {
        match self {
            Test::Ks | Test::ChiSquare | Test::Z => 0.05,
            Test::Wasserstein | Test::JensenShannon => 0.1,
        }
    }

    /// Returns whether a value of the test means drift.
    fn drifted(self, value: f64) -> bool {
        match self {
            Test::Ks => value <= self.threshold(),
            Test::ChiSquare | Test::Z => value < self.threshold(),
            Test::Wasserstein | Test::JensenShannon => value >= self.threshold(),
        }
    }
}

/// The result for one column.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    pub kind: Kind,
    pub outcome: Result<Outcome, &'static str>,
}

/// The result of a test that could be run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    pub test: Test,
    pub value: f64,
    pub drifted: bool,
}

/// Compares a column of the two samples.
pub fn compare(reference: &Sample, current: &Sample) -> Finding {
    let kind = match kind(&reference.values, &current.values) {
        Ok(kind) => kind,
        Err(reason) => return Finding { kind: Kind::Other, outcome: Err(reason) },
    };
    let reason = match (reference.rows(), current.rows()) {
        (0, 0) => Some("neither sample has a value"),
        (0, _) => Some("the reference has no value"),
        (_, 0) => Some("the current sample has no value"),
        _ => None,
    };
    let outcome = match reason {
        Some(reason) => Err(reason),
        None => test(kind, reference, current).ok_or("the test is not defined for these values"),
    };
    Finding { kind, outcome }
}

fn kind(reference: &Values, current: &Values) -> Result<Kind, &'static str> {
    match (reference, current) {
        (Values::Flags(_), Values::Flags(_)) => Ok(Kind::Categorical),
        (Values::Texts(_), Values::Texts(counts)) => {
            let rows: u64 = counts.values().sum();
            if counts.len() as f64 > rows as f64 * FREE_TEXT_SHARE && rows > 0 {
                return Err("free text is not compared: most of its values are distinct");
            }
            Ok(Kind::Categorical)
        }
        (Values::WholeNumbers(_), Values::WholeNumbers(current)) if distinct(current) <= FEW_WHOLE_NUMBERS => {
            Ok(Kind::Categorical)
        }
        (Values::Numbers(_) | Values::WholeNumbers(_), Values::Numbers(_) | Values::WholeNumbers(_)) => {
            Ok(Kind::Numeric)
        }
        (Values::Other, Values::Other) => Err("columns of this type are not compared"),
        _ => Err("the column's type is not the same in both samples"),
    }
}

fn test(kind: Kind, reference: &Sample, current: &Sample) -> Option<Outcome> {
    let small = reference.rows() as usize <= LARGEST_TESTED;
    let ordered = reference.numbers().zip(current.numbers());
    let counts = match (kind, ordered) {
        (Kind::Numeric, Some((reference, current))) => match counts_of_few(reference, current) {
            Some(counts) => counts,
            None => {
                let (test, value) = if small {
                    (Test::Ks, ks::p_value(reference, current)?)
                } else {
                    (Test::Wasserstein, wasserstein::normed_distance(reference, current)?)
                };
                return Some(Outcome { test, value, drifted: test.drifted(value) });
            }
        },
        _ => counts_by_category(reference, current).into_iter().map(|(_, counts)| counts).collect(),
    };
    let (test, value) = match (small, counts.len()) {
        (true, 0..=2) => (Test::Z, categories::z_test(&counts)?),
        (true, _) => (Test::ChiSquare, categories::chi_square(&counts)?),
        (false, _) => (Test::JensenShannon, categories::jensen_shannon(&counts)?),
    };
    Some(Outcome { test, value, drifted: test.drifted(value) })
}

/// Returns the counts of numbers with few distinct values; `None` if they have more.
fn counts_of_few(reference: &[f64], current: &[f64]) -> Option<Vec<Counts>> {
    let mut counts: Vec<(f64, Counts)> = Vec::new();
    for (sample, is_reference) in [(reference, true), (current, false)] {
        for value in sample {
            let index = match counts.iter().position(|(known, _)| known == value) {
                Some(index) => index,
                None if counts.len() == FEW_VALUES => return None,
                None => {
                    counts.push((*value, (0, 0)));
                    counts.len() - 1
                }
            };
            let (_, (in_reference, in_current)) = &mut counts[index];
            *(if is_reference { in_reference } else { in_current }) += 1;
        }
    }
    Some(counts.into_iter().map(|(_, counts)| counts).collect())
}

/// Returns every category with its counts, in order of category.
pub fn counts_by_category(reference: &Sample, current: &Sample) -> Vec<(String, Counts)> {
    let (reference, current) = (category_counts(&reference.values), category_counts(&current.values));
    let mut names: Vec<&Category> = reference.keys().chain(current.keys()).collect();
    names.sort();
    names.dedup();
    let count = |counts: &BTreeMap<Category, u64>, name: &Category| counts.get(name).copied().unwrap_or_default();
    names.into_iter().map(|name| (name.1.clone(), (count(&reference, name), count(&current, name)))).collect()
}

/// A category: sorted by its value if it is a number, else by its text.
type Category = (i64, String);

fn category_counts(values: &Values) -> BTreeMap<Category, u64> {
    match values {
        Values::Texts(counts) | Values::Flags(counts) => {
            counts.iter().map(|(name, count)| ((0, name.clone()), *count)).collect()
        }
        Values::Numbers(numbers) | Values::WholeNumbers(numbers) => {
            let mut counts = BTreeMap::new();
            for number in numbers {
                *counts.entry((*number as i64, number.to_string())).or_default() += 1;
            }
            counts
        }
        Values::Other => BTreeMap::new(),
    }
}

fn distinct(ascending: &[f64]) -> usize {
    ascending.chunk_by(|a, b| a == b).count()
}
