//! Criterion benchmarks of rolling windows: the kernels on slices, and the path of a row through the operator.
//!
//! `cargo bench --bench rolling`. docs/performance.md says how whole queries are measured against other engines.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::hint::black_box;
use std::sync::{Arc, Mutex};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use datafusion::arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::physical_plan::{displayable, execute_stream};
use datafusion::prelude::{SessionConfig, SessionContext, col};
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::{FutureExt, StreamExt};
use squall::rolling::measured::{
    Decay, DecayScan, Edge, Extremum, FramePointers, FrameSpec, Frames, HalfLife, Moments, Ordered, Pairs, Pointer,
    Powers, Quantile, Rank, Returns, Rows, Statistic, Units, Variation, Which,
};
use squall::rolling::{self, STRICTLY_INCREASING, Settings};

const ROWS: usize = 100_000;
const BATCH: usize = 8192;

/// The time between rows, in microseconds: five rows per second.
const SPACING: i64 = 200_000;

/// Returns numbers of the size of returns between ticks, from a linear congruential generator.
fn returns() -> Vec<f64> {
    let mut state = 1u64;
    (0..ROWS)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 11) as f64 / (1u64 << 53) as f64 - 0.5) * 1e-4
        })
        .collect()
}

/// Passes all rows through a frame that looks back; calls `answer` for each batch.
fn roll(seconds: i64, mut accept: impl FnMut(usize, usize), mut answer: impl FnMut(&Frames)) {
    let mut rows = Rows::new(false);
    rows.begin_partition();
    let spec = FrameSpec { units: Units::Keys, start: Edge::Offset(-seconds * 1_000_000), end: Edge::Offset(0) };
    let (mut frame, mut frames) = (FramePointers::new(spec), Frames::default());
    let mut done = 0;
    for start in (0..ROWS).step_by(BATCH) {
        let end = (start + BATCH).min(ROWS);
        let keys: Vec<i64> = (start..end).map(|row| row as i64 * SPACING).collect();
        rows.extend(keys.len(), &keys, false, &[]);
        accept(start, end);
        if end == ROWS {
            rows.close_partition();
        }
        let complete = frame.complete(&rows);
        frame.advance(&rows, done, complete, &mut frames);
        answer(&frames);
        rows.release(frame.oldest_coordinate(complete));
        done = complete;
    }
}

/// Measures keeping a column and computing one result per row, by the length of the frame.
fn column<C>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    make: impl Fn() -> C,
    extend: impl Fn(&mut C, &[f64], &[i64]),
    answer: impl Fn(&mut C, &Frames),
) {
    let (values, times) = (returns(), (0..ROWS as i64).map(|row| row * SPACING).collect::<Vec<_>>());
    for seconds in [10, 60, 300, 3600] {
        group.bench_function(BenchmarkId::new(name, seconds), |bencher| {
            bencher.iter(|| {
                let column = RefCell::new(make());
                roll(
                    seconds,
                    |start, end| extend(&mut column.borrow_mut(), &values[start..end], &times[start..end]),
                    |frames| answer(&mut column.borrow_mut(), frames),
                );
            });
        });
    }
}

/// Calls `answer` with each frame.
fn each<T>(frames: &Frames, mut answer: impl FnMut(usize, usize) -> T) {
    for (start, end) in frames.start.iter().zip(&frames.end) {
        black_box(answer(*start, *end));
    }
}

fn kernels(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel");
    group.throughput(Throughput::Elements(ROWS as u64));
    column(&mut group, "frames", || (), |_, _, _| (), |_, frames| each(frames, |start, end| end - start));
    column(
        &mut group,
        "avg",
        || Moments::new(Powers::Values),
        |moments, values, _| moments.extend(values, None),
        |moments, frames| each(frames, |start, end| moments.mean(start, end)),
    );
    column(
        &mut group,
        "stddev_samp",
        || Moments::new(Powers::ValuesAndSquares),
        |moments, values, _| moments.extend(values, None),
        |moments, frames| each(frames, |start, end| moments.variance::<true, true>(start, end)),
    );
    column(
        &mut group,
        "corr",
        Pairs::new,
        |pairs, values, times| {
            let others: Vec<f64> = times.iter().map(|time| (time % 1013) as f64).collect();
            pairs.extend(values, &others, &vec![true; values.len()]);
        },
        |pairs, frames| each(frames, |start, end| pairs.statistic(Statistic::Correlation, start, end)),
    );
    let ordered = |values: &[f64]| values.iter().map(|value| (value * 1e12) as i64).collect::<Vec<_>>();
    column(
        &mut group,
        "min",
        || (Ordered::new(), Extremum::new(Which::Least, false)),
        |(column, _), values, _| column.extend(&ordered(values), None),
        |(column, least), frames| {
            least.advance(column, frames, |key| {
                black_box(key);
            });
        },
    );
    column(
        &mut group,
        "median",
        || (Ordered::new(), Quantile::new(Rank::Median)),
        |(column, _), values, _| column.extend(&ordered(values), None),
        |(column, median), frames| {
            median.advance(
                column,
                frames,
                |key| key as f64,
                |value| {
                    black_box(value);
                },
            );
        },
    );
    column(
        &mut group,
        "realized_volatility",
        || (Returns::new(Variation::Realized), Pointer::default()),
        |(column, _), values, _| {
            let prices: Vec<f64> = values.iter().map(|value| 95_000.0 * (1.0 + value)).collect();
            column.extend(&prices, None);
        },
        |(column, pointer), frames| each(frames, |start, end| column.variation(pointer, start, end)),
    );
    let half_life = HalfLife::new(i128::from(30 * 5 * SPACING), 1).expect("the half-life is positive");
    column(
        &mut group,
        "ewma",
        || (Decay::new(half_life), DecayScan::default()),
        |(column, _), values, times| column.extend(values, times, &vec![true; values.len()]),
        |(column, scan), frames| each(frames, |start, end| column.mean(scan, start, end)),
    );
    group.finish();
}

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
        // Both hold in a benchmark, which has one thread and executes its query once.
        let receiver = self.receiver.lock().expect("no other thread").take().expect("one execution");
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), receiver.map(Ok)))
    }
}

