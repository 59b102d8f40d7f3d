//! The market as a volatility researcher looks at it: price and volatility over time, distributions, candidates for tau, correlations,
//! densities, times of the week, memory of volatility, and what happens around spikes.

use serde::Serialize;

use super::Eda;
use super::figures::matrix;
use super::studies;
use crate::report::chart::{Axis, Tone, Unit};
use crate::report::exhibit::{Answer, Exhibit, ask, name};
use crate::report::format::{self, count, instant, number, percent, span};
use crate::report::query::{Literal, Query, Rows};
use crate::report::{Condition, Error, Mood, Page, Report, Request, Verdict, require};
use crate::text::{counted, identifier};

/// The most products whose time is drawn.
const MOST_PRODUCTS: usize = 4;
const MOST_PAIRS: usize = 15;
/// With fewer episodes, figures about spikes are uncertain.
const FEW_EPISODES: f64 = 20.0;
/// Columns of the training rows that are not features.
const NO_FEATURES: [&str; 3] = ["forward_vol", "tau", "midprice"];
/// The logarithm of the target, which the densities show.
const TARGET: &str = "CASE WHEN forward_vol > 0 THEN log10(forward_vol) END";

/// The values for the template.
#[derive(Debug, Serialize)]
struct View {
    title: &'static str,
    generated_at: String,
    version: &'static str,
    verdict: Verdict,
    tiles: Vec<[String; 3]>,
    horizon: String,
    timelines: Vec<Exhibit>,
    hidden_products: usize,
    timeline_queries: Vec<Query>,
    distributions: Vec<Exhibit>,
    distributions_query: Query,
    thresholds: Vec<Vec<String>>,
    thresholds_query: Query,
    matrix: Exhibit,
    pairs: Vec<Vec<String>>,
    correlations: Query,
    densities: Vec<Exhibit>,
    density_queries: Vec<Query>,
    week: Exhibit,
    week_query: Query,
    autocorrelation: Exhibit,
    autocorrelation_query: Query,
    surroundings: Exhibit,
    surroundings_query: Query,
    facts: Vec<Query>,
}

