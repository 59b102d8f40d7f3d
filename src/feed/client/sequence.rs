//! Whether messages are missing: sequence numbers of one connection count every message from 0.

/// The sequence numbers of one connection.
#[derive(Debug, Default)]
pub struct Sequence {
    next: i64,
}

/// A number other than the expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    pub expected: i64,
    pub got: i64,
}

impl Sequence {
    /// Takes the next number; returns the gap that it shows, if any.
    pub fn observe(&mut self, got: i64) -> Option<Gap> {
        let expected = self.next;
        // A number that came again or late does not take the count back.
        self.next = self.next.max(got.saturating_add(1));
        (got != expected).then_some(Gap { expected, got })
    }
}

#[cfg(test)]
mod tests {
    use super::{Gap, Sequence};

    #[test]
    fn sees_what_is_missing_and_what_came_again() {
        let mut sequence = Sequence::default();
        let gaps: Vec<_> = [0, 1, 3, 4, 4, 5].into_iter().filter_map(|number| sequence.observe(number)).collect();
        assert_eq!(gaps, [Gap { expected: 2, got: 3 }, Gap { expected: 5, got: 4 }]);
    }

    #[test]
    fn a_connection_starts_at_0() {
        assert_eq!(Sequence::default().observe(2), Some(Gap { expected: 0, got: 2 }));
    }
}
