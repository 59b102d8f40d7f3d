//! Weighted sums of products of columns: the normal equations of a regression.
//!
//! In: columns of equal length. Out: their sums of products, in one pass over the rows. The last column is the intercept's: ones,
//! which are not stored. See [`super::stripes`] for the order of the additions.

use super::stripes::BLOCK;

/// How many products are summed side by side.
const LANES: usize = 4;

/// How many columns are multiplied by one column at once, so that it is read once.
const TOGETHER: usize = 4;

/// Sums of products of `size` columns with each other, and with one further column.
#[derive(Debug, Clone, PartialEq)]
pub struct Gram {
    pub size: usize,
    /// The lower triangle, row by row.
    pub products: Vec<f64>,
    /// The sums of products with the further column.
    pub right: Vec<f64>,
}

impl Gram {
    /// Makes sums of no rows.
    pub fn empty(size: usize) -> Gram {
        Gram { size, products: vec![0.0; size * (size + 1) / 2], right: vec![0.0; size] }
    }

    /// Adds a block of rows: the columns, their weights, and the further column, which already holds the weights.
    ///
    /// The columns of a block are at most [`BLOCK`] long. Without weights, each row counts once.
    pub fn add(&mut self, columns: &[&[f64]], weights: Option<&[f64]>, further: &[f64]) {
        let ones = [1.0; BLOCK];
        let ones = &ones[..further.len()];
        dots(further, columns, &mut self.right);
        self.right[self.size - 1] += sum(further);
        let mut weighted = [0.0; BLOCK];
        let mut start = 0;
        for (row, column) in columns.iter().copied().chain([ones]).enumerate() {
            let left = match weights {
                None => column,
                Some(weights) => {
                    let products = column.iter().zip(weights).map(|(value, weight)| value * weight);
                    weighted.iter_mut().zip(products).for_each(|(cell, product)| *cell = product);
                    &weighted[..further.len()]
                }
            };
            let known = row.min(columns.len());
            let own = if row < columns.len() { known + 1 } else { known };
            dots(left, &columns[..own], &mut self.products[start..start + own]);
            if row == columns.len() {
                self.products[start + row] += sum(left);
            }
            start += row + 1;
        }
    }

    /// Adds the sums of other rows.
    pub fn merge(&mut self, other: &Gram) {
        let all = self.products.iter_mut().zip(&other.products).chain(self.right.iter_mut().zip(&other.right));
        all.for_each(|(sum, more)| *sum += more);
    }
}

/// Adds the dot product of a column with each of several to the sums.
pub fn dots(left: &[f64], columns: &[&[f64]], sums: &mut [f64]) {
    for (columns, sums) in columns.chunks(TOGETHER).zip(sums.chunks_mut(TOGETHER)) {
        match *columns {
            [a, b, c, d] => add_dots(left, [a, b, c, d], sums),
            [a, b, c] => add_dots(left, [a, b, c], sums),
            [a, b] => add_dots(left, [a, b], sums),
            [a] => add_dots(left, [a], sums),
            _ => {}
        }
    }
}

fn add_dots<const N: usize>(left: &[f64], columns: [&[f64]; N], sums: &mut [f64]) {
    let mut lanes = [[0.0; LANES]; N];
    let (whole, rest) = left.as_chunks::<LANES>();
    let parts = columns.map(|column| column[..left.len()].as_chunks::<LANES>());
    for (place, values) in whole.iter().enumerate() {
        for (lanes, (chunks, _)) in lanes.iter_mut().zip(&parts) {
            let others = chunks[place];
            for lane in 0..LANES {
                lanes[lane] += values[lane] * others[lane];
            }
        }
    }
    for ((sum, lanes), (_, others)) in sums.iter_mut().zip(lanes).zip(parts) {
        let last: f64 = rest.iter().zip(others).map(|(a, b)| a * b).sum();
        *sum += total(lanes) + last;
    }
}

/// Returns the sum of a column.
pub fn sum(column: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (whole, rest) = column.as_chunks::<LANES>();
    for values in whole {
        for lane in 0..LANES {
            lanes[lane] += values[lane];
        }
    }
    total(lanes) + rest.iter().sum::<f64>()
}

fn total([a, b, c, d]: [f64; LANES]) -> f64 {
    (a + b) + (c + d)
}

#[cfg(test)]
mod tests {
    use super::Gram;

    #[test]
    fn sums_are_those_of_a_plain_loop() {
        for (count, rows) in [(1, 1), (3, 7), (4, 8), (5, 30), (9, 256)] {
            let columns: Vec<Vec<f64>> =
                (0..count).map(|k| (0..rows).map(|row| ((row * (k + 3)) % 17) as f64 - 8.0).collect()).collect();
            let further: Vec<f64> = (0..rows).map(|row| (row % 5) as f64).collect();
            let weights: Vec<f64> = (0..rows).map(|row| 1.0 + (row % 3) as f64).collect();
            let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
            let with_ones = [columns.clone(), vec![vec![1.0; rows]]].concat();
            for weights in [None, Some(weights.as_slice())] {
                let mut gram = Gram::empty(count + 1);
                gram.add(&slices, weights, &further);
                let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
                let mut products: Vec<f64> = Vec::new();
                for j in 0..=count {
                    for k in 0..=j {
                        products.push((0..rows).map(|row| weight(row) * with_ones[j][row] * with_ones[k][row]).sum());
                    }
                }
                // Whole numbers have exact sums.
                assert_eq!(gram.products, products);
                let right: Vec<f64> =
                    with_ones.iter().map(|column| column.iter().zip(&further).map(|(a, b)| a * b).sum()).collect();
                assert_eq!(gram.right, right);
            }
        }
    }
}
