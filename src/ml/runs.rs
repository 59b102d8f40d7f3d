//! The table `runs`: one row per training and split.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::error::DataFusionError;

use crate::functions::Snapshot;
use crate::model::Artifact;
use crate::model::metrics::METRICS;
use crate::track::{self, Run};

/// The counts that come before the metrics.
const COUNTS: [&str; 2] = ["rows", "positives"];

/// The format of the time in a run's id: when the training started, UTC.
const ID_TIME: &str = "%Y%m%d-%H%M%S-%3f";

/// Makes the table over a folder of runs; every query reads the folder again.
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
    for metric in COUNTS.iter().copied().chain(METRICS.iter().map(|metric| metric.name)) {
        let values = rows.iter().map(|(_, _, metrics)| metrics.get(metric).copied());
        columns.push((metric, Arc::new(values.collect::<Float64Array>())));
    }
    Ok(RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))?)
}

/// Returns the run that trained a model.
///
/// Its id contains the model, the version and the start. A model whose versions were all deleted starts again with version
/// 1, so only the start tells the two runs apart.
pub fn of(model: &Artifact, start: DateTime<Utc>, end: DateTime<Utc>) -> Run {
    let mut params: std::collections::BTreeMap<String, String> = model
        .options
        .iter()
        .chain(&model.training.constants)
        .map(|(name, value)| (name.clone(), plain(value)))
        .collect();
    params.insert("model_type".into(), model.model_type().name.into());
    params.insert("features".into(), model.scorer.features().join(", "));
    params.insert("label".into(), model.label.clone());
    params.insert("squall_version".into(), model.squall_version.clone());
    for (name, time) in [("training_from", &model.training.from), ("training_to", &model.training.to)] {
        params.extend(time.iter().map(|time| (name.to_string(), time.clone())));
    }
    let metrics = model.metrics.iter().map(|split| {
        let metrics = &split.metrics;
        let counts = [metrics.rows, metrics.positives].map(|count| Some(count as f64));
        let values = COUNTS.into_iter().zip(counts).chain(metrics.iter().map(|(metric, value)| (metric.name, value)));
        let defined = values.filter_map(|(name, value)| Some((name.to_string(), value?)));
        (split.split.as_str().to_string(), defined.collect())
    });
    Run {
        run_id: format!("{}-{}-{}", model.name, model.version, start.format(ID_TIME)),
        model: model.name.clone(),
        version: model.version,
        started_at_ms: start.timestamp_millis(),
        ended_at_ms: end.timestamp_millis(),
        sql_fingerprint: crate::text::fingerprint(&model.sql),
        params,
        metrics: metrics.collect(),
        mlflow_run_id: None,
    }
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}
