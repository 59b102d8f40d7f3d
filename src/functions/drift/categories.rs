//! Tests on counts by category: chi-square, and the Z test of two shares.

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

#[cfg(test)]
mod tests {
    use super::{chi_square_test, proportions_test};

    #[test]
    fn equal_samples_do_not_differ() {
        let counts = [(10, 20), (30, 60), (5, 10)];
        assert_eq!(chi_square_test(&counts), Some((0.0, 1.0)));
        assert_eq!(proportions_test(&counts[..2]), Some((0.0, 1.0)));
        assert_eq!(proportions_test(&[(4, 9)]), Some((0.0, 1.0)));
    }

    #[test]
    fn a_new_category_is_certain_drift() {
        assert_eq!(chi_square_test(&[(10, 10), (0, 1), (3, 3)]), Some((f64::INFINITY, 0.0)));
    }

    #[test]
    fn an_empty_sample_is_not_tested() {
        for test in [chi_square_test, proportions_test] {
            assert_eq!(test(&[(0, 3), (0, 4)]), None);
            assert_eq!(test(&[]), None);
        }
    }
}
