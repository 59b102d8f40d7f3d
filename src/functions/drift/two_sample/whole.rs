//! Samples of whole numbers, without rounding them: beyond 2^53 not every whole number is a DOUBLE.
//!
//! Every distance and test here depends on differences between values only. So large values are counted from the smallest one.

use std::collections::BTreeMap;

use super::samples::Samples;

/// From here on not every whole number is a DOUBLE.
const EXACT: i128 = 1 << 53;

/// If the differences are not exact either, samples with at most this many distinct values are compared as categories.
const FEW_VALUES: usize = 20;

/// Returns two samples of whole numbers in the form that tests take. `as_categories` says that only equality counts.
pub fn samples(mut whole: [Vec<i128>; 2], as_categories: bool) -> Samples {
    whole.iter_mut().for_each(|sample| sample.sort_unstable());
    let low = whole.iter().filter_map(|sample| sample.first()).min().copied().unwrap_or_default();
    let high = whole.iter().filter_map(|sample| sample.last()).max().copied().unwrap_or_default();
    let is_small = low >= -EXACT && high <= EXACT;
    let is_exact = is_small || high.abs_diff(low) <= EXACT.unsigned_abs();
    if !is_exact && (as_categories || few(&whole)) {
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
    use super::samples;

    #[test]
    fn neighbours_beyond_the_precision_of_a_double_stay_apart() {
        let large = 1_i128 << 60;
        let near = samples([vec![large, large + 1], vec![large + 1, large + 2]], false);
        assert_eq!(near.numbers, [vec![0.0, 1.0], vec![1.0, 2.0]]);
        let far = samples([vec![0, large, large + 1], vec![large + 1]], true);
        assert_eq!(far.counts(), [(1, 0), (1, 0), (1, 1)]);
        let extremes = samples([vec![i64::MIN.into(), i64::MAX.into()], vec![u64::MAX.into()]], true);
        assert_eq!(extremes.counts(), [(1, 0), (1, 0), (0, 1)]);
        let small = samples([vec![-3, 4], vec![]], false);
        assert_eq!(small.numbers[0], [-3.0, 4.0]);
    }
}
