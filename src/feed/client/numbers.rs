//! Finds missing messages in feeds whose sequence numbers count every message of a connection from 0.

/// The sequence numbers of one connection.
#[derive(Debug, Default)]
pub struct Numbers {
    next: i64,
}

/// A number other than the expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    pub expected: i64,
    pub got: i64,
}

impl Numbers {
    /// Takes the next number; returns the gap that it reveals, if any.
    pub fn observe(&mut self, got: i64) -> Option<Gap> {
        let expected = self.next;
        // A repeated or late number does not set the count back.
        self.next = self.next.max(got.saturating_add(1));
        (got != expected).then_some(Gap { expected, got })
    }
}

impl Gap {
    /// Returns how many messages are missing; 0 if the number was repeated or late.
    pub fn missing(&self) -> u64 {
        // The server may send any number, so the difference may be too large for an i64.
        if self.got > self.expected { self.got.abs_diff(self.expected) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::{Gap, Numbers};

    #[test]
    fn sees_what_is_missing_and_what_came_again() {
        let mut numbers = Numbers::default();
        let gaps: Vec<_> = [0, 1, 3, 4, 4, 5].into_iter().filter_map(|number| numbers.observe(number)).collect();
        assert_eq!(gaps, [Gap { expected: 2, got: 3 }, Gap { expected: 5, got: 4 }]);
        assert_eq!(gaps.iter().map(Gap::missing).collect::<Vec<_>>(), [1, 0]);
    }

    #[test]
    fn a_connection_starts_at_0() {
        assert_eq!(Numbers::default().observe(2), Some(Gap { expected: 0, got: 2 }));
    }

    #[test]
    fn numbers_at_the_ends_of_their_range_are_counted() {
        let mut numbers = Numbers::default();
        let gap = numbers.observe(i64::MAX).expect("a gap");
        assert_eq!(gap.missing(), i64::MAX.unsigned_abs());
        assert_eq!(numbers.observe(i64::MIN).expect("a number that is too low").missing(), 0);
        assert_eq!(Gap { expected: i64::MIN, got: i64::MAX }.missing(), u64::MAX);
    }
}
