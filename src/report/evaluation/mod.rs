//! The evaluation report: whether and where a model beats the naive rule or guessing, and how its scores behave.
//!
//! In: rows with a label, and models that score them, or rows that bring their scores; for any project. Out: HTML. One query makes the
//! scored rows, and the queries of the figures read them; the report shows these.

mod alerts;
mod arguments;
mod card;
mod choosing;
mod columns;
mod comparison;
mod figures;
mod finding;
mod frame;
mod judgement;
mod metrics;
mod rate;
mod scored_rows;
mod slices;
mod strips;
mod subject;
mod timeline;
mod verdict;
mod view;

pub use alerts::Listed;
pub use choosing::{Candidate, best};
pub use columns::seconds;
pub use comparison::Comparison;
pub use judgement::{Judgement, judgement};
pub use subject::{Role, source};

use futures::future::BoxFuture;
use serde::Serialize;

use self::alerts::{Alerts, Confusion};
use self::frame::Frame;
use self::metrics::{Column, Table, by_split};
use self::rate::Rate;
use self::view::{View, split_facts, tiles};
use super::chart::Figure;
use super::format::{self, number, percent};
use super::query::{Literal, Query, Rows};
use super::sources::built_in;
use super::{About, Arguments, Error, Needs, Page, Report, Request};
use crate::text::printable;

/// The report `eval`.
pub struct Evaluation;

impl Report for Evaluation {
    fn about(&self) -> &'static About {
        &About {
            name: "eval",
            description: "Does a model beat the naive rule: metrics with intervals, curves, calibration, alerts, a timeline",
            file: "evaluation.html",
            arguments: arguments::ARGUMENTS,
            sources: built_in![
                "eval.html",
                "eval/alerts.sql",
                "eval/budget.sql",
                "eval/calibration.sql",
                "eval/comparison.sql",
                "eval/confusion.sql",
                "eval/facts.sql",
                "eval/false_alerts.sql",
                "eval/gain.sql",
                "eval/guarded.sql",
                "eval/importance.sql",
                "eval/judged.sql",
                "eval/labels.sql",
                "eval/learned.sql",
                "eval/metric_names.sql",
                "eval/metrics.sql",
                "eval/missed.sql",
                "eval/model.sql",
                "eval/models.sql",
                "eval/named.sql",
                "eval/options.sql",
                "eval/precision_recall.sql",
                "eval/recall_ranges.sql",
                "eval/roc.sql",
                "eval/score_distribution.sql",
                "eval/scored.sql",
                "eval/scored_models.sql",
                "eval/scored_validation.sql",
                "eval/slices.sql",
                "eval/sweep.sql",
                "eval/timeline.sql",
                "eval/tuned.sql",
                "eval/units.sql",
                "eval/untimed.sql",
                "eval/validated.sql",
                "eval/weights.sql",
            ],
        }
    }

    fn needs(&self, arguments: &Arguments) -> Needs {
        // Rows that bring their scores need no model.
        if arguments.contains_key(arguments::ON) { Needs::Nothing } else { Needs::TrainedModels }
    }

    fn make<'a>(&'a self, request: &'a Request<'_>) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(async move { evaluation(request).await })
    }
}

/// A figure and the query behind it; or the reason why there is no figure.
#[derive(Debug, Serialize)]
pub struct Exhibit {
    figure: Option<Figure>,
    absent: String,
    query: Option<Query>,
}

/// Something that is known of the rows or the model.
#[derive(Debug, Serialize)]
pub struct Fact {
    label: &'static str,
    value: String,
}

impl Fact {
    fn new(label: &'static str, value: String) -> Fact {
        Fact { label, value }
    }
}

/// Returns a name from outside in a form that fits into a sentence: short, and without characters that change how others are shown.
fn named(name: &str) -> String {
    const LONGEST: usize = 60;
    if name.trim().is_empty() { "(no name)".into() } else { printable(name, LONGEST) }
}

