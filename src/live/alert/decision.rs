//! When a product's rows are worth an alert: not again before a pause has passed, and, if the user asks for it, not before the condition
//! has been cleared.

use serde::{Deserialize, Serialize};

/// The rule for the alerts of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The least time between two alerts, in nanoseconds of the rows' time.
    pub cooldown_ns: i64,
    /// Whether another condition has to be true once before the next alert.
    pub needs_clear: bool,
}

/// What is remembered of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// The time of the last alert, in nanoseconds since 1970.
    last: i64,
    is_clear: bool,
}

impl Rule {
    /// Returns whether a row is worth an alert, and remembers it.
    pub fn decide(&self, product: &mut Option<Product>, ts: i64, fires: bool, clears: bool) -> bool {
        if let Some(product) = product {
            product.is_clear |= clears;
        }
        let may = product.is_none_or(|product| product.is_clear && ts >= product.last.saturating_add(self.cooldown_ns));
        if fires && may {
            *product = Some(Product { last: ts, is_clear: !self.needs_clear });
        }
        fires && may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alerts(rule: Rule, rows: &[(i64, bool, bool)]) -> Vec<i64> {
        let mut product = None;
        let decided = rows.iter().filter(|(ts, fires, clears)| rule.decide(&mut product, *ts, *fires, *clears));
        decided.map(|(ts, ..)| *ts).collect()
    }

    #[test]
    fn a_pause_lies_between_alerts() {
        let rows: Vec<(i64, bool, bool)> = (0..10).map(|ts| (ts, ts != 3, false)).collect();
        assert_eq!(alerts(Rule { cooldown_ns: 3, needs_clear: false }, &rows), [0, 4, 7]);
        assert_eq!(alerts(Rule { cooldown_ns: 0, needs_clear: false }, &rows).len(), 9);
    }

    #[test]
    fn a_condition_is_cleared_before_the_next_alert() {
        let rule = Rule { cooldown_ns: 2, needs_clear: true };
        let rows = [
            (0, true, false),
            (1, true, false),
            (5, true, false),
            (6, false, true),
            (7, true, false),
            // The pause counts as well.
            (8, true, true),
            (9, true, false),
        ];
        assert_eq!(alerts(rule, &rows), [0, 7, 9]);
    }
}
