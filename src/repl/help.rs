//! What the shell tells about itself: commands, tables, columns, functions.
//!
//! In: a session. Out: text.

use std::fmt::Write;

use datafusion::prelude::SessionContext;

use super::{command, names};
use crate::catalog::FUNCTIONS;
use crate::functions::documentation::Documentation;
use crate::text::did_you_mean;

/// The most characters of a function's summary in a list.
const SUMMARY_WIDTH: usize = 80;

/// Returns what can be typed.
pub fn commands() -> String {
    let mut text = String::from("SQL statements end with `;` and may span lines.\n");
    for (usage, meaning) in command::COMMANDS {
        line(&mut text, &[(usage, 22), (meaning, 0)]);
    }
    text.push_str("Tab completes, the up arrow recalls, Ctrl-C cancels a line or a running query.\n");
    text
}

/// Returns tables and views, one a line.
pub async fn tables(context: &SessionContext) -> String {
    let relations = names::relations(context).await;
    if relations.is_empty() {
        return "no tables or views\n".into();
    }
    let width = relations.iter().map(|relation| relation.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for relation in relations {
        let kind = if relation.is_view { "view" } else { "table" };
        let columns = format!("{} columns", relation.schema.fields().len());
        line(&mut text, &[(&relation.name, width), (kind, 5), (&columns, 0)]);
    }
    text
}

/// Returns the columns of a table, one a line.
///
/// # Errors
/// What to try, where no table has the name.
pub async fn schema(context: &SessionContext, name: &str) -> Result<String, String> {
    let relations = names::relations(context).await;
    let found = relations.iter().find(|relation| relation.name == name);
    let Some(relation) = found.or_else(|| relations.iter().find(|relation| relation.name.eq_ignore_ascii_case(name)))
    else {
        let known = relations.iter().map(|relation| relation.name.as_str());
        let suggestion = did_you_mean(name, known).unwrap_or_else(|| ".tables lists them".into());
        return Err(format!("no table is named `{name}`; {suggestion}"));
    };
    let width = relation.schema.fields().iter().map(|field| field.name().chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for field in relation.schema.fields() {
        let kind = field.data_type().to_string();
        let not_null = if field.is_nullable() { "" } else { "NOT NULL" };
        line(&mut text, &[(field.name(), width), (&kind, 20), (not_null, 0)]);
    }
    Ok(text)
}

/// Returns functions like `pattern`, one a line; all about the function that has this very name.
///
/// # Errors
/// What to try, where no function is like the pattern.
pub fn functions(context: &SessionContext, pattern: Option<&str>) -> Result<String, String> {
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
        return Err(format!(
            "no function is like `{pattern}`; {}",
            suggestion.unwrap_or_else(|| ".functions lists them all".into())
        ));
    }
    let width = listed.iter().map(|function| function.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for function in listed {
        let summary = shortened(&function.summary);
        line(&mut text, &[(&function.name, width), (function.kind.as_str(), 9), (&summary, 0)]);
    }
    text.push_str("`.functions NAME` shows all about one\n");
    Ok(text)
}

/// Returns all about a function of squall's.
fn about_own(own: &Documentation) -> String {
    let mut text = format!("{}  ({} function)\n\n{}.\n", own.syntax(), own.kind.as_str(), own.summary);
    if !own.arguments.is_empty() {
        text.push_str("\nArguments\n");
    }
    for argument in own.arguments {
        line(&mut text, &[(argument.name, 16), (argument.sql_type, 18), (argument.meaning, 0)]);
    }
    let result = own.result;
    // Writing to a string cannot fail.
    let _ = write!(text, "\nResult\n  {}: {}\n  NULL: {}\n", result.sql_type, result.meaning, result.when_null);
    let _ = write!(text, "\nExample\n{}\n", indented(own.example.query));
    let _ = write!(text, "\n{}\n\nSource: {}\n", indented(own.example.output), own.source);
    text
}

/// Returns all that DataFusion says about one of its functions; `None` where it has none of that name or says nothing.
fn about_engines(context: &SessionContext, name: &str) -> Option<String> {
    let state = context.state();
    let scalar = state.scalar_functions().get(name).and_then(|function| function.documentation());
    let aggregate = || state.aggregate_functions().get(name).and_then(|function| function.documentation());
    let window = || state.window_functions().get(name).and_then(|function| function.documentation());
    let documentation = scalar.or_else(aggregate).or_else(window)?;
    let mut text = format!("{}\n\n{}\n", documentation.syntax_example, documentation.description.trim());
    for (index, (argument, meaning)) in documentation.arguments.iter().flatten().enumerate() {
        if index == 0 {
            text.push_str("\nArguments\n");
        }
        line(&mut text, &[(argument, 16), (meaning, 0)]);
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

/// Adds a line of cells, each with the least width of its column.
fn line(text: &mut String, cells: &[(&str, usize)]) {
    let mut whole = String::new();
    for (cell, width) in cells {
        // Writing to a string cannot fail.
        let _ = write!(whole, "  {cell:width$}");
    }
    text.push_str(whole.trim_end());
    text.push('\n');
}
