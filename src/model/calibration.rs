//! Calibration: from a model's scores to probabilities, learned from scores of rows that the model did not train on.
//!
//! In: out-of-fold scores and their labels. Out: a rising function of the score, which the artifact stores. Isotonic regression is
//! scikit-learn's `IsotonicRegression(out_of_bounds = 'clip')`; the sigmoid is Platt 1999, with his targets, fitted by Newton's method as
//! in Lin, Lin and Weng 2007.

use serde::{Deserialize, Serialize};

use super::exponential::{exp, logistic};
use super::onnx::{Graph, Value};
use super::probability::is_probability;

/// How a calibration is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Isotonic,
    Sigmoid,
}

impl Method {
    /// The names of the methods, for options.
    pub const NAMES: [&'static str; 2] = ["isotonic", "sigmoid"];

    /// Returns the method with this name.
    pub fn named(name: &str) -> Option<Method> {
        [Method::Isotonic, Method::Sigmoid]
            .into_iter()
            .zip(Method::NAMES)
            .find(|(_, of)| *of == name)
            .map(|(method, _)| method)
    }

    /// Returns the name.
    pub fn name(self) -> &'static str {
        Method::NAMES[self as usize]
    }
}

/// A rising function from scores to probabilities, as the artifact stores it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Calibration {
    /// Linear between these points, and constant beyond them.
    Isotonic { scores: Vec<f64>, probabilities: Vec<f64> },
    /// `1 / (1 + exp(-(slope * x + intercept)))`, where x is the log-odds of the score if `log_odds`, and otherwise the score.
    Sigmoid { log_odds: bool, slope: f64, intercept: f64 },
}

/// Scores of 0 and 1 have no log-odds; they are taken for these.
const NEAR_0: f64 = 1e-300;
const NEAR_1: f64 = 1.0 - f64::EPSILON;

/// Scores that differ by less are one score, as in scikit-learn.
const SAME: f64 = 1e-15;

const MAX_STEPS: u32 = 100;

impl Calibration {
    /// Learns from scores of both classes, none of which is NaN. `probabilities` says whether the scores are probabilities.
    pub fn learn(method: Method, labels: &[bool], scores: &[f64], probabilities: bool) -> Calibration {
        let mut rows: Vec<(f64, bool)> = scores.iter().copied().zip(labels.iter().copied()).collect();
        rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        match method {
            Method::Isotonic => isotonic(&rows),
            Method::Sigmoid => sigmoid(&rows, probabilities),
        }
    }

    /// Returns the probability of a score; NaN for NaN.
    pub fn apply(&self, score: f64) -> f64 {
        match self {
            Calibration::Isotonic { .. } if score.is_nan() => f64::NAN,
            Calibration::Isotonic { scores, probabilities } => {
                let above = scores.partition_point(|of| *of < score);
                let last = scores.len() - 1;
                match above {
                    0 => probabilities[0],
                    above if above > last => probabilities[last],
                    above => {
                        let (low, high) = (scores[above - 1], scores[above]);
                        let (from, to) = (probabilities[above - 1], probabilities[above]);
                        from + (to - from) / (high - low) * (score - low)
                    }
                }
            }
            Calibration::Sigmoid { log_odds: of_log_odds, slope, intercept } => {
                let x = if *of_log_odds { log_odds(score) } else { score };
                logistic(slope * x + intercept)
            }
        }
    }

