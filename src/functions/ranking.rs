//! `average_precision`, `roc_auc`, `best_f1_threshold`: how well scores rank.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};

use super::collected::{Collected, Evaluate, Rows};
use super::label_score::{LABEL, SCORE};
use super::{Function, Implementation};
use crate::model::ranking::Ranked;
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};

const AVERAGE_PRECISION: Documentation = Documentation {
    name: "average_precision",
    kind: Kind::Aggregate,
    section: Section::Ranking,
    summary: "Returns the area under the precision-recall curve, without interpolation",
    arguments: &[LABEL, SCORE],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "in [0, 1]; guessing gives the prevalence",
        when_null: "no row is positive, or a label or score is NaN; rows with a NULL do not count",
    },
    example: Example {
        query: "SELECT average_precision(label, score) FROM (VALUES (0, 0.1), (0, 0.4), (1, 0.35), (1, 0.8)) AS t (label, score)",
        output: "0.8333333333333333",
    },
    source: "scikit-learn 1.9.1, average_precision_score",
};

const ROC_AUC: Documentation = Documentation {
    name: "roc_auc",
    kind: Kind::Aggregate,
    section: Section::Ranking,
    summary: "Returns the probability that a positive row scores higher than a negative one, ties counting half",
    arguments: &[LABEL, SCORE],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "in [0, 1]; guessing gives 0.5",
        when_null: "the rows are not of both classes, or a label or score is NaN; rows with a NULL do not count",
    },
    example: Example {
        query: "SELECT roc_auc(label, score) FROM (VALUES (0, 0.1), (0, 0.4), (1, 0.35), (1, 0.8)) AS t (label, score)",
        output: "0.75",
    },
    source: "scikit-learn 1.9.1, roc_auc_score",
};

const BEST_F1_THRESHOLD: Documentation = Documentation {
    name: "best_f1_threshold",
    kind: Kind::Aggregate,
    section: Section::Threshold,
    summary: "Returns the score at which calling rows positive gives the highest F1, the highest such score where several do",
    arguments: &[LABEL, SCORE],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "one of the scores; tune it on validation rows, never on those it is judged by",
        when_null: "no row is positive, or a label or score is NaN; rows with a NULL do not count",
    },
    example: Example {
        query: "SELECT best_f1_threshold(label, score) FROM (VALUES (0, 0.1), (0, 0.4), (1, 0.35), (1, 0.8)) AS t (label, score)",
        output: "0.35",
    },
    source: "scikit-learn 1.9.1, the maximum of F1 over precision_recall_curve",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function {
        documentation: &AVERAGE_PRECISION,
        implementation: |_| number(&AVERAGE_PRECISION, |rows, _| of(rows, Ranked::average_precision)),
    },
    Function { documentation: &ROC_AUC, implementation: |_| number(&ROC_AUC, |rows, _| of(rows, Ranked::roc_auc)) },
    Function {
        documentation: &BEST_F1_THRESHOLD,
        implementation: |_| number(&BEST_F1_THRESHOLD, |rows, _| of(rows, Ranked::best_f1_threshold)),
    },
];

fn number(documentation: &'static Documentation, evaluate: Evaluate) -> Implementation {
    Collected { documentation, scores: 1, timed: false, returns: || DataType::Float64, evaluate }.aggregate()
}

fn of(rows: &Rows, metric: fn(&Ranked) -> Option<f64>) -> Result<ScalarValue> {
    Ok(ScalarValue::Float64(Ranked::new(&rows.labels, &rows.scores[0]).as_ref().and_then(metric)))
}
