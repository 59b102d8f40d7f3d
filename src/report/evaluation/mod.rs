//! The evaluation report: whether and where the model beats the naive rule, and how its scores behave.
//!
//! In: the named queries `spike_training`, `spike_scores`, `spike_metrics` and `spike_thresholds`. Out: HTML. Thresholds and
//! metrics come from these queries. Curves and counts come from the queries in `reports/eval/`, which the report shows.

mod card;
mod figures;
mod metrics;
mod timeline;
mod verdict;

use async_trait::async_trait;
use datafusion::prelude::SessionContext;
use serde::Serialize;

use self::card::Card;
use self::metrics::{SplitView, Table, by_split};
use super::chart::Figure;
use super::format::{self, count, number, percent};
use super::query::{Literal, Query, Rows};
use super::sources::built_in;
use super::{About, Argument, Arguments, Condition, Error, Needs, Page, Report, Request, Verdict, require};

/// The report `eval`.
pub struct Evaluation;

#[async_trait]
impl Report for Evaluation {
    fn about(&self) -> &'static About {
        &About {
            name: "eval",
            description: "Does the model beat the naive rule: metrics, curves, calibration, alerts, a timeline",
            file: "evaluation.html",
            arguments: &[Argument {
                name: MODEL,
                value: "MODEL",
                help: "The model in question [default: of those that are more than a rule, the best on validation]",
            }],
            sources: built_in![
                "eval.html",
                "eval/budget.sql",
                "eval/calibration.sql",
                "eval/comparison.sql",
                "eval/confusion.sql",
                "eval/episodes.sql",
                "eval/facts.sql",
                "eval/metric_names.sql",
                "eval/metrics.sql",
                "eval/model.sql",
                "eval/precision_recall.sql",
                "eval/roc.sql",
                "eval/score_distribution.sql",
                "eval/thresholds.sql",
                "eval/timeline.sql",
                "eval/weights.sql",
            ],
        }
    }

    fn needs(&self, _arguments: &Arguments) -> Needs {
        Needs::TrainedModels
    }

    async fn make(&self, request: &Request<'_>) -> Result<Page, Error> {
        evaluation(request).await
    }
}

const MODEL: &str = "model";

/// Right and wrong alerts on one split at the chosen threshold.
#[derive(Debug, Clone)]
struct Confusion {
    threshold: f64,
    hits: f64,
    false_alarms: f64,
    missed: f64,
    quiet: f64,
}

impl Confusion {
    /// Returns the share of the positives for which there was an alert; `None` if there are no positives.
    fn recall(&self) -> Option<f64> {
        let positives = self.hits + self.missed;
        (positives > 0.0).then(|| self.hits / positives)
    }
}

/// Separate runs of spikes on one split, and for how many of them there was an alert.
#[derive(Debug, Clone)]
struct Episodes {
    episodes: f64,
    caught: f64,
}

/// The model beside the naive rule on the test rows that both score.
#[derive(Debug, Clone)]
struct Comparison {
    verdict: String,
    reason: Option<String>,
    difference: Option<f64>,
    difference_interval: Option<(f64, f64)>,
    share_better: Option<f64>,
    episodes: Option<f64>,
}

/// A figure and the query behind it; or the reason why there is no figure.
#[derive(Debug, Serialize)]
struct Exhibit {
    figure: Option<Figure>,
    absent: String,
    query: Query,
}

/// The values for the template.
#[derive(Debug, Serialize)]
struct View {
    title: String,
    generated_at: String,
    version: &'static str,
    verdict: Verdict,
    model: String,
    tiles: Vec<Tile>,
    columns: Vec<String>,
    splits: Vec<SplitView>,
    metrics_query: Query,
    comparison_query: Query,
    precision_recall: Exhibit,
    roc: Exhibit,
    calibration: Exhibit,
    score_distribution: Exhibit,
    timeline: Exhibit,
    threshold: Option<String>,
    confusion: Option<ConfusionView>,
    confusion_query: Query,
    episodes_query: Query,
    budget: Vec<[String; 6]>,
    budget_query: Query,
    facts: Vec<Fact>,
    split_facts: Vec<[String; 7]>,
    facts_query: Query,
    thresholds_query: Query,
    card: Option<Card>,
    /// How far ahead a label looks, with its unit.
    horizon: String,
}

