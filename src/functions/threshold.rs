//! `prevalence`, `confusion_counts`, `precision_at`, `recall_at`, `f1_at`: counts of right and wrong calls.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, ScalarValue};

use super::counted::Counted;
use super::label_score::{LABEL, SCORE, THRESHOLD};
use super::{Function, Implementation};
use crate::model::confusion::Confusion;
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};

const PREVALENCE: Documentation = Documentation {
    name: "prevalence",
    kind: Kind::Aggregate,
    section: Section::Ranking,
    summary: "Returns the share of positive rows, which is the average precision of guessing",
    arguments: &[LABEL],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "in [0, 1]",
        when_null: "there is no row, or a label is NaN; rows with a NULL do not count",
    },
    example: Example {
        query: "SELECT prevalence(label) FROM (VALUES (true), (false), (false), (NULL), (false)) AS t (label)",
        output: "0.25",
    },
    source: "squall",
};

const CONFUSION_COUNTS: Documentation = Documentation {
    name: "confusion_counts",
    kind: Kind::Aggregate,
    section: Section::Threshold,
    summary: "Counts right and wrong calls when rows that score at least the threshold are called positive",
    arguments: &[LABEL, SCORE, THRESHOLD],
    result: Outcome {
        sql_type: "STRUCT (true_positives, false_positives, false_negatives, true_negatives)",
        meaning: "four BIGINT counts of rows",
        when_null: "there is no row, or a label, score or threshold is NaN; rows with a NULL do not count",
    },
    example: Example {
        query: "SELECT confusion_counts(label, score, 0.5) FROM (VALUES (1, 0.9), (1, 0.5), (0, 0.7), (0, 0.1), (1, 0.2)) AS t (label, score)",
        output: "{true_positives: 2, false_positives: 1, false_negatives: 1, true_negatives: 1}",
    },
    source: "scikit-learn 1.9.1, confusion_matrix",
};

const PRECISION_AT: Documentation = Documentation {
    name: "precision_at",
    kind: Kind::Aggregate,
    section: Section::Threshold,
    summary: "Returns the share of positives among the rows that score at least the threshold",
    arguments: &[LABEL, SCORE, THRESHOLD],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "in [0, 1]",
        when_null: "no row scores at least the threshold, or a label, score or threshold is NaN; rows with a NULL do not count",
    },
    example: Example {
        query: "SELECT precision_at(label, score, 0.5) FROM (VALUES (1, 0.9), (1, 0.5), (0, 0.7), (0, 0.1), (1, 0.2)) AS t (label, score)",
        output: "0.6666666666666666",
    },
    source: "scikit-learn 1.9.1, precision_score, which answers 0 with a warning where this is NULL",
};

const RECALL_AT: Documentation = Documentation {
    name: "recall_at",
    kind: Kind::Aggregate,
    section: Section::Threshold,
    summary: "Returns the share of positives that score at least the threshold",
    arguments: &[LABEL, SCORE, THRESHOLD],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "in [0, 1]",
        when_null: "no row is positive, or a label, score or threshold is NaN; rows with a NULL do not count",
    },
    example: Example {
        query: "SELECT recall_at(label, score, 0.3) FROM (VALUES (1, 0.9), (1, 0.5), (0, 0.7), (0, 0.1), (1, 0.2)) AS t (label, score)",
        output: "0.6666666666666666",
    },
    source: "scikit-learn 1.9.1, recall_score, which answers 0 with a warning where this is NULL",
};

const F1_AT: Documentation = Documentation {
    name: "f1_at",
    kind: Kind::Aggregate,
    section: Section::Threshold,
    summary: "Returns the harmonic mean of precision and recall at the threshold",
    arguments: &[LABEL, SCORE, THRESHOLD],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "in [0, 1]",
        when_null: "no row is positive, or a label, score or threshold is NaN; rows with a NULL do not count",
    },
    example: Example {
        query: "SELECT f1_at(label, score, 0.6) FROM (VALUES (1, 0.9), (1, 0.5), (0, 0.7), (0, 0.1), (1, 0.2)) AS t (label, score)",
        output: "0.4",
    },
    source: "scikit-learn 1.9.1, f1_score, which answers 0 with a warning where this is NULL",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function { documentation: &PREVALENCE, implementation: |_| prevalence() },
    Function {
        documentation: &CONFUSION_COUNTS,
        implementation: |_| Counted { returns: confusion_type, ..at(&CONFUSION_COUNTS, confusion_scalar) }.aggregate(),
    },
    Function {
        documentation: &PRECISION_AT,
        implementation: |_| at(&PRECISION_AT, |counters| number(counters, Confusion::precision)).aggregate(),
    },
    Function {
        documentation: &RECALL_AT,
        implementation: |_| at(&RECALL_AT, |counters| number(counters, Confusion::recall)).aggregate(),
    },
    Function {
        documentation: &F1_AT,
        implementation: |_| at(&F1_AT, |counters| number(counters, Confusion::f1)).aggregate(),
    },
];

fn prevalence() -> Implementation {
    Counted {
        documentation: &PREVALENCE,
        // The counters: positives, negatives, and neither.
        counters: 3,
        add: |counters, label, _| match label {
            Some(true) => counters[0] += 1,
            Some(false) => counters[1] += 1,
            None => counters[2] += 1,
        },
        returns: || DataType::Float64,
        evaluate: |counters| {
            let rows = counters[0] + counters[1];
            let defined = rows > 0 && counters[2] == 0;
            Ok(ScalarValue::Float64(defined.then(|| counters[0] as f64 / rows as f64)))
        },
    }
    .aggregate()
}

/// Returns an aggregate over the four counts of a confusion matrix and the number of rows that belong to none of them.
fn at(documentation: &'static Documentation, evaluate: fn(&[i128]) -> Result<ScalarValue>) -> Counted {
    let add = |counters: &mut [i128], label: Option<bool>, values: &[f64]| match label {
        Some(label) if !values[0].is_nan() && !values[1].is_nan() => {
            counters[2 * usize::from(!label) + usize::from(values[0] < values[1])] += 1;
        }
        _ => counters[4] += 1,
    };
    Counted { documentation, counters: 5, add, returns: || DataType::Float64, evaluate }
}

fn confusion(counters: &[i128]) -> Option<Confusion> {
    (counters[4] == 0).then_some(Confusion {
        true_positives: counters[0] as u64,
        false_negatives: counters[1] as u64,
        false_positives: counters[2] as u64,
        true_negatives: counters[3] as u64,
    })
}

fn number(counters: &[i128], ratio: fn(&Confusion) -> Option<f64>) -> Result<ScalarValue> {
    Ok(ScalarValue::Float64(confusion(counters).as_ref().and_then(ratio)))
}

fn confusion_fields() -> Fields {
    let names = ["true_positives", "false_positives", "false_negatives", "true_negatives"];
    names.iter().map(|name| Field::new(*name, DataType::Int64, true)).collect()
}

fn confusion_type() -> DataType {
    DataType::Struct(confusion_fields())
}

fn confusion_scalar(counters: &[i128]) -> Result<ScalarValue> {
    let rows: i128 = counters.iter().sum();
    let Some(confusion) = confusion(counters).filter(|_| rows > 0) else {
        return ScalarValue::try_from(confusion_type());
    };
    let counts =
        [confusion.true_positives, confusion.false_positives, confusion.false_negatives, confusion.true_negatives];
    let columns = counts.iter().map(|&count| Arc::new(Int64Array::from(vec![count as i64])) as ArrayRef).collect();
    Ok(ScalarValue::Struct(Arc::new(StructArray::try_new(confusion_fields(), columns, None)?)))
}
