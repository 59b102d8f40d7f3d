//! The model card: what a model is for, what it learned from, how it was judged, what it is worth, and how to make it again.
//!
//! In: a trained model, rows that judge it, and the project's tables about its queries. Out: HTML and Markdown with the same content. Every
//! figure comes from a query in `reports/card/`, which the HTML shows.

mod facts;
mod figures;
mod sections;

use futures::future::BoxFuture;
use serde::Serialize;

use self::facts::Facts;
use super::evaluation::{Candidate, Judgement, best, judgement};
use super::query::{Query, Row, Rows};
use super::sources::built_in;
use super::{About, Argument, Arguments, Error, Needs, Page, Report, Request, Verdict, format};

/// The report `card`.
pub struct Card;

const MODEL: &str = "model";
const ON: &str = "on";
const FOLDS: &str = "folds";
const HORIZON: &str = "horizon";

impl Report for Card {
    fn about(&self) -> &'static About {
        &About {
            name: "card",
            description: "A model card for people who decide about a model: purpose, data, figures, limits, how to reproduce",
            file: "model_card.html",
            arguments: &[
                Argument {
                    name: MODEL,
                    value: "MODEL",
                    help: "The model: name, name@2 or name@champion [default: of those that are more than a rule, the best on validation]",
                },
                Argument {
                    name: ON,
                    value: "RELATION",
                    help: "The rows that judge it: a table, view, file or query; if they have a split, its test rows [default: spike_training]",
                },
                Argument {
                    name: HORIZON,
                    value: "SECONDS",
                    help: "How far ahead the label looks: positive rows less apart are one episode [default: that of the model's label]",
                },
                Argument {
                    name: FOLDS,
                    value: "FILE",
                    help: "Adds the figures of `squall evaluate --protocol walk_forward --out FILE`",
                },
            ],
            sources: built_in![
                "card.html",
                "card/by_fold.sql",
                "card/calibration.sql",
                "card/candidates.sql",
                "card/card.md",
                "card/features.sql",
                "card/folds.sql",
                "card/importance.sql",
                "card/model.sql",
                "card/queries.sql",
                "card/splits.sql",
                "card/ticks.sql",
                "card/training.sql",
                "card/weights.sql",
            ],
        }
    }

    fn needs(&self, _arguments: &Arguments) -> Needs {
        Needs::TrainedModels
    }

    fn make<'a>(&'a self, request: &'a Request<'_>) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(async move { card(request).await })
    }
}

/// The values for the templates.
#[derive(Debug, Serialize)]
struct View {
    title: String,
    version_of_model: String,
    generated_at: String,
    version: &'static str,
    /// The command that writes this card again.
    remake: String,
    /// What stands around code in Markdown: more backquotes than any of the code has in a row.
    fence: String,
    verdict: Verdict,
    sections: Vec<Section>,
}

/// A part of the card. Both templates show it in this order.
#[derive(Debug, Default, Serialize)]
struct Section {
    title: &'static str,
    texts: Vec<String>,
    points: Vec<String>,
    tables: Vec<Table>,
    /// Commands and SQL.
    code: Vec<String>,
    queries: Vec<Query>,
}

/// A table, as text.
#[derive(Debug, Serialize)]
struct Table {
    title: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Which columns hold words; numbers stand at the right.
    left: Vec<bool>,
    /// The rows as Markdown writes them.
    cells: Vec<Vec<String>>,
    /// What is said if there is no row.
    absent: String,
}

impl Table {
    /// Makes a table of the named columns of rows, each with its heading. A heading in backquotes marks a column of code.
    fn of(title: &str, columns: &[(&str, &str)], rows: &Rows, absent: &str) -> Table {
        let shown = |row: Row<'_>| columns.iter().map(|(column, _)| row.shown(column)).collect();
        Table::new(title, columns.iter().map(|(_, heading)| *heading), rows.iter().map(shown).collect(), absent)
    }

