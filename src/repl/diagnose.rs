//! Explains the engine's error to the user who wrote the SQL.
//!
//! In: the statement, and why it failed. Out: what is wrong, where it is (file, line, column, the line itself with a caret),
//! and what to try.

use std::fmt;

use datafusion::common::{DataFusionError, SchemaError};
use datafusion::sql::sqlparser::parser::ParserError;

use super::statement::{Position, Statement, end_of, find_name, find_text, is_called, token_length};
use super::{culprit, run};
use crate::catalog::{self, Session, removed_file};
use crate::dialect::{Complaint, lowercase, misplaced_function, plain};
use crate::error::Hint;
use crate::text::{Excerpt, did_you_mean, nearest};

/// The most columns that a hint lists.
const LISTED_COLUMNS: usize = 20;

/// How the engine's error about a parameter without a value begins.
const PLACEHOLDER: &str = "Placeholder '";

/// A statement's failure, in a form for people.
#[derive(Debug)]
pub struct Diagnosis {
    message: String,
    place: Option<Place>,
    hint: Option<String>,
}

/// The place of the failure in the source.
#[derive(Debug)]
struct Place {
    source: Option<String>,
    at: Position,
    line: String,
    length: usize,
}

/// What the engine's error says, before its place in the source is known.
struct Finding {
    message: String,
    spot: Spot,
    hint: Option<String>,
}

/// The place of the failure in the statement, as far as it is known.
enum Spot {
    At(Position),
    /// Where this name occurs.
    Name(String),
    /// Where this value occurs in quotes.
    Text(String),
    /// Where the statement ends.
    End,
    Unknown,
}

impl Spot {
    /// Returns the place in the statement and its length in characters.
    fn find(&self, statement: &str) -> Option<(Position, usize)> {
        match self {
            Spot::At(at) => Some((*at, token_length(statement, *at))),
            Spot::Name(name) => find_name(statement, name),
            Spot::Text(value) => find_text(statement, value),
            Spot::End => Some((end_of(statement), 1)),
            Spot::Unknown => None,
        }
    }
}

impl Diagnosis {
    /// Explains why `statement` failed. It is a part of `text`, which comes from `source` (a file's name).
    pub async fn find(
        session: &Session,
        error: &run::Error,
        statement: Statement<'_>,
        text: &str,
        source: Option<&str>,
    ) -> Self {
        let mut finding = match error {
            run::Error::Query(error) | run::Error::Statement(catalog::Error::Query(error)) => engine(session, error),
            run::Error::Statement(catalog::Error::Missing { missing, .. })
                if is_called(statement.text, &missing.table) =>
            {
                table_function(session, &missing.table)
            }
            other => {
                let (message, at) = split_line_and_column(&chain(other));
                let name = || between(&message, "`", "`").map_or(Spot::Unknown, |name| Spot::Name(name.into()));
                let spot = at.map_or_else(name, Spot::At);
                Finding { message, spot, hint: other.hint() }
            }
        };
        finding.blame_file(session, error, statement.text).await;
        let mut found = finding.spot.find(statement.text);
        if let (None, run::Error::Query(error) | run::Error::Statement(catalog::Error::Query(error))) = (found, error) {
            let root = error.iter().next().unwrap_or(error).find_root();
            found = culprit::find(session, statement.text, &root.message()).await;
        }
        let place = found.and_then(|(inner, length)| {
            let at = statement.start.plus(inner);
            let line = text.lines().nth(at.line - 1)?.to_string();
            // If something is missing at the end of the statement, the error points just after the last character.
            (at.column <= line.chars().count() + 1).then(|| Place { source: source.map(Into::into), at, line, length })
        });
        Diagnosis { message: finding.message, place, hint: finding.hint.or_else(|| error.hint()) }
    }
}

impl Diagnosis {
    /// Returns what is wrong, without its place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the place of the failure in the text, if it is known.
    pub fn at(&self) -> Option<Position> {
        self.place.as_ref().map(|place| place.at)
    }
}

