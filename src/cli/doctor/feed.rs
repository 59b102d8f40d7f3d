//! The exchange: whether it answers, and whether this machine's clock agrees with its clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Examined, Finding};
use crate::cli::ingest;
use crate::feed;
use crate::feed::client::{self, Item, Items};
use crate::feed::exchange::{self, Holds};
use crate::tick::{Clock, SystemClock};

/// How long the exchange may take to send the first tick.
const WAIT: Duration = Duration::from_secs(10);
/// A clock that differs by more than this is worth a warning: delays of the network are shorter.
const CLOCK: f64 = 2.0;

pub async fn check(examined: &Examined<'_>) -> Vec<Finding> {
    let settings = examined.context.settings();
    if examined.args.no_feed {
        return Vec::new();
    }
    let exchange = match exchange::find(&settings.feed.exchange) {
        Ok(exchange) => exchange,
        Err(error) => return vec![Finding::error("feed.exchange", &error)],
    };
    let options = match ingest::client_options(examined.context, exchange) {
        Ok(options) => client::Options { until_close: true, ..options },
        Err(failure) => return vec![Finding::wrong(failure.to_string(), "squall config --defaults explains it")],
    };
    let url = options.url.clone();
    let started = Instant::now();
    let first = tokio::time::timeout(WAIT, first_tick(client::start(options, Arc::new(SystemClock)))).await;
    match first {
        Err(_) => vec![Finding::wrong(
            format!("{url} sends no tick within {} s", WAIT.as_secs()),
            "check feed.url and feed.products, and whether a firewall or a proxy is in the way",
        )],
        Ok(Err(error)) => vec![Finding::error(&url, &error)],
        Ok(Ok(event_time)) => {
            let took = started.elapsed().as_millis();
            let mut findings = vec![Finding::ok(format!("{url} sends ticks, the first after {took} ms"))];
            findings.extend(event_time.map(|event_time| of_clock(event_time, SystemClock.now())));
            findings
        }
    }
}

/// Waits for the first tick; returns the exchange's time of it, nanoseconds since 1970.
async fn first_tick(mut items: Items) -> Result<Option<i64>, feed::Error> {
    while let Some(item) = items.recv().await {
        if let Item::Message(message) = item?
            && let Holds::Ticks { event_time, .. } = message.holds
        {
            return Ok(event_time);
        }
    }
    Ok(None)
}

/// Compares the exchange's time of a tick with this machine's, both nanoseconds since 1970.
fn of_clock(event_time: i64, now: i64) -> Finding {
    let ahead = now.saturating_sub(event_time) as f64 / 1e9;
    let side = if ahead < 0.0 { "behind" } else { "ahead of" };
    let says = format!("this clock is {:.2} s {side} the last tick's", ahead.abs());
    match ahead.abs() > CLOCK {
        true => {
            Finding::warning(says, "synchronise this machine's clock (NTP), unless the feed replays an old recording")
        }
        false => Finding::ok(says),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::of_clock;

    #[test]
    fn a_clock_that_is_off_is_told() {
        let second = 1_000_000_000;
        let near = of_clock(10 * second, 10 * second + 40_000_000);
        assert_eq!((near.level, near.says.as_str()), (Level::Ok, "this clock is 0.04 s ahead of the last tick's"));
        let off = of_clock(10 * second, 7 * second);
        assert_eq!((off.level, off.says.as_str()), (Level::Warning, "this clock is 3.00 s behind the last tick's"));
    }
}
