//! `squall compare`

use super::evaluation::{Evaluation, number};
use super::{Context, Failure, workspace};
use crate::error::Hint;
use crate::functions::relation::query;
use crate::model::metrics::METRICS;
use crate::model::{Artifact, Registry};
use crate::text::{self, literal};

/// Compares models, or versions of one, side by side on the same rows
///
/// Each model scores the rows of one split anew and is measured at its own threshold; a star marks the best of each line.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Models, such as spike_logistic, or spike_logistic@1 for its version 1; the latest of each when none is named
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
    let workspace = workspace::open(context).await?;
    workspace::require_models(&workspace, context)?;
    let registry = Registry::new(context.settings().models_dir());
    let models = if args.models.is_empty() { latest_of_each(&registry)? } else { named(&registry, &args.models)? };
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
    Ok(())
}

fn named(registry: &Registry, names: &[String]) -> Result<Vec<Artifact>, Failure> {
    names.iter().map(|name| Ok(registry.load(name)?)).collect()
}

/// Returns the latest version of each model. If one cannot be read, that is a warning, and the others are still returned.
fn latest_of_each(registry: &Registry) -> Result<Vec<Artifact>, Failure> {
    let mut models = Vec::new();
    for name in registry.names()? {
        match registry.load(&name) {
            Ok(model) => models.push(model),
            Err(error) => workspace::warn(&format!("{name} is left out: {error}"), error.hint().as_deref()),
        }
    }
    Ok(models)
}

fn print(split: &str, columns: &[(Artifact, Evaluation)]) {
    let line = |name: &str, cells: Vec<String>| std::iter::once(name.to_string()).chain(cells).collect::<Vec<_>>();
    let of = |cell: fn(&Artifact, &Evaluation) -> String| {
        columns.iter().map(|(model, evaluation)| cell(model, evaluation)).collect::<Vec<_>>()
    };
    let mut lines = vec![
        line(&format!("on {split}"), of(|model, _| model.name.clone())),
        line("version", of(|model, _| model.version.to_string())),
        line("type", of(|model, _| model.model_type().name.into())),
        line("trained", of(|model, _| model.created_at.clone())),
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
    print!("{}", text::columns(&lines, 1));
    for (model, evaluation) in columns {
        if let Some(reason) = &evaluation.metrics.reason {
            println!("- {}: {reason}", model.name);
        }
    }
}
