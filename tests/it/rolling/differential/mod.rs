//! The same answers as DataFusion's own operators, over generated tables, frames and orders.
//!
//! Results that are counted, picked or interpolated are compared bit by bit with DataFusion's answer ("stock"). Rounded
//! results are compared with an exact computation over the rows that stock says are in the frame. Where stock never
//! retracts, they are also compared with stock's answer.

mod oracle;
mod queries;
mod rows;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{Field, Float64Type, Int64Type};
use datafusion::execution::SessionStateBuilder;
use datafusion::optimizer::OptimizerRule;
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::simplify_expressions::SimplifyExpressions;
use datafusion::physical_plan::{collect, displayable};
use datafusion::prelude::SessionContext;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use squall::rolling;
use tokio::runtime::Runtime;

use self::oracle::{Expected, expected};
use self::queries::{Call, Query, queries};
use self::rows::{Row, rows, table};
use super::{Setup, query, register, session};

/// The rounding errors of the exact computation and of the kernels together are smaller than this, relatively: 4.5 to 9
/// units in the last place.
const TOLERANCE: f64 = 1e-15;

/// The rounding errors of stock, which adds up a few dozen terms, are smaller than this share of the terms' size.
const STOCK_TOLERANCE: f64 = 1e-11;

/// The number of cases in each test.
const CASES: u32 = 550;

struct Sessions {
    runtime: Runtime,
    stock: SessionContext,
    rolling: SessionContext,
    setup: Setup,
}