impl Finding {
    /// Names the file that cannot be read, if that is why the statement failed.
    async fn blame_file(&mut self, session: &Session, error: &run::Error, statement: &str) {
        let root = match error {
            run::Error::Panicked(_) => None,
            run::Error::Query(error) | run::Error::Statement(catalog::Error::Query(error)) => {
                Some(error.iter().next().unwrap_or(error).find_root())
            }
            _ => return,
        };
        if let Some(file) = root.and_then(|root| removed_file(root)) {
            self.message = format!("{file} was removed or replaced while the statement read it");
            self.hint = Some("run it again: it reads what is there now".into());
        } else if root.is_none_or(is_of_files)
            && let Some((file, why)) = session.damaged_file(statement).await
        {
            self.message = format!("cannot read {}: {why}", file.display());
            self.spot = Spot::Text(file.display().to_string());
            self.hint = Some("the file is damaged or was not written to its end; write it again".into());
        }
    }
}

/// Returns whether an error can come from a damaged file, so that it is worth it to read the files again.
fn is_of_files(error: &DataFusionError) -> bool {
    use datafusion::arrow::error::ArrowError;
    match error {
        DataFusionError::ParquetError(_) | DataFusionError::IoError(_) | DataFusionError::ObjectStore(_) => true,
        DataFusionError::ArrowError(error, _) => !matches!(
            error.as_ref(),
            ArrowError::ArithmeticOverflow(_)
                | ArrowError::DivideByZero
                | ArrowError::CastError(_)
                | ArrowError::ComputeError(_)
                | ArrowError::CsvError(_)
                | ArrowError::JsonError(_)
                | ArrowError::ParseError(_)
        ),
        _ => false,
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let Some(Place { source, at, line, length }) = &self.place else { return Ok(()) };
        let excerpt = Excerpt { number: at.line, line, column: Some(at.column), length: *length };
        let margin = excerpt.margin();
        match source {
            Some(source) => write!(f, "\n{margin}--> {source}:{}:{}", at.line, at.column)?,
            None => write!(f, "\n{margin}--> line {}, column {}", at.line, at.column)?,
        }
        write!(f, "\n{excerpt}")
    }
}

impl std::error::Error for Diagnosis {}

impl Hint for Diagnosis {
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

fn engine(session: &Session, error: &DataFusionError) -> Finding {
    // If there are several errors, use the first: the others are often its consequences.
    let first = error.iter().next().unwrap_or(error);
    let root = first.find_root();
    match root {
        DataFusionError::SQL(error, _) => syntax(error),
        DataFusionError::SchemaError(error, _) => schema(error),
        DataFusionError::Plan(text) => plan(session, text),
        DataFusionError::Configuration(text) => setting(session, text),
        other if other.message().starts_with(PLACEHOLDER) => parameter(&other.message()),
        other => {
            let message = match other {
                // Another layer's error may have causes, such as why a file cannot be read.
                DataFusionError::External(error) => crate::error::with_causes(&**error),
                other => plain(&lowercase(&other.message())),
            };
            // A value that cannot be converted may be written in the statement.
            let spot = between(&message, "'", "'").map_or(Spot::Unknown, |value| Spot::Text(value.into()));
            Finding { message, spot, hint: hint_of(other) }
        }
    }
}

/// Explains that a parameter has no value.
fn parameter(text: &str) -> Finding {
    let written = between(text, "'", "'").unwrap_or(text);
    let name = written.trim_start_matches([':', '$', '@', '?']);
    let hint = match name.chars().next().is_some_and(|first| !first.is_ascii_digit()) {
        true => format!("in the shell, `.set {name} VALUE` gives `:{name}` a value; elsewhere, write the value itself"),
        false => "write the value itself".into(),
    };
    Finding { message: format!("`{written}` has no value"), spot: Spot::Name(name.into()), hint: Some(hint) }
}

/// Explains why a setting cannot be set.
fn setting(session: &Session, text: &str) -> Finding {
    let message = lowercase(text);
    let Some(name) = between(text, "\"", "\"") else { return Finding { message, spot: Spot::Unknown, hint: None } };
    let entries = session.context().copied_config().options().entries();
    // The message names the last part, or the part at which the search ended.
    let last = |key: &str| key.rsplit('.').next().unwrap_or(key).to_string();
    let near =
        nearest(name, entries.iter().map(|entry| entry.key.as_str())).into_iter().next().map(Into::into).or_else(
            || {
                let parts: Vec<String> = entries.iter().map(|entry| last(&entry.key)).collect();
                let part = nearest(name, parts.iter().map(String::as_str)).first().map(|part| (*part).to_string())?;
                entries.iter().map(|entry| entry.key.clone()).find(|key| last(key) == part)
            },
        );
    let near = near.map(|key: String| format!("did you mean `{key}`?"));
    let hint = near.unwrap_or_else(|| "`SHOW ALL` lists the settings".into());
    let spot = Spot::Name(last(name));
    Finding { message: format!("no setting is named `{name}`"), spot, hint: Some(hint) }
}

fn hint_of(error: &DataFusionError) -> Option<String> {
    match error {
        DataFusionError::ResourcesExhausted(_) => {
            Some("give queries more with --set engine.memory_limit_mb=…; 0 means no limit".into())
        }
        DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) => {
            Some("paths are relative to the working directory".into())
        }
        other => catalog::model_hint(other),
    }
}

