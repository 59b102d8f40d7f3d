//! `ml_pr_curve`, `ml_roc_curve`, `ml_confusion_matrix`, `ml_calibration`: how well a model does on a relation.
//!
//! Each function expands to a query that applies the aggregate of the same kind to `ml_predict`.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::arguments::{LABELLED, MODEL};
use super::query_function::{Call, query_function};
use crate::functions::Function;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};
use crate::text::identifier;

const MAX_POINTS: Argument = Argument {
    name: "max_points",
    sql_type: "BIGINT",
    meaning: "the most points that are kept; default 300",
    required: false,
};

const ML_PR_CURVE: Documentation = Documentation {
    name: "ml_pr_curve",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Returns a model's precision-recall curve on a relation by rising recall",
    arguments: &[MODEL, LABELLED, MAX_POINTS],
    result: Outcome {
        sql_type: "TABLE (threshold, recall, precision)",
        meaning: "DOUBLEs; as `pr_curve`",
        when_null: "threshold at the end (0, 1); no rows if no row is positive",
    },
    example: Example {
        query: "SELECT count(*) AS points, max(recall) AS recall FROM ml_pr_curve('calm_or_wild', 'weather', 10)",
        output: "10 | 1.0",
    },
    source: "squall, in the shape of BigQuery's ML.ROC_CURVE",
};

const ML_ROC_CURVE: Documentation = Documentation {
    name: "ml_roc_curve",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Returns a model's ROC curve on a relation from (0, 0) to (1, 1)",
    arguments: &[MODEL, LABELLED, MAX_POINTS],
    result: Outcome {
        sql_type: "TABLE (threshold, false_positive_rate, true_positive_rate)",
        meaning: "DOUBLEs; as `roc_curve`",
        when_null: "threshold at the end (0, 0); no rows unless both classes occur",
    },
    example: Example {
        query: "SELECT count(*) AS points, max(true_positive_rate) AS rate FROM ml_roc_curve('calm_or_wild', 'weather', 10)",
        output: "10 | 1.0",
    },
    source: "BigQuery's ML.ROC_CURVE",
};

const ML_CONFUSION_MATRIX: Documentation = Documentation {
    name: "ml_confusion_matrix",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Counts a model's right and wrong calls on a relation at the model's threshold",
    arguments: &[MODEL, LABELLED],
    result: Outcome {
        sql_type: "TABLE (threshold, true_positives, false_positives, false_negatives, true_negatives)",
        meaning: "one row: a DOUBLE and four BIGINTs",
        when_null: "the model has no threshold, or no row has a label and a score",
    },
    example: Example {
        query: "SELECT true_positives, false_positives, false_negatives, true_negatives FROM ml_confusion_matrix('calm_or_wild', 'weather')",
        output: "16 | 5 | 1 | 38",
    },
    source: "BigQuery's ML.CONFUSION_MATRIX, one row",
};

const ML_CALIBRATION: Documentation = Documentation {
    name: "ml_calibration",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Compares a model's scores on a relation with the share of positives, bin by bin of equal width",
    arguments: &[
        MODEL,
        LABELLED,
        Argument {
            name: "bins",
            sql_type: "BIGINT",
            meaning: "the number of bins; 1 to 10000; default 5",
            required: false,
        },
    ],
    result: Outcome {
        sql_type: "TABLE (rows, mean_score, positive_rate)",
        meaning: "as `calibration_curve`, by rising score",
        when_null: "never; no rows if a score is outside [0, 1]",
    },
    example: Example {
        query: "SELECT rows, round(mean_score, 3) AS mean_score, round(positive_rate, 3) AS positive_rate FROM ml_calibration('calm_or_wild', 'weather', 2)",
        output: "44 | 0.117 | 0.091\n16 | 0.739 | 0.813",
    },
    source: "scikit-learn 1.9.1, calibration_curve",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function {
        documentation: &ML_PR_CURVE,
        implementation: |host| {
            query_function(
                host,
                &ML_PR_CURVE,
                || numbers(["threshold", "recall", "precision"]),
                |call| points(call, "pr_curve", ["threshold", "recall", "precision"]),
            )
        },
    },
    Function {
        documentation: &ML_ROC_CURVE,
        implementation: |host| {
            let names = || numbers(["threshold", "false_positive_rate", "true_positive_rate"]);
            query_function(host, &ML_ROC_CURVE, names, |call| {
                points(call, "roc_curve", ["threshold", "false_positive_rate", "true_positive_rate"])
            })
        },
    },
    Function {
        documentation: &ML_CONFUSION_MATRIX,
        implementation: |host| query_function(host, &ML_CONFUSION_MATRIX, confusion_schema, confusion),
    },
    Function {
        documentation: &ML_CALIBRATION,
        implementation: |host| {
            query_function(host, &ML_CALIBRATION, calibration_schema, |call| {
                points(call, "calibration_curve", ["rows", "mean_score", "positive_rate"])
            })
        },
    },
];

fn numbers(names: [&str; 3]) -> SchemaRef {
    Arc::new(Schema::new(names.map(|name| Field::new(name, DataType::Float64, true)).to_vec()))
}

fn calibration_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("rows", DataType::Int64, true),
        Field::new("mean_score", DataType::Float64, true),
        Field::new("positive_rate", DataType::Float64, true),
    ]))
}

fn points(call: &Call, aggregate: &str, columns: [&str; 3]) -> String {
    let number = call.third.as_ref().map(|number| format!(", {number}")).unwrap_or_default();
    let columns = columns.map(|column| format!("point['{column}'] AS {}", identifier(column))).join(", ");
    format!("SELECT {columns} FROM (SELECT unnest({aggregate}(label, score{number})) AS point FROM {})", call.rows(""))
}

fn confusion_schema() -> SchemaRef {
    let counts = ["true_positives", "false_positives", "false_negatives", "true_negatives"];
    let mut fields = vec![Field::new("threshold", DataType::Float64, true)];
    fields.extend(counts.map(|count| Field::new(count, DataType::Int64, true)));
    Arc::new(Schema::new(fields))
}

fn confusion(call: &Call) -> String {
    let threshold = format!("CAST({} AS DOUBLE)", call.threshold());
    let counts = ["true_positives", "false_positives", "false_negatives", "true_negatives"];
    let counts = counts.map(|count| format!("counts['{count}'] AS {count}")).join(", ");
    let rows = call.rows("");
    format!(
        "SELECT {threshold} AS threshold, {counts} FROM (SELECT confusion_counts(label, score, {threshold}) AS counts FROM {rows})"
    )
}
