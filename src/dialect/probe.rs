//! Words whose meaning depends on the columns of tables.
//!
//! In: a statement. Out: the same statement without these words. Each word is one file with a [`Need`]: it says what it asks of the
//! engine, and writes the answer into the syntax tree.

use std::ops::ControlFlow;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, TableReference};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::collect;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, Ident, Query, Statement as Ast};

use super::scopes::{Part, Scope, walk};
use super::{columns, natural, order_all, order_names, pivot, set_all, star_options};
use crate::error::Refused;

/// Every such word, in the order in which they are written out.
const NEEDS: &[&Need] = &[
    &natural::NEED,
    &pivot::NEED,
    &columns::NEED,
    &star_options::NEED,
    &set_all::NEED,
    &order_all::NEED,
    &order_names::NEED,
];

/// A word of this kind.
pub struct Need {
    /// Returns what the word asks if a part has it.
    pub asks: fn(&Part, &Scope) -> Option<Vec<Ask>>,
    /// Writes the answers into the part, which then does not have the word any more.
    pub write: fn(Part, &[Answer]) -> std::result::Result<(), Refused>,
}

/// A question to the engine.
pub struct Ask {
    pub query: Query,
    /// Whether the query's rows are wanted, not only its columns.
    pub rows: bool,
}

/// The columns of a query with their types, and the values of the first one if they are wanted.
#[derive(Debug)]
pub struct Answer {
    pub columns: Vec<(Option<TableReference>, String)>,
    pub types: Vec<DataType>,
    pub values: Vec<ScalarValue>,
}

impl Answer {
    /// Returns a column as it is written in SQL.
    pub fn column(&self, index: usize) -> Expr {
        let (table, name) = &self.columns[index];
        let quoted = |name: &str| Ident::with_quote('"', name);
        match table {
            Some(table) => {
                Expr::CompoundIdentifier(table.to_vec().iter().chain([name]).map(|name| quoted(name)).collect())
            }
            None => Expr::Identifier(quoted(name)),
        }
    }
}

/// Writes out every such word of a statement.
///
/// # Errors
/// A table's columns cannot be found, or do not fit the word.
pub async fn expand(state: &SessionState, statement: &mut Ast) -> Result<()> {
    write_out(state, statement, NEEDS).await
}

/// Writes out some words of a statement.
///
/// # Errors
/// A table's columns cannot be found, or do not fit the word.
pub async fn write_out(state: &SessionState, statement: &mut Ast, needs: &[&Need]) -> Result<()> {
    for need in needs {
        while let Some(asks) = first(statement, need) {
            let mut answers = Vec::with_capacity(asks.len());
            for ask in asks {
                answers.push(answer(state, ask).await?);
            }
            write(statement, need, &answers).map_err(|refused| DataFusionError::External(Box::new(refused)))?;
        }
    }
    Ok(())
}

fn first(statement: &mut Ast, need: &Need) -> Option<Vec<Ask>> {
    let mut found = None;
    // The walk ends at the first part with the word.
    let _ = walk(statement, &mut |part, scope| {
        found = (need.asks)(&part, scope);
        if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    found
}

fn write(statement: &mut Ast, need: &Need, answers: &[Answer]) -> std::result::Result<(), Refused> {
    let mut written = Ok(());
    // The walk is the same as before, so it ends at the same part.
    let _ = walk(statement, &mut |part, scope| {
        if (need.asks)(&part, scope).is_none() {
            return ControlFlow::Continue(());
        }
        written = (need.write)(part, answers);
        ControlFlow::Break(())
    });
    written
}

/// Asks the engine.
///
/// # Errors
/// The query cannot be planned, or its rows cannot be read.
pub async fn answer(state: &SessionState, ask: Ask) -> Result<Answer> {
    let plan = super::plan(state, Statement::Statement(Box::new(Ast::Query(Box::new(ask.query))))).await?;
    let columns = plan.schema().iter().map(|(table, field)| (table.cloned(), field.name().clone())).collect();
    let types = plan.schema().fields().iter().map(|field| field.data_type().clone()).collect();
    let mut values = Vec::new();
    if ask.rows {
        let batches = rows(state, &plan).await.map_err(|error| {
            let message = format!(
                "PIVOT … IN (ANY) asks for the values when the query is planned, and they cannot be read here: {}",
                error.find_root().message()
            );
            let hint = Some("write the values: IN ('buy', 'sell')".into());
            DataFusionError::External(Box::new(Refused { message, hint }))
        })?;
        for batch in batches {
            for row in 0..batch.num_rows() {
                values.push(ScalarValue::try_from_array(batch.column(0), row)?);
            }
        }
    }
    Ok(Answer { columns, types, values })
}

async fn rows(state: &SessionState, plan: &LogicalPlan) -> Result<Vec<RecordBatch>> {
    collect(state.create_physical_plan(plan).await?, state.task_ctx()).await
}
