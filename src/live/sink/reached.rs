//! Up to where a command has passed rows on, for places that remember nothing between commands. A query that is planned again within
//! the command goes on there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The first offset of each query and partition that a command has not passed on.
#[derive(Debug, Clone, Default)]
pub struct Reached(Arc<Mutex<BTreeMap<(String, i32), i64>>>);

impl Reached {
    /// Returns where the command goes on; at first this is `at`.
    pub fn begin(&self, query: &str, partition: i32, at: i64) -> i64 {
        *self.places().entry((query.into(), partition)).or_insert(at)
    }

    /// Notes that the rows before an offset were passed on.
    pub fn note(&self, query: &str, partition: i32, next: i64) {
        self.places().insert((query.into(), partition), next);
    }

    fn places(&self) -> MutexGuard<'_, BTreeMap<(String, i32), i64>> {
        // Each change is complete before anything can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
