//! What is emitted has the bits of batch: for random polls, restarts, kills and landings; and the comparison finds what is wrong.

use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use squall::live::sink::{FolderSink, Sink};
use squall::live::{self, Emitted, Until};

use super::super::land::memory::{MemoryLog, record};
use super::market::Market;
use super::{OWN, Place, QUERIES};

/// A sink of a process that is killed: what it has not written when it ends is lost.
struct Killed {
    folder: FolderSink,
    random: Arc<Mutex<StdRng>>,
}

#[async_trait]
impl Sink for Killed {
    async fn begin(&mut self, partition: i32, at: i64) -> Result<i64, live::Error> {
        self.folder.begin(partition, at).await
    }

    async fn put(&mut self, partition: i32, offsets: Range<i64>, rows: Emitted) -> Result<(), live::Error> {
        self.folder.put(partition, offsets, rows).await?;
        let writes = self.random.lock().unwrap().random_range(0..4) == 0;
        if writes { self.folder.flush(true).await } else { Ok(()) }
    }

    async fn flush(&mut self, _all: bool) -> Result<(), live::Error> {
        Ok(())
    }
}

/// Runs queries over a market in many pieces, and compares what they gave with batch.
pub async fn pieces(seed: u64, partitions: usize, own: &[(&str, &str)], queries: &[&str]) {
    let place = Place::with(own).await;
    let mut market = Market::new(seed);
    let mut random = StdRng::seed_from_u64(seed);
    let log = MemoryLog::of(Vec::<String>::new());
    for partition in 1..partitions {
        log.push(partition, record("{}"));
    }
    let shared = Arc::new(Mutex::new(StdRng::seed_from_u64(seed + 1)));
    let stop = AtomicBool::new(false);
    let (mut warmed, mut emitted) = (0, 0);
    for round in 0..14 {
        for message in market.messages(random.random_range(50..400)) {
            // A product's messages are in one partition.
            let mut products = (0..3).filter(|product| message.contains(super::market::PRODUCTS[*product]));
            let product = products.next().unwrap_or(0);
            if partitions > 1 && products.next().is_some() {
                continue;
            }
            log.push(if partitions == 1 { 0 } else { product % partitions }, record(message));
        }
        // Rows begin where landing has come to at the first start.
        if round > 0 && random.random_range(0..3) == 0 {
            place.data.land(&log, random.random_range(20..1000)).await.unwrap();
        }
        let mut wrap = |folder| Box::new(Killed { folder, random: Arc::clone(&shared) }) as Box<dyn Sink>;
        let mut live = place.open(&log, queries, &mut wrap).await.unwrap();
        // Some runs are killed before the log's end.
        let mut polls = if round == 13 { usize::MAX } else { random.random_range(1..40) };
        let largest = random.random_range(1..200);
        let mut messages = || {
            polls = polls.saturating_sub(1);
            if polls == 0 {
                stop.store(true, std::sync::atomic::Ordering::Relaxed);
            }
            random.random_range(1..=largest)
        };
        live.run(Until::End, &stop, &mut place.no_models(), &mut messages).await.unwrap();
        warmed += live.counts().warmed;
        emitted += live.counts().emitted.values().sum::<u64>();
        stop.store(false, std::sync::atomic::Ordering::Relaxed);
    }
    assert!(warmed > 0 && emitted > 0, "some starts are from landed ticks");
    // The last rows are written by an orderly end; last ticks of two products let those leave that wait for them.
    for (product, message) in market.last([1, 2]) {
        log.push(product % partitions, record(message));
    }
    let mut live = place.open(&log, queries, &mut |folder| Box::new(folder)).await.unwrap();
    live.run(Until::End, &stop, &mut place.no_models(), &mut || 100).await.unwrap();
    drop(live);
    place.data.land(&log, 1000).await.unwrap();
    for name in queries {
        let found = place.parity(name, &place.out()).await.unwrap();
        assert_eq!(found.difference.as_ref().map(ToString::to_string), None, "{name}, seed {seed}");
        let rows = place.count(name).await;
        assert!(rows > 100, "{name} has {rows} rows");
        assert_eq!((found.same, found.waiting), (rows as u64, 0), "{name}, seed {seed}: every row is there once");
    }
}

#[tokio::test]
async fn live_has_the_bits_of_batch_for_any_polls_and_restarts() {
    for seed in 0..2 {
        pieces(seed, 1, &OWN, &QUERIES).await;
    }
}

#[tokio::test]
async fn live_has_the_bits_of_batch_over_several_partitions() {
    pieces(77, 3, &OWN, &["spike_features", "changes"]).await;
}

