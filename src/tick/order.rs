//! Places each tick in its product's order, which gives the tick its `ts` and its status.
//!
//! In: ticks in the order of their log. Out: each tick's `ts` and [`Status`].
//!
//! Every tick gets its own place, whatever its status. `ts` is `max(event_time, previous ts + 1 ns)` for each product; for a
//! tick that is ahead, it is `previous ts + 1 ns`. So `ts` rises strictly over all rows of a product, and over any selection
//! of them. The first rule that fits gives the status. A tick is
//!
//! - a duplicate if a tick of the product with the same identity has a `ts` at most `dedup_ns` before its own,
//! - else ahead if its `event_time` is more than `ahead_ns` after its `ingest_time`,
//! - else late if its `event_time` is more than `late_ns` behind its `ts`,
//! - else ok.
//!
//! All of this depends only on the tick and on earlier ones. So the landed rows hold the whole state, and [`Order::restore`]
//! rebuilds it from them.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::BuildHasherDefault;

use super::identity::{AsIs, Identity};
use crate::text::Names;

/// Where ticks are placed by their own times, one that is so far behind the tick before it begins an earlier period.
pub const EARLIER_NS: i64 = 3_600_000_000_000;

/// No tick moves `ts` past this time, in the year 2230. A `ts` at the highest possible nanosecond would have no successor.
const LATEST_TS: i64 = i64::MAX - 1_000_000_000_000_000_000;

/// Whether a tick is new and in time. Views read only ticks that are [`Status::Ok`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    Ok,
    Duplicate,
    Late,
    Ahead,
}

impl Status {
    /// Every status, in the order in which tables list them.
    pub const ALL: [Status; 4] = [Status::Ok, Status::Duplicate, Status::Late, Status::Ahead];

    /// Returns the status as the column `status` holds it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Duplicate => "duplicate",
            Status::Late => "late",
            Status::Ahead => "ahead",
        }
    }

    /// Returns the status for a word of the column `status`.
    pub fn parse(word: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// When a tick is late or ahead, and how far back duplicates are recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    pub late_ns: i64,
    pub ahead_ns: i64,
    pub dedup_ns: i64,
}

/// The order of every product.
#[derive(Debug)]
pub struct Order {
    rules: Rules,
    names: Names,
    /// The order of each product, at its name's number.
    products: Vec<Product>,
    /// Whether the next ticks may begin an earlier period.
    goes_back: bool,
}

#[derive(Debug, Default)]
struct Product {
    /// `None` before the first tick.
    last_ts: Option<i64>,
    seen: Seen,
    /// Ticks that are known from elsewhere in the log, whenever they were there.
    elsewhere: HashSet<Identity, BuildHasherDefault<AsIs>>,
    /// The `ts` of ticks among which the next ones are placed by their own times.
    taken: HashSet<i64>,
}

impl Order {
    /// Starts an order that has placed no tick.
    pub fn new(rules: Rules) -> Order {
        Order { rules, names: Names::default(), products: Vec::new(), goes_back: false }
    }

    /// Returns the number under which the order knows a product.
    pub fn product(&mut self, product_id: &str) -> usize {
        let product = self.names.number(product_id) as usize;
        if product == self.products.len() {
            self.products.push(Product::default());
        }
        product
    }

    /// Places the next tick in log order, given its product's number; `ingest_time` is when squall received its message.
    #[inline]
    pub fn place(&mut self, product: usize, event_time: i64, identity: Identity, ingest_time: i64) -> (i64, Status) {
        let product = &mut self.products[product];
        if self.goes_back {
            product.go_back(event_time);
        }
        let (ts, status) = product.place(&self.rules, event_time, identity, ingest_time);
        if self.goes_back {
            product.taken.insert(ts);
        }
        let known = !product.elsewhere.is_empty() && product.elsewhere.contains(&identity);
        (ts, if known { Status::Duplicate } else { status })
    }

