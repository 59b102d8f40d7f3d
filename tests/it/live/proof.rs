//! The proof beside the queries: what landed as it was emitted agrees, and one changed bit in a landed file is found.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch};
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::file::properties::WriterProperties;
use squall::land::Folder;
use squall::live::{Batch, Live, Proof, Until, Watched};
use squall::log::Tell;
use squall::metrics::Metrics;

use super::super::land::memory::{MemoryLog, record};
use super::market::Market;
use super::{OWN, Place};

/// A run whose rows are sampled.
struct Sampled {
    place: Place,
    log: Arc<MemoryLog>,
    market: Market,
    metrics: Metrics,
    told: Arc<Mutex<Vec<String>>>,
    /// Samples are compared as long as it is there.
    live: Live,
    proof: Proof,
}

impl Sampled {
    /// Emits the rows of queries for a market, and samples every N-th offset.
    async fn new(queries: &'static [&'static str], every: u64) -> Sampled {
        let place = Place::with(&OWN).await;
        let mut market = Market::new(5);
        let log = MemoryLog::of(market.messages(150));
        // The state of the windows is made from landed ticks.
        place.data.land(&log, 1000).await.unwrap();
        for message in market.messages(150) {
            log.push(0, record(message));
        }
        let told = Arc::new(Mutex::new(Vec::new()));
        let telling = Arc::clone(&told);
        let tell = Tell::with_fields(move |text, fields| telling.lock().unwrap().push(format!("{text} {fields:?}")));
        let metrics = Metrics::default();
        let mut proof = Proof::new(every, metrics.clone(), tell).resting(0);
        let mut samplers = Vec::new();
        for name in queries {
            samplers.push((*name, proof.sampler(&place.plan(name).await.unwrap())));
        }
        let mut samplers = samplers.into_iter();
        let mut wrap = |folder| {
            let (name, sampler) = samplers.next().unwrap();
            Box::new(Watched::new(Box::new(folder), name, metrics.clone(), Some(sampler))) as _
        };
        let mut live = place.open(&log, queries, &mut wrap).await.unwrap();
        live.run(Until::End, &AtomicBool::new(false), &mut place.no_models(), &mut || 64).await.unwrap();
        Sampled { place, log, market, metrics, told, live, proof }
    }

    /// Compares until so many samples of a query are done with; returns the counts of the query: checked, mismatches, skipped.
    async fn compare(self, queries: &[&str], until: impl Fn(&Metrics) -> bool) -> (Metrics, Vec<String>, String) {
        let Sampled { place, metrics, told, live, proof, .. } = self;
        let batch = Batch {
            project: Arc::new(place.project.clone()),
            context: place.session.context().clone(),
            folder: Folder::new(&place.data.ticks_dir()).unwrap(),
            landed: live.landed_name().to_string(),
            models: place.no_models(),
        };
        proof.start(batch).unwrap();
        let deadline = Instant::now() + Duration::from_secs(120);
        while !until(&metrics) {
            let counts = queries.iter().map(|name| (name, metrics.parity_checked.get(&[name])));
            assert!(Instant::now() < deadline, "{:?} {:?}", counts.collect::<Vec<_>>(), told.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let (told, text) = (told.lock().unwrap().clone(), metrics.text());
        drop(live);
        (metrics, told, text)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_that_has_landed_is_compared() {
    // They look back in time, in rows of ticks, in rows of another query, and on everything.
    const QUERIES: [&str; 5] = ["spike_features", "tick_features", "joined", "sides", "changes"];
    let sampled = Sampled::new(&QUERIES, 3).await;
    sampled.place.data.land(&sampled.log, 1000).await.unwrap();
    let places = sampled.live.counts().emitted.clone();
    assert!(QUERIES.iter().all(|name| places[*name] > 50), "{places:?}");
    let (metrics, told, _) = sampled
        .compare(&QUERIES, |metrics| {
            let waiting = metrics
                .text()
                .lines()
                .filter(|line| line.starts_with("squall_parity_waiting_samples{"))
                .all(|line| line.ends_with(" 0.0"));
            waiting && QUERIES.iter().all(|name| metrics.parity_checked.get(&[name]) > 0)
        })
        .await;
    for name in QUERIES {
        assert_eq!(metrics.rows.get(&[name]), places[name], "{name}");
        let checked = metrics.parity_checked.get(&[name]);
        // A third of the offsets: their ticks are more or fewer.
        let share = checked as f64 / places[name] as f64;
        assert!((0.2..0.5).contains(&share), "{checked} of {} rows of {name}", places[name]);
        assert_eq!(metrics.parity_mismatches.get(&[name]), 0, "{name}: {told:?}");
        assert_eq!(metrics.parity_skipped.get(&[name]), 0, "{name}: {told:?}");
    }
    assert_eq!(told, Vec::<String>::new());
}

/// Changes a number of one tick in a landed file, and returns the tick's offset.
fn change_one_bit(path: &Path) -> i64 {
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap()).unwrap();
    let metadata = reader.metadata().clone();
    let kept = metadata.file_metadata().key_value_metadata().unwrap().iter();
    let kept = kept.filter(|pair| pair.key != "ARROW:schema").cloned().collect();
    let order = metadata.row_group(0).sorting_columns().cloned();
    let schema = reader.schema().clone();
    let batches: Vec<RecordBatch> = reader.with_batch_size(1 << 20).build().unwrap().map(Result::unwrap).collect();
    let batch = &batches[0];
    let column = batch.schema().index_of("best_bid").unwrap();
    let bids = batch.column(column).as_primitive::<Float64Type>();
    let status = batch.column_by_name("status").unwrap();
    let status = datafusion::arrow::compute::cast(status, &datafusion::arrow::datatypes::DataType::Utf8).unwrap();
    let row = (batch.num_rows() / 2..)
        .find(|row| status.as_string::<i32>().value(*row) == "ok" && bids.is_valid(*row))
        .unwrap();
    let offset = batch.column_by_name("log_offset").unwrap().as_primitive::<Int64Type>().value(row);
    let changed = bids
        .iter()
        .enumerate()
        .map(|(number, bid)| bid.map(|bid| if number == row { f64::from_bits(bid.to_bits() + 1) } else { bid }));
    let mut columns = batch.columns().to_vec();
    columns[column] = Arc::new(changed.collect::<Float64Array>()) as ArrayRef;
    let properties = WriterProperties::builder().set_key_value_metadata(Some(kept)).set_sorting_columns(order).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties)).unwrap();
    writer.write(&RecordBatch::try_new(batch.schema(), columns).unwrap()).unwrap();
    batches[1..].iter().for_each(|batch| writer.write(batch).unwrap());
    std::fs::write(path, writer.into_inner().unwrap()).unwrap();
    offset
}

