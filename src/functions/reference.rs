//! The function reference as Markdown; it is the whole of `docs/functions.md`.

use std::fmt::Write;

use super::Library;
use crate::text::documentation::{Documentation, Kind};

/// Returns the page of a library's functions.
pub fn markdown(library: Library) -> String {
    let mut page = String::from(
        "# SQL functions\n\n\
         The functions that squall adds to those of DataFusion. This page is generated from the code, and a test runs every example;\n\
         `SELECT * FROM squall_functions()` gives the same as a table. Examples on models use `calm_or_wild`, a logistic\n\
         regression on the table `weather` (columns `wind`, `pressure`, `storm`), which `docs/models.md` trains.\n",
    );
    let mut section = None;
    for function in library.documentation() {
        if section != Some(function.section) {
            section = Some(function.section);
            push(&mut page, format_args!("\n## {}\n", function.section.title()));
        }
        push(&mut page, format_args!("\n{}", entry(function)));
    }
    page
}

fn entry(function: &Documentation) -> String {
    let kind = match function.kind {
        Kind::Scalar => "",
        Kind::Aggregate => " · aggregate",
        Kind::Window => " · window",
        Kind::Table => " · table",
    };
    let mut entry = format!("### `{}`{kind}\n\n{}.\n\n", function.syntax(), function.summary);
    for argument in function.arguments {
        push(&mut entry, format_args!("- `{}` {}: {}\n", argument.name, argument.sql_type, argument.meaning));
    }
    let result = function.result;
    push(&mut entry, format_args!("- returns {}: {}; NULL: {}\n", result.sql_type, result.meaning, result.when_null));
    push(&mut entry, format_args!("- source: {}\n\n", function.source));
    push(
        &mut entry,
        format_args!("```sql\n{}\n```\n\n```text\n{}\n```\n", function.example.query, function.example.output),
    );
    entry
}

fn push(text: &mut String, more: std::fmt::Arguments) {
    // Writing to a String cannot fail.
    text.write_fmt(more).expect("a string takes any text");
}
