//! The distribution of a regression's residuals, as a table of quantiles: linear between them, and falling exponentially beyond.

use super::exponential::exp;

/// Cells of equal width between the least and the largest quantile; a value's cell says between which quantiles to look for it.
const CELLS: usize = 2048;

/// Quantiles of residuals, prepared for many look-ups.
#[derive(Debug, Clone)]
pub struct Lookup<'a> {
    quantiles: &'a [f64],
    /// The root mean square.
    spread: f64,
    /// Cells per unit.
    density: f64,
    /// For each cell the number of quantiles in the cells before it, and finally the number of all.
    before: Vec<u32>,
}

impl<'a> Lookup<'a> {
    /// Prepares ascending quantiles, of which there is at least one.
    pub fn new(quantiles: &'a [f64]) -> Lookup<'a> {
        let spread = spread(quantiles);
        let density = CELLS as f64 / (quantiles[quantiles.len() - 1] - quantiles[0]);
        let mut residuals = Lookup { quantiles, spread, density, before: Vec::with_capacity(CELLS + 1) };
        let mut before = 0;
        for cell in 0..CELLS {
            before += quantiles[before..].iter().take_while(|&&quantile| residuals.cell(quantile) < cell).count();
            residuals.before.push(before as u32);
        }
        residuals.before.push(quantiles.len() as u32);
        residuals
    }

    /// Returns the cell of a value; a larger value never has a smaller cell, because subtraction and multiplication keep the order.
    fn cell(&self, value: f64) -> usize {
        // Without a width, and for NaN, everything is in the first cell.
        (((value - self.quantiles[0]) * self.density) as usize).min(CELLS - 1)
    }

    /// Returns the share of residuals above a value, in (0, 1) unless there is no residual but 0.
    pub fn share_above(&self, value: f64) -> f64 {
        let (count, last) = (self.quantiles.len() as f64, self.quantiles.len() - 1);
        let cell = self.cell(value);
        let (from, to) = (self.before[cell] as usize, self.before[cell + 1] as usize);
        let above = from + self.quantiles[from..to].partition_point(|quantile| *quantile < value);
        match above {
            0 => 1.0 - self.beyond(self.quantiles[0] - value),
            above if above > last => self.beyond(value - self.quantiles[last]),
            above => {
                let (low, high) = (self.quantiles[above - 1], self.quantiles[above]);
                (0.5 + (last - above) as f64 + (high - value) / (high - low)) / count
            }
        }
    }

    fn beyond(&self, distance: f64) -> f64 {
        // A fit without any residual is sure.
        if self.spread > 0.0 { exp(-distance / self.spread) / (2.0 * self.quantiles.len() as f64) } else { 0.0 }
    }
}

/// Returns the root mean square of quantiles.
pub fn spread(quantiles: &[f64]) -> f64 {
    (quantiles.iter().map(|quantile| quantile * quantile).sum::<f64>() / quantiles.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::Lookup;

    #[test]
    fn the_share_above_a_residual_is_linear_between_quantiles_and_never_0_or_1() {
        let quantiles = [-1.0, 0.0, 0.0, 2.0, 4.0];
        let share_above = |value: f64| Lookup { spread: 1.0, ..Lookup::new(&quantiles) }.share_above(value);
        assert_eq!([-1.0, -0.5, 0.0, 1.0, 4.0].map(share_above), [0.9, 0.8, 0.7, 0.4, 0.1]);
        let far = [-9.0, -2.0, 5.0, 30.0].map(share_above);
        assert!(
            1.0 > far[0] && far[0] > far[1] && far[1] > 0.9 && 0.1 > far[2] && far[2] > far[3] && far[3] > 0.0,
            "{far:?}"
        );
        assert_eq!([-1.0, 1.0].map(|value| Lookup::new(&[0.0, 0.0]).share_above(value)), [1.0, 0.0]);
    }

    /// The cells only narrow the search.
    #[test]
    fn a_value_is_found_where_a_search_over_all_quantiles_finds_it() {
        let heavy: Vec<f64> = (-300..=300).map(|step| (f64::from(step) / 60.0).powi(7)).collect();
        let tied: Vec<f64> = (0..500).map(|step| f64::from(step / 50)).collect();
        for quantiles in [heavy, tied, vec![0.0, 1e-300], vec![-1e300, 0.0, 1e300]] {
            let residuals = Lookup::new(&quantiles);
            let near =
                quantiles.iter().flat_map(|value| [value.next_down(), *value, value.next_up(), value * 0.7 + 0.1]);
            for value in near.chain([f64::MIN, f64::MAX, 0.0]) {
                let cell = residuals.cell(value);
                let found = quantiles.partition_point(|quantile| *quantile < value) as u32;
                assert!((residuals.before[cell]..=residuals.before[cell + 1]).contains(&found), "{value}");
            }
        }
    }
}