#[tokio::test(flavor = "multi_thread")]
async fn one_changed_bit_in_a_landed_file_is_a_mismatch() {
    let sampled = Sampled::new(&["tick_features"], 1).await;
    sampled.place.data.land(&sampled.log, 1000).await.unwrap();
    let rows = sampled.live.counts().emitted["tick_features"];
    let files = sampled.place.data.files();
    let file = files.iter().rfind(|name| name.ends_with(".parquet")).unwrap();
    assert!(file.contains("-150-299"), "{files:?}");
    let offset = change_one_bit(&sampled.place.data.ticks_dir().join(file));
    let done = |metrics: &Metrics| metrics.parity_checked.get(&["tick_features"]) == rows;
    let (metrics, told, _) = sampled.compare(&["tick_features"], done).await;
    let differing = metrics.parity_mismatches.get(&["tick_features"]);
    assert!(differing > 0 && differing < rows / 2, "{differing} of {rows}");
    assert_eq!(told.len(), 1, "it is said once: {told:?}");
    assert!(told[0].starts_with("Warning: live and batch differ in `tick_features`: `"), "{told:?}");
    assert!(told[0].contains(" live and ") && told[0].contains(" in batch"), "{told:?}");
    assert!(told[0].contains("(bits "), "both values are shown with their bits: {told:?}");
    for field in ["query", "row", "partition", "offset", "column", "live", "batch"] {
        assert!(told[0].contains(&format!("(\"{field}\", ")), "{field}: {told:?}");
    }
    assert!(told[0].contains(&format!("offset {offset})")), "the first row that differs is the changed one: {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_wait_for_landing_and_have_a_bound() {
    let mut sampled = Sampled::new(&["tick_features"], 1).await;
    for message in sampled.market.messages(4000) {
        sampled.log.push(0, record(message));
    }
    let stop = AtomicBool::new(false);
    sampled.live.run(Until::End, &stop, &mut sampled.place.no_models(), &mut || 64).await.unwrap();
    let rows = sampled.live.counts().emitted["tick_features"];
    assert!(rows > 3000);
    // Nothing of it has landed.
    let skipped = |metrics: &Metrics| metrics.parity_skipped.get(&["tick_features"]);
    assert!(skipped(&sampled.metrics) >= rows - 1024, "{} of {rows}", skipped(&sampled.metrics));
    let started = Instant::now();
    let (metrics, _, text) = sampled.compare(&[], |_| started.elapsed() > Duration::from_secs(4)).await;
    assert_eq!(metrics.parity_checked.get(&["tick_features"]), 0);
    assert_eq!(metrics.parity_mismatches.get(&["tick_features"]), 0);
    let waiting = "squall_parity_waiting_samples{query=\"tick_features\"} 1024.0\n";
    assert!(text.contains(waiting), "{text}");
}
