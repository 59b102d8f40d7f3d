//! `squall train`

use std::time::Instant;

use datafusion::arrow::array::RecordBatch;

use super::evaluation::{Evaluation, print, warn};
use super::workspace::{self, Workspace};
use super::{Context, Failure};
use crate::pipeline::Kind;
use crate::text::did_you_mean;

/// Trains the models of the SQL project
///
/// A model is a file sql/models/NAME.sql that holds CREATE MODEL NAME OPTIONS (…) AS SELECT …. Each training writes a new
/// version below data/models/NAME/ and prints the metrics of each split. Test rows neither train nor tune.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Models to train, or selectors such as +spike_scores, tag:T and spike_*; without any, all models of the project
    #[arg(value_name = "MODEL")]
    pub models: Vec<String>,
}

/// Returns the models that names and selectors mean; a plain name need not be that of a model.
async fn chosen(words: &[String], workspace: &Workspace, context: &Context) -> Result<Vec<String>, Failure> {
    let mut models: Vec<String> = Vec::new();
    for word in words {
        if !word.contains(['+', '*', '?', ':', ',']) {
            models.push(word.clone());
            continue;
        }
        let tables_dir = context.settings().tables_dir();
        let found = workspace.project.choose(word, workspace.session.context(), &tables_dir).await?;
        let found = found.into_iter().filter(|query| query.kind == Kind::Model).map(|query| query.name.clone());
        let found: Vec<String> = found.collect();
        if found.is_empty() {
            return Err(Failure::new(format!("`{word}` selects no model"))
                .with_hint("`squall list kind:model` lists the models"));
        }
        models.extend(found);
    }
    let mut once: Vec<String> = Vec::new();
    models.into_iter().for_each(|model| {
        if !once.contains(&model) {
            once.push(model)
        }
    });
    Ok(once)
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open_to_compute(context).await?;
    let known = workspace.project.model_names();
    let wrong: Vec<&str> = workspace.disabled_models().collect();
    if known.is_empty() && wrong.is_empty() {
        let dir = context.settings().paths.sql.join("models");
        return Err(Failure::new(format!("there is no model to train: {} has no .sql file", dir.display()))
            .with_hint("squall sql 'CREATE MODEL name OPTIONS (…) AS SELECT …' trains one without a file"));
    }
    let chosen = chosen(&args.models, &workspace, context).await?;
    let names: Vec<&str> =
        if args.models.is_empty() { known.clone() } else { chosen.iter().map(String::as_str).collect() };
    let mut statements = Vec::new();
    for name in &names {
        match workspace.project.model_statement(name) {
            Some(statement) => statements.push(statement),
            None => {
                if let Some(why) = workspace.why_disabled(name) {
                    return Err(why);
                }
                let near = did_you_mean(name, known.iter().copied());
                return Err(Failure::new(format!("the project has no model `{name}`"))
                    .with_hint(near.unwrap_or_else(|| format!("it has {}", known.join(", ")))));
            }
        }
    }
    workspace::require_landed(&workspace).await?;
    let progress = context.progress("train", Some(names.len() as u64));
    let mut trained: Vec<RecordBatch> = Vec::new();
    let mut failures: Vec<Failure> = Vec::new();
    if args.models.is_empty() {
        failures.extend(wrong.into_iter().filter_map(|name| workspace.why_disabled(name)));
    }
    for (name, statement) in names.iter().zip(statements) {
        progress.note(*name);
        let start = Instant::now();
        match train(&workspace, &statement).await {
            Ok(metrics) => trained.extend(metrics),
            Err(failure) => {
                let file = workspace.project.query(name).map(|query| query.file.display().to_string());
                failures.push(failure.within(&file.unwrap_or_default()));
            }
        }
        progress.add(1);
        progress.note(format!("{name} in {:.2} s", start.elapsed().as_secs_f64()));
    }
    progress.finish();
    let last = failures.pop();
    if last.is_some() && trained.is_empty() && failures.is_empty() {
        return last.map_or(Ok(()), Err);
    }
    let evaluations = Evaluation::read(&trained)?;
    print(&evaluations, "squall sql \"SELECT * FROM ml_evaluate('MODEL')\"");
    println!();
    for name in names {
        let version = evaluations.iter().find(|evaluation| evaluation.model == name).and_then(|found| found.version);
        if let Some(version) = version {
            let path = context.settings().models_dir().join(name).join(version.to_string()).join("model.json");
            println!("{name} version {version}  {}", path.display());
        }
    }
    warn(&evaluations);
    // The models that cannot be trained do not keep the others from being trained.
    failures.iter().for_each(Failure::print);
    last.map_or(Ok(()), Err)
}

async fn train(workspace: &Workspace, statement: &str) -> Result<Vec<RecordBatch>, Failure> {
    let metrics = workspace.session.sql(statement).await?;
    metrics.collect().await.map_err(workspace::query_failure)
}
