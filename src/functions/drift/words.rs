//! How well the words of a text tell which of two samples it comes from: a domain classifier, as Evidently's drift of text is measured.
//!
//! Evidently 0.7 trains a linear classifier on TF-IDF weights, in an order that depends on a random seed. This one is multinomial naive
//! Bayes on words, trained on one half of the distinct texts and judged on the other, both ways round. So the value does not depend on
//! the order of rows or on a seed, and it is not Evidently's to the digit.

use std::collections::{BTreeMap, HashMap};

use super::two_sample::samples::Samples;
use crate::text::{fnv1a, mixed};

/// From this area on texts have drifted, as for Evidently's `abs_text_content_drift`.
pub const THRESHOLD: f64 = 0.55;
/// The standard normal distribution's 95 % quantile.
const NORMAL_95: f64 = 1.644_853_626_951_472_2;
/// A word is named if it weighs at least this share of the heaviest one.
const LEAST_WEIGHT: f64 = 0.1;
/// The most words that are named.
const NAMED: usize = 5;

/// A text with how often it occurs in the reference and in the current sample.
type Text<'a> = (&'a str, [f64; 2]);

/// How often a word occurs in the reference and in the current sample.
type Words = HashMap<String, [f64; 2]>;

/// Returns the area under the ROC curve of the classifier, 0.5 for one that guesses; `None` if a sample has no words, or if all texts are
/// in one half.
pub fn roc_auc(samples: &Samples) -> Option<f64> {
    let texts = texts(samples);
    let (mut weight, mut sum) = (0.0, 0.0);
    for judged in 0..2 {
        // The last bit of this hash is only the parity of the text's bytes.
        let half = |text: &&Text<'_>| mixed(fnv1a(text.0.as_bytes())) >> 63 == judged;
        let learned: Vec<&Text<'_>> = texts.iter().filter(|text| !half(text)).collect();
        let judged: Vec<&Text<'_>> = texts.iter().filter(half).collect();
        let words = words_of(learned.into_iter());
        let Some(odds) = log_odds(&words) else { continue };
        let scored = judged.into_iter().map(|(text, counts)| {
            let score: f64 = words_in(text).filter_map(|word| odds.get(&word)).sum();
            (score, *counts)
        });
        if let Some((area, rows)) = area(scored.collect()) {
            sum += area * rows;
            weight += rows;
        }
    }
    (weight > 0.0).then(|| sum / weight)
}

/// Returns the area from which samples of these sizes have drifted: 0.55, or for small samples what a classifier that guesses exceeds in one
/// of 20 cases.
pub fn threshold(reference: u64, current: u64) -> f64 {
    let (m, n) = (reference as f64, current as f64);
    let spread = ((m + n + 1.0) / (12.0 * m * n)).sqrt();
    (0.5 + NORMAL_95 * spread).max(THRESHOLD)
}

/// Returns the words that are most typical of the reference, and those that are most typical of the current sample.
pub fn typical(samples: &Samples) -> [Vec<String>; 2] {
    let texts = texts(samples);
    let words = words_of(texts.iter());
    let Some(odds) = log_odds(&words) else { return [Vec::new(), Vec::new()] };
    let totals = totals(&words);
    let mut weighed: Vec<(f64, &String)> = words
        .iter()
        .map(|(word, counts)| {
            let gap = counts[1] / totals[1] - counts[0] / totals[0];
            (gap.abs() * odds.get(word).copied().unwrap_or(0.0), word)
        })
        .collect();
    // The share of every other word changes a little if one becomes frequent.
    let least = LEAST_WEIGHT * weighed.iter().map(|(weight, _)| weight.abs()).fold(0.0, f64::max);
    weighed.retain(|(weight, _)| weight.abs() >= least);
    // Words that weigh the same are in the order of the alphabet.
    weighed.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1)));
    let of = |(_, word): &(f64, &String)| word.to_string();
    let reference = weighed.iter().take_while(|(weight, _)| *weight < 0.0).take(NAMED).map(of).collect();
    let current = weighed.iter().rev().take_while(|(weight, _)| *weight > 0.0).take(NAMED).map(of).collect();
    [reference, current]
}