/// Makes the study of the market.
///
/// # Errors
/// The ticks or the training rows are missing, or a query fails.
pub async fn study(request: &Request<'_>) -> Result<Page, Error> {
    request.sources.check(Eda.about().name, Eda.about().sources)?;
    require(request.context, &["ticks", "spike_training"])?;
    let horizon = request.parameter("horizon_s")?;
    request.parameter("products")?;
    let training = request.query("eda/training_rows.sql", &[])?;
    let kept = training.kept(request.context).await?;
    let rows = ("rows", Literal::Sql(kept.name.as_str()));
    let facts = ask(request, "eda/facts.sql", &[rows]).await?;
    let tau = facts.rows.iter().filter_map(|row| row.number("tau")).reduce(f64::max);

    let (mut timelines, mut timeline_queries) = (Vec::new(), Vec::new());
    for (index, row) in facts.rows.iter().take(MOST_PRODUCTS).enumerate() {
        let Some(product) = row.text("product_id") else { continue };
        let Answer { query, rows: steps } =
            ask(request, "eda/timeline.sql", &[rows, ("product", Literal::Text(product))]).await?;
        let figure = studies::timeline(&format!("timeline-{index}"), &name(product), &steps, tau);
        timelines.push(Exhibit::new(figure, "There are no ticks."));
        timeline_queries.push(query);
    }
    let distributions = ask(request, "eda/distributions.sql", &[rows]).await?;
    let thresholds = ask(request, "eda/thresholds.sql", &[rows]).await?;
    let on = [("on", Literal::Text(kept.name.as_str()))];
    let correlations = ask(request, "eda/correlations.sql", &on).await?;
    let columns = ask(request, "eda/columns.sql", &on).await?;
    let leading = leading(&correlations.rows);
    let (densities, density_queries) =
        densities(request, &kept.name, &leading, &columns.rows, &distributions.rows).await?;
    let week = ask(request, "eda/hours.sql", &[rows]).await?;
    let autocorrelation = ask(request, "eda/autocorrelation.sql", &[]).await?;
    let surroundings = ask(request, "eda/surroundings.sql", &[rows]).await?;

    let found = Found {
        facts: &facts.rows,
        thresholds: &thresholds.rows,
        leading: &leading,
        week: &week.rows,
        autocorrelation: &autocorrelation.rows,
        surroundings: &surroundings.rows,
        tau,
    };
    let verdict = found.verdict();
    let line = verdict.headline.clone();
    let conditions = Vec::from_iter((found.sum("rows") == 0.0).then_some(Condition::Missing));
    let log_tau = tau.filter(|tau| *tau > 0.0).map(f64::log10);
    let drawn = |column: &str, title: &str, mark: Option<f64>, tone: Tone| {
        let figure = studies::distribution(&distributions.rows, column, title, mark.map(|at| (at, "tau")), tone);
        Exhibit::new(figure, format!("{title}: there are no values."))
    };
    let nothing = "There are no training rows, or all values are the same.";
    let view = View {
        title: "The market",
        generated_at: format::minute(request.generated_at),
        version: env!("CARGO_PKG_VERSION"),
        tiles: found.tiles(),
        timelines,
        hidden_products: facts.rows.iter().count().saturating_sub(MOST_PRODUCTS),
        timeline_queries,
        distributions: vec![
            drawn("forward_vol", "Forward volatility", tau, Tone::First),
            drawn("log10_forward_vol", "Forward volatility, decimal logarithm", log_tau, Tone::First),
            drawn("current_vol", "Current volatility", None, Tone::Third),
            drawn("log10_current_vol", "Current volatility, decimal logarithm", None, Tone::Third),
        ],
        thresholds: thresholds
            .rows
            .iter()
            .map(|row| {
                let mut cells = vec![
                    percent(row.number("level")),
                    row.shown("tau"),
                    row.shown("spikes"),
                    percent(row.number("share")),
                ];
                cells.extend(["episodes", "test_episodes"].map(|column| row.shown(column)));
                cells
            })
            .collect(),
        matrix: Exhibit::new(matrix(&correlations.rows), nothing),
        pairs: with_target(&leading),
        densities,
        density_queries,
        week: Exhibit::new(studies::week(&week.rows), nothing),
        autocorrelation: Exhibit::new(
            studies::autocorrelation(&autocorrelation.rows),
            "There are too few minutes of ticks.",
        ),
        surroundings: Exhibit::new(
            studies::surroundings(&surroundings.rows, horizon.parse().ok()),
            "There is no episode, or it has no ticks around it.",
        ),
        horizon,
        verdict,
        distributions_query: distributions.query,
        thresholds_query: thresholds.query,
        correlations: correlations.query,
        week_query: week.query,
        autocorrelation_query: autocorrelation.query,
        surroundings_query: surroundings.query,
        facts: vec![training, facts.query],
    };
    let html = request.sources.render("eda.html", &view)?;
    Ok(Page { html, markdown: None, verdict: line, warnings: Vec::new(), conditions })
}

/// Returns the features with their correlation with forward volatility, the strongest first.
fn leading(pairs: &Rows) -> Vec<(String, f64)> {
    let mut features: Vec<(String, f64)> = Vec::new();
    for row in pairs.iter() {
        let (Some(a), Some(b), Some(correlation)) =
            (row.text("column_a"), row.text("column_b"), row.number("correlation"))
        else {
            continue;
        };
        let feature = match (a, b) {
            ("forward_vol", feature) | (feature, "forward_vol") => feature,
            _ => continue,
        };
        if !NO_FEATURES.contains(&feature) {
            features.push((feature.into(), correlation));
        }
    }
    features.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then_with(|| a.0.cmp(&b.0)));
    features
}

