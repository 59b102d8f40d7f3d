//! Computes samples again in batch, from the landed ticks that they need.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::TimestampNanosecondType;
use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{col, lit};
use datafusion::scalar::ScalarValue;
use futures::TryStreamExt;

use super::{Batch, Checked, Checker, Sample};
use crate::catalog::LandedTicks;
use crate::live::error::Error;
use crate::live::lookback::instant;
use crate::live::parity::{Comparison, Parity};
use crate::live::plan::{OFFSET, PARTITION};
use crate::pipeline::{Lookback, Step};
use crate::text::{identifier, literal};

impl Checker {
    /// Compares samples of one query and product with batch.
    ///
    /// # Errors
    /// The query fails over the landed ticks, or these cannot be read.
    pub(super) async fn check(&self, name: &str, samples: &[Sample]) -> Result<Parity, Error> {
        let Batch { project, context, .. } = &self.batch;
        let (Some(query), Some(Checked { plan, lookback })) = (project.query(name), self.queries.get(name)) else {
            return Ok(Parity::default());
        };
        let failed = |source: DataFusionError| Error::query(name, source);
        let landed = self.ticks_of(lookback.as_ref(), samples).await.map_err(failed)?;
        let [product, time] = plan.key().map(identifier);
        let conditions = samples.iter().map(|sample| {
            let Sample { partition, offset, ts, .. } = sample;
            format!(
                "({PARTITION} = {partition} AND {OFFSET} = {offset} AND {product} = {} AND {time} = {})",
                literal(&sample.product),
                instant(*ts)
            )
        });
        let condition = conditions.collect::<Vec<_>>().join(" OR ");
        let emitted = context.read_batches(samples.iter().map(|sample| sample.rows.clone())).map_err(failed)?;
        let comparison = Comparison { project, query, context, plan, landed, condition, goes_on: true };
        comparison.run(emitted).await.map_err(failed)?
    }

    /// Returns the landed ticks that samples of one product need; all, if it is not known which.
    async fn ticks_of(
        &self,
        lookback: Option<&Lookback>,
        samples: &[Sample],
    ) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        let context = &self.batch.context;
        let landed = context.table_provider("landed_ticks").await?;
        let times = || samples.iter().map(|sample| sample.ts);
        let (Some(lookback), Some(sample), Some(first), Some(last)) =
            (lookback, samples.first(), times().min(), times().max())
        else {
            return Ok(landed);
        };
        let Some(first) = self.back(lookback, &sample.product, first).await? else { return Ok(landed) };
        let last = last.saturating_add(1);
        let within: Arc<dyn TableProvider> = match landed.downcast_ref::<LandedTicks>() {
            Some(ticks) => Arc::new(ticks.within(first..last)),
            None => landed,
        };
        let at = |ns| lit(ScalarValue::TimestampNanosecond(Some(ns), Some("UTC".into())));
        let needed = col("product_id").eq(lit(&sample.product));
        let needed = needed.and(col("ts").gt_eq(at(first))).and(col("ts").lt(at(last)));
        Ok(context.read_table(within)?.filter(needed)?.into_view())
    }

    /// Returns the first `ts` of a product that a row at an instant looks back on; `None` if it is not known.
    async fn back(&self, lookback: &Lookback, product: &str, at: i64) -> Result<Option<i64>, DataFusionError> {
        let mut at = at;
        for step in &lookback.back {
            match step {
                Step::Time(ns) => at = at.saturating_sub(*ns),
                Step::Rows { table, time, product: Some(column), count } => {
                    let Some(first) = self.rows_back(table, [column, time], product, at, *count).await? else {
                        return Ok(None);
                    };
                    at = first;
                }
                Step::Rows { product: None, .. } => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// Goes back a number of rows of a relation, in the memory of as many times; `None` if its times are of another type.
    async fn rows_back(
        &self,
        table: &str,
        [product_column, time]: [&str; 2],
        product: &str,
        at: i64,
        count: u64,
    ) -> Result<Option<i64>, DataFusionError> {
        let (product_column, time) = (identifier(product_column), identifier(time));
        let sql = format!(
            "SELECT {time} FROM {} WHERE {product_column} = {} AND {time} < {}",
            identifier(table),
            literal(product),
            instant(at)
        );
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let mut last: BinaryHeap<Reverse<i64>> = BinaryHeap::new();
        let mut stream = self.batch.context.sql(&sql).await?.execute_stream().await?;
        while let Some(batch) = stream.try_next().await? {
            let Some(times) = batch.column(0).as_primitive_opt::<TimestampNanosecondType>() else { return Ok(None) };
            for time in times.iter().flatten() {
                last.push(Reverse(time));
                if last.len() > count {
                    last.pop();
                }
            }
        }
        Ok(Some(last.peek().map_or(at, |Reverse(first)| *first)))
    }
}
