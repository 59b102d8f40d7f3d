//! A query that runs, and where its rows go.
//!
//! In: the ticks of consecutive offsets, as they come. Out: the query's rows, in the order of offsets, for its sink; those that the sink
//! has are left out.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;

use super::error::Error;
use super::history::sorted;
use super::plan::LivePlan;
use super::sink::Sink;
use super::waiting::Arrived;
use crate::log::Tell;
use crate::text::counted;

/// A query, and where its rows go.
pub struct Running {
    pub plan: LivePlan,
    pub sink: Box<dyn Sink>,
    /// The first offset of each partition that the sink does not have.
    pub next: BTreeMap<i32, i64>,
    /// Whether the user knows that ticks wait.
    is_told: bool,
}

impl Running {
    /// Begins with a query.
    pub fn new(plan: LivePlan, sink: Box<dyn Sink>, next: BTreeMap<i32, i64>) -> Running {
        Running { plan, sink, next, is_told: false }
    }

    /// Says, once, that ticks have waited for so long.
    pub fn tell_of_waiting(&mut self, patience: Duration, then: &str, tell: &Tell) {
        let (count, waited) = self.plan.waiting();
        let is_long = count > 0 && waited >= patience;
        if is_long && !self.is_told {
            let (count, products) = (counted(count as u64, "tick"), self.plan.waits_for().join(", "));
            let text = format!("Note: `{}`: {count} wait for a tick of {products}; {then}", self.plan.name());
            tell.say_of(&text, &[("query", self.plan.name().into()), ("products", products)]);
        }
        self.is_told = is_long;
    }

    /// Passes ticks whose rows are final to the query, and the rows to the sink; returns the number of rows.
    async fn pass(&mut self, portion: Arrived) -> Result<u64, Error> {
        let Running { plan, sink, next, .. } = self;
        let Some((partition, offsets)) = portion.place else {
            plan.absorb(&portion.ticks).await?;
            return Ok(0);
        };
        let next = next.entry(partition).or_insert(offsets.start);
        if offsets.end <= *next {
            // The sink has these rows.
            plan.absorb(&portion.ticks).await?;
            return Ok(0);
        }
        let emitted = plan.emit(&portion.ticks).await?.since(*next);
        let rows = emitted.offsets.len();
        sink.put(partition, offsets.start.max(*next)..offsets.end, emitted).await?;
        *next = offsets.end;
        Ok(rows as u64)
    }
}

/// Passes the ticks of consecutive offsets to the queries, and the queries' rows to their sinks; returns the number of rows.
pub async fn put(
    running: &mut [Running],
    counts: &mut BTreeMap<String, u64>,
    partition: i32,
    offsets: Range<i64>,
    ticks: &RecordBatch,
) -> Result<u64, Error> {
    let ticks = sorted(ticks)?;
    let mut total = 0;
    for running in running {
        let portion = Arrived { place: Some((partition, offsets.clone())), ticks: ticks.clone() };
        for ready in running.plan.arrive(portion).await? {
            let rows = running.pass(ready).await?;
            *counts.entry(running.plan.name().to_string()).or_default() += rows;
            total += rows;
        }
    }
    Ok(total)
}