    /// Writes [`Calibration::apply`] as ONNX: scores, rows × 1, become probabilities.
    pub fn onnx(&self, graph: &mut Graph, score: &Value) -> Value {
        match self {
            Calibration::Isotonic { scores, probabilities } => {
                let last = probabilities.len() as i64 - 1;
                let (above, ends) = graph.below(scores, score);
                let values = graph.numbers(probabilities, &[last + 1]);
                let (zero, one, end) = (graph.whole(&[0], &[]), graph.whole(&[1], &[]), graph.whole(&[last], &[]));
                // Before the first point and behind the last one, both places are that point.
                let to = graph.apply("Min", &[&above, &end]);
                let from = graph.apply("Sub", &[&above, &one]);
                let from = graph.apply("Max", &[&from, &zero]);
                let from = graph.apply("Min", &[&from, &to]);
                let mut at = |table: &Value, place: &Value| graph.apply("Gather", &[table, place]);
                let (low, high) = (at(&ends, &from), at(&ends, &to));
                let (lower, upper) = (at(&values, &from), at(&values, &to));
                let (width, rise) = (graph.apply("Sub", &[&high, &low]), graph.apply("Sub", &[&upper, &lower]));
                let slope = graph.apply("Div", &[&rise, &width]);
                let way = graph.apply("Sub", &[score, &low]);
                let climbed = graph.apply("Mul", &[&slope, &way]);
                let inside = graph.apply("Add", &[&lower, &climbed]);
                let is_outside = graph.apply("Equal", &[&from, &to]);
                graph.apply("Where", &[&is_outside, &upper, &inside])
            }
            Calibration::Sigmoid { log_odds, slope, intercept } => {
                let mut x = score.clone();
                if *log_odds {
                    let (near_0, near_1) = (graph.number(NEAR_0), graph.number(NEAR_1));
                    let least = graph.apply("Max", &[&x, &near_0]);
                    let score = graph.apply("Min", &[&least, &near_1]);
                    let one = graph.number(1.0);
                    let against = graph.apply("Sub", &[&one, &score]);
                    let (for_it, against) = (graph.apply("Log", &[&score]), graph.apply("Log", &[&against]));
                    x = graph.apply("Sub", &[&for_it, &against]);
                }
                let (slope, intercept) = (graph.number(*slope), graph.number(*intercept));
                let scaled = graph.apply("Mul", &[&x, &slope]);
                let log_odds = graph.apply("Add", &[&scaled, &intercept]);
                graph.probability(&log_odds)
            }
        }
    }

    /// Returns what it makes of the model's score, in the artifact's field names.
    pub fn formula(&self) -> &'static str {
        match self {
            Calibration::Isotonic { .. } => "calibration.probabilities, interpolated at calibration.scores,",
            Calibration::Sigmoid { log_odds: true, .. } => {
                "1 / (1 + exp(-(calibration.slope * ln(score / (1 - score)) + calibration.intercept))), score being that"
            }
            Calibration::Sigmoid { log_odds: false, .. } => {
                "1 / (1 + exp(-(calibration.slope * score + calibration.intercept))), score being that"
            }
        }
    }

    /// Says why a calibration that was read cannot be used.
    pub fn problem(&self) -> Option<&'static str> {
        match self {
            Calibration::Isotonic { scores, probabilities } => {
                let rises = |numbers: &[f64]| numbers.iter().all(|number| number.is_finite()) && numbers.is_sorted();
                let fits =
                    !scores.is_empty() && scores.len() == probabilities.len() && rises(scores) && rises(probabilities);
                if !fits {
                    return Some("its calibration is not a rising line of points");
                }
                let outside = probabilities.iter().any(|probability| !is_probability(*probability));
                outside.then_some("its calibration has probabilities outside [0, 1]")
            }
            Calibration::Sigmoid { slope, intercept, .. } => {
                (!slope.is_finite() || !intercept.is_finite()).then_some("its calibration has no slope or intercept")
            }
        }
    }
}

fn log_odds(score: f64) -> f64 {
    let score = if score.is_nan() { score } else { score.clamp(NEAR_0, NEAR_1) };
    libm::log(score) - libm::log1p(-score)
}

