//! `pr_curve`, `roc_curve`, `calibration_curve`: lists of points; use unnest to make rows of them.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue, plan_err};

use super::collected::{Collected, Evaluate, Rows, bounded};
use super::label_score::{LABEL, PROBABILITY, SCORE};
use super::{Function, Implementation};
use crate::model::curve::{Point, precision_recall, roc, thin};
use crate::model::probability::{Binning, calibration};
use crate::model::ranking::Ranked;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

/// The default number of points of a curve; more than a drawing of 600 pixels can show.
const DEFAULT_POINTS: usize = 300;

/// The default number of bins of a calibration curve, as in scikit-learn.
const DEFAULT_BINS: usize = 5;

/// The most bins, so that a slip of the finger does not fill the memory.
pub const MOST_BINS: usize = 10_000;

/// The most points of a curve.
const MOST_POINTS: usize = 1_000_000;

const MAX_POINTS: Argument = Argument {
    name: "max_points",
    sql_type: "BIGINT",
    meaning: "the most points that are kept, both ends among them, spaced evenly along the line; 2 to 1000000; default 300",
    required: false,
};

/// The documentation of the number of bins.
pub const BINS: Argument = Argument {
    name: "bins",
    sql_type: "BIGINT",
    meaning: "the number of bins, constant; 1 to 10000; default 5",
    required: false,
};

const PR_CURVE: Documentation = Documentation {
    name: "pr_curve",
    kind: Kind::Aggregate,
    section: Section::Ranking,
    summary: "Returns the precision-recall curve by rising recall",
    arguments: &[LABEL, SCORE, MAX_POINTS],
    result: Outcome {
        sql_type: "LIST of STRUCT (threshold, recall, precision)",
        meaning: "DOUBLEs; recall and precision in [0, 1]; the threshold is NULL at the end (0, 1), where no row is called positive",
        when_null: "no row is positive, or a label or score is NaN; rows with a NULL do not count",
    },
    example: Example {
        query: "SELECT point['threshold'], point['recall'], point['precision'] FROM (SELECT unnest(pr_curve(label, score)) AS point FROM (VALUES (0, 0.1), (0, 0.4), (1, 0.35), (1, 0.8)) AS t (label, score))",
        output: "NULL | 0.0 | 1.0\n0.8 | 0.5 | 1.0\n0.4 | 0.5 | 0.5\n0.35 | 1.0 | 0.6666666666666666\n0.1 | 1.0 | 0.5",
    },
    source: "scikit-learn 1.9.1, precision_recall_curve, whose points run the other way",
};

const ROC_CURVE: Documentation = Documentation {
    name: "roc_curve",
    kind: Kind::Aggregate,
    section: Section::Ranking,
    summary: "Returns the ROC curve from (0, 0) to (1, 1)",
    arguments: &[LABEL, SCORE, MAX_POINTS],
    result: Outcome {
        sql_type: "LIST of STRUCT (threshold, false_positive_rate, true_positive_rate)",
        meaning: "DOUBLEs; the rates in [0, 1]; the threshold is NULL at the end (0, 0), where no row is called positive",
        when_null: "the rows are not of both classes, or a label or score is NaN; rows with a NULL do not count",
    },
    example: Example {
        query: "SELECT point['threshold'], point['false_positive_rate'], point['true_positive_rate'] FROM (SELECT unnest(roc_curve(label, score)) AS point FROM (VALUES (0, 0.1), (0, 0.4), (1, 0.35), (1, 0.8)) AS t (label, score))",
        output: "NULL | 0.0 | 0.0\n0.8 | 0.0 | 0.5\n0.4 | 0.5 | 0.5\n0.35 | 0.5 | 1.0\n0.1 | 1.0 | 1.0",
    },
    source: "scikit-learn 1.9.1, roc_curve with drop_intermediate = False",
};

