//! `ml_evaluate`, `ml_pr_curve`, `ml_roc_curve`, `ml_confusion_matrix`, `ml_calibration`: how a model does on a relation.
//!
//! All but the recorded evaluation are short for a query with the aggregates of the same kind over `ml_predict`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::Result;

use super::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};
use super::model_arguments::{LABELLED, MODEL, load, query, texts};
use super::snapshot::Snapshot;
use super::{Function, Implementation};
use crate::model::{Artifact, Metrics, Registry};
use crate::text::{identifier, literal};

const ML_EVALUATE: Documentation = Documentation {
    name: "ml_evaluate",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Returns a model's metrics: those recorded for each split when it was trained, or those on a relation",
    arguments: &[
        MODEL,
        Argument {
            meaning: "the name of a table or view, or a query, constant, with the model's features and label; without it, the metrics recorded at training",
            required: false,
            ..LABELLED
        },
    ],
    result: Outcome {
        sql_type: "TABLE (model, version, split, rows, positives, prevalence, average_precision, roc_auc, log_loss, brier, threshold, precision, recall, f1, reason)",
        meaning: "one row a split, or one of the relation's rows that have a label and a score; precision, recall and f1 at the model's threshold; log_loss in nats",
        when_null: "split of a relation; a metric that is undefined, and reason says why",
    },
    example: Example {
        query: "SELECT split, rows, positives, round(average_precision, 3) AS average_precision FROM ml_evaluate('calm_or_wild')",
        output: "train | 60 | 17 | 0.915",
    },
    source: "BigQuery's ML.EVALUATE, with scikit-learn's definitions",
};

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
    source: "squall, beside BigQuery's ML.ROC_CURVE",
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
        Argument { name: "bins", sql_type: "BIGINT", meaning: "the number of bins; default 5", required: false },
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
        documentation: &ML_EVALUATE,
        implementation: |models| Implementation::Table(Arc::new(MlEvaluate(Arc::clone(models)))),
    },
    Function {
        documentation: &ML_PR_CURVE,
        implementation: |models| {
            query_function(
                models,
                &ML_PR_CURVE,
                || numbers(["threshold", "recall", "precision"]),
                |call| points(call, "pr_curve", ["threshold", "recall", "precision"]),
            )
        },
    },
    Function {
        documentation: &ML_ROC_CURVE,
        implementation: |models| {
            let names = || numbers(["threshold", "false_positive_rate", "true_positive_rate"]);
            query_function(models, &ML_ROC_CURVE, names, |call| {
                points(call, "roc_curve", ["threshold", "false_positive_rate", "true_positive_rate"])
            })
        },
    },
    Function {
        documentation: &ML_CONFUSION_MATRIX,
        implementation: |models| query_function(models, &ML_CONFUSION_MATRIX, confusion_schema, confusion),
    },
    Function {
        documentation: &ML_CALIBRATION,
        implementation: |models| {
            query_function(models, &ML_CALIBRATION, calibration_schema, |call| {
                points(call, "calibration_curve", ["rows", "mean_score", "positive_rate"])
            })
        },
    },
];

/// The columns of an evaluation, in the order of `spike_metrics` but for the version.
pub fn metrics_schema() -> SchemaRef {
    let number = |name| Field::new(name, DataType::Float64, true);
    Arc::new(Schema::new(vec![
        Field::new("model", DataType::Utf8, true),
        Field::new("version", DataType::Int64, true),
        Field::new("split", DataType::Utf8, true),
        Field::new("rows", DataType::Int64, true),
        Field::new("positives", DataType::Int64, true),
        number("prevalence"),
        number("average_precision"),
        number("roc_auc"),
        number("log_loss"),
        number("brier"),
        number("threshold"),
        number("precision"),
        number("recall"),
        number("f1"),
        Field::new("reason", DataType::Utf8, true),
    ]))
}

/// Returns evaluations as rows of [`metrics_schema`].
pub fn metrics_rows(model: &Artifact) -> Result<RecordBatch> {
    let metrics = &model.metrics;
    let whole = |cell: fn(&Metrics) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(metrics.iter().map(|metrics| cell(metrics) as i64)))
    };
    let number = |cell: fn(&Metrics) -> Option<f64>| -> ArrayRef {
        Arc::new(metrics.iter().map(cell).collect::<Float64Array>())
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![model.name.as_str(); metrics.len()])),
        Arc::new(Int64Array::from(vec![model.version as i64; metrics.len()])),
        Arc::new(StringArray::from_iter_values(metrics.iter().map(|metrics| metrics.split.as_str()))),
        whole(|metrics| metrics.rows),
        whole(|metrics| metrics.positives),
        number(|metrics| metrics.prevalence),
        number(|metrics| metrics.average_precision),
        number(|metrics| metrics.roc_auc),
        number(|metrics| metrics.log_loss),
        number(|metrics| metrics.brier),
        number(|metrics| metrics.threshold),
        number(|metrics| metrics.precision),
        number(|metrics| metrics.recall),
        number(|metrics| metrics.f1),
        Arc::new(metrics.iter().map(|metrics| metrics.reason.as_deref()).collect::<StringArray>()),
    ];
    Ok(RecordBatch::try_new(metrics_schema(), columns)?)
}

#[derive(Debug)]
struct MlEvaluate(Arc<Registry>);

