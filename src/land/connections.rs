//! Watches the sequence numbers of connections to find messages that were never received.
//!
//! In: each message's connection and number, in log order. Out: the [`Gap`] before the message, if there is one.
//!
//! Gaps can be found only if the numbers count every message of a connection and all of its messages are in one partition. A
//! topic of several partitions spreads a connection's messages, so nothing is watched there.

use std::collections::BTreeMap;

use super::summary::{Gap, Summary};

/// The last number of each connection.
#[derive(Debug, Default)]
pub struct Connections {
    last: BTreeMap<String, i64>,
}

impl Connections {
    /// Continues from a landed range, which must be later than those before.
    pub fn restore(&mut self, summary: &Summary) {
        self.last.extend(summary.connections.iter().map(|(name, last)| (name.clone(), *last)));
    }

    /// Records a message in its range's summary, with the gap before it if there is one.
    pub fn note(
        &mut self,
        summary: &mut Summary,
        connection: Option<&str>,
        number: i64,
        offset: i64,
        ingest_time: i64,
    ) {
        let name = connection.unwrap_or_default();
        let last = self.last.get_mut(name);
        let before = last.as_deref().copied();
        let gap = match before {
            Some(before) => number > before.saturating_add(1),
            // Numbers begin at 0. A recording may begin at any number, and its connection has no name.
            None => connection.is_some() && number > 0,
        };
        if gap {
            summary.gaps.push(Gap {
                connection: connection.map(String::from),
                after_sequence_num: before,
                next_sequence_num: number,
                log_offset: offset,
                ingest_time,
            });
        }
        // On a named connection, a lower number is a repeated or a late message. Without a name, it starts another
        // connection.
        if before.is_some_and(|before| number <= before) && connection.is_some() {
            return;
        }
        match last {
            Some(last) => *last = number,
            None => drop(self.last.insert(name.to_string(), number)),
        }
        match summary.connections.get_mut(name) {
            Some(last) => *last = number,
            None => drop(summary.connections.insert(name.to_string(), number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(connection: Option<&str>, numbers: &[i64]) -> Vec<(Option<i64>, i64)> {
        let (mut connections, mut summary) = (Connections::default(), Summary::default());
        for (offset, number) in numbers.iter().enumerate() {
            connections.note(&mut summary, connection, *number, offset as i64, 0);
        }
        summary.gaps.iter().map(|gap| (gap.after_sequence_num, gap.next_sequence_num)).collect()
    }

    #[test]
    fn a_jump_is_a_gap() {
        assert_eq!(gaps(Some("c1"), &[0, 1, 2]), []);
        assert_eq!(gaps(Some("c1"), &[0, 2, 3, 9]), [(Some(0), 2), (Some(3), 9)]);
    }

    #[test]
    fn a_connection_begins_at_zero() {
        assert_eq!(gaps(Some("c1"), &[3, 4]), [(None, 3)]);
        assert_eq!(gaps(None, &[3, 4]), []);
    }

    #[test]
    fn numbers_at_the_ends_of_their_range_do_not_overflow() {
        assert_eq!(gaps(Some("c1"), &[i64::MAX, i64::MAX, i64::MIN]), [(None, i64::MAX)]);
        assert_eq!(gaps(None, &[i64::MIN, i64::MAX]), [(Some(i64::MIN), i64::MAX)]);
        let (mut connections, mut summary) = (Connections::default(), Summary::default());
        for number in [i64::MIN, i64::MAX] {
            connections.note(&mut summary, None, number, 0, 0);
        }
        assert_eq!(summary.gaps[0].missing(), i64::MAX - 1);
    }

    #[test]
    fn what_came_before_is_no_gap_after() {
        assert_eq!(gaps(Some("c1"), &[0, 1, 1, 0, 2]), []);
        assert_eq!(gaps(None, &[5, 6, 0, 1, 2]), []);
    }
}
