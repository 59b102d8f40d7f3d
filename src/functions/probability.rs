//! `log_loss`, `brier_score`: how good scores are as probabilities.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use super::counted::Counted;
use super::label_score::{LABEL, PROBABILITY};
use super::{Function, Implementation};
use crate::model::fixed_sum::FixedSum;
use crate::model::probability::{brier_term, is_probability, log_loss_term};
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};

const LOG_LOSS: Documentation = Documentation {
    name: "log_loss",
    kind: Kind::Aggregate,
    section: Section::Probability,
    summary: "Returns the mean negative log-likelihood of the labels, scores clipped to [2.2e-16, 1 - 2.2e-16]",
    arguments: &[LABEL, PROBABILITY],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "nats a row, in [0, 36.05]; lower is better",
        when_null: "the group has no rows, a label or score is NaN, or a score is outside [0, 1]; rows with a NULL do not count",
    },
    example: Example {
        query: "SELECT log_loss(label, score) FROM (VALUES (false, 0.25), (true, 0.5)) AS t (label, score)",
        output: "0.4904146265058631",
    },
    source: "scikit-learn 1.9.1, log_loss",
};

const BRIER_SCORE: Documentation = Documentation {
    name: "brier_score",
    kind: Kind::Aggregate,
    section: Section::Probability,
    summary: "Returns the mean squared difference between score and label",
    arguments: &[LABEL, PROBABILITY],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "in [0, 1]; lower is better, and always answering the prevalence p gives p (1 - p)",
        when_null: "the group has no rows, a label or score is NaN, or a score is outside [0, 1]; rows with a NULL do not count",
    },
    example: Example {
        query: "SELECT brier_score(label, score) FROM (VALUES (false, 0.25), (true, 0.5)) AS t (label, score)",
        output: "0.15625",
    },
    source: "scikit-learn 1.9.1, brier_score_loss",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function {
        documentation: &LOG_LOSS,
        implementation: |_| mean(&LOG_LOSS, |counters, label, values| add(counters, label, values[0], log_loss_term)),
    },
    Function {
        documentation: &BRIER_SCORE,
        implementation: |_| mean(&BRIER_SCORE, |counters, label, values| add(counters, label, values[0], brier_term)),
    },
];

/// The counters: the sum's units, the number of its terms, and the number of rows without a term.
const COUNTERS: usize = 3;

fn mean(documentation: &'static Documentation, add: fn(&mut [i128], Option<bool>, &[f64])) -> Implementation {
    let returns = || DataType::Float64;
    let evaluate = |counters: &[i128]| {
        let sum = FixedSum { units: counters[0], terms: counters[1] as u64 };
        Ok(ScalarValue::Float64(if counters[2] == 0 { sum.mean() } else { None }))
    };
    Counted { documentation, counters: COUNTERS, add, returns, evaluate }.aggregate()
}

fn add(counters: &mut [i128], label: Option<bool>, score: f64, term: fn(bool, f64) -> f64) {
    match label {
        Some(label) if is_probability(score) => {
            let mut sum = FixedSum { units: counters[0], terms: counters[1] as u64 };
            sum.add(term(label, score));
            (counters[0], counters[1]) = (sum.units, i128::from(sum.terms));
        }
        _ => counters[2] += 1,
    }
}
