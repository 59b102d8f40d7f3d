//! The documentation of a project: its queries with their columns, how they depend on each other, and what checks find.
//!
//! In: the tables `squall_queries`, `squall_columns`, `squall_lineage` and `squall_findings`, and drawings of the lineage. Out: HTML with a
//! section for each query.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use serde::Serialize;

use super::exhibit::ask;
use super::format;
use super::query::{Query, Row, Rows};
use super::sources::built_in;
use super::{About, Arguments, Error, Mood, Needs, Page, Report, Request, Verdict, require};
use crate::text::counted;

/// The report `docs`.
pub struct Documentation;

const FILE: &str = "docs.html";

/// The most bytes of drawings, so that the page of a large project stays small.
const MOST_DRAWN: usize = 200_000;

impl Report for Documentation {
    fn about(&self) -> &'static About {
        &About {
            name: "docs",
            description: "The project: its queries, their columns with units and formulas, lineage, audits and tests",
            file: FILE,
            arguments: &[],
            sources: built_in!["docs.html", "docs/queries.sql", "docs/columns.sql", "docs/findings.sql"],
        }
    }

    fn needs(&self, _arguments: &Arguments) -> Needs {
        Needs::Lineage
    }

    fn make<'a>(&'a self, request: &'a Request<'_>) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(async move {
            request.sources.check("docs", self.about().sources)?;
            require(request.context, &["squall_queries"])?;
            let queries = ask(request, "docs/queries.sql", &[]).await?;
            let columns = ask(request, "docs/columns.sql", &[]).await?;
            let findings = ask(request, "docs/findings.sql", &[]).await?;
            let sources = vec![queries.query, columns.query, findings.query];
            let columns = columns_of(&columns.rows);
            let findings = findings_of(&findings.rows);
            let mut left = MOST_DRAWN;
            let mut drawn = |name: &str| {
                let picture = request.lineage.get(name)?;
                left = left.checked_sub(picture.len())?;
                Some(picture.clone())
            };
            let overview = drawn("");
            let sections: Vec<Section> =
                queries.rows.iter().map(|row| Section::read(row, &columns, &mut drawn)).collect();
            let verdict = verdict(&sections, &findings);
            let line = verdict.headline.clone();
            let view = View {
                title: "Project",
                generated_at: format::minute(request.generated_at),
                version: env!("CARGO_PKG_VERSION"),
                verdict,
                overview,
                sections,
                findings,
                parameters: request.parameters.iter().map(|(name, value)| [name.clone(), value.to_string()]).collect(),
                sources,
            };
            let html = request.sources.render(FILE, &view)?;
            Ok(Page { html, markdown: None, verdict: line, warnings: Vec::new(), conditions: Vec::new() })
        })
    }
}

/// The values for the template.
#[derive(Debug, Serialize)]
struct View {
    title: &'static str,
    generated_at: String,
    version: &'static str,
    verdict: Verdict,
    /// Which query reads which, as SVG.
    overview: Option<String>,
    sections: Vec<Section>,
    findings: Vec<[String; 4]>,
    parameters: Vec<[String; 2]>,
    sources: Vec<Query>,
}

/// A query of the project.
#[derive(Debug, Serialize)]
struct Section {
    name: String,
    kind: String,
    description: Option<String>,
    /// What is known of it, each with its label.
    facts: Vec<[String; 2]>,
    reads: Vec<String>,
    read_by: Vec<String>,
    columns: Vec<[String; 6]>,
    /// From which columns its columns come, as SVG.
    lineage: Option<String>,
    sql: Option<String>,
    error: Option<String>,
}

impl Section {
    fn read(
        row: Row<'_>,
        columns: &BTreeMap<String, Vec<[String; 6]>>,
        drawn: &mut impl FnMut(&str) -> Option<String>,
    ) -> Section {
        let text = |column: &str| row.text(column).map(str::to_string);
        let listed = |column: &str| {
            let names = row.text(column).unwrap_or_default();
            names.split(", ").filter(|name| !name.is_empty()).map(str::to_string).collect()
        };
        let facts = [
            ("file", "File"),
            ("grain", "One row for each"),
            ("time_column", "Time"),
            ("lookback", "Looks back"),
            ("horizon", "Looks ahead"),
            ("severity", "If it finds rows"),
            ("tags", "Tags"),
        ];
        let fact = |(column, label): (&str, &str)| Some([label.to_string(), text(column)?]);
        let name = text("name").unwrap_or_default();
        Section {
            kind: text("kind").unwrap_or_default(),
            description: text("description"),
            facts: facts.into_iter().filter_map(fact).collect(),
            reads: listed("reads"),
            read_by: listed("read_by"),
            columns: columns.get(&name).cloned().unwrap_or_default(),
            lineage: drawn(&name),
            sql: text("sql"),
            error: text("error"),
            name,
        }
    }
}

/// Returns the columns of each query: name, type, unit, how far they look, formula, and what they are made of.
fn columns_of(rows: &Rows) -> BTreeMap<String, Vec<[String; 6]>> {
    let mut columns: BTreeMap<String, Vec<[String; 6]>> = BTreeMap::new();
    for row in rows.iter() {
        let cells = ["name", "type", "unit", "reach", "formula", "made_of"].map(|column| row.shown(column));
        columns.entry(row.text("query").unwrap_or_default().to_string()).or_default().push(cells);
    }
    columns
}

fn findings_of(rows: &Rows) -> Vec<[String; 4]> {
    rows.iter().map(|row| ["severity", "query", "place", "message"].map(|column| row.shown(column))).collect()
}

fn verdict(sections: &[Section], findings: &[[String; 4]]) -> Verdict {
    let of_kind = |kind: &str| sections.iter().filter(|section| section.kind == kind).count() as u64;
    let mut counts: Vec<String> = Vec::new();
    for (kind, noun) in [
        ("source", "source"),
        ("feature", "feature query"),
        ("label", "label"),
        ("query", "other query"),
        ("model", "model"),
        ("audit", "audit"),
    ] {
        let plural = |count: u64| if count == 1 { format!("1 {noun}") } else { format!("{count} {}", many(noun)) };
        counts.extend(Some(of_kind(kind)).filter(|count| *count > 0).map(plural));
    }
    let errors = findings.iter().filter(|finding| finding[0] == "error").count() as u64;
    let headline = match (sections.is_empty(), findings.len() as u64, errors) {
        (true, _, _) => "The project has no queries.".to_string(),
        (_, 0, _) => "squall check finds nothing wrong.".to_string(),
        (_, all, 0) => format!("squall check has {}.", counted(all, "warning")),
        (_, _, errors) => format!("squall check finds {}.", counted(errors, "error")),
    };
    let mood = match (sections.is_empty(), errors) {
        (true, _) => Mood::Unknown,
        (_, 0) => Mood::Good,
        _ => Mood::Bad,
    };
    let sentences = if counts.is_empty() { Vec::new() } else { vec![format!("{}.", counts.join(", "))] };
    Verdict { mood, headline, sentences }
}

/// Returns the plural of a noun.
fn many(noun: &str) -> String {
    noun.strip_suffix('y').map_or_else(|| format!("{noun}s"), |stem| format!("{stem}ies"))
}
