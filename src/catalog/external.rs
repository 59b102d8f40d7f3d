//! CREATE EXTERNAL TABLE without columns: the folders above the files are columns, with types of their own.
//!
//! In: the engine's maker of such tables. Out: the same tables, in which a folder such as `n=7` is a number.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::Schema;
use datafusion::catalog::{Session, TableProvider, TableProviderFactory};
use datafusion::common::Result;
use datafusion::datasource::listing::{ListingTable, ListingTableConfig};
use datafusion::execution::SessionState;
use datafusion::logical_expr::CreateExternalTable;

use crate::store;

/// Lets a session give folders their types.
pub fn register(state: &mut SessionState) {
    for factory in state.table_factories_mut().values_mut() {
        *factory = Arc::new(Typed(Arc::clone(factory)));
    }
}

#[derive(Debug)]
struct Typed(Arc<dyn TableProviderFactory>);

#[async_trait]
impl TableProviderFactory for Typed {
    async fn create(&self, state: &dyn Session, statement: &CreateExternalTable) -> Result<Arc<dyn TableProvider>> {
        let made = self.0.create(state, statement).await?;
        let Some(table) = made.downcast_ref::<ListingTable>() else { return Ok(made) };
        let folders = table.options().table_partition_cols.len();
        // Columns that the statement names have their types.
        if folders == 0 || !statement.schema.fields().is_empty() {
            return Ok(made);
        }
        let schema = table.schema();
        let columns = schema.fields().len().saturating_sub(folders);
        let config = ListingTableConfig::new_with_multi_paths(table.table_paths().clone())
            .with_listing_options(table.options().clone());
        let config = store::with_folders(config, state).await?;
        let table =
            ListingTable::try_new(config.with_schema(Arc::new(Schema::new(schema.fields()[..columns].to_vec()))))?
                .with_cache(state.runtime_env().cache_manager.get_file_statistic_cache())
                .with_definition(statement.definition.clone())
                .with_constraints(statement.constraints.clone())
                .with_column_defaults(statement.column_defaults.clone());
        Ok(Arc::new(table))
    }
}
