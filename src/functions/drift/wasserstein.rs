//! The normed Wasserstein distance, as Evidently computes it.

/// The smallest scale that a distance is divided by, so that a constant reference does not cause a division by zero.
const LEAST_SCALE: f64 = 0.001;

/// Returns the first Wasserstein distance of two ascending samples, divided by the reference's population standard
/// deviation; `None` if either is empty.
pub fn normed_distance(reference: &[f64], current: &[f64]) -> Option<f64> {
    if reference.is_empty() || current.is_empty() {
        return None;
    }
    let mean = mean(reference);
    let variance = reference.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / reference.len() as f64;
    Some(distance(reference, current) / variance.sqrt().max(LEAST_SCALE))
}

/// Returns the mean of a sample, which must not be empty.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Returns the area between the two distribution functions.
fn distance(reference: &[f64], current: &[f64]) -> f64 {
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
        area += gap.abs() * (next - position);
        position = next;
        i += reference[i..].iter().take_while(|value| **value == next).count();
        j += current[j..].iter().take_while(|value| **value == next).count();
    }
    area
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
}
