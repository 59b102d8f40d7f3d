//! The quality report: the state of the landed ticks, what is wrong with them first.
//!
//! In: the tables of landing (`landed_ticks`, `landed_files`, `landed_gaps`, `landed_silences`), of receiving (`feed_events`,
//! `dead_letters`), and the project's audits. Out: HTML.

mod faults;
mod figures;

use futures::future::BoxFuture;
use serde::Serialize;

use self::faults::{Facts, faults, verdict};
use super::exhibit::{Answer, Exhibit, ask, name};
use super::format::{self, count, instant, number, percent, span};
use super::query::{Literal, Query, Row, Rows};
use super::sources::built_in;
use super::{About, Arguments, Condition, Error, Needs, Page, Report, Request, Verdict, require};
use crate::text::counted;

/// The most products in the table.
const MOST_PRODUCTS: usize = 60;
/// The most steps of the charts over time.
const MOST_STEPS: f64 = 200.0;
/// Possible steps, in seconds.
const STEPS: [f64; 9] = [10.0, 60.0, 300.0, 900.0, 3_600.0, 10_800.0, 21_600.0, 86_400.0, 604_800.0];
/// The project's audits of ticks, each with the words that say where the report has the same figure.
const AUDITS: [(&str, &str, &str); 4] = [
    ("quotes_sane", "every tick has a positive bid that is not above its ask", "columns Crossed and Unusable"),
    ("ticks_unique", "no two ticks of a product share a ts", ""),
    ("ticks_increase", "ts rises within a product", ""),
    ("ticks_complete", "every row has a product, both times, a status and a place in the log", ""),
];

/// The report `quality`.
pub struct Quality;

impl Report for Quality {
    fn about(&self) -> &'static About {
        &About {
            name: "quality",
            description: "The state of the landed ticks: gaps, silences, duplicates, late ticks, crossed quotes, lost messages",
            file: "quality.html",
            arguments: &[],
            sources: built_in![
                "quality.html",
                "quality/audit.sql",
                "quality/audits.sql",
                "quality/by_product.sql",
                "quality/columns.sql",
                "quality/dead.sql",
                "quality/events.sql",
                "quality/files.sql",
                "quality/gaps.sql",
                "quality/hours.sql",
                "quality/over_time.sql",
                "quality/products.sql",
                "quality/silences.sql",
            ],
        }
    }

    fn needs(&self, _arguments: &Arguments) -> Needs {
        Needs::LandedTicks
    }

    fn make<'a>(&'a self, request: &'a Request<'_>) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(async move { quality(request).await })
    }
}

/// The values for the template.
#[derive(Debug, Serialize)]
struct View {
    title: &'static str,
    generated_at: String,
    version: &'static str,
    verdict: Verdict,
    tiles: Vec<[String; 3]>,
    step: String,
    over_time: Exhibit,
    over_time_query: Query,
    heat: Exhibit,
    heat_query: Query,
    products: Vec<Vec<String>>,
    hidden_products: usize,
    products_query: Query,
    hours: Exhibit,
    hours_query: Query,
    silences: Vec<Vec<String>>,
    silences_query: Query,
    gaps: Vec<Vec<String>>,
    gaps_query: Query,
    events: Vec<Vec<String>>,
    events_query: Query,
    dead: Vec<Vec<String>>,
    dead_query: Query,
    columns: Vec<Vec<String>>,
    columns_query: Query,
    counting: String,
    audits: Vec<Vec<String>>,
    audit_queries: Vec<Query>,
    files: Vec<[String; 2]>,
    files_query: Query,
}