const CALIBRATION_CURVE: Documentation = Documentation {
    name: "calibration_curve",
    kind: Kind::Aggregate,
    section: Section::Probability,
    summary: "Compares the scores with the share of positives, bin by bin",
    arguments: &[
        LABEL,
        PROBABILITY,
        BINS,
        Argument {
            name: "strategy",
            sql_type: "VARCHAR",
            meaning: "'uniform' for bins of equal width, 'quantile' for bins of about equally many rows; default 'uniform'",
            required: false,
        },
    ],
    result: Outcome {
        sql_type: "LIST of STRUCT (rows, mean_score, positive_rate)",
        meaning: "a BIGINT and two DOUBLEs in [0, 1] a bin that holds rows, by rising score",
        when_null: "the group has no rows, a label or score is NaN, or a score is outside [0, 1]; rows with a NULL do not count",
    },
    example: Example {
        query: "SELECT bin['rows'], bin['mean_score'], bin['positive_rate'] FROM (SELECT unnest(calibration_curve(label, score, 2)) AS bin FROM (VALUES (0, 0.125), (0, 0.25), (1, 0.5), (1, 0.75)) AS t (label, score))",
        output: "3 | 0.2916666666666667 | 0.3333333333333333\n1 | 0.75 | 1.0",
    },
    source: "scikit-learn 1.9.1, calibration_curve",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function {
        documentation: &PR_CURVE,
        implementation: |_| {
            curve(
                &PR_CURVE,
                || list_type(pr_fields()),
                |rows, constants| points(rows, constants, pr_fields(), precision_recall),
            )
        },
    },
    Function {
        documentation: &ROC_CURVE,
        implementation: |_| {
            curve(&ROC_CURVE, || list_type(roc_fields()), |rows, constants| points(rows, constants, roc_fields(), roc))
        },
    },
    Function {
        documentation: &CALIBRATION_CURVE,
        implementation: |_| curve(&CALIBRATION_CURVE, || list_type(bin_fields()), bins),
    },
];

fn curve(documentation: &'static Documentation, returns: fn() -> DataType, evaluate: Evaluate) -> Implementation {
    Collected { documentation, scores: 1, timed: false, returns, evaluate }.aggregate()
}

fn points(
    rows: &Rows,
    constants: &[ScalarValue],
    fields: Fields,
    curve: fn(&Ranked) -> Option<Vec<Point>>,
) -> Result<ScalarValue> {
    let max_points = bounded(constants.first(), MAX_POINTS.name, 2..=MOST_POINTS, DEFAULT_POINTS)?;
    let Some(points) = Ranked::new(&rows.labels, &rows.scores[0]).as_ref().and_then(curve) else {
        return ScalarValue::try_from(list_type(fields));
    };
    let points = thin(&points, max_points);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(points.iter().map(|point| point.threshold).collect::<Float64Array>()),
        Arc::new(Float64Array::from_iter_values(points.iter().map(|point| point.x))),
        Arc::new(Float64Array::from_iter_values(points.iter().map(|point| point.y))),
    ];
    list(fields, columns)
}

fn bins(rows: &Rows, constants: &[ScalarValue]) -> Result<ScalarValue> {
    let bins = bounded(constants.first(), BINS.name, 1..=MOST_BINS, DEFAULT_BINS)?;
    let binning = match constants.get(1).map(|constant| constant.try_as_str().flatten()) {
        None | Some(Some("uniform")) => Binning::Uniform,
        Some(Some("quantile")) => Binning::Quantile,
        Some(_) => return plan_err!("strategy must be 'uniform' or 'quantile', not {}", constants[1]),
    };
    let Some(bins) = calibration(&rows.labels, &rows.scores[0], bins, binning) else {
        return ScalarValue::try_from(list_type(bin_fields()));
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(bins.iter().map(|bin| bin.rows as i64))),
        Arc::new(Float64Array::from_iter_values(bins.iter().map(|bin| bin.mean_score))),
        Arc::new(Float64Array::from_iter_values(bins.iter().map(|bin| bin.positive_rate))),
    ];
    list(bin_fields(), columns)
}

fn pr_fields() -> Fields {
    numbers(["threshold", "recall", "precision"])
}

fn roc_fields() -> Fields {
    numbers(["threshold", "false_positive_rate", "true_positive_rate"])
}

fn numbers(names: [&str; 3]) -> Fields {
    names.iter().map(|name| Field::new(*name, DataType::Float64, true)).collect()
}

fn bin_fields() -> Fields {
    Fields::from(vec![
        Field::new("rows", DataType::Int64, true),
        Field::new("mean_score", DataType::Float64, true),
        Field::new("positive_rate", DataType::Float64, true),
    ])
}

fn list_type(fields: Fields) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Struct(fields), true)))
}

fn list(fields: Fields, columns: Vec<ArrayRef>) -> Result<ScalarValue> {
    let points = StructArray::try_new(fields, columns, None)?;
    Ok(SingleRowListArrayBuilder::new(Arc::new(points)).build_list_scalar())
}