impl TableFunctionImpl for MlEvaluate {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let arguments = texts(&ML_EVALUATE, args.exprs())?;
        let models = Arc::clone(&self.0);
        let name = arguments[0].clone();
        let table = match arguments.get(1).cloned() {
            None => Snapshot::of_rows(metrics_schema(), move || metrics_rows(&*load(&models, &name)?)),
            Some(relation) => Snapshot::of_sql(metrics_schema(), move || {
                Ok(evaluation(&Call { model: load(&models, &name)?, relation: relation.clone(), number: None }))
            }),
        };
        Ok(Arc::new(table))
    }
}

/// One call of a function that is short for a query.
struct Call {
    model: Arc<Artifact>,
    relation: String,
    /// The third argument.
    number: Option<String>,
}

impl Call {
    /// The scored rows that have a label and a score.
    fn rows(&self) -> String {
        let model = literal(&format!("{}@{}", self.model.name, self.model.version));
        let label = identifier(&self.model.label);
        let relation = literal(&query(&self.relation));
        format!(
            "(SELECT {label} AS label, score FROM ml_predict({model}, {relation}) WHERE {label} IS NOT NULL AND score IS NOT NULL)"
        )
    }
}

struct QueryFunction {
    models: Arc<Registry>,
    documentation: &'static Documentation,
    schema: fn() -> SchemaRef,
    sql: fn(&Call) -> String,
}

impl std::fmt::Debug for QueryFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.documentation.name)
    }
}

fn query_function(
    models: &Arc<Registry>,
    documentation: &'static Documentation,
    schema: fn() -> SchemaRef,
    sql: fn(&Call) -> String,
) -> Implementation {
    Implementation::Table(Arc::new(QueryFunction { models: Arc::clone(models), documentation, schema, sql }))
}

impl TableFunctionImpl for QueryFunction {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let arguments = texts(self.documentation, args.exprs())?;
        let (models, sql) = (Arc::clone(&self.models), self.sql);
        let expand = move || {
            let model = load(&models, &arguments[0])?;
            Ok(sql(&Call { model, relation: arguments[1].clone(), number: arguments.get(2).cloned() }))
        };
        Ok(Arc::new(Snapshot::of_sql((self.schema)(), expand)))
    }
}

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
    let number = call.number.as_ref().map(|number| format!(", {number}")).unwrap_or_default();
    let columns = columns.map(|column| format!("point['{column}'] AS {}", identifier(column))).join(", ");
    format!("SELECT {columns} FROM (SELECT unnest({aggregate}(label, score{number})) AS point FROM {})", call.rows())
}

fn confusion_schema() -> SchemaRef {
    let counts = ["true_positives", "false_positives", "false_negatives", "true_negatives"];
    let mut fields = vec![Field::new("threshold", DataType::Float64, true)];
    fields.extend(counts.map(|count| Field::new(count, DataType::Int64, true)));
    Arc::new(Schema::new(fields))
}

fn confusion(call: &Call) -> String {
    let threshold = threshold(&call.model);
    let counts = ["true_positives", "false_positives", "false_negatives", "true_negatives"];
    let counts = counts.map(|count| format!("counts['{count}'] AS {count}")).join(", ");
    let rows = call.rows();
    format!(
        "SELECT {threshold} AS threshold, {counts} FROM (SELECT confusion_counts(label, score, {threshold}) AS counts FROM {rows})"
    )
}

fn threshold(model: &Artifact) -> String {
    // `{:?}` writes the shortest digits that read back as the same number.
    let threshold = model.threshold.map_or("NULL".to_string(), |threshold| format!("{threshold:?}"));
    format!("CAST({threshold} AS DOUBLE)")
}

fn evaluation(call: &Call) -> String {
    let (model, rows, threshold) = (&call.model, call.rows(), threshold(&call.model));
    let (name, version, probability) = (literal(&model.name), model.version, model.probability);
    format!(
        "SELECT {name} AS model, CAST({version} AS BIGINT) AS version, CAST(NULL AS VARCHAR) AS split,
            rows, positives, prevalence, average_precision, roc_auc,
            CASE WHEN positives > 0 AND {probability} THEN log_loss END AS log_loss,
            CASE WHEN positives > 0 AND {probability} THEN brier END AS brier,
            threshold,
            CASE WHEN positives > 0 THEN \"precision\" END AS \"precision\",
            recall, f1,
            CASE WHEN rows = 0 THEN 'no rows'
                WHEN positives = 0 THEN 'no row is positive'
                WHEN positives = rows THEN 'every row is positive'
                WHEN threshold IS NULL THEN 'no threshold: no validation row is positive'
                WHEN NOT {probability} THEN 'the score is no probability'
                WHEN \"precision\" IS NULL THEN 'no row reaches the threshold' END AS reason
        FROM (
            SELECT count(*) AS rows, count(*) FILTER (WHERE CAST(label AS DOUBLE) <> 0) AS positives,
                prevalence(label) AS prevalence, average_precision(label, score) AS average_precision,
                roc_auc(label, score) AS roc_auc, log_loss(label, score) AS log_loss, brier_score(label, score) AS brier,
                {threshold} AS threshold, precision_at(label, score, {threshold}) AS \"precision\",
                recall_at(label, score, {threshold}) AS recall, f1_at(label, score, {threshold}) AS f1
            FROM {rows}
        )"
    )
}
