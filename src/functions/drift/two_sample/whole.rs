//! Samples of whole numbers, without rounding them: beyond 2^53 not every whole number is a DOUBLE.
//!
//! Every distance and test here depends on differences between values only. So large values are counted from the smallest one.

use std::collections::BTreeMap;

use super::samples::Samples;

/// From here on not every whole number is a DOUBLE.
const EXACT: i128 = 1 << 53;

/// If the differences are not exact either, samples with at most this many distinct values are compared as categories.
const FEW_VALUES: usize = 20;

/// What a measure takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Only equality counts.
    Categories,
    /// Numbers, and categories where the numbers would be rounded.
    Either,
    Numbers,
}

/// Returns two samples of whole numbers in the form that a measure takes. Where it takes only numbers, and their differences are beyond 2^53,
/// the differences are rounded.
pub fn samples(mut whole: [Vec<i128>; 2], takes: Takes) -> Samples {
    whole.iter_mut().for_each(|sample| sample.sort_unstable());
    let low = whole.iter().filter_map(|sample| sample.first()).min().copied().unwrap_or_default();
    let high = whole.iter().filter_map(|sample| sample.last()).max().copied().unwrap_or_default();
    let is_small = low >= -EXACT && high <= EXACT;
    let is_exact = is_small || high.abs_diff(low) <= EXACT.unsigned_abs();
    let by_category = match takes {
        Takes::Categories => true,
        Takes::Either => few(&whole),
        Takes::Numbers => false,
    };
    if !is_exact && by_category {
        let names = whole.map(|sample| {
            let mut counts = BTreeMap::new();
            for value in sample {
                // Texts of one length are in the order of the numbers.
                *counts.entry(format!("{:039}", value.abs_diff(low))).or_default() += 1;
            }
            counts
        });
        return Samples { texts: names, ..Samples::default() };
    }
    let number = |value: i128| if is_small { value as f64 } else { value.abs_diff(low) as f64 };
    Samples { numbers: whole.map(|sample| sample.into_iter().map(number).collect()), ..Samples::default() }
}

fn few(whole: &[Vec<i128>; 2]) -> bool {
    let distinct = |sample: &Vec<i128>| sample.chunk_by(|a, b| a == b).take(FEW_VALUES + 1).count();
    whole.iter().all(|sample| distinct(sample) <= FEW_VALUES)
}

#[cfg(test)]
mod tests {
    use super::{Takes, samples};

    #[test]
    fn neighbours_beyond_the_precision_of_a_double_stay_apart() {
        let large = 1_i128 << 60;
        let near = samples([vec![large, large + 1], vec![large + 1, large + 2]], Takes::Either);
        assert_eq!(near.numbers, [vec![0.0, 1.0], vec![1.0, 2.0]]);
        let far = samples([vec![0, large, large + 1], vec![large + 1]], Takes::Categories);
        assert_eq!(far.counts(), [(1, 0), (1, 0), (1, 1)]);
        let extremes = samples([vec![i64::MIN.into(), i64::MAX.into()], vec![u64::MAX.into()]], Takes::Categories);
        assert_eq!(extremes.counts(), [(1, 0), (1, 0), (0, 1)]);
        let small = samples([vec![-3, 4], vec![]], Takes::Either);
        assert_eq!(small.numbers[0], [-3.0, 4.0]);
    }

    #[test]
    fn a_test_of_numbers_gets_numbers_however_far_apart_they_are() {
        let far = || [vec![0, 1 << 60], vec![1 << 60]];
        assert!(samples(far(), Takes::Either).numbers.iter().all(Vec::is_empty));
        let numbers = samples(far(), Takes::Numbers).numbers;
        assert_eq!(numbers, [vec![0.0, (1_u64 << 60) as f64], vec![(1_u64 << 60) as f64]]);
    }
}
