//! The proof by test that a feature looks only back and a label only as far ahead as its horizon.
//!
//! In: a query of the project, and ticks. Out: a [`Proof`]. The query is recomputed over ticks that are cut at random instants:
//! once the ticks on one side are removed, and once they are replaced by others. A feature's rows up to the instant must have
//! the same bits as over all ticks, and there must be the same rows. A label's rows whose horizon ends before the instant must
//! not change with what comes after it, and its later rows must not change with what came before. It does not matter in which
//! way the query is written, because only its results count.

mod generated;
mod random;
mod rows;
mod run;
mod sample;

use std::collections::BTreeMap;

use datafusion::execution::context::SessionContext;

use super::error::Error;
use super::fault::{Check, Fault};
use super::{Extent, Kind, LANDED, Project, Query};
use crate::text::counted;
use random::Random;
use rows::{Agreement, Difference, Identity, Rows, compare};
use sample::{Change, Cut, Sample, Side};

/// How thorough a proof is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thoroughness {
    /// How often the ticks are cut.
    pub cuts: usize,
    /// Decides the instants of the cuts, the replaced values, the made-up ticks and the stretch of landed ticks.
    pub seed: u64,
}

/// The outcome of recomputing one query.
#[derive(Debug)]
pub struct Proof {
    /// Over which ticks the query was recomputed, and how often they were cut.
    pub over: String,
    pub faults: Vec<Fault>,
    /// Why nothing was proven; `None` if something was tried.
    pub skipped: Option<String>,
}

/// The ticks of a proof: made-up ones, which need no landed data, and landed ones.
pub struct Ticks(Vec<Sample>);

impl Project {
    /// Returns the queries to prove: features, labels, and the queries with a time column that features read.
    pub(super) fn provable(&self) -> Vec<usize> {
        let features = (0..self.queries.len()).filter(|index| self.queries[*index].kind == Kind::Feature);
        let read: Vec<usize> = features.flat_map(|index| self.upstream(index)).collect();
        (0..self.queries.len())
            .filter(|index| match self.queries[*index].kind {
                Kind::Feature | Kind::Label => true,
                Kind::Plain => read.contains(index),
                Kind::Model | Kind::Audit => false,
            })
            .collect()
    }

    /// Chooses the ticks of a proof.
    ///
    /// # Errors
    /// The landed ticks cannot be read.
    pub async fn ticks_to_cut(&self, context: &SessionContext, seed: u64) -> Result<Ticks, Error> {
        let landed = |source| Error::Landed { source: Box::new(source) };
        let schema = context.table_provider(LANDED).await.map_err(landed)?.schema();
        // Queries may select products, which the parameters name.
        let parameter = self.parameters.get("products").and_then(|value| value.get(0)?.as_str()).unwrap_or("BTC-USD");
        let other = if parameter < "ETH-USD" { "ETH-USD" } else { "BTC-USD" };
        let mut products = [parameter, if other == parameter { "SOL-USD" } else { other }];
        products.sort_unstable();
        let mut samples = vec![Sample::generated(&schema, products, seed).map_err(landed)?];
        samples.extend(Sample::landed(context, seed).await.map_err(landed)?);
        Ok(Ticks(samples))
    }

