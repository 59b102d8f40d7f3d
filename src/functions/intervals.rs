//! `average_precision_interval`, `average_precision_gain`, `binary_metrics_intervals`: how sure metrics are, by the moving-block
//! bootstrap over time.

use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, ScalarValue, exec_err};

use super::Function;
use super::binary_metrics::{CONSTANT_THRESHOLD, IS_PROBABILITY, is_probability};
use super::collected::{Rows, bounded, number, structure, timed, whole};
use super::label_score::{LABEL, SCORE, TIME};
use crate::model::bootstrap::{AveragePrecisions, Interval, Intervals, Settings, TOO_LONG};
use crate::model::metrics::{METRICS, Metric, Sample};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

/// The most resamples, so that a slip of the finger does not fill the memory.
const MOST_RESAMPLES: usize = 100_000;
/// With fewer resamples, the ends of an interval are left to chance.
const LEAST_RESAMPLES: usize = 100;

/// The documentation of the length of a block.
pub const BLOCK_S: Argument = Argument {
    name: "block_s",
    sql_type: "BIGINT",
    meaning: "the length of a block in seconds, constant; it should be far longer than horizon and lookback, or the interval is too narrow; so long that the rows span at most 100000 blocks; default 600",
    required: false,
};

/// The documentation of the number of resamples.
pub const RESAMPLES: Argument = Argument {
    name: "resamples",
    sql_type: "BIGINT",
    meaning: "how many resamples are drawn, constant; 100 to 100000; default 1000",
    required: false,
};

/// The documentation of the seed of the draws.
pub const SEED: Argument = Argument {
    name: "seed",
    sql_type: "BIGINT",
    meaning: "the seed of the draws, constant; the same seed gives the same bits; default 0",
    required: false,
};

const AVERAGE_PRECISION_INTERVAL: Documentation = Documentation {
    name: "average_precision_interval",
    kind: Kind::Aggregate,
    section: Section::Intervals,
    summary: "Returns the average precision with its 95 % interval, by a moving-block bootstrap over time",
    arguments: &[LABEL, SCORE, TIME, BLOCK_S, RESAMPLES, SEED],
    result: Outcome {
        sql_type: "STRUCT (estimate, low, high, resamples, left_out, reason)",
        meaning: "estimate, low and high are DOUBLE in [0, 1]; resamples counts those with a positive row, left_out those without; reason is a VARCHAR. A block is a span of time with the rows of all products in it; pauses longer than a block are taken out",
        when_null: "never as a whole. estimate is NULL if no row is positive, or if a label or score is NaN. low and high are NULL then too, and also if the rows span less than two blocks of time, or if most resamples have no positive row. reason says why. Rows with a NULL do not count",
    },
    example: Example {
        query: "SELECT round(ap['estimate'], 3), ap['low'] < ap['estimate'], ap['estimate'] < ap['high'], ap['resamples'] FROM (SELECT average_precision_interval(value % 900 < 60, cos((value % 900) / 100.0), to_timestamp(value)) AS ap FROM generate_series(1, 14400))",
        output: "0.36 | true | true | 1000",
    },
    source: "Künsch 1989, doi:10.1214/aos/1176347265; percentiles as numpy.percentile",
};

