//! `ml_weights`: the features of a model and their weights.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::Result;

use super::arguments::{MODEL, load};
use crate::functions::relation::texts;
use crate::functions::{Function, Implementation, Snapshot};
use crate::model::types::Weight;
use crate::model::{Artifact, Registry};
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};

const ML_WEIGHTS: Documentation = Documentation {
    name: "ml_weights",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Lists a model's features in their order, with the weights of a regression and its intercept",
    arguments: &[MODEL],
    result: Outcome {
        sql_type: "TABLE (model, version, feature, weight, mean, scale)",
        meaning: "weight is what one standard deviation adds: to the log-odds of a logistic regression, to the transformed target of a linear one; mean and scale standardise the feature; the intercept is the row `__INTERCEPT__`",
        when_null: "mean and scale of the intercept; all three where the type of model has no weights",
    },
    example: Example {
        query: "SELECT feature, round(weight, 3) AS weight, round(mean, 3) AS mean FROM ml_weights('calm_or_wild')",
        output: "wind | 2.351 | 5.05\npressure | 0.102 | 1002.5\n__INTERCEPT__ | -1.863 | NULL",
    },
    source: "BigQuery's ML.WEIGHTS on standardised features",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[Function {
    documentation: &ML_WEIGHTS,
    implementation: |host| Implementation::Table(Arc::new(MlWeights(Arc::clone(&host.models)))),
}];

#[derive(Debug)]
struct MlWeights(Arc<Registry>);

impl TableFunctionImpl for MlWeights {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let name = texts(&ML_WEIGHTS, args.exprs())?.remove(0);
        let models = Arc::clone(&self.0);
        Ok(Arc::new(Snapshot::of_rows(schema(), move || weights(&*load(&models, &name)?))))
    }
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("model", DataType::Utf8, true),
        Field::new("version", DataType::Int64, true),
        Field::new("feature", DataType::Utf8, true),
        Field::new("weight", DataType::Float64, true),
        Field::new("mean", DataType::Float64, true),
        Field::new("scale", DataType::Float64, true),
    ]))
}

fn weights(model: &Artifact) -> Result<RecordBatch> {
    let rows = model.scorer.weights();
    let number =
        |cell: fn(&Weight) -> Option<f64>| -> ArrayRef { Arc::new(rows.iter().map(cell).collect::<Float64Array>()) };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![model.name.as_str(); rows.len()])),
        Arc::new(Int64Array::from(vec![model.version as i64; rows.len()])),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.feature))),
        number(|row| row.weight),
        number(|row| row.mean),
        number(|row| row.scale),
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}
