//! One column of the two samples: its kind, the test that applies to it, and the test's result.
//!
//! The choice of test, the threshold and the numbers are those of Evidently 0.7's default drift preset, unless somebody chose another test.

use std::collections::BTreeMap;

use super::categories::Counts;
use super::choices::{self, Choice, Choices, Rule, Test};
use super::two_sample::samples::{Measure, Samples};
use super::two_sample::whole;
use super::values::{Sample, Values};
use super::{wasserstein, words};

/// If the reference has more rows than this, the samples are compared by a distance instead of a p-value.
const LARGEST_TESTED: u64 = 1_000;
/// Numbers with at most this many distinct values are compared as categories.
const FEW_VALUES: usize = 5;
/// Whole numbers with at most this many distinct current values are categories.
const FEW_WHOLE_NUMBERS: usize = 10;
/// If more than this share of the texts is distinct, the column is free text, not categories.
const FREE_TEXT_SHARE: f64 = 0.5;

/// The kind of a column, as far as drift is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Numeric,
    Categorical,
    /// Text that is mostly distinct, compared by its words.
    Text,
    /// Compared only if a test is chosen, because time moves on by itself.
    Time,
    /// Not compared.
    Other,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Numeric => "numeric",
            Kind::Categorical => "categorical",
            Kind::Text => "text",
            Kind::Time => "time",
            Kind::Other => "other",
        }
    }
}

/// The result for one column.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    pub kind: Kind,
    /// The result of the test, or why there is none.
    pub outcome: Result<Outcome, String>,
    /// What to know about the result of a test that was run.
    pub note: Option<String>,
}

/// The result of a test that could be run.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub test: &'static Test,
    pub threshold: f64,
    pub value: f64,
    pub drifted: bool,
    /// Whether the values were compared as numbers, not as categories.
    as_numbers: bool,
}

/// Compares a column of the two samples.
///
/// # Errors
/// The test that is chosen for this column does not take its values.
pub fn compare(name: &str, reference: &Sample, current: &Sample, choices: &Choices) -> Result<Finding, String> {
    let chosen = choices.of(name);
    let kind = match kind(&reference.values, &current.values) {
        Ok(kind) => kind,
        Err(reason) => return not_compared(name, Kind::Other, reason, chosen),
    };
    if let Some(reason) = empty(reference, current) {
        return Ok(Finding { kind, outcome: Err(reason), note: None });
    }
    let for_all =
        choices.of_others().filter(|choice| !matches!(kind, Kind::Time | Kind::Text) && suits(choice, kind, reference));
    let choice = chosen.or(for_all);
    if let Some(choice) = choice.filter(|choice| reference.sketch_of.is_some() && choice.test.rule != Rule::AtLeast) {
        return Err(format!(
            "the test {} of the column `{name}` needs the values themselves, and a model does not keep them; take a distance, such as wasserstein, psi or ks_stat",
            choice.test.name
        ));
    }
    let outcome = match choice {
        Some(choice) if suits(choice, kind, reference) => {
            let as_numbers = !choice.test.measure.counts_categories()
                && (kind != Kind::Categorical || !choice.test.takes_categories());
            run(choice.test, choice.threshold, as_numbers, reference, current)
        }
        Some(choice) => {
            return Err(format!(
                "the column `{name}` holds categories, and the test {} compares numbers; take {}",
                choice.test.name,
                choices::of_categories()
            ));
        }
        None if kind == Kind::Time => {
            let reason = format!("times are not compared, because they move on by themselves; {}", how(name));
            return Ok(Finding { kind, outcome: Err(reason), note: None });
        }
        None => {
            let (test, as_numbers) = default(kind, reference, current);
            let threshold = match kind {
                Kind::Text => words::threshold(reference.rows(), current.rows()),
                _ => test.threshold,
            };
            run(test, threshold, as_numbers, reference, current)
        }
    };
    let of_model = reference.sketch_of.map(|rows| {
        format!(
            "the reference is what the model keeps of the {} that it was trained on",
            crate::text::counted(rows, "row")
        )
    });
    let of_words = match &outcome {
        Ok(outcome) if *outcome.test == choices::WORDS => {
            typical_words(&samples(choices::WORDS.measure, false, reference, current))
        }
        _ => None,
    };
    let notes = [of_words.or(note(reference, current)).or(of_model), of_scale(&outcome, reference)];
    let notes: Vec<String> = notes.into_iter().flatten().collect();
    Ok(Finding { kind, outcome, note: (!notes.is_empty()).then(|| notes.join("; ")) })
}

