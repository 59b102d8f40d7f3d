//! Tables over folders of NDJSON files: `feed_events`, one row for each event on a connection of `squall ingest`, and
//! `dead_letters`, one row for each message that landing could not read.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::common::Result;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::prelude::{DataFrame, SessionContext, ident};

use crate::text::is_address;

/// A table over a folder.
pub struct Table {
    pub name: &'static str,
    /// The key of each column in the files, its name in the table, and its type.
    columns: &'static [(&'static str, &'static str, Type)],
}

/// The type of a column.
#[derive(Clone, Copy)]
enum Type {
    /// A time, UTC, as text or in nanoseconds since 1970.
    Time,
    Text,
    Integer,
}

/// Gaps, silences and reconnections.
pub const FEED_EVENTS: Table = Table {
    name: "feed_events",
    columns: &[
        ("time", "time", Type::Time),
        ("connection", "connection", Type::Text),
        ("kind", "kind", Type::Text),
        ("product_id", "product_id", Type::Text),
        ("expected", "expected", Type::Integer),
        ("got", "got", Type::Integer),
        ("silence_ms", "silence_ms", Type::Integer),
        ("wait_ms", "wait_ms", Type::Integer),
        ("attempt", "attempt", Type::Integer),
        ("reason", "reason", Type::Text),
    ],
};

/// Messages that could not be read, with the reason.
pub const DEAD_LETTERS: Table = Table {
    name: "dead_letters",
    columns: &[
        ("topic", "topic", Type::Text),
        ("partition", "log_partition", Type::Integer),
        ("offset", "log_offset", Type::Integer),
        ("ingest_time", "ingest_time", Type::Time),
        ("connection", "connection", Type::Text),
        ("reason", "reason", Type::Text),
        ("payload", "payload", Type::Text),
        ("payload_hex", "payload_hex", Type::Text),
    ],
};

impl Table {
    /// Registers the table over a folder of `.ndjson` files; without the folder it has no rows.
    pub fn register(&self, context: &SessionContext, dir: &Path) -> Result<()> {
        let options = ListingOptions::new(Arc::new(JsonFormat::default())).with_file_extension(".ndjson");
        // Without the closing slash, a path that does not exist yet would be taken for a file.
        let folder = match dir.to_str().filter(|text| is_address(text)) {
            Some(address) => format!("{}/", address.trim_end_matches('/')),
            None => format!("{}/", std::path::absolute(dir)?.display()),
        };
        let folder = ListingTableUrl::parse(folder)?;
        let fields = self.columns.iter().map(|(key, _, of)| Field::new(*key, of.data_type(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let config = ListingTableConfig::new(folder).with_listing_options(options).with_schema(schema);
        let files = provider_as_source(Arc::new(ListingTable::try_new(config)?));
        let columns = self.columns.iter().map(|(key, name, _)| ident(*key).alias(*name));
        // Messages about a plan name the table that is scanned.
        let rows = LogicalPlanBuilder::scan(self.name, files, None)?.project(columns)?.build()?;
        context.register_table(self.name, DataFrame::new(context.state(), rows).into_view())?;
        Ok(())
    }
}

impl Type {
    fn data_type(self) -> DataType {
        match self {
            Type::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
            Type::Text => DataType::Utf8,
            Type::Integer => DataType::Int64,
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::pretty::pretty_format_batches;

    use super::*;

    async fn query(dir: &Path) -> String {
        let context = SessionContext::new();
        FEED_EVENTS.register(&context, dir).expect("registered");
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

    #[tokio::test]
    async fn dead_letters_are_rows_with_the_times_at_which_they_came() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let row = r#"{"topic":"t","partition":1,"offset":7,"ingest_time":1767571201000000002,"connection":null,"reason":"why","payload_hex":"00"}"#;
        std::fs::write(dir.path().join("t-1-7-7.ndjson"), format!("{row}\n")).expect("written");
        let context = SessionContext::new();
        DEAD_LETTERS.register(&context, dir.path()).expect("registered");
        let rows = context.sql("SELECT * FROM dead_letters").await.expect("planned").collect().await.expect("read");
        let table = pretty_format_batches(&rows).expect("printed").to_string();
        let expected = "| t     | 1             | 7          | 2026-01-05T00:00:01.000000002Z |            | why    |         | 00          |";
        assert!(table.contains(expected), "{table}");
    }
}
