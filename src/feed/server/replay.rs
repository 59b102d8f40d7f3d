//! A market as one connection sees it: batches of updates, the state so far, and an end.

use crate::feed::market::{Market, Ticker, Update};

/// A market at some moment of simulated time.
#[derive(Debug)]
pub struct Replay {
    market: Market,
    next: Option<Update>,
    /// Each product's ticker as last published.
    tickers: Vec<Ticker>,
    time: i64,
    end: Option<i64>,
}

impl Replay {
    /// Starts at the market's opening; updates from `end` on are left out.
    pub fn new(mut market: Market, start: i64, end: Option<i64>) -> Self {
        let tickers = market.tickers();
        let next = market.next();
        Replay { market, next, tickers, time: start, end }
    }

    /// Returns the simulated time so far.
    pub fn time(&self) -> i64 {
        self.time
    }

    /// Returns each product's ticker as last published.
    pub fn tickers(&self) -> &[Ticker] {
        &self.tickers
    }

    /// Returns when simulated time ends.
    pub fn end(&self) -> Option<i64> {
        self.end
    }

    /// Returns when the next batch is due; `None` at the end.
    pub fn next_time(&self) -> Option<i64> {
        self.next.map(|update| update.time).filter(|&time| self.end.is_none_or(|end| time < end))
    }

    /// Skips all updates before `time`.
    pub fn skip_to(&mut self, time: i64) {
        let mut passed = Vec::new();
        while self.next_time().is_some_and(|next| next < time) {
            self.take(&mut passed);
        }
        self.time = self.time.max(time);
    }

    /// Takes the next batch: updates of different products that the exchange publishes at one instant.
    ///
    /// A trade that sweeps several levels makes several updates of one product at one instant; each of these is its own
    /// batch.
    pub fn take(&mut self, batch: &mut Vec<Ticker>) {
        batch.clear();
        let Some(time) = self.next_time() else { return };
        self.time = time;
        while let Some(update) = self.next.filter(|update| update.time == time) {
            if batch.iter().any(|ticker| ticker.product == update.ticker.product) {
                return;
            }
            self.tickers[update.ticker.product] = update.ticker;
            batch.push(update.ticker);
            self.next = self.market.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Replay;
    use crate::feed::market::{Market, PRODUCTS};

    const START: i64 = 1_767_571_200_000_000_000;
    const MINUTE_NS: i64 = 60_000_000_000;

    fn replay() -> Replay {
        let market = Market::new(&PRODUCTS.iter().collect::<Vec<_>>(), START, 1);
        Replay::new(market, START, Some(START + MINUTE_NS))
    }

    #[test]
    fn batches_hold_every_update_once_until_the_end() {
        let mut replay = replay();
        let mut seen = Vec::new();
        let mut batch = Vec::new();
        let mut shared = 0;
        while let Some(time) = replay.next_time() {
            replay.take(&mut batch);
            assert!(!batch.is_empty());
            assert_eq!(replay.time(), time);
            shared += usize::from(batch.len() > 1);
            seen.extend(batch.iter().copied());
        }
        let market = Market::new(&PRODUCTS.iter().collect::<Vec<_>>(), START, 1);
        let expected: Vec<_> = market.take_while(|u| u.time < START + MINUTE_NS).map(|u| u.ticker).collect();
        assert_eq!(seen, expected);
        assert!(shared > 0, "no batch of several products");
    }

    #[test]
    fn skipping_keeps_the_state() {
        let (mut skipped, mut walked) = (replay(), replay());
        let middle = START + MINUTE_NS / 2;
        skipped.skip_to(middle);
        let mut batch = Vec::new();
        while walked.next_time().is_some_and(|time| time < middle) {
            walked.take(&mut batch);
        }
        assert_eq!(skipped.tickers(), walked.tickers());
        assert_eq!(skipped.next_time(), walked.next_time());
        assert_eq!(skipped.time(), middle);
    }
}
