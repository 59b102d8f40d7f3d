//! `ml_models`: the models on disk.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::Result;

use super::arguments::{RELATION, external};
use super::fitting::{learned, levels};
use super::judged::basis;
use crate::functions::relation::{block_on, texts};
use crate::functions::{Function, Implementation, Snapshot, session_state};
use crate::model::{Artifact, Registry};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

const ML_MODELS: Documentation = Documentation {
    name: "ml_models",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Lists every version of every model, or of those that learned from a relation",
    arguments: &[Argument {
        meaning: "the name of a table or view, or a query, constant: only models whose training query reads only tables that it reads, itself or through views, and those that cannot be read, are listed",
        required: false,
        ..RELATION
    }],
    result: Outcome {
        sql_type: "TABLE (model, version, latest, aliases, model_type, role, probability, threshold, label, features, created_at, training_rows, training_positives, training_from, training_to, products, horizon, tau, squall_version, sql, problem)",
        meaning: "one row a version; aliases are names of the version, such as champion; role is 'naive' for the rule that every model has to beat, 'rule' for another rule, otherwise 'model'; probability says whether scores are probabilities; the threshold is tuned for F1 on validation rows, or part of the rule; products, horizon and tau are those of the training rows; problem says why a version cannot be read, or what is wrong with an alias",
        when_null: "aliases where there are none; the threshold where no validation row is positive; the training times without a time_col; products, horizon and tau where the training does not show them; problem of a version that can be read; all else but model, version and latest of one that cannot",
    },
    example: Example {
        query: "SELECT model, version, latest, model_type, features FROM ml_models()",
        output: "calm_or_wild | 1 | true | logistic_reg | wind, pressure",
    },
    source: "squall",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[Function {
    documentation: &ML_MODELS,
    implementation: |host| Implementation::Table(Arc::new(MlModels(Arc::clone(&host.models)))),
}];

#[derive(Debug)]
struct MlModels(Arc<Registry>);

impl TableFunctionImpl for MlModels {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let relation = texts(&ML_MODELS, args.exprs())?.pop();
        let state = session_state(args.session())?;
        let levels = relation.map(|relation| block_on(|| async { Ok(levels(state, &relation).await) }, &relation));
        let levels = levels.transpose()?;
        let models = Arc::clone(&self.0);
        // The columns do not depend on the models.
        let schema = rows(&[])?.schema();
        Ok(Arc::new(Snapshot::of_rows(schema, move || {
            let mut versions = versions(&models)?;
            if let Some(levels) = &levels {
                let learned =
                    |version: &Version, read| version.artifact.as_ref().is_ok_and(|model| learned(model, read));
                let read = levels.iter().find(|read| versions.iter().any(|version| learned(version, read)));
                versions.retain(|version| version.artifact.is_err() || read.is_some_and(|read| learned(version, read)));
            }
            rows(&versions)
        })))
    }
}

/// A version on disk.
struct Version {
    model: String,
    /// `None` if the versions cannot be listed.
    version: Option<u64>,
    latest: bool,
    aliases: String,
    /// What is wrong with the model's aliases; of the latest version only.
    problem_of_aliases: Option<String>,
    /// The artifact, or why it cannot be read. A version that cannot be read must not hide the others.
    artifact: std::result::Result<Artifact, String>,
}

impl Version {
    fn problem(&self) -> Option<&str> {
        self.artifact.as_ref().err().or(self.problem_of_aliases.as_ref()).map(String::as_str)
    }
}

fn versions(models: &Registry) -> Result<Vec<Version>> {
    let mut all = Vec::new();
    for model in models.names().map_err(external)? {
        let numbers = match models.versions(&model) {
            Ok(numbers) => numbers,
            Err(error) => {
                let artifact = Err(crate::error::with_causes(&error));
                all.push(Version {
                    model: model.clone(),
                    version: None,
                    latest: true,
                    aliases: String::new(),
                    problem_of_aliases: None,
                    artifact,
                });
                continue;
            }
        };
        // An alias that cannot be read must not hide the versions.
        let aliases = models.aliases(&model).unwrap_or_default();
        let problem_of_aliases = models.problem_of_aliases(&model).map(|error| crate::error::with_causes(&error));
        for &version in &numbers {
            let named = aliases.iter().filter(|(_, of)| **of == version).map(|(alias, _)| alias.as_str());
            let artifact = models.load_version(&model, version).map_err(|error| crate::error::with_causes(&error));
            let latest = numbers.last() == Some(&version);
            all.push(Version {
                model: model.clone(),
                version: Some(version),
                latest,
                aliases: named.collect::<Vec<_>>().join(", "),
                problem_of_aliases: problem_of_aliases.clone().filter(|_| latest),
                artifact,
            });
        }
    }
    Ok(all)
}

fn rows(versions: &[Version]) -> Result<RecordBatch> {
    let artifacts = || versions.iter().map(|version| version.artifact.as_ref().ok());
    let text = |cell: fn(&Artifact) -> Option<String>| -> ArrayRef {
        Arc::new(artifacts().map(|artifact| cell(artifact?)).collect::<StringArray>())
    };
    let whole = |cell: fn(&Artifact) -> u64| -> ArrayRef {
        Arc::new(artifacts().map(|artifact| Some(cell(artifact?) as i64)).collect::<Int64Array>())
    };
    let names = versions.iter().map(|version| version.model.as_str());
    let numbers = versions.iter().map(|version| version.version.map(|version| version as i64));
    let latest = versions.iter().map(|version| Some(version.latest));
    let probability = artifacts().map(|artifact| Some(artifact?.probability));
    let thresholds = artifacts().map(|artifact| artifact?.threshold);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("model", Arc::new(StringArray::from_iter_values(names))),
        ("version", Arc::new(numbers.collect::<Int64Array>())),
        ("latest", Arc::new(latest.collect::<BooleanArray>())),
        ("aliases", Arc::new(versions.iter().map(|version| some(version.aliases.clone())).collect::<StringArray>())),
        ("model_type", text(|artifact| Some(artifact.model_type().name.into()))),
        ("role", text(|artifact| Some(artifact.model_type().role.as_str().into()))),
        ("probability", Arc::new(probability.collect::<BooleanArray>())),
        ("threshold", Arc::new(thresholds.collect::<Float64Array>())),
        ("label", text(|artifact| Some(artifact.label.clone()))),
        ("features", text(|artifact| Some(artifact.scorer.features().join(", ")))),
        ("created_at", text(|artifact| Some(artifact.created_at.clone()))),
        ("training_rows", whole(|artifact| artifact.training.rows)),
        ("training_positives", whole(|artifact| artifact.training.positives)),
        ("training_from", text(|artifact| artifact.training.from.clone())),
        ("training_to", text(|artifact| artifact.training.to.clone())),
        ("products", text(|artifact| some(basis(artifact).product_names().join(", ")))),
        ("horizon", text(|artifact| some(horizons(artifact)))),
        ("tau", Arc::new(artifacts().map(|artifact| basis(artifact?).tau).collect::<Float64Array>())),
        ("squall_version", text(|artifact| Some(artifact.squall_version.clone()))),
        ("sql", text(|artifact| Some(artifact.sql.clone()))),
        ("problem", Arc::new(versions.iter().map(Version::problem).collect::<StringArray>())),
    ];
    Ok(RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))?)
}

/// Returns the horizons of a model's labels.
fn horizons(model: &Artifact) -> String {
    let labels = basis(model).labels;
    labels.iter().map(|label| label.horizon.as_str()).collect::<Vec<_>>().join(", ")
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
