//! The figures of a column that come from its sample: quantiles, frequent values, a histogram, the longest gap between times.

use super::column::{Column, Kind, Sample};
use crate::model::probability::between;

/// The quantiles, as shares of the values.
pub const QUANTILES: [f64; 7] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
/// Values that are shown as the most frequent ones.
const FREQUENT: usize = 10;
const BINS: usize = 40;
/// Of numbers, the share at either end that goes into the outermost bin, so that one outlier does not squeeze all others into one bin.
const BEYOND: f64 = 0.005;

/// Figures from a column's sample.
#[derive(Debug, Default)]
pub struct Summary {
    /// Different values in the sample.
    pub distinct: Option<u64>,
    /// In the order of [`QUANTILES`].
    pub quantiles: Vec<f64>,
    pub frequent: Vec<String>,
    /// As shares of the values.
    pub frequent_shares: Vec<f64>,
    /// One more than there are bins; of times, nanoseconds since 1970.
    pub edges: Vec<f64>,
    /// As shares of the values.
    pub shares: Vec<f64>,
    /// Nanoseconds between two times that follow each other in order, and the time before.
    pub longest_gap: Option<(i64, i64)>,
}

/// Takes the figures out of a column.
pub fn summary(column: &mut Column) -> Summary {
    match std::mem::replace(&mut column.sample, Sample::None) {
        Sample::None => Summary::default(),
        Sample::Floats(values) => {
            let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
            values.sort_unstable_by(f64::total_cmp);
            // -0.0 and 0.0 are the same number.
            of_numbers(&values, |value| value, |value| format!("{:?}", value + 0.0))
        }
        Sample::Unsigned(values) => {
            let mut values: Vec<u64> = values.into_iter().flatten().collect();
            values.sort_unstable();
            of_numbers(&values, |value| value as f64, |value| value.to_string())
        }
        Sample::Integers(values) => {
            let mut values: Vec<i64> = values.into_iter().flatten().collect();
            values.sort_unstable();
            match column.kind {
                Kind::Time => of_times(&values),
                _ => of_numbers(&values, |value| value as f64, |value| value.to_string()),
            }
        }
    }
}

fn of_numbers<T: Copy + PartialEq>(ascending: &[T], number: impl Fn(T) -> f64, text: impl Fn(T) -> String) -> Summary {
    let (Some(last), count) = (ascending.len().checked_sub(1), ascending.len() as f64) else {
        return Summary { distinct: Some(0), ..Summary::default() };
    };
    let mut runs: Vec<(usize, T)> = Vec::new();
    let mut distinct = 0;
    for run in ascending.chunk_by(|a, b| a == b) {
        distinct += 1;
        runs.push((run.len(), run[0]));
        if runs.len() > 64 * FREQUENT {
            // Sorting is stable, so of equal counts the least values stay.
            runs.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
            runs.truncate(FREQUENT);
        }
    }
    runs.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    runs.truncate(FREQUENT);
    let at = |place: usize| number(ascending[place]);
    let beyond = (count * BEYOND) as usize;
    let (low, high) = (at(beyond), at(last - beyond));
    let (edges, shares) = bins(ascending.iter().map(|value| number(*value)), count, low, high);
    Summary {
        distinct: Some(distinct),
        quantiles: QUANTILES.iter().map(|share| quantile(&at, last, *share)).collect(),
        frequent: runs.iter().map(|(_, value)| text(*value)).collect(),
        frequent_shares: runs.iter().map(|(rows, _)| *rows as f64 / count).collect(),
        edges,
        shares,
        longest_gap: None,
    }
}

fn of_times(ascending: &[i64]) -> Summary {
    let (Some(first), Some(last)) = (ascending.first(), ascending.last()) else {
        return Summary { distinct: Some(0), ..Summary::default() };
    };
    let times = ascending.iter().map(|time| *time as f64);
    let (edges, shares) = bins(times, ascending.len() as f64, *first as f64, *last as f64);
    let gaps = ascending.windows(2).map(|pair| (pair[1].saturating_sub(pair[0]), pair[0]));
    Summary {
        distinct: Some(ascending.chunk_by(|a, b| a == b).count() as u64),
        edges,
        shares,
        // Of several gaps that are equally long, the first one.
        longest_gap: gaps.max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1))),
        ..Summary::default()
    }
}

/// Returns a quantile, interpolated between neighbours as `numpy.quantile` does.
fn quantile(at: &impl Fn(usize) -> f64, last: usize, share: f64) -> f64 {
    let place = share * last as f64;
    let (below, above) = (at(place.floor() as usize), at(place.ceil() as usize));
    between(below, above, place - place.floor())
}

fn bins(values: impl Iterator<Item = f64>, count: f64, low: f64, high: f64) -> (Vec<f64>, Vec<f64>) {
    let (low, high) = if low < high { (low, high) } else { (low - 0.5, low + 0.5) };
    // Each end is divided first, because the difference of two large numbers may be infinite.
    let width = high / BINS as f64 - low / BINS as f64;
    if !(width > 0.0 && width.is_finite()) {
        return (Vec::new(), Vec::new());
    }
    let mut counts = vec![0.0; BINS];
    for value in values {
        let bin = (value / width - low / width).clamp(0.0, BINS as f64 - 1.0) as usize;
        counts[bin] += 1.0;
    }
    let edges = (0..=BINS).map(|edge| {
        let edge = edge as f64;
        let even = low + edge * width;
        // The sum may be beyond what a DOUBLE holds, though both ends are not.
        if even.is_finite() { even } else { between(low, high, edge / BINS as f64) }
    });
    let edges = edges.collect();
    (edges, counts.into_iter().map(|rows| rows / count).collect())
}

#[cfg(test)]
mod tests {
    use super::of_numbers;

    #[test]
    fn the_largest_numbers_have_finite_quantiles_and_edges() {
        let summary = of_numbers(&[-f64::MAX, f64::MAX], |value| value, |value| value.to_string());
        assert!(summary.quantiles.iter().chain(&summary.edges).all(|value| value.is_finite()), "{summary:?}");
        assert_eq!((summary.edges.len(), summary.edges[40], summary.shares[0]), (41, f64::MAX, 0.5));
        assert!(summary.edges.is_sorted() && summary.quantiles.is_sorted(), "{summary:?}");
    }
}