async fn quality(request: &Request<'_>) -> Result<Page, Error> {
    request.sources.check("quality", Quality.about().sources)?;
    require(
        request.context,
        &["landed_ticks", "landed_files", "landed_gaps", "landed_silences", "feed_events", "dead_letters"],
    )?;
    let products = ask(request, "quality/products.sql", &[]).await?;
    let (first, last) = bounds(&products.rows);
    let seconds = first.zip(last).map_or(0.0, |(first, last)| (last - first) as f64 / 1e9);
    let step = STEPS.into_iter().find(|step| seconds / step <= MOST_STEPS).unwrap_or(STEPS[STEPS.len() - 1]);
    let step_text = format!("{step}");
    let stepped = [("step_s", Literal::Sql(step_text.as_str()))];
    let over_time = ask(request, "quality/over_time.sql", &stepped).await?;
    let heat = ask(request, "quality/by_product.sql", &stepped).await?;
    let hours = ask(request, "quality/hours.sql", &[]).await?;
    let silences = ask(request, "quality/silences.sql", &[]).await?;
    let gaps = ask(request, "quality/gaps.sql", &[]).await?;
    let events = ask(request, "quality/events.sql", &[]).await?;
    let dead = ask(request, "quality/dead.sql", &[]).await?;
    let columns = ask(request, "quality/columns.sql", &[]).await?;
    let files = ask(request, "quality/files.sql", &[]).await?;
    let (audits, audit_queries) = audits(request).await?;

    let facts = Facts {
        products: &products.rows,
        gaps: &gaps.rows,
        dead: &dead.rows,
        files: &files.rows,
        columns: &columns.rows,
        events: &events.rows,
        newest: last,
        now: request.generated_at.timestamp_nanos_opt(),
    };
    let found = faults(&facts);
    let verdict = verdict(&facts, &found);
    let is_empty = facts.sum("ticks") == 0.0;
    let line = verdict.headline.clone();
    // The faults of the first rank are about lost content.
    let lost = found.iter().any(|fault| fault.rank == 0);
    let mut worst: Vec<Row<'_>> = products.rows.iter().collect();
    worst.sort_by(|a, b| faults::trouble(*b).total_cmp(&faults::trouble(*a)));
    let view = View {
        title: "Quality of the ticks",
        generated_at: format::minute(request.generated_at),
        version: env!("CARGO_PKG_VERSION"),
        tiles: tiles(&facts),
        step: span(Some((step * 1e9) as i64)),
        over_time: Exhibit::new(figures::over_time(&over_time.rows, step), "No row has landed."),
        heat: Exhibit::new(figures::by_product(&heat.rows, step), "No tick has landed."),
        products: worst.iter().take(MOST_PRODUCTS).map(|row| product(*row)).collect(),
        hidden_products: worst.len().saturating_sub(MOST_PRODUCTS),
        hours: Exhibit::new(figures::hours(&hours.rows), "No row has landed."),
        silences: silences.rows.iter().map(silence).collect(),
        gaps: gaps.rows.iter().map(gap).collect(),
        events: events
            .rows
            .iter()
            .map(|row| shown(row, &["kind", "reason", "events", "first_time", "last_time"]))
            .collect(),
        dead: dead
            .rows
            .iter()
            .map(|row| shown(row, &["reason", "messages", "first_time", "last_time", "example"]))
            .collect(),
        columns: columns.rows.iter().map(column).collect(),
        counting: counting(&columns.rows),
        audits,
        files: file_facts(&files.rows),
        verdict,
        over_time_query: over_time.query,
        heat_query: heat.query,
        products_query: products.query,
        hours_query: hours.query,
        silences_query: silences.query,
        gaps_query: gaps.query,
        events_query: events.query,
        dead_query: dead.query,
        columns_query: columns.query,
        audit_queries,
        files_query: files.query,
    };
    let html = request.sources.render("quality.html", &view)?;
    let found = [lost.then_some(Condition::Missing), is_empty.then_some(Condition::Unknown)];
    let conditions = found.into_iter().flatten().collect();
    Ok(Page { html, markdown: None, verdict: line, warnings: Vec::new(), conditions })
}

/// Returns the first and the last `ts` of all products.
fn bounds(products: &Rows) -> (Option<i64>, Option<i64>) {
    let of = |column: &'static str| products.iter().filter_map(move |row| row.integer(column));
    (of("first_ts").min(), of("last_ts").max())
}

/// Counts the rows that break each of the project's audits of ticks.
async fn audits(request: &Request<'_>) -> Result<(Vec<Vec<String>>, Vec<Query>), Error> {
    // An audit is a query and not a table. Without a project there are none.
    if !request.context.table_exist("squall_queries").unwrap_or(false) {
        return Ok((Vec::new(), Vec::new()));
    }
    let known = ask(request, "quality/audits.sql", &[]).await?;
    let (mut shown, mut queries) = (Vec::new(), Vec::new());
    for (audit, rule, here) in AUDITS {
        let Some(sql) = known.rows.find("name", audit).and_then(|row| row.text("sql")) else { continue };
        let sql = format!("(\n{}\n)", sql.trim().trim_end_matches(';'));
        let Answer { query, rows } = ask(request, "quality/audit.sql", &[("audit", Literal::Sql(&sql))]).await?;
        let broken = rows.first().map_or(format::UNKNOWN.into(), |row| row.shown("rows"));
        shown.push(vec![audit.into(), rule.into(), broken, here.into()]);
        queries.push(query);
    }
    queries.push(known.query);
    Ok((shown, queries))
}

fn tiles(facts: &Facts<'_>) -> Vec<[String; 3]> {
    let sum = |column: &str| facts.products.iter().filter_map(|row| row.number(column)).sum::<f64>();
    let (rows, ticks) = (sum("rows"), sum("ticks"));
    let (first, last) = bounds(facts.products);
    let share = |part: f64| percent((rows > 0.0).then(|| part / rows));
    let silent = sum("silent_s") / sum("span_s").max(1.0);
    vec![
        ["Ticks".into(), count(Some(ticks)), format!("of {} rows", count(Some(rows)))],
        [
            "Recorded".into(),
            span(first.zip(last).map(|(first, last)| last - first)),
            format!("from {} to {}", instant(first), instant(last)),
        ],
        ["Newest tick".into(), span(facts.age()), "old, when this report was made".into()],
        ["Not ticks".into(), share(rows - ticks), "of the rows are duplicate, late or ahead".into()],
        ["Silent".into(), percent(Some(silent)), "of the time, in steps of over 10 s".into()],
    ]
}