/// Pools neighbours that fall, by rising score; each pool keeps the mean of its labels.
fn isotonic(rows: &[(f64, bool)]) -> Calibration {
    // Of each pool the positives, the rows, and the number of distinct scores.
    let mut pools: Vec<(u64, u64, usize)> = Vec::new();
    let mut scores: Vec<f64> = Vec::new();
    let mut distinct: Vec<(u64, u64)> = Vec::new();
    for (score, label) in rows {
        match (scores.last(), distinct.last_mut()) {
            (Some(last), Some(counts)) if score - last < SAME => *counts = (counts.0 + u64::from(*label), counts.1 + 1),
            _ => {
                scores.push(*score);
                distinct.push((u64::from(*label), 1));
            }
        }
    }
    for (positives, count) in distinct {
        let mut pool = (positives, count, 1);
        while let Some(before) = pools.last().copied() {
            // Compare positives / count without rounding.
            if u128::from(before.0) * u128::from(pool.1) < u128::from(pool.0) * u128::from(before.1) {
                break;
            }
            pools.pop();
            pool = (before.0 + pool.0, before.1 + pool.1, before.2 + pool.2);
        }
        pools.push(pool);
    }
    // A pool is a level line: only its two ends are kept.
    let (mut kept, mut probabilities, mut first) = (Vec::new(), Vec::new(), 0);
    for (positives, count, distinct) in pools {
        let probability = positives as f64 / count as f64;
        let last = first + distinct - 1;
        for place in if last > first { vec![first, last] } else { vec![first] } {
            kept.push(scores[place]);
            probabilities.push(probability);
        }
        first = last + 1;
    }
    Calibration::Isotonic { scores: kept, probabilities }
}

/// Minimises the log loss against Platt's targets, which keep the slope finite when the classes are separate.
fn sigmoid(rows: &[(f64, bool)], probabilities: bool) -> Calibration {
    let xs: Vec<f64> = rows.iter().map(|(score, _)| if probabilities { log_odds(*score) } else { *score }).collect();
    let positives = rows.iter().filter(|(_, label)| *label).count() as f64;
    let negatives = rows.len() as f64 - positives;
    let target = |label: bool| if label { (positives + 1.0) / (positives + 2.0) } else { 1.0 / (negatives + 2.0) };
    // The scores are brought to deviation 1, so that the steps are of one size.
    let count = xs.len() as f64;
    let mean = xs.iter().sum::<f64>() / count;
    let scale = (xs.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count).sqrt();
    let scale = if scale > 0.0 { scale } else { 1.0 };
    let standard: Vec<f64> = xs.iter().map(|x| (x - mean) / scale).collect();
    let loss = |slope: f64, intercept: f64| -> f64 {
        let terms = standard.iter().zip(rows).map(|(x, (_, label))| {
            let z = slope * x + intercept;
            // ln(1 + exp(z)) - target * z, without overflow.
            z.max(0.0) + libm::log1p(exp(-z.abs())) - target(*label) * z
        });
        terms.sum()
    };
    let (mut slope, mut intercept) = (0.0, libm::log((positives + 1.0) / (negatives + 1.0)));
    let mut now = loss(slope, intercept);
    for _ in 0..MAX_STEPS {
        let (mut g, mut h) = ([0.0; 2], [1e-12, 0.0, 1e-12]);
        for (x, (_, label)) in standard.iter().zip(rows) {
            let p = logistic(slope * x + intercept);
            let (error, weight) = (p - target(*label), p * (1.0 - p));
            g = [g[0] + error * x, g[1] + error];
            h = [h[0] + weight * x * x, h[1] + weight * x, h[2] + weight];
        }
        if g.iter().all(|slope| slope.abs() < 1e-10 * count) {
            break;
        }
        let determinant = h[0] * h[2] - h[1] * h[1];
        let step = [(h[2] * g[0] - h[1] * g[1]) / determinant, (h[0] * g[1] - h[1] * g[0]) / determinant];
        let mut share = 1.0;
        let found = loop {
            let (to, at) = (slope - share * step[0], intercept - share * step[1]);
            let then = loss(to, at);
            if then < now {
                break Some((to, at, then));
            }
            share /= 2.0;
            if share < 1e-10 {
                break None;
            }
        };
        let Some((to, at, then)) = found else { break };
        (slope, intercept, now) = (to, at, then);
    }
    Calibration::Sigmoid { log_odds: probabilities, slope: slope / scale, intercept: intercept - slope * mean / scale }
}

