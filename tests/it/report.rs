//! The reports: they show the queries' numbers, say what is unknown, and are safe and small for any data.

mod card;
mod drift;
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
use squall::error::Hint;
use squall::report::{Error, Page, REPORTS, Report, Request, Sources};

use synthetic::{Market, Metrics, market, metrics};

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

async fn evaluate(market: &Market, metrics: &[Metrics]) -> Page {
    make("eval", &market.register(metrics).await, &[]).await.unwrap()
}

/// Writes the report where `tests/report_in_browser.sh` and developers can find it.
async fn keep(name: &str, report: &Page) {
    assert!(report.html.len() < LARGEST, "{name} has {} bytes", report.html.len());
    report.write(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("reports").join(name)).await.unwrap();
}

/// Returns the metrics that remain if the test split has no spikes.
fn unknown_on_test(reason: &'static str, rows: f64, positives: f64) -> Vec<Metrics> {
    let mut table = metrics();
    for row in table.iter_mut().filter(|row| row.split == "test") {
        *row = Metrics {
            model: row.model,
            split: row.split,
            rows: Some(rows),
            positives: Some(positives),
            prevalence: (rows > 0.0).then_some(0.0),
            threshold: row.threshold,
            reason: Some(reason),
            ..Metrics::default()
        };
    }
    table
}

#[tokio::test]
async fn evaluation_shows_the_numbers_of_the_queries() {
    let market = market(12_000);
    let report = evaluate(&market, &metrics()).await;
    keep("evaluation.html", &report).await;
    for number in ["0.7712", "0.5534", "0.3145", "0.0613", "0.4121", "0.9628"] {
        assert!(report.html.contains(number), "{number} is missing");
    }
    assert_eq!(report.verdict, "spike_logistic beats the naive rule on the test split.");

    // The confusion matrix, recounted from the rows.
    let hits = market.count("spike_logistic", |row, score| row.split == "test" && row.spike && score >= 0.4121);
    let missed = market.count("spike_logistic", |row, score| row.split == "test" && row.spike && score < 0.4121);
    assert!(hits > 0 && missed > 0);
    assert!(report.html.contains(&format!("<b>{hits}</b>")) && report.html.contains(&format!("<b>{missed}</b>")));
}

#[tokio::test]
async fn a_report_fetches_nothing_and_runs_nothing() {
    let report = evaluate(&market(2_000), &metrics()).await;
    for forbidden in ["<script", "http://", "https://", "<link rel=\"stylesheet", "@import", "url(", " onload="] {
        assert!(!report.html.contains(forbidden), "{forbidden}");
    }
    assert!(report.html.contains("prefers-color-scheme: dark") && report.html.contains("@media print"));
}

#[tokio::test]
async fn a_model_that_does_not_beat_the_naive_rule_is_told_so() {
    let mut market = market(12_000);
    // It weighs future volatility the wrong way round.
    market.models[0].1 = -0.6;
    let report = evaluate(&market, &metrics()).await;
    assert_eq!(report.verdict, "spike_logistic does not beat the naive rule on the test split.");
}

#[tokio::test]
async fn a_short_test_split_decides_nothing() {
    let report = evaluate(&market(2_000), &metrics()).await;
    assert!(report.verdict.starts_with("Whether spike_logistic beats the naive rule "), "{}", report.verdict);
}

#[tokio::test]
async fn without_a_spike_in_test_nothing_is_claimed() {
    let mut market = market(4_000);
    market.rows.iter_mut().filter(|row| row.split == "test").for_each(|row| row.spike = false);
    let report = evaluate(&market, &unknown_on_test("no row is positive", 800.0, 0.0)).await;
    keep("evaluation-no-spikes.html", &report).await;
    assert_eq!(
        report.verdict,
        "How good spike_logistic is, is not known: none of the 800 test rows is followed by a spike."
    );
    assert!(report.html.contains("spike_logistic, naive_volatility, volatility_threshold: no row is positive"));
    assert!(report.html.contains("Not defined: the test split needs scored rows"));
    assert!(!report.html.contains("NaN"));
}

#[tokio::test]
async fn an_empty_test_split_is_told_so() {
    let mut market = market(4_000);
    market.rows.retain(|row| row.split != "test");
    let table: Vec<Metrics> = metrics().into_iter().filter(|row| row.split != "test").collect();
    let report = evaluate(&market, &table).await;
    assert_eq!(report.verdict, "spike_logistic has no test split: how good it is, is not known.");
    assert!(report.html.contains("There are no scored rows in the test split."));
}

