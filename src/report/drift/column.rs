//! One column of the comparison: what the query says of it, and how the table shows it.

use std::cmp::Ordering;

use serde::Serialize;

use super::models::Models;
use crate::report::chart::{Tone, sparkline};
use crate::report::format::{self, count, number, percent};
use crate::report::query::Row;
use crate::text::printable;

/// The most characters of a column's name that are shown.
const LONGEST_NAME: usize = 60;
/// The most columns whose rows have small histograms.
const MOST_SPARKS: usize = 60;

/// How to read a test's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// A larger value means that the samples are further apart.
    Distance,
    /// A smaller value is less likely to be chance.
    PValue,
    /// Not tested.
    None,
}

/// One column's comparison.
#[derive(Debug)]
pub struct Column<'a> {
    pub row: Row<'a>,
    /// The name in the relations.
    pub name: &'a str,
    /// The name as it is shown.
    pub shown: String,
    pub change: Option<&'a str>,
    pub family: Family,
    pub value: Option<f64>,
    pub threshold: Option<f64>,
    pub drifted: Option<bool>,
    /// What the column is to models: a label, a prediction, or the number of models of which it is a feature.
    pub role: Role,
}

/// What a column is to the models of the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Label,
    Prediction,
    /// The number of models that read it.
    Feature(usize),
    None,
}

/// A row of the table of columns.
#[derive(Debug, Serialize)]
pub struct ColumnView {
    name: String,
    kind: String,
    role: Option<String>,
    test: String,
    value: String,
    threshold: String,
    drifted: Option<bool>,
    reason: Option<String>,
    missing: String,
    missing_changed: bool,
    reference_spark: String,
    current_spark: String,
}

/// A row of the table of changes that no test of distributions sees.
#[derive(Debug, Serialize)]
pub struct SchemaRow {
    name: String,
    what: String,
    reference: String,
    current: String,
    readers: String,
}

/// Returns a name in a form that readers see: one line, of a bounded length, and never nothing.
pub fn shown_name(name: &str) -> String {
    if name.trim().is_empty() { "(a name without letters)".into() } else { printable(name, LONGEST_NAME) }
}

impl<'a> Column<'a> {
    pub fn read(row: Row<'a>, models: &Models) -> Option<Column<'a>> {
        let family = match row.text("drift_if") {
            Some(">=") => Family::Distance,
            Some(_) => Family::PValue,
            None => Family::None,
        };
        let name = row.text("column_name")?;
        Some(Column {
            name,
            shown: shown_name(name),
            change: row.text("change"),
            family,
            value: row.number("value"),
            threshold: row.number("threshold"),
            drifted: row.flag("drifted"),
            role: models.role(name),
            row,
        })
    }

    /// Returns how far the value is beyond its threshold; above 1 means drift. Only values of one family are comparable.
    fn strength(&self) -> f64 {
        strength(self.family == Family::PValue, self.value, self.threshold).unwrap_or(0.0)
    }

    /// Puts changed columns first, then drifted ones; then orders by family, so that p-values and distances do not mix, and then by
    /// strength.
    pub fn order(&self, other: &Column<'_>) -> Ordering {
        let rank = |column: &Column<'_>| match (column.change.is_some(), column.drifted) {
            (true, _) => 0,
            (false, Some(true)) => 1,
            (false, Some(false)) => 2,
            (false, None) => 3,
        };
        rank(self)
            .cmp(&rank(other))
            .then(self.family.cmp(&other.family))
            .then(other.strength().total_cmp(&self.strength()))
            .then(self.name.cmp(other.name))
    }

    /// Returns the number of rows of a side; `None` if it lacks the column.
    pub fn rows(&self, side: &str) -> Option<f64> {
        Some(self.row.number(&format!("{side}_rows"))? + self.missing(side)?)
    }

    fn missing(&self, side: &str) -> Option<f64> {
        self.row.number(&format!("{side}_missing"))
    }

    /// Returns the share of a side's rows without a value.
    pub fn missing_share(&self, side: &str) -> Option<f64> {
        let rows = self.rows(side).filter(|rows| *rows > 0.0)?;
        Some(self.missing(side)? / rows)
    }