/// Returns a share of a split's rows, as text for a table cell.
fn share_of(part: f64, whole: f64) -> String {
    percent((whole > 0.0).then_some(part / whole))
}

/// Makes the evaluation report.
///
/// # Errors
/// The rows, the label or the model do not exist, the rows must not judge the model, or a query fails.
async fn evaluation(request: &Request<'_>) -> Result<Page, Error> {
    request.sources.check("eval", Evaluation.about().sources)?;
    let context = request.context;
    let mut subject = finding::subject(request).await?;
    let table = subject.rows.kept(context).await?;
    let mut threshold_query = None;
    if subject.model().threshold.is_none() {
        let frame = Frame::new(request, &subject, &table.name).await?;
        let query = frame.query("tuned", &[])?;
        let tuned = match frame.splits.iter().any(|split| split == "validation") {
            true => query.rows(context).await?.first().and_then(|row| row.number("threshold")),
            false => None,
        };
        threshold_query = tuned.map(|_| query);
        subject.scores[0].threshold = tuned;
    }
    subject.queries.extend(threshold_query);
    let frame = Frame::new(request, &subject, &table.name).await?;
    page(&frame).await
}

/// Runs a query and draws its figure.
async fn exhibit(
    frame: &Frame<'_>,
    query: Option<Query>,
    absent: &str,
    draw: impl FnOnce(&Rows) -> Option<Figure>,
) -> Result<Exhibit, Error> {
    let figure = match &query {
        Some(query) => draw(&query.rows(frame.request.context).await?),
        None => None,
    };
    Ok(Exhibit { figure, absent: absent.into(), query })
}

/// Whether the model may have learned the very rows that judge it: no column says which rows it has seen, and no time tells.
async fn learned_here(frame: &Frame<'_>) -> Result<bool, Error> {
    let subject = frame.subject;
    let source = subject::source(&subject.relation);
    let is_name = !source.starts_with('(');
    let Some(reference) =
        subject.reference.as_ref().filter(|_| subject.split.is_none() && subject.can_score && is_name)
    else {
        return Ok(false);
    };
    let values = [("on", Literal::Text(&source)), ("model", Literal::Text(reference))];
    let query = frame.request.query("eval/learned.sql", &values)?;
    let rows = query.rows(frame.request.context).await?;
    Ok(rows.first().and_then(|row| row.number("learned")).is_some_and(|learned| learned > 0.0))
}

/// Measures the scores at the chosen places, the model in question at 0, on every split.
async fn metrics(frame: &Frame<'_>, which: impl Fn(usize) -> bool) -> Result<(Table, Vec<Query>), Error> {
    let names_query = frame.request.query("eval/metric_names.sql", &[])?;
    let columns = Column::all(&names_query.rows(frame.request.context).await?);
    let listed = columns.iter().map(Column::sql).collect::<Vec<_>>().join(", ");
    let listed = format!("m['prevalence'] AS prevalence, {listed}");
    let values = [("columns", Literal::Sql(&listed))];
    let query = frame.each("metrics", "model, split", |place, _| which(place), &values)?;
    let rows = rows_of(frame, &query).await?;
    Ok((Table::read(&rows, columns), query.into_iter().chain([names_query]).collect()))
}

/// Compares the scores at the chosen places with the baseline, on every split.
async fn compared(frame: &Frame<'_>, which: impl Fn(usize) -> bool) -> Result<(Vec<Comparison>, Option<Query>), Error> {
    let called = frame.subject.baseline_name();
    let values = [("called", Literal::Text(&called))];
    let query = frame.each("comparison", "model, split", |place, _| which(place), &values)?;
    Ok((Comparison::all(&rows_of(frame, &query).await?, frame.subject.event()), query))
}

