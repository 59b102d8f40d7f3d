//! How long to wait before the next attempt to connect: the wait doubles each time, up to a maximum, with jitter.

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;

/// The waits between attempts.
#[derive(Debug)]
pub struct Backoff {
    initial: Duration,
    maximum: Duration,
    attempt: u32,
    random: Pcg64,
}

impl Backoff {
    /// Starts with `initial`; `seed` decides the jitter.
    pub fn new(initial: Duration, maximum: Duration, seed: u64) -> Self {
        Backoff { initial, maximum, attempt: 0, random: Pcg64::seed_from_u64(seed) }
    }

    /// Returns the next wait, and the number of the attempt, from 1. The wait is between half of the doubled value and all
    /// of it.
    ///
    /// If many clients lose their server at once, the jitter keeps them from all coming back at once.
    pub fn next_wait(&mut self) -> (Duration, u32) {
        let doubled = self.initial.saturating_mul(2_u32.saturating_pow(self.attempt)).min(self.maximum);
        self.attempt = self.attempt.saturating_add(1);
        let share = 0.5 + 0.5 * (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        (doubled.mul_f64(share), self.attempt)
    }

    /// Starts again with the initial wait.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Backoff;

    #[test]
    fn waits_double_with_jitter_up_to_the_maximum() {
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(30), 1);
        for attempt in 1..100 {
            let most =
                Duration::from_millis(250).saturating_mul(1 << (attempt - 1).min(20)).min(Duration::from_secs(30));
            let (wait, number) = backoff.next_wait();
            assert_eq!(number, attempt);
            assert!(wait >= most / 2 && wait <= most, "attempt {attempt}: {wait:?} of {most:?}");
        }
        backoff.reset();
        assert!(backoff.next_wait().0 <= Duration::from_millis(250));
    }

    #[test]
    fn the_seed_decides_the_jitter() {
        let waits = |seed| {
            let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30), seed);
            [backoff.next_wait().0, backoff.next_wait().0]
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }
}