const AVERAGE_PRECISION_GAIN: Documentation = Documentation {
    name: "average_precision_gain",
    kind: Kind::Aggregate,
    section: Section::Intervals,
    summary: "Returns how much higher the average precision of a score is than that of another one on the same rows, with the 95 % interval of the difference on the same resamples",
    arguments: &[
        LABEL,
        SCORE,
        Argument { name: "baseline_score", sql_type: "DOUBLE", meaning: "the score to beat", required: true },
        TIME,
        BLOCK_S,
        RESAMPLES,
        SEED,
    ],
    result: Outcome {
        sql_type: "STRUCT (estimate, low, high, share_better, score_low, score_high, resamples, left_out, reason)",
        meaning: "estimate, low and high are differences, DOUBLE in [-1, 1]; share_better is the share of resamples in which the score is better, DOUBLE in [0, 1]; score_low and score_high are the interval of the score's own average precision; otherwise as `average_precision_interval`",
        when_null: "as `average_precision_interval`; rows in which either score is NULL do not count",
    },
    example: Example {
        query: "SELECT round(gain['estimate'], 3), gain['low'] > 0, gain['share_better'] FROM (SELECT average_precision_gain(value % 900 < 60, cos((value % 900) / 100.0), sin(value / 160.0), to_timestamp(value)) AS gain FROM generate_series(1, 14400))",
        output: "0.307 | true | 1.0",
    },
    source: "Künsch 1989, doi:10.1214/aos/1176347265, with paired resamples",
};

const BINARY_METRICS_INTERVALS: Documentation = Documentation {
    name: "binary_metrics_intervals",
    kind: Kind::Aggregate,
    section: Section::Intervals,
    summary: "Computes the 95 % interval of every metric of `binary_metrics` at once, on the same resamples",
    arguments: &[LABEL, SCORE, TIME, CONSTANT_THRESHOLD, IS_PROBABILITY, BLOCK_S, RESAMPLES, SEED],
    result: Outcome {
        sql_type: "STRUCT (resamples, left_out, a low and a high for each metric that measures quality, reason)",
        meaning: "the ends of a metric's interval are the DOUBLEs `average_precision_low` and `average_precision_high`, and so on; resamples, left_out and reason as `average_precision_interval`",
        when_null: "never as a whole. The ends of an interval that is not known are NULL, and reason says why if none is known. Rows with a NULL do not count",
    },
    example: Example {
        query: "SELECT i['average_precision_low'] < 0.36, i['average_precision_high'] > 0.36, i['roc_auc_low'] < 0.93, i['roc_auc_high'] > 0.929, i['reason'] FROM (SELECT binary_metrics_intervals(value % 900 < 60, cos((value % 900) / 100.0), to_timestamp(value)) AS i FROM generate_series(1, 14400))",
        output: "true | true | true | true | NULL",
    },
    source: "Künsch 1989, doi:10.1214/aos/1176347265, with scikit-learn's definitions",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function {
        documentation: &AVERAGE_PRECISION_INTERVAL,
        implementation: |_| timed(&AVERAGE_PRECISION_INTERVAL, 1, || DataType::Struct(interval_fields()), interval),
    },
    Function {
        documentation: &AVERAGE_PRECISION_GAIN,
        implementation: |_| timed(&AVERAGE_PRECISION_GAIN, 2, || DataType::Struct(gain_fields()), gain),
    },
    Function {
        documentation: &BINARY_METRICS_INTERVALS,
        implementation: |_| timed(&BINARY_METRICS_INTERVALS, 1, || DataType::Struct(fields()), intervals),
    },
];

/// Reads block_s, resamples and seed, in this order.
pub fn settings(constants: &[ScalarValue]) -> Result<Settings> {
    let within = LEAST_RESAMPLES..=MOST_RESAMPLES;
    let resamples = bounded(constants.get(1), RESAMPLES.name, within, Settings::RESAMPLES)?;
    let within = 1..=Settings::LONGEST_BLOCK_S as usize;
    let block_s = bounded(constants.first(), BLOCK_S.name, within, Settings::BLOCK_S as usize)? as u64;
    Ok(Settings { block_s, resamples, seed: whole(constants.get(2), SEED.name, 0, 0)? as u64 })
}

fn columns(names: &[&str], data_type: &DataType) -> Vec<Field> {
    names.iter().map(|name| Field::new(*name, data_type.clone(), true)).collect()
}

fn interval_fields() -> Fields {
    let numbers = columns(&["estimate", "low", "high"], &DataType::Float64);
    numbers.into_iter().chain(about_resamples()).collect()
}

fn gain_fields() -> Fields {
    let numbers = columns(&["estimate", "low", "high", "share_better", "score_low", "score_high"], &DataType::Float64);
    numbers.into_iter().chain(about_resamples()).collect()
}

