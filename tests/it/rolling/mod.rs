//! Rolling windows: the same answers as DataFusion's operators, but exact, frame-determined and immediate.

mod determined;
mod differential;
mod exact;
mod functions;
mod plans;
mod presorted;
mod sections;
mod streaming;
mod table;

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::catalog::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::prelude::{SessionConfig, SessionContext};
use squall::rolling::{self, Settings};

/// How a test session runs.
#[derive(Debug, Clone, Copy)]
struct Setup {
    rolling: bool,
    partitions: usize,
    batch_size: usize,
}

const ROLLING: Setup = Setup { rolling: true, partitions: 1, batch_size: 8192 };

fn session(setup: Setup) -> SessionContext {
    session_with(setup, Arc::new(RuntimeEnv::default()))
}

fn session_with(setup: Setup, runtime: Arc<RuntimeEnv>) -> SessionContext {
    let mut settings = Settings::default();
    settings.rolling.enabled = setup.rolling;
    // Small, so that tables of a few hundred rows are cut into sections.
    settings.rolling.section_rows = 30;
    let config = SessionConfig::new()
        .with_target_partitions(setup.partitions)
        .with_batch_size(setup.batch_size)
        .with_option_extension(settings);
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_default_features()
        .with_optimizer_rule(rolling::logical_rule())
        .with_physical_optimizer_rule(rolling::rule())
        .build();
    let context = SessionContext::new_with_state(state);
    squall::catalog::FUNCTIONS.register(&context, "no/models/here".as_ref());
    context
}

/// Splits a table into batches of `size` rows, distributed over `partitions`.
fn register(context: &SessionContext, name: &str, table: &RecordBatch, partitions: usize, size: usize) {
    let mut dealt = vec![Vec::new(); partitions];
    for (index, start) in (0..table.num_rows()).step_by(size).enumerate() {
        dealt[index % partitions].push(table.slice(start, size.min(table.num_rows() - start)));
    }
    let memory = MemTable::try_new(table.schema(), dealt).expect("the batches have the table's schema");
    context.register_table(name, Arc::new(memory)).expect("the name is free");
}

async fn query(context: &SessionContext, sql: &str) -> RecordBatch {
    let frame = context.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let schema = Arc::clone(frame.schema().inner());
    let batches = frame.collect().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    concat_batches(&schema, &batches).expect("batches share a schema")
}

async fn plan(context: &SessionContext, sql: &str) -> String {
    let frame = context.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let plan = frame.create_physical_plan().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    datafusion::physical_plan::displayable(plan.as_ref()).indent(false).to_string()
}

/// Writes `BETWEEN … AND …`. Each bound is one of four kinds, listed in the order in which they follow each other. Frames
/// that SQL does not allow are corrected: a frame never ends in an earlier kind than it starts in, and of two bounds of the
/// same kind the first is not after the second.
fn between((from, to): (usize, usize), offsets: (u32, u32), offset: impl Fn(u32) -> String) -> String {
    let offsets = match (from, offsets.0 <= offsets.1) {
        (1, true) | (3, false) => (offsets.1, offsets.0),
        _ => offsets,
    };
    let start = [
        "UNBOUNDED PRECEDING".to_owned(),
        format!("{} PRECEDING", offset(offsets.0)),
        "CURRENT ROW".to_owned(),
        format!("{} FOLLOWING", offset(offsets.0)),
    ];
    let end = [
        format!("{} PRECEDING", offset(offsets.1)),
        "CURRENT ROW".to_owned(),
        format!("{} FOLLOWING", offset(offsets.1)),
        "UNBOUNDED FOLLOWING".to_owned(),
    ];
    format!("BETWEEN {} AND {}", start[from], end[to.max(from.saturating_sub(1))])
}
