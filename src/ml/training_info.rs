//! `ml_training_info`: what the training of a model did.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::Result;
use serde_json::Value;

use super::arguments::{MODEL, load};
use super::judged::basis;
use crate::functions::relation::texts;
use crate::functions::{Function, Implementation, Snapshot};
use crate::model::metrics::AVERAGE_PRECISION;
use crate::model::{Artifact, Registry};
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};

const ML_TRAINING_INFO: Documentation = Documentation {
    name: "ml_training_info",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Lists what the training of a model did: its rows, its fit, its options, and what was done to the features",
    arguments: &[MODEL],
    result: Outcome {
        sql_type: "TABLE (model, version, part, name, fact, number, text)",
        meaning: "one row a fact; number is a DOUBLE, text a VARCHAR, and a fact has one of them. part 'split': rows, positives and the first and last time (RFC 3339) of each split, by name; 'skipped': rows left out, by the reason; 'fit': iterations, loss (the objective at the end, with its penalty), converged (1 or 0), seconds (reading the rows and training); 'validation' and 'fold': what the folds said, if the model has any; 'option': the value of each option; 'column': the columns that are not features, by the option that names them; 'preparation': standardisation, imputation and encoding in words; 'feature': mean and scale of each feature; 'input': the number of categories of each text; 'product': training rows and times of each product; 'label' and 'query': horizon and fingerprint of the project's queries behind the rows; 'constant': each id column with a single value; 'source': squall_version, git_commit and created_at. BigQuery's ML.TRAINING_INFO has one row an iteration; these models keep their last iteration only",
        when_null: "name where a part has one fact of a kind only; number or text, whichever the fact does not have. A fact that is not known, such as the iterations of a fit that has none, has no row",
    },
    example: Example {
        query: "SELECT part, name, fact, number FROM ml_training_info('calm_or_wild') WHERE part IN ('split', 'option')",
        output: "split | train | rows | 60.0\nsplit | train | positives | 17.0\noption | l2_reg | value | 1.0\noption | class_weight | value | 1.0\noption | max_iterations | value | 1000.0",
    },
    source: "squall; BigQuery's ML.TRAINING_INFO has another shape",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[Function {
    documentation: &ML_TRAINING_INFO,
    implementation: |host| Implementation::Table(Arc::new(MlTrainingInfo(Arc::clone(&host.models)))),
}];

#[derive(Debug)]
struct MlTrainingInfo(Arc<Registry>);

impl TableFunctionImpl for MlTrainingInfo {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let name = texts(&ML_TRAINING_INFO, args.exprs())?.remove(0);
        let models = Arc::clone(&self.0);
        Ok(Arc::new(Snapshot::of_rows(schema(), move || rows(&*load(&models, &name)?))))
    }
}

fn schema() -> SchemaRef {
    let columns = [
        ("model", DataType::Utf8),
        ("version", DataType::Int64),
        ("part", DataType::Utf8),
        ("name", DataType::Utf8),
        ("fact", DataType::Utf8),
        ("number", DataType::Float64),
        ("text", DataType::Utf8),
    ];
    Arc::new(Schema::new(columns.map(|(name, data_type)| Field::new(name, data_type, true)).to_vec()))
}

/// What training did, one fact after the other.
#[derive(Default)]
struct Facts(Vec<Fact>);

struct Fact {
    part: &'static str,
    name: Option<String>,
    fact: &'static str,
    number: Option<f64>,
    text: Option<String>,
}

impl Facts {
    fn number(&mut self, part: &'static str, name: Option<&str>, fact: &'static str, number: Option<f64>) {
        if number.is_some() {
            self.0.push(Fact { part, name: name.map(Into::into), fact, number, text: None });
        }
    }

    fn text(&mut self, part: &'static str, name: Option<&str>, fact: &'static str, text: Option<&str>) {
        if text.is_some() {
            self.0.push(Fact { part, name: name.map(Into::into), fact, number: None, text: text.map(Into::into) });
        }
    }

    fn value(&mut self, part: &'static str, name: &str, value: &Value) {
        match value {
            Value::Number(number) => self.number(part, Some(name), "value", number.as_f64()),
            Value::Bool(truth) => self.number(part, Some(name), "value", Some(f64::from(u8::from(*truth)))),
            Value::String(text) => self.text(part, Some(name), "value", Some(text)),
            other => self.text(part, Some(name), "value", Some(&other.to_string())),
        }
    }
}

