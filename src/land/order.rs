//! Places each tick in its product's order: `ts`, and whether the tick is new.
//!
//! In: a partition's ticks in log order. Out: for each its `ts` and [`Status`].
//!
//! Every landed tick takes a place of its own, whatever its status: `ts = max(event_time, previous ts + 1 ns)` per product.
//! So `ts` rises strictly over all rows of a product, and over any selection of them. A tick is
//!
//! - a duplicate where a tick of the product with the same identity has a `ts` at most `dedup_hours` before its own,
//! - else late where its `event_time` is more than `late_ms` behind its `ts`,
//! - else ok.
//!
//! Each of these depends on earlier rows alone, so landed rows are all the state there is: [`Order::restore`] takes it up.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::columns::numbers;
use crate::tick::{Sequence, Tick};

/// Whether a landed tick is new, and in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    Ok,
    Duplicate,
    Late,
}

impl Status {
    /// Returns the status as the column `status` holds it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Duplicate => "duplicate",
            Status::Late => "late",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// When a tick is late, and how far back duplicates are recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    pub late_ns: i64,
    pub dedup_ns: i64,
}

/// What makes two ticks of one product the same message received twice.
///
/// 64 bits of a hash: with ten million ticks in the window, the odds that any one of them is taken for another's duplicate
/// are about 1 in 400,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity(u64);

impl Identity {
    /// Returns a tick's identity; `position` counts the message's earlier ticks of the same product.
    ///
    /// A number that counts a product's events names one. A number that counts a connection's messages names a message
    /// together with its exchange time: recordings do not say on which connection they were made, and two connections do
    /// not send the same number in the same nanosecond. Without a number, ticks are the same where all their fields are.
    pub fn of(tick: &Tick, sequence: Sequence, position: usize) -> Identity {
        let mut hasher = DefaultHasher::new();
        match (sequence, tick.sequence_num) {
            (Sequence::Product, Some(number)) => (0u8, number).hash(&mut hasher),
            (Sequence::Connection, Some(number)) => (1u8, number, tick.event_time, position).hash(&mut hasher),
            (_, number) => {
                (2u8, number, tick.event_time, tick.side).hash(&mut hasher);
                for number in numbers(tick) {
                    number.map(f64::to_bits).hash(&mut hasher);
                }
            }
        }
        Identity(hasher.finish())
    }
}

/// The order of every product of one partition.
#[derive(Debug)]
pub struct Order {
    rules: Rules,
    products: HashMap<String, Product>,
}

#[derive(Debug)]
struct Product {
    last_ts: i64,
    seen: Seen,
}

impl Order {
    /// Starts the order of a partition of which nothing has landed.
    pub fn new(rules: Rules) -> Order {
        Order { rules, products: HashMap::new() }
    }

    /// Places the next tick in log order.
    pub fn place(&mut self, tick: &Tick, identity: Identity) -> (i64, Status) {
        let Rules { late_ns, dedup_ns } = self.rules;
        let Some(product) = self.products.get_mut(&tick.product_id) else {
            let ts = tick.event_time;
            self.restore(&tick.product_id, ts, identity);
            return (ts, Status::Ok);
        };
        let ts = tick.event_time.max(product.last_ts.saturating_add(1));
        product.last_ts = ts;
        let status = match product.seen.replace(identity, ts, dedup_ns) {
            Some(seen) if ts.saturating_sub(seen) <= dedup_ns => Status::Duplicate,
            _ if ts.saturating_sub(tick.event_time) > late_ns => Status::Late,
            _ => Status::Ok,
        };
        (ts, status)
    }

    /// Takes up a tick that has landed already; a product's ticks come in the order of `ts`.
    pub fn restore(&mut self, product_id: &str, ts: i64, identity: Identity) {
        let dedup_ns = self.rules.dedup_ns;
        let product = self
            .products
            .entry(product_id.to_string())
            .or_insert_with(|| Product { last_ts: ts, seen: Seen::default() });
        product.last_ts = ts;
        product.seen.replace(identity, ts, dedup_ns);
    }
}

/// When each identity was last seen, as far back as duplicates are recognised.
#[derive(Debug, Default)]
struct Seen {
    last: HashMap<Identity, i64>,
    /// The number of identities at which the next sweep forgets those that are too old to matter.
    sweep_at: usize,
}

impl Seen {
    /// Below this many identities, none is forgotten.
    const FEW: usize = 1 << 16;

    /// Notes that an identity was seen at `ts`, the highest so far, and returns when it was seen before.
    fn replace(&mut self, identity: Identity, ts: i64, dedup_ns: i64) -> Option<i64> {
        let before = self.last.insert(identity, ts);
        if self.last.len() > self.sweep_at.max(Self::FEW) {
            self.last.retain(|_, seen| ts.saturating_sub(*seen) <= dedup_ns);
            // Twice what is left: so sweeping costs a constant for each tick, and the map is at most half stale.
            self.sweep_at = self.last.len() * 2;
        }
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { late_ns: 1_000_000_000, dedup_ns: 3_600_000_000_000 };

    fn tick(event_time: i64, sequence_num: Option<i64>) -> Tick {
        Tick {
            product_id: "BTC-USD".into(),
            event_time,
            price: Some(100.0),
            best_bid: 99.0,
            best_bid_quantity: None,
            best_ask: 101.0,
            best_ask_quantity: None,
            volume_24_h: None,
            low_24_h: None,
            high_24_h: None,
            low_52_w: None,
            high_52_w: None,
            price_percent_chg_24_h: None,
            side: None,
            last_size: None,
            sequence_num,
        }
    }

    fn place(order: &mut Order, event_time: i64, number: i64) -> (i64, Status) {
        let tick = tick(event_time, Some(number));
        order.place(&tick, Identity::of(&tick, Sequence::Product, 0))
    }

    #[test]
    fn ts_rises_whatever_the_status() {
        let order = &mut Order::new(RULES);
        let second = 1_000_000_000;
        assert_eq!(place(order, 5 * second, 1), (5 * second, Status::Ok));
        assert_eq!(place(order, 5 * second, 2), (5 * second + 1, Status::Ok));
        assert_eq!(place(order, 5 * second, 1), (5 * second + 2, Status::Duplicate));
        // Exactly one second behind its ts is still in time.
        assert_eq!(place(order, 4 * second + 3, 3), (5 * second + 3, Status::Ok));
        assert_eq!(place(order, 4 * second + 3, 4), (5 * second + 4, Status::Late));
        assert_eq!(place(order, 6 * second, 5), (6 * second, Status::Ok));
    }

    #[test]
    fn a_duplicate_is_recognised_within_the_window_only() {
        let order = &mut Order::new(RULES);
        assert_eq!(place(order, 0, 1), (0, Status::Ok));
        assert_eq!(place(order, RULES.dedup_ns, 1), (RULES.dedup_ns, Status::Duplicate));
        assert_eq!(place(order, 2 * RULES.dedup_ns + 1, 1), (2 * RULES.dedup_ns + 1, Status::Ok));
    }

    #[test]
    fn what_is_too_old_to_matter_is_forgotten() {
        let order = &mut Order::new(RULES);
        for number in 0..4 * Seen::FEW as i64 {
            place(order, number * (RULES.dedup_ns / 1000), number);
        }
        assert!(order.products["BTC-USD"].seen.last.len() <= Seen::FEW + 1);
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
}
