//! The Wasserstein distance, normed as Evidently computes it; and the energy distance.

/// The smallest scale that a distance is divided by, so that a constant reference does not cause a division by zero.
const LEAST_SCALE: f64 = 0.001;

/// The squares of larger values, and sums of many of them, may be beyond what a DOUBLE holds.
const LARGEST_SQUARED: f64 = 1e145;

/// Returns the first Wasserstein distance of two ascending samples, divided by the reference's population standard
/// deviation; `None` if either is empty.
pub fn normed_distance(reference: &[f64], current: &[f64]) -> Option<f64> {
    let largest = reference.iter().chain(current).fold(0.0_f64, |largest, value| largest.max(value.abs()));
    if largest > LARGEST_SQUARED {
        // The distance in deviations does not depend on the unit.
        let smaller = |sample: &[f64]| -> Vec<f64> { sample.iter().map(|value| value / largest).collect() };
        let (reference, current) = (smaller(reference), smaller(current));
        let deviation = deviation(&reference);
        return Some(wasserstein(&reference, &current)? / deviation.max(LEAST_SCALE / largest));
    }
    let distance = wasserstein(reference, current)?;
    Some(distance / deviation(reference).max(LEAST_SCALE))
}

/// Returns whether the normed distance to this sample is divided by the smallest scale, because the deviation is smaller.
pub fn is_of_least_scale(reference: &[f64]) -> bool {
    !reference.is_empty() && deviation(reference) < LEAST_SCALE
}

/// Returns the population standard deviation.
fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}

/// Returns the mean of a sample, which must not be empty. The second pass removes what the first one rounded, which counts where values
/// differ by little of their size.
pub fn mean(values: &[f64]) -> f64 {
    let rows = values.len() as f64;
    let first = values.iter().sum::<f64>() / rows;
    first + values.iter().map(|value| value - first).sum::<f64>() / rows
}

/// Returns the first Wasserstein distance of two ascending samples, the area between their distribution functions; `None` if either is
/// empty.
pub fn wasserstein(reference: &[f64], current: &[f64]) -> Option<f64> {
    between(reference, current, f64::abs)
}

/// Returns the energy distance of two ascending samples: the root of twice the area of the squared differences between their distribution
/// functions.
pub fn energy(reference: &[f64], current: &[f64]) -> Option<f64> {
    between(reference, current, |gap| gap * gap).map(|area| (2.0 * area).sqrt())
}

/// Returns the area of what `of` makes of the differences between the distribution functions of two ascending samples.
fn between(reference: &[f64], current: &[f64], of: fn(f64) -> f64) -> Option<f64> {
    if reference.is_empty() || current.is_empty() {
        return None;
    }
    let (mut i, mut j) = (0, 0);
    let mut area = 0.0;
    let mut position = reference[0].min(current[0]);
    while i < reference.len() || j < current.len() {
        let next = match (reference.get(i), current.get(j)) {
            (Some(a), Some(b)) => a.min(*b),
            (Some(value), None) | (None, Some(value)) => *value,
            (None, None) => break,
        };
        let gap = i as f64 / reference.len() as f64 - j as f64 / current.len() as f64;
        area += of(gap) * (next - position);
        position = next;
        i += reference[i..].iter().take_while(|value| **value == next).count();
        j += current[j..].iter().take_while(|value| **value == next).count();
    }
    Some(area)
}

#[cfg(test)]
mod tests {
    use super::normed_distance;

    #[test]
    fn a_shift_is_its_own_distance() {
        // The reference's population standard deviation is 2.
        assert_eq!(normed_distance(&[0.0, 0.0, 4.0, 4.0], &[1.0, 1.0, 5.0, 5.0]), Some(0.5));
        assert_eq!(normed_distance(&[3.0, 3.0], &[3.0, 4.0]), Some(500.0));
        assert_eq!(normed_distance(&[], &[1.0]), None);
    }

    #[test]
    fn values_whose_squares_are_too_large_are_measured_in_another_unit() {
        let scaled = |values: [f64; 4]| values.map(|value| value * 1e300);
        let normed = normed_distance(&scaled([0.0, 0.0, 4.0, 4.0]), &scaled([1.0, 1.0, 5.0, 5.0])).unwrap();
        assert!((normed - 0.5).abs() < 1e-12, "{normed}");
    }

    /// The deviation of the values is exact, however large they are.
    #[test]
    fn a_mean_of_large_values_that_differ_by_little_keeps_its_digits() {
        let mut values: Vec<f64> = (0..30_000).map(|row| 1e9 + f64::from(row % 3) * 1e-2).collect();
        let expected = values.iter().map(|value| value - 1e9).sum::<f64>() / 30_000.0;
        assert!((super::mean(&values) - 1e9 - expected).abs() < 2e-7);
        values.sort_unstable_by(f64::total_cmp);
        let shifted: Vec<f64> = values.iter().map(|value| value + 1e-2).collect();
        let normed = normed_distance(&values, &shifted).unwrap();
        // The deviation of 0, 1 and 2 is the root of 2/3. A step of 1e-2 at 1e9 is exact to 1e-7.
        assert!((normed - 1.0 / (2f64 / 3.0).sqrt()).abs() < 2e-4, "{normed}");
    }
}
