//! A sum of non-negative numbers that does not depend on their order.
//!
//! Floating-point addition is not associative, so the sum over several partitions depends on their number. Here each term is
//! rounded once to a multiple of 2^-80 and added as an integer. Integer addition is associative, so the result has the same
//! bits however the rows are split.

/// The number of units that make 1.
const UNITS: f64 = (1_u128 << 80) as f64;

/// The largest term; terms above it would leave no room to add 2^40 of them. The largest log loss of a row, 36.04, is well
/// below.
const LARGEST_TERM: f64 = 64.0;

/// The running sum, in units of 2^-80, and the number of terms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FixedSum {
    pub units: i128,
    pub terms: u64,
}

impl FixedSum {
    /// Adds a term in [0, 64]; the rounding error is at most 2^-81.
    pub fn add(&mut self, term: f64) {
        debug_assert!((0.0..=LARGEST_TERM).contains(&term), "{term} is outside [0, {LARGEST_TERM}]");
        self.units += (term * UNITS).round() as i128;
        self.terms += 1;
    }

    /// Returns the sum of every term taken so many times.
    pub fn times(self, count: u32) -> FixedSum {
        FixedSum { units: self.units * i128::from(count), terms: self.terms * u64::from(count) }
    }

    /// Adds another sum's terms.
    pub fn merge(&mut self, other: FixedSum) {
        self.units += other.units;
        self.terms += other.terms;
    }

    /// Returns the mean of the terms; `None` if there are none.
    pub fn mean(&self) -> Option<f64> {
        (self.terms > 0).then(|| self.units as f64 / UNITS / self.terms as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::FixedSum;

    #[test]
    fn any_order_and_split_gives_the_same_bits() {
        let terms: Vec<f64> = (1..1000).map(|n| 1.0 / f64::from(n)).collect();
        let sum = |terms: &mut dyn Iterator<Item = f64>| {
            let mut sum = FixedSum::default();
            terms.for_each(|term| sum.add(term));
            sum
        };
        let forwards = sum(&mut terms.iter().copied());
        let backwards = sum(&mut terms.iter().rev().copied());
        let mut halves = sum(&mut terms[..300].iter().copied());
        halves.merge(sum(&mut terms[300..].iter().copied()));
        assert_eq!(forwards, backwards);
        assert_eq!(forwards, halves);
        let plain = terms.iter().sum::<f64>() / 999.0;
        assert!((forwards.mean().unwrap() - plain).abs() < 1e-16);
    }

    #[test]
    fn no_terms_have_no_mean() {
        assert_eq!(FixedSum::default().mean(), None);
    }
}