fn how(name: &str) -> String {
    format!("choose a test to compare them: {name}=ks")
}

fn not_compared(name: &str, kind: Kind, reason: String, chosen: Option<&Choice>) -> Result<Finding, String> {
    match chosen {
        Some(choice) => Err(format!("the test {} cannot compare the column `{name}`: {reason}", choice.test.name)),
        None => Ok(Finding { kind, outcome: Err(reason), note: None }),
    }
}

/// Says why there is nothing to compare, or `None`.
fn empty(reference: &Sample, current: &Sample) -> Option<String> {
    let missing = |sample: &Sample| match sample.missing {
        0 => "it has no rows".to_string(),
        rows => format!("all {} are NULL, NaN or infinite", crate::text::counted(rows, "value")),
    };
    match (reference.rows(), current.rows()) {
        (0, 0) if reference.missing == 0 && current.missing == 0 => {
            Some("neither sample has a value: they have no rows".into())
        }
        (0, 0) => Some(format!(
            "neither sample has a value: in the reference {}, in the current sample {}",
            missing(reference),
            missing(current)
        )),
        (0, _) => Some(format!("the reference has no value: {}", missing(reference))),
        (_, 0) => Some(format!("the current sample has no value: {}", missing(current))),
        _ => None,
    }
}

/// Says that the distance is not in standard deviations, or `None`.
fn of_scale(outcome: &Result<Outcome, String>, reference: &Sample) -> Option<String> {
    let is_normed = outcome.as_ref().is_ok_and(|outcome| *outcome.test == choices::WASSERSTEIN && outcome.as_numbers);
    let numbers = reference.numbers().filter(|numbers| is_normed && wasserstein::is_of_least_scale(numbers));
    numbers.map(|_| {
        "the reference's standard deviation is below 0.001, so the distance is divided by 0.001, as Evidently does"
            .into()
    })
}

/// Says what to know about the values of a column that is compared, or `None`.
fn note(reference: &Sample, current: &Sample) -> Option<String> {
    match (reference.is_constant(), current.is_constant()) {
        (true, true) if reference.values_equal(current) => {
            Some("both samples hold one value only, the same one".into())
        }
        (true, true) => Some("each sample holds one value only, and they differ".into()),
        (true, false) => Some("the reference holds one value only".into()),
        (false, true) => Some("the current sample holds one value only".into()),
        (false, false) => None,
    }
}

fn kind(reference: &Values, current: &Values) -> Result<Kind, String> {
    match (reference, current) {
        (Values::Flags(_), Values::Flags(_)) => Ok(Kind::Categorical),
        (Values::Texts(_), Values::Texts(counts)) => {
            let rows: u64 = counts.values().sum();
            let is_free = counts.len() as f64 > rows as f64 * FREE_TEXT_SHARE && rows > 0;
            Ok(if is_free { Kind::Text } else { Kind::Categorical })
        }
        (Values::WholeNumbers(_), Values::WholeNumbers(current)) if distinct(current) <= FEW_WHOLE_NUMBERS => {
            Ok(Kind::Categorical)
        }
        (Values::Numbers(_) | Values::WholeNumbers(_), Values::Numbers(_) | Values::WholeNumbers(_)) => {
            Ok(Kind::Numeric)
        }
        (Values::Times(_), Values::Times(_)) => Ok(Kind::Time),
        (Values::Other(_), Values::Other(_)) => Err("columns of this type are not compared".into()),
        (Values::Untyped, Values::Untyped) => Err("every value of both samples is NULL".into()),
        _ => Err("the types of the two samples cannot be compared with each other".into()),
    }
}

/// Names the words by which the samples differ most, or `None`.
fn typical_words(samples: &Samples) -> Option<String> {
    let [reference, current] = words::typical(samples).map(|words| words.join(", "));
    match (reference.is_empty(), current.is_empty()) {
        (true, true) => None,
        _ => Some(format!("words typical of the reference: {reference}; of the current sample: {current}")),
    }
}

