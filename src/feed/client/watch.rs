//! Watches each product by itself: an exchange may stop sending one product's ticks while everything else goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// When each product was last heard.
#[derive(Debug)]
pub struct Watch {
    /// How long a product may be silent; `None` means that nothing is watched.
    patience: Option<Duration>,
    products: BTreeMap<String, Watched>,
    /// The earliest instant at which a product may be silent for too long.
    due: Option<Instant>,
}

#[derive(Debug)]
struct Watched {
    /// The last tick; before the first one, the beginning.
    heard: Instant,
    /// The last tick or the beginning of the connection: silence before the connection was not the product's.
    since: Instant,
    /// How many times the present silence was found. The patience doubles each time, so that an action that does not help
    /// is not repeated without end.
    found: u32,
}

/// A product that is silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silent {
    pub product: String,
    pub silence: Duration,
}

impl Watch {
    /// Watches the products from now on.
    pub fn new(products: &[String], patience: Option<Duration>, now: Instant) -> Watch {
        let products =
            products.iter().map(|name| (name.clone(), Watched { heard: now, since: now, found: 0 })).collect();
        let mut watch = Watch { patience, products, due: None };
        watch.look_ahead();
        watch
    }

    /// Begins a connection.
    pub fn connected(&mut self, now: Instant) {
        for watched in self.products.values_mut() {
            watched.since = now;
        }
        self.look_ahead();
    }

    /// Takes a tick of a product; returns how long the product was silent, if its silence was found before.
    pub fn heard(&mut self, product: &str, now: Instant) -> Option<Duration> {
        let watched = self.products.get_mut(product)?;
        let silence = (watched.found > 0).then(|| now - watched.heard);
        *watched = Watched { heard: now, since: now, found: 0 };
        silence
    }

    /// Returns the instant from which [`Watch::silent`] may find something.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Returns the products that have been silent for too long, each once in a while.
    pub fn silent(&mut self, now: Instant) -> Vec<Silent> {
        let Some(patience) = self.patience else { return Vec::new() };
        let mut silent = Vec::new();
        for (product, watched) in &mut self.products {
            if watched.due(patience).is_some_and(|due| due <= now) {
                watched.found = watched.found.saturating_add(1);
                silent.push(Silent { product: product.clone(), silence: now - watched.heard });
            }
        }
        self.look_ahead();
        silent
    }

    fn look_ahead(&mut self) {
        let patience = self.patience;
        self.due = patience.and_then(|patience| self.products.values().filter_map(|one| one.due(patience)).min());
    }
}

impl Watched {
    /// `None` means that the silence is never too long for the clock.
    fn due(&self, patience: Duration) -> Option<Instant> {
        self.since.checked_add(patience.saturating_mul(2_u32.saturating_pow(self.found)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn silent(watch: &mut Watch, now: Instant) -> Vec<(String, u64)> {
        watch.silent(now).into_iter().map(|one| (one.product, one.silence.as_secs())).collect()
    }

    #[test]
    fn one_silent_product_is_found_among_others_and_then_less_often() {
        let start = Instant::now();
        let mut watch = Watch::new(&["A".into(), "B".into()], Some(60 * S), start);
        for second in 0..600 {
            let now = start + second * S;
            assert_eq!(watch.heard("A", now), None);
            let expected =
                if [60, 120, 240, 480].contains(&second) { vec![("B".to_string(), u64::from(second))] } else { vec![] };
            let due = watch.due().is_some_and(|due| due <= now);
            let found = if due { silent(&mut watch, now) } else { Vec::new() };
            assert_eq!(found, expected, "after {second} s");
        }
        assert_eq!(watch.heard("B", start + 600 * S), Some(600 * S));
        assert_eq!(watch.heard("B", start + 601 * S), None);
        assert_eq!(watch.heard("C", start), None);
    }

    #[test]
    fn a_lost_connection_is_not_a_products_silence() {
        let start = Instant::now();
        let mut watch = Watch::new(&["A".into()], Some(60 * S), start);
        watch.connected(start + 100 * S);
        assert_eq!(silent(&mut watch, start + 100 * S), []);
        assert_eq!(silent(&mut watch, start + 160 * S), [("A".to_string(), 160)]);
        let mut never = Watch::new(&["A".into()], None, start);
        assert_eq!((never.due(), silent(&mut never, start + 1000 * S)), (None, vec![]));
    }
}
