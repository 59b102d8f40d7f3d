//! What an evaluation is about: the rows, the label, the models and what they have to beat.

use super::named;
use crate::report::query::Query;
use crate::text::{identifier, literal};

/// The split of rows that have none.
pub const ALL_ROWS: &str = "all rows";

/// What kind of score a model gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The rule that the others have to beat.
    Naive,
    Rule,
    Model,
    /// A column of the rows that is taken as a score.
    Column,
}

impl Role {
    /// Reads the role of `ml_models()`.
    pub fn parse(text: Option<&str>) -> Role {
        match text {
            Some("naive") => Role::Naive,
            Some("rule") => Role::Rule,
            _ => Role::Model,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Role::Naive => "naive rule",
            Role::Rule => "rule",
            Role::Model => "model",
            Role::Column => "column",
        }
    }
}

/// One of the scores that stand side by side.
#[derive(Debug, Clone)]
pub struct Scored {
    pub name: String,
    pub role: Role,
    /// Whether the scores can be read as probabilities.
    pub probability: bool,
    pub threshold: Option<f64>,
    /// The score as SQL; `None` where the rows bring it.
    pub expression: Option<String>,
}

impl Scored {
    /// Returns the name of its column, as SQL.
    pub fn column(&self) -> String {
        identifier(&format!("score of {}", self.name))
    }
}

/// A column that is drawn over time.
#[derive(Debug, Clone)]
pub struct Value {
    pub name: String,
    pub unit: Option<String>,
    /// Whether the label compares this column with tau.
    pub is_target: bool,
}

/// What is evaluated.
#[derive(Debug)]
pub struct Subject {
    /// The rows, as they were given.
    pub relation: String,
    pub label: String,
    pub time: Option<String>,
    pub by: Option<String>,
    pub has_fold: bool,
    pub has_parts: bool,
    pub values: Vec<Value>,
    /// The model in question, then the baseline, then the others.
    pub scores: Vec<Scored>,
    /// Whether `scores[1]` is the baseline; otherwise guessing is.
    pub has_baseline: bool,
    /// How far ahead the label looks, in seconds.
    pub horizon_s: Option<u64>,
    pub tau: Option<f64>,
    /// The column of the split.
    pub split: Option<String>,
    /// The model in question, if squall knows it.
    pub reference: Option<String>,
    pub version: i64,
    /// Whether the label and the rows are those with which `ml_feature_importance` can work.
    pub can_score: bool,
    /// What a reader should know before the figures.
    pub warnings: Vec<String>,
    pub notes: Vec<String>,
    /// Of the notes, those about models that are not shown.
    pub left_out: Vec<String>,
    pub queries: Vec<Query>,
    /// The rows that every other query reads.
    pub rows: Query,
}

impl Subject {
    pub fn model(&self) -> &Scored {
        &self.scores[0]
    }

    /// Returns what the model has to beat; `None` if that is guessing.
    pub fn baseline(&self) -> Option<&Scored> {
        self.scores.get(1).filter(|_| self.has_baseline)
    }

    /// Returns whether neighbouring positive rows can be told to be one episode, and how long an alert stands: that takes times and a horizon.
    pub fn has_episodes(&self) -> bool {
        self.no_episodes().is_none()
    }

    /// Says why episodes and alerts over time are not known; `None` if they are.
    pub fn no_episodes(&self) -> Option<&'static str> {
        match (&self.time, self.horizon_s) {
            (None, _) => Some("Not known: there is no time column."),
            (Some(_), None) => Some("Not known: how far ahead the label looks is not known; --horizon says it."),
            (Some(_), Some(_)) => None,
        }
    }

    /// Returns what the independent events are called.
    pub fn event(&self) -> &'static str {
        if self.has_episodes() { "episode" } else { "positive row" }
    }

    /// Returns what a reader should know who does not see the page: its warnings, and which models it leaves out.
    pub fn told(&self) -> Vec<String> {
        [self.warnings.clone(), self.left_out.clone()].concat()
    }

    /// Returns whether the score at a place is the baseline.
    pub fn is_baseline(&self, place: usize) -> bool {
        self.has_baseline && place == 1
    }

    /// Returns what the baseline is called in a sentence.
    pub fn baseline_name(&self) -> String {
        match self.baseline() {
            Some(scored) if scored.role == Role::Naive => "the naive rule".into(),
            Some(scored) => named(&scored.name),
            None => "guessing".into(),
        }
    }

    /// Returns what stands beside the name of a model in a table.
    pub fn tag(&self, place: usize, scored: &Scored) -> Option<&'static str> {
        match scored.role {
            _ if self.is_baseline(place) && scored.role != Role::Naive => Some("to beat"),
            Role::Model => None,
            role => Some(role.as_str()),
        }
    }

    /// Returns the query of the rows of a split, for functions on models.
    pub fn rows_of(&self, split: &str) -> String {
        let source = source(&self.relation);
        match &self.split {
            Some(column) => format!("SELECT * FROM {source} WHERE {} = {}", identifier(column), literal(split)),
            None => format!("SELECT * FROM {source}"),
        }
    }

    /// Returns what the rows of the two classes are called, after the label.
    pub fn classes(&self) -> (String, String) {
        let label = named(&self.label);
        (label.clone(), format!("not {label}"))
    }
}

/// A relation as it stands after FROM: a query in parentheses, a file in quotes, otherwise a name.
pub fn source(relation: &str) -> String {
    let text = relation.trim().trim_end_matches(';');
    let first: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
    let is_file = [".parquet", ".csv", ".json"].iter().any(|end| text.ends_with(end));
    match first.to_uppercase().as_str() {
        "SELECT" | "WITH" | "VALUES" | "FROM" if text.contains(char::is_whitespace) => format!("({text})"),
        _ if text.starts_with('(') || text.starts_with(['\'', '"']) => text.into(),
        _ if is_file => literal(text),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::source;

    #[test]
    fn a_relation_is_a_query_a_file_or_a_name() {
        assert_eq!(source("SELECT 1 AS a;"), "(SELECT 1 AS a)");
        assert_eq!(source("folds.parquet"), "'folds.parquet'");
        assert_eq!(source("selected"), "selected");
        assert_eq!(source("\"my table\""), "\"my table\"");
    }
}
