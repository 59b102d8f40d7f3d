//! The verdict: what changed in the schema and in missing values first, then which columns drifted, and what that means for models.

use super::column::{Column, Role};
use super::models::{Models, Prediction};
use super::relations::Side;
use crate::report::format::{count, percent};
use crate::report::{Condition, Mood, Verdict};
use crate::text::counted;

/// The data set has drifted if at least this share of the compared columns has; this is Evidently's default.
const DRIFTED_SHARE: f64 = 0.5;
/// The most names in a sentence.
const NAMED: usize = 8;

/// Says what the comparison means.
pub fn verdict(columns: &[Column<'_>], sides: &[Side], models: &Models, predictions: &[Prediction]) -> Verdict {
    let changed: Vec<&Column<'_>> = columns.iter().filter(|column| column.change.is_some()).collect();
    let drifted: Vec<&Column<'_>> = columns.iter().filter(|column| column.drifted == Some(true)).collect();
    let compared = columns.iter().filter(|column| column.drifted.is_some()).count();
    // That a sample has no rows is one fact, and not one of each column.
    let is_empty = sides.iter().any(|side| side.count == 0.0);
    let told: Vec<&Column<'_>> =
        changed.iter().copied().filter(|column| !(is_empty && column.change.is_some_and(is_about_values))).collect();
    let mut sentences = vec![of_drift(&drifted, compared, sides)];
    let mut mood = match compared {
        0 => Mood::Unknown,
        _ if drifted.is_empty() => Mood::Good,
        _ if share(&drifted, compared) >= DRIFTED_SHARE => Mood::Bad,
        _ => Mood::Unknown,
    };
    if !changed.is_empty() {
        mood = Mood::Bad;
    }
    if !told.is_empty() {
        sentences.insert(0, of_changes(&told));
    }
    let headline = sentences.remove(0);
    sentences.extend(sides.iter().map(of_side));
    if !drifted.is_empty() {
        sentences.push(format!(
            "By Evidently's convention a data set drifts when at least {} of its compared columns do; here it is {}.",
            percent(Some(DRIFTED_SHARE)),
            percent(Some(share(&drifted, compared)))
        ));
        if drifted.len() > NAMED || !headline_names(&headline, &drifted) {
            sentences.push(format!("Drifted: {}.", listed(drifted.iter().map(|column| column.shown.as_str()))));
        }
    }
    sentences.extend(of_models(&changed, &drifted, compared, models));
    sentences.extend(of_roles(columns));
    sentences.extend(of_predictions(predictions));
    Verdict { mood, headline, sentences }
}

/// Returns whether a change is only that a column lost all its values, or had none.
fn is_about_values(change: &str) -> bool {
    ["all_missing", "was_all_missing"].contains(&change)
}

/// Returns what the comparison found that can fail a build: the data set drifted or a column is not what it was, values are missing, or there
/// was nothing to compare.
pub fn conditions(columns: &[Column<'_>]) -> Vec<Condition> {
    let drifted = columns.iter().filter(|column| column.drifted == Some(true)).count();
    let compared = columns.iter().filter(|column| column.drifted.is_some()).count();
    let changed = |names: &[&str]| {
        let mut changes = columns.iter().filter_map(|column| column.change);
        changes.any(|change| change.split(", ").any(|change| names.contains(&change)))
    };
    let has_drifted = compared > 0 && drifted as f64 / compared as f64 >= DRIFTED_SHARE;
    let mut conditions = Vec::new();
    if has_drifted || changed(&["type"]) {
        conditions.push(Condition::Drift);
    }
    // A share of missing values that fell is no loss.
    let lost = |column: &Column<'_>| column.missing_share("current") > column.missing_share("reference");
    let more_missing = columns
        .iter()
        .any(|column| column.change.is_some_and(|change| change.contains("missing_share")) && lost(column));
    if more_missing || changed(&["vanished", "all_missing"]) {
        conditions.push(Condition::Missing);
    }
    if compared == 0 {
        conditions.push(Condition::Unknown);
    }
    conditions
}

/// Returns the verdict in one line. After a change of the schema, the line says too how many columns drifted.
pub fn line(verdict: &Verdict) -> String {
    match verdict.sentences.first() {
        Some(next) if verdict.headline.contains("in schema or missing values") => {
            format!("{} {next}", verdict.headline)
        }
        _ => verdict.headline.clone(),
    }
}

fn share(drifted: &[&Column<'_>], compared: usize) -> f64 {
    drifted.len() as f64 / compared.max(1) as f64
}

fn headline_names(headline: &str, drifted: &[&Column<'_>]) -> bool {
    drifted.iter().all(|column| headline.contains(&column.shown))
}

fn of_changes(changed: &[&Column<'_>]) -> String {
    const EXPLAINED: usize = 6;
    let mut worst_first = changed.to_vec();
    worst_first.sort_by_key(|column| {
        let first = column.change.and_then(|change| change.split(", ").next()).unwrap_or_default();
        ["vanished", "all_missing", "type", "missing_share"].iter().position(|change| *change == first).unwrap_or(4)
    });
    let words = worst_first.iter().take(EXPLAINED).map(|column| {
        let change = column.change_in_words().unwrap_or_default();
        format!("{} {change}", column.shown)
    });
    let more = changed.len().saturating_sub(EXPLAINED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!(
        "{} changed in schema or missing values: {}{more}.",
        counted(changed.len() as u64, "column"),
        words.collect::<Vec<_>>().join("; ")
    )
}

fn of_drift(drifted: &[&Column<'_>], compared: usize, sides: &[Side]) -> String {
    let names = || listed(drifted.iter().map(|column| column.shown.as_str()));
    let of = format!("{} of {compared} columns", drifted.len());
    match (compared, drifted.len()) {
        (0, _) => {
            let empty: Vec<&str> = sides.iter().filter(|side| side.count == 0.0).map(|side| side.name).collect();
            let why = match empty.as_slice() {
                [] => "no column could be compared".to_string(),
                [one] => format!("the {} sample has no rows", one.to_lowercase()),
                _ => "neither sample has rows".into(),
            };
            format!("Whether the data drifted is not known: {why}.")
        }
        (compared, 0) => match compared {
            1 => "No drift: the one column that was compared is steady.".into(),
            compared => format!("No drift: all {compared} columns that were compared are steady."),
        },
        (1, _) => "The data drifted: the one column that was compared drifted.".into(),
        (compared, count) if count as f64 / compared as f64 >= DRIFTED_SHARE => {
            format!("The data drifted: {of} drifted.")
        }
        (_, count) if count <= NAMED => format!("{of} drifted: {}.", names()),
        _ => format!("{of} drifted."),
    }
}

fn of_side(side: &Side) -> String {
    match side.from_to {
        Some(_) => format!("{}: {}, {}.", side.name, side.rows, side.period),
        None => format!("{}: {}; {}.", side.name, side.rows, side.period),
    }
}

fn of_models(changed: &[&Column<'_>], drifted: &[&Column<'_>], compared: usize, models: &Models) -> Vec<String> {
    let gone = changed.iter().filter(|column| {
        column.change.is_some_and(|change| change.contains("vanished") || change.starts_with("all_missing"))
    });
    let broken = models.reading(gone.map(|column| column.name));
    let reading = models.reading(drifted.iter().map(|column| column.name));
    let mut sentences = Vec::new();
    if !broken.is_empty() {
        sentences.push(format!(
            "{} cannot score the current rows: a column that {} needs has no values.",
            listed(broken.iter().copied()),
            if broken.len() == 1 { "it" } else { "each of them" }
        ));
    }
    if !reading.is_empty() {
        sentences.push(format!(
            "{} {}, so {} scores rows unlike those that it learned from: judge it anew on recent labelled rows (`squall report eval`) before you rely on its threshold.",
            match reading.as_slice() {
                [one] => format!("{one} reads"),
                several => format!("{} read", listed(several.iter().copied())),
            },
            if drifted.len() == 1 { "a drifted column" } else { "drifted columns" },
            if reading.len() == 1 { "it" } else { "each" }
        ));
    } else if !drifted.is_empty() && compared > 0 {
        sentences.push("No model of this project reads a column that drifted.".into());
    }
    sentences
}

fn of_roles(columns: &[Column<'_>]) -> Vec<String> {
    let roles = [(Role::Label, "label"), (Role::Prediction, "prediction")];
    let mut sentences = Vec::new();
    for (role, name) in roles {
        for column in columns.iter().filter(|column| column.role == role) {
            match column.drifted {
                Some(true) if role == Role::Label => sentences.push(format!(
                    "The label {} drifted: the share of positives, or the distribution of the values, is not what models learned.",
                    column.shown
                )),
                Some(true) => sentences.push(format!("The {name} {} drifted.", column.shown)),
                Some(false) => sentences.push(format!("The {name} {} is steady.", column.shown)),
                None => {}
            }
        }
    }
    sentences
}

fn of_predictions(predictions: &[Prediction]) -> Option<String> {
    let of = |outcome| -> Vec<&str> {
        predictions.iter().filter(|of| of.drifted == Some(outcome)).map(|of| of.model.as_str()).collect()
    };
    let (drifted, steady) = (of(true), of(false));
    match (drifted.is_empty(), steady.is_empty()) {
        (true, true) => None,
        (true, false) => Some(format!("Predictions are steady: {}.", listed(steady.into_iter()))),
        (false, true) => Some(format!("Predictions drifted: {}.", listed(drifted.into_iter()))),
        (false, false) => Some(format!(
            "Predictions drifted: {}; those of {} are steady.",
            listed(drifted.into_iter()),
            listed(steady.into_iter())
        )),
    }
}

/// Names columns of which one is the logarithm of the other by its name, and whose results differ.
pub fn logarithms(columns: &[Column<'_>]) -> Vec<String> {
    let plain = |name: &str| {
        let lower = name.to_lowercase();
        ["log_", "ln_", "log10_", "log1p_"].iter().find_map(|prefix| lower.strip_prefix(prefix).map(str::to_string))
    };
    let mut pairs = Vec::new();
    for column in columns {
        let Some(name) = plain(column.name) else { continue };
        let other = columns.iter().find(|other| other.name.to_lowercase() == name);
        if let (Some(other), Some(drifted)) = (other, column.drifted)
            && other.drifted == Some(!drifted)
        {
            let (with, without) = if drifted { (column, other) } else { (other, column) };
            pairs.push(format!("{} drifted and {} did not.", with.shown, without.shown));
        }
    }
    pairs
}

fn listed<'a>(names: impl Iterator<Item = &'a str> + Clone) -> String {
    let all = names.clone().count();
    let first = names.take(NAMED).collect::<Vec<_>>().join(", ");
    match all.saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {} more", count(Some(more as f64))),
    }
}