    /// Recomputes a query over cut ticks. `context` has the project's functions and tables.
    pub async fn prove(&self, query: &Query, ticks: &Ticks, context: &SessionContext, how: Thoroughness) -> Proof {
        let mut proof = Proof { over: String::new(), faults: Vec::new(), skipped: None };
        let Some(index) = self.queries.iter().position(|known| known.name == query.name) else { return proof };
        let (outside, skipped) = self.unprovable(index, context).await;
        proof.faults = outside;
        if !proof.faults.is_empty() || skipped.is_some() {
            proof.skipped = skipped;
            return proof;
        }
        let mut over = Vec::new();
        let mut evidence = Evidence::default();
        let mut compared = 0;
        for sample in ticks.0.iter().filter(|sample| sample.ticks.num_rows() > 0) {
            let mut trial = Trial { project: self, query, index, context, sample, compared: 0 };
            match trial.run(how, &mut evidence).await {
                Ok(cuts) => {
                    compared += trial.compared;
                    over.push(format!("{}, {}", sample.name, counted(cuts as u64, "cut")));
                }
                Err(run::Stop::Skipped(reason)) => proof.skipped = Some(reason),
                Err(run::Stop::Failed(error)) => {
                    let message = format!("it fails over {}: {}", sample.name, error.find_root().message());
                    evidence.failure.get_or_insert(message);
                }
            }
        }
        proof.over = over.join("; ");
        proof.faults = evidence.faults(query, how);
        if query.kind == Kind::Plain {
            // A feature can use what such a query knows about the future lawfully, for example with an AS OF condition.
            proof.faults = proof.faults.into_iter().map(Fault::warning).collect();
        }
        if !over.is_empty() {
            let nothing = "the ticks are too few: none of its rows lies beyond a cut by as much as it looks";
            proof.skipped = (compared == 0 && proof.faults.is_empty()).then(|| nothing.into());
        }
        proof
    }
}

/// What was found wrong, each with how often, in the order found.
#[derive(Default)]
struct Evidence {
    found: BTreeMap<(Trouble, Option<String>), (Difference, String, usize)>,
    failure: Option<String>,
    cuts: usize,
}

/// What a difference shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    /// The values depend on what came later.
    Ahead,
    /// The label's values depend on what came before.
    Back,
    /// The feature's values depend on what came before its lookback.
    Lookback,
    /// Two runs differ.
    Random,
    /// The values depend on the order in which rows are read.
    Order,
}

/// At most so many columns of one query are reported.
const MOST_COLUMNS: usize = 5;

impl Evidence {
    fn add(&mut self, trouble: Trouble, differences: Vec<Difference>, when: &str) {
        for difference in differences {
            let key = (trouble, difference.column.clone());
            let entry = self.found.entry(key).or_insert_with(|| (difference, when.to_string(), 0));
            entry.2 += 1;
        }
    }

    fn faults(self, query: &Query, how: Thoroughness) -> Vec<Fault> {
        let mut faults = Vec::new();
        if let Some(message) = self.failure {
            faults.push(Fault::new(Check::Proof, &query.name, query.start(), message));
        }
        let left_out = self.found.len().saturating_sub(MOST_COLUMNS);
        for ((trouble, column), (difference, when, times)) in self.found.into_iter().take(MOST_COLUMNS) {
            let place =
                column.as_deref().and_then(|column| query.place_of_word(column)).unwrap_or_else(|| query.start());
            let Difference { row, values: [before, after], .. } = difference;
            let what = match &column {
                Some(column) => format!("`{column}`"),
                None => "which rows there are".into(),
            };
            let says = match (trouble, query.kind) {
                (Trouble::Ahead, Kind::Label) => format!("{what} depends on what comes after its horizon"),
                (Trouble::Ahead, _) => format!("{what} depends on later ticks"),
                (Trouble::Back, _) => format!("{what} depends on ticks before its row"),
                (Trouble::Lookback, _) => format!("{what} depends on ticks before the header's lookback"),
                (Trouble::Random, _) => format!("{what} differs from run to run"),
                (Trouble::Order, _) => format!("{what} depends on the order in which rows are read"),
            };
            let case = format!("{row} is {before} over all ticks and {after} {when}");
            let often = match trouble {
                Trouble::Ahead | Trouble::Back | Trouble::Lookback => {
                    format!(" (seed {}, {times} of {} trials)", how.seed, self.cuts)
                }
                Trouble::Random | Trouble::Order => String::new(),
            };
            let hint = match (trouble, query.kind) {
                (Trouble::Ahead, Kind::Label) => "end each frame at the horizon, and use no aggregate over all rows",
                (Trouble::Ahead, _) => {
                    "end each frame at CURRENT ROW, partition windows by product, and join only rows with an earlier time"
                }
                (Trouble::Back, _) => "begin each frame after the row: INTERVAL '1 nanosecond' FOLLOWING",
                (Trouble::Lookback, _) => "let the header say how far the query looks back, or unbounded",
                (Trouble::Random, _) => "leave out functions such as random() and now()",
                (Trouble::Order, _) => "order windows so that no two rows tie: PARTITION BY product_id ORDER BY ts",
            };
            let fault = Fault::new(Check::Proof, &query.name, place, format!("{says}: {case}{often}")).with_hint(hint);
            faults.push(if trouble == Trouble::Lookback { fault.warning() } else { fault });
        }
        if left_out > 0
            && let Some(last) = faults.last_mut()
        {
            last.message.push_str(&format!("; {} more columns differ", left_out));
        }
        faults
    }
}

