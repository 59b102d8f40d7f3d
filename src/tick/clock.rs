//! The current time, for everything that records when something happened.

use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time in nanoseconds since 1970, UTC: the system's time, or the time that a test sets.
pub trait Clock: Send + Sync {
    /// Returns the time now.
    fn now(&self) -> i64;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        // A clock before 1970 or after 2262 is wrong; the time 0 shows this.
        SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|d| i64::try_from(d.as_nanos()).ok()).unwrap_or(0)
    }
}

impl<F: Fn() -> i64 + Send + Sync> Clock for F {
    fn now(&self) -> i64 {
        self()
    }
}
