//! `squall evaluate`

use datafusion::arrow::array::AsArray;

use super::evaluation::{Evaluation, number, print};
use super::{Context, Failure, workspace};

/// Shows how each model does on each split, and whether it beats the naive rule
///
/// Reads the query spike_metrics. Prevalence is the average precision of guessing; a metric that is undefined is a dash,
/// with the reason below.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The query or table that holds the metrics, one row a model and split
    #[arg(long, value_name = "QUERY", default_value = "spike_metrics")]
    pub from: String,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let workspace = workspace::open(context).await?;
    workspace::require_models(&workspace, context)?;
    let progress = context.progress("evaluate", None);
    let batches = workspace::rows(&workspace, &format!("SELECT * FROM {}", args.from)).await?;
    let naive = "SELECT model FROM ml_models() WHERE latest AND model_type = 'naive' ORDER BY model";
    let naive = workspace::rows(&workspace, naive).await?;
    progress.finish();
    let evaluations = Evaluation::read(&batches)?;
    if evaluations.is_empty() {
        return Err(Failure::new(format!("`{}` has no rows: no labelled row was scored", args.from)).with_hint(
            "squall sql 'SELECT split, count(*), count(spike) FROM spike_training GROUP BY split' shows what there is",
        ));
    }
    print(&evaluations);
    let naive: Vec<&str> = naive.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten()).collect();
    if let Some(&naive) = naive.first() {
        println!();
        for line in verdicts(&evaluations, naive) {
            println!("{line}");
        }
    }
    Ok(())
}

/// Says of each model whether it beats the naive rule on the test split, by average precision.
fn verdicts(evaluations: &[Evaluation], naive: &str) -> Vec<String> {
    let test = || evaluations.iter().filter(|evaluation| evaluation.split == "test");
    let Some(rule) = test().find(|evaluation| evaluation.model == naive) else {
        return vec![format!("{naive} has no test rows: nothing to compare with")];
    };
    let models = test().filter(|evaluation| evaluation.model != naive);
    let verdict = |evaluation: &Evaluation| match (evaluation.average_precision, rule.average_precision) {
        (Some(ours), Some(theirs)) => {
            let verb = if ours > theirs { "beats" } else { "does NOT beat" };
            format!(
                "{} {verb} the naive rule ({naive}) on the test split: average precision {} against {}; guessing gives {}",
                evaluation.model,
                number(Some(ours)),
                number(Some(theirs)),
                number(rule.prevalence)
            )
        }
        _ => {
            let reason = evaluation.reason.as_deref().or(rule.reason.as_deref()).unwrap_or("an undefined metric");
            format!("whether {} beats the naive rule ({naive}) cannot be said: {reason}", evaluation.model)
        }
    };
    models.map(verdict).collect()
}

#[cfg(test)]
mod tests {
    use super::{Evaluation, verdicts};

    fn test(model: &str, average_precision: Option<f64>) -> Evaluation {
        Evaluation {
            model: model.into(),
            version: None,
            split: "test".into(),
            rows: 100,
            positives: 5,
            prevalence: Some(0.05),
            average_precision,
            roc_auc: None,
            log_loss: None,
            brier: None,
            threshold: None,
            precision: None,
            recall: None,
            f1: None,
            reason: None,
        }
    }

    #[test]
    fn a_model_that_does_not_beat_the_naive_rule_is_reported_as_such() {
        let verdict = |ours, theirs| verdicts(&[test("naive", theirs), test("ours", ours)], "naive").remove(0);
        assert!(verdict(Some(0.7), Some(0.5)).starts_with("ours beats"));
        assert!(verdict(Some(0.5), Some(0.5)).starts_with("ours does NOT beat"));
        assert!(verdict(Some(0.4), Some(0.5)).contains("0.4000 against 0.5000; guessing gives 0.0500"));
        assert!(verdict(None, Some(0.5)).starts_with("whether ours beats"));
    }
}
