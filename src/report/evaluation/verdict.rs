//! The evaluation in words: whether the model beats the naive rule, by how much, and what is unknown.

use super::metrics::{Metrics, Table};
use super::{Comparison, Confusion, Episodes};
use crate::report::format::{count, number, percent};
use crate::report::{Mood, Verdict};

/// With fewer independent spikes than this, the result says little, however many rows there are.
const FEW_EPISODES: f64 = 20.0;

/// Returns the verdict on `model` against the naive rule on the test split.
pub fn verdict(
    table: &Table,
    model: &str,
    compared: Option<&Comparison>,
    confusion: Option<&Confusion>,
    episodes: Option<&Episodes>,
) -> Verdict {
    let Some(test) = table.find(model, "test") else {
        return unknown(format!("{model} has no test split: how good it is, is not known."), Vec::new());
    };
    let Some(precision) = test.average_precision else {
        let reason = match (test.rows, test.positives) {
            (Some(0.0) | None, _) => "the test split holds no scored rows".to_string(),
            (Some(rows), Some(0.0)) => format!("none of the {} test rows is followed by a spike", count(Some(rows))),
            _ => test.reason.clone().unwrap_or("its average precision on the test split is undefined".into()),
        };
        return unknown(format!("How good {model} is, is not known: {reason}."), fallback(table, model));
    };
    let mut sentences = vec![ranking(test, precision)];
    let unknown = |why: String| (Mood::Unknown, format!("Whether {model} beats the naive rule is not known: {why}."));
    let (mood, headline) = match table.naive() {
        Some(naive) if naive == model => {
            (Mood::Unknown, format!("{model} is the naive rule itself: the score to beat."))
        }
        None => unknown("no naive rule was evaluated".into()),
        Some(naive) => match table.find(naive, "test").and_then(|rule| rule.average_precision) {
            None => unknown(format!("{naive} has no average precision on the test split")),
            Some(rule) => {
                sentences.insert(0, comparison(precision, rule));
                sentences.extend(compared.and_then(interval));
                match compared {
                    Some(compared) => said(model, compared),
                    None => unknown("the two could not be compared".into()),
                }
            }
        },
    };
    if let Some(warning) = &test.warning {
        sentences.insert(0, format!("Take care: {warning}."));
    }
    sentences.extend(confusion.and_then(alerts));
    sentences.extend(episodes.map(independence));
    Verdict { mood, headline, sentences }
}

/// Returns the verdict of the SQL function `verdict` as a headline.
fn said(model: &str, compared: &Comparison) -> (Mood, String) {
    let verdict = &compared.verdict;
    if verdict.starts_with("beats") {
        (Mood::Good, format!("{model} {verdict} on the test split."))
    } else if verdict.starts_with("does not beat") || verdict.starts_with("equals guessing") {
        (Mood::Bad, format!("{model} {verdict} on the test split."))
    } else if verdict.starts_with("cannot be told") {
        (Mood::Unknown, format!("Whether {model} beats the naive rule {verdict}."))
    } else {
        let reason = compared.reason.as_deref().unwrap_or("the two could not be compared");
        (Mood::Unknown, format!("Whether {model} beats the naive rule is not known: {reason}."))
    }
}

/// Returns how sure the difference to the naive rule is.
fn interval(compared: &Comparison) -> Option<String> {
    let (low, high) = compared.difference_interval?;
    Some(format!(
        "On the test rows that both score, the difference in average precision is {}, with a 95 % interval from {} to {} \
         (blocks of time, {} episodes); the model is better in {} of the resamples.",
        number(compared.difference),
        number(Some(low)),
        number(Some(high)),
        count(compared.episodes),
        percent(compared.share_better)
    ))
}

fn unknown(headline: String, sentences: Vec<String>) -> Verdict {
    Verdict { mood: Mood::Unknown, headline, sentences }
}

fn comparison(model: f64, naive: f64) -> String {
    let change = percent(Some((model - naive).abs() / naive));
    let direction = if model > naive { "above" } else { "below" };
    let relative = if naive > 0.0 && model != naive { format!(", {change} {direction} it") } else { String::new() };
    format!(
        "Average precision {} against {} of current volatility as the score{relative}.",
        number(Some(model)),
        number(Some(naive))
    )
}

fn ranking(test: &Metrics, precision: f64) -> String {
    let Some(prevalence) = test.prevalence.filter(|prevalence| *prevalence > 0.0) else {
        return format!("Average precision on the test split: {}.", number(Some(precision)));
    };
    format!(
        "Guessing would reach {}, the share of spikes among the test rows; {} reaches {:.1} times that.",
        number(Some(prevalence)),
        test.model,
        precision / prevalence
    )
}

fn alerts(confusion: &Confusion) -> Option<String> {
    let (hits, alerts) = (confusion.hits, confusion.hits + confusion.false_alarms);
    if alerts == 0.0 {
        return Some(format!(
            "At its threshold of {} it never alerts on the test split.",
            number(Some(confusion.threshold))
        ));
    }
    let recall = confusion.recall()?;
    Some(format!(
        "At its threshold of {}, tuned on validation, it alerts on {} of the rows before a spike, and {} of its alerts are right.",
        number(Some(confusion.threshold)),
        percent(Some(recall)),
        percent(Some(hits / alerts))
    ))
}

fn independence(episodes: &Episodes) -> String {
    let caution = if episodes.episodes < FEW_EPISODES {
        " So few independent events leave much to chance: take the figures as a first indication."
    } else {
        ""
    };
    let noun = if episodes.episodes == 1.0 { "one episode" } else { "separate episodes" };
    let number_of =
        if episodes.episodes == 1.0 { String::new() } else { format!("{} ", count(Some(episodes.episodes))) };
    format!(
        "The test spikes form {number_of}{noun}, of which {} drew at least one alert.{caution}",
        count(Some(episodes.caught))
    )
}

/// Returns what other splits show, if the test split shows nothing.
fn fallback(table: &Table, model: &str) -> Vec<String> {
    let Some(validation) = table.find(model, "validation") else { return Vec::new() };
    validation.average_precision.map_or_else(Vec::new, |precision| {
        vec![format!(
            "On the validation split, which also chose the threshold and so flatters it, average precision is {} at a prevalence of {}.",
            number(Some(precision)),
            number(validation.prevalence)
        )]
    })
}
