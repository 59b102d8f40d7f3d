//! The drift tests that a column can have, and the choice of one for a column.
//!
//! The names and thresholds are those of Evidently 0.7's options. To add a test, add one line to [`TESTS`]: `drift`, `squall report drift
//! --test` and their messages follow from it.

use super::two_sample::samples::{Measure, Samples};
use super::two_sample::{shares, tests};
use super::{categories, ks, wasserstein, words};
use crate::text::did_you_mean;

/// When a value of a test means drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The value is a p-value, and drift is at most the threshold.
    AtMost,
    /// The value is a p-value, and drift is below the threshold.
    Below,
    /// The value is a distance, and drift is at least the threshold.
    AtLeast,
}

impl Rule {
    /// Returns the sign between a value that drifted and its threshold.
    pub fn as_str(self) -> &'static str {
        match self {
            Rule::AtMost => "<=",
            Rule::Below => "<",
            Rule::AtLeast => ">=",
        }
    }

    pub fn drifted(self, value: f64, threshold: f64) -> bool {
        match self {
            Rule::AtMost => value <= threshold,
            Rule::Below => value < threshold,
            Rule::AtLeast => value >= threshold,
        }
    }
}

/// A test of drift.
#[derive(Debug, Clone, Copy)]
pub struct Test {
    /// The name in Evidently's options.
    pub name: &'static str,
    /// The aggregate of the same definition, whose name is understood too.
    pub function: &'static str,
    pub measure: Measure,
    pub rule: Rule,
    pub threshold: f64,
}

// Each name is in the table only once, so it identifies the test.
impl PartialEq for Test {
    fn eq(&self, other: &Test) -> bool {
        self.name == other.name
    }
}

const fn p_value(name: &'static str, function: &'static str, measure: Measure, (rule, threshold): (Rule, f64)) -> Test {
    Test { name, function, measure, rule, threshold }
}

const fn distance(name: &'static str, function: &'static str, measure: Measure) -> Test {
    Test { name, function, measure, rule: Rule::AtLeast, threshold: 0.1 }
}

pub const KS: Test = p_value("ks", "ks_test", Measure::Test(ks::test), (Rule::AtMost, 0.05));
pub const WASSERSTEIN: Test =
    distance("wasserstein", "wasserstein_distance", Measure::Numbers(wasserstein::normed_distance));
pub const CHI_SQUARE: Test =
    p_value("chisquare", "chi_square_test", Measure::Categories(categories::chi_square_test), (Rule::Below, 0.05));
pub const Z: Test = p_value("z", "z_test", Measure::Categories(categories::proportions_test), (Rule::Below, 0.05));
pub const JENSEN_SHANNON: Test =
    distance("jensenshannon", "jensen_shannon_distance", Measure::Distance(shares::jensen_shannon));

pub const WORDS: Test =
    Test { threshold: words::THRESHOLD, ..distance("words", "words", Measure::Distance(words::roc_auc)) };

/// Every test of drift.
pub const TESTS: &[Test] = &[
    KS,
    WASSERSTEIN,
    CHI_SQUARE,
    Z,
    JENSEN_SHANNON,
    distance("psi", "population_stability_index", Measure::Distance(shares::population_stability_index)),
    distance("kl_div", "kullback_leibler_divergence", Measure::Distance(shares::kullback_leibler)),
    distance("hellinger", "hellinger_distance", Measure::Distance(shares::hellinger)),
    distance("tvd", "total_variation_distance", Measure::Shares(shares::total_variation)),
    distance("ks_stat", "ks_statistic", Measure::Numbers(ks::statistic)),
    WORDS,
    distance("ed", "energy_distance", Measure::Numbers(wasserstein::energy)),
    p_value("t_test", "t_test", Measure::Test(tests::t_test), (Rule::Below, 0.05)),
    p_value("mannw", "mann_whitney_u", Measure::Test(tests::mann_whitney), (Rule::Below, 0.05)),
    p_value("cramer_von_mises", "cramer_von_mises", Measure::Test(tests::cramer_von_mises), (Rule::AtMost, 0.1)),
    p_value("anderson", "anderson_darling", Measure::Test(tests::anderson_darling), (Rule::Below, 0.1)),
];

impl Test {
    /// Finds a test by its name, or by the name of its aggregate, in any case.
    ///
    /// # Errors
    /// No test has the name; the error names those that there are.
    pub fn find(name: &str) -> Result<&'static Test, String> {
        let wanted = name.to_lowercase();
        TESTS.iter().find(|test| test.name == wanted || test.function == wanted).ok_or_else(|| {
            let names = TESTS.iter().flat_map(|test| [test.name, test.function]);
            let meant = did_you_mean(&wanted, names).map(|meant| format!("; {meant}")).unwrap_or_default();
            format!("no drift test is named `{name}`{meant}; there are {}", names_of(TESTS.iter()))
        })
    }

    /// Returns the test's value; `None` where it is not defined.
    pub fn value(&self, samples: &Samples) -> Option<f64> {
        self.measure.figure(samples)
    }

    /// Returns whether the values may be texts.
    pub fn takes_categories(&self) -> bool {
        self.measure.takes_texts()
    }
}

