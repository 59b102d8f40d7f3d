//! A project's own reports, and its own templates and queries that replace those which come with squall.

use std::collections::BTreeMap;
use std::path::Path;

use datafusion::prelude::SessionContext;
use squall::error::Hint;
use squall::report::{Error, OwnReport, Page, REPORTS, Request, Sources};

use super::evaluation::GIVEN;
use super::synthetic::market;
use super::{LARGEST, now};

/// Writes a folder of reports; each file is given as a path and its text.
fn folder_of(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

fn parameters() -> BTreeMap<String, serde_json::Value> {
    [("horizon_s".to_string(), 60.into()), ("products".to_string(), vec!["it's <one>"].into())].into()
}

async fn make(folder: &Path, name: &str, context: &SessionContext) -> Result<Page, Error> {
    let sources = Sources::with_folder(folder);
    let parameters = parameters();
    let request = Request {
        context,
        sources: &sources,
        parameters: &parameters,
        arguments: match name {
            "eval" => GIVEN.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            _ => BTreeMap::new(),
        },
        generated_at: now(),
        journal: Default::default(),
        lineage: Default::default(),
    };
    match REPORTS.iter().copied().find(|report| report.about().name == name) {
        Some(report) => report.make(&request).await,
        None => OwnReport::find(name, &sources)?.make(&request).await,
    }
}

/// Returns the files in docs/reports.md, as path and text: each is a fenced block after a line that ends with the file's
/// name.
fn files_of_the_page() -> Vec<(String, String)> {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reports.md")).unwrap();
    let parts: Vec<&str> = page.split("\n```").collect();
    let mut files = Vec::new();
    for pair in parts.chunks(2) {
        let [prose, block] = pair else { continue };
        if let Some((_, path)) = prose.trim_end().trim_end_matches("`:").rsplit_once("`reports/") {
            files.push((path.to_string(), block.split_once('\n').unwrap().1.to_string()));
        }
    }
    files
}

#[tokio::test]
async fn the_example_of_the_documentation_is_a_report() {
    let files = files_of_the_page();
    assert_eq!(files.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["hours/by_hour.sql", "hours.html"]);
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let dir = folder_of(&files);
    let context = SessionContext::new();
    let rows = "SELECT 'it''s <one>' AS product_id, to_timestamp(value * 600) AS ts, CAST(value AS DOUBLE) AS best_bid, \
        value + 1.5 AS best_ask FROM generate_series(0, 11)";
    let ticks = context.sql(rows).await.unwrap().into_view();
    context.register_table("ticks", ticks).unwrap();
    let page = make(dir.path(), "hours", &context).await.unwrap();
    assert_eq!(page.verdict, "When the market moves: ticks and mean spread by the hour of the day.");
    assert!(page.html.len() < LARGEST);
    for shown in ["<th scope=\"row\">0</th><td>6</td><td>1.500</td>", "12 ticks of it&#x27;s &lt;one&gt;", "FROM ticks"]
    {
        assert!(page.html.contains(shown), "{shown} is missing from\n{}", page.html);
    }
    for forbidden in ["<script", "http://", "https://", "NaN"] {
        assert!(!page.html.contains(forbidden), "{forbidden}");
    }
    let listed = OwnReport::all(&Sources::with_folder(dir.path())).unwrap();
    assert_eq!(listed.iter().map(|own| own.name.as_str()).collect::<Vec<_>>(), ["hours"]);
}

#[tokio::test]
async fn undefined_values_are_dashes_and_no_rows_are_said() {
    let dir = folder_of(&[
        (
            "r.html",
            "{# Nothing much. #}{% from 'parts.html' import table %}{{ table(queries.a) }}{{ table(queries.b) }}",
        ),
        ("r/a.sql", "SELECT CAST(NULL AS DOUBLE) AS x, CAST('NaN' AS DOUBLE) AS y, true AS z, [1, 2] AS l"),
        ("r/b.sql", "SELECT 1 AS x WHERE false"),
    ]);
    let page = make(dir.path(), "r", &SessionContext::new()).await.unwrap();
    assert!(page.html.contains("<th scope=\"row\">–</th><td>–</td><td>yes</td><td>1.000, 2.000</td>"), "{}", page.html);
    assert!(page.html.contains("The query has no rows."));
}

#[tokio::test]
async fn a_number_without_its_query_is_refused() {
    let dir = folder_of(&[
        ("r.html", "{# Numbers from nowhere #}{{ queries.a.rows[0].x }}"),
        ("r/a.sql", "SELECT 1 < 2 AS x"),
    ]);
    let error = make(dir.path(), "r", &SessionContext::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "the report `r` does not show its query `a`");
    assert!(error.hint().unwrap().contains("{{ sql([queries.a]) }}"), "{error:?}");
}

#[tokio::test]
async fn what_is_wrong_is_said_with_what_to_do() {
    let dir = folder_of(&[("untold.html", "<p>"), ("untold/a.sql", "SELECT 1")]);
    let error = make(dir.path(), "untold", &SessionContext::new()).await.unwrap_err();
    assert!(error.to_string().ends_with("untold.html does not say what the report shows"), "{error}");

    let dir = folder_of(&[
        ("part.html", "a template without queries is a part of others"),
        ("hours.html", "{# a #}{{ sql([queries.a]) }}{% include 'broken.html' %}"),
        ("hours/a.sql", "SELECT $nothing"),
        ("broken.html", "{% if"),
    ]);
    let context = SessionContext::new();
    let error = make(dir.path(), "huors", &context).await.unwrap_err();
    assert_eq!(error.to_string(), "no report is named `huors`");
    assert_eq!(error.hint().unwrap(), "did you mean `hours`?");
    let error = make(dir.path(), "part", &context).await.unwrap_err();
    assert!(error.hint().unwrap().contains("part.html"), "{error:?}");
    let error = make(dir.path(), "hours", &context).await.unwrap_err();
    assert_eq!(error.to_string(), "the report's query `a` failed");
    std::fs::write(dir.path().join("hours/a.sql"), "SELECT 1").unwrap();
    let error = make(dir.path(), "hours", &context).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot render the report");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("sql"), "an undefined name, with its place: {cause}");
    std::fs::write(dir.path().join("hours.html"), "{# a #}{% include 'broken.html' %}").unwrap();
    let error = make(dir.path(), "hours", &context).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("broken.html"), "the template that is broken is named: {cause}");
}

