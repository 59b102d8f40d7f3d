//! How many different values a column has, and which of them are the most frequent, in bounded memory.
//!
//! Distinct values are counted by the k least hashes (Bar-Yossef et al., Counting distinct elements in a data stream, RANDOM 2002): all
//! hashes are kept while there are few, so the count is exact; beyond, the density of the least hashes gives an estimate whose relative
//! standard error is 1 / √k. Frequent values are found by Misra and Gries' counters (Science of Computer Programming 2, 1982): a count is
//! too low by at most the rows divided by the number of counters, and exact if there are fewer different values than counters.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use crate::text::mixed;

/// Takes a number that is a hash already as its own hash.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| mixed(hash ^ u64::from(*byte)));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// A count of different values.
#[derive(Debug)]
pub struct Distinct {
    most: usize,
    /// Only hashes below this one are kept.
    below: u64,
    least: HashSet<u64, BuildHasherDefault<Hashed>>,
}

impl Distinct {
    /// Makes a count that is exact up to `most` different values.
    pub fn new(most: usize) -> Distinct {
        Distinct { most, below: u64::MAX, least: HashSet::default() }
    }

    #[inline]
    pub fn add(&mut self, hash: u64) {
        if hash < self.below && self.least.insert(hash) && self.least.len() > 2 * self.most {
            self.shrink();
        }
    }

    pub fn merge(&mut self, other: &Distinct) {
        self.below = self.below.min(other.below);
        let below = self.below;
        self.least.retain(|hash| *hash < below);
        other.least.iter().for_each(|hash| self.add(*hash));
    }

    /// Returns how many different values there are, and whether that is exact.
    pub fn count(&mut self) -> (u64, bool) {
        if self.least.len() > self.most {
            self.shrink();
        }
        if self.below == u64::MAX {
            return (self.least.len() as u64, true);
        }
        let share = self.below as f64 / u64::MAX as f64;
        ((self.least.len() as f64 / share).round() as u64, false)
    }

    fn shrink(&mut self) {
        let mut hashes: Vec<u64> = self.least.iter().copied().collect();
        if let Some(last) = hashes.len().checked_sub(1) {
            self.below = *hashes.select_nth_unstable(self.most.min(last)).1;
        }
        let below = self.below;
        self.least.retain(|hash| *hash < below);
    }
}

/// Counts of values that may be frequent.
#[derive(Debug)]
pub struct Frequent {
    most: usize,
    counts: HashMap<u64, (Box<str>, u64), BuildHasherDefault<Hashed>>,
    is_exact: bool,
}

impl Frequent {
    /// Makes counts that are exact up to `most` different values.
    pub fn new(most: usize) -> Frequent {
        Frequent { most, counts: HashMap::default(), is_exact: true }
    }

    #[inline]
    pub fn add(&mut self, hash: u64, rows: u64, text: impl FnOnce() -> Box<str>) {
        if let Some((_, count)) = self.counts.get_mut(&hash) {
            *count += rows;
        } else if self.counts.len() < self.most {
            self.counts.insert(hash, (text(), rows));
        } else {
            let least = self.counts.values().map(|(_, count)| *count).min().unwrap_or_default().min(rows);
            self.counts.retain(|_, (_, count)| {
                *count -= least;
                *count > 0
            });
            self.is_exact = false;
            if rows > least {
                self.add(hash, rows - least, text);
            }
        }
    }

    pub fn merge(&mut self, other: Frequent) {
        self.is_exact &= other.is_exact;
        for (hash, (text, count)) in other.counts {
            self.add(hash, count, || text);
        }
    }

    /// Returns the most frequent values with their counts, the highest first, and whether the counts are exact.
    pub fn top(self, most: usize) -> (Vec<(Box<str>, u64)>, bool) {
        let mut counts: Vec<(Box<str>, u64)> = self.counts.into_values().collect();
        counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts.truncate(most);
        (counts, self.is_exact)
    }
}

#[cfg(test)]
mod tests {
    use super::{Distinct, Frequent};
    use crate::text::mixed;

    #[test]
    fn few_values_are_counted_and_many_are_estimated() {
        let mut few = Distinct::new(1_000);
        (0..5_000u64).for_each(|number| few.add(mixed(number % 900)));
        assert_eq!(few.count(), (900, true));

        let (mut many, mut others) = (Distinct::new(1_000), Distinct::new(1_000));
        (0..60_000u64).for_each(|number| many.add(mixed(number)));
        (40_000..100_000u64).for_each(|number| others.add(mixed(number)));
        many.merge(&others);
        let (count, is_exact) = many.count();
        // Three standard errors.
        assert!(!is_exact && count.abs_diff(100_000) < 9_500, "{count}");
    }

    #[test]
    fn a_frequent_value_is_found_among_many() {
        let mut counts = Frequent::new(10);
        for number in 0..1_000u64 {
            let value = if number % 3 == 0 { 7 } else { number };
            counts.add(mixed(value), 1, || value.to_string().into());
        }
        let (top, is_exact) = counts.top(1);
        assert!(!is_exact && &*top[0].0 == "7" && (234..=335).contains(&top[0].1), "{top:?}");

        let mut counts = Frequent::new(10);
        ["b", "a", "b", "c", "a"]
            .iter()
            .for_each(|text| counts.add(mixed(u64::from(text.as_bytes()[0])), 1, || (*text).into()));
        let (top, is_exact) = counts.top(2);
        assert!(is_exact);
        assert_eq!(top, [("a".into(), 2), ("b".into(), 2)]);
    }
}