/// The windows of `features.sql` without the label, which must wait for later rows: two operators, one above the other.
const LIVE: &str = "WITH quotes AS ( \
    SELECT product_id, ts, (best_bid + best_ask) / 2 AS midprice, best_ask - best_bid AS spread FROM ticks \
    ), returns AS ( \
    SELECT *, ln(midprice / lag(midprice) OVER (PARTITION BY product_id ORDER BY ts)) AS ret FROM quotes \
    ) SELECT product_id, ts, midprice, ret, spread, \
    stddev_samp(ret) OVER w10 AS vol_10s, stddev_samp(ret) OVER w60 AS vol_60s, stddev_samp(ret) OVER w300 AS vol_300s, \
    avg(spread) OVER w60 AS spread_60s, count(*) OVER w60 AS n_60s, min(midprice) OVER w60 AS low_60s, max(midprice) OVER w60 AS high_60s \
    FROM returns WINDOW \
    w10 AS (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW), \
    w60 AS (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW), \
    w300 AS (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '300 seconds' PRECEDING AND CURRENT ROW)";

/// A query over a live feed, and the other end of the feed.
struct Live {
    schema: SchemaRef,
    sender: UnboundedSender<RecordBatch>,
    output: SendableRecordBatchStream,
    row: i64,
}

impl Live {
    fn new() -> Self {
        let metadata = HashMap::from([(STRICTLY_INCREASING.to_owned(), "product_id".to_owned())]);
        let ts = Field::new("ts", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false);
        let fields = vec![
            Field::new("product_id", DataType::Utf8, false),
            ts.with_metadata(metadata),
            Field::new("best_bid", DataType::Float64, false),
            Field::new("best_ask", DataType::Float64, false),
        ];
        let schema = Arc::new(Schema::new(fields));
        let (sender, receiver) = unbounded();
        let feed = Feed { schema: Arc::clone(&schema), receiver: Mutex::new(Some(receiver)) };
        let table = StreamingTable::try_new(Arc::clone(&schema), vec![Arc::new(feed)])
            .expect("one schema")
            .with_infinite_table(true)
            .with_sort_order(vec![col("ts").sort(true, false)]);
        let state = SessionStateBuilder::new()
            .with_config(SessionConfig::new().with_target_partitions(1).with_option_extension(Settings::default()))
            .with_default_features()
            .with_optimizer_rule(rolling::logical_rule())
            .with_physical_optimizer_rule(rolling::rule())
            .build();
        let context = SessionContext::new_with_state(state);
        context.register_table("ticks", Arc::new(table)).expect("the name is free");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let plan = async {
            let plan = context.sql(LIVE).await?.create_physical_plan().await?;
            let shown = displayable(plan.as_ref()).indent(false).to_string();
            assert!(shown.contains("RollingWindowExec") && !shown.contains("WindowAggExec"), "{shown}");
            execute_stream(plan, context.task_ctx())
        };
        let output = runtime.block_on(plan).expect("it plans");
        Live { schema, sender, output, row: 0 }
    }

    /// Sends rows of several products in turn, and takes the rows that leave in the same poll, which is all of them.
    fn pass(&mut self, rows: i64, products: i64) {
        let from = self.row;
        self.row += rows;
        let bids: Vec<f64> = (from..self.row).map(|row| 95_000.0 + (row * 37 % 101) as f64 / 100.0).collect();
        let asks = (from..self.row).zip(&bids).map(|(row, bid)| bid + 0.01 + (row % 7) as f64 / 100.0);
        let products = (from..self.row).map(|row| format!("{:05}-USD", row % products));
        let times = (from..self.row).map(|row| row * SPACING / 3);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(products)),
            Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC")),
            Arc::new(Float64Array::from_iter_values(bids.iter().copied())),
            Arc::new(Float64Array::from_iter_values(asks)),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns).expect("columns of the schema");
        self.sender.unbounded_send(batch).expect("the query listens");
        let mut left = 0;
        while left < rows {
            let batch = self.output.next().now_or_never().expect("rows leave at once").expect("the query goes on");
            left += batch.expect("the query runs").num_rows() as i64;
        }
    }
}

/// One row goes in and one row comes out, in one poll.
fn single_rows(criterion: &mut Criterion) {
    let mut live = Live::new();
    criterion.bench_function("one row through the windows of features.sql", |bencher| {
        bencher.iter(|| live.pass(1, 3));
    });
}

/// Rows in the order of time, by the number of products that alternate: one row at a time, and many at once.
fn products(criterion: &mut Criterion) {
    for (name, rows) in [("rows one by one, by products", 1), ("rows 1024 at once, by products", 1024)] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(rows as u64));
        for products in [1, 10, 100, 1000, 10_000] {
            let mut live = Live::new();
            // Every product has had a row before the clock starts.
            for _ in 0..=products / rows {
                live.pass(rows, products);
            }
            group.bench_function(BenchmarkId::from_parameter(products), |bencher| {
                bencher.iter(|| live.pass(rows, products));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, kernels, single_rows, products);
criterion_main!(benches);
