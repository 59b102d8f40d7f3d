//! The evaluation in words: whether the model beats what it has to beat, by how much, and what is unknown.

use super::comparison::{Comparison, with_interval};
use super::frame::Frame;
use super::metrics::Table;
use super::named;
use super::rate::length;
use super::subject::Role;
use crate::report::format::{count, number, percent};
use crate::report::{Condition, Mood, Verdict};

/// With fewer independent events than this, the result says little, however many rows there are.
const FEW_EPISODES: f64 = 20.0;

const VALIDATION: &str = "validation";

/// Returns the verdict; `learned_here` says whether the model may have learned from the very rows that judge it.
pub fn verdict(frame: &Frame<'_>, table: &Table, compared: &[Comparison], learned_here: bool) -> Verdict {
    let subject = frame.subject;
    let model = named(&subject.model().name);
    let (rows, baseline) = (frame.called(), subject.baseline_name());
    let on = |split: &str| compared.iter().find(|found| found.model == subject.model().name && found.split == split);
    let mut sentences: Vec<String> =
        subject.warnings.iter().map(|warning| format!("Take care: {}.", warned(warning, &model))).collect();
    let Some(metrics) = table.find(&subject.model().name, &frame.split) else {
        let why = match frame.splits.is_empty() {
            true => format!("{} has no rows", named(&subject.relation)),
            false => format!("there are no {rows}"),
        };
        sentences.extend(on(VALIDATION).map(fallback));
        return unknown(format!("How good {model} is, is not known: {why}."), sentences);
    };
    if metrics.average_precision.is_none() {
        let label = subject.classes().0;
        let why = match (metrics.rows, metrics.positives) {
            (Some(0.0) | None, _) => format!("the {rows} hold no row with a label and a score"),
            (Some(total), Some(0.0)) => {
                sentences.extend(on(VALIDATION).filter(|_| frame.split != VALIDATION).map(fallback));
                let why = format!("none of the {} {rows} is {label}", count(Some(total)));
                return unknown(format!("How good {model} is, cannot be told: {why}."), sentences);
            }
            _ => metrics.reason.clone().unwrap_or("its average precision is undefined".into()),
        };
        sentences.extend(on(VALIDATION).filter(|_| frame.split != VALIDATION).map(fallback));
        return unknown(format!("How good {model} is, is not known: {why}."), sentences);
    }
    if let Some(total) = metrics.rows.filter(|total| metrics.positives == Some(*total)) {
        let label = subject.classes().0;
        let why = format!("each of the {} {rows} is {label}, so no score can rank them", count(Some(total)));
        sentences.extend(on(VALIDATION).filter(|_| frame.split != VALIDATION).map(fallback));
        return unknown(format!("How good {model} is, cannot be told: {why}."), sentences);
    }
    let (mood, headline) = if learned_here {
        let headline = format!(
            "How good {model} is, cannot be told: it learned from {}, and no column says which rows it has not seen.",
            named(&subject.relation)
        );
        (Mood::Unknown, headline)
    } else if subject.model().role == Role::Naive && !subject.has_baseline {
        (Mood::Unknown, format!("{model} is the naive rule itself: the score to beat."))
    } else {
        match on(&frame.split) {
            Some(judged) => {
                said(&model, &baseline, &rows, judged, on(VALIDATION).filter(|_| frame.split != VALIDATION))
            }
            None => (Mood::Unknown, format!("Whether {model} beats {baseline} is not known: no row has both scores.")),
        }
    };
    sentences.extend(on(&frame.split).map(|found| figures(&rows, &baseline, found, subject.has_baseline)));
    sentences.extend(on(&frame.split).and_then(|found| difference(frame, found)));
    sentences.extend(on(VALIDATION).filter(|_| frame.split != VALIDATION).map(|found| {
        format!(
            "On the validation rows with {} the difference is {}.",
            events(frame, found.episodes),
            with_interval(found.difference, found.difference_interval)
        )
    }));
    sentences.extend(
        on(&frame.split).and_then(|found| found.episodes).filter(|episodes| *episodes < FEW_EPISODES).map(|_| {
            "So few independent events leave much to chance: take the figures as a first indication.".to_string()
        }),
    );
    Verdict { mood, headline, sentences }
}

