//! The quantiles of a sample, from which distribution functions and quantile tables are drawn.

use crate::model::probability::quantile_sorted;

/// A quantile for each percent from 0 to 100.
const STEPS: usize = 100;

/// Returns the quantiles at 0 %, 1 %, … 100 % of an ascending sample, which must not be empty.
pub fn quantiles(ascending: &[f64]) -> Vec<f64> {
    (0..=STEPS).map(|step| quantile_sorted(ascending, step as f64 / STEPS as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::quantiles;

    #[test]
    fn there_is_a_finite_quantile_for_each_percent() {
        let all = quantiles(&[1.0, 2.0, 4.0, 8.0]);
        assert_eq!((all.len(), all[0], all[50], all[100]), (101, 1.0, 3.0, 8.0));
        assert_eq!(quantiles(&[7.5])[37], 7.5);
        assert!(quantiles(&[-f64::MAX, f64::MAX]).iter().all(|value| value.is_finite()));
    }
}
