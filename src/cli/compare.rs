//! `squall compare`

use datafusion::arrow::array::AsArray;

use super::evaluation::{self, Evaluation, number, width};
use super::workspace::{self, Workspace};
use super::{Context, Failure};
use crate::functions::relation::query;
use crate::model::metrics::METRICS;
use crate::model::{self, Artifact, Registry};
use crate::text::{self, columns_that_fit, literal};

/// Compares models, or versions of one, side by side on the same rows
///
/// Each model scores the rows of one split anew and is measured at its own threshold; a star marks the best of each line.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Models, such as spike_logistic, or spike_logistic@1 for its version 1; when none is named, the latest of each that learned from TABLE
    #[arg(value_name = "MODEL")]
    pub models: Vec<String>,

    /// The table, view or query that holds features and label
    #[arg(long, value_name = "TABLE", default_value = "spike_training")]
    pub on: String,

    /// The split whose rows count
    #[arg(long, value_name = "SPLIT", default_value = "test", value_parser = ["train", "validation", "test"])]
    pub split: String,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open_for_people(context).await?;
    workspace::require_models(&workspace, context)?;
    let registry = Registry::new(context.settings().models_dir());
    let models = match args.models.is_empty() {
        true => latest_of_each(&workspace, &registry, &args.on).await?,
        false => named(&registry, &args.models)?,
    };
    let on = query(&args.on);
    let rows = format!("SELECT * FROM ({on}) WHERE split = '{}'", args.split);
    let progress = context.progress("compare", Some(models.len() as u64));
    let mut columns = Vec::new();
    for model in models {
        let name = format!("{}@{}", model.name, model.version);
        progress.note(name.as_str());
        let sql = format!("SELECT * FROM ml_evaluate({}, {})", literal(&name), literal(&rows));
        let evaluation = Evaluation::read(&workspace::rows(&workspace, &sql).await?)?.into_iter().next();
        progress.add(1);
        match evaluation {
            Some(evaluation) => columns.push((model, evaluation)),
            None => return Err(Failure::new(format!("`{}` has no rows", args.on))),
        }
    }
    progress.finish();
    print(&args.split, &columns);
    let evaluations: Vec<Evaluation> = columns.into_iter().map(|(_, evaluation)| evaluation).collect();
    evaluation::warn(&evaluations);
    Ok(())
}

fn named(registry: &Registry, names: &[String]) -> Result<Vec<Artifact>, Failure> {
    names.iter().map(|name| Ok(registry.load(name)?)).collect()
}

/// Returns the latest version of each model that learned from a relation. Those that cannot be read are left out, with a warning.
async fn latest_of_each(workspace: &Workspace, registry: &Registry, on: &str) -> Result<Vec<Artifact>, Failure> {
    let sql = format!("SELECT model FROM ml_models({}) WHERE latest AND problem IS NULL ORDER BY model", literal(on));
    let batches = workspace::rows(workspace, &sql).await?;
    let names = batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten());
    let models: Vec<Artifact> = names.map(|name| Ok::<_, Failure>(registry.load(name)?)).collect::<Result<_, _>>()?;
    if models.is_empty() {
        return Err(model::Error::NoneLearned { relation: on.into() }.into());
    }
    Ok(models)
}

/// Prints the models side by side; those that do not fit in the width follow below.
fn print(split: &str, columns: &[(Artifact, Evaluation)]) {
    let line = |name: &str, cells: Vec<String>| std::iter::once(name.to_string()).chain(cells).collect::<Vec<_>>();
    let of = |cell: fn(&Artifact, &Evaluation) -> String| {
        columns.iter().map(|(model, evaluation)| cell(model, evaluation)).collect::<Vec<_>>()
    };
    let mut lines = vec![
        line(&format!("on {split}"), of(|model, _| model.name.clone())),
        line("version", of(|model, _| model.version.to_string())),
        line("type", of(|model, _| model.model_type().name.into())),
        line("trained", of(|model, _| model.created_at.chars().take("2026-01-01T00:00".len()).collect())),
        line("rows", of(|_, evaluation| evaluation.metrics.rows.to_string())),
        line("positives", of(|_, evaluation| evaluation.metrics.positives.to_string())),
    ];
    for metric in METRICS {
        let values: Vec<_> = columns.iter().map(|(_, evaluation)| evaluation.metrics.get(metric)).collect();
        let best = metric.better.best(values.iter().copied());
        let cell = |value: &Option<f64>| {
            let star = if best.is_some() && *value == best { "*" } else { " " };
            format!("{}{star}", number(*value))
        };
        lines.push(line(metric.name, values.iter().map(cell).collect()));
    }
    let mut first = 1;
    while first <= columns.len() {
        let mut part: Vec<Vec<&str>> = lines.iter().map(|line| cells(line, first)).collect();
        // A model that is wider than the terminal gets lines of its own.
        let fit = columns_that_fit(&part, width()).max(2);
        part.iter_mut().for_each(|line| line.truncate(fit));
        if first > 1 {
            println!();
        }
        print!("{}", text::columns(&part, 1));
        first += fit - 1;
    }
    for (model, evaluation) in columns {
        if let Some(reason) = &evaluation.metrics.reason {
            println!("- {}: {reason}", model.reference());
        }
    }
}

/// Returns a line's name and its cells from the model `first` on.
fn cells(line: &[String], first: usize) -> Vec<&str> {
    line[..1].iter().chain(&line[first..]).map(String::as_str).collect()
}
