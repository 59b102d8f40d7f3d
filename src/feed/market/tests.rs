//! What is true of every simulated market, and the facts of real markets that it reproduces.

use super::elementary::ln;
use super::{Market, PRODUCTS, Specification, Ticker, Update};

const START: i64 = 1_767_571_200_000_000_000;
const MINUTE_NS: i64 = 60_000_000_000;

fn hours(products: &[&'static Specification], hours: i64, seed: u64) -> Vec<Update> {
    let end = START + hours * 60 * MINUTE_NS;
    Market::new(products, START, seed).take_while(|update| update.time < end).collect()
}

fn all() -> Vec<&'static Specification> {
    PRODUCTS.iter().collect()
}

/// FNV-1a over every field of the updates.
fn fingerprint(updates: &[Update]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for Update { time, ticker } in updates {
        let fields = [
            *time,
            ticker.product as i64,
            ticker.price,
            ticker.best_bid,
            ticker.best_ask,
            ticker.best_bid_quantity,
            ticker.best_ask_quantity,
            ticker.volume_24_h,
            ticker.low_24_h,
            ticker.high_24_h,
            ticker.percent_change_24_h.to_bits() as i64,
        ];
        for field in fields {
            hash = (hash ^ field as u64).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

#[test]
fn every_state_is_a_possible_one() {
    for seed in [1, 2, u64::MAX] {
        let updates = hours(&all(), 1, seed);
        let mut last: Vec<Ticker> = Market::new(&all(), START, seed).tickers();
        let mut time = START;
        let (mut outside, mut ties) = (0, 0);
        for Update { time: now, ticker } in &updates {
            assert!(*now >= time, "time goes back at {now}");
            ties += usize::from(*now == time);
            time = *now;
            assert!(0 < ticker.best_bid && ticker.best_bid < ticker.best_ask, "{ticker:?}");
            assert!(
                ticker.best_bid_quantity > 0 && ticker.best_ask_quantity > 0 && ticker.volume_24_h > 0,
                "{ticker:?}"
            );
            assert!(ticker.low_24_h <= ticker.price && ticker.price <= ticker.high_24_h, "{ticker:?}");
            assert!(ticker.low_52_w <= ticker.low_24_h && ticker.high_24_h <= ticker.high_52_w, "{ticker:?}");
            outside += usize::from(ticker.price < ticker.best_bid || ticker.price > ticker.best_ask);
            // A message changes either the quote, or the price and volume, but never both.
            let before = last[ticker.product];
            let quoted = |t: &Ticker| (t.best_bid, t.best_ask, t.best_bid_quantity, t.best_ask_quantity);
            let traded = |t: &Ticker| (t.price, t.volume_24_h);
            assert!(quoted(&before) == quoted(ticker) || traded(&before) == traded(ticker), "{before:?} {ticker:?}");
            last[ticker.product] = *ticker;
        }
        let share = outside as f64 / updates.len() as f64;
        assert!((0.08..0.63).contains(&share), "price outside the quote: {share}");
        assert!(ties > 500, "{ties} of {} updates share their time with the one before", updates.len());
    }
}

#[test]
fn a_seed_gives_the_same_market_on_every_machine() {
    let updates = hours(&all(), 1, 42);
    assert_eq!(fingerprint(&updates), fingerprint(&hours(&all(), 1, 42)));
    assert_ne!(fingerprint(&updates), fingerprint(&hours(&all(), 1, 43)));
    // Recorded on x86-64 Linux. If this changes, simulated markets change, so the changelog must say so.
    assert_eq!((updates.len(), fingerprint(&updates)), (61_078, 1_439_216_842_186_068_087));
}

#[test]
fn a_product_does_not_depend_on_the_others() {
    let alone = hours(&[&PRODUCTS[1]], 1, 5);
    let among = hours(&all(), 1, 5);
    let mut among: Vec<Update> = among.into_iter().filter(|update| update.ticker.product == 1).collect();
    for update in &mut among {
        update.ticker.product = 0;
    }
    assert_eq!(alone, among);
}

/// The data that the tests of market facts use, minute by minute.
struct Minutes {
    log_volatility: Vec<f64>,
    log_updates: Vec<f64>,
    spread: Vec<f64>,
    returns: Vec<f64>,
}

fn minutes(seed: u64) -> Minutes {
    let mut minutes =
        Minutes { log_volatility: Vec::new(), log_updates: Vec::new(), spread: Vec::new(), returns: Vec::new() };
    let midprice = |ticker: &Ticker| (ticker.best_bid + ticker.best_ask) as f64 / 2.0;
    let mut last: Option<f64> = None;
    let updates = hours(&[&PRODUCTS[0]], 6, seed);
    for minute in updates.chunk_by(|a, b| a.time / MINUTE_NS == b.time / MINUTE_NS) {
        let (mut squares, mut spread) = (0.0, 0.0);
        for Update { ticker, .. } in minute {
            let midprice = midprice(ticker);
            let log_return = last.map_or(0.0, |last| ln(midprice / last));
            squares += log_return * log_return;
            spread += (ticker.best_ask - ticker.best_bid) as f64 / midprice;
            minutes.returns.push(log_return);
            last = Some(midprice);
        }
        minutes.log_volatility.push(ln(squares.max(1e-14)) / 2.0);
        minutes.log_updates.push(ln(minute.len() as f64));
        minutes.spread.push(spread / minute.len() as f64);
    }
    minutes
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let (mean_a, mean_b) = (mean(a), mean(b));
    let sum = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| f(a - mean_a, b - mean_b)).sum::<f64>();
    sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt()
}

#[test]
fn the_facts_of_real_markets_hold() {
    // The comment at each bound gives the figure from five recorded days of BTC-USD (24 to 28 November 2025).
    for seed in 1..=5 {
        let minutes = minutes(seed);
        let volatility = &minutes.log_volatility;
        let lagged = |lag: usize| correlation(&volatility[lag..], &volatility[..volatility.len() - lag]);
        // Autocorrelation of realized volatility: 0.7 after a minute, still positive after five.
        assert!((0.5..0.85).contains(&lagged(1)), "seed {seed}: {}", lagged(1));
        assert!(lagged(1) > lagged(5), "seed {seed}: {}", lagged(5));
        // More updates while volatility is high: 0.85; wider spreads: 0.65.
        let rate = correlation(volatility, &minutes.log_updates);
        assert!(rate > 0.6, "seed {seed}: {rate}");
        let levels: Vec<f64> = volatility.iter().map(|&log| super::elementary::exp(log)).collect();
        let spread = correlation(&levels, &minutes.spread);
        assert!(spread > 0.5, "seed {seed}: {spread}");
        // Fat tails: a kurtosis of 25, where a normal distribution has 3.
        let centre = mean(&minutes.returns);
        let moment = |power: i32| mean(&minutes.returns.iter().map(|r| (r - centre).powi(power)).collect::<Vec<_>>());
        let kurtosis = moment(4) / moment(2).powi(2);
        assert!((10.0..200.0).contains(&kurtosis), "seed {seed}: {kurtosis}");
        // The usual minute: 2.9 basis points; about 6 updates a second.
        let mut sorted = levels.clone();
        sorted.sort_by(f64::total_cmp);
        let median_bps = sorted[sorted.len() / 2] * 1e4;
        assert!((2.0..5.0).contains(&median_bps), "seed {seed}: {median_bps}");
        let per_s = minutes.returns.len() as f64 / (6.0 * 3600.0);
        assert!((4.0..7.5).contains(&per_s), "seed {seed}: {per_s}");
    }
}

#[test]
fn the_book_hints_at_the_next_move() {
    let updates = hours(&[&PRODUCTS[2]], 3, 1);
    let (mut imbalances, mut signs) = (Vec::new(), Vec::new());
    for pair in updates.windows(2) {
        let [now, next] = [pair[0].ticker, pair[1].ticker];
        let moved = (next.best_bid + next.best_ask) - (now.best_bid + now.best_ask);
        if moved != 0 {
            let (bid, ask) = (now.best_bid_quantity as f64, now.best_ask_quantity as f64);
            imbalances.push((bid - ask) / (bid + ask));
            signs.push(moved.signum() as f64);
        }
    }
    let hint = correlation(&imbalances, &signs);
    assert!((0.05..0.4).contains(&hint), "{hint}");
}
