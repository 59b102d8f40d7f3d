//! Addresses as tables: `SELECT … FROM 's3://bucket/ticks/*.parquet'`.
//!
//! In: the name of a table that is in quotes. Out: the table of the files at that address or path, or the reason why there is none.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{DynamicFileCatalog, TableProvider, UrlTableFactory};
use datafusion::common::{Result, plan_datafusion_err};
use datafusion::datasource::dynamic_file::DynamicListTableFactory;
use datafusion::datasource::listing::{ListingTable, ListingTableConfig, ListingTableConfigExt};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::prelude::SessionContext;

use super::answers::refuse;
use crate::store;
use crate::text::is_address;

/// Lets a context read paths and addresses as tables.
pub fn enable(context: SessionContext) -> SessionContext {
    let tables = Arc::new(Tables::default());
    let known = Arc::clone(context.state_ref().read().catalog_list());
    let catalogs = DynamicFileCatalog::new(known, Arc::clone(&tables) as Arc<dyn UrlTableFactory>);
    let id = context.session_id();
    let builder = context.into_state_builder().with_session_id(id).with_catalog_list(Arc::new(catalogs));
    let context = SessionContext::from(builder.build());
    tables.paths.session_store().with_state(context.state_weak_ref());
    context
}

#[derive(Debug, Default)]
struct Tables {
    paths: DynamicListTableFactory,
}

#[async_trait]
impl UrlTableFactory for Tables {
    async fn try_new(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let session = self.paths.session_store().get_session().upgrade();
        let state = session.and_then(|session| session.read().as_any().downcast_ref::<SessionState>().cloned());
        let state = state.ok_or_else(|| plan_datafusion_err!("the session has ended"))?;
        if is_address(name) {
            return Ok(Some(Arc::new(table(&state, name).await?)));
        }
        Ok(path_table(&state, name).await?.map(|table| Arc::new(table) as Arc<dyn TableProvider>))
    }
}

/// Refuses addresses that the engine would take for others: patterns of files, and ends that are not a part of a path.
pub fn check(plan: &LogicalPlan) -> Result<()> {
    if let LogicalPlan::Copy(copy) = plan
        && is_address(&copy.output_url)
    {
        return store::check_written(&copy.output_url);
    }
    let LogicalPlan::Ddl(DdlStatement::CreateExternalTable(create)) = plan else { return Ok(()) };
    for location in create.locations.iter().filter(|location| is_address(location)) {
        if store::listed(location)?.get_glob().is_some() {
            return Err(refuse(
                format!("LOCATION '{location}' is a pattern, and has to be a folder or a file"),
                format!("CREATE VIEW {} AS SELECT * FROM '{location}' reads it", create.name),
            ));
        }
    }
    Ok(())
}

/// Returns the table of the files at a path; `None` if nothing is there, or something that is not a table.
async fn path_table(state: &SessionState, path: &str) -> Result<Option<ListingTable>> {
    let Ok(listed) = store::listed(path) else { return Ok(None) };
    let pattern = listed.get_glob().is_some();
    let Ok(config) = ListingTableConfig::new(listed).infer_options(state).await else {
        if pattern {
            return Err(refuse(
                format!("no file is named like `{path}`"),
                "a pattern stands for files of one folder, and for folders such as day=*; else read the folder above the files",
            ));
        }
        return Ok(None);
    };
    let config = store::with_folders(config, state).await?.infer_schema(state).await?;
    ListingTable::try_new(config).map(Some)
}

/// Returns the table of the files at an address.
async fn table(state: &SessionState, address: &str) -> Result<ListingTable> {
    let listed = store::listed(address)?;
    let failed = |error: DataFusionError| store::failed(address, error);
    let first = store::first(state, address, &listed).await?;
    let named = ListingTableConfig::new(listed).infer_options(state).await;
    let config = named.map_err(|_| {
        refuse(
            format!("the name of {} does not say what kind of file it is", first.location),
            "read_parquet('…'), read_csv('…') or read_json('…') say it",
        )
    })?;
    let config = store::with_folders(config, state).await.map_err(failed)?;
    ListingTable::try_new(config.infer_schema(state).await.map_err(failed)?)
}