#[cfg(test)]
mod tests {
    use super::{Calibration, Method};

    /// By scikit-learn 1.9.1, `IsotonicRegression(out_of_bounds = 'clip')`, and by scipy's BFGS on the loss of scikit-learn's
    /// `_SigmoidCalibration`, which itself stops 1e-7 before the optimum.
    #[test]
    fn both_methods_equal_scikit_learn() {
        let scores: Vec<f64> = (0..40).map(|row| f64::from(row * 17 % 40) / 10.0 + f64::from(row % 3)).collect();
        let labels: Vec<bool> = (0..40).map(|row| (row * 17 % 40) * 3 + row * 7 % 31 > 75).collect();
        let at = [-1.0, 0.05, 1.33, 2.0, 2.71, 3.3, 4.9, 9.0];
        let isotonic = Calibration::learn(Method::Isotonic, &labels, &scores, false);
        let sigmoid = Calibration::learn(Method::Sigmoid, &labels, &scores, false);
        let of = |calibration: &Calibration| at.map(|score| calibration.apply(score));
        let close = |values: [f64; 8], expected: [f64; 8], within: f64| {
            let near = values.iter().zip(expected).all(|(value, expected)| (value - expected).abs() <= within);
            assert!(near, "{values:?}");
        };
        close(of(&isotonic), ISOTONIC, 1e-15);
        close(of(&sigmoid), SIGMOID, 1e-8);
        assert!(isotonic.apply(f64::NAN).is_nan() && sigmoid.apply(f64::NAN).is_nan());
        assert_eq!((isotonic.problem(), sigmoid.problem()), (None, None));
    }

    const ISOTONIC: [f64; 8] = [0.0, 0.0, 0.0, 0.0, 0.3, 2.0 / 3.0, 1.0, 1.0];
    const SIGMOID: [f64; 8] = [
        0.0023422288645,
        0.0117379017367,
        0.0789407881021,
        0.1942922724073,
        0.4191827111121,
        0.6421759154536,
        0.9550062394755,
        0.9999160768816,
    ];

    #[test]
    fn separate_classes_stay_finite_and_a_calibration_of_probabilities_takes_their_log_odds() {
        let labels = [false, false, true, true];
        let scores = [0.0, 0.25, 0.75, 1.0];
        let sigmoid = Calibration::learn(Method::Sigmoid, &labels, &scores, true);
        let found = scores.map(|score| sigmoid.apply(score));
        assert!(found.is_sorted() && found.iter().all(|p| (0.0..=1.0).contains(p)), "{found:?}");
        let isotonic = Calibration::learn(Method::Isotonic, &labels, &scores, true);
        assert_eq!([0.1, 0.5, 0.9].map(|score| isotonic.apply(score)), [0.0, 0.5, 1.0]);
    }

    #[test]
    fn what_is_not_a_rising_line_is_a_problem() {
        let broken = [
            (vec![1.0, 0.0], vec![0.0, 1.0]),
            (vec![0.0, 1.0], vec![1.0, 0.0]),
            (vec![], vec![]),
            (vec![0.0], vec![]),
            (vec![0.0, 1.0], vec![0.0, 1.5]),
            (vec![0.0, 1.0], vec![-0.5, 1.0]),
        ];
        for (scores, probabilities) in broken {
            assert!(Calibration::Isotonic { scores, probabilities }.problem().is_some());
        }
        let slope = Calibration::Sigmoid { log_odds: true, slope: f64::NAN, intercept: 0.0 };
        assert!(slope.problem().is_some());
    }
}
