//! A session that sees only the ticks of some spans: in it, a day's rows are made from the ticks around that day.

use crate::engine;
use futures::future::BoxFuture;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, SchemaProvider,
    TableProvider,
};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{Expr, TableType, lit};
use datafusion::prelude::ident;

use super::days::day_name;
use super::error::Error;
use super::names::Shared;
use super::spans::SPAN_NS;
use super::table::Table;
use super::{LANDED, Query};
use crate::catalog::LandedTicks;

/// The time column of landed ticks.
pub(super) const LANDED_TIME: &str = "ts";

/// The session's own tables, of which landed ticks are cut.
#[derive(Debug)]
struct Cut {
    base: Arc<dyn SchemaProvider>,
    ticks: Arc<dyn TableProvider>,
}

impl Shared {
    /// Returns a session with the same queries that sees only the ticks of some spans. It uses one thread, so that sums of
    /// floating-point numbers have one order.
    pub async fn sliced(self: &Arc<Shared>, context: &SessionContext, spans: Range<i64>) -> Result<SessionContext> {
        let state = context.state();
        let names = state.config_options().catalog.clone();
        let catalogs: Arc<dyn CatalogProviderList> = Arc::new(MemoryCatalogProviderList::new());
        let config = state.config().clone().with_target_partitions(1);
        let builder = SessionStateBuilder::new_from_existing(state).with_config(config);
        let own = SessionContext::new_with_state(builder.with_catalog_list(Arc::clone(&catalogs)).build());

        let mut ticks = context.table_provider(LANDED).await?;
        if let Some(landed) = ticks.downcast_ref::<LandedTicks>() {
            ticks = Arc::new(landed.within(times(&spans)));
        }
        let ticks = own.read_table(ticks)?.filter(is_within(LANDED_TIME, times(&spans)))?.into_view();
        let base: Arc<dyn SchemaProvider> = Arc::new(Cut { base: Arc::clone(self.base()), ticks });
        let shared = Shared::over(&own, &self.project, &self.tables_dir, base, Some(spans));
        shared.look_as(self);
        let catalog = MemoryCatalogProvider::new();
        catalog.register_schema(&names.default_schema, shared.schema())?;
        catalogs.register_catalog(names.default_catalog, Arc::new(catalog));
        Ok(own)
    }
}

/// Returns the rows of a fresh table that a session sees.
pub(super) fn table(
    table: Arc<dyn TableProvider>,
    query: &Query,
    context: &SessionContext,
    slice: Option<&Range<i64>>,
) -> Result<Arc<dyn TableProvider>, Error> {
    let divided = table.downcast_ref::<Table>().filter(|table| table.is_divided());
    let (Some(spans), Some(divided), Some(time)) = (slice, divided, &query.header.time_column) else {
        return Ok(table);
    };
    let range = times(spans);
    let (first, last) = (day_name(range.start), day_name(range.end));
    let days = divided.of_days(|day| (first.as_str()..=last.as_str()).contains(&day));
    let cut = context.read_table(Arc::new(days)).and_then(|rows| rows.filter(is_within(time, range)));
    let failed = |source| Error::Query { name: query.name.clone(), file: query.file.clone(), source: Box::new(source) };
    Ok(cut.map_err(failed)?.into_view())
}

/// Returns the times of a range of spans, in nanoseconds.
fn times(spans: &Range<i64>) -> Range<i64> {
    spans.start.saturating_mul(SPAN_NS)..spans.end.saturating_mul(SPAN_NS)
}

/// Returns the condition that a row's time lies in a range.
pub(super) fn is_within(time: &str, range: Range<i64>) -> Expr {
    let at = |ns| lit(ScalarValue::TimestampNanosecond(Some(ns), Some("UTC".into())));
    ident(time).gt_eq(at(range.start)).and(ident(time).lt(at(range.end)))
}

#[async_trait]
impl SchemaProvider for Cut {
    fn table_names(&self) -> Vec<String> {
        self.base.table_names()
    }

    engine::table!();

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        self.base.table_type(name).await
    }

    fn table_exist(&self, name: &str) -> bool {
        self.base.table_exist(name)
    }
}

impl Cut {
    fn boxed_table<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Arc<dyn TableProvider>>>> {
        Box::pin(
            async move { if name == LANDED { Ok(Some(Arc::clone(&self.ticks))) } else { self.base.table(name).await } },
        )
    }
}