fn texts(samples: &Samples) -> Vec<Text<'_>> {
    let mut texts: BTreeMap<&str, [f64; 2]> = BTreeMap::new();
    for (side, counts) in samples.texts.iter().enumerate() {
        for (text, count) in counts {
            texts.entry(text).or_default()[side] += *count as f64;
        }
    }
    texts.into_iter().collect()
}

fn words_in(text: &str) -> impl Iterator<Item = String> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

fn words_of<'a>(texts: impl Iterator<Item = &'a Text<'a>>) -> Words {
    let mut words = Words::new();
    for (text, counts) in texts {
        for word in words_in(text) {
            let known = words.entry(word).or_default();
            known[0] += counts[0];
            known[1] += counts[1];
        }
    }
    words
}

fn totals(words: &Words) -> [f64; 2] {
    // Counts are whole numbers, so their sum does not depend on the order.
    words.values().fold([0.0, 0.0], |sum, counts| [sum[0] + counts[0], sum[1] + counts[1]])
}

/// Returns how much each word speaks for the current sample, with one imagined occurrence of each word in either sample.
fn log_odds(words: &Words) -> Option<HashMap<String, f64>> {
    let [reference, current] = totals(words);
    if reference == 0.0 || current == 0.0 {
        return None;
    }
    let known = words.len() as f64;
    let odds = |counts: &[f64; 2]| {
        ((counts[1] + 1.0) / (current + known)).ln() - ((counts[0] + 1.0) / (reference + known)).ln()
    };
    Some(words.iter().map(|(word, counts)| (word.clone(), odds(counts))).collect())
}

/// Returns the area under the ROC curve of scores, each with how many rows of the reference and of the current sample have it, and the
/// number of rows.
fn area(mut scored: Vec<(f64, [f64; 2])>) -> Option<(f64, f64)> {
    scored.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut sum) = (0.0, 0.0);
    let mut all = [0.0, 0.0];
    for equal in scored.chunk_by(|a, b| a.0 == b.0) {
        let here = equal.iter().fold([0.0, 0.0], |sum, (_, counts)| [sum[0] + counts[0], sum[1] + counts[1]]);
        sum += here[1] * (below + here[0] / 2.0);
        below += here[0];
        all = [all[0] + here[0], all[1] + here[1]];
    }
    (all[0] > 0.0 && all[1] > 0.0).then(|| (sum / (all[0] * all[1]), all[0] + all[1]))
}

#[cfg(test)]
mod tests {
    use super::{Samples, roc_auc, threshold, typical};

    fn samples(reference: &[String], current: &[String]) -> Samples {
        let mut samples = Samples::default();
        for (side, texts) in [reference, current].into_iter().enumerate() {
            for text in texts {
                *samples.texts[side].entry(text.clone()).or_default() += 1;
            }
        }
        samples
    }

    #[test]
    fn texts_with_other_words_are_told_apart() {
        let of = |word: &str| -> Vec<String> { (0..60).map(|row| format!("Order {row} {word}, thanks")).collect() };
        let apart = samples(&of("arrived"), &of("lost"));
        assert!(roc_auc(&apart).unwrap() > 0.99);
        assert_eq!(typical(&apart), [vec!["arrived".to_string()], vec!["lost".to_string()]]);
        let same = samples(&of("arrived"), &of("arrived"));
        assert!((roc_auc(&same).unwrap() - 0.5).abs() < 0.05, "{:?}", roc_auc(&same));
    }

    /// The bytes of these texts have the same parity.
    #[test]
    fn halves_do_not_depend_on_the_parity_of_letters() {
        let of = |word: &str| -> Vec<String> { (0..60).map(|row| format!("{word} {word} {row} {row}")).collect() };
        assert!(roc_auc(&samples(&of("arrived"), &of("lost"))).unwrap() > 0.99);
    }

    #[test]
    fn a_sample_without_words_has_no_area() {
        assert_eq!(roc_auc(&samples(&["?!".into()], &["…".into()])), None);
        assert_eq!(roc_auc(&Samples::default()), None);
    }

    #[test]
    fn small_samples_need_more() {
        assert_eq!(threshold(5_000, 5_000), 0.55);
        assert!(threshold(20, 20) > 0.6);
    }
}
