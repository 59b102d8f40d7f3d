//! The drift report: what changed between a reference and a current sample, column by column, and how.
//!
//! In: the named query `spike_drift`, or two relations for the SQL function `drift`. Out: HTML.

mod column;
mod figures;
mod models;
mod relations;
mod slices;
mod verdict;

use futures::future::BoxFuture;
use serde::Serialize;

use self::column::{Column, ColumnView, SchemaRow};
use self::figures::Panel;
use self::models::{Models, Prediction};
use self::relations::{Period, Relations, Side};
use self::slices::{HeatMap, Slices};
use super::format::{self, count, percent};
use super::query::{Literal, Query};
use super::sources::built_in;
use super::{About, Argument, Arguments, Error, Needs, Page, Report, Request, Verdict};

/// The most columns for which rows are shown.
const MOST_ROWS: usize = 200;
/// The most bytes of drawings of columns, so that the report of a wide table stays small.
const MOST_DRAWN: usize = 190_000;

/// The report `drift`.
pub struct Drift;

impl Report for Drift {
    fn about(&self) -> &'static About {
        &About {
            name: "drift",
            description: "Which columns changed between a reference and a current sample: their types, missing values and distributions",
            file: "drift.html",
            arguments: &[
                Argument {
                    name: REFERENCE,
                    value: "QUERY",
                    help: "A table, view or query to compare with; model:NAME is what a model was trained on [default: drift_reference, the training rows]",
                },
                Argument {
                    name: CURRENT,
                    value: "QUERY",
                    help: "A table, view or query to compare [default: drift_current, the test rows]",
                },
                Argument { name: AGAINST, value: "QUERY", help: "Another name of --reference" },
                Argument {
                    name: ON,
                    value: "QUERY",
                    help: "One table, view or query whose earlier and later rows are compared, or its train and test rows",
                },
                Argument {
                    name: EARLY_LATE,
                    value: "SHARE",
                    help: "Compares the first and the last share of the rows of --on by time, such as 0.35 [default: 0.5]",
                },
                Argument {
                    name: TRAIN_TEST,
                    value: "",
                    help: "Compares the rows of --on whose split is 'train' with those whose split is 'test' [default of --on: spike_training]",
                },
                Argument {
                    name: BY,
                    value: "SPAN",
                    help: "The slices of the heat map: minute, '15 minute', hour, day, week, month, or a column [default: a span of time that fits]",
                },
                Argument {
                    name: TIME,
                    value: "COLUMN",
                    help: "The time column [default: ts, event_time, time, timestamp or at, or else the first column of times]",
                },
                Argument {
                    name: TEST,
                    value: "COLUMN=TEST[:THRESHOLD]…",
                    help: "The test of a column instead of the default one, such as price=psi:0.2; * is every other column. Can be repeated",
                },
            ],
            sources: built_in![
                "drift.html",
                "drift/columns.sql",
                "drift/models.sql",
                "drift/predictions.sql",
                "drift/slices.sql"
            ],
        }
    }

    fn needs(&self, arguments: &Arguments) -> Needs {
        let given = |name: &str| arguments.contains_key(name);
        let reference = given(REFERENCE) || given(AGAINST);
        if given(ON) || (reference && given(CURRENT)) { Needs::Nothing } else { Needs::LandedTicks }
    }

    fn make<'a>(&'a self, request: &'a Request<'_>) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(async move { drift(request).await })
    }
}

const REFERENCE: &str = "reference";
const CURRENT: &str = "current";
const AGAINST: &str = "against";
const ON: &str = "on";
const EARLY_LATE: &str = "early-late";
const TRAIN_TEST: &str = "train-test";
const BY: &str = "by";
const TIME: &str = "time";
const TEST: &str = "test";

/// The values for the template.
#[derive(Debug, Serialize)]
struct View {
    title: &'static str,
    generated_at: String,
    version: &'static str,
    verdict: Verdict,
    tiles: Vec<[String; 3]>,
    sides: Vec<Side>,
    how: String,
    schema: Vec<SchemaRow>,
    columns: Vec<ColumnView>,
    hidden_rows: usize,
    hidden_panels: usize,
    panels: Vec<Panel>,
    heat: Option<HeatMap>,
    no_slices: Option<String>,
    predictions: Vec<Prediction>,
    logarithms: Vec<String>,
    queries: Vec<Query>,
    slice_queries: Vec<Query>,
    prediction_queries: Vec<Query>,
}

