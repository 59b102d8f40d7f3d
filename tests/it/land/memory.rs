//! A log in memory, a folder on disk, and what landing the log leaves in the folder.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use squall::catalog::{self, Session};
use squall::land::{self, Folder, Lander, Landing, Row, Summary};
use squall::log::{self, Batch, Limit, Log, LogId, Message, Record};
use squall::tick::Rules;
use tempfile::TempDir;

/// A log of one or more partitions in memory.
#[derive(Default)]
pub struct MemoryLog {
    /// The first offset of each partition, and its records; `None` at an offset without a message.
    partitions: Mutex<Vec<(i64, Vec<Option<Record>>)>>,
    /// What distinguishes the log from others, apart from its messages.
    id: &'static str,
    /// Reading fails from this offset on.
    fails_at: Option<i64>,
    /// Whether the log cannot be reached.
    away: AtomicBool,
}

impl MemoryLog {
    /// Makes a log of one partition with these payloads.
    pub fn of(payloads: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Arc<MemoryLog> {
        MemoryLog::with_id("", payloads)
    }

    /// Makes a log with another id.
    pub fn with_id(id: &'static str, payloads: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Arc<MemoryLog> {
        let log = MemoryLog { id, ..MemoryLog::default() };
        log.partitions.lock().unwrap().push((0, Vec::new()));
        for payload in payloads {
            log.push(0, record(payload));
        }
        Arc::new(log)
    }

    /// Makes an empty log that cannot be read from an offset on.
    pub fn failing_at(offset: i64) -> MemoryLog {
        MemoryLog { fails_at: Some(offset), ..MemoryLog::default() }
    }

    /// Adds a message at the end of a partition; makes the partition if it does not exist.
    pub fn push(&self, partition: usize, record: Record) {
        let mut partitions = self.partitions.lock().unwrap();
        if partitions.len() <= partition {
            partitions.resize_with(partition + 1, Default::default);
        }
        partitions[partition].1.push(Some(record));
    }

    /// Adds an offset without a message at the end of a partition, as a transaction does.
    pub fn push_hole(&self, partition: usize) {
        self.partitions.lock().unwrap()[partition].1.push(None);
    }

    /// Makes the log unreachable, or reachable again.
    pub fn go_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    /// Replaces the messages of a partition, as when a topic is deleted and made again.
    pub fn replace(&self, partition: usize, payloads: impl IntoIterator<Item = impl Into<Vec<u8>>>) {
        let records = payloads.into_iter().map(|payload| Some(record(payload))).collect();
        self.partitions.lock().unwrap()[partition] = (0, records);
    }

    /// Takes messages out of a partition, as Kafka's compaction does.
    pub fn compact(&self, partition: usize, keeps: impl Fn(i64) -> bool) {
        let (start, records) = &mut self.partitions.lock().unwrap()[partition];
        for (offset, record) in (*start..).zip(records) {
            if !keeps(offset) {
                *record = None;
            }
        }
    }

    fn reach(&self) -> Result<(), log::Error> {
        match self.away.load(Ordering::Relaxed) {
            true => Err(log::Error::Unreachable { brokers: "memory".into(), reason: "it is away".into() }),
            false => Ok(()),
        }
    }

    /// Forgets the messages of a partition below an offset, as retention does.
    pub fn forget(&self, partition: usize, below: i64) {
        let mut partitions = self.partitions.lock().unwrap();
        let (start, records) = &mut partitions[partition];
        records.drain(..(below - *start) as usize);
        *start = below;
    }
}

/// Makes a record of a payload, received at a fixed time on connection `c1`.
pub fn record(payload: impl Into<Vec<u8>>) -> Record {
    Record {
        key: None,
        payload: payload.into().into(),
        ingest_time: 1_790_000_000_000_000_000,
        connection: Some("c1".into()),
    }
}

#[async_trait]
impl Log for MemoryLog {
    fn topic(&self) -> &str {
        "ticks.raw"
    }

    async fn id(&self) -> Result<LogId, log::Error> {
        Ok(LogId::new(format!("memory:{}", self.id)))
    }

    async fn partitions(&self) -> Result<Vec<i32>, log::Error> {
        self.reach()?;
        Ok((0..self.partitions.lock().unwrap().len() as i32).collect())
    }

    async fn offsets(&self, partition: i32) -> Result<Range<i64>, log::Error> {
        self.reach()?;
        let (start, records) = &self.partitions.lock().unwrap()[partition as usize];
        Ok(*start..*start + records.len() as i64)
    }

    async fn read_batch(&self, partition: i32, from: i64, limit: Limit) -> Result<Batch, log::Error> {
        self.reach()?;
        if self.fails_at.is_some_and(|offset| from >= offset) {
            return Err(log::Error::Damaged { path: "memory".into(), position: 0, reason: "it is damaged".into() });
        }
        let (start, records) = &self.partitions.lock().unwrap()[partition as usize];
        let mut batch = Batch { messages: Vec::new(), next: from };
        let mut bytes = 0;
        for (record, offset) in records.iter().zip(*start..).skip((from - *start) as usize) {
            let damaged = self.fails_at.is_some_and(|damaged| offset >= damaged);
            if damaged || batch.messages.len() == limit.messages || bytes >= limit.bytes {
                break;
            }
            batch.next = offset + 1;
            if let Some(record) = record {
                let message = Message { partition, offset, record: record.clone(), only: None };
                bytes += message.bytes();
                batch.messages.push(message);
            }
        }
        Ok(batch)
    }

