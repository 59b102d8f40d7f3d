//! NaN and infinities, counted separately because exact sums cannot hold them.
//!
//! In: the values of a column, in order. Out: the sum over a range that contains a value that is not finite, computed from
//! the counts at the range's ends.

/// How many values of each kind have come so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct NonFinite {
    nan: u64,
    infinite: u64,
    negative_infinite: u64,
}

impl NonFinite {
    /// Counts a value, if it is not finite.
    #[inline]
    pub fn note(&mut self, value: f64) {
        self.nan += u64::from(value.is_nan());
        self.infinite += u64::from(value == f64::INFINITY);
        self.negative_infinite += u64::from(value == f64::NEG_INFINITY);
    }

    /// Returns the sum of the values since `earlier` if one of them is not finite; the finite ones then make no difference.
    #[inline]
    pub fn sum_since(self, earlier: NonFinite) -> Option<f64> {
        let nan = self.nan != earlier.nan;
        let up = self.infinite != earlier.infinite;
        let down = self.negative_infinite != earlier.negative_infinite;
        match (nan, up, down) {
            (false, false, false) => None,
            (false, true, false) => Some(f64::INFINITY),
            (false, false, true) => Some(f64::NEG_INFINITY),
            _ => Some(f64::NAN),
        }
    }
}
