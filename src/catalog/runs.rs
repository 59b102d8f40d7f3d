//! The table `runs`: one row a training and split.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::error::DataFusionError;

use crate::functions::Snapshot;
use crate::model::Artifact;
use crate::track::{self, Run};

/// The metrics that have a column, in order; a run's others are in its file.
const METRICS: [&str; 11] = [
    "rows",
    "positives",
    "prevalence",
    "average_precision",
    "roc_auc",
    "log_loss",
    "brier",
    "threshold",
    "precision",
    "recall",
    "f1",
];

/// Makes the table over a folder of runs; it is read anew by each query.
pub fn table(dir: PathBuf) -> Result<Arc<dyn TableProvider>> {
    let schema = rows(&[])?.schema();
    let read = move || {
        let runs = track::read(Path::new(&dir)).map_err(|error| DataFusionError::External(Box::new(error)))?;
        rows(&runs)
    };
    Ok(Arc::new(Snapshot::of_rows(schema, read)))
}

fn rows(runs: &[Run]) -> Result<RecordBatch> {
    let rows: Vec<_> =
        runs.iter().flat_map(|run| run.metrics.iter().map(move |(split, metrics)| (run, split, metrics))).collect();
    let text = |cell: fn(&Run) -> Option<&str>| -> ArrayRef {
        Arc::new(rows.iter().map(|(run, _, _)| cell(run)).collect::<StringArray>())
    };
    let whole = |cell: fn(&Run) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|(run, _, _)| cell(run))))
    };
    let started = TimestampMillisecondArray::from_iter_values(rows.iter().map(|(run, _, _)| run.started_at_ms));
    let params = rows.iter().map(|(run, _, _)| serde_json::json!(run.params).to_string());
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("run_id", text(|run| Some(&run.run_id))),
        ("model", text(|run| Some(&run.model))),
        ("version", whole(|run| run.version as i64)),
        ("started_at", Arc::new(started.with_timezone("UTC"))),
        ("duration_ms", whole(|run| run.ended_at_ms - run.started_at_ms)),
        ("sql_fingerprint", text(|run| Some(&run.sql_fingerprint))),
        ("params", Arc::new(StringArray::from_iter_values(params))),
        ("mlflow_run_id", text(|run| run.mlflow_run_id.as_deref())),
        ("split", Arc::new(StringArray::from_iter_values(rows.iter().map(|(_, split, _)| split)))),
    ];
    for metric in METRICS {
        let values = rows.iter().map(|(_, _, metrics)| metrics.get(metric).copied());
        columns.push((metric, Arc::new(values.collect::<Float64Array>())));
    }
    Ok(RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))?)
}

/// Returns the run that made a model.
pub fn of(model: &Artifact, started_at_ms: i64, ended_at_ms: i64) -> Run {
    let mut params: std::collections::BTreeMap<String, String> = model
        .options
        .iter()
        .chain(&model.training.constants)
        .map(|(name, value)| (name.clone(), plain(value)))
        .collect();
    params.insert("model_type".into(), model.scorer.model_type().as_str().into());
    params.insert("features".into(), model.scorer.features().join(", "));
    params.insert("label".into(), model.label.clone());
    params.insert("squall_version".into(), model.squall_version.clone());
    for (name, time) in [("training_from", &model.training.from), ("training_to", &model.training.to)] {
        params.extend(time.iter().map(|time| (name.to_string(), time.clone())));
    }
    let metrics = model.metrics.iter().map(|metrics| {
        let values = [
            ("rows", Some(metrics.rows as f64)),
            ("positives", Some(metrics.positives as f64)),
            ("prevalence", metrics.prevalence),
            ("average_precision", metrics.average_precision),
            ("roc_auc", metrics.roc_auc),
            ("log_loss", metrics.log_loss),
            ("brier", metrics.brier),
            ("threshold", metrics.threshold),
            ("precision", metrics.precision),
            ("recall", metrics.recall),
            ("f1", metrics.f1),
        ];
        let defined = values.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?)));
        (metrics.split.as_str().to_string(), defined.collect())
    });
    Run {
        run_id: format!("{}-{}", model.name, model.version),
        model: model.name.clone(),
        version: model.version,
        started_at_ms,
        ended_at_ms,
        sql_fingerprint: crate::text::fingerprint(&model.sql),
        params,
        metrics: metrics.collect(),
        mlflow_run_id: None,
    }
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}