    /// Makes a tick that is placed from now on a duplicate. It is elsewhere in the log, where it keeps its own status.
    pub fn know(&mut self, product_id: &str, identity: Identity) {
        let product = self.product(product_id);
        self.products[product].elsewhere.insert(identity);
    }

    /// Adds a tick that keeps its place while later calls place others around it, before or after.
    pub fn beside(&mut self, product_id: &str, ts: i64, identity: Identity) {
        self.take(product_id, ts);
        let product = self.product(product_id);
        let product = &mut self.products[product];
        product.seen.restore(identity, ts, product.last_ts.unwrap_or(i64::MIN), self.rules.dedup_ns);
    }

    /// Takes a `ts`, so that no other tick is placed there.
    pub fn take(&mut self, product_id: &str, ts: i64) {
        let product = self.product(product_id);
        self.products[product].taken.insert(ts);
    }

    /// Continues after a tick that was placed earlier; the next one comes after it.
    pub fn follow(&mut self, product_id: &str, ts: i64) {
        let product = self.product(product_id);
        self.products[product].last_ts = Some(ts);
    }

    /// Returns the time after which a product's next tick comes.
    pub fn last_ts(&mut self, product_id: &str) -> Option<i64> {
        let product = self.product(product_id);
        self.products[product].last_ts
    }

    /// Says whether the next ticks may begin an earlier period, if they are at least [`EARLIER_NS`] behind. All ticks that were placed
    /// before have to be told by [`Order::beside`] then.
    pub fn goes_back(&mut self, goes_back: bool) {
        self.goes_back = goes_back;
    }

    /// Restores a tick that was placed earlier; the ticks may be restored in any order.
    pub fn restore(&mut self, product_id: &str, ts: i64, identity: Identity) {
        let product = self.product(product_id);
        self.products[product].restore(&self.rules, ts, identity);
    }
}

impl Product {
    /// Begins an earlier period if a tick is so far behind.
    fn go_back(&mut self, event_time: i64) {
        if self.last_ts.is_some_and(|last| event_time <= last.saturating_sub(EARLIER_NS)) {
            self.last_ts = None;
        }
    }

    fn place(&mut self, rules: &Rules, event_time: i64, identity: Identity, ingest_time: i64) -> (i64, Status) {
        let Rules { late_ns, ahead_ns, dedup_ns } = *rules;
        let latest = ingest_time.saturating_add(ahead_ns).min(LATEST_TS);
        let ahead = event_time > latest;
        let mut ts = match self.last_ts {
            // A first tick that is ahead gets a `ts` so far before its receipt that it does not make later ticks late.
            None if ahead => ingest_time.saturating_sub(late_ns).min(latest),
            None => event_time,
            Some(last) if ahead => last.saturating_add(1),
            Some(last) => event_time.max(last.saturating_add(1)),
        };
        while !self.taken.is_empty() && self.taken.contains(&ts) {
            ts = ts.saturating_add(1);
        }
        self.last_ts = Some(ts);
        let status = match self.seen.replace(identity, ts, dedup_ns) {
            Some(seen) if ts.abs_diff(seen) <= dedup_ns.unsigned_abs() => Status::Duplicate,
            _ if ahead => Status::Ahead,
            _ if ts.saturating_sub(event_time) > late_ns => Status::Late,
            _ => Status::Ok,
        };
        (ts, status)
    }

    fn restore(&mut self, rules: &Rules, ts: i64, identity: Identity) {
        let latest = self.last_ts.map_or(ts, |last| last.max(ts));
        self.last_ts = Some(latest);
        self.seen.restore(identity, ts, latest, rules.dedup_ns);
    }
}

/// When each identity was last seen, as far back as duplicates are recognised.
#[derive(Debug, Default)]
struct Seen {
    last: HashMap<Identity, i64, BuildHasherDefault<AsIs>>,
    /// When there are this many identities, the next sweep forgets those that are too old to matter.
    sweep_at: usize,
}

impl Seen {
    /// With fewer identities than this, none is forgotten.
    const FEW: usize = 1 << 16;

