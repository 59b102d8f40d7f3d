//! The text of a test file.
//!
//! In: the text. Out: its cases, or the line that is wrong.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Case, Rows};
use crate::pipeline::error::Error;
use crate::pipeline::place::Place;

/// What a test file looks like, in a hint.
const FORM: &str = "a case is `-- test: its name`, `-- given TABLE(column, …):` with a query, and `-- expect(column, …):` with a query";

/// Reads a test file's cases.
pub(super) fn parse(file: &Path, text: &str) -> Result<Vec<Case>, Error> {
    let mut cases: Vec<Case> = Vec::new();
    // The rows to which a line belongs that is not a directive.
    let mut open = Open::Nothing;
    for (number, line) in text.lines().enumerate() {
        let place = || Place { file: file.into(), line: number + 1, column: None, text: line.into() };
        let wrong = |message: &str| Error::Test { place: place(), message: message.into(), hint: Some(FORM.into()) };
        let comment = line.trim().strip_prefix("--").map(str::trim);
        let directive = comment.and_then(Directive::parse);
        match (directive, cases.last_mut()) {
            (Some(Directive::Test(name)), _) => {
                open = Open::Nothing;
                if let Some(other) = cases.iter().find(|case| case.name == name) {
                    return Err(wrong(&format!("a case in line {} is named `{name}` too", other.place.line)));
                }
                cases.push(Case {
                    name: name.into(),
                    place: place(),
                    parameters: BTreeMap::new(),
                    given: Vec::new(),
                    expected: None,
                });
            }
            (Some(_), None) => return Err(wrong("a case begins with `-- test: its name`")),
            (Some(Directive::Parameters(text)), Some(case)) => {
                for pair in pairs(text) {
                    let (name, value) = pair.split_once('=').ok_or_else(|| wrong("expected `name = value`"))?;
                    let value = value.trim();
                    // A list is written as in SQL, with single quotes.
                    let list = value.starts_with('[').then(|| value.replace('\'', "\""));
                    let value = serde_json::from_str(list.as_deref().unwrap_or(value))
                        .unwrap_or_else(|_| value.trim_matches('\'').into());
                    let column = line.find(name.trim()).map(|byte| line[..byte].chars().count() + 1);
                    case.parameters.insert(name.trim().into(), (value, Place { column, ..place() }));
                }
                if let Some(rows) = case.rows(open) {
                    rows.sql.push('\n');
                }
            }
            (Some(Directive::Rows(head)), Some(case)) => {
                let rows = head.split_once('(').and_then(|(name, rest)| Some((name.trim(), rest.split_once(')')?.0)));
                let (name, columns) =
                    rows.ok_or_else(|| wrong("expected `-- given TABLE(column, …):` or `-- expect(column, …):`"))?;
                let columns = columns.split(',').map(|column| column.trim().to_string()).collect();
                let rows = Rows { place: place(), columns, sql: String::new() };
                match name.strip_prefix("given ").map(str::trim) {
                    Some(table) => {
                        if let Some((_, other)) = case.given.iter().find(|(given, _)| given == table) {
                            return Err(wrong(&format!("line {} gives `{table}` already", other.place.line)));
                        }
                        case.given.push((table.into(), rows));
                        open = Open::Given;
                    }
                    None if case.expected.is_none() => {
                        case.expected = Some(rows);
                        open = Open::Expected;
                    }
                    None => return Err(wrong("the case has expected rows already")),
                }
            }
            (None, case) => {
                let body = case.and_then(|case| case.rows(open));
                match body {
                    Some(rows) => rows.sql.push_str(&format!("{line}\n")),
                    None if line.trim().is_empty() || comment.is_some() => {}
                    None => return Err(wrong("rows stand after `-- given TABLE(…):` or `-- expect(…):`")),
                }
            }
        }
    }
    for case in &mut cases {
        let bodies = case.given.iter_mut().map(|(_, rows)| rows).chain(&mut case.expected);
        bodies.for_each(|rows| rows.sql = without_comments(&rows.sql));
    }
    Ok(cases)
}

/// The rows of a case to which lines are added.
#[derive(Clone, Copy)]
enum Open {
    Nothing,
    Given,
    Expected,
}

impl Case {
    fn rows(&mut self, open: Open) -> Option<&mut Rows> {
        match open {
            Open::Nothing => None,
            Open::Given => self.given.last_mut().map(|(_, rows)| rows),
            Open::Expected => self.expected.as_mut(),
        }
    }
}

/// Splits `name = value, …` at the commas outside brackets.
fn pairs(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let outside = |letter: char| {
        depth += i32::from(letter == '[') - i32::from(letter == ']');
        letter == ',' && depth == 0
    };
    text.split(outside).collect()
}

enum Directive<'a> {
    Test(&'a str),
    Parameters(&'a str),
    Rows(&'a str),
}

impl Directive<'_> {
    fn parse(comment: &str) -> Option<Directive<'_>> {
        if let Some(name) = comment.strip_prefix("test:") {
            return Some(Directive::Test(name.trim()));
        }
        if let Some(text) = comment.strip_prefix("parameters:") {
            return Some(Directive::Parameters(text.trim()));
        }
        (comment.starts_with("given ") || comment.starts_with("expect")).then_some(Directive::Rows(comment))
    }
}

/// Empties comment lines; if nothing else is left, there are no rows.
fn without_comments(sql: &str) -> String {
    let lines = sql.lines().map(|line| if line.trim().starts_with("--") { "" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}
