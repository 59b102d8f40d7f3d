//! What the evaluation says of a model, for other reports: they must not say anything else about the same rows.

use super::alerts::{self, Listed};
use super::comparison::Comparison;
use super::frame::Frame;
use super::metrics::Metrics;
use super::rate::Rate;
use super::subject::Role;
use super::{compared, finding, learned_here, metrics, verdict};
use crate::report::query::{Query, Rows};
use crate::report::{Condition, Error, Request, Verdict};

/// A model on the rows that judge it.
#[derive(Debug)]
pub struct Judgement {
    pub verdict: Verdict,
    pub conditions: Vec<Condition>,
    /// The models beside each other on the judged rows, the model in question first. The baseline has no difference to itself.
    pub beside: Vec<(Role, Comparison)>,
    /// What the model has to beat, and whether that is the naive rule.
    pub baseline: String,
    pub has_naive_rule: bool,
    /// The rows that judge it, as a query.
    pub rows: String,
    pub has_time: bool,
    /// What the independent events are called: an episode, or a positive row if episodes are not known.
    pub event: &'static str,
    pub alerts: Alerts,
    /// Every metric with its interval: title, value, low, high.
    pub intervals: Vec<Vec<String>>,
    /// Why values or intervals are missing, in sentences.
    pub missing: Vec<String>,
    /// The length of the blocks in which features are shuffled, in seconds, as SQL.
    pub shuffled_block_s: String,
    /// Whether the model may have learned these very rows.
    pub learned: bool,
    /// What a reader should know who does not see the page.
    pub warnings: Vec<String>,
    /// Which models are not beside it, and why.
    pub left_out: Vec<String>,
    pub queries: Vec<Query>,
}

/// What alerts of the model meet on the rows that judge it.
#[derive(Debug)]
pub struct Alerts {
    /// By product; without rows if episodes are not known.
    pub episodes: Listed,
    /// At other thresholds.
    pub sweep: Listed,
    /// What an episode and an alert are, or why they are not known.
    pub explained: Result<String, &'static str>,
    pub queries: Vec<Query>,
}

impl Alerts {
    async fn read(frame: &Frame<'_>) -> Result<Alerts, Error> {
        let subject = frame.subject;
        let rate = Rate::for_horizon(subject.horizon_s);
        let sweep = frame.query("sweep", &[])?;
        let found = sweep.rows(frame.request.context).await?;
        let has_episodes = subject.has_episodes();
        let mut queries = vec![sweep];
        let mut episodes = Rows::default();
        if has_episodes {
            let query = frame.query("alerts", &[])?;
            episodes = query.rows(frame.request.context).await?;
            queries.insert(0, query);
        }
        let explained = alerts::explained(subject.horizon_s.filter(|_| has_episodes));
        Ok(Alerts {
            episodes: alerts::by_product(&episodes, subject.has_parts, rate),
            sweep: alerts::sweep(&found, frame.has_several_parts(), has_episodes, rate),
            explained: explained.ok_or(subject.no_episodes().unwrap_or_default()),
            queries,
        })
    }
}

/// Judges a model by the arguments of `squall report eval`.
///
/// # Errors
/// As `squall report eval`.
pub async fn judgement(request: &Request<'_>) -> Result<Judgement, Error> {
    let subject = finding::subject(request).await?;
    let table = subject.rows.kept(request.context).await?;
    let frame = Frame::new(request, &subject, &table.name).await?;
    let (measured, measuring) = metrics(&frame, |place| place == 0 || subject.is_baseline(place)).await?;
    let (found, query) = compared(&frame, |place| !subject.is_baseline(place)).await?;
    let learned = learned_here(&frame).await?;
    let verdict = verdict::verdict(&frame, &measured, &found, learned);
    let conditions = verdict::conditions(&frame, &measured, &found, learned, &verdict);
    let beside = subject.scores.iter().enumerate().filter_map(|(place, scored)| {
        let of_baseline = || measured.find(&scored.name, &frame.split).map(|own| baseline(own, subject.has_episodes()));
        let compared = || found.iter().find(|found| found.model == scored.name && found.split == frame.split).cloned();
        Some((scored.role, if subject.is_baseline(place) { of_baseline()? } else { compared()? }))
    });
    let own = measured.find(&subject.model().name, &frame.split);
    Ok(Judgement {
        beside: beside.collect(),
        baseline: subject.baseline_name(),
        has_naive_rule: subject.baseline().is_some_and(|scored| scored.role == Role::Naive),
        rows: subject.rows_of(&frame.split),
        has_time: subject.time.is_some(),
        learned,
        warnings: subject.told(),
        left_out: subject.left_out.clone(),
        queries: std::iter::once(subject.rows.clone()).chain(query).chain(measuring).collect(),
        event: subject.event(),
        alerts: Alerts::read(&frame).await?,
        intervals: measured.with_intervals(&subject.model().name, &frame.split),
        missing: own.map(missing).unwrap_or_default(),
        shuffled_block_s: frame.shuffled_block_s(),
        verdict,
        conditions,
    })
}

fn missing(own: &Metrics) -> Vec<String> {
    let values = own.reason.as_ref().map(|reason| format!("Not every figure is known: {reason}."));
    let intervals = own.interval_reason.as_ref().map(|reason| format!("Intervals are not known: {reason}."));
    values.into_iter().chain(intervals).collect()
}

/// The baseline beside the others: it has no difference to itself.
fn baseline(own: &Metrics, has_episodes: bool) -> Comparison {
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
        episodes: if has_episodes { own.episodes } else { own.positives },
        verdict: "is to be beaten".into(),
        reason: None,
    }
}
