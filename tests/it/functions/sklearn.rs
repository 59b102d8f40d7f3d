//! Metrics against scikit-learn's own numbers, recorded in `tests/reference/sklearn_metrics.json`.
//!
//! Tolerance 1e-12: both sides are a few roundings (2e-16 each) from the exact value, over at most 400 terms.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::Float64Type;
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use serde_json::Value;
use squall::catalog::FUNCTIONS;

const TOLERANCE: f64 = 1e-12;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn cases() -> Vec<Value> {
    let recorded: Value = serde_json::from_str(include_str!("../../reference/sklearn_metrics.json")).unwrap();
    recorded["cases"].as_array().unwrap().clone()
}

/// A session with the case's rows in several partitions and `batch_size` rows per batch.
fn session(case: &Value, partitions: usize, batch_size: usize) -> SessionContext {
    let config = SessionConfig::new().with_target_partitions(partitions).with_batch_size(batch_size);
    let context = SessionContext::new_with_config(config);
    FUNCTIONS.register(&context, "no/models/here".as_ref());
    let label: Vec<i64> = case["label"].as_array().unwrap().iter().map(|label| label.as_i64().unwrap()).collect();
    let columns: [(&str, ArrayRef); 2] = [
        ("label", Arc::new(Int64Array::from(label))),
        ("score", Arc::new(Float64Array::from(numbers(&case["score"])))),
    ];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let mut batches = vec![Vec::new(); partitions];
    for (index, start) in (0..rows.num_rows()).step_by(batch_size).enumerate() {
        batches[index % partitions].push(rows.slice(start, batch_size.min(rows.num_rows() - start)));
    }
    context.register_table("scored", Arc::new(MemTable::try_new(rows.schema(), batches).unwrap())).unwrap();
    context
}

async fn query(context: &SessionContext, sql: &str) -> Vec<Vec<f64>> {
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    let columns = batches[0].num_columns();
    (0..columns)
        .map(|column| {
            let values = batches.iter().flat_map(|batch| {
                batch
                    .column(column)
                    .as_primitive::<Float64Type>()
                    .iter()
                    .map(|value| value.unwrap())
                    .collect::<Vec<_>>()
            });
            values.collect()
        })
        .collect()
}

fn assert_close(ours: &[f64], theirs: &[f64], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert!((ours - theirs).abs() <= TOLERANCE, "{what}: ours {ours}, scikit-learn's {theirs}");
    }
}

#[tokio::test]
async fn metrics_are_those_of_scikit_learn_however_rows_are_split() {
    let metrics = ["average_precision", "roc_auc", "log_loss", "brier_score", "best_f1_threshold"];
    let at_threshold = ["precision_at", "recall_at", "f1_at"];
    for case in cases() {
        let calls = metrics.iter().map(|name| format!("{name}(label, score)"));
        let calls_at =
            at_threshold.iter().map(|name| format!("{name}(label, score, {:?})", case["threshold"].as_f64().unwrap()));
        let sql =
            format!("SELECT prevalence(label), {} FROM scored", calls.chain(calls_at).collect::<Vec<_>>().join(", "));
        let names = ["prevalence"].into_iter().chain(metrics).chain(at_threshold);
        let theirs: Vec<f64> = names.map(|name| case[name].as_f64().unwrap()).collect();
        let mut first = None;
        for (partitions, batch_size) in [(1, 8192), (1, 2), (4, 2), (4, 8192), (3, 7)] {
            let ours: Vec<f64> = query(&session(&case, partitions, batch_size), &sql).await.concat();
            assert_close(&ours, &theirs, case["name"].as_str().unwrap());
            // The result has the same bits however the rows are split.
            assert_eq!(first.get_or_insert_with(|| ours.clone()), &ours);
        }
    }
}

#[tokio::test]
async fn curves_are_those_of_scikit_learn() {
    for case in cases() {
        let context = session(&case, 4, 2);
        let name = case["name"].as_str().unwrap();
        for (curve, x, y) in
            [("pr_curve", "recall", "precision"), ("roc_curve", "false_positive_rate", "true_positive_rate")]
        {
            let sql = format!(
                "SELECT point['threshold'], point['{x}'], point['{y}']
                 FROM (SELECT unnest({curve}(label, score, 1000)) AS point FROM scored)
                 WHERE point['threshold'] IS NOT NULL ORDER BY 1 DESC"
            );
            let ours = query(&context, &sql).await;
            for (ours, theirs) in ours.iter().zip(case[curve].as_array().unwrap()) {
                assert_close(ours, &numbers(theirs), &format!("{curve} of {name}"));
            }
        }
        for expected in case["calibration_curves"].as_array().unwrap() {
            let (bins, strategy) = (&expected["bins"], expected["strategy"].as_str().unwrap());
            let sql = format!(
                "SELECT bin['mean_score'], bin['positive_rate']
                 FROM (SELECT unnest(calibration_curve(label, score, {bins}, '{strategy}')) AS bin FROM scored) ORDER BY 1"
            );
            let ours = query(&context, &sql).await;
            assert_close(&ours[0], &numbers(&expected["mean_score"]), &format!("{strategy} {bins} of {name}"));
            assert_close(&ours[1], &numbers(&expected["positive_rate"]), &format!("{strategy} {bins} of {name}"));
        }
    }
}

#[tokio::test]
async fn a_confusion_matrix_is_that_of_scikit_learn() {
    for case in cases() {
        let sql = format!(
            "SELECT counts['true_positives'], counts['false_positives'], counts['false_negatives'], counts['true_negatives']
             FROM (SELECT confusion_counts(label, score, {:?}) AS counts FROM scored)",
            case["threshold"].as_f64().unwrap()
        );
        let batches = session(&case, 4, 2).sql(&sql).await.unwrap().collect().await.unwrap();
        let ours: Vec<i64> = (0..4)
            .map(|column| batches[0].column(column).as_primitive::<datafusion::arrow::datatypes::Int64Type>().value(0))
            .collect();
        let theirs: Vec<i64> =
            case["confusion_counts"].as_array().unwrap().iter().map(|count| count.as_i64().unwrap()).collect();
        assert_eq!(ours, theirs, "{}", case["name"]);
    }
}

#[tokio::test]
async fn a_thinned_curve_keeps_its_ends_and_its_shape() {
    let case = &cases()[0];
    let area = |points: &[Vec<f64>]| -> f64 {
        (1..points[0].len()).map(|i| (points[0][i] - points[0][i - 1]) * (points[1][i] + points[1][i - 1]) / 2.0).sum()
    };
    let context = session(case, 1, 8192);
    let sql = "SELECT point['false_positive_rate'], point['true_positive_rate']
               FROM (SELECT unnest(roc_curve(label, score, 40)) AS point FROM scored) ORDER BY 1, 2";
    let points = query(&context, sql).await;
    assert!(points[0].len() <= 40 && points[0].len() > 30, "{} points", points[0].len());
    assert_eq!((points[0][0], points[1][0]), (0.0, 0.0));
    assert_eq!((points[0].last(), points[1].last()), (Some(&1.0), Some(&1.0)));
    assert!((area(&points) - case["roc_auc"].as_f64().unwrap()).abs() < 0.01);
}
