//! How far back in the landed ticks queries look.
//!
//! In: the lookback of a query, and an instant of each product. Out: the first instant of each product that counts; and the landed ticks
//! that the rows of a span of time need.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::TimestampNanosecondType;
use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{col, lit};
use datafusion::scalar::ScalarValue;

use super::error::Error;
use crate::catalog::{LANDED_TICKS, LandedTicks};
use crate::pipeline::{Lookback, Project, Query, Step};
use crate::text::identifier;

/// Every instant.
pub const ALWAYS: Range<i64> = i64::MIN..i64::MAX;

/// Returns the landed ticks that the rows of a span of time need, in nanoseconds since 1970; all, if it is not known which.
///
/// # Errors
/// Landed ticks cannot be read.
pub async fn ticks_for(
    project: &Project,
    query: &Query,
    context: &SessionContext,
    span: &Range<i64>,
) -> Result<Arc<dyn TableProvider>, Error> {
    let all = context.table_provider(LANDED_TICKS).await.map_err(landed)?;
    if *span == ALWAYS {
        return Ok(all);
    }
    let Some(lookback) = project.lookback(query, context).await? else { return Ok(all) };
    let sql = format!(
        "SELECT product_id, min(ts) FROM {LANDED_TICKS} WHERE ts >= {} AND ts < {} GROUP BY product_id",
        instant(span.start),
        instant(span.end)
    );
    let begins = pairs(context, &sql).await?.unwrap_or_default().into_iter().collect();
    let Some(firsts) = back(context, &lookback, begins).await? else { return Ok(all) };
    let first = firsts.into_values().min().unwrap_or(span.start);
    let within: Arc<dyn TableProvider> = match all.downcast_ref::<LandedTicks>() {
        Some(ticks) => Arc::new(ticks.within(first..span.end)),
        None => all,
    };
    let at = |ns| lit(ScalarValue::TimestampNanosecond(Some(ns), Some("UTC".into())));
    let needed = col("ts").gt_eq(at(first)).and(col("ts").lt(at(span.end)));
    let needed = context.read_table(within).and_then(|ticks| ticks.filter(needed)).map_err(landed)?;
    Ok(needed.into_view())
}

/// Goes back from an instant of each product; `None` if it is not known how far. If the products depend on each other, all go back
/// from the earliest instant.
///
/// # Errors
/// A table whose rows are counted cannot be read.
pub async fn back(
    context: &SessionContext,
    lookback: &Lookback,
    mut at: BTreeMap<String, i64>,
) -> Result<Option<BTreeMap<String, i64>>, Error> {
    if lookback.product.is_none() {
        // Ticks of all products count, from the earliest instant on.
        let first = at.values().min().copied().unwrap_or(i64::MAX);
        at.values_mut().for_each(|at| *at = first);
    }
    for step in &lookback.back {
        match step {
            Step::Time(ns) => at.values_mut().for_each(|at| *at = at.saturating_sub(*ns)),
            Step::Rows { table, time, product: Some(product), count } if lookback.product.is_some() => {
                let count = usize::try_from(*count).unwrap_or(usize::MAX);
                let (product, time) = (identifier(product), identifier(time));
                let sql = format!("SELECT {product}, {time} FROM {} ORDER BY {product}, {time}", identifier(table));
                let mut last: BTreeMap<String, VecDeque<i64>> = BTreeMap::new();
                let Some(pairs) = pairs(context, &sql).await? else { return Ok(None) };
                for (product, ts) in pairs {
                    if at.get(&product).is_some_and(|at| ts < *at) {
                        let rows = last.entry(product).or_default();
                        rows.push_back(ts);
                        if rows.len() > count {
                            rows.pop_front();
                        }
                    }
                }
                for (product, rows) in last {
                    if let Some(first) = rows.front() {
                        at.insert(product, *first);
                    }
                }
            }
            Step::Rows { .. } => return Ok(None),
        }
    }
    Ok(Some(at))
}

/// Returns the rows of a query of products and times; `None` if its columns have other types.
///
/// # Errors
/// The query fails.
pub async fn pairs(context: &SessionContext, sql: &str) -> Result<Option<Vec<(String, i64)>>, Error> {
    let rows = async { context.sql(sql).await?.collect().await };
    let mut pairs = Vec::new();
    for batch in rows.await.map_err(landed)? {
        let times = batch.column(1).as_primitive_opt::<TimestampNanosecondType>();
        let (Some(products), Some(times)) = (batch.column(0).as_string_opt::<i32>(), times) else {
            return Ok(None);
        };
        let rows = (0..batch.num_rows()).filter(|row| products.is_valid(*row) && times.is_valid(*row));
        pairs.extend(rows.map(|row| (products.value(row).to_string(), times.value(row))));
    }
    Ok(Some(pairs))
}

/// Returns an instant as SQL.
pub fn instant(ns: i64) -> String {
    format!("arrow_cast({ns}, 'Timestamp(ns, \"UTC\")')")
}

/// Returns the error of landed ticks that cannot be read.
pub fn landed(source: DataFusionError) -> Error {
    Error::query(LANDED_TICKS, source)
}