/// Returns the features with the strongest correlations with forward volatility, as rows of text.
fn with_target(leading: &[(String, f64)]) -> Vec<Vec<String>> {
    leading
        .iter()
        .take(MOST_PAIRS)
        .map(|(feature, correlation)| vec![name(feature), number(Some(*correlation))])
        .collect()
}

/// Draws the leading features against forward volatility, and the two strongest against each other.
async fn densities(
    request: &Request<'_>,
    table: &str,
    leading: &[(String, f64)],
    columns: &Rows,
    distributions: &Rows,
) -> Result<(Vec<Exhibit>, Vec<Query>), Error> {
    let range = |rows: &Rows, column: &str| {
        let quantiles = rows.find("column_name", column)?.numbers("quantiles").to_vec();
        let (low, high) = (*quantiles.first()?, *quantiles.last()?);
        (low < high).then_some((low, high))
    };
    let target =
        ("forward volatility, log₁₀".to_string(), TARGET.to_string(), range(distributions, "log10_forward_vol"));
    let feature = |place: usize| {
        let (feature, _) = leading.get(place)?;
        Some((name(feature), identifier(feature), range(columns, feature)))
    };
    let pairs = [
        (feature(0), Some(target.clone())),
        (feature(1), Some(target.clone())),
        (feature(2), Some(target)),
        (feature(0), feature(1)),
    ];
    let (mut exhibits, mut queries) = (Vec::new(), Vec::new());
    for (index, pair) in pairs.into_iter().enumerate() {
        let (Some((x_name, x, Some((x_low, x_high)))), Some((y_name, y, Some((y_low, y_high))))) = pair else {
            continue;
        };
        let values = [
            ("rows", Literal::Sql(table)),
            ("x", Literal::Sql(x.as_str())),
            ("y", Literal::Sql(y.as_str())),
            ("x_low", Literal::Number(x_low)),
            ("x_high", Literal::Number(x_high)),
            ("y_low", Literal::Number(y_low)),
            ("y_high", Literal::Number(y_high)),
        ];
        let Answer { query, rows } = ask(request, "eda/density.sql", &values).await?;
        let (x, y) = (Axis::new(x_name, Unit::Number, x_low, x_high), Axis::new(y_name, Unit::Number, y_low, y_high));
        exhibits.push(Exhibit::new(studies::density(&format!("density-{index}"), &rows, x, y), "There are no rows."));
        queries.push(query);
    }
    Ok((exhibits, queries))
}

/// What the queries found, for the words.
struct Found<'a> {
    facts: &'a Rows,
    thresholds: &'a Rows,
    leading: &'a [(String, f64)],
    week: &'a Rows,
    autocorrelation: &'a Rows,
    surroundings: &'a Rows,
    tau: Option<f64>,
}

