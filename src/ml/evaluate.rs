//! `ml_evaluate`: a model's metrics.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::Result;

use super::arguments::{LABELLED, MODEL, load};
use super::query_function::Call;
use crate::functions::relation::texts;
use crate::functions::{Function, Implementation, Snapshot, binary_metrics};
use crate::model::{Artifact, Registry};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};
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
        Argument {
            name: "split_column",
            sql_type: "VARCHAR",
            meaning: "a column of the relation, constant: there is then one row for each of its values; rows in which it is NULL do not count",
            required: false,
        },
    ],
    result: Outcome {
        sql_type: "TABLE (model, version, role, split, rows, positives, one DOUBLE for each metric of ml_metrics(), reason)",
        meaning: "one row a split, or one for all rows of the relation that have a label and a score; role is 'naive' for the rule that every model has to beat, 'rule' for another rule, otherwise 'model'; metrics that need a threshold use the model's",
        when_null: "split where the relation has no split_column; a metric that is undefined, and reason says why",
    },
    example: Example {
        query: "SELECT split, rows, positives, round(average_precision, 3) AS average_precision FROM ml_evaluate('calm_or_wild')",
        output: "train | 60 | 17 | 0.915",
    },
    source: "BigQuery's ML.EVALUATE, with scikit-learn's definitions",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[Function {
    documentation: &ML_EVALUATE,
    implementation: |host| Implementation::Table(Arc::new(MlEvaluate(Arc::clone(&host.models)))),
}];

#[derive(Debug)]
struct MlEvaluate(Arc<Registry>);

impl TableFunctionImpl for MlEvaluate {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let arguments = texts(&ML_EVALUATE, args.exprs())?;
        let models = Arc::clone(&self.0);
        let name = arguments[0].clone();
        let third = arguments.get(2).cloned();
        let table = match arguments.get(1).cloned() {
            None => Snapshot::of_rows(schema(), move || recorded(&*load(&models, &name)?)),
            Some(relation) => Snapshot::of_sql(schema(), move || {
                let (relation, third) = (relation.clone(), third.clone());
                Ok(evaluation(&Call { model: load(&models, &name)?, relation, third }))
            }),
        };
        Ok(Arc::new(table))
    }
}

/// Returns the columns of `ml_evaluate`.
pub fn schema() -> SchemaRef {
    let mut fields: Vec<Field> =
        [("model", DataType::Utf8), ("version", DataType::Int64), ("role", DataType::Utf8), ("split", DataType::Utf8)]
            .map(|(name, data_type)| Field::new(name, data_type, true))
            .to_vec();
    fields.extend(binary_metrics::fields().iter().map(|field| field.as_ref().clone()));
    Arc::new(Schema::new(fields))
}

/// Returns the metrics that were recorded when the model was trained, one row per split.
pub fn recorded(model: &Artifact) -> Result<RecordBatch> {
    let splits = &model.metrics;
    let text = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; splits.len()])) };
    let mut columns: Vec<ArrayRef> = vec![
        text(&model.name),
        Arc::new(Int64Array::from(vec![model.version as i64; splits.len()])),
        text(model.model_type().role.as_str()),
        Arc::new(StringArray::from_iter_values(splits.iter().map(|metrics| metrics.split.as_str()))),
    ];
    columns.extend(binary_metrics::columns(&splits.iter().map(|split| &split.metrics).collect::<Vec<_>>()));
    Ok(RecordBatch::try_new(schema(), columns)?)
}

fn evaluation(call: &Call) -> String {
    let model = &call.model;
    let (name, version, role) = (literal(&model.name), model.version, literal(model.model_type().role.as_str()));
    let (threshold, probability) = (call.threshold(), model.probability);
    let fields = binary_metrics::fields();
    let metrics =
        fields.iter().map(|field| format!("metrics[{}] AS {}", literal(field.name()), identifier(field.name())));
    let metrics = metrics.collect::<Vec<_>>().join(", ");
    let (rows, split, group) = match &call.third {
        None => (call.rows(""), "NULL", String::new()),
        Some(column) => {
            let column = identifier(column);
            let rows = call.rows(&format!(", CAST({column} AS VARCHAR) AS split"));
            (rows, "split", " WHERE split IS NOT NULL GROUP BY split".to_string())
        }
    };
    format!(
        "SELECT {name} AS model, CAST({version} AS BIGINT) AS version, {role} AS role, split, {metrics}
        FROM (
            SELECT CAST({split} AS VARCHAR) AS split, binary_metrics(label, score, {threshold}, {probability}) AS metrics
            FROM {rows}{group}
        )"
    )
}
