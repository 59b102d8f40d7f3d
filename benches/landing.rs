//! Criterion benchmark of landing: messages in memory, as from a broker, to Parquet files.
//!
//! `cargo bench --bench landing`. Other programs on the machine disturb the time; the number of instructions depends on them
//! hardly at all: `perf stat -e instructions:u cargo bench --bench landing -- --profile-time 10`.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use squall::land::retention::Keep;
use squall::land::{Lander, Options};
use squall::log::{self, Batch, Limit, Log, LogId, Message, Record, Tell};
use squall::tick::Rules;

const MESSAGES: usize = 200_000;
const SECOND: i64 = 1_000_000_000;

/// A log in memory.
struct Memory {
    records: Vec<Record>,
}

#[async_trait]
impl Log for Memory {
    fn topic(&self) -> &str {
        "ticks.raw"
    }

    async fn id(&self) -> Result<LogId, log::Error> {
        Ok(LogId::new("file:memory"))
    }

    async fn partitions(&self) -> Result<Vec<i32>, log::Error> {
        Ok(vec![0])
    }

    async fn offsets(&self, _: i32) -> Result<Range<i64>, log::Error> {
        Ok(0..self.records.len() as i64)
    }

    async fn read_batch(&self, _: i32, from: i64, limit: Limit) -> Result<Batch, log::Error> {
        let records = self.records.iter().zip(0..).skip(from as usize).take(limit.messages);
        let messages: Vec<Message> = records
            .map(|(record, offset)| Message { partition: 0, offset, record: record.clone(), only: None })
            .collect();
        let next = from + messages.len() as i64;
        Ok(Batch { messages, next })
    }

    async fn append(&self, _: Vec<Record>) -> Result<(), log::Error> {
        Ok(())
    }
}

/// Messages as the Coinbase Exchange sends them (`exchange`), or without a number that could be compared (`flat`).
fn messages(shape: &str) -> Arc<Memory> {
    let (products, connection) = (["BTC-USD", "ETH-USD", "SOL-USD"], Arc::<str>::from("1775337223500-1"));
    let records = (0..MESSAGES as i64).map(|n| {
        let product = products[(n * n % 7 % 3) as usize];
        let (bid, ask) = (86_468.0 + (n * 37 % 1009) as f64 / 100.0, 86_479.0 + (n * 41 % 1009) as f64 / 100.0);
        let (volume, micros) = (11_500.0 + n as f64 / 1000.0, n * 200_000 % 1_000_000);
        let (minute, second) = (n / 300 % 60, n / 5 % 60);
        let hour = n / 18_000;
        let time = format!("2025-11-24T{hour:02}:{minute:02}:{second:02}.{micros:06}Z");
        let payload = match shape {
            "exchange" => format!(
                r#"{{"type":"ticker","sequence":{},"product_id":"{product}","price":"{bid:.2}","open_24h":"87046.02","volume_24h":"{volume:.8}","low_24h":"85213.17","high_24h":"88100","volume_30d":"292316.97626696","best_bid":"{bid:.2}","best_bid_size":"0.15818534","best_ask":"{ask:.2}","best_ask_size":"0.05782483","side":"sell","time":"{time}","trade_id":{n},"last_size":"0.02454085"}}"#,
                116_681_060_283 + n
            ),
            _ => format!(
                r#"{{"product_id":"{product}","price":"{bid:.2}","best_bid":"{bid:.2}","best_ask":"{ask:.2}","volume_24h":"{volume:.8}","timestamp":"{time}"}}"#
            ),
        };
        let (key, ingest_time) = (Some(product.into()), 1_795_706_842 * SECOND + n);
        Record { key, payload: payload.into(), ingest_time, connection: Some(Arc::clone(&connection)) }
    });
    Arc::new(Memory { records: records.collect() })
}

async fn land(log: Arc<Memory>) -> u64 {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options {
        ticks_dir: folder.path().join("ticks"),
        dead_dir: folder.path().join("dead"),
        rules: Rules { late_ns: SECOND, ahead_ns: 300 * SECOND, dedup_ns: 3600 * SECOND },
        flush_messages: 100_000,
        flush_interval: Duration::from_secs(10),
        compact: false,
        keep: Keep::default(),
        retry: false,
        tell: Tell::default(),
        source: "memory".into(),
        name: None,
        by_time: false,
        partitions: None,
    };
    let lander = Lander::open(log, options).await.expect("a folder of its own");
    let landing = lander.drain(&AtomicBool::new(false), &mut |_| {}).await.expect("messages that can be read");
    landing.summary.all_rows()
}

fn landing(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("land");
    group.throughput(Throughput::Elements(MESSAGES as u64)).sample_size(10);
    for shape in ["exchange", "flat"] {
        let log = messages(shape);
        group.bench_function(shape, |bencher| {
            bencher.iter(|| assert_eq!(runtime.block_on(land(Arc::clone(&log))), MESSAGES as u64));
        });
    }
    group.finish();
}

criterion_group!(benches, landing);
criterion_main!(benches);