#[tokio::test]
async fn a_projects_files_take_the_place_of_those_that_come_with_squall() {
    let context = market(2_000).register().await;
    let dir = folder_of(&[
        ("style.css", "body { color: rebeccapurple }"),
        (
            "eval/facts.sql",
            "SELECT split, count(*) AS rows, min(time) AS first_time, max(time) AS last_time, \
            count(*) FILTER (WHERE label) AS positives, 0 AS unlabelled, 0 AS unscored, 1 AS episodes, 0.0 AS lowest, 1.0 AS highest, \
            1 AS parts, 'THE-PRODUCT' AS first_part FROM $rows GROUP BY split",
        ),
    ]);
    let html = make(dir.path(), "eval", &context).await.unwrap().html;
    for own in ["rebeccapurple", "THE-PRODUCT", "Average precision"] {
        assert!(html.contains(own), "{own}");
    }
    assert!(!html.contains("prefers-color-scheme"));
    // Another report's broken template does not matter.
    std::fs::write(dir.path().join("mine.html"), "{% if").unwrap();
    make(dir.path(), "eval", &context).await.unwrap();

    std::fs::write(dir.path().join("eval/fact.sql"), "SELECT 1").unwrap();
    let error = make(dir.path(), "eval", &context).await.unwrap_err();
    assert!(error.to_string().contains("eval/fact.sql could replace"), "{error}");
    assert_eq!(error.hint().unwrap(), "did you mean `facts.sql`?");
}
