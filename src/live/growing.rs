//! Tables that grow by themselves.
//!
//! A live plan reads a table that it joins with ticks only once, at the start. Batch, which runs later, would find more rows in a table
//! of landing or of receiving.

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::LogicalPlan;

use super::refusal::Refusal;
use crate::catalog::{GROWING_TABLES, LANDED_TICKS};
use crate::pipeline::{Project, Query};

/// Returns why a query cannot run live if it reads a table that grows, or a view over one.
pub async fn refusal(project: &Project, query: &Query, context: &SessionContext) -> Option<Refusal> {
    for name in project.beside(query).filter(|name| *name != LANDED_TICKS) {
        let (read, within) = if GROWING_TABLES.contains(&name) {
            (name.to_string(), "")
        } else if let Some(read) = under_view(name, context).await {
            (read, " through a view")
        } else {
            continue;
        };
        let reason =
            format!("it reads `{read}`{within}, which grows, so that rows of now would differ from those of batch");
        return Some(Refusal { reason, words: vec![name.into()] });
    }
    None
}

/// Returns the first table that grows and that a view reads.
async fn under_view(name: &str, context: &SessionContext) -> Option<String> {
    let provider = context.table_provider(name).await.ok()?;
    let plan = provider.get_logical_plan()?;
    let mut found = None;
    plan.apply_with_subqueries(|part| {
        if let LogicalPlan::TableScan(scan) = part
            && GROWING_TABLES.contains(&scan.table_name.table())
        {
            found = Some(scan.table_name.table().to_string());
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .ok()?;
    found
}