fn product(row: Row<'_>) -> Vec<String> {
    let seconds = |column: &str| match row.number(column) {
        Some(seconds) if seconds < 1.0 => format!("{} s", number(Some(seconds))),
        seconds => span(seconds.map(|seconds| (seconds * 1e9) as i64)),
    };
    let silent = row.number("silent_s").zip(row.number("span_s")).filter(|(_, span)| *span > 0.0);
    let shown = |column: &str| row.shown(column);
    let instant = |column: &str| row.shown(column).trim_end_matches(" UTC").to_string();
    // What is wrong comes first: the last columns may be beyond the edge of a narrow window.
    vec![
        row.text("product_id").map_or("(none)".into(), name),
        shown("ticks"),
        shown("crossed"),
        shown("unusable"),
        shown("outliers"),
        shown("late"),
        shown("duplicates"),
        shown("ahead"),
        shown("silences"),
        seconds("longest_step_s"),
        percent(silent.map(|(silent, span)| silent / span)),
        shown("reconnections"),
        shown("locked"),
        shown("ticks_per_s"),
        shown("spread_bps"),
        instant("first_ts"),
        instant("last_ts"),
    ]
}

fn silence(row: Row<'_>) -> Vec<String> {
    vec![
        name(row.text("product_id").unwrap_or_default()),
        row.shown("silent_from"),
        row.shown("silent_to"),
        span(row.number("seconds").map(|seconds| (seconds * 1e9) as i64)),
        row.shown("reconnected"),
    ]
}

fn gap(row: Row<'_>) -> Vec<String> {
    shown(row, &["ingest_time", "topic", "connection", "after_sequence_num", "next_sequence_num", "missing"])
}

/// Returns a row's cells, texts shortened.
fn shown(row: Row<'_>, columns: &[&str]) -> Vec<String> {
    columns.iter().map(|column| row.text(column).map_or_else(|| row.shown(column), words)).collect()
}

/// Returns a text of foreign words; empty if it has none.
fn words(text: &str) -> String {
    if text.is_empty() { String::new() } else { crate::text::printable(text, 120) }
}

fn column(row: Row<'_>) -> Vec<String> {
    let quantiles = row.numbers("quantiles");
    // Whole numbers are written as such.
    let is_whole = |value: f64| value.fract() == 0.0 && value.abs() < 1e15;
    let of_whole = row.text("kind") == Some("number")
        && ["min", "max"].into_iter().all(|bound| row.text(bound).is_some_and(|text| !text.contains(['.', 'e'])));
    let figure = |value: f64| if of_whole && is_whole(value) { count(Some(value)) } else { number(Some(value)) };
    let quantile = |place: usize| quantiles.get(place).map_or(format::UNKNOWN.into(), |value| figure(*value));
    let bound = |column: &str| match row.text(column).map(|text| (text, text.parse::<f64>())) {
        Some((_, Ok(value))) if row.text("kind") == Some("number") => figure(value),
        Some((text, _)) => name(text),
        None => format::UNKNOWN.into(),
    };
    let rows = row.number("rows").filter(|rows| *rows > 0.0);
    let approximately = if row.flag("distinct_exact") == Some(false) { "≈ " } else { "" };
    vec![
        row.shown("column_name"),
        percent(row.number("nulls").zip(rows).map(|(nulls, rows)| nulls / rows)),
        format!("{approximately}{}", row.shown("distinct_values")),
        bound("min"),
        quantile(0),
        quantile(3),
        quantile(6),
        bound("max"),
        faults::of_column(row).unwrap_or_default(),
    ]
}

fn counting(columns: &Rows) -> String {
    let first = columns.first();
    let figures = first.and_then(|row| row.number("rows").zip(row.number("sampled_rows")));
    match figures {
        Some((rows, sampled)) if sampled < rows => {
            format!(
                "Quantiles are estimates from {}, chosen at random. Different values are estimated where ≈ stands before them, to about 1 %. \
                 All other figures are exact.",
                counted(sampled as u64, "row")
            )
        }
        _ => "Every figure is exact; different values are estimated where ≈ stands before them, to about 1 %.".into(),
    }
}

fn file_facts(files: &Rows) -> Vec<[String; 2]> {
    let Some(row) = files.first() else { return Vec::new() };
    let labels = [
        ("Files", "files"),
        ("Logs", "logs"),
        ("Messages", "messages"),
        ("Control messages", "control"),
        ("Could not be read", "dead"),
        ("Offsets without a message", "absent"),
        ("Offsets that did not land", "missing_offsets"),
    ];
    labels.map(|(label, column)| [label.to_string(), row.shown(column)]).into()
}
