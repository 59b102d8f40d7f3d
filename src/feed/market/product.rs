//! One product: a hidden efficient price, the quotes around it, and the trades.
//!
//! In every step of 250 ms the efficient price diffuses with the current volatility. News moves it permanently. A blip is a
//! large order that the book recovers from; it moves the price for about a second.
//!
//! Trades arrive as a self-exciting process whose base rate follows activity (Hawkes 1971,
//! <https://doi.org/10.1093/biomet/58.1.83>; thinning after Ogata 1981, <https://doi.org/10.1109/TIT.1981.1056305>). They
//! print around the efficient price, so they print outside the quote if the quote has not caught up yet.
//!
//! Quotes are published at the end of a step. Spread and depth follow volatility (Bollerslev and Melvin 1994,
//! <https://doi.org/10.1016/0022-1996(94)90008-6>). The larger size is on the side that the price is about to leave (Gould and
//! Bonart 2016, <https://doi.org/10.1142/S2382626616500064>).

use std::collections::VecDeque;

use super::draws::Draws;
use super::elementary::exp;
use super::specification::Specification;
use super::volatility::Volatility;
use super::{STEP_NS, STEP_S, Ticker, Update};

/// Trades happen in the first 240 ms of a step; quotes are published in its last 10 ms.
const TRADING_NS: i64 = 240_000_000;
/// Each time this many steps have passed, the exchange publishes all of its books at the same instant.
const COMMON_FLUSH_STEPS: i64 = 40;
/// How many further trades one trade causes on average, and how long its effect lasts.
const TRADE_BRANCHING: f64 = 0.4;
const TRADE_EXCITATION_S: f64 = 2.0;
/// Blips a second: twenty an hour at any volatility.
const BLIPS_PER_S: f64 = 20.0 / 3600.0;
/// How fast the book recovers from a blip.
const BLIP_S: f64 = 0.8;
/// One unit of a quantity's last decimal, 1e-8.
const UNITS: f64 = 1e8;

/// The state of one product's market.
#[derive(Debug, Clone)]
pub struct Product {
    specification: &'static Specification,
    draws: Draws,
    volatility: Volatility,
    step_start: i64,
    step_index: i64,
    /// The efficient price in ticks.
    efficient: f64,
    /// How far a blip has moved the price, relative to the price.
    blip: f64,
    blip_keep: f64,
    excitation_per_s: f64,
    last_trade: i64,
    ticker: Ticker,
    /// The price a day ago, in ticks.
    open: f64,
    pending: VecDeque<Update>,
}

impl Product {
    /// Opens the market of a product at `start`, nanoseconds since 1970.
    pub fn new(specification: &'static Specification, index: usize, start: i64, seed: u64) -> Self {
        let mut draws = Draws::new(seed, specification.product_id);
        let volatility = Volatility::new(seed, &mut draws);
        let efficient = (specification.price_ticks * (1.0 + 0.03 * draws.normal().clamp(-2.0, 2.0))).round();
        let price = efficient as i64;
        let open = efficient * (1.0 + 0.012 * draws.normal());
        let lower = efficient.min(open) * (1.0 - 0.004 - 0.006 * draws.uniform());
        let upper = efficient.max(open) * (1.0 + 0.004 + 0.006 * draws.uniform());
        let ticker = Ticker {
            product: index,
            price,
            best_bid: price - 1,
            best_ask: price,
            best_bid_quantity: quantity(specification.depth),
            best_ask_quantity: quantity(specification.depth),
            volume_24_h: quantity(specification.volume_24_h * (0.9 + 0.2 * draws.uniform())),
            low_24_h: lower as i64,
            high_24_h: upper as i64,
            low_52_w: (specification.price_ticks * 0.62) as i64,
            high_52_w: (specification.price_ticks * 1.41) as i64,
            percent_change_24_h: (efficient / open - 1.0) * 100.0,
        };
        Product {
            specification,
            draws,
            volatility,
            step_start: start,
            step_index: 0,
            efficient,
            blip: 0.0,
            blip_keep: exp(-STEP_S / BLIP_S),
            excitation_per_s: 0.0,
            last_trade: start,
            ticker,
            open,
            pending: VecDeque::new(),
        }
    }

    /// Returns the time of the next update; there always is one.
    pub fn next_time(&mut self) -> i64 {
        loop {
            if let Some(update) = self.pending.front() {
                return update.time;
            }
            self.step();
        }
    }

    /// Takes the next update, if one is pending.
    pub fn take(&mut self) -> Option<Update> {
        self.pending.pop_front()
    }

    fn step(&mut self) {
        let news = self.volatility.step(&mut self.draws);
        let deviation = self.specification.volatility * self.volatility.level();
        self.efficient *= 1.0 + deviation * STEP_S.sqrt() * self.draws.normal();
        if news {
            self.efficient *= 1.0 + self.sign() * deviation * (1.0 + self.draws.exponential());
        }
        self.blip *= self.blip_keep;
        if self.draws.chance(BLIPS_PER_S * STEP_S) {
            self.blip += self.sign() * self.specification.volatility * (5.0 + 5.0 * self.draws.exponential().min(2.0));
        }
        let traded = self.trade(deviation);
        self.quote(deviation, traded);
        self.step_start += STEP_NS;
        self.step_index += 1;
    }