/// Returns what the validation rows show, if the judged rows show nothing.
fn fallback(found: &Comparison) -> String {
    if found.average_precision.is_none() {
        return "The validation rows do not tell either.".into();
    }
    format!(
        "On the validation rows, which also chose the threshold and so flatter it, average precision is {} at a prevalence of {}.",
        with_interval(found.average_precision, found.interval),
        number(found.prevalence)
    )
}

/// A warning about the model in question does not repeat its name.
fn warned(warning: &str, model: &str) -> String {
    warning.strip_prefix(&format!("{model}: ")).unwrap_or(warning).to_string()
}

/// Returns the headline. Test rows and validation rows have to agree: one of them alone may be luck.
fn said(
    model: &str,
    baseline: &str,
    rows: &str,
    judged: &Comparison,
    validation: Option<&Comparison>,
) -> (Mood, String) {
    let verdict = judged.verdict.as_str();
    let on_validation = validation.and_then(|found| found.difference);
    let figures = format!(
        "by {} in average precision, 95 % interval {} to {}",
        number(judged.difference.map(f64::abs)),
        number(judged.difference_interval.map(|(low, high)| if judged.difference < Some(0.0) { -high } else { low })),
        number(judged.difference_interval.map(|(low, high)| if judged.difference < Some(0.0) { -low } else { high }))
    );
    let contradicted = |better: &str, worse: &str| {
        let headline = format!(
            "Whether {model} beats {baseline} cannot be told: it is {better} on the {rows} and {worse} on the validation rows."
        );
        (Mood::Unknown, headline)
    };
    if verdict.starts_with("beats") {
        match on_validation {
            Some(difference) if difference < 0.0 => contradicted("better", "worse"),
            _ => (Mood::Good, format!("{model} beats {baseline} on the {rows}, {figures}.")),
        }
    } else if verdict.starts_with("does not beat") {
        match on_validation {
            Some(difference) if difference > 0.0 => contradicted("worse", "better"),
            _ => (Mood::Bad, format!("{model} does not beat {baseline} on the {rows}: it is worse {figures}.")),
        }
    } else if verdict.starts_with("equals guessing") {
        (Mood::Bad, format!("{model} equals guessing on the {rows}: its scores do not rank them."))
    } else if verdict.starts_with("cannot be told") {
        (Mood::Unknown, format!("Whether {model} beats {baseline} {verdict}."))
    } else {
        let reason = judged.reason.as_deref().unwrap_or("the two could not be compared");
        (Mood::Unknown, format!("Whether {model} beats {baseline} is not known: {reason}."))
    }
}

fn events(frame: &Frame<'_>, episodes: Option<f64>) -> String {
    let noun = frame.subject.event();
    let plural = if episodes == Some(1.0) { "" } else { "s" };
    format!("{} {noun}{plural}", count(episodes))
}

fn figures(rows: &str, baseline: &str, found: &Comparison, has_baseline: bool) -> String {
    let guessing = found.prevalence.filter(|prevalence| *prevalence > 0.0);
    let times = guessing.zip(found.average_precision).map_or(String::new(), |(guessing, precision)| {
        format!(", {:.1} times what guessing reaches ({})", precision / guessing, number(Some(guessing)))
    });
    let beside = match has_baseline {
        true => format!("; that of {baseline} is {}", number(found.baseline_average_precision)),
        false => String::new(),
    };
    format!(
        "On the {rows} its average precision is {}{times}{beside}.",
        with_interval(found.average_precision, found.interval)
    )
}

