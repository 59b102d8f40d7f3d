//! The times that messages have in a topic.
//!
//! A message's own time is that of its receipt. Brokers refuse times that are far ahead of their clock (the topic's
//! `message.timestamp.after.max.ms`, an hour by default), so a machine whose clock is ahead could publish nothing. Messages then
//! get earlier times, until the broker takes them. Nothing that squall reads depends on it: `ingest_time` is in a header.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// By how much the first refusal moves times back; each further one moves them this many times as far.
const FIRST: Duration = Duration::from_secs(3600);
const FACTOR: u32 = 4;
/// No clock is ahead by more than this, about two years. A message that is refused nevertheless is refused for good.
const MOST: Duration = FIRST.saturating_mul(FACTOR.pow(7));
/// How long times stay moved before messages get their own again: the clock may be right by then.
const LASTS: Duration = Duration::from_secs(600);

/// By how much the times of a topic's messages are moved; its clients share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Times(Arc<Mutex<Option<Moved>>>);

#[derive(Debug, Clone, Copy)]
struct Moved {
    back: Duration,
    at: Instant,
}

impl Times {
    /// Returns by how much the next messages' times are moved back.
    pub(super) fn back(&self) -> Duration {
        let moved = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        moved.filter(|moved| moved.at.elapsed() < LASTS).map_or(Duration::ZERO, |moved| moved.back)
    }

    /// Notes that the broker refuses times that were moved by `back`; returns whether there is an earlier time to try.
    pub(super) fn refused(&self, back: Duration) -> bool {
        if back >= MOST {
            return false;
        }
        let back = if back.is_zero() { FIRST } else { back * FACTOR };
        let mut moved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Several messages of one batch are refused for the same time.
        if moved.is_none_or(|moved| moved.at.elapsed() >= LASTS || moved.back < back) {
            *moved = Some(Moved { back, at: Instant::now() });
        }
        true
    }
}

/// Returns a message's time in the topic: milliseconds since 1970.
pub(super) fn time_ms(ingest_time: i64, back: Duration) -> i64 {
    let back = i64::try_from(back.as_millis()).unwrap_or(i64::MAX);
    ingest_time.div_euclid(1_000_000).saturating_sub(back)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_move_times_back_step_by_step_and_end() {
        let times = Times::default();
        assert_eq!(times.back(), Duration::ZERO);
        assert!(times.refused(Duration::ZERO) && times.refused(Duration::ZERO));
        assert_eq!(times.back(), FIRST, "the messages of one batch count once");
        let mut steps = 1;
        while times.refused(times.back()) {
            steps += 1;
        }
        assert_eq!((steps, times.back()), (8, MOST));
        assert_eq!(time_ms(7_200_000_999_999, FIRST), 3_600_000);
    }
}
