//! How good scores are as probabilities: log loss, Brier score, calibration.
//!
//! Definitions are those of scikit-learn 1.9.1 (`log_loss`, `brier_score_loss`, `calibration_curve`).

use super::fixed_sum::FixedSum;

/// How far 32-bit floats may round a probability beyond 0 or 1.
const ROUNDING: f64 = 1e-6;

/// Returns a score with what rounding in 32 bits has put beyond 0 or 1 taken back; every other score as it is.
pub fn without_rounding(score: f64) -> f64 {
    let clipped = score.clamp(0.0, 1.0);
    if (score - clipped).abs() <= ROUNDING { clipped } else { score }
}

/// Returns whether a score can be read as a probability.
pub fn is_probability(score: f64) -> bool {
    (0.0..=1.0).contains(&score)
}

/// Returns a row's log loss in nats, in [2.2e-16, 36.05]. Scores are clipped to [eps, 1 - eps], as in scikit-learn.
pub fn log_loss_term(label: bool, score: f64) -> f64 {
    let likelihood = if label { score } else { 1.0 - score };
    -likelihood.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
}

/// Returns a row's squared error, in [0, 1].
pub fn brier_term(label: bool, score: f64) -> f64 {
    let error = score - f64::from(u8::from(label));
    error * error
}

/// Returns the mean of `term` over rows; `None` if there are no rows or a score is outside [0, 1].
pub fn mean_loss(labels: &[bool], scores: &[f64], term: fn(bool, f64) -> f64) -> Option<f64> {
    let mut sum = FixedSum::default();
    for (&label, &score) in labels.iter().zip(scores) {
        if !is_probability(score) {
            return None;
        }
        sum.add(term(label, score));
    }
    sum.mean()
}

/// How scores are divided into bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binning {
    /// Bins of equal width over [0, 1].
    Uniform,
    /// Bins with about the same number of rows.
    Quantile,
}

/// One bin of a calibration curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    pub rows: u64,
    pub mean_score: f64,
    /// Share of positives, in [0, 1].
    pub positive_rate: f64,
}

/// Returns the bins that are not empty, by rising score; `None` if there are no rows or a score is outside [0, 1].
///
/// A score on an edge between two bins belongs to the lower one, as in scikit-learn.
pub fn calibration(labels: &[bool], scores: &[f64], bins: usize, binning: Binning) -> Option<Vec<Bin>> {
    if scores.is_empty() || !scores.iter().copied().all(is_probability) {
        return None;
    }
    // Multiply instead of dividing, as NumPy's linspace does, because 0.3 and 3 * 0.1 are different edges.
    let shares = (1..bins).map(|edge| edge as f64 * (1.0 / bins as f64));
    let edges: Vec<f64> = match binning {
        Binning::Uniform => shares.collect(),
        Binning::Quantile => {
            let mut sorted = scores.to_vec();
            sorted.sort_unstable_by(f64::total_cmp);
            shares.map(|share| quantile_sorted(&sorted, share)).collect()
        }
    };
    let mut sums = vec![(FixedSum::default(), 0_u64); bins];
    for (&label, &score) in labels.iter().zip(scores) {
        let (sum, positives) = &mut sums[edges.partition_point(|&edge| edge < score)];
        sum.add(score);
        *positives += u64::from(label);
    }
    let filled = sums.into_iter().filter_map(|(sum, positives)| {
        let mean_score = sum.mean()?;
        Some(Bin { rows: sum.terms, mean_score, positive_rate: positives as f64 / sum.terms as f64 })
    });
    Some(filled.collect())
}

/// Returns the `q` quantile of ascending values by linear interpolation, NumPy's default method.
///
/// # Panics
/// When `sorted` is empty.
pub fn quantile_sorted(sorted: &[f64], q: f64) -> f64 {
    let position = q * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let (low, high, share) = (sorted[below], sorted[above], position - below as f64);
    between(low, high, share)
}

/// Returns the number that lies at a share of the way from `low` to `high`. It is finite if both are.
pub fn between(low: f64, high: f64, share: f64) -> f64 {
    let width = high - low;
    if width.is_infinite() {
        // The difference of the largest numbers is beyond what a DOUBLE holds.
        return low * (1.0 - share) + high * share;
    }
    // Interpolate from the nearer end, as NumPy does, so that a share of 1 gives exactly `high`.
    if share >= 0.5 { high - width * (1.0 - share) } else { low + width * share }
}

#[cfg(test)]
mod tests {
    use super::{quantile_sorted, without_rounding};

    #[test]
    fn only_rounding_is_clipped() {
        let scores = [-0.01, -1e-7, 0.0, 0.3, 1.0, 1.000_000_119_209_289_6, 1.00001];
        assert_eq!(scores.map(without_rounding), [-0.01, 0.0, 0.0, 0.3, 1.0, 1.0, 1.00001]);
        assert!(without_rounding(f64::NAN).is_nan() && without_rounding(f64::INFINITY).is_infinite());
    }

    #[test]
    fn quantiles_of_finite_values_are_finite() {
        let widest = [-f64::MAX, f64::MAX];
        assert_eq!([0.0, 0.5, 1.0].map(|share| quantile_sorted(&widest, share)), [-f64::MAX, 0.0, f64::MAX]);
        assert!((0..=100).all(|step| quantile_sorted(&widest, f64::from(step) / 100.0).is_finite()));
        assert_eq!(quantile_sorted(&[1.0, 2.0, 4.0], 0.75), 3.0);
    }
}