    /// Says in words what changed, such as `vanished`; `None` if nothing did.
    pub fn change_in_words(&self) -> Option<String> {
        let row = self.row;
        let of = |side: &str| row.text(&format!("{side}_type")).unwrap_or(format::UNKNOWN);
        let words = self.change?.split(", ").map(|change| match change {
            "vanished" => "vanished".to_string(),
            "appeared" => "appeared".into(),
            "all_missing" => "has no value any more".into(),
            "was_all_missing" => "had no value before".into(),
            "type" => format!("changed its type from {} to {}", of("reference"), of("current")),
            "missing_share" => format!(
                "is missing in {} of the rows, before in {}",
                percent(self.missing_share("current")),
                percent(self.missing_share("reference"))
            ),
            other => other.replace('_', " "),
        });
        Some(words.collect::<Vec<_>>().join(" and "))
    }

    /// Returns the row of the table of changes; `None` if nothing changed.
    pub fn schema_row(&self) -> Option<SchemaRow> {
        let side = |side: &str| match self.rows(side) {
            None => "no such column".to_string(),
            Some(_) => format!(
                "{}, {} of {} missing ({})",
                self.row.text(&format!("{side}_type")).unwrap_or("type not recorded"),
                count(self.missing(side)),
                count(self.rows(side)),
                percent(self.missing_share(side))
            ),
        };
        Some(SchemaRow {
            name: self.shown.clone(),
            what: self.change_in_words()?,
            reference: side("reference"),
            current: side("current"),
            readers: match self.role {
                Role::Feature(models) => crate::text::counted(models as u64, "model"),
                Role::Label => "it is the label".into(),
                Role::Prediction => "it is a prediction".into(),
                Role::None => "none that squall knows".into(),
            },
        })
    }

    /// Returns the row of the table.
    pub fn view(&self, place: usize) -> ColumnView {
        let row = self.row;
        let spark = |shares: &str, tone| match row.numbers(shares) {
            [] => String::new(),
            _ if place >= MOST_SPARKS => String::new(),
            shares => sparkline(shares, tone),
        };
        let missing = |side| self.missing_share(side).map_or(format::UNKNOWN.into(), |share| percent(Some(share)));
        ColumnView {
            name: self.shown.clone(),
            kind: row.text("kind").unwrap_or(format::UNKNOWN).into(),
            role: self.role_in_words(),
            test: row.text("test").map_or(format::UNKNOWN, test_name).into(),
            value: number(self.value),
            threshold: self.threshold_text(),
            drifted: self.drifted,
            reason: row.text("reason").map(|reason| printable(reason, 300)),
            missing: match (missing("reference"), missing("current")) {
                (reference, current) if reference == current => current,
                (reference, current) => format!("{reference} → {current}"),
            },
            missing_changed: self.change.is_some_and(|change| change.contains("missing")),
            reference_spark: spark("reference_shares", Tone::Reference),
            current_spark: spark("current_shares", Tone::Current),
        }
    }

    fn role_in_words(&self) -> Option<String> {
        match self.role {
            Role::Label => Some("label".into()),
            Role::Prediction => Some("prediction".into()),
            Role::Feature(models) => Some(format!("read by {}", crate::text::counted(models as u64, "model"))),
            Role::None => None,
        }
    }

    pub fn threshold_text(&self) -> String {
        let Some(threshold) = self.threshold else { return format::UNKNOWN.into() };
        let sign = match self.row.text("drift_if") {
            Some(">=") => "≥",
            Some("<=") => "≤",
            _ => "<",
        };
        format!("{sign} {threshold}")
    }
}

/// Returns how far a value is beyond its threshold; from 1 on it means drift.
pub fn strength(is_p_value: bool, value: Option<f64>, threshold: Option<f64>) -> Option<f64> {
    match (value, threshold) {
        (Some(value), Some(threshold)) if is_p_value => Some(threshold / value.max(f64::MIN_POSITIVE)),
        (Some(value), Some(threshold)) => Some(value / threshold),
        _ => None,
    }
}

/// Returns a test's name for readers.
pub fn test_name(test: &str) -> &str {
    match test {
        "ks" => "Kolmogorov-Smirnov, p-value",
        "chisquare" => "Chi-square, p-value",
        "z" => "Z test, p-value",
        "wasserstein" => "Wasserstein, normed",
        "jensenshannon" => "Jensen-Shannon distance",
        "psi" => "Population stability index",
        "kl_div" => "Kullback-Leibler divergence",
        "hellinger" => "Hellinger distance",
        "tvd" => "Total variation distance",
        "ks_stat" => "Kolmogorov-Smirnov distance",
        "ed" => "Energy distance",
        "t_test" => "Student's t, p-value",
        "mannw" => "Mann-Whitney, p-value",
        "cramer_von_mises" => "Cramér-von Mises, p-value",
        "anderson" => "Anderson-Darling, p-value",
        "words" => "Classifier of words, ROC AUC",
        other => other,
    }
}
