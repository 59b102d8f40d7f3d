//! The table `feed_events`: one row for each event on a connection of `squall ingest`.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::common::Result;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::listing::ListingOptions;
use datafusion::prelude::SessionContext;

/// Registers the table over a folder of `YYYYMMDD.ndjson` files; without the folder it has no rows.
pub async fn register(context: &SessionContext, dir: &Path) -> Result<()> {
    let options = ListingOptions::new(Arc::new(JsonFormat::default())).with_file_extension(".ndjson");
    // Without the closing slash, a path that does not exist yet would be taken for a file.
    let folder = format!("{}/", std::path::absolute(dir)?.display());
    context.register_listing_table("feed_events", folder, options, Some(schema()), None).await
}

fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    let columns = [
        ("time", time),
        ("connection", DataType::Utf8),
        ("kind", DataType::Utf8),
        ("product_id", DataType::Utf8),
        ("expected", DataType::Int64),
        ("got", DataType::Int64),
        ("silence_ms", DataType::Int64),
        ("wait_ms", DataType::Int64),
        ("attempt", DataType::Int64),
        ("reason", DataType::Utf8),
    ];
    Arc::new(Schema::new(columns.map(|(name, data_type)| Field::new(name, data_type, true)).to_vec()))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::pretty::pretty_format_batches;

    use super::*;

    async fn query(dir: &Path) -> String {
        let context = SessionContext::new();
        register(&context, dir).await.expect("registered");
        let sql = "SELECT time, kind, got - expected AS missing, reason FROM feed_events ORDER BY time";
        let rows = context.sql(sql).await.expect("planned").collect().await.expect("read");
        pretty_format_batches(&rows).expect("printed").to_string()
    }

    #[tokio::test]
    async fn events_are_rows_and_no_folder_is_no_rows() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        assert!(!query(&dir.path().join("none")).await.contains("gap"));
        let row = r#"{"time":"2026-01-05T00:00:01.000000002Z","connection":"c","kind":"gap","expected":3,"got":5,"silence_ms":null,"wait_ms":null,"attempt":null,"reason":null}"#;
        std::fs::write(dir.path().join("20260105.ndjson"), format!("{row}\n")).expect("written");
        let table = query(dir.path()).await;
        assert!(table.contains("| 2026-01-05T00:00:01.000000002Z | gap  | 2       |"), "{table}");
    }
}