async fn page(frame: &Frame<'_>) -> Result<Page, Error> {
    let (request, subject, context) = (frame.request, frame.subject, frame.request.context);
    let model = subject.model();
    let (timed, has_episodes) = (subject.time.is_some(), subject.has_episodes());
    let rate = Rate::for_horizon(subject.horizon_s);
    let judged = frame.judged();
    let several = frame.has_several_parts();

    let (table, metrics_queries) = metrics(frame, |_| true).await?;
    let called = subject.baseline_name();
    let (compared, comparison_query) = compared(frame, |place| !subject.is_baseline(place)).await?;
    let learned = learned_here(frame).await?;
    let verdict = verdict::verdict(frame, &table, &compared, learned);
    let conditions = verdict::conditions(frame, &table, &compared, learned, &verdict);

    let ours = table.find(&model.name, &frame.split);
    let prevalence = ours.and_then(|row| row.prevalence).filter(|share| *share > 0.0);
    let no_curve = "Not defined: the judged rows need scored rows that are positive and rows that are not.";
    let no_rows = "No judged row has a score.";
    let all = |_: usize, _: &subject::Scored| true;
    let query = frame.each("precision_recall", "model, recall, \"precision\" DESC", all, &[])?;
    let precision_recall =
        exhibit(frame, query, no_curve, |rows| figures::precision_recall(rows, subject, prevalence)).await?;
    let ranges_query = frame.query("recall_ranges", &[])?;
    let ranges = ranges_query.rows(context).await?;
    let recall_sentence = figures::recall_sentence(&ranges, &named(&model.name), &called);
    let query = frame.each("roc", "model, false_positive_rate, true_positive_rate", all, &[])?;
    let roc = exhibit(frame, query, no_curve, |rows| figures::roc(rows, subject)).await?;
    let query = frame.each("gain", "model, share", all, &[])?;
    let gain = exhibit(frame, query, no_curve, |rows| figures::gain(rows, subject)).await?;

    let query = frame.each("calibration", "model, mean_score", |_, scored| scored.probability, &[])?;
    let calibration_rows = rows_of(frame, &query).await?;
    let calibration = Exhibit {
        figure: figures::calibration(&calibration_rows, subject),
        absent: if query.is_some() { no_rows } else { "No score is a probability: these scores only rank." }.into(),
        query,
    };
    let calibration_sentences = match model.probability {
        true => figures::calibration_sentences(&calibration_rows, model, &subject.classes().0),
        false => vec![format!("The scores of {} only rank; they are not probabilities.", named(&model.name))],
    };
    let score = |name: &str| judged.and_then(|row| row.number(name));
    let range = figures::score_range(subject, score("lowest"), score("highest"));
    let values = [("low", Literal::Number(range.0)), ("high", Literal::Number(range.1))];
    let query = Some(frame.query("score_distribution", &values)?);
    let score_distribution =
        exhibit(frame, query, no_rows, |rows| figures::score_distribution(rows, subject, range)).await?;

    let confusion_query = frame.query("confusion", &[])?;
    let confusion = match model.threshold {
        Some(_) => Confusion::read(&confusion_query.rows(context).await?, &frame.split),
        None => None,
    };
    let alerts_query = match model.threshold.filter(|_| has_episodes) {
        Some(_) => Some(frame.query("alerts", &[])?),
        None => None,
    };
    let alerts = Alerts::read(&rows_of(frame, &alerts_query).await?);
    let budget_query = frame.query("budget", &[])?;
    let budget = match prevalence {
        Some(_) => alerts::budget(&budget_query.rows(context).await?),
        None => Vec::new(),
    };
    let sweep_query = frame.query("sweep", &[])?;
    let sweep_rows = if prevalence.is_some() { sweep_query.rows(context).await? } else { Rows::default() };
    let trade_off = Exhibit {
        figure: alerts::trade_off(&sweep_rows, alerts.as_ref(), rate).filter(|_| has_episodes),
        absent: match (subject.no_episodes(), prevalence) {
            (Some(why), _) => why,
            (None, None) => no_curve,
            (None, Some(_)) => alerts::no_trade_off(&sweep_rows),
        }
        .into(),
        query: None,
    };
    let worst = match model.threshold.filter(|_| has_episodes) {
        Some(_) => {
            let (false_query, missed_query) = (frame.query("false_alerts", &[])?, frame.query("missed", &[])?);
            let false_alerts = alerts::worst(&false_query.rows(context).await?, several);
            let missed = alerts::worst(&missed_query.rows(context).await?, several);
            Some(view::Worst { false_alerts, missed, queries: vec![false_query, missed_query] })
        }
        None => None,
    };
    let timeline = match timed {
        true => {
            let query = Some(frame.query("timeline", &[])?);
            Some(exhibit(frame, query, no_rows, |rows| timeline::timeline(rows, subject, range)).await?)
        }
        false => None,
    };
    let differences = Exhibit {
        figure: comparison::picture(frame, &compared),
        absent: "Not known: no row is positive, or no row has both scores.".into(),
        query: comparison_query,
    };
    let line = verdict.headline.clone();
    let view = View {
        title: format!("Evaluation of {}", named(&model.name)),
        generated_at: format::minute(request.generated_at),
        version: env!("CARGO_PKG_VERSION"),
        label: named(&subject.label),
        positive: subject.classes().0,
        negative: subject.classes().1,
        relation: printable(&subject.relation, 120),
        judged: frame.called(),
        notes: subject.notes.clone(),
        tiles: tiles(frame, &table, &compared, alerts.as_ref()),
        columns: table.columns(),
        splits: by_split(&table, &frame.splits, subject),
        metrics_queries,
        differences_table: comparison::table(frame, &compared),
        baseline: called,
        differences,
        precision_recall,
        recall_sentence,
        ranges_query,
        roc,
        gain,
        calibration,
        calibration_sentences,
        score_distribution,
        threshold: model.threshold.map(|threshold| number(Some(threshold))),
        confusion: confusion.map(|confusion| confusion.view(alerts.as_ref().map(Alerts::of_episodes))),
        alerts_sentence: alerts.as_ref().map(|alerts| alerts.told(rate, judged.and_then(|row| row.number("episodes")))),
        budget,
        sweep: alerts::sweep(&sweep_rows, several, has_episodes, rate),
        explained: alerts::explained(subject.horizon_s.filter(|_| has_episodes)),
        undecided: alerts::undecided(&sweep_rows),
        trade_off,
        alert_queries: std::iter::once(confusion_query)
            .chain(alerts_query)
            .chain([budget_query, sweep_query])
            .collect(),
        worst,
        worst_columns: view::worst_columns(several),
        slices: slices::slices(frame).await?,
        timeline,
        pause: format::span(Some(frame.block_s as i64 * 1_000_000_000)),
        facts: view::facts(frame),
        split_columns: view::split_columns(frame),
        split_facts: split_facts(frame),
        facts_queries: [vec![subject.rows.clone(), frame.facts_query.clone()], subject.queries.clone()].concat(),
        importance: card::importance(frame).await?,
        card: card::card(frame).await?,
        model: named(&model.name),
        verdict,
    };
    Ok(Page {
        html: request.sources.render("eval.html", &view)?,
        markdown: None,
        verdict: line,
        warnings: subject.told(),
        conditions,
    })
}

async fn rows_of(frame: &Frame<'_>, query: &Option<Query>) -> Result<Rows, Error> {
    match query {
        Some(query) => query.rows(frame.request.context).await,
        None => Ok(Rows::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn names_are_short_and_keep_to_themselves() {
        assert_eq!(named("spike"), "spike");
        assert_eq!(named(""), "(no name)");
        assert_eq!(named("a\u{202e}b"), r"a\u{202e}b");
        assert_eq!(named(&"x".repeat(10_000)).chars().count(), 61);
    }
}