/// Compares many cases; stock always reads one partition in one batch.
fn compare(partitions: usize, batch_size: usize) {
    let setup = Setup { rolling: true, partitions, batch_size };
    let sessions = Sessions {
        runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"),
        stock: lean(Setup { rolling: false, partitions: 1, batch_size: 8192 }),
        rolling: lean(setup),
        setup,
    };
    let seed = RngSeed::Fixed((partitions * 10_000 + batch_size) as u64);
    let config =
        Config { cases: CASES, rng_seed: seed, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let case = (rows(), queries()).prop_map(|(rows, query)| {
        let (stock, rolling) = (query.sql(true), query.sql(false));
        (rows, query, stock, rolling)
    });
    TestRunner::new(config)
        .run(&case, |(rows, query, stock, rolling)| {
            sessions.compare(&rows, &query, &stock, &rolling);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{partitions} partitions, batches of {batch_size}: {error}"));
}

/// Opens a session with only the optimizer rules that it needs, because planning takes most of the time here.
fn lean(setup: Setup) -> SessionContext {
    let rules: Vec<Arc<dyn OptimizerRule + Send + Sync>> =
        vec![Arc::new(SimplifyExpressions::new()), Arc::new(OptimizeProjections::new()), rolling::logical_rule()];
    let state = session(setup).state();
    let taken = ["OutputRequirements", "EnsureRequirements", "SanityCheckPlan", "squall_rolling_windows"];
    let physical =
        state.physical_optimizers().iter().filter(|rule| taken.contains(&rule.name())).map(Arc::clone).collect();
    let builder = SessionStateBuilder::new_from_existing(state)
        .with_optimizer_rules(rules)
        .with_physical_optimizer_rules(physical);
    SessionContext::new_with_state(builder.build())
}

impl Sessions {
    fn compare(&self, rows: &[Row], calls: &Query, stock_sql: &str, rolling_sql: &str) {
        let table = table(rows);
        for (context, partitions, size) in
            [(&self.stock, 1, 8192), (&self.rolling, self.setup.partitions, self.setup.batch_size)]
        {
            context.deregister_table("data").expect("the catalog is in memory");
            register(context, "data", &table, partitions, size);
        }
        let stock = self.runtime.block_on(query(&self.stock, stock_sql));
        let rolling = self.runtime.block_on(self.run_rolling(rolling_sql));
        assert_eq!(&stock["id"], &rolling["id"], "{rolling_sql}");
        let frames = frames(calls, &stock);
        for (index, call) in calls.calls.iter().enumerate() {
            let name = format!("c{index}");
            assert_eq!(field(&stock, &name), field(&rolling, &name), "{rolling_sql}");
            let (stock, rolling) = (&stock[name.as_str()], &rolling[name.as_str()]);
            let Call::Rounded(aggregate, window) = call else {
                assert_eq!(stock, rolling, "{call:?} of {rolling_sql}");
                continue;
            };
            let (stock, rolling) = (stock.as_primitive::<Float64Type>(), rolling.as_primitive::<Float64Type>());
            for (row, (stock, found)) in stock.iter().zip(rolling).enumerate() {
                let members = frames[window][row].iter().map(|id| &rows[*id]);
                let members = members.filter(|row| !aggregate.filtered || row.b == Some(true));
                let pairs = members.map(|row| (row.number(aggregate.first), row.number(aggregate.second)));
                let expected = expected(aggregate.name, pairs);
                let what = || {
                    format!(
                        "{aggregate:?} of row {row}: {found:?} of {expected:?}; {stock:?} is stock's\n{rolling_sql}"
                    )
                };
                assert!(is_right(found, &expected), "{}", what());
                if calls.windows[*window].only_grows && expected.finite {
                    assert!(is_near(found, stock, &expected), "{}", what());
                }
            }
        }
    }

    async fn run_rolling(&self, sql: &str) -> RecordBatch {
        let frame = self.rolling.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let plan = frame.create_physical_plan().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let shown = displayable(plan.as_ref()).indent(false).to_string();
        // Stock may compute a function that it has reversed to match the order of another window.
        assert!(shown.contains("RollingWindowExec"), "{sql}\n{shown}");
        let schema = plan.schema();
        let batches = collect(plan, self.rolling.task_ctx()).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        concat_batches(&schema, &batches).expect("batches share a schema")
    }
}

fn field(batch: &RecordBatch, name: &str) -> Field {
    batch.schema().field_with_name(name).expect("every call has a column").clone()
}

/// Reads which rows are in the frames of the windows that are needed, by the index of the window.
fn frames(calls: &Query, stock: &RecordBatch) -> HashMap<usize, Vec<Vec<usize>>> {
    let mut frames = HashMap::new();
    for call in &calls.calls {
        let Call::Rounded(_, window) = call else { continue };
        frames.entry(*window).or_insert_with(|| {
            let lists = stock[format!("w{window}").as_str()].as_list::<i32>();
            lists
                .iter()
                .map(|ids| match ids {
                    Some(ids) => ids.as_primitive::<Int64Type>().values().iter().map(|id| *id as usize).collect(),
                    None => Vec::new(),
                })
                .collect()
        });
    }
    frames
}

fn is_right(found: Option<f64>, expected: &Expected) -> bool {
    match (found, expected.value) {
        (Some(found), Some(exact)) => {
            found == exact || (found.is_nan() && exact.is_nan()) || (found - exact).abs() <= TOLERANCE * exact.abs()
        }
        (found, exact) => found.is_none() && exact.is_none(),
    }
}

fn is_near(found: Option<f64>, stock: Option<f64>, expected: &Expected) -> bool {
    match (found, stock) {
        (Some(found), Some(stock)) => {
            (found - stock).abs() <= STOCK_TOLERANCE * expected.scale.max(found.abs())
                // A variance of 0 may be computed as the square of a rounding error.
                || (found - stock).abs() <= STOCK_TOLERANCE.sqrt() * expected.scale && found.abs() < expected.scale * 1e-6
        }
        (found, stock) => found.is_none() && stock.is_none(),
    }
}

#[test]
fn one_partition_in_one_batch() {
    compare(1, 8192);
}

#[test]
fn one_partition_in_batches_of_one_row() {
    compare(1, 1);
}

#[test]
fn one_partition_in_batches_of_seven_rows() {
    compare(1, 7);
}

#[test]
fn four_partitions_in_batches_of_two_rows() {
    compare(4, 2);
}