impl Found<'_> {
    fn sum(&self, column: &str) -> f64 {
        self.facts.iter().filter_map(|row| row.number(column)).sum()
    }

    fn bounds(&self) -> (Option<i64>, Option<i64>) {
        let of = |column: &'static str| self.facts.iter().filter_map(move |row| row.integer(column));
        (of("first_ts").min(), of("last_ts").max())
    }

    fn tiles(&self) -> Vec<[String; 3]> {
        let (rows, spikes) = (self.sum("rows"), self.sum("spikes"));
        let (first, last) = self.bounds();
        vec![
            ["Rows".into(), count(Some(rows)), counted(self.facts.iter().count() as u64, "product")],
            [
                "Recorded".into(),
                span(first.zip(last).map(|(first, last)| last - first)),
                format!("from {} to {}", instant(first), instant(last)),
            ],
            ["tau".into(), number(self.tau), "forward volatility from here on is a spike".into()],
            [
                "Spikes".into(),
                count(Some(spikes)),
                format!("rows, {} of all", percent((rows > 0.0).then(|| spikes / rows))),
            ],
            ["Episodes".into(), count(Some(self.sum("episodes"))), "independent events behind these rows".into()],
        ]
    }

    fn verdict(&self) -> Verdict {
        let (rows, episodes) = (self.sum("rows"), self.sum("episodes"));
        if rows == 0.0 {
            let headline = "There are no training rows, so the market is not known.".to_string();
            let why = "A row needs 30 minutes of ticks before it and a horizon of ticks after it.".to_string();
            return Verdict { mood: Mood::Unknown, headline, sentences: vec![why] };
        }
        let headline =
            format!("{} hold {} of high volatility.", counted(rows as u64, "row"), counted(episodes as u64, "episode"));
        let mut sentences = Vec::new();
        if episodes < FEW_EPISODES {
            sentences.push(format!(
                "So few episodes are not enough to be sure of anything about spikes; {FEW_EPISODES} or more would be better."
            ));
        }
        sentences.extend(self.memory());
        sentences.extend(self.leading.first().map(|(feature, correlation)| {
            let feature = name(feature);
            format!(
                "Of the features, {feature} goes most with forward volatility: correlation {}.",
                number(Some(*correlation))
            )
        }));
        sentences.extend(self.before());
        sentences.extend(self.busiest());
        sentences.extend(self.stricter());
        Verdict { mood: Mood::Unknown, headline, sentences }
    }

    /// Says how long volatility remembers.
    fn memory(&self) -> Option<String> {
        let at = |lag: f64, column: &str| {
            let row = self.autocorrelation.iter().find(|row| row.number("lag") == Some(lag))?;
            row.number(column)
        };
        let (next, returns) = (at(1.0, "volatility")?, at(1.0, "returns")?);
        let clusters = if next > 0.2 { "Volatility clusters" } else { "Volatility hardly clusters" };
        let later = at(60.0, "volatility").map(|later| format!(", and an hour later {}", number(Some(later))));
        Some(format!(
            "{clusters}: a minute's correlates with that of the next minute by {}{}. Returns do by {}.",
            number(Some(next)),
            later.unwrap_or_default(),
            number(Some(returns))
        ))
    }

    /// Says how the market differs just before an episode.
    fn before(&self) -> Option<String> {
        let row = self.surroundings.iter().find(|row| row.number("seconds") == Some(-10.0))?;
        let times =
            |column: &str, usual: &str| Some(row.number(column)? / row.number(usual).filter(|usual| *usual > 0.0)?);
        let (ticks, spread) = (times("ticks", "usual_ticks")?, times("spread_bp", "usual_spread_bp")?);
        Some(format!(
            "In the 10 s before an episode, there are {} times as many ticks as usual, and the spread is {} times as wide.",
            number(Some(ticks)),
            number(Some(spread))
        ))
    }

    fn busiest(&self) -> Option<String> {
        let (mut rows, mut spikes) = ([0.0; 24], [0.0; 24]);
        for row in self.week.iter() {
            let Some(hour) = row.integer("hour").and_then(|hour| usize::try_from(hour).ok()).filter(|hour| *hour < 24)
            else {
                continue;
            };
            rows[hour] += row.number("rows").unwrap_or_default();
            spikes[hour] += row.number("spikes").unwrap_or_default();
        }
        let share = |hour: &usize| if rows[*hour] > 0.0 { spikes[*hour] / rows[*hour] } else { 0.0 };
        let busiest = (0..24).max_by(|a, b| share(a).total_cmp(&share(b)))?;
        (spikes[busiest] > 0.0).then(|| {
            format!(
                "Spikes are most frequent from {busiest}:00 UTC: they follow {} of that hour's rows.",
                percent(Some(share(&busiest)))
            )
        })
    }

    /// Says what a stricter tau would leave.
    fn stricter(&self) -> Option<String> {
        let row = self.thresholds.iter().find(|row| row.number("level") == Some(0.99))?;
        Some(format!(
            "If tau were the 99 % quantile, {}, {} in {} would remain.",
            row.shown("tau"),
            counted(row.number("spikes")? as u64, "spike row"),
            counted(row.number("episodes")? as u64, "episode")
        ))
    }
}
