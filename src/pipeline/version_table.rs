//! The table of one version of a materialised query.
//!
//! The engine takes a file that is gone for a table without rows. This table reports it instead: a session that stays open
//! while others run the query twice would otherwise get empty answers.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Constraints, exec_err};
use datafusion::datasource::listing::ListingTable;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

/// One version's file, as rows.
#[derive(Debug)]
pub(super) struct VersionTable {
    pub file: PathBuf,
    pub rows: ListingTable,
}

#[async_trait]
impl TableProvider for VersionTable {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn constraints(&self) -> Option<&Constraints> {
        self.rows.constraints()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        self.rows.supports_filters_pushdown(filters)
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !self.file.exists() {
            return exec_err!(
                "{} was replaced twice by `squall run` since this session began: start the session again to read the new one",
                self.file.display()
            );
        }
        self.rows.scan(state, projection, filters, limit).await
    }
}