    /// Makes the trades of this step; returns whether there were any.
    fn trade(&mut self, deviation: f64) -> bool {
        let base = self.specification.trades_per_s * (1.0 - TRADE_BRANCHING) * self.volatility.activity();
        let mut elapsed_s = 0.0;
        let mut traded = false;
        loop {
            let most = base + self.excitation_per_s;
            let wait_s = self.draws.exponential() / most;
            let left_s = STEP_S - elapsed_s;
            self.excitation_per_s *= exp(-wait_s.min(left_s) / TRADE_EXCITATION_S);
            if wait_s >= left_s {
                return traded;
            }
            elapsed_s += wait_s;
            if self.draws.chance((base + self.excitation_per_s) / most) {
                let time = self.step_start + (elapsed_s / STEP_S * TRADING_NS as f64) as i64;
                self.print(time, deviation);
                // The limit keeps a burst of trades from growing without end.
                self.excitation_per_s = (self.excitation_per_s + TRADE_BRANCHING / TRADE_EXCITATION_S).min(20.0);
                traded = true;
            }
        }
    }

    /// Prints a trade; some trades sweep several levels of the book at one instant.
    fn print(&mut self, time: i64, deviation: f64) {
        let buy = self.draws.chance(0.5 + 0.15 * self.pull(deviation));
        // A trade prints at the quote, or at the price itself if the price has left the quote behind.
        let centre = self.centre().round() as i64;
        let mut price = if buy { self.ticker.best_ask.max(centre) } else { self.ticker.best_bid.min(centre) };
        let levels = if self.draws.chance(0.07) { 2 + (2.0 * self.draws.uniform()) as usize } else { 1 };
        for level in 0..levels {
            if level > 0 {
                let further = 1 + (self.efficient * deviation * 0.1 * self.draws.exponential()) as i64;
                price += if buy { further } else { -further };
            }
            let size =
                quantity(self.draws.lognormal(self.specification.trade_size, 1.8).min(self.specification.depth * 40.0));
            self.record_trade(time, price.max(1), size);
        }
    }

    fn record_trade(&mut self, time: i64, price: i64, size: i64) {
        // Trades that are now older than 24 hours leave the volume, at the usual rate.
        let leaving = self.specification.volume_24_h / 86_400.0 * (time - self.last_trade) as f64 * 1e-9;
        self.last_trade = time;
        let ticker = &mut self.ticker;
        ticker.volume_24_h = (ticker.volume_24_h + size - (leaving * UNITS) as i64).max(size);
        ticker.price = price;
        ticker.low_24_h = ticker.low_24_h.min(price);
        ticker.high_24_h = ticker.high_24_h.max(price);
        ticker.low_52_w = ticker.low_52_w.min(price);
        ticker.high_52_w = ticker.high_52_w.max(price);
        ticker.percent_change_24_h = (price as f64 / self.open - 1.0) * 100.0;
        self.pending.push_back(Update { time, ticker: *ticker });
    }

    /// Publishes the quote at the end of this step, if it changed.
    fn quote(&mut self, deviation: f64, traded: bool) {
        let level = self.volatility.level();
        let moved = self.pull(deviation).abs() >= 2.0;
        let requoted = moved || self.draws.chance(1.0 - exp(-self.specification.requotes_per_s * level * STEP_S));
        // If the book did not change, it is published only sometimes.
        if !requoted && !traded && !self.draws.chance(0.6) {
            return;
        }
        if requoted {
            let spread = self.spread(level);
            let centre = self.centre();
            self.ticker.best_bid = ((centre - spread / 2.0).round() as i64).max(1);
            self.ticker.best_ask = self.ticker.best_bid + spread as i64;
        }
        let pull = self.pull(deviation);
        let depth = self.specification.depth / level.sqrt();
        if requoted || self.draws.chance(0.6) {
            self.ticker.best_bid_quantity = quantity(self.draws.lognormal(depth * exp(0.5 * pull), 0.9));
        }
        if requoted || self.draws.chance(0.6) {
            self.ticker.best_ask_quantity = quantity(self.draws.lognormal(depth * exp(-0.5 * pull), 0.9));
        }
        let time = if self.step_index % COMMON_FLUSH_STEPS == 0 {
            self.step_start + STEP_NS - 1_000_000
        } else {
            self.step_start + TRADING_NS + 1_000_000 + (self.draws.uniform() * 7e6) as i64
        };
        self.pending.push_back(Update { time, ticker: self.ticker });
    }

    /// Returns a spread in whole ticks, at least one. It is usually the narrowest; it is wide more often while volatility is
    /// high.
    fn spread(&mut self, level: f64) -> f64 {
        let narrowest = self.specification.narrowest_ticks;
        if self.draws.chance((self.specification.wide_share * level).min(0.85)) {
            let mean = self.specification.wide_spread * self.efficient * level;
            return (narrowest + mean * self.draws.exponential()).floor();
        }
        narrowest
    }

    /// Returns the price around which the market trades now, in ticks.
    fn centre(&self) -> f64 {
        self.efficient * (1.0 + self.blip)
    }

    /// Returns how far the quotes lag behind the price, in standard deviations of a second, within [-2, 2].
    fn pull(&self, deviation: f64) -> f64 {
        let midprice = (self.ticker.best_bid + self.ticker.best_ask) as f64 / 2.0;
        ((self.centre() - midprice) / (self.efficient * deviation)).clamp(-2.0, 2.0)
    }

    fn sign(&mut self) -> f64 {
        if self.draws.chance(0.5) { 1.0 } else { -1.0 }
    }

    /// Returns the product's state as last published.
    pub fn ticker(&self) -> Ticker {
        self.ticker
    }
}

/// Returns a quantity in units of 1e-8, at least one.
fn quantity(value: f64) -> i64 {
    ((value * UNITS) as i64).max(1)
}