/// Returns whether a test takes the values of a column.
fn suits(choice: &Choice, kind: Kind, reference: &Sample) -> bool {
    match kind {
        Kind::Numeric | Kind::Time => true,
        Kind::Categorical | Kind::Text | Kind::Other => {
            choice.test.takes_categories() || matches!(reference.values, Values::WholeNumbers(_))
        }
    }
}

fn run(
    test: &'static Test,
    threshold: f64,
    as_numbers: bool,
    reference: &Sample,
    current: &Sample,
) -> Result<Outcome, String> {
    match test.value(&samples(test.measure, as_numbers, reference, current)) {
        Some(value) if value.is_finite() => {
            Ok(Outcome { test, threshold, value, drifted: test.rule.drifted(value, threshold), as_numbers })
        }
        Some(_) => Err(format!("the result of the test {} is beyond what a DOUBLE holds", test.name)),
        None => Err(format!(
            "the test {} is not defined for these values: docs/functions.md, `{}`",
            test.name, test.function
        )),
    }
}

/// Returns the test that Evidently takes for a column, and whether it compares the values as numbers.
fn default(kind: Kind, reference: &Sample, current: &Sample) -> (&'static Test, bool) {
    // What a model keeps is not its sample, so a p-value would mean nothing.
    let small = reference.rows() <= LARGEST_TESTED && reference.sketch_of.is_none();
    let as_numbers = kind == Kind::Numeric && !few_values(reference, current);
    let categories = || counts_by_category(reference, current).len();
    let test = match (small, as_numbers) {
        _ if kind == Kind::Text => &choices::WORDS,
        (true, true) => &choices::KS,
        (false, true) => &choices::WASSERSTEIN,
        (true, false) if categories() <= 2 => &choices::Z,
        (true, false) => &choices::CHI_SQUARE,
        (false, false) => &choices::JENSEN_SHANNON,
    };
    (test, as_numbers)
}

/// Compares a part of a sample with the reference by the test of the whole comparison; `None` where the test is not defined.
pub fn measure_part(of_all: &Outcome, reference: &Sample, part: &Sample) -> Option<Outcome> {
    run(of_all.test, of_all.threshold, of_all.as_numbers, reference, part).ok()
}

/// Returns the samples as numbers, or as categories with how often they occur.
fn samples(measure: Measure, as_numbers: bool, reference: &Sample, current: &Sample) -> Samples {
    match (&reference.values, &current.values) {
        (
            Values::WholeNumbers(reference) | Values::Times(reference),
            Values::WholeNumbers(current) | Values::Times(current),
        ) if as_numbers => whole::samples([reference.clone(), current.clone()], measure.takes()),
        _ => match (reference.numbers(), current.numbers()) {
            (Some(reference), Some(current)) if as_numbers => {
                Samples { numbers: [reference.into_owned(), current.into_owned()], ..Samples::default() }
            }
            _ => {
                let texts = [reference, current].map(|sample| {
                    let counts = category_counts(&sample.values).into_iter();
                    counts.map(|((_, name), count)| (name, count as i64)).collect()
                });
                Samples { texts, ..Samples::default() }
            }
        },
    }
}

/// Returns whether both samples together have few distinct values, so that they are compared as categories.
fn few_values(reference: &Sample, current: &Sample) -> bool {
    match (&reference.values, &current.values) {
        (Values::WholeNumbers(reference), Values::WholeNumbers(current)) => few(reference, current),
        _ => match (reference.numbers(), current.numbers()) {
            (Some(reference), Some(current)) => few(&reference, &current),
            _ => false,
        },
    }
}

fn few<T: PartialEq + Copy>(reference: &[T], current: &[T]) -> bool {
    let mut known: Vec<T> = Vec::new();
    let runs = reference.chunk_by(|a, b| a == b).chain(current.chunk_by(|a, b| a == b));
    for run in runs {
        if !known.contains(&run[0]) {
            known.push(run[0]);
        }
        if known.len() > FEW_VALUES {
            return false;
        }
    }
    true
}

