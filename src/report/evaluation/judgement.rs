//! What the evaluation says of a model, for other reports: they must not say anything else about the same rows.

use super::comparison::Comparison;
use super::frame::Frame;
use super::metrics::Metrics;
use super::subject::Role;
use super::{compared, finding, learned_here, metrics, verdict};
use crate::report::query::Query;
use crate::report::{Error, Request, Verdict};

/// A model on the rows that judge it.
#[derive(Debug)]
pub struct Judgement {
    pub verdict: Verdict,
    /// The models beside each other on the judged rows, the model in question first. The baseline has no difference to itself.
    pub beside: Vec<(Role, Comparison)>,
    /// What the model has to beat, and whether that is the naive rule.
    pub baseline: String,
    pub has_naive_rule: bool,
    /// The rows that judge it, as a query.
    pub rows: String,
    pub has_time: bool,
    /// Whether the model may have learned these very rows.
    pub learned: bool,
    pub warnings: Vec<String>,
    /// Which models are not beside it, and why.
    pub left_out: Vec<String>,
    pub queries: Vec<Query>,
}

/// Judges a model by the arguments of `squall report eval`.
///
/// # Errors
/// As `squall report eval`.
pub async fn judgement(request: &Request<'_>) -> Result<Judgement, Error> {
    let subject = finding::subject(request).await?;
    let table = subject.rows.kept(request.context).await?;
    let frame = Frame::new(request, &subject, &table.name).await?;
    let (measured, _) = metrics(&frame, |place| place == 0 || subject.is_baseline(place)).await?;
    let (found, query) = compared(&frame, |place| !subject.is_baseline(place)).await?;
    let learned = learned_here(&frame).await?;
    let verdict = verdict::verdict(&frame, &measured, &found, learned);
    let beside = subject.scores.iter().enumerate().filter_map(|(place, scored)| {
        let of_baseline = || measured.find(&scored.name, &frame.split).map(|own| baseline(own, subject.time.is_some()));
        let compared = || found.iter().find(|found| found.model == scored.name && found.split == frame.split).cloned();
        Some((scored.role, if subject.is_baseline(place) { of_baseline()? } else { compared()? }))
    });
    Ok(Judgement {
        beside: beside.collect(),
        baseline: subject.baseline_name(),
        has_naive_rule: subject.baseline().is_some_and(|scored| scored.role == Role::Naive),
        rows: subject.rows_of(&frame.split),
        has_time: subject.time.is_some(),
        learned,
        warnings: subject.warnings.clone(),
        left_out: subject.left_out.clone(),
        queries: std::iter::once(subject.rows.clone()).chain(query).collect(),
        verdict,
    })
}

/// The baseline beside the others: it has no difference to itself.
fn baseline(own: &Metrics, has_time: bool) -> Comparison {
    Comparison {
        model: own.model.clone(),
        split: own.split.clone(),
        rows: own.rows,
        average_precision: own.average_precision,
        interval: own.interval,
        baseline_average_precision: own.average_precision,
        prevalence: own.prevalence,
        difference: None,
        difference_interval: None,
        share_better: None,
        episodes: if has_time { own.episodes } else { own.positives },
        verdict: "is to be beaten".into(),
        reason: None,
    }
}