/// Emits a market's rows of `tick_features`, and lands the market.
async fn emitted() -> (Place, String) {
    let place = Place::with(&[]).await;
    let log = MemoryLog::of(Market::new(5).messages(500));
    let mut live = place.open(&log, &["tick_features"], &mut |folder| Box::new(folder)).await.unwrap();
    live.run(Until::End, &AtomicBool::new(false), &mut place.no_models(), &mut || 64).await.unwrap();
    drop(live);
    place.data.land(&log, 1000).await.unwrap();
    let files = std::fs::read_dir(place.out()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let file = files.into_iter().find(|name| name.ends_with(".parquet")).unwrap();
    (place, file)
}

/// Changes the rows of a file.
fn rewrite(place: &Place, file: &str, change: impl Fn(RecordBatch) -> RecordBatch) {
    let path = place.out().join(file);
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(&path).unwrap()).unwrap();
    let batches: Vec<RecordBatch> = reader.with_batch_size(1 << 20).build().unwrap().map(Result::unwrap).collect();
    let mut writer = ArrowWriter::try_new(Vec::new(), batches[0].schema(), None).unwrap();
    for batch in batches {
        writer.write(&change(batch)).unwrap();
    }
    std::fs::write(path, writer.into_inner().unwrap()).unwrap();
}

#[tokio::test]
async fn one_changed_bit_is_found() {
    let (place, file) = emitted().await;
    assert!(place.parity("tick_features", &place.out()).await.unwrap().difference.is_none());
    rewrite(&place, &file, |batch| {
        let index = batch.schema().index_of("midprice").unwrap();
        let mut values = batch.column(index).as_primitive::<Float64Type>().values().to_vec();
        values[200] = f64::from_bits(values[200].to_bits() ^ 1);
        let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
        columns[index] = Arc::new(Float64Array::from(values));
        RecordBatch::try_new(batch.schema(), columns).unwrap()
    });
    let found = place.parity("tick_features", &place.out()).await.unwrap().difference.unwrap().to_string();
    assert!(found.starts_with("`midprice` of the row of ") && found.contains("offset"), "{found}");
    assert!(found.contains(" live and ") && found.contains(" in batch") && found.contains("bits"), "{found}");
}

