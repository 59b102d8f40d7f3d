//! On an unbounded input, a row leaves as soon as its frame is complete. If the frame only looks back, it leaves in the same
//! poll.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use datafusion::arrow::array::{
    ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::SortExpr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::{SessionContext, col};
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::{FutureExt, StreamExt};
use squall::rolling::STRICTLY_INCREASING;

use super::{Setup, plan, query, register, session};

/// A channel's receiving end, as a table partition that can be read once.
struct Feed {
    schema: SchemaRef,
    receiver: Mutex<Option<UnboundedReceiver<RecordBatch>>>,
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Feed")
    }
}

impl PartitionStream for Feed {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let receiver = self.receiver.lock().expect("no test panics while it holds the lock").take();
        let batches = receiver.expect("a feed is read once").map(Ok);
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

fn schema(strictly_increasing: bool) -> SchemaRef {
    let ts = Field::new("ts", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false);
    let metadata = HashMap::from([(STRICTLY_INCREASING.to_owned(), "p".to_owned())]);
    let ts = if strictly_increasing { ts.with_metadata(metadata) } else { ts };
    Arc::new(Schema::new(vec![Field::new("p", DataType::Utf8, false), ts, Field::new("x", DataType::Float64, true)]))
}

fn batch(schema: &SchemaRef, rows: &[(&str, i64, f64)]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))),
        Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.1)).with_timezone("UTC")),
        Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.2))),
    ];
    RecordBatch::try_new(Arc::clone(schema), columns).expect("the columns fit the schema")
}

fn live(schema: &SchemaRef) -> (SessionContext, UnboundedSender<RecordBatch>) {
    live_sorted_by(schema, vec![col("ts").sort(true, false)])
}

fn live_sorted_by(schema: &SchemaRef, order: Vec<SortExpr>) -> (SessionContext, UnboundedSender<RecordBatch>) {
    let (sender, receiver) = unbounded();
    let feed = Feed { schema: Arc::clone(schema), receiver: Mutex::new(Some(receiver)) };
    let table = StreamingTable::try_new(Arc::clone(schema), vec![Arc::new(feed)])
        .expect("the partition has the table's schema")
        .with_infinite_table(true)
        .with_sort_order(order);
    let context = session(Setup { rolling: true, partitions: 1, batch_size: 8192 });
    context.register_table("data", Arc::new(table)).expect("the name is free");
    (context, sender)
}

const BACK: &str = "SELECT p, ts, x, x - lag(x) OVER (PARTITION BY p ORDER BY ts) AS change, \
    stddev_samp(x) OVER back AS deviation, min(x) OVER back AS low, count(*) OVER back AS n, \
    realized_volatility(x) OVER back AS volatility, bipower_variation(x) OVER back AS bipower, \
    ewma(x, INTERVAL '2 seconds') OVER back AS decayed, ewma(x, INTERVAL '1 second') OVER (PARTITION BY p ORDER BY ts) AS all_decayed, \
    tick_imbalance(x) OVER back AS imbalance, max_gap(ts) OVER back AS gap, time_weighted_avg(x, ts) OVER back AS held FROM data \
    WINDOW back AS (PARTITION BY p ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW)";

const AHEAD: &str = "SELECT p, ts, max(x) OVER (PARTITION BY p ORDER BY ts \
    RANGE BETWEEN CURRENT ROW AND INTERVAL '10 seconds' FOLLOWING) AS high FROM data";

fn rows(count: i64) -> Vec<(&'static str, i64, f64)> {
    (0..count)
        .map(|row| (["a", "b"][(row * row % 3 % 2) as usize], row * 700_000, ((row * 37) % 101) as f64 / 8.0))
        .collect()
}

#[tokio::test]
async fn a_row_that_looks_back_leaves_in_the_poll_that_brought_it() {
    let schema = schema(true);
    let (context, sender) = live(&schema);
    let shown = plan(&context, BACK).await;
    assert!(shown.contains("RollingWindowExec") && !shown.contains("SortExec"), "{shown}");
    let mut output = context.sql(BACK).await.expect("it plans").execute_stream().await.expect("it starts");
    assert!(output.next().now_or_never().is_none(), "nothing comes of nothing");
    let mut found = Vec::new();
    for row in rows(60) {
        sender.unbounded_send(batch(&schema, &[row])).expect("the query listens");
        let batch = output.next().now_or_never().expect("the row leaves at once").expect("the stream goes on");
        found.push(batch.expect("the query runs"));
    }
    let found = datafusion::arrow::compute::concat_batches(&output.schema(), &found).expect("one schema");
    let bounded = session(Setup { rolling: true, partitions: 1, batch_size: 8192 });
    register(&bounded, "data", &batch(&schema, &rows(60)), 1, 8192);
    let expected = query(&bounded, &format!("SELECT * FROM ({BACK}) ORDER BY ts")).await;
    assert_eq!(expected.columns(), found.columns(), "live and at rest give the same bits");
}

#[tokio::test]
async fn a_row_that_looks_ahead_leaves_when_time_has_passed_its_frame() {
    let schema = schema(true);
    let (context, sender) = live(&schema);
    let mut output = context.sql(AHEAD).await.expect("it plans").execute_stream().await.expect("it starts");
    for (row, seconds) in [("a", 0), ("a", 4), ("a", 10)] {
        sender
            .unbounded_send(batch(&schema, &[(row, seconds * 1_000_000, seconds as f64)]))
            .expect("the query listens");
        assert!(
            output.next().now_or_never().is_none(),
            "the frame of the row at 0 s ends at 10 s, and may go on there"
        );
    }
    // A row of another partition shows that time has passed.
    sender.unbounded_send(batch(&schema, &[("b", 10_000_001, 0.5)])).expect("the query listens");
    let batch = output.next().now_or_never().expect("a row is complete").expect("the stream goes on").expect("it runs");
    assert_eq!(batch.num_rows(), 1);
    assert_eq!(batch["high"].as_primitive::<Float64Type>().value(0), 10.0);
}

