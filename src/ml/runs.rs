//! The table `runs`: one row per run and split; and the runs of trainings and evaluations.

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
use crate::model::metrics::METRICS;
use crate::model::{Artifact, FoldFigures, Metrics, Split, TrainingSet};
use crate::text::fnv1a;
use crate::track::{self, Dataset, Kind, Recorded, Run};

/// The counts that come before the metrics.
const COUNTS: [&str; 2] = ["rows", "positives"];

/// The format of the time in a run's id: when the training started, UTC.
const ID_TIME: &str = "%Y%m%d-%H%M%S-%3f";

/// Makes the table over a folder of runs; every query reads the folder again.
pub fn table(dir: PathBuf) -> Result<Arc<dyn TableProvider>> {
    let schema = rows(&Recorded::default())?.schema();
    let read = move || {
        let recorded = track::read(Path::new(&dir)).map_err(|error| DataFusionError::External(Box::new(error)))?;
        rows(&recorded)
    };
    Ok(Arc::new(Snapshot::of_rows(schema, read)))
}

/// Returns a row for each split of each run, and a row with the problem for each run that cannot be read.
fn rows(recorded: &Recorded) -> Result<RecordBatch> {
    let of =
        |run: &'_ Run| run.metrics.iter().map(|(split, metrics)| (split.clone(), metrics.clone())).collect::<Vec<_>>();
    let read = recorded
        .runs
        .iter()
        .flat_map(|run| of(run).into_iter().map(move |(split, metrics)| Some((run, split, metrics))));
    let rows: Vec<_> = read.chain(recorded.unreadable.iter().map(|_| None)).collect();
    let runs = || rows.iter().map(|row| row.as_ref().map(|(run, _, _)| *run));
    let text = |cell: fn(&Run) -> Option<&str>| -> ArrayRef {
        Arc::new(runs().map(|run| cell(run?)).collect::<StringArray>())
    };
    let whole =
        |cell: fn(&Run) -> i64| -> ArrayRef { Arc::new(runs().map(|run| Some(cell(run?))).collect::<Int64Array>()) };
    let started = TimestampMillisecondArray::from_iter(runs().map(|run| Some(run?.started_at_ms)));
    let params = runs().map(|run| Some(serde_json::json!(run?.params).to_string()));
    let unreadable = recorded.unreadable.iter();
    let ids = runs().flatten().map(|run| run.run_id.as_str()).chain(unreadable.clone().map(|(id, _)| id.as_str()));
    let problems = runs().flatten().map(|_| None).chain(unreadable.map(|(_, error)| Some(error.text())));
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("run_id", Arc::new(StringArray::from_iter_values(ids))),
        ("kind", text(|run| Some(run.kind.as_str()))),
        ("model", text(|run| Some(&run.model))),
        ("version", whole(|run| run.version as i64)),
        ("started_at", Arc::new(started.with_timezone("UTC"))),
        ("duration_ms", whole(|run| run.ended_at_ms - run.started_at_ms)),
        ("sql_fingerprint", text(|run| Some(&run.sql_fingerprint))),
        ("params", Arc::new(params.collect::<StringArray>())),
        ("mlflow_run_id", text(|run| run.mlflow_run_id.as_deref())),
        (
            "split",
            Arc::new(rows.iter().map(|row| row.as_ref().map(|(_, split, _)| split.as_str())).collect::<StringArray>()),
        ),
    ];
    for metric in COUNTS.iter().copied().chain(METRICS.iter().map(|metric| metric.name)) {
        let values = rows.iter().map(|row| row.as_ref().and_then(|(_, _, metrics)| metrics.get(metric).copied()));
        columns.push((metric, Arc::new(values.collect::<Float64Array>())));
    }
    columns.push(("problem", Arc::new(problems.collect::<StringArray>())));
    Ok(RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))?)
}

/// Returns the run that trained a model; `digests` has a digest of the rows of each split.
///
/// Its id contains the model, the version and the start. A model whose versions were all deleted starts again with version
/// 1, so only the start tells the two runs apart.
pub fn of(model: &Artifact, digests: &[(Split, String)], start: DateTime<Utc>, end: DateTime<Utc>) -> Run {
    let validation = model.validation.iter();
    let metrics = model.metrics.iter().map(|split| (split.split.as_str().to_string(), values(&split.metrics)));
    let metrics = metrics.chain(validation.clone().map(|of| (of.protocol.clone(), values(&of.metrics))));
    let datasets = model.metrics.iter().filter_map(|split| {
        let (_, digest) = digests.iter().find(|(of, _)| *of == split.split)?;
        Some(dataset(model, split.split.as_str(), split.metrics.rows, digest.clone()))
    });
    Run {
        run_id: format!("{}-{}-{}", model.name, model.version, start.format(ID_TIME)),
        kind: Kind::Training,
        metrics: metrics.collect(),
        datasets: datasets.collect(),
        folds: validation.flat_map(|of| &of.folds).map(fold).collect(),
        started_at_ms: start.timestamp_millis(),
        ended_at_ms: end.timestamp_millis(),
        ..base(model)
    }
}