#[tokio::test]
async fn the_frames_of_a_value_that_differs_are_shown() {
    let place = Place::with(&OWN).await;
    let log = MemoryLog::of(Market::new(5).messages(500));
    let mut live = place.open(&log, &["sides", "changes"], &mut |folder| Box::new(folder)).await.unwrap();
    live.run(Until::End, &AtomicBool::new(false), &mut place.no_models(), &mut || 64).await.unwrap();
    drop(live);
    place.data.land(&log, 1000).await.unwrap();
    let change = async |query: &str, column: &str| {
        let files =
            std::fs::read_dir(place.out()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let file = files.into_iter().find(|name| name.starts_with(query) && name.ends_with(".parquet")).unwrap();
        rewrite(&place, &file, |batch| {
            let index = batch.schema().index_of(column).unwrap();
            let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
            let numbers = datafusion::arrow::compute::cast(&columns[index], &DataType::Float64).unwrap();
            let numbers = numbers.as_primitive::<Float64Type>().iter().enumerate();
            let changed: Float64Array = numbers
                .map(|(row, number)| if row == 300 { number.map(|number| number + 1.0) } else { number })
                .collect();
            columns[index] = datafusion::arrow::compute::cast(&changed, columns[index].data_type()).unwrap();
            RecordBatch::try_new(batch.schema(), columns).unwrap()
        });
        let found = place.parity(query, &place.out()).await.unwrap();
        let difference = found.difference.unwrap();
        assert!(difference.to_string().starts_with(&format!("`{column}` of the row")), "{difference}");
        (difference.key, found.computed.unwrap())
    };
    let count = async |sql: &str| {
        let rows = place.session.sql(sql).await.unwrap().collect().await.unwrap();
        rows[0].column(0).as_primitive::<Int64Type>().value(0) as u64
    };
    let ((product, ts), computed) = change("sides", "mean").await;
    assert_eq!(computed.windows.len(), 1, "{computed:?}");
    let window = &computed.windows[0];
    let call = "avg(price) OVER (PARTITION BY product_id, side ORDER BY ts ROWS BETWEEN 5 PRECEDING AND CURRENT ROW)";
    assert_eq!(window.call, call);
    let at = |ns: i64| format!("arrow_cast({ns}, 'Timestamp(ns, \"UTC\")')");
    let own = format!("product_id = '{product}' AND ts = {}", at(ts));
    let rows = window.rows.as_ref().unwrap();
    let before = count(&format!(
        "SELECT count(*) FROM ticks WHERE product_id = '{product}' AND ts <= {} \
         AND side IS NOT DISTINCT FROM (SELECT side FROM ticks WHERE {own})",
        at(ts)
    ))
    .await;
    assert_eq!((rows.count, rows.first.num_rows() as u64, rows.last.is_none()), (before.min(6), before.min(6), true));
    assert!(rows.first.column_by_name("price").is_some() && rows.first.column_by_name("ts").is_some(), "{rows:?}");
    assert!(computed.tick.unwrap().column_by_name("price").is_some());
    // A window over a window, and one from the start of the data.
    let ((product, ts), computed) = change("changes", "deviation").await;
    assert_eq!(computed.windows.len(), 2, "{computed:?}");
    assert!(computed.windows[0].call.starts_with("stddev(change) OVER"), "{computed:?}");
    assert!(computed.windows[1].call.starts_with("lag(midprice) OVER"), "{computed:?}");
    let inner = computed.windows[0].rows.as_ref().unwrap();
    let inside = count(&format!(
        "SELECT count(*) FROM changes WHERE product_id = '{product}' AND ts BETWEEN {} AND {}",
        at(ts - 7_000_000_000),
        at(ts)
    ))
    .await;
    assert_eq!(inner.count, inside);
    let lagged = computed.windows[1].rows.as_ref().unwrap();
    assert_eq!((lagged.count, lagged.first.num_rows()), (2, 2), "{lagged:?}");
}

#[tokio::test]
async fn a_missing_row_and_a_row_too_many_are_found() {
    let (place, file) = emitted().await;
    let whole = std::fs::read(place.out().join(&file)).unwrap();
    rewrite(&place, &file, |batch| batch.slice(0, batch.num_rows() - 1));
    let found = place.parity("tick_features", &place.out()).await.unwrap().difference.unwrap().to_string();
    assert!(found.contains("was not emitted"), "{found}");
    std::fs::write(place.out().join(&file), whole).unwrap();
    rewrite(&place, &file, |batch| {
        let twice = [batch.clone(), batch.slice(17, 1)];
        datafusion::arrow::compute::concat_batches(&batch.schema(), &twice).unwrap()
    });
    let found = place.parity("tick_features", &place.out()).await.unwrap().difference.unwrap().to_string();
    assert!(found.contains("was emitted, and batch does not have it"), "{found}");
}

#[tokio::test]
async fn rows_that_have_not_landed_wait() {
    let place = Place::with(&[]).await;
    let mut market = Market::new(5);
    let log = MemoryLog::of(market.messages(300));
    place.data.land(&log, 1000).await.unwrap();
    for message in market.messages(100) {
        log.push(0, record(message));
    }
    let mut live = place.open(&log, &["tick_features"], &mut |folder| Box::new(folder)).await.unwrap();
    assert!(live.counts().warmed > 0);
    live.run(Until::End, &AtomicBool::new(false), &mut place.no_models(), &mut || 64).await.unwrap();
    let rows = live.counts().emitted["tick_features"];
    drop(live);
    let found = place.parity("tick_features", &place.out()).await.unwrap();
    assert_eq!((found.same, found.waiting, found.difference), (0, rows, None));
}

#[tokio::test]
async fn a_folder_is_for_one_log_and_one_form_of_a_query() {
    let place = Place::with(&[]).await;
    let log = MemoryLog::of(Market::new(5).messages(50));
    let live = place.open(&log, &["tick_features"], &mut |folder| Box::new(folder)).await.unwrap();
    let error = place.open(&log, &["tick_features"], &mut |folder| Box::new(folder)).await.err().unwrap();
    assert!(error.to_string().contains("another process writes"), "{error}");
    drop(live);
    let other = MemoryLog::with_id("other", Market::new(5).messages(50));
    let error = place.open(&other, &["tick_features"], &mut |folder| Box::new(folder)).await.err().unwrap();
    assert!(error.to_string().contains("holds rows of the log memory:"), "{error}");
}

#[tokio::test]
async fn a_start_reads_no_more_than_the_queries_look_back() {
    let place = Place::with(&[]).await;
    // About ten hours of ticks; spike_features looks back half an hour.
    let log =
        MemoryLog::of((0..12_000).map(|i| super::super::land::memory::flat("A-USD", i * 3_000, 100 + i as u32 % 7)));
    place.data.land(&log, 100_000).await.unwrap();
    let start = async |name: &'static str| {
        let live = place.open(&log, &[name], &mut |folder| Box::new(folder)).await.unwrap();
        live.counts().warmed
    };
    let of_time = start("spike_features").await;
    assert!((600..700).contains(&of_time), "half an hour has 600 ticks: {of_time}");
    let of_rows = start("tick_features").await;
    assert!((58..70).contains(&of_rows), "60 ticks: {of_rows}");
}

#[tokio::test]
async fn after_a_file_that_cannot_be_written_none_is() {
    let place = Place::with(&[]).await;
    let mut market = Market::new(5);
    let log = MemoryLog::of(market.messages(300));
    // A file of the first range's name is there already, as if another process had written it.
    let mut live = place.open(&log, &["spike_features"], &mut |folder| Box::new(folder)).await.unwrap();
    std::fs::write(place.out().join("spike_features-0-0-299.parquet"), "x").unwrap();
    let stop = AtomicBool::new(false);
    let error = live.run(Until::End, &stop, &mut place.no_models(), &mut || 100).await.unwrap_err();
    assert!(error.to_string().contains("spike_features-0-0-299.parquet"), "{error}");
    for message in market.messages(100) {
        log.push(0, record(message));
    }
    // The same process goes on, but leaves no gap behind the range that it could not write.
    live.run(Until::End, &stop, &mut place.no_models(), &mut || 100).await.unwrap();
    let files = std::fs::read_dir(place.out()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let files: Vec<String> = files.filter(|name| name.starts_with("spike_features-")).collect();
    assert_eq!(files, ["spike_features-0-0-299.parquet"]);
}
