//! `ml_models`, `ml_weights`: what is on disk, and what is in a model.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::Result;

use super::documentation::{Documentation, Example, Kind, Outcome, Section};
use super::model_arguments::{MODEL, external, load, texts};
use super::snapshot::Snapshot;
use super::{Function, Implementation};
use crate::model::{Artifact, Registry, Scorer};

const ML_MODELS: Documentation = Documentation {
    name: "ml_models",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Lists every version of every model",
    arguments: &[],
    result: Outcome {
        sql_type: "TABLE (model, version, latest, model_type, probability, threshold, label, features, created_at, training_rows, training_positives, training_from, training_to, squall_version, sql)",
        meaning: "one row a version; `probability` says whether scores are probabilities, `threshold` is tuned for F1 on validation rows, or the rule's own",
        when_null: "the threshold where no validation row is positive; the training times without a time_col",
    },
    example: Example {
        query: "SELECT model, version, latest, model_type, features FROM ml_models()",
        output: "calm_or_wild | 1 | true | logistic_reg | wind, pressure",
    },
    source: "squall",
};

const ML_WEIGHTS: Documentation = Documentation {
    name: "ml_weights",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Lists a model's features in their order, with the weights of a regression and its intercept",
    arguments: &[MODEL],
    result: Outcome {
        sql_type: "TABLE (model, version, feature, weight, mean, scale)",
        meaning: "weight is the log-odds that one standard deviation adds; mean and scale standardise the feature; the intercept is the row `__INTERCEPT__`",
        when_null: "mean and scale of the intercept; all three where the model is no regression",
    },
    example: Example {
        query: "SELECT feature, round(weight, 3) AS weight, round(mean, 3) AS mean FROM ml_weights('calm_or_wild')",
        output: "wind | 2.351 | 5.05\npressure | 0.102 | 1002.5\n__INTERCEPT__ | -1.863 | NULL",
    },
    source: "BigQuery's ML.WEIGHTS on standardised features",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function {
        documentation: &ML_MODELS,
        implementation: |models| Implementation::Table(Arc::new(MlModels(Arc::clone(models)))),
    },
    Function {
        documentation: &ML_WEIGHTS,
        implementation: |models| Implementation::Table(Arc::new(MlWeights(Arc::clone(models)))),
    },
];

#[derive(Debug)]
struct MlModels(Arc<Registry>);

impl TableFunctionImpl for MlModels {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        texts(&ML_MODELS, args.exprs())?;
        let models = Arc::clone(&self.0);
        // No model has the same columns as some.
        let schema = versions(&[])?.schema();
        let rows = move || {
            let mut all = Vec::new();
            for name in models.names().map_err(external)? {
                let numbers = models.versions(&name).map_err(external)?;
                for version in &numbers {
                    let latest = Some(version) == numbers.last();
                    all.push((load(&models, &format!("{name}@{version}"))?, latest));
                }
            }
            versions(&all)
        };
        Ok(Arc::new(Snapshot::of_rows(schema, rows)))
    }
}

fn versions(models: &[(Arc<Artifact>, bool)]) -> Result<RecordBatch> {
    let text = |cell: fn(&Artifact) -> Option<String>| -> ArrayRef {
        Arc::new(models.iter().map(|(model, _)| cell(model)).collect::<StringArray>())
    };
    let whole = |cell: fn(&Artifact) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(models.iter().map(|(model, _)| cell(model) as i64)))
    };
    let truth = |cells: Vec<bool>| -> ArrayRef { Arc::new(BooleanArray::from(cells)) };
    let thresholds: ArrayRef = Arc::new(models.iter().map(|(model, _)| model.threshold).collect::<Float64Array>());
    let columns = [
        ("model", text(|model| Some(model.name.clone()))),
        ("version", whole(|model| model.version)),
        ("latest", truth(models.iter().map(|(_, latest)| *latest).collect())),
        ("model_type", text(|model| Some(model.scorer.model_type().as_str().into()))),
        ("probability", truth(models.iter().map(|(model, _)| model.probability).collect())),
        ("threshold", thresholds),
        ("label", text(|model| Some(model.label.clone()))),
        ("features", text(|model| Some(model.scorer.features().join(", ")))),
        ("created_at", text(|model| Some(model.created_at.clone()))),
        ("training_rows", whole(|model| model.training.rows)),
        ("training_positives", whole(|model| model.training.positives)),
        ("training_from", text(|model| model.training.from.clone())),
        ("training_to", text(|model| model.training.to.clone())),
        ("squall_version", text(|model| Some(model.squall_version.clone()))),
        ("sql", text(|model| Some(model.sql.clone()))),
    ];
    Ok(RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))?)
}

#[derive(Debug)]
struct MlWeights(Arc<Registry>);

impl TableFunctionImpl for MlWeights {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let name = texts(&ML_WEIGHTS, args.exprs())?.remove(0);
        let models = Arc::clone(&self.0);
        Ok(Arc::new(Snapshot::of_rows(weights_schema(), move || weights(&*load(&models, &name)?))))
    }
}

fn weights_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("model", DataType::Utf8, true),
        Field::new("version", DataType::Int64, true),
        Field::new("feature", DataType::Utf8, true),
        Field::new("weight", DataType::Float64, true),
        Field::new("mean", DataType::Float64, true),
        Field::new("scale", DataType::Float64, true),
    ]))
}

/// A feature's weight, mean and scale, where it has them.
struct Weight<'a> {
    feature: &'a str,
    weight: Option<f64>,
    mean: Option<f64>,
    scale: Option<f64>,
}

fn weights(model: &Artifact) -> Result<RecordBatch> {
    let bare = |feature| Weight { feature, weight: None, mean: None, scale: None };
    let rows: Vec<Weight> = match &model.scorer {
        Scorer::LogisticReg { intercept, features } => {
            let terms = features.iter().map(|term| Weight {
                feature: &term.name,
                weight: Some(term.coefficient),
                mean: Some(term.mean),
                scale: Some(term.scale),
            });
            terms.chain([Weight { weight: Some(*intercept), ..bare("__INTERCEPT__") }]).collect()
        }
        Scorer::Naive { features } | Scorer::QuantileThreshold { features, .. } => vec![bare(&features[0].name)],
    };
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
    Ok(RecordBatch::try_new(weights_schema(), columns)?)
}