/// Returns how sure the difference is.
fn difference(frame: &Frame<'_>, found: &Comparison) -> Option<String> {
    found.difference_interval?;
    let drawn = match frame.subject.time {
        Some(_) => format!("blocks of {}", length(Some(frame.block_s as f64))),
        None => "rows taken as independent".to_string(),
    };
    Some(format!(
        "The paired difference is {} (95 % interval, {drawn}, {}); the model is better in {} of the resamples.",
        with_interval(found.difference, found.difference_interval),
        events(frame, found.episodes),
        percent(found.share_better)
    ))
}

fn unknown(headline: String, sentences: Vec<String>) -> Verdict {
    Verdict { mood: Mood::Unknown, headline, sentences }
}

/// Returns what the verdict says that can fail a build: that the model is worse than what it has to beat, or that nothing judges it. That a
/// comparison cannot tell yet is neither.
pub fn conditions(
    frame: &Frame<'_>,
    table: &Table,
    compared: &[Comparison],
    learned_here: bool,
    verdict: &Verdict,
) -> Vec<Condition> {
    let subject = frame.subject;
    let measured = table.find(&subject.model().name, &frame.split).filter(|found| {
        // Rows of one class tell nothing, as no rows do.
        found.average_precision.is_some() && found.rows != found.positives
    });
    let judged = compared.iter().any(|found| found.model == subject.model().name && found.split == frame.split);
    let has_to_beat = subject.model().role != Role::Naive || subject.has_baseline;
    match measured.is_some() && judged && has_to_beat && !learned_here {
        true => verdict.found(Condition::Worse),
        false => vec![Condition::Unknown],
    }
}

#[cfg(test)]
mod tests {
    use super::{Comparison, said};
    use crate::report::Mood;

    fn compared(verdict: &str, difference: f64, low: f64, high: f64) -> Comparison {
        Comparison {
            model: "m".into(),
            split: "test".into(),
            rows: Some(300.0),
            average_precision: Some(0.4),
            interval: None,
            baseline_average_precision: Some(0.3),
            prevalence: Some(0.05),
            difference: Some(difference),
            difference_interval: Some((low, high)),
            share_better: Some(0.9),
            episodes: Some(30.0),
            verdict: verdict.into(),
            reason: None,
        }
    }

    #[test]
    fn green_needs_the_interval_and_the_validation_rows() {
        let better = compared("beats the naive rule", 0.1, 0.02, 0.2);
        let say = |validation: Option<&Comparison>| said("m", "the naive rule", "test rows", &better, validation);
        assert_eq!(say(None).0, Mood::Good);
        let agrees = compared("cannot be told yet", 0.05, -0.1, 0.2);
        assert_eq!(
            say(Some(&agrees)),
            (Mood::Good, "m beats the naive rule on the test rows, by 0.1000 in average precision, 95 % interval 0.02000 to 0.2000.".into())
        );
        let disagrees = compared("cannot be told yet", -0.05, -0.2, 0.1);
        let (mood, headline) = say(Some(&disagrees));
        assert_eq!(mood, Mood::Unknown);
        assert_eq!(
            headline,
            "Whether m beats the naive rule cannot be told: it is better on the test rows and worse on the validation rows."
        );
    }

    #[test]
    fn worse_needs_both_too_and_guessing_beats_nothing() {
        let worse = compared("does not beat the naive rule", -0.1, -0.2, -0.02);
        let better = compared("beats the naive rule", 0.1, 0.02, 0.2);
        assert_eq!(said("m", "the naive rule", "test rows", &worse, None).0, Mood::Bad);
        assert_eq!(said("m", "the naive rule", "test rows", &worse, Some(&better)).0, Mood::Unknown);
        let guessing = compared("equals guessing and does not beat the naive rule", 0.1, 0.02, 0.2);
        let (mood, headline) = said("m", "the naive rule", "test rows", &guessing, Some(&better));
        assert!(
            mood == Mood::Bad && headline.starts_with("m equals guessing") && !headline.contains("beats"),
            "{headline}"
        );
    }
}
