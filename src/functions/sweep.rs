//! `threshold_sweep`: what each threshold would do; use unnest to make rows of the list.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue};

use super::Function;
use super::collected::{Rows, bounded, timed};
use super::episodes::{HORIZON_S, horizon_ns};
use super::label_score::{LABEL, SCORE, TIME};
use crate::model::episodes::Timeline;
use crate::model::ranking::Ranked;
use crate::model::sweep::{Point, sweep};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

/// The default number of thresholds.
const DEFAULT_POINTS: usize = 100;

/// The most thresholds: each takes a pass over the rows.
const MOST_POINTS: usize = 10_000;

/// The documentation of the number of thresholds.
pub const MAX_POINTS: Argument = Argument {
    name: "max_points",
    sql_type: "BIGINT",
    meaning: "the most thresholds, constant, from 2 to 10000; default 100",
    required: false,
};

const THRESHOLD_SWEEP: Documentation = Documentation {
    name: "threshold_sweep",
    kind: Kind::Aggregate,
    section: Section::Intervals,
    summary: "Returns what each threshold would do by row, by alert and by episode of one product, by falling threshold",
    arguments: &[LABEL, SCORE, TIME, HORIZON_S, MAX_POINTS],
    result: Outcome {
        sql_type: "LIST of STRUCT (threshold, alert_rows, precision, recall, f1, alerts, alerts_per_hour, false_alerts_per_hour, episodes, caught, caught_share, median_lead_s)",
        meaning: "thresholds are scores: all of them, or if there are more than max_points, some from the highest to the lowest, such that the number of rows that reach them grows by about equal factors. alert_rows counts rows that reach the threshold; precision, recall and f1 in [0, 1] are by row; alerts and episodes are as `episode_metrics` has them. Counts are BIGINT, the others DOUBLE",
        when_null: "the group is empty, or a label or score is NaN. Rows with a NULL are left out. Some columns are NULL more often: recall and f1 without a positive row, caught_share without an episode, median_lead_s without a caught one, figures an hour if the rows cover no time, and all figures of alerts and episodes if horizon_s is NULL",
    },
    example: Example {
        query: "SELECT round(point['threshold'], 2), point['alert_rows'], round(point['precision'], 2), point['alerts'], point['caught'] FROM (SELECT unnest(threshold_sweep(value % 900 < 60, cos((value % 900) / 100.0), to_timestamp(value), 60, 4)) AS point FROM generate_series(1, 3600))",
        output: "1.0 | 4 | 1.0 | 4 | 4\n1.0 | 40 | 0.4 | 9 | 5\n0.95 | 376 | 0.34 | 13 | 5\n-1.0 | 3600 | 0.07 | 60 | 5",
    },
    source: "squall",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[Function {
    documentation: &THRESHOLD_SWEEP,
    implementation: |_| timed(&THRESHOLD_SWEEP, 1, list_type, evaluate),
}];

/// Returns the columns of a threshold.
pub fn fields() -> Fields {
    let (number, count) = (DataType::Float64, DataType::Int64);
    let columns = [
        ("threshold", number.clone()),
        ("alert_rows", count.clone()),
        ("precision", number.clone()),
        ("recall", number.clone()),
        ("f1", number.clone()),
        ("alerts", count.clone()),
        ("alerts_per_hour", number.clone()),
        ("false_alerts_per_hour", number.clone()),
        ("episodes", count.clone()),
        ("caught", count),
        ("caught_share", number.clone()),
        ("median_lead_s", number),
    ];
    columns.into_iter().map(|(name, data_type)| Field::new(name, data_type, true)).collect()
}

fn list_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Struct(fields()), true)))
}

fn evaluate(rows: &Rows, constants: &[ScalarValue]) -> Result<ScalarValue> {
    let horizon = horizon_ns(constants.first())?;
    let max_points = bounded(constants.get(1), MAX_POINTS.name, 2..=MOST_POINTS, DEFAULT_POINTS)?;
    let (labels, scores) = (&rows.labels, &rows.scores[0]);
    // Figures by row need no horizon; those that do are NULL without one.
    let known = Ranked::new(labels, scores).zip(Timeline::new(labels, scores, &rows.times, horizon.unwrap_or(1)));
    let Some((ranked, timeline)) = known.filter(|_| !labels.is_empty() && !rows.nan_label) else {
        return ScalarValue::try_from(list_type());
    };
    let points = sweep(&ranked, &timeline, max_points);
    let number =
        |cell: fn(&Point) -> Option<f64>| -> ArrayRef { Arc::new(points.iter().map(cell).collect::<Float64Array>()) };
    let count = |cell: fn(&Point) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(points.iter().map(|point| cell(point) as i64)))
    };
    let figure = |cell: fn(&Point) -> Option<f64>| match horizon {
        Some(_) => number(cell),
        None => number(|_| None),
    };
    let events = |cell: fn(&Point) -> u64| -> ArrayRef {
        match horizon {
            Some(_) => count(cell),
            None => Arc::new(Int64Array::new_null(points.len())),
        }
    };
    let columns: Vec<ArrayRef> = vec![
        number(|point| Some(point.alerts.threshold)),
        count(|point| point.counts.true_positives + point.counts.false_positives),
        number(|point| point.counts.precision()),
        number(|point| point.counts.recall()),
        number(|point| point.counts.f1()),
        events(|point| point.alerts.alerts),
        figure(|point| point.alerts.per_hour(point.alerts.alerts)),
        figure(|point| point.alerts.per_hour(point.alerts.false_alerts)),
        events(|point| point.alerts.episodes),
        events(|point| point.alerts.caught),
        figure(|point| point.alerts.caught_share()),
        figure(|point| point.alerts.median_lead_s()),
    ];
    let points = StructArray::try_new(fields(), columns, None)?;
    Ok(SingleRowListArrayBuilder::new(Arc::new(points)).build_list_scalar())
}