fn fold(fold: &FoldFigures) -> track::Fold {
    let mut params = std::collections::BTreeMap::from([
        ("fold".to_string(), fold.fold.to_string()),
        ("training_rows".into(), fold.training_rows.to_string()),
    ]);
    let times = [("first_ts", &fold.from), ("last_ts", &fold.to)];
    params.extend(times.into_iter().filter_map(|(name, time)| Some((name.to_string(), time.clone()?))));
    params.extend(fold.tau.map(|tau| ("tau".to_string(), tau.to_string())));
    track::Fold { number: fold.fold as u64, params, metrics: values(&fold.metrics) }
}

/// Returns the run that evaluated a model now, with its metrics by split.
pub fn evaluation(model: &Artifact, splits: &[(&str, &Metrics)], start: DateTime<Utc>) -> Run {
    let end = Utc::now();
    // The rows themselves are not known here.
    let digest = |split: &str, metrics: &Metrics| {
        crate::text::fingerprint(&format!("{} {split} {} {}", model.sql, metrics.rows, metrics.positives))
    };
    let datasets = splits.iter().map(|(split, metrics)| dataset(model, split, metrics.rows, digest(split, metrics)));
    Run {
        run_id: format!("{}-{}-evaluated-{}", model.name, model.version, end.format(ID_TIME)),
        kind: Kind::Evaluation,
        metrics: splits.iter().map(|(split, metrics)| ((*split).to_string(), values(metrics))).collect(),
        datasets: datasets.collect(),
        started_at_ms: start.timestamp_millis(),
        ended_at_ms: end.timestamp_millis(),
        ..base(model)
    }
}

/// Returns what the artifact says of every run of its model.
fn base(model: &Artifact) -> Run {
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
    if let Some(validation) = &model.validation {
        let seconds = [("cv_purge_s", validation.purge_s), ("cv_embargo_s", validation.embargo_s)];
        params.extend(seconds.map(|(name, seconds)| (name.to_string(), seconds.to_string())));
        params.insert("cv".into(), validation.protocol.clone());
        params.insert("cv_window".into(), validation.window.clone());
        params.insert("variants_tried".into(), validation.variants.len().to_string());
    }
    params.extend(model.threshold.iter().map(|threshold| ("threshold".to_string(), threshold.to_string())));
    for (name, time) in [("training_from", &model.training.from), ("training_to", &model.training.to)] {
        params.extend(time.iter().map(|time| (name.to_string(), time.clone())));
    }
    Run {
        run_id: String::new(),
        kind: Kind::default(),
        model: model.name.clone(),
        version: model.version,
        started_at_ms: 0,
        ended_at_ms: 0,
        sql_fingerprint: crate::text::fingerprint(&model.sql),
        params,
        metrics: Default::default(),
        tags: track::tags(),
        datasets: Vec::new(),
        folds: Vec::new(),
        mlflow_run_id: None,
    }
}

fn values(metrics: &Metrics) -> std::collections::BTreeMap<String, f64> {
    let counts = [metrics.rows, metrics.positives].map(|count| Some(count as f64));
    let values = COUNTS.into_iter().zip(counts).chain(metrics.iter().map(|(metric, value)| (metric.name, value)));
    values.filter_map(|(name, value)| Some((name.to_string(), value?))).collect()
}

fn dataset(model: &Artifact, split: &str, rows: u64, digest: String) -> Dataset {
    let query = super::parse(&model.sql).and_then(|statement| statement.ok()).map(|statement| statement.query);
    Dataset {
        name: format!("{}_{split}", model.name),
        split: split.into(),
        digest,
        rows,
        sql: query.map_or_else(|| model.sql.clone(), |query| query.trim().to_string()),
        features: model.scorer.features().into_iter().map(str::to_string).collect(),
        label: model.label.clone(),
    }
}

/// Returns a digest of the rows of each split. It does not depend on the order of the rows, which a query may change.
pub fn digests(set: &TrainingSet) -> Vec<(Split, String)> {
    let names: Vec<&str> = set.features.iter().map(|(name, _)| name.as_str()).collect();
    let start = fnv1a(names.join("\n").as_bytes());
    let mut sums = Split::ALL.map(|split| (split, start));
    let columns: Vec<&[f64]> =
        set.features.iter().chain(&set.target).chain(&set.weights).map(|(_, column)| column.as_slice()).collect();
    let mut row_bytes = Vec::with_capacity(columns.len() * 8 + 1);
    for (row, (&label, split)) in set.labels.iter().zip(&set.splits).enumerate() {
        row_bytes.clear();
        row_bytes.push(u8::from(label));
        for column in &columns {
            row_bytes.extend_from_slice(&column[row].to_bits().to_le_bytes());
        }
        if let Some((_, sum)) = sums.iter_mut().find(|(known, _)| known == split) {
            *sum = sum.wrapping_add(fnv1a(&row_bytes));
        }
    }
    sums.map(|(split, sum)| (split, format!("{sum:016x}"))).into()
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}
