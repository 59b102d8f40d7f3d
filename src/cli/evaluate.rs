//! `squall evaluate`

use super::evaluation::{self, Evaluation, number};
use super::{Context, Failure, runs, workspace};
use crate::model::metrics::{AVERAGE_PRECISION, PREVALENCE};

/// Shows how each model does on each split, and whether it beats the naive rule
///
/// Reads the query spike_metrics. Prevalence is the average precision of guessing; an undefined metric is a dash, with the
/// reason below the table. The figures are recorded in the table runs, and on MLflow if a server is set.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The query or table that holds the metrics, one row a model and split
    #[arg(long, value_name = "QUERY", default_value = "spike_metrics")]
    pub from: String,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let start = chrono::Utc::now();
    let workspace = workspace::open(context).await?;
    workspace::require_models(&workspace, context)?;
    let progress = context.progress("evaluate", None);
    let batches = workspace::rows(&workspace, &format!("SELECT * FROM {}", args.from)).await?;
    progress.finish();
    let mut evaluations = Evaluation::read(&batches)?;
    // What is wrong with it has been said before.
    evaluations.retain(|evaluation| !evaluation.is_unreadable());
    if evaluations.is_empty() {
        return Err(Failure::new(format!("`{}` has no rows: no labelled row was scored", args.from)).with_hint(
            "squall sql 'SELECT split, count(*), count(spike) FROM spike_training GROUP BY split' shows what there is",
        ));
    }
    evaluation::print(&evaluations, &format!("squall sql 'SELECT * FROM {}'", args.from));
    let verdicts = verdicts(&evaluations);
    if !verdicts.is_empty() {
        println!("\n{}", verdicts.join("\n"));
    }
    evaluation::warn(&evaluations);
    runs::record(&evaluations, start, context).await;
    Ok(())
}

/// The average precision of a score that is the same everywhere differs from that of guessing by rounding only.
const ROUNDING: f64 = 1e-9;

/// Says for each model whether it beats the naive rule on the test split, by average precision; empty if there is no naive
/// rule.
fn verdicts(evaluations: &[Evaluation]) -> Vec<String> {
    let Some(naive) = evaluations.iter().find(|evaluation| evaluation.is_naive()).map(|rule| &rule.model) else {
        return Vec::new();
    };
    let test = || evaluations.iter().filter(|evaluation| evaluation.split == "test");
    let Some(rule) = test().find(|evaluation| evaluation.model == *naive) else {
        return vec![format!("{naive} has no test rows: there is nothing to compare with")];
    };
    let models = test().filter(|evaluation| !evaluation.is_naive());
    let average_precision = |evaluation: &Evaluation| evaluation.metrics.get(&AVERAGE_PRECISION);
    let verdict = |evaluation: &Evaluation| match (average_precision(evaluation), average_precision(rule)) {
        (Some(ours), Some(theirs)) => {
            let guessing = evaluation.metrics.get(&PREVALENCE);
            let verb = match guessing {
                Some(guessing) if ours <= guessing + ROUNDING => "is no better than guessing and does NOT beat",
                _ if ours > theirs => "beats",
                _ => "does NOT beat",
            };
            let warning = evaluation.warning.as_ref().map(|warning| format!(" ({warning})")).unwrap_or_default();
            format!(
                "{} {verb} the naive rule ({naive}) on the test split: average precision {} against {}; guessing gives {}{warning}",
                evaluation.model,
                number(Some(ours)),
                number(Some(theirs)),
                number(guessing)
            )
        }
        _ => {
            let reason = [evaluation, rule].into_iter().find_map(|one| one.metrics.reason.as_deref());
            let reason = reason.unwrap_or("an average precision is undefined");
            format!("it is not known whether {} beats the naive rule ({naive}): {reason}", evaluation.model)
        }
    };
    models.map(verdict).collect()
}

#[cfg(test)]
mod tests {
    use super::{Evaluation, verdicts};
    use crate::model::metrics::{METRICS, Metrics};

    fn test(model: &str, role: &str, average_precision: Option<f64>) -> Evaluation {
        let value = |name: &str| match name {
            "prevalence" => Some(0.05),
            "average_precision" => average_precision,
            _ => None,
        };
        let values = METRICS.iter().map(|metric| value(metric.name)).collect();
        Evaluation {
            model: model.into(),
            version: None,
            role: Some(role.into()),
            split: "test".into(),
            metrics: Metrics { rows: 100, positives: 5, values, reason: None },
            skipped: None,
            warning: None,
        }
    }

    #[test]
    fn a_model_that_does_not_beat_the_naive_rule_is_reported_as_such() {
        let verdict =
            |ours, theirs| verdicts(&[test("volatility", "naive", theirs), test("ours", "model", ours)]).remove(0);
        assert!(verdict(Some(0.7), Some(0.5)).starts_with("ours beats the naive rule (volatility)"));
        assert!(verdict(Some(0.5), Some(0.5)).starts_with("ours does NOT beat"));
        assert!(verdict(Some(0.4), Some(0.5)).contains("0.4000 against 0.5000; guessing gives 0.0500"));
        assert!(verdict(None, Some(0.5)).starts_with("it is not known whether ours beats"));
        let guess = verdict(Some(0.05), Some(0.04));
        assert!(guess.starts_with("ours is no better than guessing and does NOT beat"), "{guess}");
    }

    #[test]
    fn a_model_is_the_naive_rule_by_its_type_and_not_by_its_name() {
        assert_eq!(verdicts(&[test("naive", "model", Some(0.5)), test("ours", "model", Some(0.6))]), [] as [&str; 0]);
    }
}
