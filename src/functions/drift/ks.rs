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
fn exact_tail(m: usize, n: usize, distance: u64) -> f64 {
    if distance == 0 {
        return 1.0;
    }
    let tail = if m == n { equal_sizes_tail(n, distance as usize / n) } else { band_tail(m, n, distance) };
    tail.min(1.0)
}

/// Returns the same for two samples of one size by reflection, as SciPy's `_compute_prob_outside_square` does: a path is at least `steps`
/// off.
fn equal_sizes_tail(n: usize, steps: usize) -> f64 {
    let mut tail = 0.0;
    // From the smallest term to the largest.
    for reflections in (0..=n / steps).rev() {
        let mut share = 1.0;
        for step in 0..steps {
            let shift = reflections * steps + step;
            share *= n.saturating_sub(shift) as f64 / (n + shift + 1) as f64;
        }
        tail = share * (1.0 - tail);
    }
    2.0 * tail
}

/// Returns the same for any sizes.
///
/// It is a sum of probabilities of leaving the band for the first time. All of them are positive, so a tiny p-value keeps
/// its digits.
fn band_tail(m: usize, n: usize, distance: u64) -> f64 {
    let total = m + n;
    let (rows, columns, off) = (m as i64, n as i64, distance as i64);
    // Dividing is slow, so the divisors are inverted once.
    let inverted: Vec<f64> = (0..=total + 1).map(|steps| 1.0 / steps as f64).collect();
    // For row i: the probability that a path reaches (i, j) without leaving the band before.
    let mut row = vec![0.0; n + 1];
    let mut band: Option<(usize, usize)> = None;
    let mut tail = 0.0;
    for i in 0..=m {
        // The columns inside the band: |i n - j m| < distance.
        let low = ((i as i64 * columns - off).div_euclid(rows) + 1).max(0) as usize;
        let high = (-((-(i as i64 * columns + off)).div_euclid(rows)) - 1).min(columns) as usize;
        // Steps from above into a cell outside the band.
        if let Some((first, last)) = band {
            for (j, reached) in row.iter().enumerate().take(low.min(last + 1)).skip(first) {
                tail += reached * (m - i + 1) as f64 * inverted[total - (i + j) + 1];
            }
        }
        if low > high {
            return tail;
        }
        let mut left = 0.0;
        for (j, cell) in row.iter_mut().enumerate().take(high + 1).skip(low) {
            let reached = match band {
                // The path begins here.
                None if j == 0 => 1.0,
                _ => {
                    let above = band.filter(|(first, last)| (*first..=*last).contains(&j)).map_or(0.0, |_| *cell);
                    (above * (m - i + 1) as f64 + left * (n - j + 1) as f64) * inverted[total - (i + j) + 1]
                }
            };
            // Numbers below the smallest normal one are slow, and add nothing to a sum that a DOUBLE can hold in full.
            left = if reached < f64::MIN_POSITIVE { 0.0 } else { reached };
            *cell = left;
        }
        if high < n {
            tail += left * (n - high) as f64 * inverted[total - (i + high)];
        }
        band = Some((low, high));
    }
    tail
}

#[cfg(test)]
mod tests {
    use super::{band_tail, distance, equal_sizes_tail, p_value};

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

    /// Both ways count the same paths.
    #[test]
    fn two_samples_of_one_size_are_reflected() {
        for (n, steps) in [(1, 1), (7, 3), (50, 4), (50, 49), (300, 40), (1_000, 30)] {
            let (reflected, banded) = (equal_sizes_tail(n, steps), band_tail(n, n, (steps * n) as u64));
            assert!((reflected / banded - 1.0).abs() < 1e-10, "{n}, {steps}: {reflected} and {banded}");
        }
    }

    /// SciPy 1.17.1: `ks_2samp(range(4), [x + 1.5 for x in range(7)], method="exact").pvalue` and others; of 4 and 7 values.
    #[test]
    fn samples_of_two_sizes_are_counted() {
        let seven: Vec<f64> = (0..7).map(|value| f64::from(value) + 1.5).collect();
        let p = p_value(&[0.0, 1.0, 2.0, 3.0], &seven).unwrap();
        assert!((p - 0.12121212121212123).abs() < 1e-14, "{p}");
    }
}
