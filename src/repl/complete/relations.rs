//! The columns of what a statement reads, found by planning.

use datafusion::prelude::SessionContext;
use tokio::runtime::Handle;

use super::context::{Relation, Surroundings};
use crate::dialect;

/// Returns the columns of the relations that a statement reads, or of one of them, in the order of the relations. What cannot
/// be planned has no columns.
pub fn columns(context: &SessionContext, around: &Surroundings<'_>, wanted: Option<&str>) -> Vec<String> {
    let mut columns = Vec::new();
    for relation in &around.relations {
        if wanted.is_none_or(|wanted| relation.name.eq_ignore_ascii_case(wanted)) {
            columns.extend(of(context, &query(around, relation)));
        }
    }
    if columns.is_empty()
        && let Some(table) = wanted
    {
        // A table that the statement is going to read.
        columns = of(context, &format!("SELECT * FROM {table}"));
    }
    columns
}

/// Returns a query for all columns of a relation.
fn query(around: &Surroundings<'_>, relation: &Relation<'_>) -> String {
    let with = around.common.iter().rev().find(|(name, _)| *name == relation.text).or(around.common.last());
    format!("{} SELECT * FROM {}", with.map_or("", |(_, text)| text), relation.text)
}

fn of(context: &SessionContext, query: &str) -> Vec<String> {
    // The line editor asks on a thread that may wait.
    let planned = Handle::current().block_on(async { dialect::plan_text(&context.state(), query).await });
    match planned {
        Ok(plan) => plan.schema().fields().iter().map(|field| field.name().clone()).collect(),
        Err(_) => Vec::new(),
    }
}