/// Recomputing one query over one sample.
struct Trial<'a> {
    project: &'a Project,
    query: &'a Query,
    index: usize,
    context: &'a SessionContext,
    sample: &'a Sample,
    /// How many rows were compared over cut ticks.
    compared: usize,
}

impl Trial<'_> {
    /// Runs the query over the whole sample and over each cut, adds what differs to the evidence, and returns the number of
    /// cuts.
    async fn run(&mut self, how: Thoroughness, evidence: &mut Evidence) -> Result<usize, run::Stop> {
        let mut random = Random::new(how.seed);
        let identity = self.identity().await?;
        let whole = self.rows(self.sample.ticks.clone(), None, &identity).await?;
        let again = self.rows(self.sample.ticks.clone(), None, &identity).await?;
        let everywhere = |_: &Rows, _: usize| true;
        let (found, _) = compare([&whole, &again], &identity, Agreement::Bits, everywhere)?;
        let is_random = !found.is_empty();
        evidence.add(Trouble::Random, found, "in a second run");
        drop(again);
        if is_random {
            // Nothing else can be learned from values that never come again.
            return Ok(0);
        }
        let other = self.rows(self.sample.shuffled(&mut random)?, None, &identity).await?;
        let (found, _) = compare([&whole, &other], &identity, Agreement::Nearly, everywhere)?;
        evidence.add(Trouble::Order, found, "when they are read in another order");
        drop(other);
        let instants = self.sample.instants(how.cuts, &mut random);
        for at in &instants {
            for (side, change) in self.changes() {
                let cut = Cut { at: *at, side, change };
                evidence.cuts += 1;
                self.cut(cut, &whole, &identity, &mut random, evidence).await?;
            }
        }
        Ok(instants.len())
    }

    /// Returns the horizon that the header gives, or else the one that is found in the plan.
    async fn horizon(&self) -> Option<Extent> {
        if let Some(horizon) = self.query.header.horizon() {
            return Some(horizon);
        }
        let found = self.project.reach(self.query, self.context).await.ok()?;
        Some(found.total().after)
    }

    /// Returns how the ticks are changed at each instant.
    fn changes(&self) -> Vec<(Side, Change)> {
        let mut changes = vec![(Side::After, Change::Removed), (Side::After, Change::Replaced)];
        match (self.query.kind, self.query.header.lookback()) {
            (Kind::Label, _) => changes.extend([(Side::Before, Change::Removed), (Side::Before, Change::Replaced)]),
            (Kind::Feature, Some(Extent::Within { .. })) => changes.push((Side::Before, Change::Removed)),
            _ => {}
        }
        changes
    }

    async fn cut(
        &mut self,
        cut: Cut,
        whole: &Rows,
        identity: &Identity,
        random: &mut Random,
        evidence: &mut Evidence,
    ) -> Result<(), run::Stop> {
        let ticks = self.sample.cut(cut, random)?;
        let rows = self.rows(ticks, Some(cut), identity).await?;
        let trouble = match (self.query.kind, cut.side) {
            (_, Side::After) => Trouble::Ahead,
            (Kind::Label, Side::Before) => Trouble::Back,
            (_, Side::Before) => Trouble::Lookback,
        };
        let (found, compared) = match (self.query.kind, cut.side) {
            (Kind::Feature, Side::Before) => {
                let Some(lookback) = self.query.header.lookback() else { return Ok(()) };
                let starts = Starts::of(&self.sample.times_from(cut.at), &lookback);
                compare([whole, &rows], identity, Agreement::Bits, |rows, row| starts.known(rows, row))?
            }
            (_, Side::Before) => {
                let later = |rows: &Rows, row: usize| rows.times[row].is_some_and(|time| time >= cut.at);
                compare([whole, &rows], identity, Agreement::Bits, later)?
            }
            (Kind::Label, Side::After) => {
                let Some(horizon) = self.horizon().await else { return Ok(()) };
                let ends = Ends::of(&self.sample.times_until(cut.at), &horizon);
                compare([whole, &rows], identity, Agreement::Bits, |rows, row| ends.known(rows, row))?
            }
            (_, Side::After) => {
                let past = |rows: &Rows, row: usize| rows.times[row].is_some_and(|time| time <= cut.at);
                compare([whole, &rows], identity, Agreement::Bits, past)?
            }
        };
        self.compared += compared;
        // Which rows a label has may depend on what came before: only its values may not.
        let found = found.into_iter().filter(|found| trouble != Trouble::Back || found.column.is_some()).collect();
        evidence.add(trouble, found, &run::when(cut));
        Ok(())
    }
}

