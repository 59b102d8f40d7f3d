//! Ticks that wait until other products have passed them.
//!
//! In: the ticks of consecutive offsets. Out: the same ticks, in the same order, once every product that a query's ASOF joins read has a
//! tick at their `ts` or after it. `ts` strictly rises within a product, so no later tick of it can have a `ts` up to theirs. The time of
//! receipt says nothing of the kind: a message may be dated as far before it as its exchange likes.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::time::{Duration, Instant};

use datafusion::arrow::array::{AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;

use super::error::Error;
use super::history::{joined, offsets, sorted, times};

/// So many ticks wait at most.
pub const MOST: usize = 1 << 21;
/// Ticks that are given on at once.
const ROWS: usize = 1 << 16;

/// The ticks of consecutive offsets, in the order of (product_id, ts).
#[derive(Debug, Clone)]
pub struct Arrived {
    /// The partition and the offsets; `None` if the ticks are only taken into the state.
    pub place: Option<(i32, Range<i64>)>,
    pub ticks: RecordBatch,
}

/// Portions that wait, in the order in which they came.
pub struct Waiting {
    /// The last `ts` of each product that is waited for.
    clocks: BTreeMap<String, i64>,
    portions: VecDeque<Arrived>,
    count: usize,
    /// Where the clocks stood when the first portion was found to wait, and since when it does.
    stuck: Option<(i64, Instant)>,
}

impl Waiting {
    /// Waits for these products.
    pub fn new(products: impl IntoIterator<Item = String>) -> Waiting {
        let clocks = products.into_iter().map(|product| (product, i64::MIN)).collect();
        Waiting { clocks, portions: VecDeque::new(), count: 0, stuck: None }
    }

    /// Returns the products that are waited for.
    pub fn products(&self) -> impl Iterator<Item = &str> {
        self.clocks.keys().map(String::as_str)
    }

    /// Returns how many ticks wait, and how long the first has waited.
    pub fn count(&self) -> (usize, Duration) {
        (self.count, self.stuck.map_or(Duration::ZERO, |(_, since)| since.elapsed()))
    }

    /// Returns the lowest `ts` that waits.
    pub fn lowest(&self) -> i64 {
        self.portions.iter().flat_map(|portion| times(&portion.ticks)).copied().min().unwrap_or(i64::MAX)
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.portions.iter().map(|portion| portion.ticks.get_array_memory_size()).sum()
    }

    /// Takes a portion.
    pub fn push(&mut self, portion: Arrived) {
        let products = portion.ticks.column_by_name("product_id").map(|products| products.as_string::<i32>());
        for (product, ts) in products.into_iter().flatten().zip(times(&portion.ticks)) {
            if let Some(clock) = product.and_then(|product| self.clocks.get_mut(product)) {
                *clock = (*clock).max(*ts);
            }
        }
        self.count += portion.ticks.num_rows();
        self.portions.push_back(portion);
    }

    /// Returns the ticks that need not wait any longer.
    ///
    /// # Errors
    /// Ticks cannot be sorted.
    pub fn ready(&mut self) -> Result<Vec<Arrived>, Error> {
        let clock = self.clocks.values().copied().min().unwrap_or(i64::MAX);
        if self.stuck.is_some_and(|(at, _)| at == clock) {
            return Ok(Vec::new());
        }
        let mut ready: Vec<Arrived> = Vec::new();
        while let Some(portion) = self.portions.pop_front() {
            let (part, rest) = divided(portion, clock)?;
            if let Some(part) = part {
                self.count -= part.ticks.num_rows();
                ready.push(part);
                self.stuck = None;
            }
            if let Some(rest) = rest {
                self.portions.push_front(rest);
                self.stuck = Some((clock, self.stuck.map_or_else(Instant::now, |(_, since)| since)));
                break;
            }
        }
        together(ready)
    }
}

/// Divides a portion into the offsets before the first tick after the clock, and those from it on.
fn divided(portion: Arrived, clock: i64) -> Result<(Option<Arrived>, Option<Arrived>), Error> {
    let waits = |row: usize| times(&portion.ticks)[row] > clock;
    let rows = 0..portion.ticks.num_rows();
    if !rows.clone().any(waits) {
        return Ok((Some(portion), None));
    }
    let part = |is_in: &dyn Fn(usize) -> bool, place| {
        let mask: BooleanArray = rows.clone().map(|row| Some(is_in(row))).collect();
        let ticks =
            filter_record_batch(&portion.ticks, &mask).map_err(|error| Error::query("landed_ticks", error.into()))?;
        Ok::<_, Error>(Arrived { place, ticks })
    };
    let Some((partition, range)) = &portion.place else {
        let (ready, rest) = (part(&|row| !waits(row), None)?, part(&waits, None)?);
        return Ok(((ready.ticks.num_rows() > 0).then_some(ready), Some(rest)));
    };
    let offsets = offsets(&portion.ticks);
    let first = rows.clone().filter(|row| waits(*row)).map(|row| offsets[row]).min().unwrap_or(range.start);
    if first <= range.start {
        return Ok((None, Some(portion)));
    }
    let ready = part(&|row| offsets[row] < first, Some((*partition, range.start..first)))?;
    let rest = part(&|row| offsets[row] >= first, Some((*partition, first..range.end)))?;
    Ok((Some(ready), Some(rest)))
}

/// Joins portions that follow each other, as long as they are small.
fn together(portions: Vec<Arrived>) -> Result<Vec<Arrived>, Error> {
    let mut runs: Vec<Vec<Arrived>> = Vec::new();
    let mut count = 0;
    for portion in portions {
        let follows = |run: &Vec<Arrived>| match (run.last().map(|last| &last.place), &portion.place) {
            (Some(Some((one, before))), Some((other, after))) => one == other && before.end == after.start,
            _ => false,
        };
        count += portion.ticks.num_rows();
        match runs.last_mut() {
            Some(run) if count <= ROWS && follows(run) => run.push(portion),
            _ => {
                count = portion.ticks.num_rows();
                runs.push(vec![portion]);
            }
        }
    }
    let join = |run: Vec<Arrived>| {
        let place = run.first().and_then(|first| first.place.clone());
        let end = run.last().and_then(|last| last.place.as_ref()).map(|(_, offsets)| offsets.end);
        let place = place.zip(end).map(|((partition, offsets), end)| (partition, offsets.start..end));
        let ticks: Vec<RecordBatch> = run.into_iter().map(|portion| portion.ticks).collect();
        Ok(Arrived { place, ticks: sorted(&joined(&ticks)?)? })
    };
    runs.into_iter().map(join).collect()
}
