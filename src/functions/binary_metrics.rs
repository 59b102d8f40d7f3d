//! `binary_metrics`: all metrics of the table [`METRICS`] at once.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, ScalarValue, plan_err};

use super::collected::{Collected, Rows, number};
use super::label_score::{LABEL, SCORE};
use super::{Function, Implementation};
use crate::model::metrics::{METRICS, Metrics, Sample};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

/// The documentation of the constant threshold.
pub const CONSTANT_THRESHOLD: Argument = Argument {
    name: "threshold",
    sql_type: "DOUBLE",
    meaning: "a row is called positive when its score is at least this; constant, NULL where there is none; default NULL",
    required: false,
};

/// The documentation of the constant that says whether scores are probabilities.
pub const IS_PROBABILITY: Argument = Argument {
    name: "probability",
    sql_type: "BOOLEAN",
    meaning: "whether the scores are probabilities; constant; default true",
    required: false,
};

const BINARY_METRICS: Documentation = Documentation {
    name: "binary_metrics",
    kind: Kind::Aggregate,
    section: Section::Models,
    summary: "Computes every metric of `ml_metrics()` of scores at once",
    arguments: &[LABEL, SCORE, CONSTANT_THRESHOLD, IS_PROBABILITY],
    result: Outcome {
        sql_type: "STRUCT (rows, positives, one DOUBLE for each metric, reason)",
        meaning: "rows and positives are BIGINT; the metrics are those of `ml_metrics()`; reason is a VARCHAR",
        when_null: "never; a metric in it is where it is undefined, and reason says why; rows with a NULL do not count",
    },
    example: Example {
        query: "SELECT m['rows'], m['average_precision'], m['recall'] FROM (SELECT binary_metrics(label, score, 0.5) AS m FROM (VALUES (0, 0.1), (0, 0.4), (1, 0.35), (1, 0.8)) AS t (label, score))",
        output: "4 | 0.8333333333333333 | 0.5",
    },
    source: "squall, with scikit-learn's definitions",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[Function { documentation: &BINARY_METRICS, implementation: |_| implementation() }];

fn implementation() -> Implementation {
    let returns = || DataType::Struct(fields());
    Collected { documentation: &BINARY_METRICS, scores: 1, timed: false, returns, evaluate }.aggregate()
}

/// Returns the columns of all metrics: `rows`, `positives`, the metrics, `reason`.
pub fn fields() -> Fields {
    let counts = ["rows", "positives"].map(|name| Field::new(name, DataType::Int64, true));
    let metrics = METRICS.iter().map(|metric| Field::new(metric.name, DataType::Float64, true));
    counts.into_iter().chain(metrics).chain([Field::new("reason", DataType::Utf8, true)]).collect()
}

/// Returns metrics as the columns of [`fields`], one row each.
pub fn columns(rows: &[&Metrics]) -> Vec<ArrayRef> {
    let counts: [fn(&Metrics) -> u64; 2] = [|metrics| metrics.rows, |metrics| metrics.positives];
    let mut columns: Vec<ArrayRef> = Vec::new();
    for count in counts {
        columns.push(Arc::new(Int64Array::from_iter_values(rows.iter().map(|metrics| count(metrics) as i64))));
    }
    for metric in METRICS {
        columns.push(Arc::new(rows.iter().map(|metrics| metrics.get(metric)).collect::<Float64Array>()));
    }
    columns.push(Arc::new(rows.iter().map(|metrics| metrics.reason.as_deref()).collect::<StringArray>()));
    columns
}

fn evaluate(rows: &Rows, constants: &[ScalarValue]) -> Result<ScalarValue> {
    let (threshold, probability) = (number(constants.first())?, is_probability(&BINARY_METRICS, constants.get(1))?);
    let metrics = Metrics::measure(&Sample::new(&rows.labels, &rows.scores[0], threshold, probability));
    Ok(ScalarValue::Struct(Arc::new(StructArray::try_new(fields(), columns(&[&metrics]), None)?)))
}

/// Reads the constant that says whether scores are probabilities; without it, they are.
pub fn is_probability(documentation: &Documentation, constant: Option<&ScalarValue>) -> Result<bool> {
    match constant {
        None | Some(ScalarValue::Boolean(Some(true))) => Ok(true),
        Some(ScalarValue::Boolean(Some(false))) => Ok(false),
        Some(other) => plan_err!("probability of {} must be true or false, not {other}", documentation.name),
    }
}
