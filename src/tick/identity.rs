//! What makes two ticks the same: a hash of what identifies a tick.
//!
//! In: a tick, and what its sequence number counts. Out: its [`Identity`]. Identities are computed again from the landed rows,
//! so they may change between versions.

use std::hash::Hasher;

use super::{Sequence, Side, Tick};

/// The identity of a tick: two ticks of one product with the same identity are the same message, received twice.
///
/// It is a 64-bit hash. With ten million ticks in the window, the odds that any of them is mistaken for another's duplicate
/// are about 1 in 400,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity(u64);

impl Identity {
    /// Returns a tick's identity; `position` counts the message's earlier ticks of the same product.
    ///
    /// If the number counts a product's events, it identifies one event. If it counts a connection's messages, it identifies
    /// a message together with the exchange's time. Recordings do not say on which connection they were made, but two
    /// connections do not send the same number in the same nanosecond. Without a number, ticks are the same if all their
    /// fields are.
    pub fn of<P>(tick: &Tick<P>, sequence: Sequence, position: usize) -> Identity {
        let Tick { event_time, sequence_num, .. } = *tick;
        Identity::from_parts(sequence, position, event_time, sequence_num, || {
            // No message has a number that is not finite.
            (tick.side, tick.numbers().map(|number| number.unwrap_or(f64::NAN)))
        })
    }

    /// Returns the identity of a tick in parts; `rest` returns its side and its numbers, NaN for an absent one.
    #[inline]
    pub(super) fn from_parts(
        sequence: Sequence,
        position: usize,
        event_time: i64,
        sequence_num: Option<i64>,
        rest: impl FnOnce() -> (Option<Side>, [f64; 12]),
    ) -> Identity {
        let hash = match (sequence, sequence_num) {
            (Sequence::Product, Some(number)) => Hash(0).with(number.cast_unsigned()),
            (Sequence::Connection, Some(number)) => {
                Hash(1).with(number.cast_unsigned()).with(event_time.cast_unsigned()).with(position as u64)
            }
            (_, number) => {
                let (side, numbers) = rest();
                let side = side.map_or(0, |side| side as u64 + 1);
                let number = Hash(2 + u64::from(number.is_some())).with(number.unwrap_or(0).cast_unsigned());
                let hash = number.with(event_time.cast_unsigned()).with(side);
                numbers.into_iter().fold(hash, |hash, number| hash.with(number.to_bits()))
            }
        };
        Identity(mixed(hash.0))
    }
}

/// A hash of 64-bit words. Words that differ in one place never have the same hash.
struct Hash(u64);

impl Hash {
    /// Adds a word. The multiplication makes the words' order count; [`mixed`] makes words unlike that look alike, so that
    /// two differences do not cancel each other.
    #[inline]
    fn with(self, word: u64) -> Hash {
        Hash((self.0 ^ mixed(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

/// Mixes the bits of a word; different words stay different.
///
/// Source: the finalizer of SplitMix64, variant 13 of Stafford. Steele, Lea, Flood: Fast splittable pseudorandom number
/// generators, <https://doi.org/10.1145/2714064.2660195>.
#[inline]
fn mixed(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// Hashes an identity, which is a hash already.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn tick(event_time: i64, sequence_num: Option<i64>) -> Tick {
        Tick { price: Some(100.0), sequence_num, ..Tick::quote("BTC-USD".into(), event_time, 99.0, 101.0) }
    }

    #[test]
    fn identity_follows_what_the_number_counts() {
        let same = |a: &Tick, b: &Tick, sequence| Identity::of(a, sequence, 0) == Identity::of(b, sequence, 0);
        let (first, later) = (tick(1, Some(7)), tick(2, Some(7)));
        assert!(same(&first, &later, Sequence::Product));
        assert!(!same(&first, &later, Sequence::Connection));
        assert!(same(&first, &first.clone(), Sequence::Connection));
        assert_ne!(Identity::of(&first, Sequence::Connection, 0), Identity::of(&first, Sequence::Connection, 1));
        let (plain, other) = (tick(1, None), Tick { best_ask: 101.01, ..tick(1, None) });
        assert!(same(&plain, &plain.clone(), Sequence::None));
        assert!(!same(&plain, &other, Sequence::None));
    }

    #[test]
    fn without_a_number_every_field_counts() {
        let plain = tick(1, None);
        let others = [
            tick(2, None),
            tick(1, Some(0)),
            Tick { price: None, ..plain.clone() },
            Tick { price: Some(0.0), ..plain.clone() },
            Tick { best_bid: 99.5, ..plain.clone() },
            Tick { best_bid_quantity: Some(0.0), ..plain.clone() },
            Tick { best_ask_quantity: Some(0.0), ..plain.clone() },
            Tick { side: Some(Side::Buy), ..plain.clone() },
            Tick { side: Some(Side::Sell), ..plain.clone() },
            Tick { last_size: Some(1.0), ..plain.clone() },
            Tick { best_bid: 100.0, price: Some(99.0), ..plain.clone() },
        ];
        let mut all: HashSet<Identity> = others.iter().map(|tick| Identity::of(tick, Sequence::None, 0)).collect();
        all.insert(Identity::of(&plain, Sequence::None, 0));
        assert_eq!(all.len(), others.len() + 1);
    }

    #[test]
    fn numbers_that_look_alike_do_not_collide() {
        let mut all = HashSet::new();
        for (bid, ask) in (0..700).flat_map(|bid| (700..1400).map(move |ask| (bid, ask))) {
            let tick = Tick::quote("A", 1, f64::from(bid) * 0.25, f64::from(ask) * 0.25);
            all.insert(Identity::of(&tick, Sequence::None, 0));
        }
        assert_eq!(all.len(), 700 * 700);
        // The buckets of a hash table follow from the low bits.
        let low: HashSet<u64> = all.iter().map(|identity| identity.0 & 0xffff).collect();
        assert!(low.len() > 65_000, "{}", low.len());
    }
}
