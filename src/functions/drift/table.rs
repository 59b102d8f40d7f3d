//! The table function `drift`: its arguments, and the plan that reads both relations.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::DRIFT;
use super::exec::DriftExec;
use super::samples;
use crate::functions::relation::{plan, texts};
use crate::functions::snapshot::session_state;

/// The table function.
#[derive(Debug)]
pub struct Drift;

impl TableFunctionImpl for Drift {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let relations = texts(&DRIFT, args.exprs())?;
        let state = session_state(args.session())?;
        // `texts` has checked that there are two.
        Ok(Arc::new(Comparison { reference: plan(state, &relations[0])?, current: plan(state, &relations[1])? }))
    }
}

/// The comparison of two relations, as a table.
#[derive(Debug)]
struct Comparison {
    reference: LogicalPlan,
    current: LogicalPlan,
}

#[async_trait]
impl TableProvider for Comparison {
    fn schema(&self) -> SchemaRef {
        samples::schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let reference = state.create_physical_plan(&self.reference).await?;
        let current = state.create_physical_plan(&self.current).await?;
        Ok(Arc::new(DriftExec::new(reference, current, projection.cloned())?))
    }
}
