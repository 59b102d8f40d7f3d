//! `calibration_intervals`: how far scores can be read as probabilities, with intervals by the moving-block bootstrap over time.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue};

use super::Function;
use super::collected::{Rows, bounded, structure, timed};
use super::curves::{BINS, MOST_BINS};
use super::intervals::{BLOCK_S, RESAMPLES, SEED, ends, refuse, settings};
use super::label_score::{LABEL, PROBABILITY, TIME};
use crate::model::bootstrap::{Calibration, CalibrationBin};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

/// The default number of bins.
const DEFAULT_BINS: usize = 10;

const CALIBRATION_INTERVALS: Documentation = Documentation {
    name: "calibration_intervals",
    kind: Kind::Aggregate,
    section: Section::Intervals,
    summary: "Compares the scores with the share of positives, bin by bin of equal width, with 95 % intervals by a moving-block bootstrap over time",
    arguments: &[
        LABEL,
        PROBABILITY,
        TIME,
        Argument { meaning: "the number of bins, constant; 1 to 10000; default 10", ..BINS },
        BLOCK_S,
        RESAMPLES,
        SEED,
    ],
    result: Outcome {
        sql_type: "STRUCT (error, error_low, error_high, bins LIST of STRUCT (rows, mean_score, positive_rate, low, high), resamples, reason)",
        meaning: "error is the expected calibration error, the mean distance between the score and the share of positives of its bin, DOUBLE in [0, 1]; it is above 0 even for perfect probabilities, the more so the fewer the rows. From its resamples is taken by how much they exceed it on average. bins are those of `calibration_curve` that hold rows, by rising score, and low and high are the interval of positive_rate. Neighbouring rows are not independent, so whole blocks of time are drawn",
        when_null: "never as a whole. error and bins are NULL without rows, or if a score is NaN or outside [0, 1]; the ends of intervals if the rows span less than two blocks of time, which reason says, and those of a bin that most resamples do not hold. Rows with a NULL do not count",
    },
    example: Example {
        query: "SELECT round(c['error'], 3), bin['rows'], bin['positive_rate'], bin['low'] < 0.5, bin['high'] > 0.5 FROM (SELECT c, unnest(c['bins']) AS bin FROM (SELECT calibration_intervals(value / 600 % 2 = 0, 0.25, to_timestamp(value)) AS c FROM generate_series(0, 14399)))",
        output: "0.25 | 14400 | 0.5 | true | true",
    },
    source: "scikit-learn 1.9.1, calibration_curve; Naeini et al. 2015, doi:10.1609/aaai.v29i1.9602; Künsch 1989, doi:10.1214/aos/1176347265",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[Function {
    documentation: &CALIBRATION_INTERVALS,
    implementation: |_| timed(&CALIBRATION_INTERVALS, 1, || DataType::Struct(fields()), evaluate),
}];

fn numbers(names: &[&str]) -> Vec<Field> {
    names.iter().map(|name| Field::new(*name, DataType::Float64, true)).collect()
}

fn bin_fields() -> Fields {
    let mut fields = vec![Field::new("rows", DataType::Int64, true)];
    fields.extend(numbers(&["mean_score", "positive_rate", "low", "high"]));
    Fields::from(fields)
}

fn bins_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Struct(bin_fields()), true)))
}

fn fields() -> Fields {
    let mut fields = numbers(&["error", "error_low", "error_high"]);
    fields.push(Field::new("bins", bins_type(), true));
    fields.push(Field::new("resamples", DataType::Int64, true));
    fields.push(Field::new("reason", DataType::Utf8, true));
    Fields::from(fields)
}

fn evaluate(rows: &Rows, constants: &[ScalarValue]) -> Result<ScalarValue> {
    let bins = bounded(constants.first(), BINS.name, 1..=MOST_BINS, DEFAULT_BINS)?;
    let settings = settings(constants.get(1..).unwrap_or_default())?;
    let Some(found) = Calibration::measure(&rows.labels, &rows.scores[0], &rows.times, bins, &settings) else {
        let reason = if rows.labels.is_empty() { "no rows" } else { "a score is not a probability" };
        let unknown = ScalarValue::Float64(None);
        let list = ScalarValue::try_from(bins_type())?;
        let none = ScalarValue::Int64(Some(0));
        return structure(fields(), vec![unknown.clone(), unknown.clone(), unknown, list, none, reason.into()]);
    };
    refuse(found.reason)?;
    let mut values = vec![ScalarValue::Float64(Some(found.error))];
    values.extend(ends(found.error_interval));
    values.push(list(&found.bins)?);
    values.push(ScalarValue::Int64(Some(found.resamples as i64)));
    values.push(ScalarValue::Utf8(found.reason.map(Into::into)));
    structure(fields(), values)
}

fn list(bins: &[CalibrationBin]) -> Result<ScalarValue> {
    let number = |cell: fn(&CalibrationBin) -> Option<f64>| -> ArrayRef {
        Arc::new(bins.iter().map(cell).collect::<Float64Array>())
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(bins.iter().map(|bin| bin.bin.rows as i64))),
        number(|bin| Some(bin.bin.mean_score)),
        number(|bin| Some(bin.bin.positive_rate)),
        number(|bin| Some(bin.interval?.low)),
        number(|bin| Some(bin.interval?.high)),
    ];
    let bins = StructArray::try_new(bin_fields(), columns, None)?;
    Ok(SingleRowListArrayBuilder::new(Arc::new(bins)).build_list_scalar())
}
