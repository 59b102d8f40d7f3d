//! The shell's help: commands, tables, columns, functions.
//!
//! In: a session. Out: text.

use std::fmt::Write;

use datafusion::prelude::SessionContext;

use super::complaint::Complaint;
use super::format::FORMATS;
use super::{commands as typed, names};
use crate::catalog::FUNCTIONS;
use crate::text::documentation::Documentation;
use crate::text::{columns, did_you_mean};

/// The most characters of a function's summary in a list.
const SUMMARY_WIDTH: usize = 80;

/// Returns the list of what users can type.
pub fn commands() -> String {
    let mut text = String::from("SQL statements end with `;` and may span lines.\n");
    let row = |kind: &typed::Kind| vec![kind.usage(), kind.help.to_string()];
    text.push_str(&list(&typed::all().map(row).collect::<Vec<_>>()));
    text.push_str("Tab completes, the up arrow recalls, Ctrl-C cancels a statement or a running query.\n");
    text
}

/// Returns the ways in which results are printed, one per line.
pub fn modes() -> String {
    list(&FORMATS.iter().map(|kind| vec![kind.name, kind.help]).collect::<Vec<_>>())
}

/// Returns tables and views, one per line.
pub async fn tables(context: &SessionContext) -> String {
    let relations = names::relations(context).await;
    if relations.is_empty() {
        return "no tables or views\n".into();
    }
    let row = |relation: names::Relation| {
        let kind = if relation.is_view { "view" } else { "table" };
        let columns = format!("{} columns", relation.schema.fields().len());
        vec![relation.name, kind.into(), columns]
    };
    list(&relations.into_iter().map(row).collect::<Vec<_>>())
}

/// Returns the columns of a table, one per line.
///
/// # Errors
/// If no table has this name: what to try.
pub async fn schema(context: &SessionContext, name: &str) -> Result<String, Complaint> {
    let relations = names::relations(context).await;
    let found = relations.iter().find(|relation| relation.name == name);
    let Some(relation) = found.or_else(|| relations.iter().find(|relation| relation.name.eq_ignore_ascii_case(name)))
    else {
        let known = relations.iter().map(|relation| relation.name.as_str());
        let suggestion = did_you_mean(name, known).unwrap_or_else(|| "`.tables` lists them".into());
        return Err(Complaint::new(format!("no table is named `{name}`")).with_hint(suggestion));
    };
    let rows = relation.schema.fields().iter().map(|field| {
        let not_null = if field.is_nullable() { "" } else { "NOT NULL" };
        vec![field.name().clone(), field.data_type().to_string(), not_null.into()]
    });
    Ok(list(&rows.collect::<Vec<_>>()))
}

/// Returns the functions that match `pattern`, one per line. If a function has exactly this name, returns everything about
/// it.
///
/// # Errors
/// If no function matches: what to try.
pub fn functions(context: &SessionContext, pattern: Option<&str>) -> Result<String, Complaint> {
    let all = names::functions(context);
    let pattern = pattern.map(|pattern| pattern.trim_end_matches("()").to_lowercase());
    if let Some(own) = FUNCTIONS.documentation().find(|own| Some(own.name) == pattern.as_deref()) {
        return Ok(about_own(own));
    }
    if let Some(text) = pattern.as_deref().and_then(|name| about_engines(context, name)) {
        return Ok(text);
    }
    let fits = |function: &&names::Function| match &pattern {
        Some(pattern) => function.name.contains(pattern.as_str()) || function.summary.to_lowercase().contains(pattern),
        None => true,
    };
    let listed: Vec<_> = all.iter().filter(fits).collect();
    if listed.is_empty() {
        let pattern = pattern.unwrap_or_default();
        let suggestion = did_you_mean(&pattern, all.iter().map(|function| function.name.as_str()));
        let suggestion = suggestion.unwrap_or_else(|| "`.functions` lists them all".into());
        return Err(Complaint::new(format!("no function is like `{pattern}`")).with_hint(suggestion));
    }
    let rows = listed
        .iter()
        .map(|function| vec![function.name.clone(), function.kind.as_str().into(), shortened(&function.summary)]);
    Ok(list(&rows.collect::<Vec<_>>()) + "`.functions NAME` shows all about one\n")
}

/// Returns everything about one of squall's functions.
fn about_own(own: &Documentation) -> String {
    let mut text = format!("{}  ({} function)\n\n{}.\n", own.syntax(), own.kind.as_str(), own.summary);
    if !own.arguments.is_empty() {
        text.push_str("\nArguments\n");
    }
    let arguments = own.arguments.iter().map(|argument| vec![argument.name, argument.sql_type, argument.meaning]);
    text.push_str(&list(&arguments.collect::<Vec<_>>()));
    let result = own.result;
    // Writing to a string cannot fail.
    let _ = write!(text, "\nResult\n  {}: {}\n  NULL: {}\n", result.sql_type, result.meaning, result.when_null);
    let _ = write!(text, "\nExample\n{}\n", indented(own.example.query));
    let _ = write!(text, "\n{}\n\nSource: {}\n", indented(own.example.output), own.source);
    text
}

/// Returns everything that DataFusion says about one of its functions; `None` if it does not have it or says nothing.
fn about_engines(context: &SessionContext, name: &str) -> Option<String> {
    let state = context.state();
    let scalar = state.scalar_functions().get(name).and_then(|function| function.documentation());
    let aggregate = || state.aggregate_functions().get(name).and_then(|function| function.documentation());
    let window = || state.window_functions().get(name).and_then(|function| function.documentation());
    let documentation = scalar.or_else(aggregate).or_else(window)?;
    let mut text = format!("{}\n\n{}\n", documentation.syntax_example, documentation.description.trim());
    let arguments = documentation.arguments.iter().flatten();
    let arguments: Vec<Vec<&str>> = arguments.map(|(name, meaning)| vec![name.as_str(), meaning.as_str()]).collect();
    if !arguments.is_empty() {
        text.push_str("\nArguments\n");
        text.push_str(&list(&arguments));
    }
    if let Some(example) = &documentation.sql_example {
        let lines: Vec<&str> = example.lines().filter(|line| !line.trim_start().starts_with("```")).collect();
        let _ = write!(text, "\nExample\n{}\n", indented(&lines.join("\n")));
    }
    Some(text)
}

fn shortened(summary: &str) -> String {
    if summary.chars().count() <= SUMMARY_WIDTH {
        return summary.into();
    }
    summary.chars().take(SUMMARY_WIDTH - 1).chain(['…']).collect()
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}").trim_end().to_string()).collect::<Vec<_>>().join("\n")
}

/// Returns rows as an indented list.
fn list<C: AsRef<str>>(rows: &[Vec<C>]) -> String {
    columns(rows, usize::MAX).lines().map(|line| format!("  {line}\n")).collect()
}
