//! `squall train`

use std::time::Instant;

use datafusion::arrow::array::RecordBatch;

use super::evaluation::{Evaluation, print};
use super::{Context, Failure, workspace};
use crate::text::did_you_mean;

/// Trains the models of the SQL project
///
/// A model is a file sql/models/NAME.sql that holds CREATE MODEL NAME OPTIONS (…) AS SELECT …. Each training writes a new
/// version below data/models/NAME/ and prints the metrics of each split. Test rows neither train nor tune.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Models to train; without any, all models of the project
    #[arg(value_name = "MODEL")]
    pub models: Vec<String>,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open(context).await?;
    let known = workspace.project.model_names();
    if known.is_empty() {
        let dir = context.settings().paths.sql.join("models");
        return Err(Failure::new(format!("there is no model to train: {} has no .sql file", dir.display()))
            .with_hint("squall sql 'CREATE MODEL name OPTIONS (…) AS SELECT …' trains one without a file"));
    }
    let names: Vec<&str> =
        if args.models.is_empty() { known.clone() } else { args.models.iter().map(String::as_str).collect() };
    let mut statements = Vec::new();
    for name in &names {
        match workspace.project.model_statement(name) {
            Some(statement) => statements.push(statement),
            None => {
                let near = did_you_mean(name, known.iter().copied());
                return Err(Failure::new(format!("the project has no model `{name}`"))
                    .with_hint(near.unwrap_or_else(|| format!("it has {}", known.join(", ")))));
            }
        }
    }
    workspace::require_landed(&workspace).await?;
    let progress = context.progress("train", Some(names.len() as u64));
    let mut trained: Vec<RecordBatch> = Vec::new();
    for (name, statement) in names.iter().zip(statements) {
        progress.note(*name);
        let start = Instant::now();
        let file = context.settings().paths.sql.join("models").join(format!("{name}.sql"));
        let within = |failure: Failure| failure.within(&file.display().to_string());
        let metrics = workspace.session.sql(&statement).await.map_err(|error| within(error.into()))?;
        trained.extend(metrics.collect().await.map_err(|error| within(workspace::query_failure(error)))?);
        progress.add(1);
        progress.note(format!("{name} in {:.2} s", start.elapsed().as_secs_f64()));
    }
    progress.finish();
    let evaluations = Evaluation::read(&trained)?;
    print(&evaluations);
    println!();
    for name in names {
        let version = evaluations.iter().find(|evaluation| evaluation.model == name).and_then(|found| found.version);
        if let Some(version) = version {
            let path = context.settings().models_dir().join(name).join(version.to_string()).join("model.json");
            println!("{name} version {version}  {}", path.display());
        }
    }
    Ok(())
}
