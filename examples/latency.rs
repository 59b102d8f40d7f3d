//! Measures how long a message takes from the exchange to a reader of the topic: the time from the exchange's send until a Kafka
//! consumer has it.
//!
//!     cargo run --release --example latency -- --sync-ms 10
//!
//! Simulated exchange → `squall ingest` → archive, synced → Kafka → consumer. The exchange runs in this process, so both times
//! come from one clock. It sends a message when simulated time reaches the message's own time. So the figures hold the
//! exchange's own delay too, which is up to 2 ms. The broker is started by `docker/kafka-local.sh`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientConfig, Message};
use squall::feed::market::PRODUCTS;
use squall::feed::server::{self, Faults, Server, Speed};
use squall::tick::{self, Content};

const TOPIC: &str = "ticks.raw";
/// A reader of the topic looks this often.
const LOOK: Duration = Duration::from_micros(200);

const USAGE: &str = "\
Measures the time from the exchange's send until a consumer of the topic has the message.

  --sync-ms N    log.sync_interval_ms of `squall ingest` (100)
  --seconds N    how long to measure (30)
  --speed N      how many simulated seconds pass in a second (20)
  --port N       the broker's port (19290); the port after it is used too
  --set K=V      a further setting of `squall ingest`; may be repeated
  --squall FILE  the program (`squall` in the folder above this one)";

struct Plan {
    sync_ms: u64,
    seconds: u64,
    speed: u32,
    port: u16,
    settings: Vec<String>,
    program: PathBuf,
}

impl Plan {
    /// Reads the command line; `None` if it asks for help.
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<Plan>, Box<dyn Error>> {
        let here = std::env::current_exe()?;
        let program = here.parent().and_then(Path::parent).ok_or("no folder")?.join("squall");
        let mut plan = Plan { sync_ms: 100, seconds: 30, speed: 20, port: 19290, settings: Vec::new(), program };
        while let Some(name) = arguments.next() {
            if matches!(name.as_str(), "--help" | "-h") {
                return Ok(None);
            }
            let value = arguments.next().ok_or_else(|| format!("{name} takes a value; --help lists the options"))?;
            match name.as_str() {
                "--sync-ms" => plan.sync_ms = value.parse()?,
                "--seconds" => plan.seconds = value.parse()?,
                "--speed" => plan.speed = value.parse()?,
                "--port" => plan.port = value.parse()?,
                "--set" => plan.settings.push(value),
                "--squall" => plan.program = value.into(),
                _ => return Err(format!("{name} is not an option; --help lists the options").into()),
            }
        }
        Ok(Some(plan))
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let Some(plan) = Plan::read(std::env::args().skip(1))? else {
        println!("{USAGE}");
        return Ok(());
    };
    broker("start", plan.port)?;
    let measured = measure(&plan);
    broker("stop", plan.port)?;
    let mut latencies = measured?;
    latencies.sort_unstable();
    let ms = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize] as f64 / 1e6;
    println!("{} messages in {} s, log.sync_interval_ms = {}", latencies.len(), plan.seconds, plan.sync_ms);
    println!("exchange to consumer: median {:.1} ms, 99 % {:.1} ms, longest {:.1} ms", ms(0.5), ms(0.99), ms(1.0));
    Ok(())
}

/// Returns how long each message took, in nanoseconds.
fn measure(plan: &Plan) -> Result<Vec<i64>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let exchange = Exchange::start(plan.speed)?;
    let brokers = format!("127.0.0.1:{}", plan.port);
    let mut ingest = Command::new(&plan.program);
    ingest.arg("--quiet").arg("--data").arg(folder.path()).args(["ingest", "--from", &exchange.url]);
    ingest.args(["--to", &format!("kafka://{brokers}/{TOPIC}")]);
    ingest.args(["--set", &format!("log.sync_interval_ms={}", plan.sync_ms)]);
    ingest.args(plan.settings.iter().flat_map(|setting| ["--set", setting]));
    let mut ingest = ingest.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let read = read(plan, &brokers, &exchange);
    ingest.kill()?;
    ingest.wait()?;
    read
}

/// Reads the topic as its messages arrive. The first seconds, in which connections are made, do not count.
fn read(plan: &Plan, brokers: &str, exchange: &Exchange) -> Result<Vec<i64>, Box<dyn Error>> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "latency").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create()?;
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(TOPIC, 0, Offset::Beginning)?;
    consumer.assign(&place)?;
    let (began, warm, mut latencies) = (Instant::now(), Duration::from_secs(5), Vec::new());
    while began.elapsed() < warm + Duration::from_secs(plan.seconds) {
        match consumer.poll(LOOK) {
            Some(Ok(message)) if began.elapsed() > warm => {
                let now = now_ns();
                let payload = message.payload().unwrap_or_default();
                let Ok(Content::Ticks(ticks)) = tick::parse(payload).map(|parsed| parsed.content) else { continue };
                latencies.extend(ticks.first().map(|tick| now - exchange.sent_at(tick.event_time)));
            }
            // The topic does not exist at first.
            Some(_) | None => {}
        }
    }
    if latencies.is_empty() {
        return Err("no message came through the topic".into());
    }
    Ok(latencies)
}

/// The simulated exchange, in threads of its own.
struct Exchange {
    url: String,
    /// The same instant in real and in simulated time.
    opened: i64,
    start: i64,
    speed: u32,
    _runtime: tokio::runtime::Runtime,
}

impl Exchange {
    fn start(speed: u32) -> Result<Exchange, Box<dyn Error>> {
        let runtime = tokio::runtime::Runtime::new()?;
        let start = now_ns();
        let options = server::Options {
            host: "127.0.0.1".into(),
            port: 0,
            products: PRODUCTS.iter().collect(),
            seed: 2,
            start,
            duration: None,
            speed: Speed::Times(speed.into()),
            faults: Faults::default(),
        };
        let server = runtime.block_on(Server::bind(options))?;
        let url = server.url();
        let (tell, told) = std::sync::mpsc::channel();
        runtime.spawn(async move {
            // Simulated time starts when the server does.
            let _ = tell.send(now_ns());
            server.run().await
        });
        Ok(Exchange { url, opened: told.recv()?, start, speed, _runtime: runtime })
    }

    /// Returns when the exchange sends a message of this simulated time.
    fn sent_at(&self, event_time: i64) -> i64 {
        self.opened + (event_time - self.start) / i64::from(self.speed)
    }
}

fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_nanos() as i64
}

fn broker(action: &str, port: u16) -> Result<(), Box<dyn Error>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/kafka-local.sh");
    let status = Command::new(script).arg(action).arg(port.to_string()).stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("docker/kafka-local.sh {action} failed").into()) }
}
