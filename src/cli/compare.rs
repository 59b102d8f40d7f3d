//! `squall compare`

use super::evaluation::{Evaluation, number};
use super::{Context, Failure, workspace};
use crate::model::Registry;
use crate::text::{self, literal};

/// Compares models, or versions of one, side by side on the same rows
///
/// Each is scored afresh on the rows of one split and measured at its own threshold; a star marks the best of each line.
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
    let names = if args.models.is_empty() { registry.names()? } else { args.models };
    let on = crate::functions::relation_query(&args.on);
    let rows = format!("SELECT * FROM ({on}) WHERE split = '{}'", args.split);
    let progress = context.progress("compare", Some(names.len() as u64));
    let mut columns = Vec::new();
    for name in &names {
        let model = registry.load(name)?;
        progress.note(name.as_str());
        let sql = format!("SELECT * FROM ml_evaluate({}, {})", literal(name), literal(&rows));
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

/// The metrics of which the higher is better, and of which the lower.
const HIGHER: [&str; 5] = ["average_precision", "roc_auc", "precision", "recall", "f1"];
const LOWER: [&str; 2] = ["log_loss", "brier"];

fn print(split: &str, columns: &[(crate::model::Artifact, Evaluation)]) {
    let line = |name: &str, cells: Vec<String>| std::iter::once(name.to_string()).chain(cells).collect::<Vec<_>>();
    let of = |cell: fn(&crate::model::Artifact, &Evaluation) -> String| {
        columns.iter().map(|(model, evaluation)| cell(model, evaluation)).collect::<Vec<_>>()
    };
    let mut lines = vec![
        line(&format!("on {split}"), of(|model, _| model.name.clone())),
        line("version", of(|model, _| model.version.to_string())),
        line("type", of(|model, _| model.scorer.model_type().as_str().into())),
        line("trained", of(|model, _| model.created_at.clone())),
        line("rows", of(|_, evaluation| evaluation.rows.to_string())),
        line("positives", of(|_, evaluation| evaluation.positives.to_string())),
    ];
    let Some((_, first)) = columns.first() else { return };
    for (index, (metric, _)) in first.metrics().iter().enumerate() {
        let values: Vec<Option<f64>> = columns.iter().map(|(_, evaluation)| evaluation.metrics()[index].1).collect();
        let best = best(metric, &values);
        let cell = |value: &Option<f64>| {
            let star = if best.is_some() && *value == best { "*" } else { " " };
            format!("{}{star}", number(*value))
        };
        lines.push(line(metric, values.iter().map(cell).collect()));
    }
    print!("{}", text::columns(&lines, 1));
    for (model, evaluation) in columns {
        if let Some(reason) = &evaluation.reason {
            println!("- {}: {reason}", model.name);
        }
    }
}

/// Returns the best of a metric's values; `None` where there is nothing to choose.
fn best(metric: &str, values: &[Option<f64>]) -> Option<f64> {
    let defined = values.iter().flatten().copied();
    if defined.clone().count() < 2 {
        return None;
    }
    if HIGHER.contains(&metric) {
        return defined.max_by(f64::total_cmp);
    }
    if LOWER.contains(&metric) {
        return defined.min_by(f64::total_cmp);
    }
    None
}