/// A headline figure.
#[derive(Debug, Serialize)]
struct Tile {
    label: String,
    value: String,
    note: String,
}

#[derive(Debug, Serialize)]
struct Fact {
    label: &'static str,
    value: String,
}

#[derive(Debug, Serialize)]
struct ConfusionView {
    hits: String,
    false_alarms: String,
    missed: String,
    quiet: String,
    hit_share: String,
    false_alarm_share: String,
    missed_share: String,
    quiet_share: String,
    precision: String,
    recall: String,
    episodes: Option<String>,
}

/// Makes the evaluation report.
///
/// # Errors
/// A named query is missing or fails, nothing was evaluated, or the model was not scored.
async fn evaluation(request: &Request<'_>) -> Result<Page, Error> {
    let context = request.context;
    require(context, &["spike_training", "spike_scores", "spike_metrics", "spike_thresholds"])?;
    request.sources.check("eval", Evaluation.about().sources)?;
    let horizon = format!("{} s", request.parameter("horizon_s")?);
    let metrics_query = request.query("eval/metrics.sql", &[])?;
    let names_query = request.query("eval/metric_names.sql", &[])?;
    let table = Table::read(&metrics_query.rows(context).await?, &names_query.rows(context).await?);
    if table.is_empty() {
        return Err(Error::NothingEvaluated);
    }
    let model = subject(&table, request.argument(MODEL))?;
    let models = in_order(&table, &model);

    let thresholds_query = request.query("eval/thresholds.sql", &[])?;
    let thresholds = thresholds_query.rows(context).await?;
    let threshold = thresholds.find("model", &model).and_then(|row| row.number("threshold"));
    let values = [
        ("model", Literal::Text(&model)),
        ("threshold", threshold.map_or(Literal::Sql("CAST(NULL AS DOUBLE)"), Literal::Number)),
    ];
    let query = |name: &str| request.query(&format!("eval/{name}.sql"), &values);

    let facts_query = query("facts")?;
    let facts = facts_query.rows(context).await?;
    let tau = facts.iter().find_map(|row| row.number("tau"));
    let prevalence = table.find(&model, "test").and_then(|row| row.prevalence).filter(|share| *share > 0.0);

    let confusion_query = query("confusion")?;
    let confusion = match threshold {
        Some(threshold) => read_confusion(&confusion_query.rows(context).await?, threshold),
        None => None,
    };
    let episodes_query = query("episodes")?;
    let episodes = match threshold {
        Some(_) => read_episodes(&episodes_query.rows(context).await?),
        None => None,
    };
    let budget_query = query("budget")?;
    let budget = match prevalence {
        Some(_) => read_budget(&budget_query.rows(context).await?),
        None => Vec::new(),
    };

    let no_curve = "Not defined: the test split needs scored rows that are followed by a spike and rows that are not.";
    let no_rows = "There are no scored rows in the test split.";
    let draw = |rows: &Rows| figures::precision_recall(rows, &models, prevalence);
    let precision_recall = exhibit(context, query("precision_recall")?, no_curve, draw).await?;
    let draw = |rows: &Rows| figures::roc(rows, &models);
    let roc = exhibit(context, query("roc")?, no_curve, draw).await?;
    let probabilities: Vec<(usize, &str)> = models
        .iter()
        .enumerate()
        .filter(|(_, name)| **name == model || table.gives_probabilities(name))
        .map(|(index, name)| (index, name.as_str()))
        .collect();
    let draw = |rows: &Rows| figures::calibration(rows, &probabilities, &model);
    let calibration = exhibit(context, query("calibration")?, no_rows, draw).await?;
    let draw = |rows: &Rows| figures::score_distribution(rows, &model, threshold);
    let score_distribution = exhibit(context, query("score_distribution")?, no_rows, draw).await?;
    let draw = |rows: &Rows| timeline::timeline(rows, &model, tau, threshold);
    let timeline = exhibit(context, query("timeline")?, no_rows, draw).await?;

    let naive = table.naive().unwrap_or_default();
    let values = [("model", Literal::Text(&model)), ("naive", Literal::Text(naive))];
    let comparison_query = request.query("eval/comparison.sql", &values)?;
    let compared = match naive {
        _ if naive.is_empty() || naive == model => None,
        _ => read_comparison(&comparison_query.rows(context).await?),
    };
    let verdict = verdict::verdict(&table, &model, compared.as_ref(), confusion.as_ref(), episodes.as_ref());
    let line = verdict.headline.clone();
    let view = View {
        title: format!("Evaluation of {model}"),
        generated_at: format::minute(request.generated_at),
        version: env!("CARGO_PKG_VERSION"),
        tiles: tiles(&table, &model, episodes.as_ref(), &horizon),
        columns: table.columns(),
        splits: by_split(&table, &models, |name| role(&table, name, &model)),
        metrics_query,
        comparison_query,
        precision_recall,
        roc,
        calibration,
        score_distribution,
        timeline,
        threshold: threshold.map(|threshold| number(Some(threshold))),
        confusion: confusion.map(|confusion| confusion_view(&confusion, episodes.as_ref())),
        confusion_query,
        episodes_query,
        budget,
        budget_query,
        facts: data_facts(&facts, tau),
        split_facts: split_facts(&facts),
        facts_query,
        thresholds_query,
        card: card::card(request, &model).await?,
        horizon,
        verdict,
        model: model.clone(),
    };
    Ok(Page {
        html: request.sources.render("eval.html", &view)?,
        markdown: None,
        verdict: line,
        warnings: table.warnings(),
        conditions: view.verdict.found(Condition::Worse),
    })
}