#[tokio::test]
async fn without_the_declaration_a_row_waits_for_its_peers() {
    let schema = schema(false);
    let (context, sender) = live(&schema);
    let mut output = context.sql(BACK).await.expect("it plans").execute_stream().await.expect("it starts");
    sender.unbounded_send(batch(&schema, &[("a", 0, 1.0)])).expect("the query listens");
    assert!(output.next().now_or_never().is_none(), "the next row may have the same time");
    sender.unbounded_send(batch(&schema, &[("a", 0, 2.0), ("a", 1, 3.0)])).expect("the query listens");
    let batch =
        output.next().now_or_never().expect("two rows are complete").expect("the stream goes on").expect("it runs");
    assert_eq!(batch.num_rows(), 2);
    assert_eq!(batch["low"].as_primitive::<Float64Type>().values().as_ref(), [1.0, 1.0]);
}

#[tokio::test]
async fn input_that_breaks_its_declaration_is_refused() {
    let schema = schema(true);
    let (context, sender) = live(&schema);
    let mut output = context.sql(BACK).await.expect("it plans").execute_stream().await.expect("it starts");
    sender.unbounded_send(batch(&schema, &[("a", 5, 1.0), ("a", 5, 2.0)])).expect("the query listens");
    let error =
        output.next().now_or_never().expect("it ends at once").expect("with an error").expect_err("it is refused");
    assert!(error.to_string().contains("declared distinct"), "{error}");
}

#[tokio::test]
async fn partitions_may_be_interleaved_within_sections_of_the_order() {
    // The days are in order; inside a day, products are in the order of time.
    let ts = Field::new("ts", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false);
    let fields = [
        Field::new("day", DataType::Int64, false),
        Field::new("p", DataType::Utf8, false),
        ts,
        Field::new("x", DataType::Float64, true),
    ];
    let schema = Arc::new(Schema::new(fields.to_vec()));
    let rows: Vec<(i64, &str, i64)> =
        (0..200).map(|row: i64| (row / 9, ["a", "b", "c"][(row * row % 7 % 3) as usize], row % 9 * 700_000)).collect();
    let batch = |rows: &[(i64, &str, i64)]| {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.1))),
            Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.2)).with_timezone("UTC")),
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| (row.0 * 31 + row.2 / 100_000) as f64))),
        ];
        RecordBatch::try_new(Arc::clone(&schema), columns).expect("the columns fit the schema")
    };
    let sql = "SELECT day, p, ts, sum(x) OVER w AS total, count(*) OVER w AS n, lead(x) OVER (PARTITION BY day, p ORDER BY ts) AS next \
        FROM data WINDOW w AS (PARTITION BY day, p ORDER BY ts RANGE BETWEEN INTERVAL '2 seconds' PRECEDING AND CURRENT ROW)";
    let order = vec![col("day").sort(true, false), col("ts").sort(true, false)];
    let (context, sender) = live_sorted_by(&schema, order);
    let shown = plan(&context, sql).await;
    assert!(shown.contains("RollingWindowExec") && !shown.contains("SortExec"), "{shown}");
    let output = context.sql(sql).await.expect("it plans").execute_stream().await.expect("it starts");
    for rows in rows.chunks(7) {
        sender.unbounded_send(batch(rows)).expect("the query listens");
    }
    drop(sender);
    let schema = output.schema();
    let found: Vec<RecordBatch> = output.map(|batch| batch.expect("the query runs")).collect().await;
    let found = datafusion::arrow::compute::concat_batches(&schema, &found).expect("one schema");
    let stock = session(Setup { rolling: false, partitions: 1, batch_size: 8192 });
    register(&stock, "data", &batch(&rows), 1, 8192);
    let expected = query(&stock, &format!("SELECT * FROM ({sql}) ORDER BY day, ts, p")).await;
    assert_eq!(expected.columns(), found.columns());
}

#[tokio::test]
async fn many_partitions_in_the_order_of_time_give_the_same_bits() {
    let schema = schema(true);
    // 97 partitions in no particular order, in batches of several sizes.
    let names: Vec<String> = (0..97).map(|name| format!("p{name}")).collect();
    let rows: Vec<(&str, i64, f64)> = (0..1500)
        .map(|row: i64| {
            let name = names[(row * row % 1009 % 97) as usize].as_str();
            (name, row * 90_000, ((row * 37) % 101) as f64 / 8.0)
        })
        .collect();
    for sql in [BACK, AHEAD] {
        let (context, sender) = live(&schema);
        let output = context.sql(sql).await.expect("it plans").execute_stream().await.expect("it starts");
        let (mut from, mut size) = (0, 1);
        while from < rows.len() {
            let to = (from + size).min(rows.len());
            sender.unbounded_send(batch(&schema, &rows[from..to])).expect("the query listens");
            (from, size) = (to, size * 7 % 131);
        }
        drop(sender);
        let live_schema = output.schema();
        let found: Vec<RecordBatch> = output.map(|batch| batch.expect("the query runs")).collect().await;
        let found = datafusion::arrow::compute::concat_batches(&live_schema, &found).expect("one schema");
        let bounded = session(Setup { rolling: true, partitions: 1, batch_size: 8192 });
        register(&bounded, "data", &batch(&schema, &rows), 1, 8192);
        let expected = query(&bounded, &format!("SELECT * FROM ({sql}) ORDER BY ts")).await;
        assert_eq!(expected.columns(), found.columns(), "{sql}");
    }
}
