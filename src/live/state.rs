//! How large the state of a query is, by the ticks that have landed.
//!
//! In: a query that was planned, and landed ticks. Out: the same plan with the state that a start would make now; how many ticks of each
//! product that takes; and how many it was at the busiest time of the last day.

use std::collections::BTreeMap;
use std::time::Duration;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::execution::context::SessionContext;

use super::error::Error;
use super::history::{Ticks, sorted, times};
use super::lookback::{back, instant, landed, pairs};
use super::plan::LivePlan;
use super::waiting::Arrived;
use crate::catalog::LANDED_TICKS;
use crate::pipeline::{Lookback, Project, Step};

/// So many ticks are taken into the state at most.
const MOST: u64 = 1 << 20;
/// The time in which the busiest stretch is looked for, in nanoseconds.
const DAY: i64 = 86_400_000_000_000;

/// The ticks from which the state of a query was made.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// How far back the query looks, in time and beyond that in rows; nothing if it is not known, so that a start reads all ticks.
    pub time: Duration,
    pub rows: u64,
    /// Whether a start reads all ticks that have landed.
    pub is_everything: bool,
    pub products: Vec<OfProduct>,
    /// How many ticks a start reads.
    pub read: u64,
    /// How many were taken for this: the newest, if they are too many.
    pub taken: u64,
    /// Whether they were too many.
    pub is_cut: bool,
}

/// The ticks of a product.
#[derive(Debug, Clone)]
pub struct OfProduct {
    pub product: String,
    /// How many ticks were taken, and the times of the first and the last in nanoseconds since 1970.
    pub ticks: u64,
    pub first: i64,
    pub last: i64,
    /// The most ticks within the time that the query looks back, in the last day, and the rows beyond that; `None` if it does not
    /// look back in time.
    pub most: Option<u64>,
}

impl Measured {
    /// Returns how many ticks it was at the busiest time of each product; `None` if it is not known.
    pub fn busiest(&self) -> Option<u64> {
        self.products.iter().map(|of| of.most).sum()
    }
}

/// Takes the landed ticks that a start would read into the state of a query.
///
/// # Errors
/// Landed ticks cannot be read, or the query fails.
pub async fn measure_state(
    plan: &mut LivePlan,
    project: &Project,
    context: &SessionContext,
) -> Result<Measured, Error> {
    let Some(query) = project.query(plan.name()) else { return Ok(Measured::default()) };
    let spans = async |of: &str| -> Result<BTreeMap<String, i64>, Error> {
        let sql = format!("SELECT product_id, {of}(ts) FROM {LANDED_TICKS} GROUP BY product_id");
        Ok(pairs(context, &sql).await?.unwrap_or_default().into_iter().collect())
    };
    let last = spans("max").await?;
    if last.is_empty() {
        return Ok(Measured::default());
    }
    let lookback = project.lookback(query, context).await?;
    let begins = last.iter().map(|(product, last)| (product.clone(), last.saturating_add(1))).collect();
    let known = match &lookback {
        Some(lookback) => back(context, lookback, begins).await?,
        None => None,
    };
    let is_everything = known.is_none();
    let mut first = match known {
        Some(first) => first,
        None => spans("min").await?,
    };
    let earliest = first.values().min().copied().unwrap_or(i64::MAX);
    let sql = format!("SELECT 'all', count(*) FROM {LANDED_TICKS} WHERE ts >= {}", instant(earliest));
    let read = counts(context, &sql).await?.first().map_or(0, |(_, count)| *count);
    let is_cut = read > MOST;
    if is_cut {
        let share = MOST as f64 / read as f64;
        for (product, first) in &mut first {
            let last = last.get(product).copied().unwrap_or(*first);
            *first = last - (last.saturating_sub(*first) as f64 * share) as i64;
        }
    }
    let mut of: BTreeMap<String, OfProduct> = BTreeMap::new();
    let by_time = !plan.waits_for().is_empty();
    let mut ticks = Ticks::between(context, first, last.clone(), by_time).await?;
    while let Some(ticks) = ticks.next().await? {
        let rows = sorted(&ticks)?;
        let products = rows.column_by_name("product_id").map(|column| column.as_string::<i32>());
        for (product, ts) in products.into_iter().flatten().zip(times(&rows)) {
            let product = product.unwrap_or_default();
            if let Some(of) = of.get_mut(product) {
                (of.ticks, of.last) = (of.ticks + 1, *ts);
            } else {
                let name = product.to_string();
                of.insert(name.clone(), OfProduct { product: name, ticks: 1, first: *ts, last: *ts, most: None });
            }
        }
        for ready in plan.arrive(Arrived { place: None, ticks: rows }).await? {
            plan.absorb(&ready.ticks).await?;
        }
    }
    let (time, rows) = lookback.as_ref().filter(|_| !is_everything).map_or((0, 0), steps);
    if time > 0 {
        let newest = last.values().max().copied().unwrap_or_default();
        let sql = format!(
            "SELECT product_id, CAST(max(n) AS BIGINT) FROM (SELECT product_id, ts, count(ts) OVER (PARTITION BY product_id \
             ORDER BY CAST(ts AS BIGINT) RANGE BETWEEN {time} PRECEDING AND CURRENT ROW) AS n \
             FROM {LANDED_TICKS} WHERE ts >= {}) WHERE ts >= {} GROUP BY product_id",
            instant(newest.saturating_sub(DAY).saturating_sub(time)),
            instant(newest.saturating_sub(DAY)),
        );
        for (product, most) in counts(context, &sql).await? {
            if let Some(of) = of.get_mut(&product) {
                of.most = Some(most.saturating_add(rows).max(of.ticks));
            }
        }
        // A product without a tick in the last day had no busier time in it.
        of.values_mut().for_each(|of| of.most = of.most.or(Some(of.ticks)));
    }
    let taken = of.values().map(|of| of.ticks).sum();
    let time = Duration::from_nanos(time.unsigned_abs());
    Ok(Measured { time, rows, is_everything, products: of.into_values().collect(), read, taken, is_cut })
}

/// Returns how far a lookback goes back in all: in time, in nanoseconds, and in rows.
fn steps(lookback: &Lookback) -> (i64, u64) {
    lookback.back.iter().fold((0, 0), |(time, rows), step| match step {
        Step::Time(ns) => (time.saturating_add(*ns), rows),
        Step::Rows { count, .. } => (time, rows.saturating_add(*count)),
    })
}

/// Returns the rows of a query of names and counts.
async fn counts(context: &SessionContext, sql: &str) -> Result<Vec<(String, u64)>, Error> {
    let rows = async { context.sql(sql).await?.collect().await };
    let mut counts = Vec::new();
    for batch in rows.await.map_err(landed)? {
        let names = cast(batch.column(0), &DataType::Utf8).map_err(|error| landed(error.into()))?;
        if let Some(numbers) = batch.column(1).as_primitive_opt::<Int64Type>() {
            let rows = names.as_string::<i32>().iter().zip(numbers.values());
            counts.extend(rows.map(|(name, count)| (name.unwrap_or_default().to_string(), count.unsigned_abs())));
        }
    }
    Ok(counts)
}
