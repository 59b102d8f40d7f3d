//! Features in bins: a tree is fitted to the bins, so that it looks at 255 values instead of one a row.

/// The most bins of a feature; a bin's number is one byte.
const MOST: usize = 255;

/// A feature of the training rows.
#[derive(Debug, PartialEq)]
pub struct Binned {
    /// A value is in the first bin whose edge is at least the value; above the last edge, it is in one more bin.
    pub edges: Vec<f64>,
    /// The bin of each row.
    pub bins: Vec<u8>,
}

impl Binned {
    /// Sorts a column of finite values into bins: one for each different value if there are few, and otherwise bins with about equally
    /// many rows.
    pub fn of(column: &[f64]) -> Binned {
        let mut sorted = column.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let edges = edges(&sorted);
        let bins = column.iter().map(|value| edges.partition_point(|edge| edge < value) as u8).collect();
        Binned { edges, bins }
    }

    /// Returns the number of bins.
    pub fn count(&self) -> usize {
        self.edges.len() + 1
    }
}

/// Returns the edges between the bins of ascending values.
fn edges(sorted: &[f64]) -> Vec<f64> {
    let mut different = sorted.to_vec();
    different.dedup();
    if different.len() <= MOST {
        return different.windows(2).map(|pair| between(pair[0], pair[1])).collect();
    }
    let mut edges: Vec<f64> = Vec::new();
    for bin in 1..MOST {
        let low = sorted[sorted.len() * bin / MOST - 1];
        // Equal values are in one bin.
        let Some(&high) = sorted.get(sorted.partition_point(|value| *value <= low)) else { break };
        let edge = between(low, high);
        if edges.last() != Some(&edge) {
            edges.push(edge);
        }
    }
    edges
}

/// Returns a number from `low` on and below `high`, in the middle if there is one.
fn between(low: f64, high: f64) -> f64 {
    let middle = low / 2.0 + high / 2.0;
    if middle >= low && middle < high { middle } else { low }
}

#[cfg(test)]
mod tests {
    use super::{Binned, MOST, between};

    #[test]
    fn few_values_have_a_bin_each() {
        let binned = Binned::of(&[3.0, 1.0, 1.0, -2.0, 0.0, -0.0]);
        assert_eq!(binned, Binned { edges: vec![-1.0, 0.5, 2.0], bins: vec![3, 2, 2, 0, 1, 1] });
        assert_eq!(Binned::of(&[7.0, 7.0]), Binned { edges: vec![], bins: vec![0, 0] });
    }

    #[test]
    fn many_values_have_bins_with_equally_many_rows() {
        let column: Vec<f64> = (0..10_200).map(|row| f64::from(row * 7919 % 10_200).powi(3)).collect();
        let binned = Binned::of(&column);
        assert_eq!(binned.count(), MOST);
        let mut rows = [0; MOST];
        binned.bins.iter().for_each(|&bin| rows[usize::from(bin)] += 1);
        assert_eq!(rows, [40; MOST]);
    }

    #[test]
    fn equal_values_are_in_one_bin_however_frequent() {
        let column: Vec<f64> = (0..5000).map(|row| if row < 4000 { 1.0 } else { f64::from(row) }).collect();
        let binned = Binned::of(&column);
        assert!(binned.bins[..4000].iter().all(|&bin| bin == 0) && binned.bins[4000] > 0);
        assert!(binned.edges.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn an_edge_separates_neighbours() {
        let next = 1.0_f64.next_up();
        for (low, high) in [(1.0, next), (-f64::MAX, f64::MAX), (0.0, f64::from_bits(1)), (-next, -1.0)] {
            let edge = between(low, high);
            assert!(low <= edge && edge < high, "{low} {high}: {edge}");
        }
    }
}