/// Returns the names of the tests that take categories.
pub fn of_categories() -> String {
    names_of(TESTS.iter().filter(|test| test.takes_categories()))
}

fn names_of<'a>(tests: impl Iterator<Item = &'a Test>) -> String {
    tests.map(|test| test.name).collect::<Vec<_>>().join(", ")
}

/// The test that somebody chose for a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    pub test: &'static Test,
    pub threshold: f64,
}

/// The tests that somebody chose, by column.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choices {
    columns: Vec<(String, Choice)>,
    /// For every other column, if its test takes the column's values.
    others: Option<Choice>,
}

impl Choices {
    /// Reads `column=test:threshold, …`. The threshold may be absent. A column's name may be in double quotes; `*` means every other
    /// column.
    ///
    /// # Errors
    /// An entry has another form, names no test, or has a threshold that is not a number above 0.
    pub fn parse(text: &str) -> Result<Choices, String> {
        let mut choices = Choices::default();
        for entry in entries(text) {
            let (column, test) = entry.rsplit_once('=').ok_or_else(|| {
                format!("`{entry}` does not choose a test: write column=test or column=test:threshold")
            })?;
            let (name, threshold) = match test.split_once(':') {
                Some((name, threshold)) => (name, Some(threshold.trim())),
                None => (test, None),
            };
            let test = Test::find(name.trim())?;
            let threshold = match threshold {
                None => test.threshold,
                Some(text) => match text.parse::<f64>() {
                    Ok(number) if number > 0.0 && number.is_finite() => number,
                    _ => return Err(format!("the threshold `{text}` in `{entry}` is not a number above 0")),
                },
            };
            let choice = Choice { test, threshold };
            match unquoted(column.trim()).as_str() {
                "" => return Err(format!("`{entry}` names no column")),
                "*" => choices.others = Some(choice),
                name => {
                    if choices.columns.iter().any(|(known, _)| known == name) {
                        return Err(format!("two tests are chosen for the column `{name}`"));
                    }
                    choices.columns.push((name.into(), choice));
                }
            }
        }
        Ok(choices)
    }

    /// Returns the test that was chosen for a column by its name.
    pub fn of(&self, column: &str) -> Option<&Choice> {
        self.columns.iter().find(|(name, _)| name == column).map(|(_, choice)| choice)
    }

    /// Returns the test that was chosen for all columns that are not named.
    pub fn of_others(&self) -> Option<&Choice> {
        self.others.as_ref()
    }

    /// Checks that every named column is one of these.
    ///
    /// # Errors
    /// A name is not among them; the error names those that are similar.
    pub fn check<'a>(&self, columns: impl Iterator<Item = &'a str> + Clone) -> Result<(), String> {
        match self.columns.iter().find(|(name, _)| !columns.clone().any(|column| column == name)) {
            None => Ok(()),
            Some((name, _)) => {
                let meant = did_you_mean(name, columns).map(|meant| format!("; {meant}")).unwrap_or_default();
                Err(format!("a test is chosen for the column `{name}`, which neither relation has{meant}"))
            }
        }
    }
}

/// Splits at the commas outside of double quotes; entries without text are left out.
fn entries(text: &str) -> Vec<String> {
    let (mut entries, mut quoted) = (vec![String::new()], false);
    for letter in text.chars() {
        quoted ^= letter == '"';
        match (letter, entries.last_mut()) {
            (',', _) if !quoted => entries.push(String::new()),
            (_, Some(entry)) => entry.push(letter),
            (_, None) => {}
        }
    }
    entries.iter().map(|entry| entry.trim().to_string()).filter(|entry| !entry.is_empty()).collect()
}

fn unquoted(name: &str) -> String {
    match name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => name.into(),
    }
}

#[cfg(test)]
mod tests_of_choices {
    use super::Choices;

    #[test]
    fn a_choice_names_a_column_a_test_and_perhaps_a_threshold() {
        let choices = Choices::parse(r#"price=psi:0.2, "a,b=""c"""=ks ,*=population_stability_index"#).unwrap();
        assert_eq!(choices.of("price").map(|choice| (choice.test.name, choice.threshold)), Some(("psi", 0.2)));
        assert_eq!(choices.of("a,b=\"c\"").map(|choice| (choice.test.name, choice.threshold)), Some(("ks", 0.05)));
        assert_eq!(choices.of_others().map(|choice| choice.test.name), Some("psi"));
        assert!(Choices::parse("").unwrap().of("price").is_none());
    }

    #[test]
    fn what_is_wrong_with_a_choice_is_said() {
        for (text, part) in [
            ("price", "write column=test"),
            ("price=pis", "did you mean `psi`"),
            ("price=psi:-1", "is not a number above 0"),
            ("price=psi:abc", "is not a number above 0"),
            ("=psi", "names no column"),
            ("a=psi, a=ks", "two tests"),
        ] {
            let error = Choices::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        let choices = Choices::parse("pricee=psi").unwrap();
        assert!(choices.check(["price", "side"].into_iter()).unwrap_err().contains("did you mean `price`?"));
    }
}
