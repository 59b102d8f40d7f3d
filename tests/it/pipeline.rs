//! The SQL project: loading, its errors, running, lint, audits and tests; and the shipped queries against reference outputs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use squall::pipeline::{Parameters, Project};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn parameters() -> Parameters {
    let settings = squall::config::resolve(None, [], &[]).unwrap().settings;
    let values = settings.parameters.into_iter();
    values.map(|(name, value)| (name, serde_json::to_value(value).unwrap())).collect()
}

/// The landed table's columns, as the design fixes them.
fn landed_schema() -> Schema {
    let time = || DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    let numbers = |names: &str| names.split(' ').map(|n| Field::new(n, DataType::Float64, true)).collect::<Vec<_>>();
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let mut fields = vec![text("product_id")];
    fields.extend(["ts", "event_time", "ingest_time"].map(|name| Field::new(name, time(), true)));
    fields
        .extend(numbers("price best_bid best_bid_quantity best_ask best_ask_quantity volume_24_h low_24_h high_24_h"));
    fields.extend(numbers("low_52_w high_52_w price_percent_chg_24_h"));
    fields.extend([text("side"), Field::new("last_size", DataType::Float64, true)]);
    fields.extend([Field::new("sequence_num", DataType::Int64, true), text("connection"), text("status")]);
    fields
        .extend([Field::new("log_partition", DataType::Int32, true), Field::new("log_offset", DataType::Int64, true)]);
    Schema::new(fields)
}

/// A session whose table of landed ticks is empty.
fn empty_session() -> SessionContext {
    let context = SessionContext::new();
    let table = MemTable::try_new(Arc::new(landed_schema()), vec![vec![]]).unwrap();
    context.register_table("landed_ticks", Arc::new(table)).unwrap();
    context
}

fn shipped() -> Project {
    Project::load(&root().join("sql"), &parameters()).unwrap()
}

#[tokio::test]
async fn the_shipped_project_holds_its_own_tests() {
    let (project, context) = (shipped(), empty_session());
    let tables = tempfile::tempdir().unwrap();
    project.register(&context, tables.path()).await.unwrap();
    let outcomes = project.test(&context).await.unwrap();
    let failures: Vec<String> = outcomes
        .iter()
        .filter_map(|outcome| {
            let failure = outcome.failure.as_ref()?;
            Some(format!("{} {}: {failure}", outcome.place, outcome.case))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(outcomes.len() >= 10, "only {} cases ran", outcomes.len());
}
