//! A project's own reports: a template and its queries, without any Rust.
//!
//! In: `reports/NAME.html`, which begins with `{# One sentence that says what the report shows #}`, and
//! `reports/NAME/*.sql`. Out: a [`Page`]. The template gets each query's rows under the name of the query's file;
//! docs/reports.md has an example. A page that does not show a query that was run is refused, so that every number can be
//! traced to its query.

use std::collections::BTreeMap;

use minijinja::HtmlEscape;
use serde::Serialize;

use super::query::{Query, Row, Rows};
use super::sources::is_built_in;
use super::{Error, Page, REPORTS, Request, Sources, Verdict, format};
use crate::text::did_you_mean;

/// The folder, below that of templates and queries, to which reports are written. No report may have this name.
const WRITTEN: &str = "out";

/// A report of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnReport {
    pub name: String,
    /// One sentence without a full stop: what the report shows.
    pub description: String,
}

/// The values for the template.
#[derive(Debug, Serialize)]
struct View<'a> {
    title: &'a str,
    description: &'a str,
    generated_at: String,
    version: &'static str,
    verdict: Option<Verdict>,
    parameters: &'a BTreeMap<String, serde_json::Value>,
    queries: &'a BTreeMap<String, QueryView>,
}

/// A query with its rows.
#[derive(Debug, Serialize)]
struct QueryView {
    sql: String,
    columns: Vec<String>,
    /// Each row by column, for templates that compute or write sentences.
    rows: Vec<BTreeMap<String, serde_json::Value>>,
    /// Each row's cells as text, in the order of the columns.
    cells: Vec<Vec<String>>,
}

impl OwnReport {
    /// Returns the project's reports, by name.
    ///
    /// # Errors
    /// A folder or a template cannot be read, or a template does not say what its report shows.
    pub fn all(sources: &Sources) -> Result<Vec<OwnReport>, Error> {
        let mut reports = Vec::new();
        for file in sources.files("", "html")? {
            let name = file.trim_end_matches(".html");
            // A template without queries is only a part of other templates.
            let is_report = name != WRITTEN && !is_built_in(&file) && !sources.files(name, "sql")?.is_empty();
            if is_report {
                reports.push(OwnReport { name: name.into(), description: description(sources, &file)? });
            }
        }
        Ok(reports)
    }

    /// Returns the project's report with this name.
    ///
    /// # Errors
    /// There is no such report (the error suggests a similar name), or it cannot be read.
    pub fn find(name: &str, sources: &Sources) -> Result<OwnReport, Error> {
        let all = OwnReport::all(sources)?;
        if let Some(found) = all.iter().find(|report| report.name == name) {
            return Ok(found.clone());
        }
        let known = REPORTS.iter().map(|report| report.about().name).chain(all.iter().map(|own| own.name.as_str()));
        let suggestion = did_you_mean(name, known);
        let folder = sources.folder().unwrap_or("reports".as_ref()).to_path_buf();
        Err(Error::UnknownReport { name: name.into(), suggestion, folder })
    }

    /// Makes the report.
    ///
    /// # Errors
    /// A query fails, or the template does not render or does not show its queries.
    pub async fn make(&self, request: &Request<'_>) -> Result<Page, Error> {
        let mut queries = BTreeMap::new();
        for file in request.sources.files(&self.name, "sql")? {
            let query = request.query(&format!("{}/{file}", self.name), &[])?;
            let rows = query.rows(request.context).await?;
            queries.insert(query.name.clone(), QueryView::new(query, &rows));
        }
        let view = View {
            title: &self.name,
            description: &self.description,
            generated_at: format::minute(request.generated_at),
            version: env!("CARGO_PKG_VERSION"),
            verdict: None,
            parameters: request.parameters,
            queries: &queries,
        };
        let html = request.sources.render(&format!("{}.html", self.name), view)?;
        for (name, query) in &queries {
            let forms = [format::code(&query.sql).to_string(), HtmlEscape(&format::shown(&query.sql)).to_string()];
            if !forms.iter().any(|form| html.contains(form)) {
                return Err(Error::NotShown { report: self.name.clone(), query: name.clone() });
            }
        }
        Ok(Page {
            html,
            markdown: None,
            verdict: format!("{}.", self.description),
            warnings: Vec::new(),
            conditions: Vec::new(),
        })
    }
}

impl QueryView {
    fn new(query: Query, rows: &Rows) -> QueryView {
        let columns: Vec<String> = rows.names().to_vec();
        let by_name = |row: Row<'_>| columns.iter().map(|name| (name.clone(), row.json(name))).collect();
        let texts = |row: Row<'_>| columns.iter().map(|name| row.shown(name)).collect();
        QueryView {
            sql: query.sql,
            rows: rows.iter().map(by_name).collect(),
            cells: rows.iter().map(texts).collect(),
            columns,
        }
    }
}

/// Returns the sentence in the comment at the start of a template.
fn description(sources: &Sources, file: &str) -> Result<String, Error> {
    let text = sources.text(file)?;
    let comment = text.trim_start().strip_prefix("{#").and_then(|rest| rest.split_once("#}"));
    let sentence = comment.map(|(comment, _)| comment.split_whitespace().collect::<Vec<_>>().join(" "));
    let sentence = sentence.map(|sentence| sentence.trim_matches(['-', ' ']).trim_end_matches('.').to_string());
    sentence
        .filter(|sentence| !sentence.is_empty())
        .ok_or_else(|| Error::NoDescription { path: sources.folder().unwrap_or("reports".as_ref()).join(file) })
}