fn syntax(error: &ParserError) -> Finding {
    let Complaint { message, at, is_at_end } = Complaint::of(error, "the statement");
    let spot = match at {
        Some((line, column)) => Spot::At(Position { line, column }),
        None if is_at_end => Spot::End,
        None => Spot::Unknown,
    };
    Finding { message: format!("syntax error: {message}"), spot, hint: None }
}

/// Removes `line 1, column 8: ` from a message.
fn split_line_and_column(text: &str) -> (String, Option<Position>) {
    let found = text.find("line ").and_then(|start| {
        let (place, rest) = text[start + "line ".len()..].split_once(": ")?;
        let (line, column) = place.split_once(", column ")?;
        let position = Position { line: line.parse().ok()?, column: column.parse().ok()? };
        Some((format!("{}{rest}", &text[..start]), position))
    });
    match found {
        Some((message, position)) if position.line > 0 && position.column > 0 => (message, Some(position)),
        _ => (text.to_string(), None),
    }
}

fn schema(error: &SchemaError) -> Finding {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let hint = did_you_mean(&field.name, valid_fields.iter().map(|field| field.name.as_str())).or_else(|| {
                let names: Vec<&str> =
                    valid_fields.iter().take(LISTED_COLUMNS).map(|field| field.name.as_str()).collect();
                let more = if valid_fields.len() > LISTED_COLUMNS { ", …" } else { "" };
                (!names.is_empty()).then(|| format!("the columns are {}{more}", names.join(", ")))
            });
            let message = format!("no column is named `{}`", field.flat_name());
            Finding { message, spot: Spot::Name(field.name.clone()), hint }
        }
        SchemaError::AmbiguousReference { field } => Finding {
            message: format!("more than one table has a column `{}`", field.name),
            spot: Spot::Name(field.name.clone()),
            hint: Some(format!("say which: table.{}", field.name)),
        },
        other => Finding { message: lowercase(&other.to_string()), spot: Spot::Unknown, hint: None },
    }
}