/// Returns every category with its counts, in order of category.
pub fn counts_by_category(reference: &Sample, current: &Sample) -> Vec<(String, Counts)> {
    let mut counts: BTreeMap<Category, Counts> = BTreeMap::new();
    for (name, count) in category_counts(&reference.values) {
        counts.entry(name).or_default().0 += count;
    }
    for (name, count) in category_counts(&current.values) {
        counts.entry(name).or_default().1 += count;
    }
    counts.into_iter().map(|((_, name), counts)| (name, counts)).collect()
}

/// A category: sorted by its value if it is a number, else by its text.
type Category = (i128, String);

fn category_counts(values: &Values) -> BTreeMap<Category, u64> {
    let mut counts = BTreeMap::new();
    match values {
        Values::Texts(texts) | Values::Flags(texts) => {
            counts.extend(texts.iter().map(|(name, count)| ((0, name.clone()), *count)));
        }
        Values::Numbers(numbers) => {
            for run in numbers.chunk_by(|a, b| a == b) {
                counts.insert((sortable(run[0]), run[0].to_string()), run.len() as u64);
            }
        }
        Values::WholeNumbers(numbers) | Values::Times(numbers) => {
            for run in numbers.chunk_by(|a, b| a == b) {
                counts.insert((run[0], run[0].to_string()), run.len() as u64);
            }
        }
        Values::Other(_) | Values::Untyped => {}
    }
    counts
}

/// Returns a whole number that is in the order of the numbers; equal for equal numbers.
fn sortable(number: f64) -> i128 {
    let bits = number.to_bits() as i64;
    i128::from(bits ^ (((bits >> 63) as u64) >> 1) as i64)
}

fn distinct<T: PartialEq>(ascending: &[T]) -> usize {
    ascending.chunk_by(|a, b| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::{Choices, compare, counts_by_category, sortable};
    use crate::functions::drift::values::{Sample, Values};

    fn whole(values: &[i128]) -> Sample {
        Sample::new(Values::WholeNumbers(values.to_vec()))
    }

    #[test]
    fn categories_beyond_the_precision_of_a_double_stay_apart() {
        let large = (1_i128 << 53) + 1;
        let (reference, current) = (whole(&[large - 1, large - 1, large]), whole(&[large, large, large]));
        assert_eq!(counts_by_category(&reference, &current).len(), 2);
        let finding = compare("id", &reference, &current, &Choices::default()).unwrap();
        assert!(finding.outcome.unwrap().value < 1.0, "the shares differ");
    }

    #[test]
    fn numbers_are_sorted_by_their_value() {
        let numbers = [-1e300, -2.5, -0.5, 0.0, 1e-300, 2.0, 1e300];
        assert!(numbers.windows(2).all(|pair| sortable(pair[0]) < sortable(pair[1])));
    }

    #[test]
    fn a_constant_or_an_empty_side_is_answered_with_a_reason() {
        let of = |reference: &Sample, current: &Sample| compare("c", reference, current, &Choices::default()).unwrap();
        let constant = of(&whole(&[3, 3]), &whole(&[3]));
        assert_eq!(constant.note.as_deref(), Some("both samples hold one value only, the same one"));
        assert!(!constant.outcome.unwrap().drifted);
        let missing = Sample { missing: 7, ..Sample::new(Values::WholeNumbers(vec![])) };
        let reason = of(&whole(&[3]), &missing).outcome.unwrap_err();
        assert_eq!(reason, "the current sample has no value: all 7 values are NULL, NaN or infinite");
        assert_eq!(of(&whole(&[]), &whole(&[1])).outcome.unwrap_err(), "the reference has no value: it has no rows");
    }

    #[test]
    fn a_test_that_compares_numbers_is_refused_for_texts() {
        let text = Sample::new(Values::Texts([("a".to_string(), 2), ("b".to_string(), 2)].into()));
        let error = compare("side", &text, &text, &Choices::parse("side=ks").unwrap()).unwrap_err();
        assert!(error.contains("the test ks compares numbers; take chisquare, z"), "{error}");
        // A test for all columns passes over those that it does not take.
        let finding = compare("side", &text, &text, &Choices::parse("*=ks").unwrap()).unwrap();
        assert_eq!(finding.outcome.unwrap().test.name, "z");
    }
}