    /// Notes that an identity was seen at `ts`, the highest so far, and returns when it was seen before.
    fn replace(&mut self, identity: Identity, ts: i64, dedup_ns: i64) -> Option<i64> {
        let before = self.last.insert(identity, ts);
        self.sweep(ts, dedup_ns);
        before
    }

    /// Notes that an identity was seen at `ts`; `latest` is the highest `ts` so far.
    fn restore(&mut self, identity: Identity, ts: i64, latest: i64, dedup_ns: i64) {
        let seen = self.last.entry(identity).or_insert(ts);
        *seen = ts.max(*seen);
        self.sweep(latest, dedup_ns);
    }

    /// Forgets, from time to time, the identities that are too old to matter at `ts`.
    fn sweep(&mut self, ts: i64, dedup_ns: i64) {
        if self.last.len() > self.sweep_at.max(Self::FEW) {
            self.last.retain(|_, seen| ts.saturating_sub(*seen) <= dedup_ns);
            // Sweep again at twice the number left. So each tick costs a constant, and at most half of the map is stale.
            self.sweep_at = self.last.len() * 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Sequence, Tick};
    use super::*;

    const SECOND: i64 = 1_000_000_000;
    const RULES: Rules = Rules { late_ns: SECOND, ahead_ns: 300 * SECOND, dedup_ns: 3600 * SECOND };
    /// A time of receipt after every tick's time, as when a recording is replayed.
    const REPLAYED: i64 = 1_000_000 * SECOND;

    fn identity(number: i64) -> Identity {
        let tick = Tick { sequence_num: Some(number), ..Tick::quote("BTC-USD", 0, 99.0, 101.0) };
        Identity::of(&tick, Sequence::Product, 0)
    }

    fn place(order: &mut Order, event_time: i64, number: i64) -> (i64, Status) {
        receive(order, event_time, number, REPLAYED)
    }

    fn receive(order: &mut Order, event_time: i64, number: i64, ingest_time: i64) -> (i64, Status) {
        let product = order.product("BTC-USD");
        order.place(product, event_time, identity(number), ingest_time)
    }

    #[test]
    fn what_is_ahead_of_its_receipt_does_not_move_ts() {
        let order = &mut Order::new(RULES);
        let now = 1_000 * SECOND;
        assert_eq!(receive(order, now, 1, now), (now, Status::Ok));
        assert_eq!(receive(order, now + RULES.ahead_ns, 2, now).1, Status::Ok);
        let order = &mut Order::new(RULES);
        assert_eq!(receive(order, now, 1, now), (now, Status::Ok));
        let day = 86_400 * SECOND;
        assert_eq!(receive(order, now + day, 2, now), (now + 1, Status::Ahead));
        assert_eq!(receive(order, now + day, 2, now), (now + 2, Status::Duplicate));
        assert_eq!(receive(order, now + SECOND, 3, now + SECOND), (now + SECOND, Status::Ok));
    }

    #[test]
    fn a_first_tick_that_is_ahead_makes_nothing_late() {
        let order = &mut Order::new(RULES);
        let now = 1_000 * SECOND;
        assert_eq!(receive(order, i64::MAX, 1, now), (now - SECOND, Status::Ahead));
        assert_eq!(receive(order, now - SECOND / 2, 2, now), (now - SECOND / 2, Status::Ok));
    }

    #[test]
    fn ts_rises_at_the_end_of_time_too() {
        let order = &mut Order::new(RULES);
        let (first, _) = receive(order, i64::MAX, 1, i64::MAX);
        let (second, _) = receive(order, i64::MAX, 2, i64::MAX);
        assert!(first < second);
        assert_eq!(receive(order, i64::MIN, 3, i64::MIN).1, Status::Late);
    }

    #[test]
    fn ticks_are_taken_up_in_any_order() {
        let order = &mut Order::new(RULES);
        order.restore("BTC-USD", 9 * SECOND, identity(2));
        order.restore("BTC-USD", 5 * SECOND, identity(1));
        order.restore("BTC-USD", 4 * SECOND, identity(2));
        assert_eq!(place(order, 5 * SECOND, 1), (9 * SECOND + 1, Status::Duplicate));
        assert_eq!(place(order, 9 * SECOND + 2, 3), (9 * SECOND + 2, Status::Ok));
        assert_eq!(place(order, 9 * SECOND + RULES.dedup_ns, 2).1, Status::Duplicate);
    }

    #[test]
    fn each_product_has_its_own_order() {
        let order = &mut Order::new(RULES);
        assert_eq!(place(order, 5 * SECOND, 1), (5 * SECOND, Status::Ok));
        let other = order.product("ETH-USD");
        assert_eq!(order.place(other, SECOND, identity(1), REPLAYED), (SECOND, Status::Ok));
        order.know("ETH-USD", identity(2));
        assert_eq!(order.place(other, 2 * SECOND, identity(2), REPLAYED), (2 * SECOND, Status::Duplicate));
        assert_eq!(place(order, 6 * SECOND, 2), (6 * SECOND, Status::Ok));
    }

    #[test]
    fn ts_rises_whatever_the_status() {
        let order = &mut Order::new(RULES);
        assert_eq!(place(order, 5 * SECOND, 1), (5 * SECOND, Status::Ok));
        assert_eq!(place(order, 5 * SECOND, 2), (5 * SECOND + 1, Status::Ok));
        assert_eq!(place(order, 5 * SECOND, 1), (5 * SECOND + 2, Status::Duplicate));
        // A tick exactly one second behind its ts is still in time.
        assert_eq!(place(order, 4 * SECOND + 3, 3), (5 * SECOND + 3, Status::Ok));
        assert_eq!(place(order, 4 * SECOND + 3, 4), (5 * SECOND + 4, Status::Late));
        assert_eq!(place(order, 6 * SECOND, 5), (6 * SECOND, Status::Ok));
    }

    #[test]
    fn a_tick_of_an_earlier_time_finds_a_place_among_others() {
        let order = &mut Order::new(RULES);
        for (ts, number) in [(5 * SECOND, 50), (5 * SECOND + 1, 51), (9 * SECOND, 90)] {
            order.beside("BTC-USD", ts, identity(number));
        }
        assert_eq!(place(order, 4 * SECOND, 1), (4 * SECOND, Status::Ok));
        assert_eq!(place(order, 5 * SECOND, 2), (5 * SECOND + 2, Status::Ok), "two places are taken");
        assert_eq!(place(order, 5 * SECOND, 3), (5 * SECOND + 3, Status::Ok));
        assert_eq!(place(order, 6 * SECOND, 90), (6 * SECOND, Status::Duplicate), "the other copy is later");
        assert_eq!(place(order, 4 * SECOND, 4), (6 * SECOND + 1, Status::Late));
        order.follow("BTC-USD", 20 * SECOND);
        assert_eq!(place(order, 10 * SECOND, 5), (20 * SECOND + 1, Status::Late));
        let hour = EARLIER_NS;
        order.follow("BTC-USD", 2 * hour);
        assert_eq!(place(order, SECOND, 6), (2 * hour + 1, Status::Late));
        order.goes_back(true);
        assert_eq!(place(order, hour + 2, 7), (2 * hour + 2, Status::Late), "less than an hour behind");
        assert_eq!(place(order, hour + 2, 8), (hour + 2, Status::Ok));
        assert_eq!(place(order, hour + 1, 9), (hour + 3, Status::Ok));
        assert_eq!(place(order, 2, 10), (2, Status::Ok));
        assert_eq!(place(order, hour + 1, 11), (hour + 1, Status::Ok));
        assert_eq!(place(order, hour + 1, 12), (hour + 4, Status::Ok), "the places up to there are taken");
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
        assert!(order.products[0].seen.last.len() <= Seen::FEW + 1);
    }
}