fn about_resamples() -> Vec<Field> {
    let mut fields = columns(&["resamples", "left_out"], &DataType::Int64);
    fields.extend(columns(&["reason"], &DataType::Utf8));
    fields
}

/// Returns the ends of an interval.
pub fn ends(interval: Option<Interval>) -> [ScalarValue; 2] {
    [interval.map(|interval| interval.low), interval.map(|interval| interval.high)].map(ScalarValue::Float64)
}

fn resampled(resamples: usize, left_out: usize, reason: Option<&str>) -> Result<[ScalarValue; 3]> {
    refuse(reason)?;
    let count = |count: usize| ScalarValue::Int64(Some(count as i64));
    Ok([count(resamples), count(left_out), ScalarValue::Utf8(reason.map(Into::into))])
}

/// Refuses a `block_s` that would cut the time into so many blocks that resamples fill the memory.
pub fn refuse(reason: Option<&str>) -> Result<()> {
    match reason {
        Some(TOO_LONG) => exec_err!("{TOO_LONG}"),
        _ => Ok(()),
    }
}

fn interval(rows: &Rows, constants: &[ScalarValue]) -> Result<ScalarValue> {
    let found = AveragePrecisions::new(&rows.labels, &[&rows.scores[0]], &rows.times, &settings(constants)?);
    let mut values = vec![ScalarValue::Float64(found.estimates[0])];
    values.extend(ends(found.interval(0)));
    values.extend(resampled(found.resamples, found.left_out, found.reason)?);
    structure(interval_fields(), values)
}

fn gain(rows: &Rows, constants: &[ScalarValue]) -> Result<ScalarValue> {
    let scores = [rows.scores[0].as_slice(), &rows.scores[1]];
    let found = AveragePrecisions::new(&rows.labels, &scores, &rows.times, &settings(constants)?);
    let gain = found.gain(0, 1);
    let mut values = vec![ScalarValue::Float64(gain.map(|gain| gain.estimate))];
    values.extend(ends(gain.and_then(|gain| gain.interval)));
    values.push(ScalarValue::Float64(gain.and_then(|gain| gain.share_better)));
    values.extend(ends(found.interval(0)));
    values.extend(resampled(found.resamples, found.left_out, found.reason)?);
    structure(gain_fields(), values)
}

fn intervals(rows: &Rows, constants: &[ScalarValue]) -> Result<ScalarValue> {
    let (threshold, rest) = (number(constants.first())?, constants.get(2..).unwrap_or_default());
    let probability = is_probability(&BINARY_METRICS_INTERVALS, constants.get(1))?;
    let sample = Sample::new(&rows.labels, &rows.scores[0], threshold, probability);
    let found = Intervals::measure(&sample, &rows.times, &settings(rest)?);
    let [resamples, left_out, reason] = resampled(found.resamples, found.left_out, found.reason)?;
    let mut values = vec![resamples, left_out];
    let measured = METRICS.iter().zip(&found.values).filter(|(metric, _)| metric.resampled.is_some());
    values.extend(measured.flat_map(|(_, interval)| ends(*interval)));
    values.push(reason);
    structure(fields(), values)
}

/// Returns the metrics that have an interval.
fn measured() -> impl Iterator<Item = &'static Metric> {
    METRICS.iter().copied().filter(|metric| metric.resampled.is_some())
}

/// Returns the columns of all intervals: `resamples`, `left_out`, the ends of the metrics' intervals, `reason`.
pub fn fields() -> Fields {
    let mut fields = columns(&["resamples", "left_out"], &DataType::Int64);
    for metric in measured() {
        let names = [format!("{}_low", metric.name), format!("{}_high", metric.name)];
        fields.extend(names.map(|name| Field::new(name, DataType::Float64, true)));
    }
    fields.push(Field::new("reason", DataType::Utf8, true));
    Fields::from(fields)
}