    fn new<'a>(title: &str, headings: impl Iterator<Item = &'a str>, rows: Vec<Vec<String>>, absent: &str) -> Table {
        let headings: Vec<&str> = headings.collect();
        let is_code: Vec<bool> = headings.iter().map(|heading| heading.starts_with('`')).collect();
        let cell = |(value, is_code): (&String, &bool)| {
            let value = value.replace('|', "\\|").replace(['\n', '\r'], " ");
            match is_code {
                true if value != format::UNKNOWN => format!("`{}`", value.replace('`', "'")),
                _ => value.replace('<', "&lt;").replace('*', "\\*"),
            }
        };
        let cells = rows.iter().map(|row| row.iter().zip(&is_code).map(cell).collect()).collect();
        let columns = headings.iter().map(|heading| heading.trim_matches('`').to_string()).collect();
        let is_word = |value: &String| value.starts_with(|first: char| first.is_alphabetic());
        let left = (0..headings.len()).map(|place| rows.iter().any(|row| is_word(&row[place]))).collect();
        Table { title: title.into(), columns, rows, left, cells, absent: absent.into() }
    }
}

/// Makes the card.
///
/// # Errors
/// The model or the rows do not exist, or a query fails.
async fn card(request: &Request<'_>) -> Result<Page, Error> {
    request.sources.check("card", Card.about().sources)?;
    let reference = subject(request).await?;
    let facts = Facts::read(request, &reference).await?;
    let judged = judged(request, &reference).await?;
    let sections = vec![
        facts.purpose(),
        facts.data().await?,
        facts.features().await?,
        facts.label(),
        facts.protocol(&judged),
        facts.figures(&judged).await?,
        facts.walk_forward(request.argument(FOLDS)).await?,
        facts.weights(&judged).await?,
        facts.limits(&judged),
        facts.reproduction(&remake(request)).await?,
    ];
    let sections: Vec<Section> = sections.into_iter().filter(|section| !section.title.is_empty()).collect();
    let remade = remake(request);
    let code = sections.iter().flat_map(|section| &section.code).chain([&remade]);
    let longest = code.flat_map(|code| code.split(|letter| letter != '`')).map(str::len).max().unwrap_or_default();
    let line = format!("{}: {}", facts.reference(), judged.verdict.headline);
    let view = View {
        title: format!("Model card of {}", facts.name),
        version_of_model: facts.version.to_string(),
        generated_at: format::minute(request.generated_at),
        version: env!("CARGO_PKG_VERSION"),
        remake: remade,
        fence: "`".repeat(3.max(longest + 1)),
        verdict: judged.verdict,
        sections,
    };
    Ok(Page {
        html: request.sources.render("card.html", &view)?,
        markdown: Some(format!("{}\n", request.sources.render("card/card.md", &view)?.trim())),
        verdict: line,
        warnings: judged.warnings,
        conditions: judged.conditions,
    })
}

/// Judges the model as `squall report eval` does on the same rows.
async fn judged(request: &Request<'_>, reference: &str) -> Result<Judgement, Error> {
    let mut arguments = Arguments::from([(MODEL.into(), reference.into())]);
    for name in [ON, HORIZON] {
        arguments.extend(request.argument(name).map(|given| (name.into(), given.into())));
    }
    let request = Request { arguments, journal: request.journal.clone(), lineage: Default::default(), ..*request };
    judgement(&request).await
}

/// Returns the command that makes the card again.
fn remake(request: &Request<'_>) -> String {
    let given = [MODEL, ON, HORIZON, FOLDS].into_iter().filter_map(|name| {
        let value = request.argument(name)?;
        let plain = value.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-./@".contains(letter));
        Some(if plain { format!(" --{name} {value}") } else { format!(" --{name} \"{value}\"") })
    });
    format!("squall report card{}", given.collect::<String>())
}

/// Returns the model that the card is about. The choice depends on the validation rows only, because the test rows must not choose their
/// own winner.
async fn subject(request: &Request<'_>) -> Result<String, Error> {
    if let Some(given) = request.argument(MODEL) {
        return Ok(given.into());
    }
    let found = request.query("card/candidates.sql", &[])?.rows(request.context).await?;
    let mut candidates = Vec::new();
    for row in found.iter() {
        candidates.push(Candidate::of_training(request, &row).await?);
    }
    let best = best(&candidates.iter().collect::<Vec<_>>())?;
    best.map(|best| best.name.clone()).ok_or(Error::NothingEvaluated)
}