    async fn append(&self, records: Vec<Record>) -> Result<(), log::Error> {
        for record in records {
            self.push(0, record);
        }
        Ok(())
    }
}

/// A data folder that is removed when it is dropped.
pub struct Data {
    dir: TempDir,
    pub rules: Rules,
}

impl Data {
    pub fn new() -> Data {
        let rules = Rules { late_ns: 1_000_000_000, ahead_ns: 300_000_000_000, dedup_ns: 48 * 3_600_000_000_000 };
        Data { dir: TempDir::new().unwrap(), rules }
    }

    pub fn ticks_dir(&self) -> PathBuf {
        self.dir.path().join("ticks")
    }

    pub fn dead_dir(&self) -> PathBuf {
        self.dir.path().join("dead")
    }

    pub fn options(&self, flush_messages: usize) -> land::Options {
        land::Options {
            ticks_dir: self.ticks_dir(),
            dead_dir: self.dead_dir(),
            rules: self.rules,
            flush_messages,
            flush_interval: Duration::from_secs(10),
            compact: false,
            keep: land::retention::Keep::default(),
            retry: true,
            tell: log::Tell::default(),
            source: "memory".into(),
            name: None,
            by_time: false,
            partitions: None,
        }
    }

    /// Lands everything that a log holds, under the given name.
    pub async fn land_as(&self, log: &Arc<MemoryLog>, name: &str) -> Result<Landing, land::Error> {
        let log: Arc<dyn Log> = Arc::clone(log) as Arc<dyn Log>;
        let options = land::Options { name: Some(name.into()), ..self.options(1_000_000) };
        Lander::open(log, options).await?.drain(&AtomicBool::new(false), &mut |_| {}).await
    }

    /// Lands everything that a log holds.
    pub async fn land(&self, log: &Arc<MemoryLog>, flush_messages: usize) -> Result<Landing, land::Error> {
        let log: Arc<dyn Log> = Arc::clone(log) as Arc<dyn Log>;
        let lander = Lander::open(log, self.options(flush_messages)).await?;
        lander.drain(&AtomicBool::new(false), &mut |_| {}).await
    }

    /// Returns the names in the folder of landed files, without hidden files, ascending.
    pub fn files(&self) -> Vec<String> {
        names(&self.ticks_dir())
    }

    /// Returns the dead letters, in the order of the files' names and of the lines inside each file.
    pub fn dead_letters(&self) -> Vec<serde_json::Value> {
        let files = names(&self.dead_dir());
        let text = files.iter().map(|name| std::fs::read_to_string(self.dead_dir().join(name)).unwrap());
        text.flat_map(|text| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>()).collect()
    }

    /// Opens a session over the folder.
    pub async fn session(&self, threads: usize) -> Session {
        let options = catalog::Options {
            ticks_dir: self.ticks_dir(),
            tables_dir: self.dir.path().join("tables"),
            models_dir: self.dir.path().join("models"),
            threads,
            batch_size: 8192,
            memory_limit_mb: 0,
            rolling: false,
        };
        Session::open(options).await.unwrap()
    }

    /// Returns the result of a query.
    pub async fn query(&self, sql: &str) -> Vec<RecordBatch> {
        self.session(4).await.sql(sql).await.unwrap().collect().await.unwrap()
    }

    /// Returns a query's single number.
    pub async fn number(&self, sql: &str) -> i64 {
        use datafusion::arrow::array::AsArray;
        use datafusion::arrow::datatypes::Int64Type;
        self.query(sql).await[0].column(0).as_primitive::<Int64Type>().value(0)
    }

    /// Returns all landed rows, by partition, offset, product and ts.
    pub async fn rows(&self) -> Vec<Row> {
        let batches = self.query("SELECT * FROM landed_ticks ORDER BY log_partition, log_offset, product_id, ts").await;
        batches.iter().flat_map(|batch| land::rows(batch).unwrap()).collect()
    }

    /// Returns the sum of the summaries in the visible files' footers.
    pub async fn summary(&self) -> Summary {
        let folder = Folder::new(&self.ticks_dir()).unwrap();
        let mut sum = Summary::default();
        for file in folder.list().await.unwrap().landed.visible() {
            sum.add(&land::read_footer(&folder, file).await.unwrap().summary);
        }
        sum
    }

    /// Returns the rows of one landed file, in the file's order.
    pub fn file_rows(&self, name: &str) -> Vec<Row> {
        let file = std::fs::File::open(self.ticks_dir().join(name)).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        reader.flat_map(|batch| land::rows(&batch.unwrap()).unwrap()).collect()
    }
}

fn names(dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}

/// Returns a flat message: a time in whole milliseconds, and the cents of a price.
pub fn flat(product_id: &str, millis: i64, cents: u32) -> String {
    let time = chrono::DateTime::from_timestamp_millis(1_775_000_000_000 + millis).unwrap();
    let price = f64::from(cents) / 100.0;
    format!(
        r#"{{"product_id":"{product_id}","price":"{price}","best_bid":"{}","best_ask":"{}","volume_24_h":"1","timestamp":"{}"}}"#,
        price - 0.01,
        price + 0.01,
        time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    )
}

/// Returns an Advanced Trade envelope with one ticker per product.
pub fn envelope(sequence_num: i64, millis: i64, products: &[&str]) -> String {
    let time = chrono::DateTime::from_timestamp_millis(1_775_000_000_000 + millis).unwrap();
    let tickers: Vec<String> = products
        .iter()
        .map(|product_id| {
            format!(r#"{{"type":"ticker","product_id":"{product_id}","price":"100","best_bid":"99","best_ask":"101"}}"#)
        })
        .collect();
    format!(
        r#"{{"channel":"ticker","timestamp":"{}","sequence_num":{sequence_num},"events":[{{"type":"update","tickers":[{}]}}]}}"#,
        time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        tickers.join(",")
    )
}
