//! A table for LaTeX.

use super::Kind;
use super::document::{Document, Form};

/// A `tabular` of LaTeX.
pub static LATEX: Kind = Kind {
    name: "latex",
    help: "A tabular of LaTeX; floats rounded to ten digits",
    for_people: false,
    alone: false,
    begin: |schema, appearance| Document::begin(&FORM, &schema, appearance),
};

static FORM: Form = Form { head, row, end: "\\end{tabular}\n" };

fn head(names: &[String], numeric: &[bool]) -> String {
    let places: String = numeric.iter().map(|numeric| if *numeric { 'r' } else { 'l' }).collect();
    format!("\\begin{{tabular}}{{{places}}}\n{}\\hline\n", row(names, numeric))
}

fn row(cells: &[String], _: &[bool]) -> String {
    cells.iter().map(|cell| escaped(cell)).collect::<Vec<_>>().join(" & ") + " \\\\\n"
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', character]),
            other => escaped.push(other),
        }
    }
    escaped
}
