//! A table in HTML, for a page that gives it its look.

use super::Kind;
use super::document::{Document, Form};
use crate::text::escaped;

/// A table in HTML.
pub static HTML: Kind = Kind {
    name: "html",
    help: "A table in HTML; floats rounded to ten digits",
    for_people: false,
    alone: false,
    begin: |schema, appearance| Document::begin(&FORM, &schema, appearance),
};

static FORM: Form = Form { head, row, end: "</tbody>\n</table>\n" };

fn head(names: &[String], _: &[bool]) -> String {
    let names: String = names.iter().map(|name| format!("<th>{}</th>", escaped(name))).collect();
    format!("<table>\n<thead><tr>{names}</tr></thead>\n<tbody>\n")
}

fn row(cells: &[String], numeric: &[bool]) -> String {
    let cells = cells.iter().zip(numeric).map(|(cell, numeric)| {
        let align = if *numeric { " align=\"right\"" } else { "" };
        format!("<td{align}>{}</td>", escaped(cell))
    });
    format!("<tr>{}</tr>\n", cells.collect::<String>())
}
