//! Counts of right and wrong calls at a threshold, and ratios of these counts.

/// Right and wrong calls; a row is called positive if its score is at least the threshold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Confusion {
    pub true_positives: u64,
    pub false_positives: u64,
    pub false_negatives: u64,
    pub true_negatives: u64,
}

impl Confusion {
    /// Counts one row.
    pub fn add(&mut self, label: bool, called: bool) {
        match (label, called) {
            (true, true) => self.true_positives += 1,
            (false, true) => self.false_positives += 1,
            (true, false) => self.false_negatives += 1,
            (false, false) => self.true_negatives += 1,
        }
    }

    /// Returns the share of positives among rows called positive, in [0, 1]; `None` if none was called positive.
    pub fn precision(&self) -> Option<f64> {
        ratio(self.true_positives, self.true_positives + self.false_positives)
    }

    /// Returns the share of positives that were called positive, in [0, 1]; `None` if no row is positive.
    pub fn recall(&self) -> Option<f64> {
        ratio(self.true_positives, self.true_positives + self.false_negatives)
    }

    /// Returns the harmonic mean of precision and recall, in [0, 1]; `None` if no row is positive.
    pub fn f1(&self) -> Option<f64> {
        self.recall()?;
        ratio(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
