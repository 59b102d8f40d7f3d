//! The two-sample Kolmogorov-Smirnov test, two-sided, as SciPy's `ks_2samp(method="auto")` computes it.

use super::kolmogorov;

/// Up to this size, samples get an exact p-value; larger ones get an asymptotic one.
const LARGEST_EXACT: usize = 10_000;

/// Returns the p-value for two ascending samples; `None` if either is empty.
pub fn p_value(reference: &[f64], current: &[f64]) -> Option<f64> {
    let (m, n) = (reference.len(), current.len());
    if m == 0 || n == 0 {
        return None;
    }
    let distance = distance(reference, current);
    if m.max(n) <= LARGEST_EXACT {
        return Some(exact_tail(m, n, distance));
    }
    let (m, n) = (m as f64, n as f64);
    let size = (m * n / (m + n)).round_ties_even();
    Some(kolmogorov::two_sided_tail(size as u32, distance as f64 / (m * n)))
}

/// Returns the largest distance between the distribution functions of two ascending samples, in [0, 1]; `None` if either is empty.
pub fn statistic(reference: &[f64], current: &[f64]) -> Option<f64> {
    let sizes = (reference.len() * current.len()) as f64;
    (sizes > 0.0).then(|| distance(reference, current) as f64 / sizes)
}

/// Returns the statistic and the p-value.
pub fn test(reference: &[f64], current: &[f64]) -> Option<(f64, f64)> {
    statistic(reference, current).zip(p_value(reference, current))
}

/// Returns the largest distance between the samples' distribution functions, times both sizes: a whole number.
fn distance(reference: &[f64], current: &[f64]) -> u64 {
    let (m, n) = (reference.len() as i64, current.len() as i64);
    let (mut i, mut j, mut greatest) = (0, 0, 0);
    while i < reference.len() && j < current.len() {
        // Both functions step at a tied value, so measure the distance after all ties.
        let value = reference[i].min(current[j]);
        i += reference[i..].iter().take_while(|other| **other == value).count();
        j += current[j..].iter().take_while(|other| **other == value).count();
        greatest = greatest.max((i as i64 * n - j as i64 * m).unsigned_abs());
    }
    greatest
}

/// Returns the probability that a random path from (0, 0) to (m, n) is at least `distance` off the diagonal somewhere.
///
/// It is a sum of probabilities of leaving the band for the first time. All of them are positive, so a tiny p-value keeps
/// its digits.
fn exact_tail(m: usize, n: usize, distance: u64) -> f64 {
    if distance == 0 {
        return 1.0;
    }
    let inside = |i: usize, j: usize| (i as i64 * n as i64 - j as i64 * m as i64).unsigned_abs() < distance;
    let total = (m + n) as f64;
    // For row i: the probability that a path reaches (i, j) without leaving the band before.
    let mut row = vec![0.0; n + 1];
    let (mut first, mut last) = (0, 0);
    row[0] = 1.0;
    let mut tail = 0.0;
    for i in 0..=m {
        let from_row_before = (first, last);
        let mut next_band: Option<(usize, usize)> = None;
        let mut j = first;
        while j <= n {
            let reached_from_above = i > 0 && (from_row_before.0..=from_row_before.1).contains(&j);
            let reached_from_left = next_band.is_some_and(|(_, end)| end + 1 == j);
            if j > from_row_before.1 && !reached_from_left {
                break;
            }
            if i > 0 || j > 0 {
                let steps_left = total - (i + j) as f64 + 1.0;
                let down = if reached_from_above { row[j] * (m - i + 1) as f64 / steps_left } else { 0.0 };
                let right = if reached_from_left { row[j - 1] * (n - j + 1) as f64 / steps_left } else { 0.0 };
                row[j] = down + right;
            }
            if inside(i, j) {
                next_band = Some((next_band.map_or(j, |(start, _)| start), j));
            } else {
                tail += row[j];
                row[j] = 0.0;
            }
            j += 1;
        }
        match next_band {
            Some(band) => (first, last) = band,
            None => break,
        }
    }
    tail.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::{distance, p_value};

    #[test]
    fn ties_are_passed_at_once() {
        assert_eq!(distance(&[1.0, 1.0, 2.0], &[1.0, 2.0, 2.0]), 3);
        assert_eq!(distance(&[1.0, 2.0], &[1.0, 2.0]), 0);
    }

    /// Computed by hand: of the 20 orders of 3 and 3 values, 2 separate them completely.
    #[test]
    fn small_samples_are_counted() {
        assert_eq!(p_value(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]), Some(0.1));
        assert_eq!(p_value(&[1.0], &[1.0]), Some(1.0));
        assert_eq!(p_value(&[], &[1.0]), None);
    }
}
