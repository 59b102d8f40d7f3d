//! Tests on counts by category: chi-square, the Z test of two shares, the Jensen-Shannon distance.

use super::special::{chi_square_tail, normal_two_sided};

/// How often a category occurs in the reference and in the current sample.
pub type Counts = (u64, u64);

fn totals(counts: &[Counts]) -> Option<(f64, f64)> {
    let reference: u64 = counts.iter().map(|(reference, _)| reference).sum();
    let current: u64 = counts.iter().map(|(_, current)| current).sum();
    (reference > 0 && current > 0).then_some((reference as f64, current as f64))
}

/// Returns statistic and p-value of the chi-square test that the current counts are the reference's counts, scaled; `None` if either
/// sample is empty or there is one category only. If the reference lacks a category, the p-value is 0.
pub fn chi_square_test(counts: &[Counts]) -> Option<(f64, f64)> {
    let (reference_rows, current_rows) = totals(counts)?;
    let scale = current_rows / reference_rows;
    let mut statistic = 0.0;
    for (reference, current) in counts {
        let expected = *reference as f64 * scale;
        statistic += (*current as f64 - expected).powi(2) / expected;
    }
    let degrees = u32::try_from(counts.len()).ok()?.checked_sub(1).filter(|degrees| *degrees > 0)?;
    Some((statistic, chi_square_tail(statistic, degrees)))
}

/// Returns the p-value of [`chi_square_test`].
pub fn chi_square(counts: &[Counts]) -> Option<f64> {
    chi_square_test(counts).map(|(_, p_value)| p_value)
}

/// Returns statistic and two-sided p-value of the Z test that both samples have the same share of the first category, of at most two.
/// The p-value is 1 if there is only one category. `None` if either sample is empty, or if there are more categories.
pub fn proportions_test(counts: &[Counts]) -> Option<(f64, f64)> {
    let (reference_rows, current_rows) = totals(counts)?;
    let (reference, current) = match counts {
        [only, _] => only,
        [_] => return Some((0.0, 1.0)),
        _ => return None,
    };
    let (reference, current) = (*reference as f64, *current as f64);
    let pooled = (reference + current) / (reference_rows + current_rows);
    let spread = (pooled * (1.0 - pooled) * (1.0 / reference_rows + 1.0 / current_rows)).sqrt();
    let statistic = (reference / reference_rows - current / current_rows) / spread;
    Some((statistic, normal_two_sided(statistic)))
}

/// Returns the p-value of [`proportions_test`].
pub fn z_test(counts: &[Counts]) -> Option<f64> {
    proportions_test(counts).map(|(_, p_value)| p_value)
}

/// Returns the Jensen-Shannon distance in [0, 0.8326]: the square root of the divergence in nats. `None` if either sample is
/// empty.
pub fn jensen_shannon(counts: &[Counts]) -> Option<f64> {
    let (reference_rows, current_rows) = totals(counts)?;
    let mut divergence = 0.0;
    for (reference, current) in counts {
        let (p, q) = (*reference as f64 / reference_rows, *current as f64 / current_rows);
        let middle = (p + q) / 2.0;
        for share in [p, q] {
            if share > 0.0 {
                divergence += share * (share / middle).ln();
            }
        }
    }
    // The sum over equal samples may be rounded to just below zero.
    Some((divergence.max(0.0) / 2.0).sqrt())
}

#[cfg(test)]
mod tests {
    use super::{chi_square, jensen_shannon, z_test};

    #[test]
    fn equal_samples_do_not_differ() {
        let counts = [(10, 20), (30, 60), (5, 10)];
        assert_eq!(chi_square(&counts), Some(1.0));
        assert_eq!(jensen_shannon(&counts), Some(0.0));
        assert_eq!(z_test(&counts[..2]), Some(1.0));
        assert_eq!(z_test(&[(4, 9)]), Some(1.0));
    }

    #[test]
    fn a_new_category_is_certain_drift() {
        assert_eq!(chi_square(&[(10, 10), (0, 1), (3, 3)]), Some(0.0));
    }

    #[test]
    fn an_empty_sample_has_no_distance() {
        for test in [chi_square, z_test, jensen_shannon] {
            assert_eq!(test(&[(0, 3), (0, 4)]), None);
            assert_eq!(test(&[]), None);
        }
    }

    /// SciPy 1.17.1: `jensenshannon([1, 0], [0.5, 0.5])`.
    #[test]
    fn the_distance_is_scipys() {
        let distance = jensen_shannon(&[(2, 1), (0, 1)]).unwrap();
        assert!((distance - 0.464_501_404_022_458_93).abs() < 1e-15, "{distance}");
    }
}