#[tokio::test]
async fn one_model_alone_is_not_said_to_beat_anything() {
    let mut market = market(4_000);
    market.models.truncate(1);
    let table: Vec<Metrics> = metrics().into_iter().filter(|row| row.model == "spike_logistic").collect();
    let report = evaluate(&market, &table).await;
    assert!(
        report.verdict.starts_with("Whether spike_logistic beats the naive rule is not known"),
        "{}",
        report.verdict
    );
}

#[tokio::test]
async fn undefined_scores_are_left_out() {
    let whole = evaluate(&market(4_000), &metrics()).await;
    let mut market = market(4_000);
    market.undefined_scores = true;
    let report = evaluate(&market, &metrics()).await;
    assert!(!report.html.contains("NaN") && !report.html.contains("inf"));
    assert_ne!(report.html, whole.html);
}

#[tokio::test]
async fn hostile_names_stay_text() {
    const HOSTILE: &str = "<script>alert('x')</script>\"&";
    let mut market = market(2_000);
    market.product = HOSTILE.into();
    market.models[0].0 = HOSTILE.into();
    let mut table = metrics();
    table.iter_mut().filter(|row| row.model == "spike_logistic").for_each(|row| row.model = HOSTILE);
    let report = evaluate(&market, &table).await;
    assert!(!report.html.contains("<script") && report.html.contains("&lt;script&gt;"));
}

#[tokio::test]
async fn a_missing_query_names_the_command_that_makes_it() {
    let error = make("eval", &SessionContext::new(), &[]).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no query or table named spike_training");
    assert!(error.hint().unwrap().contains("squall run +spike_training"));

    let context = market(1_000).register(&metrics()).await;
    let error = make("eval", &context, &[("model", "spike_forest")]).await.unwrap_err();
    assert_eq!(error.to_string(), "no scores of a model named spike_forest");
    assert!(error.hint().unwrap().contains("naive_volatility, spike_logistic"));

    let context = market(1_000).register(&[]).await;
    assert!(make("eval", &context, &[]).await.unwrap_err().hint().unwrap().contains("squall train"));
}

#[tokio::test]
async fn a_report_says_the_horizon_that_the_project_has() {
    let context = market(12_000).register(&metrics()).await;
    let sources = Sources::built_in();
    let mut caught = Vec::new();
    for seconds in [60, 1_800] {
        let parameters = horizon(seconds);
        let request = Request {
            context: &context,
            sources: &sources,
            parameters: &parameters,
            arguments: BTreeMap::new(),
            generated_at: now(),
            journal: Default::default(),
            lineage: Default::default(),
        };
        let html = report("eval").make(&request).await.unwrap().html;
        assert!(html.contains(&format!("spikes at least {seconds} s apart")));
        assert!(html.contains(&format!("at least tau over the next {seconds} s;")));
        assert!(
            html.contains(&format!("&lt; {seconds} * 1000000000")),
            "the query behind the episodes is the one that ran"
        );
        let (_, value) = html.split_once("Episodes caught</dt><dd class=\"value\">").unwrap();
        caught.push(value.split_once('<').unwrap().0.to_string());
    }
    assert_ne!(caught[0], caught[1], "spikes that are one event to a longer horizon");
}

#[tokio::test]
async fn a_report_needs_the_projects_parameters() {
    let context = market(1_000).register(&metrics()).await;
    let request = Request {
        context: &context,
        sources: &Sources::built_in(),
        parameters: &BTreeMap::new(),
        arguments: BTreeMap::new(),
        generated_at: now(),
        journal: Default::default(),
        lineage: Default::default(),
    };
    let error = report("eval").make(&request).await.unwrap_err();
    assert_eq!(error.to_string(), "the project has no parameter `horizon_s`");
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
    let report = evaluate(&market(1_000), &metrics()).await;
    let path = folder.path().join("deep/evaluation.html");
    report.write(&path).await.unwrap();
    report.write(&path).await.unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), report.html);
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    let blocked = report.write(&path.join("below-a-file.html")).await.unwrap_err();
    assert!(blocked.to_string().starts_with("cannot write the report to"));
}
