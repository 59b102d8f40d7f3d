//! The reports: they hold the queries' numbers, say what is not known, and are safe and small whatever the data hold.

mod synthetic;

use std::path::Path;

use chrono::DateTime;
use squall::report::{EvaluationOptions, Report, evaluation};

use synthetic::{Market, Metrics, market, metrics};

fn options() -> EvaluationOptions {
    EvaluationOptions { model: None, generated_at: DateTime::from_timestamp(1_764_590_000, 0).unwrap() }
}

async fn evaluate(market: &Market, metrics: &[Metrics]) -> Report {
    let context = market.register(metrics).await;
    evaluation(&context, &options()).await.unwrap()
}

/// Leaves the report where `tests/report_in_browser.sh` and a curious reader find it.
fn keep(name: &str, report: &Report) {
    report.write(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("reports").join(name)).unwrap();
}

#[tokio::test]
async fn evaluation_shows_the_numbers_of_the_queries() {
    let report = evaluate(&market(12_000), &metrics()).await;
    keep("evaluation.html", &report);
    for number in ["0.7712", "0.5534", "0.3145", "0.0613", "0.4121", "0.9628"] {
        assert!(report.html.contains(number), "{number} is missing");
    }
    assert_eq!(report.verdict, "spike_logistic beats the naive rule on the test split.");
}
