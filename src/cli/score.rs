//! `squall score`

use std::path::{Path, PathBuf};

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::UInt64Type;
use datafusion::dataframe::DataFrameWriteOptions;

use super::{Context, Failure, workspace};
use crate::durable::{self, Aside};
use crate::model::Registry;
use crate::pipeline::RunOptions;
use crate::text::literal;

/// The query that holds every model's scores.
const SCORES: &str = "spike_scores";

/// Scores rows by the trained models
///
/// Without MODEL, it materialises the query spike_scores: every model's score for every labelled row, which evaluation and
/// reports read. With MODEL, it writes the rows of a table with their scores to data/scores/MODEL.parquet.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model, such as spike_logistic, or spike_logistic@2 for its version 2
    #[arg(value_name = "MODEL")]
    pub model: Option<String>,

    /// The table, view or query to score; it has the model's features among its columns
    #[arg(long, value_name = "TABLE", default_value = "spike_training", requires = "model")]
    pub from: String,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open(context).await?;
    let models = Registry::new(context.settings().models_dir());
    match args.model {
        Some(model) => {
            models.load(&model)?;
            score(&workspace, &model, &args.from, &context.settings().scores_dir()).await
        }
        None => {
            for model in workspace.project.model_names() {
                models.load(model)?;
            }
            let progress = context.progress("score", None);
            let mut done = |table: &crate::pipeline::Materialised| {
                println!("{}  {} rows  {}", table.name, table.rows, table.path.display());
            };
            let tables_dir = context.settings().tables_dir();
            workspace
                .project
                .run(workspace.session.context(), SCORES, &tables_dir, &RunOptions::default(), &mut done)
                .await?;
            progress.finish();
            Ok(())
        }
    }
}

/// Writes the scored rows. The file of an earlier run is replaced only when the new one is complete.
async fn score(workspace: &workspace::Workspace, model: &str, from: &str, dir: &Path) -> Result<(), Failure> {
    let sql = format!("SELECT * FROM ml_predict({}, {})", literal(model), literal(from));
    let frame = workspace.session.sql(&sql).await?;
    let path = dir.join(format!("{model}.parquet"));
    let disk = |error: std::io::Error| {
        Failure::new(format!("cannot write {}: {error}", path.display()))
            .with_hint("`--set paths.data=FOLDER` names another place")
    };
    let aside = prepare(path.clone()).await.map_err(disk)?;
    let options = DataFrameWriteOptions::new().with_single_file_output(true);
    let target = aside.path();
    let written = frame.write_parquet(&target.to_string_lossy(), options, None).await;
    let written = written.map_err(workspace::query_failure)?;
    let rows: u64 =
        written.iter().filter_map(|batch| Some(batch.column(0).as_primitive_opt::<UInt64Type>()?.value(0))).sum();
    durable::blocking(move || aside.commit()).await.map_err(disk)?;
    println!("{model}  {rows} rows  {}", path.display());
    Ok(())
}

/// Makes the folder aside, and removes the folders of dead commands.
async fn prepare(path: PathBuf) -> std::io::Result<Aside> {
    durable::blocking(move || {
        if let Some(dir) = path.parent() {
            durable::remove_leftovers(dir)?;
        }
        Aside::beside(&path)
    })
    .await
}
