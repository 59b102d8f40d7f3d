//! `squall score`

use std::path::{Path, PathBuf};

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::UInt64Type;
use datafusion::dataframe::DataFrameWriteOptions;

use super::workspace::{self, Workspace};
use super::{Context, Failure};
use crate::durable::{self, Aside};
use crate::model::{Artifact, PRODUCT, Registry};
use crate::pipeline::RunOptions;
use crate::text::{is_address, literal};

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
    let workspace = workspace::open_to_compute(context).await?;
    let models = Registry::new(context.settings().models_dir());
    match args.model {
        Some(model) => {
            let artifact = models.load(&model)?;
            let path = score(&workspace, &model, &args.from, &context.settings().scores_dir()).await?;
            warn(&workspace, &artifact, &format!("SELECT * FROM {}", literal(&path.to_string_lossy()))).await
        }
        None => {
            workspace::require_models(&workspace, context)?;
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
            for name in models.names()? {
                // What is wrong with the others has been said before.
                let Ok(artifact) = models.load(&name) else { continue };
                warn(&workspace, &artifact, &format!("SELECT * FROM {SCORES} WHERE model = {}", literal(&name)))
                    .await?;
            }
            Ok(())
        }
    }
}

/// Warns if a model has scored rows of products from which it did not learn.
async fn warn(workspace: &Workspace, model: &Artifact, scored: &str) -> Result<(), Failure> {
    let Some(basis) = model.basis.as_ref().filter(|basis| !basis.products.is_empty()) else { return Ok(()) };
    let frame = workspace.session.sql(scored).await?;
    if frame.schema().index_of_column_by_name(None, PRODUCT).is_none() {
        return Ok(());
    }
    let learned = basis.product_names();
    let known = learned.iter().map(|product| literal(product)).collect::<Vec<_>>().join(", ");
    let product = format!("CAST({PRODUCT} AS VARCHAR)");
    let others = format!("SELECT DISTINCT {product} FROM ({scored}) WHERE {product} NOT IN ({known}) ORDER BY 1");
    let batches = workspace::rows(workspace, &others).await?;
    let others: Vec<&str> =
        batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten()).collect();
    if !others.is_empty() {
        let (name, learned) = (model.reference(), learned.join(", "));
        let hint = format!("`squall train {}` trains it on the present rows", model.name);
        workspace::warn(&format!("{name} learned from {learned} and scored {}", others.join(", ")), Some(&hint));
    }
    Ok(())
}

/// Writes the scored rows. The file of an earlier run is replaced only when the new one is complete.
async fn score(workspace: &Workspace, model: &str, from: &str, dir: &Path) -> Result<PathBuf, Failure> {
    let sql = format!("SELECT * FROM ml_predict({}, {})", literal(model), literal(from));
    let frame = workspace.session.sql(&sql).await?;
    let path = dir.join(format!("{model}.parquet"));
    let disk = |error: std::io::Error| {
        Failure::new(format!("cannot write {}: {error}", path.display()))
            .with_hint("`--set paths.data=FOLDER` names another place")
    };
    // An object in a store appears whole, so nothing is written aside there.
    let aside = match is_address(&path.to_string_lossy()) {
        true => None,
        false => Some(prepare(path.clone()).await.map_err(disk)?),
    };
    let options = DataFrameWriteOptions::new().with_single_file_output(true);
    let target = aside.as_ref().map_or_else(|| path.clone(), Aside::path);
    let written = frame.write_parquet(&target.to_string_lossy(), options, None).await;
    let written = written.map_err(workspace::query_failure)?;
    let rows: u64 =
        written.iter().filter_map(|batch| Some(batch.column(0).as_primitive_opt::<UInt64Type>()?.value(0))).sum();
    if let Some(aside) = aside {
        durable::blocking(move || aside.commit()).await.map_err(disk)?;
    }
    println!("{model}  {rows} rows  {}", path.display());
    Ok(path)
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
