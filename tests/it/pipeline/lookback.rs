//! Which ticks a range of time needs: rows computed from these ticks alone have the same bits as those of a full run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::{cast, concat_batches, filter_record_batch};
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampNanosecondType};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use squall::pipeline::{Lookback, Parameters, Project, RowTime, Step};

use super::lint::{cases, data, folder_of, session};
use super::{landed_schema, parameters, project_of, root};

const START: i64 = 1_775_254_440_000_000_000;
const SECOND: i64 = 1_000_000_000;

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Ticks of three products, one of them rare, with bursts, silences, and messages that are not `ok`.
async fn ticks(context: &SessionContext, seed: u64) -> RecordBatch {
    let mut random = Random(seed);
    let mut rows = Vec::new();
    for (product, count) in [("BTC-USD", 400), ("ETH-USD", 350), ("SOL-USD", 9)] {
        let mut ts = START + random.below(5_000_000_000) as i64;
        for _ in 0..count {
            ts += match random.below(20) {
                _ if product == "SOL-USD" => 100 * SECOND + random.below(9_000_000_000) as i64,
                0 => 130 * SECOND,
                1..9 => random.below(3_000_000) as i64 + 1,
                _ => random.below(4_000_000_000) as i64 + 1,
            };
            let price = 100.0 + random.below(1_000_000) as f64 / 7_000.0;
            let side = if random.below(2) == 0 { "BUY" } else { "SELL" };
            let status = if random.below(12) == 0 { "late" } else { "ok" };
            let size = random.below(900) as f64 / 70.0;
            rows.push(format!("('{product}', {ts}, {price}, '{side}', '{status}', {size})"));
        }
    }
    let rows = rows.join(", ");
    let sql = format!(
        "SELECT column1 AS product_id, arrow_cast(column2, 'Timestamp(Nanosecond, Some(\"UTC\"))') AS ts, column3 AS price,
           column3 - 0.5 AS best_bid, column3 + 0.5 AS best_ask, column6 AS best_bid_quantity, column6 + 1 AS best_ask_quantity,
           column4 AS side, column5 AS status, column6 AS last_size, column6 * 3 AS volume_24_h
         FROM (VALUES {rows}) AS t ORDER BY 1, 2"
    );
    let made = collected(context, &sql).await;
    let schema = Arc::new(landed_schema());
    let columns = schema.fields().iter().map(|field| {
        let name = if field.name() == "event_time" { "ts" } else { field.name() };
        match made.column_by_name(name) {
            Some(column) => cast(column, field.data_type()).unwrap(),
            None => datafusion::arrow::array::new_null_array(field.data_type(), made.num_rows()),
        }
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap()
}

async fn collected(context: &SessionContext, sql: &str) -> RecordBatch {
    computed(context, sql).await.unwrap()
}

async fn computed(context: &SessionContext, sql: &str) -> Result<RecordBatch, DataFusionError> {
    let frame = context.sql(sql).await?;
    let planned = Arc::new(frame.schema().as_arrow().clone());
    let batches = frame.collect().await?;
    // Types are resolved after planning.
    let schema = batches.first().map_or(planned, RecordBatch::schema);
    Ok(concat_batches(&schema, &batches)?)
}

fn land(context: &SessionContext, ticks: &RecordBatch) {
    context.deregister_table("landed_ticks").unwrap();
    let table = MemTable::try_new(ticks.schema(), vec![vec![ticks.clone()]]).unwrap();
    context.register_table("landed_ticks", Arc::new(table)).unwrap();
}

/// Lands ticks and registers the project, whose views read the table that they are planned with.
async fn register(project: &Project, context: &SessionContext, ticks: &RecordBatch, tables: &Path) {
    land(context, ticks);
    project.register(context, tables).await.unwrap();
}

fn times_of(batch: &RecordBatch, column: &str) -> Vec<Option<i64>> {
    let times = cast(batch.column_by_name(column).unwrap(), &DataType::Timestamp(TimeUnit::Nanosecond, None)).unwrap();
    times.as_primitive::<TimestampNanosecondType>().iter().collect()
}

fn products_of(batch: &RecordBatch, column: &str) -> Vec<String> {
    let products = cast(batch.column_by_name(column).unwrap(), &DataType::Utf8).unwrap();
    products.as_string::<i32>().iter().map(|product| product.unwrap_or_default().to_string()).collect()
}

/// Follows steps from an instant, for one product or for all.
async fn follow(context: &SessionContext, steps: &[Step], from: i64, ahead: bool, only: Option<&str>) -> i64 {
    let mut at = from;
    for step in steps {
        match step {
            Step::Time(ns) => at = if ahead { at + ns } else { at - ns },
            Step::Rows { table, time, product, count } => {
                let product = product.as_deref();
                let key = product.map_or("''".into(), |product| format!("\"{product}\""));
                let rows =
                    collected(context, &format!("SELECT {key} AS product, \"{time}\" AS time FROM \"{table}\"")).await;
                let mut lists: BTreeMap<String, Vec<i64>> = BTreeMap::new();
                for (name, time) in products_of(&rows, "product").into_iter().zip(times_of(&rows, "time")) {
                    let time = time.unwrap();
                    if only.is_none_or(|only| product.is_none() || only == name)
                        && (if ahead { time > at } else { time < at })
                    {
                        lists.entry(name).or_default().push(if ahead { time } else { -time });
                    }
                }
                let furthest = lists.into_values().map(|mut times| {
                    times.sort_unstable();
                    times[(*count as usize).min(times.len()) - 1]
                });
                let furthest = furthest.max();
                at = furthest.map_or(at, |time| if ahead { time } else { -time });
            }
        }
    }
    at
}

/// Returns the rows whose time lies in a range, as text with all bits of the numbers, sorted.
fn within(batch: &RecordBatch, time: &str, range: (i64, i64)) -> Vec<String> {
    let times = times_of(batch, time);
    let chosen =
        (0..batch.num_rows()).filter(|row| times[*row].is_some_and(|time| (range.0..=range.1).contains(&time)));
    let cell = |column: &Arc<dyn Array>, row: usize| match column.data_type() {
        DataType::Float64 if column.is_valid(row) => {
            let value = column.as_primitive::<datafusion::arrow::datatypes::Float64Type>().value(row);
            format!("{value} {:x}", value.to_bits())
        }
        _ => array_value_to_string(column, row).unwrap(),
    };
    let mut rows: Vec<String> = chosen
        .map(|row| batch.columns().iter().map(|column| cell(column, row)).collect::<Vec<_>>().join(", "))
        .collect();
    rows.sort();
    rows
}

/// Computes ranges of a query from the ticks that they need. Returns how many rows were compared.
async fn recomputed(project: &Project, name: &str, found: &Lookback, context: &SessionContext, seed: u64) -> usize {
    let all = ticks(context, seed).await;
    let tables = tempfile::tempdir().unwrap();
    register(project, context, &all, tables.path()).await;
    let sql = format!("SELECT * FROM \"{name}\"");
    // Lint accepts some queries that the engine cannot run, such as sliding windows of `bool_or`.
    let Ok(whole) = computed(context, &sql).await else { return 0 };
    let (times, products) = (times_of(&all, "ts"), products_of(&all, "product_id"));
    let mut random = Random(seed ^ 99);
    let mut compared = 0;
    for _ in 0..2 {
        let at = |random: &mut Random| times[random.below(times.len() as u64) as usize].unwrap();
        let (one, other) = (at(&mut random), at(&mut random));
        let range = (one.min(other), one.max(other).min(one.min(other) + 200 * SECOND));
        register(project, context, &all, tables.path()).await;
        let mut needed = BTreeMap::new();
        for product in ["BTC-USD", "ETH-USD", "SOL-USD"] {
            let only = found.product.as_ref().map(|_| product);
            let first = follow(context, &found.back, range.0, false, only).await;
            let last = follow(context, &found.ahead, range.1, true, only).await;
            needed.insert(product, (first, last));
        }
        let kept = (0..all.num_rows()).map(|row| {
            let (first, last) = needed[products[row].as_str()];
            times[row].map(|time| (first..=last).contains(&time))
        });
        let kept = filter_record_batch(&all, &kept.collect()).unwrap();
        register(project, context, &kept, tables.path()).await;
        let part = collected(context, &sql).await;
        let (wanted, got) = (within(&whole, &found.time, range), within(&part, &found.time, range));
        assert_eq!(got, wanted, "{name}: {found:?}, {range:?}");
        compared += wanted.len();
    }
    compared
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_computed_from_what_it_needs_has_the_same_bits() {
    let data = data();
    let session = session(data.path()).await;
    let context = session.context();
    let cases_of = |folder: &str| {
        let files = std::fs::read_dir(root().join("tests/pipeline").join(folder)).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        files.iter().flat_map(|file| cases(file)).collect::<Vec<_>>()
    };
    // Each of them is computed several times. Leaks look ahead, which their last ticks have to show.
    let all: Vec<_> =
        cases_of("clean").into_iter().step_by(4).chain(cases_of("leaks").into_iter().step_by(8)).collect();
    let (mut known, mut compared, mut asked) = (0, 0, 0);
    for case in all {
        land(context, &RecordBatch::new_empty(Arc::new(landed_schema())));
        let dir = folder_of(&case, data.path());
        let project = Project::load(dir.path(), &Parameters::new()).unwrap();
        for name in ["checked", "windows", "twice"] {
            let Some(query) = project.query(name) else { continue };
            // A plan that fails is a case of its own.
            let Ok(found) = project.lookback(query, context).await else { continue };
            asked += 1;
            if let Some(found) = found.filter(|found| found.exact) {
                known += 1;
                compared += recomputed(&project, name, &found, context, known).await;
            }
        }
    }
    assert!(known >= 40, "only {known} of {asked}");
    assert!(compared > 1_000, "only {compared} rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_queries_need_what_they_look_at() {
    let data = data();
    let session = session(data.path()).await;
    let context = session.context();
    land(context, &RecordBatch::new_empty(Arc::new(landed_schema())));
    let project = Project::load(&root().join("sql"), &parameters()).unwrap();
    let rows =
        |count| Step::Rows { table: "ticks".into(), time: "ts".into(), product: Some("product_id".into()), count };
    let seconds = |seconds: i64| Step::Time(seconds * SECOND);
    for (name, back, ahead) in [
        ("ticks", vec![], vec![]),
        ("spike_features", vec![seconds(1800), rows(1)], vec![]),
        ("tick_features", vec![rows(59)], vec![]),
        ("rv_spike_60s", vec![rows(1)], vec![seconds(60), rows(1)]),
        ("spike_60s", vec![rows(1)], vec![seconds(60), rows(1)]),
    ] {
        land(context, &RecordBatch::new_empty(Arc::new(landed_schema())));
        let found = project.lookback(project.query(name).unwrap(), context).await.unwrap().expect(name);
        assert_eq!((&found.back, &found.ahead), (&back, &ahead), "{name}");
        assert_eq!(
            (found.time.as_str(), found.row, found.product.as_deref()),
            ("ts", RowTime::Tick, Some("product_id"))
        );
        for seed in 1..3 {
            assert!(recomputed(&project, name, &found, context, seed).await > 0);
        }
    }
    // A quantile over the training rows depends on all of them.
    for name in ["spike_training", "spike_scores", "spike_metrics", "drift_current"] {
        let found = project.lookback(project.query(name).unwrap(), context).await;
        assert!(matches!(found, Ok(None) | Err(_)), "{name}: {found:?}");
    }
}

async fn lookback_of(sql: &str) -> Option<Lookback> {
    let header = "-- description: x\n-- grain: product_id, ts\n-- time column: ts\n-- units:\n--   v: 1\n";
    let checked = format!("{header}{sql}");
    let dir = project_of(&[
        ("sources/ticks.sql", "-- description: x\nSELECT * FROM landed_ticks WHERE status = 'ok'"),
        (
            "lib/bars.sql",
            "-- description: x\nSELECT product_id, date_bin(INTERVAL '1 minute', ts) AS minute, last_value(price ORDER BY ts) AS price FROM ticks GROUP BY 1, 2",
        ),
        ("features/checked.sql", &checked),
    ]);
    let session = session(Path::new("no/data")).await;
    land(session.context(), &RecordBatch::new_empty(Arc::new(landed_schema())));
    let project = Project::load(dir.path(), &Parameters::new()).unwrap();
    let found = project.lookback(project.query("checked").unwrap(), session.context()).await.unwrap();
    found.filter(|found| found.exact)
}

#[tokio::test]
async fn what_is_not_known_to_be_local_has_no_lookback() {
    for sql in [
        // Rows that were left out lie between the rows that are counted.
        "SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks WHERE side = 'BUY'",
        "SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id, side ORDER BY ts) AS v FROM ticks",
        "SELECT product_id, ts, sum(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks",
        "SELECT product_id, ts, row_number() OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks",
        "SELECT product_id, ts, ewma(price, INTERVAL '5 seconds') OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks",
        "SELECT product_id, ts, price AS v FROM ticks ORDER BY ts LIMIT 10",
        "SELECT product_id, ts, price - (SELECT avg(price) FROM ticks) AS v FROM ticks",
        "SELECT product_id, ts, max(ts) OVER (PARTITION BY product_id) AS v FROM ticks",
        "SELECT a.product_id, a.ts, b.price AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND b.ts <= a.ts",
        "SELECT product_id, ts, random() AS v FROM ticks",
        "SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY ingest_time, ts) AS v FROM ticks",
        // The bits of such a sum depend on how the rows are divided.
        "SELECT product_id, date_bin(INTERVAL '1 minute', ts) AS ts, avg(price) AS v FROM ticks GROUP BY 1, 2",
        // Rows without a bucket share a partition.
        "SELECT product_id, ts, max(price) OVER (PARTITION BY product_id, CASE WHEN side = 'BUY' THEN date_bin(INTERVAL '1 minute', ts) END ORDER BY ts) AS v FROM ticks",
        "SELECT product_id, CASE WHEN side = 'BUY' THEN ts END AS ts, price AS v FROM ticks",
        "SELECT product_id, ts, sum(price) OVER (PARTITION BY product_id ORDER BY ts RANGE INTERVAL '1 month' PRECEDING) AS v FROM ticks",
    ] {
        assert_eq!(lookback_of(sql).await, None, "{sql}");
    }
}

#[tokio::test]
async fn a_number_of_rows_says_of_which_table() {
    let rows = |table: &str, time: &str, count| Step::Rows {
        table: table.into(),
        time: time.into(),
        product: Some("product_id".into()),
        count,
    };
    let bars = lookback_of(
        "SELECT product_id, minute AS ts, price - lag(price, 2) OVER (PARTITION BY product_id ORDER BY minute) AS v FROM bars",
    );
    let bars = bars.await.unwrap();
    assert_eq!(bars.row, RowTime::IntervalStart(60 * SECOND));
    assert_eq!(bars.back, [rows("bars", "minute", 2)]);
    assert_eq!(bars.ahead, [Step::Time(60 * SECOND - 1)], "all ticks of the last bar");
    // The minute before the tick before.
    let turned = lookback_of(
        "SELECT product_id, ts, lag(v) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM (SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts RANGE INTERVAL '1 minute' PRECEDING) AS v FROM ticks) AS m",
    );
    let turned = turned.await.unwrap();
    assert_eq!(turned.back, [rows("ticks", "ts", 1), Step::Time(60 * SECOND)]);
    assert_eq!((turned.product.as_deref(), turned.row), (Some("product_id"), RowTime::Tick));
    let landed = lookback_of(
        "SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM landed_ticks",
    );
    assert_eq!(landed.await.unwrap().back, [rows("landed_ticks", "ts", 1)]);
    let of_both =
        lookback_of("SELECT product_id, ts, lag(price) OVER (ORDER BY ts, product_id) AS v FROM ticks").await.unwrap();
    assert_eq!((of_both.product, of_both.back), (None, vec![rows("ticks", "ts", 1)]));
}