/// For each product, the last time whose horizon ends before the cut.
struct Ends {
    by_product: BTreeMap<String, i64>,
    /// For rows without a product.
    of_all: i64,
}

impl Ends {
    /// A horizon ends at the latest at the product's last tick before the cut: what comes later is not known there.
    fn of(times: &[(String, Vec<i64>)], horizon: &Extent) -> Ends {
        let end = |times: &[i64]| match horizon {
            Extent::Within { time_ns, rows } => {
                let place = times.len().checked_sub((*rows as usize).saturating_add(1));
                let last = place.and_then(|place| times.get(place)).copied();
                last.map_or(i64::MIN, |last| last.saturating_sub(*time_ns))
            }
            // No horizon ends before the cut.
            Extent::Unbounded | Extent::Unknown(_) => i64::MIN,
        };
        let by_product: BTreeMap<String, i64> =
            times.iter().map(|(product, times)| (product.clone(), end(times))).collect();
        let of_all = by_product.values().copied().min().unwrap_or(i64::MIN);
        Ends { by_product, of_all }
    }

    fn known(&self, rows: &Rows, row: usize) -> bool {
        let end = rows.product(row).and_then(|product| self.by_product.get(product)).unwrap_or(&self.of_all);
        rows.times[row].is_some_and(|time| time <= *end)
    }
}

/// For each product, the time after which no row looks back as far as the cut.
struct Starts {
    by_product: BTreeMap<String, i64>,
    /// For rows without a product.
    of_all: i64,
}

impl Starts {
    /// The tick before a lookback belongs to it, because the first return of a frame starts from it.
    fn of(times: &[(String, Vec<i64>)], lookback: &Extent) -> Starts {
        let start = |times: &[i64]| match lookback {
            Extent::Within { time_ns, rows } => {
                times.get((*rows as usize).saturating_add(1)).map_or(i64::MAX, |first| first.saturating_add(*time_ns))
            }
            Extent::Unbounded | Extent::Unknown(_) => i64::MAX,
        };
        let by_product: BTreeMap<String, i64> =
            times.iter().map(|(product, times)| (product.clone(), start(times))).collect();
        let of_all = by_product.values().copied().max().unwrap_or(i64::MAX);
        Starts { by_product, of_all }
    }

    fn known(&self, rows: &Rows, row: usize) -> bool {
        let start = rows.product(row).and_then(|product| self.by_product.get(product)).unwrap_or(&self.of_all);
        rows.times[row].is_some_and(|time| time > *start)
    }
}