fn facts(model: &Artifact) -> Vec<Fact> {
    let mut facts = Facts::default();
    let (basis, training) = (basis(model), &model.training);
    for split in &model.metrics {
        let name = split.split.as_str();
        // The metrics count rows with a score only.
        let stretch = basis.splits.iter().find(|stretch| stretch.name == name);
        let rows = stretch.map_or(split.metrics.rows, |stretch| stretch.rows);
        facts.number("split", Some(name), "rows", Some(rows as f64));
        facts.number("split", Some(name), "positives", Some(split.metrics.positives as f64));
        facts.text("split", Some(name), "from", stretch.and_then(|stretch| stretch.from.as_deref()));
        facts.text("split", Some(name), "to", stretch.and_then(|stretch| stretch.to.as_deref()));
    }
    facts.number("skipped", None, "rows", Some(training.skipped as f64));
    for (reason, rows) in &training.skipped_because {
        facts.number("skipped", Some(reason), "rows", Some(*rows as f64));
    }
    let fit = training.fit.unwrap_or_default();
    facts.number("fit", None, "iterations", fit.iterations.map(|iterations| iterations as f64));
    facts.number("fit", None, "loss", fit.loss);
    facts.number("fit", None, "converged", fit.converged.map(|converged| f64::from(u8::from(converged))));
    facts.number("fit", None, "seconds", training.seconds);
    if let Some(validation) = &model.validation {
        facts.text("validation", None, "protocol", Some(&validation.protocol));
        facts.number("validation", None, "variants", Some(validation.variants.len() as f64));
        for (metric, value) in validation.metrics.iter() {
            facts.number("validation", None, metric.name, value);
        }
        for fold in &validation.folds {
            let name = fold.fold.to_string();
            facts.text("fold", Some(&name), "from", fold.from.as_deref());
            facts.text("fold", Some(&name), "to", fold.to.as_deref());
            facts.number("fold", Some(&name), "training_rows", Some(fold.training_rows as f64));
            facts.number("fold", Some(&name), "rows", Some(fold.metrics.rows as f64));
            facts.number("fold", Some(&name), "average_precision", fold.metrics.get(&AVERAGE_PRECISION));
        }
    }
    for (name, value) in &model.options {
        facts.value("option", name, value);
    }
    let statement = super::parse(&model.sql).and_then(|statement| statement.ok());
    for named in statement.iter().flat_map(|statement| statement.columns.all()) {
        facts.text("column", Some(named.option), "name", Some(named.column));
    }
    if let Some(preparation) = &model.preparation {
        facts.text("preparation", None, "standardisation", Some(&preparation.standardisation));
        facts.text("preparation", None, "imputation", Some(&preparation.imputation));
        facts.text("preparation", None, "encoding", Some(&preparation.encoding));
    }
    for weight in model.scorer.weights() {
        facts.number("feature", Some(weight.feature), "mean", weight.mean);
        facts.number("feature", Some(weight.feature), "scale", weight.scale);
    }
    for input in model.inputs().iter() {
        let categories = input.categories.as_ref().map(|categories| categories.len() as f64);
        facts.number("input", Some(&input.name), "categories", categories);
    }
    for product in &basis.products {
        facts.number("product", Some(&product.name), "rows", Some(product.rows as f64));
        facts.text("product", Some(&product.name), "from", product.from.as_deref());
        facts.text("product", Some(&product.name), "to", product.to.as_deref());
    }
    for label in &basis.labels {
        facts.text("label", Some(&label.name), "horizon", Some(&label.horizon));
        facts.text("label", Some(&label.name), "fingerprint", Some(&label.fingerprint));
    }
    for (name, fingerprint) in &basis.queries {
        facts.text("query", Some(name), "fingerprint", Some(fingerprint));
    }
    for (name, value) in &training.constants {
        facts.value("constant", name, value);
    }
    facts.text("source", None, "squall_version", Some(&model.squall_version));
    facts.text("source", None, "git_commit", model.git_commit.as_deref());
    facts.text("source", None, "created_at", Some(&model.created_at));
    facts.0
}

fn rows(model: &Artifact) -> Result<RecordBatch> {
    let facts = facts(model);
    let text =
        |cell: fn(&Fact) -> Option<&str>| -> ArrayRef { Arc::new(facts.iter().map(cell).collect::<StringArray>()) };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![model.name.as_str(); facts.len()])),
        Arc::new(Int64Array::from(vec![model.version as i64; facts.len()])),
        text(|fact| Some(fact.part)),
        text(|fact| fact.name.as_deref()),
        text(|fact| Some(fact.fact)),
        Arc::new(facts.iter().map(|fact| fact.number).collect::<Float64Array>()),
        text(|fact| fact.text.as_deref()),
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}
