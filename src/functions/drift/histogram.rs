//! Both samples of a column in shared bins. They are for charts only; the tests do not use them.

use super::column::{Kind, counts_by_category};
use super::values::Sample;

const BINS: usize = 30;
/// The share of values at either end that goes into the outermost bins. The bins span the values in between, so that one
/// outlier does not squeeze everything else into a single bin.
const BEYOND: f64 = 0.005;
/// This many of the most frequent categories have a bin each. The others have none: one bin for all of them would dwarf the rest.
const CATEGORIES: usize = 20;

/// Shares of the two samples in shared bins.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// For numbers: one more edge than there are bins.
    pub edges: Vec<f64>,
    /// For categories: one per bin.
    pub categories: Vec<String>,
    pub reference: Vec<f64>,
    pub current: Vec<f64>,
}

/// Returns the histogram of a column; empty if a sample has no values.
pub fn histogram(kind: Kind, reference: &Sample, current: &Sample) -> Histogram {
    if reference.rows() == 0 || current.rows() == 0 {
        return Histogram::default();
    }
    match (kind, reference.numbers(), current.numbers()) {
        (Kind::Numeric, Some(reference), Some(current)) => of_numbers(&reference, &current),
        (Kind::Categorical, ..) => of_categories(reference, current),
        _ => Histogram::default(),
    }
}

fn of_numbers(reference: &[f64], current: &[f64]) -> Histogram {
    let beyond = |sample: &[f64]| (sample.len() as f64 * BEYOND) as usize;
    let low = reference[beyond(reference)].min(current[beyond(current)]);
    let high = |sample: &[f64]| sample[sample.len() - 1 - beyond(sample)];
    let high = high(reference).max(high(current));
    let (low, high) = if low < high { (low, high) } else { (low - 0.5, low + 0.5) };
    // The difference of the largest numbers is beyond what a DOUBLE holds, that of their quarters is not.
    let scale = if (high - low).is_finite() { 1.0 } else { 0.25 };
    let width = (high * scale - low * scale) / BINS as f64;
    let shares = |sample: &[f64]| {
        let mut counts = vec![0.0; BINS];
        for value in sample {
            let bin = ((value * scale - low * scale) / width).clamp(0.0, BINS as f64 - 1.0) as usize;
            counts[bin] += 1.0;
        }
        counts.into_iter().map(|count| count / sample.len() as f64).collect()
    };
    let edges = (0..=BINS).map(|edge| (low * scale + edge as f64 * width) / scale).collect();
    Histogram { edges, categories: Vec::new(), reference: shares(reference), current: shares(current) }
}

fn of_categories(reference: &Sample, current: &Sample) -> Histogram {
    let mut counted = counts_by_category(reference, current);
    if counted.len() > CATEGORIES {
        counted.sort_by_key(|(_, (reference, current))| std::cmp::Reverse(reference + current));
        counted.truncate(CATEGORIES);
    }
    let share = |count: u64, sample: &Sample| count as f64 / sample.rows() as f64;
    Histogram {
        edges: Vec::new(),
        reference: counted.iter().map(|(_, counts)| share(counts.0, reference)).collect(),
        current: counted.iter().map(|(_, counts)| share(counts.1, current)).collect(),
        categories: counted.into_iter().map(|(name, _)| name).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::histogram;
    use crate::functions::drift::column::Kind;
    use crate::functions::drift::values::{Sample, Values};

    #[test]
    fn an_outlier_falls_into_the_last_bin() {
        let numbers = |values: Vec<f64>| Sample::new(Values::Numbers(values));
        let reference = numbers((0..1_000).map(f64::from).collect());
        let mut spiked: Vec<f64> = (0..999).map(f64::from).collect();
        spiked.push(1e12);
        let bins = histogram(Kind::Numeric, &reference, &numbers(spiked));
        assert_eq!((bins.edges[0], bins.edges[30]), (5.0, 994.0));
        assert!((bins.current.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(bins.current[29] < 0.05);
    }
}
