//! Completion with the Tab key, and the check whether a statement is complete.
//!
//! In: the line so far, and the names that the session knows. Out: the words that may come at the cursor.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use rustyline::completion::Completer;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};

use super::format::Format;
use super::{command, highlight, names, statement};

/// SQL's words, and the words of squall's own statements.
const KEYWORDS: &str = "ALL AND AS ASC BETWEEN BY CASE CAST COPY CREATE CROSS CURRENT DELETE DESC DESCRIBE DISTINCT DROP ELSE \
    END EXCEPT EXISTS EXPLAIN EXTERNAL FALSE FILTER FOLLOWING FROM FULL GROUP HAVING IN INNER INSERT INTERSECT INTERVAL INTO \
    IS JOIN LEFT LIKE LIMIT LOCATION MODEL NOT NULL NULLS OFFSET ON OPTIONS OR ORDER OUTER OVER PARTITION PRECEDING QUALIFY \
    RANGE REPLACE RIGHT ROW ROWS SELECT SHOW STORED TABLE TABLES THEN TO TRUE UNBOUNDED UNION USING VALUES VIEW WHEN WHERE \
    WINDOW WITH";

/// Answers the line editor's questions while a line is typed.
#[derive(Debug, Default)]
pub struct Completion {
    /// Columns by table.
    columns: BTreeMap<String, Vec<String>>,
    functions: BTreeSet<String>,
    /// Whether a line is coloured while it is typed.
    colours: bool,
}

impl Completion {
    /// Collects the names that the session knows now.
    pub fn new(relations: &[names::Relation], functions: &[names::Function]) -> Self {
        let columns = |relation: &names::Relation| relation.schema.fields().iter().map(|f| f.name().clone()).collect();
        Completion {
            columns: relations.iter().map(|relation| (relation.name.clone(), columns(relation))).collect(),
            functions: functions.iter().map(|function| function.name.clone()).collect(),
            colours: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }

    /// Returns where the word before the cursor starts, and the words that it may become, ascending.
    fn candidates(&self, line: &str, cursor: usize) -> (usize, Vec<String>) {
        let before = &line[..cursor];
        if command::is_command(before) {
            return self.command_candidates(before);
        }
        let start = before
            .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
            .map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8));
        let word = &before[start..];
        if let Some(table) = before[..start].strip_suffix('.') {
            let table = table.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
            if let Some(columns) = self.columns.get(table) {
                return (start, like(word, columns.iter().map(String::as_str)));
            }
        }
        if word.is_empty() {
            return (start, Vec::new());
        }
        // Keywords are completed in capitals if the word contains a capital.
        let large = word.chars().any(char::is_uppercase);
        let keywords = like(word, KEYWORDS.split_whitespace());
        let mut candidates: BTreeSet<String> =
            keywords.into_iter().map(|keyword| if large { keyword } else { keyword.to_lowercase() }).collect();
        let names = self.columns.keys().chain(self.columns.values().flatten());
        candidates.extend(like(word, names.map(String::as_str)));
        candidates.extend(like(word, self.functions.iter().map(String::as_str)).into_iter().map(|name| name + "("));
        (start, candidates.into_iter().collect())
    }

    fn command_candidates(&self, before: &str) -> (usize, Vec<String>) {
        let start = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let word = &before[start..];
        let candidates = match before[..start].trim() {
            "" => like(word, command::names()),
            ".schema" => like(word, self.columns.keys().map(String::as_str)),
            ".functions" => like(word, self.functions.iter().map(String::as_str)),
            ".mode" => like(word, Format::names()),
            ".timing" => like(word, ["off", "on"]),
            _ => Vec::new(),
        };
        (start, candidates)
    }
}

/// Returns the names that begin with `word`, ignoring case.
fn like<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let begins = |name: &&str| name.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    names.into_iter().filter(begins).map(Into::into).collect()
}

impl Completer for Completion {
    type Candidate = String;

    fn complete(&self, line: &str, cursor: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.candidates(line, cursor))
    }
}

impl Validator for Completion {
    /// Enter ends a complete statement, or a command; otherwise it starts a new line.
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        let input = context.input();
        if command::is_command(input) || statement::is_complete(input) {
            return Ok(ValidationResult::Valid(None));
        }
        Ok(ValidationResult::Incomplete)
    }
}

impl Hinter for Completion {
    type Hint = String;
}

impl Highlighter for Completion {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        match self.colours && !command::is_command(line) {
            true => Cow::Owned(highlight::coloured(line)),
            false => Cow::Borrowed(line),
        }
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        self.colours
    }
}

impl Helper for Completion {}

#[cfg(test)]
mod tests {
    use super::*;

    fn completion() -> Completion {
        let columns = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
        Completion {
            columns: [
                ("ticks".to_string(), columns(&["product_id", "price", "ts"])),
                ("spike_scores".to_string(), columns(&["score"])),
            ]
            .into(),
            functions: ["power".to_string(), "roc_auc".to_string()].into(),
            colours: false,
        }
    }

    fn complete(line: &str) -> Vec<String> {
        completion().candidates(line, line.len()).1
    }

    #[test]
    fn words_complete_to_keywords_tables_columns_and_functions() {
        assert_eq!(complete("SEL"), ["SELECT"]);
        assert_eq!(complete("sel"), ["select"]);
        assert_eq!(complete("SELECT p"), ["partition", "power(", "preceding", "price", "product_id"]);
        assert_eq!(complete("SELECT * FROM ti"), ["ticks"]);
        assert_eq!(complete("SELECT ROC"), ["roc_auc("]);
        assert_eq!(complete("SELECT "), [] as [&str; 0]);
    }

    #[test]
    fn a_table_and_a_dot_complete_to_its_columns() {
        assert_eq!(complete("SELECT ticks."), ["product_id", "price", "ts"]);
        assert_eq!(complete("SELECT é, ticks.pr"), ["product_id", "price"]);
        assert_eq!(completion().candidates("SELECT ticks.pr FROM ticks", 15).0, 13);
    }

    #[test]
    fn commands_complete_with_their_arguments() {
        assert_eq!(complete(".t"), [".tables", ".timing"]);
        assert_eq!(complete(".schema s"), ["spike_scores"]);
        assert_eq!(complete(".mode n"), ["ndjson"]);
        assert_eq!(complete(".quit x"), [] as [&str; 0]);
    }
}