/// Runs a query and draws its figure.
async fn exhibit(
    context: &SessionContext,
    query: Query,
    absent: &str,
    draw: impl FnOnce(&Rows) -> Option<Figure>,
) -> Result<Exhibit, Error> {
    let rows = query.rows(context).await?;
    Ok(Exhibit { figure: draw(&rows), absent: absent.into(), query })
}

/// Returns the model that the report is about.
fn subject(table: &Table, wanted: Option<&str>) -> Result<String, Error> {
    let known = table.models();
    if let Some(wanted) = wanted {
        return match known.iter().find(|name| *name == wanted) {
            Some(name) => Ok(name.clone()),
            None => Err(Error::UnknownModel { name: wanted.into(), known }),
        };
    }
    // The choice depends only on the validation split, because the test split must not choose its own winner.
    let on_validation = |name: &String| table.find(name, "validation").and_then(|row| row.average_precision);
    let rank = |name: &String| (table.is_trained_model(name), on_validation(name).unwrap_or(-1.0));
    known
        .iter()
        .max_by(|a, b| rank(a).partial_cmp(&rank(b)).unwrap_or(std::cmp::Ordering::Equal))
        .cloned()
        .ok_or(Error::NothingEvaluated)
}

/// Returns all models: first the report's model, then the naive rule, then the others by name.
fn in_order(table: &Table, model: &str) -> Vec<String> {
    let mut models = table.models();
    models.sort_by_key(|name| (name != model, Some(name.as_str()) != table.naive(), name.clone()));
    models
}

fn role(table: &Table, name: &str, model: &str) -> &'static str {
    match name {
        _ if name == model => "model",
        _ if Some(name) == table.naive() => "naive",
        _ => "other",
    }
}

fn read_confusion(rows: &Rows, threshold: f64) -> Option<Confusion> {
    let row = rows.find("split", "test")?;
    Some(Confusion {
        threshold,
        hits: row.number("hits")?,
        false_alarms: row.number("false_alarms")?,
        missed: row.number("missed")?,
        quiet: row.number("quiet")?,
    })
}

fn read_episodes(rows: &Rows) -> Option<Episodes> {
    let row = rows.find("split", "test")?;
    Some(Episodes { episodes: row.number("episodes")?, caught: row.number("caught")? })
}

fn read_comparison(rows: &Rows) -> Option<Comparison> {
    let row = rows.first()?;
    Some(Comparison {
        verdict: row.text("verdict")?.into(),
        reason: row.text("reason").map(str::to_string),
        difference: row.number("difference"),
        difference_interval: row.number("difference_low").zip(row.number("difference_high")),
        share_better: row.number("share_better"),
        episodes: row.number("episodes"),
    })
}