fn plan(session: &Session, text: &str) -> Finding {
    let state = session.context().state();
    if let Some(name) = between(text, "able function '", "' not found") {
        return table_function(session, name);
    }
    if let Some(name) = between(text, "Invalid function '", "'") {
        if let Some((message, hint)) = misplaced_function(&state, name) {
            return Finding { message, spot: Spot::Name(name.into()), hint: Some(hint) };
        }
        let functions = state.scalar_functions().keys().chain(state.aggregate_functions().keys());
        let known: Vec<&str> = functions.chain(state.window_functions().keys()).map(String::as_str).collect();
        let hint = did_you_mean(name, known).unwrap_or_else(|| "`SHOW FUNCTIONS` lists them".into());
        let message = format!("no function is named `{name}`");
        return Finding { message, spot: Spot::Name(name.into()), hint: Some(hint) };
    }
    if let Some(said) = between(text, "user-defined coercion failed with: ", ". No function matches") {
        // Keep the function's own message about its arguments; the engine surrounds it with a list of their types.
        let message = lowercase(said.strip_prefix("Error during planning: ").unwrap_or(said));
        return Finding { message, spot: Spot::Unknown, hint: None };
    }
    if let Some(call) = between(text, "No function matches the given name and argument types '", "'.") {
        return arguments(text, call);
    }
    if let Some(name) = between(text, "table '", "' not found") {
        let name = name.rsplit('.').next().unwrap_or(name);
        let known = super::names::tables(session.context());
        let hint =
            did_you_mean(name, known.iter().map(String::as_str)).unwrap_or_else(|| "`SHOW TABLES` lists them".into());
        let message = format!("no table is named `{name}`");
        return Finding { message, spot: Spot::Name(name.into()), hint: Some(hint) };
    }
    Finding { message: plain(&lowercase(text)), spot: Spot::Unknown, hint: None }
}

/// Explains that a name is called in FROM and is not a table function.
fn table_function(session: &Session, name: &str) -> Finding {
    let state = session.context().state();
    let others = state.scalar_functions().contains_key(name) || state.aggregate_functions().contains_key(name);
    let hint = match others {
        true => Some(format!("`{name}` is called in SELECT, not in FROM: SELECT {name}(…)")),
        false => did_you_mean(name, state.table_functions().keys().map(String::as_str)),
    };
    let hint = hint.unwrap_or_else(|| "SELECT name FROM squall_functions() WHERE kind = 'table' lists them".into());
    let message = format!("no table function is named `{name}`");
    Finding { message, spot: Spot::Name(name.into()), hint: Some(hint) }
}

/// Explains why a function does not take its arguments; the engine says it several times, with all that it tried.
fn arguments(text: &str, call: &str) -> Finding {
    let name = call.split('(').next().unwrap_or(call);
    let message = match between(text, &format!("unction '{name}' expects "), ".") {
        Some(expected) if !text.contains("requires") => format!("`{name}` expects {expected}"),
        _ => format!("`{name}` does not take these arguments: {call}"),
    };
    let candidates = text.split_once("Candidate functions:").map_or("", |(_, candidates)| candidates);
    let candidates: Vec<&str> = candidates.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let hint = (!candidates.is_empty()).then(|| format!("it is called as {}", candidates.join(" or ")));
    Finding { message, spot: Spot::Unknown, hint }
}

/// Returns an error and its causes as one message.
fn chain(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !message.ends_with(&text) {
            message = format!("{message}: {text}");
        }
        source = cause.source();
    }
    message
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_taken_out_of_messages() {
        let at = |line, column| Some(Position { line, column });
        let ours = "cannot read CREATE MODEL: line 2, column 14: expected AS, found FROM";
        assert_eq!(
            split_line_and_column(ours),
            ("cannot read CREATE MODEL: expected AS, found FROM".into(), at(2, 14))
        );
        assert_eq!(split_line_and_column("a line of text: here"), ("a line of text: here".into(), None));
    }

    #[test]
    fn a_message_begins_small_unless_with_a_name() {
        for (text, expected) in [("Divide by zero", "divide by zero"), ("SQL it is", "SQL it is"), ("", "")] {
            assert_eq!(lowercase(text), expected);
        }
    }

    #[test]
    fn the_caret_stands_under_its_word_whatever_is_before_it() {
        let place = |line: &str, column, source: Option<&str>| Place {
            source: source.map(Into::into),
            at: Position { line: 10, column },
            line: line.into(),
            length: 3,
        };
        let told = |place| Diagnosis { message: "no".into(), place: Some(place), hint: None }.to_string();
        assert_eq!(
            told(place("\té, bid", 5, Some("a.sql"))),
            "no\n  --> a.sql:10:5\n   |\n10 | \té, bid\n   | \t   ^^^"
        );
        assert!(told(place("bid", 1, None)).starts_with("no\n  --> line 10, column 1\n"));
    }
}
