//! The reports: they show the queries' numbers, say what is unknown, and are safe and small for any data.

mod any_project;
mod card;
mod evaluation;
mod own;
mod profile;
mod quality;
mod reference;
mod results;
mod synthetic;

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use datafusion::prelude::SessionContext;
use squall::catalog::FUNCTIONS;
use squall::report::{Error, Page, REPORTS, Report, Request, Sources};

use synthetic::market;

/// The largest size that a report may have, in bytes.
const LARGEST: usize = 500_000;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_764_590_000, 0).unwrap()
}

fn horizon(seconds: u64) -> BTreeMap<String, serde_json::Value> {
    [("horizon_s".to_string(), seconds.into())].into()
}

fn report(name: &str) -> &'static dyn Report {
    REPORTS.iter().copied().find(|report| report.about().name == name).unwrap()
}

/// Makes a report that comes with squall, with arguments and a horizon of 60 s.
async fn make(name: &str, context: &SessionContext, arguments: &[(&str, &str)]) -> Result<Page, Error> {
    let request = Request {
        context,
        sources: &Sources::built_in(),
        parameters: &horizon(60),
        arguments: arguments.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        generated_at: now(),
        journal: Default::default(),
        lineage: Default::default(),
    };
    report(name).make(&request).await
}

async fn compare(context: &SessionContext, reference: &str, current: &str) -> Page {
    FUNCTIONS.register(context, Path::new("no/models/here"));
    make("drift", context, &[("reference", reference), ("current", current)]).await.unwrap()
}

/// Writes the report where `tests/report_in_browser.sh` and developers can find it.
async fn keep(name: &str, report: &Page) {
    assert!(report.html.len() < LARGEST, "{name} has {} bytes", report.html.len());
    report.write(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("reports").join(name)).await.unwrap();
}

#[tokio::test]
async fn a_report_fetches_nothing_and_runs_nothing() {
    let report = evaluation::evaluate(&market(2_000)).await;
    for forbidden in ["<script", "http://", "https://", "<link rel=\"stylesheet", "@import", "url(", " onload="] {
        assert!(!report.html.contains(forbidden), "{forbidden}");
    }
    assert!(report.html.contains("prefers-color-scheme: dark") && report.html.contains("@media print"));
}

#[test]
fn every_report_is_complete_and_described() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reports.md")).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports");
    for &report in REPORTS {
        let about = report.about();
        assert!(page.contains(&format!("squall report {}", about.name)), "docs/reports.md lacks {}", about.name);
        let mut built_in: Vec<String> = about.sources.iter().map(|(file, _)| file.to_string()).collect();
        let mut lying: Vec<String> = std::fs::read_dir(folder.join(about.name))
            .unwrap()
            .map(|entry| format!("{}/{}", about.name, entry.unwrap().file_name().to_string_lossy()))
            .chain([format!("{}.html", about.name)])
            .collect();
        built_in.sort();
        lying.sort();
        assert_eq!(built_in, lying, "what lies in reports/ is built in");
    }
}

#[tokio::test]
async fn a_report_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let report = evaluation::evaluate(&market(1_000)).await;
    let path = folder.path().join("deep/evaluation.html");
    report.write(&path).await.unwrap();
    report.write(&path).await.unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), report.html);
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    let blocked = report.write(&path.join("below-a-file.html")).await.unwrap_err();
    assert!(blocked.to_string().starts_with("cannot write the report to"));
}

#[tokio::test]
async fn drift_shows_every_column_drifted_first() {
    let context = market(12_000).register().await;
    let columns = "midprice, current_vol, forward_vol, log_rv_60s, spike, product_id, ts";
    let report = compare(
        &context,
        &format!("SELECT {columns} FROM spike_training WHERE split = 'train'"),
        &format!("SELECT {columns} FROM spike_training WHERE split = 'test'"),
    )
    .await;
    keep("drift.html", &report).await;
    let html = &report.html;
    let last_drifted = html.rfind("▲ drifted").unwrap();
    let first_steady = html.find("● steady").unwrap();
    assert!(last_drifted < first_steady, "drifted columns come first");
    assert!(html.contains("columns of this type are not compared"));
    assert!(report.verdict.contains("of 6 columns drifted"), "{}", report.verdict);
}

#[tokio::test]
async fn equal_samples_do_not_drift() {
    let context = market(3_000).register().await;
    let columns = "SELECT midprice, current_vol, spike FROM spike_training";
    let report = compare(&context, columns, columns).await;
    assert_eq!(report.verdict, "The data did not drift: 0 of 3 columns drifted.");
}

#[tokio::test]
async fn drift_without_rows_is_not_known() {
    let context = market(1_000).register().await;
    let columns = "SELECT midprice, spike FROM spike_training";
    let report = compare(&context, columns, &format!("{columns} WHERE split = 'nowhere'")).await;
    assert_eq!(report.verdict, "Whether the data drifted is not known: no column could be compared.");
    assert!(report.html.contains("the current sample has no value"));
}

#[tokio::test]
async fn a_wide_table_stays_small() {
    let context = SessionContext::new();
    let columns: Vec<String> = (0..300).map(|index| format!("value * {index} % 97 AS \"column <{index}>\"")).collect();
    let values: Vec<String> = (0..1_500).map(|value| format!("({value}.5)")).collect();
    let sql = format!("SELECT {} FROM (VALUES {}) AS t(value)", columns.join(", "), values.join(", "));
    let report = compare(&context, &sql, &sql).await;
    assert!(report.html.len() < LARGEST, "{} bytes", report.html.len());
    assert!(report.html.contains("240 columns further down the table are not drawn"));
    assert!(!report.html.contains("column <1>"), "names are escaped");
}