/// Makes the drift report.
///
/// # Errors
/// A relation is missing, a query fails, or an argument is wrong.
async fn drift(request: &Request<'_>) -> Result<Page, Error> {
    request.sources.check("drift", Drift.about().sources)?;
    let relations = Relations::find(request).await?;
    let query = request.query("drift/columns.sql", &[("comparison", Literal::Sql(&relations.comparison))])?;
    let rows = query.rows(request.context).await?;
    let models = Models::read(request).await?;
    let mut columns: Vec<Column<'_>> = rows.iter().filter_map(|row| Column::read(row, &models)).collect();
    columns.sort_by(Column::order);
    relations.check_parts(request, &columns).await?;

    let period = Period::find(&columns, request.argument(TIME))?;
    let slices = Slices::read(request, &relations, &columns, &period).await?;
    let predictions = models.predictions(request, &relations, &columns).await?;
    let sides = relations.sides(&columns, &period);
    let verdict = verdict::verdict(&columns, &sides, &models, &predictions.rows);
    let line = verdict::line(&verdict);
    let (panels, hidden_panels) = figures::panels(&columns, &slices, MOST_DRAWN);
    let view = View {
        title: "Drift",
        generated_at: format::minute(request.generated_at),
        version: env!("CARGO_PKG_VERSION"),
        tiles: tiles(&columns, &sides),
        how: relations.how.clone(),
        schema: columns.iter().filter_map(Column::schema_row).take(MOST_ROWS).collect(),
        hidden_rows: columns.len().saturating_sub(MOST_ROWS),
        columns: columns.iter().take(MOST_ROWS).enumerate().map(|(place, column)| column.view(place)).collect(),
        hidden_panels,
        panels,
        heat: slices.heat_map(&columns),
        no_slices: slices.reason.clone(),
        predictions: predictions.rows,
        logarithms: verdict::logarithms(&columns),
        sides,
        verdict,
        queries: vec![shown(query), shown(models.query)],
        slice_queries: slices.queries.into_iter().map(shown).collect(),
        prediction_queries: predictions.queries.into_iter().map(shown).collect(),
    };
    let html = request.sources.render("drift.html", &view)?;
    Ok(Page { html, markdown: None, verdict: line, warnings: Vec::new(), conditions: verdict::conditions(&columns) })
}

/// Returns a query with the middle of a very long text left out, so that the page stays small.
fn shown(mut query: Query) -> Query {
    const MOST: usize = 12_000;
    let letters = query.sql.chars().count();
    if letters > MOST {
        let head: String = query.sql.chars().take(MOST / 2).collect();
        let tail: String = query.sql.chars().skip(letters - MOST / 2).collect();
        let left_out = crate::text::grouped((letters - MOST) as u64);
        query.sql = format!("{head}\n-- … {left_out} characters are left out here …\n{tail}");
    }
    query
}

fn tiles(columns: &[Column<'_>], sides: &[Side]) -> Vec<[String; 3]> {
    let of = |outcome| columns.iter().filter(|column| column.drifted == outcome).count() as f64;
    let (drifted, steady, unknown) = (of(Some(true)), of(Some(false)), of(None));
    let changed = columns.iter().filter(|column| column.change.is_some()).count() as f64;
    let compared = drifted + steady;
    let mut tiles = vec![
        [
            "Changed schema or missing".into(),
            count(Some(changed)),
            "columns that vanished, appeared, changed their type, or lost or gained values".into(),
        ],
        [
            "Drifted columns".into(),
            format!("{} of {}", count(Some(drifted)), count(Some(compared))),
            percent((compared > 0.0).then(|| drifted / compared)),
        ],
    ];
    tiles.extend(
        sides.iter().map(|side| [side.name.to_string(), count(Some(side.count)), format!("rows, {}", side.period)]),
    );
    tiles.push(["Not compared".into(), count(Some(unknown)), "columns; the table says why".into()]);
    tiles
}
