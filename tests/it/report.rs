//! The reports: they show the queries' numbers, say what is unknown, and are safe and small for any data.

mod any_project;
mod card;
mod choice;
mod drift;
mod evaluation;
mod horizon;
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
