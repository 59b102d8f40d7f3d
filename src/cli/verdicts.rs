//! Whether each model beats the naive rule on the test split, in words.

use datafusion::arrow::array::RecordBatch;

use super::Failure;
use super::evaluation::{Columns, Evaluation, number};
use super::workspace::{self, Workspace};
use crate::model::Split;
use crate::text::counted;

/// The query that compares models with the naive rule.
const COMPARISON: &str = "spike_comparison";

/// Returns the verdict on each model, or nothing if no model is the naive rule.
pub async fn of(workspace: &Workspace, evaluations: &[Evaluation]) -> Result<Vec<String>, Failure> {
    let Some(naive) = evaluations.iter().find(|evaluation| evaluation.is_naive()).map(|rule| &rule.model) else {
        return Ok(Vec::new());
    };
    let test = |evaluation: &&Evaluation| evaluation.split == Split::Test.as_str();
    if !evaluations.iter().filter(test).any(|evaluation| evaluation.model == *naive) {
        return Ok(vec![format!("{naive} has no test rows: there is nothing to compare with")]);
    }
    if !workspace.session.context().table_exist(COMPARISON).unwrap_or(false) {
        return Ok(vec![format!(
            "the project has no query `{COMPARISON}`, so no model is compared with the naive rule"
        )]);
    }
    verdicts(&workspace::rows(workspace, &format!("SELECT * FROM {COMPARISON} ORDER BY model")).await?, evaluations)
}

/// Writes the rows of `ml_compare` as sentences, without that of the baseline.
fn verdicts(batches: &[RecordBatch], evaluations: &[Evaluation]) -> Result<Vec<String>, Failure> {
    let mut verdicts = Vec::new();
    for batch in batches {
        let row = Columns(batch);
        for index in 0..batch.num_rows() {
            let text = |name| row.text(name, index);
            let figure = |name| -> Result<String, Failure> { Ok(number(row.number(name, index)?)) };
            let range = |low, high| -> Result<String, Failure> {
                Ok(match (row.number(low, index)?, row.number(high, index)?) {
                    (Some(low), Some(high)) => format!(" [{}, {}]", number(Some(low)), number(Some(high))),
                    _ => String::new(),
                })
            };
            let (model, baseline) = (text("model")?.unwrap_or_default(), text("baseline")?.unwrap_or_default());
            if model == baseline {
                continue;
            }
            let verdict = text("verdict")?.unwrap_or_default();
            let mut verdict = format!("{model} against the naive rule ({baseline}) on the test split: {verdict}.");
            if let Some(reason) = text("reason")? {
                verdict.push_str(&format!(" Reason: {reason}."));
            }
            if row.number("average_precision", index)?.is_some() {
                let episodes = row.whole("episodes", index)?.and_then(|count| u64::try_from(count).ok());
                verdict.push_str(&format!(
                    " Average precision {}{} against {}, difference {}{}; guessing gives {}; {}.",
                    figure("average_precision")?,
                    range("average_precision_low", "average_precision_high")?,
                    figure("baseline_average_precision")?,
                    figure("difference")?,
                    range("difference_low", "difference_high")?,
                    figure("prevalence")?,
                    episodes.map_or("episodes not known".into(), |episodes| counted(episodes, "episode")),
                ));
            }
            let judged = evaluations.iter().find(|one| one.model == model && one.split == Split::Test.as_str());
            if let Some(warning) = judged.and_then(|judged| judged.warning.as_ref()) {
                verdict.push_str(&format!(" ({warning})"));
            }
            verdicts.push(verdict);
        }
    }
    Ok(verdicts)
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::verdicts;

    #[tokio::test]
    async fn a_verdict_shows_what_it_rests_on() {
        let rows = "SELECT * FROM (VALUES
            ('ours', 'rv', 0.35, 0.3, 0.4, 0.26, 0.09, 0.05, 0.12, 0.05, 98, 'beats the naive rule', NULL),
            ('rv', 'rv', 0.26, 0.2, 0.3, 0.26, NULL, NULL, NULL, 0.05, 98, 'is the baseline', NULL),
            ('short', 'rv', 0.35, NULL, NULL, 0.26, 0.09, NULL, NULL, 0.05, 1, 'not known', 'too short'),
            ('none', 'rv', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 'not known', 'no row is positive'))
            AS t (model, baseline, average_precision, average_precision_low, average_precision_high,
                baseline_average_precision, difference, difference_low, difference_high, prevalence, episodes, verdict, reason)";
        let rows = SessionContext::new().sql(rows).await.unwrap().collect().await.unwrap();
        assert_eq!(
            verdicts(&rows, &[]).unwrap(),
            [
                "ours against the naive rule (rv) on the test split: beats the naive rule. Average precision 0.3500 [0.3000, 0.4000] against 0.2600, difference 0.0900 [0.0500, 0.1200]; guessing gives 0.0500; 98 episodes.",
                "short against the naive rule (rv) on the test split: not known. Reason: too short. Average precision 0.3500 against 0.2600, difference 0.0900; guessing gives 0.0500; 1 episode.",
                "none against the naive rule (rv) on the test split: not known. Reason: no row is positive.",
            ]
        );
    }
}