fn read_budget(rows: &Rows) -> Vec<[String; 6]> {
    rows.iter()
        .map(|row| {
            [
                percent(row.number("share")),
                count(row.number("alerts")),
                number(row.number("lowest_score")),
                count(row.number("hits")),
                percent(row.number("precision")),
                percent(row.number("recall")),
            ]
        })
        .collect()
}

fn tiles(table: &Table, model: &str, episodes: Option<&Episodes>, horizon: &str) -> Vec<Tile> {
    let test = table.find(model, "test");
    let naive = table.naive().and_then(|naive| table.find(naive, "test")).and_then(|row| row.average_precision);
    let mut tiles = vec![Tile {
        label: "Average precision".into(),
        value: number(test.and_then(|row| row.average_precision)),
        note: format!("{model}, test split"),
    }];
    if table.naive() != Some(model) {
        tiles.push(Tile {
            label: "Naive rule".into(),
            value: number(naive),
            note: "current volatility as the score".into(),
        });
    }
    tiles.push(Tile {
        label: "Guessing".into(),
        value: number(test.and_then(|row| row.prevalence)),
        note: "prevalence: the share of spikes".into(),
    });
    tiles.push(Tile {
        label: "Episodes caught".into(),
        value: episodes.map_or(format::UNKNOWN.into(), |seen| {
            format!("{} of {}", count(Some(seen.caught)), count(Some(seen.episodes)))
        }),
        note: format!("spikes at least {horizon} apart"),
    });
    tiles
}

fn confusion_view(confusion: &Confusion, episodes: Option<&Episodes>) -> ConfusionView {
    let total = confusion.hits + confusion.false_alarms + confusion.missed + confusion.quiet;
    let alerts = confusion.hits + confusion.false_alarms;
    let share = |part: f64| figures::share_of(part, total);
    ConfusionView {
        hits: count(Some(confusion.hits)),
        false_alarms: count(Some(confusion.false_alarms)),
        missed: count(Some(confusion.missed)),
        quiet: count(Some(confusion.quiet)),
        hit_share: share(confusion.hits),
        false_alarm_share: share(confusion.false_alarms),
        missed_share: share(confusion.missed),
        quiet_share: share(confusion.quiet),
        precision: percent((alerts > 0.0).then(|| confusion.hits / alerts)),
        recall: percent(confusion.recall()),
        episodes: episodes.map(|seen| format!("{} of {}", count(Some(seen.caught)), count(Some(seen.episodes)))),
    }
}

fn data_facts(rows: &Rows, tau: Option<f64>) -> Vec<Fact> {
    let total = rows.iter().filter_map(|row| row.number("rows")).sum::<f64>();
    let first = rows.iter().filter_map(|row| row.integer("first_ts")).min();
    let last = rows.iter().filter_map(|row| row.integer("last_ts")).max();
    let products = rows.iter().filter_map(|row| row.number("products")).fold(0.0, f64::max);
    let product = rows.iter().find_map(|row| row.text("product_id")).unwrap_or(format::UNKNOWN);
    vec![
        Fact { label: "Product", value: if products > 1.0 { format!("{product} and others") } else { product.into() } },
        Fact { label: "Rows", value: count(Some(total)) },
        Fact { label: "From", value: format::instant(first) },
        Fact { label: "To", value: format::instant(last) },
        Fact { label: "Tau", value: number(tau) },
    ]
}

fn split_facts(rows: &Rows) -> Vec<[String; 7]> {
    rows.iter()
        .map(|row| {
            let (first, last) = (row.integer("first_ts"), row.integer("last_ts"));
            let (total, positives) = (row.number("rows"), row.number("positives"));
            let share =
                total.zip(positives).filter(|(total, _)| *total > 0.0).map(|(total, positives)| positives / total);
            [
                row.text("split").unwrap_or(format::UNKNOWN).into(),
                count(total),
                count(positives),
                percent(share),
                format::instant(first),
                format::instant(last),
                format::span(first.zip(last).map(|(first, last)| last - first)),
            ]
        })
        .collect()
}
