//! Kills squall, restarts Kafka, breaks connections, fills the disk and sets the clock at random instants, and compares what
//! landed with what was sent.
//!
//!     cargo run --release --example reliability -- --kills 50
//!     cargo run --release --example reliability -- --kills 1000 --restarts 100 --pauses 20 --faults 1000
//!
//! Simulator, proxy → `squall ingest` → Kafka → `squall land --follow`, each a process of its own, with a broker that
//! `docker/kafka-local.sh` starts. Every instant of a fault follows from `--seed`, except for what the machine adds.
//! `--help` lists the options. docs/reliability.md says what is compared, and the result of a long run.

mod clock;
mod disk;
mod plan;
mod processes;
mod proxy;
mod verify;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clock::Clock;
use disk::Reached;
use plan::{Killed, Plan, Step};
use processes::{Squall, Supervised};
use proxy::Ledger;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use verify::Verdict;

const TOPIC: &str = "ticks.raw";
/// How many simulated seconds pass in a second.
const SPEED: &str = "40";
/// The longest time between two faults, on average half of it.
const PAUSE_MS: u64 = 1600;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<bool, Box<dyn Error>> {
    let Some(plan) = Plan::read(std::env::args().skip(1))? else {
        println!("{}", plan::USAGE);
        return Ok(true);
    };
    broker("start", plan.port)?;
    let result = break_everything(&plan).await;
    broker("stop", plan.port)?;
    result
}

/// The processes under test, and what was done to them.
struct Run<'a> {
    plan: &'a Plan,
    squall: Squall,
    data: PathBuf,
    ledger: Arc<Ledger>,
    ingest: Supervised,
    land: Supervised,
    random: Pcg64,
    /// When the broker was last away, or the disk full.
    away: Option<Instant>,
    /// What should not have happened.
    faults: Vec<String>,
}

/// Runs the processes, produces the faults, and compares; returns whether nothing was lost or doubled.
async fn break_everything(plan: &Plan) -> Result<bool, Box<dyn Error>> {
    let mut random = Pcg64::seed_from_u64(plan.seed);
    let temporary = tempfile::tempdir()?;
    let folder = plan.folder.clone().unwrap_or_else(|| temporary.path().into());
    std::fs::create_dir_all(&folder)?;
    let folder = std::path::absolute(folder)?;
    let clock = plan.clock.as_ref().map(|library| Clock::new(library, temporary.path())).transpose()?;
    let data = folder.join("data");
    let squall = Squall { program: std::path::absolute(&plan.program)?, folder, clock };
    let brokers = format!("127.0.0.1:{}", plan.port);
    let address = format!("kafka://{brokers}/{TOPIC}");
    create_topic(&brokers).await?;
    let (mut simulator, exchange) = squall.simulate(&["simulate", "--port", "0", "--speed", SPEED])?;
    let ledger = Arc::new(Ledger::default());
    let proxy = format!("ws://{}", proxy::start(exchange, Arc::clone(&ledger))?);
    let quick = ["--set", "feed.silence_ms=2000", "--set", "feed.reconnect_max_ms=500"];
    let ingest =
        Supervised::start(&squall, "ingest", &[&["ingest", "--from", &proxy, "--to", &address], &quick[..]].concat())?;
    let often = ["--set", "land.flush_interval_ms=500"];
    let land = Supervised::start(
        &squall,
        "land",
        &[&["land", "--from", &address, "--follow", "--compact"], &often[..]].concat(),
    )?;

    let (started, steps) = (Instant::now(), plan.steps(&mut random));
    let mut run = Run { plan, squall, data, ledger, ingest, land, random, away: None, faults: Vec::new() };
    for (done, step) in steps.iter().enumerate() {
        std::thread::sleep(Duration::from_millis(run.random.random_range(0..PAUSE_MS)));
        run.produce(*step).await?;
        run.ingest.look_after(&run.squall, run.away)?;
        run.land.look_after(&run.squall, run.away)?;
        if (done + 1) % 50 == 0 {
            println!("{} of {} faults after {} s", done + 1, steps.len(), started.elapsed().as_secs());
        }
    }
    std::thread::sleep(Duration::from_secs(3));
    let Run { squall, ledger, ingest, land, faults, .. } = run;
    let failed_starts = ingest.failed_starts + land.failed_starts;
    let alone = [(ingest.name, ingest.ended_alone), (land.name, land.ended_alone)];
    ledger.receiver_ended(None);
    ingest.stop()?;
    land.stop()?;
    simulator.kill()?;
    squall.run(&["land", "--from", &address])?;
    let delivered = std::mem::take(&mut *ledger.connections());
    let verdict = verify::verify(&squall, TOPIC, &delivered).await;
    let mut verdict = verdict?;
    verdict.faults.extend(faults);
    for (name, times) in alone.into_iter().filter(|(_, times)| *times > 0) {
        verdict.faults.push(format!("{name} ended by itself, {times} times; see {name}.log"));
    }
    report(plan, started.elapsed(), failed_starts, &verdict);
    Ok(verdict.faults.is_empty())
}

impl Run<'_> {
    async fn produce(&mut self, step: Step) -> Result<(), Box<dyn Error>> {
        match step {
            Step::KillIngest => self.kill(Killed::Ingest, None)?,
            Step::KillLand => self.kill(Killed::Land, None)?,
            Step::RestartBroker => {
                broker("restart", self.plan.port)?;
                self.away = Some(Instant::now());
            }
            Step::PauseBroker => {
                broker("pause", self.plan.port)?;
                std::thread::sleep(Duration::from_secs(self.random.random_range(1..15)));
                broker("resume", self.plan.port)?;
                self.away = Some(Instant::now());
            }
            Step::Break(fault) => self.ledger.produce(fault),
            Step::FillDisk { kill } => {
                // What is delivered from now on waits in memory.
                let (time, since) =
                    (Duration::from_millis(self.random.random_range(1000..8000)), self.ledger.current());
                let folder = self.squall.folder.clone();
                disk::keep_full(&folder, time, || match kill {
                    Some(process) => self.kill(process, Some(since)),
                    None => Ok(()),
                })?;
                self.away = Some(Instant::now());
                self.expect_progress("the disk was full").await?;
            }
            Step::SetClock { offset, kill } => {
                if let Some(clock) = &self.squall.clock {
                    clock.set(offset)?;
                }
                if let Some(process) = kill {
                    self.kill(process, None)?;
                }
                self.expect_progress("the clock was set").await?;
            }
        }
        Ok(())
    }

    /// Kills a process and starts it again. `since` is the first connection whose messages may be in its memory.
    fn kill(&mut self, process: Killed, since: Option<usize>) -> Result<(), Box<dyn Error>> {
        match process {
            Killed::Ingest => {
                self.ledger.receiver_ended(since);
                self.ingest.kill(&self.squall)?;
                // It may have connected again just before.
                self.ledger.receiver_ended(since);
            }
            Killed::Land => self.land.kill(&self.squall)?,
        }
        Ok(())
    }

    /// Notes a fault if messages are not archived or do not land any more.
    async fn expect_progress(&mut self, after: &str) -> Result<(), Box<dyn Error>> {
        self.ingest.look_after(&self.squall, self.away)?;
        self.land.look_after(&self.squall, self.away)?;
        let reached = Reached::now(&self.data, TOPIC).await?;
        if let Some(still) = reached.goes_on(&self.data, TOPIC).await? {
            self.faults.push(format!("{still} after {after}"));
        }
        Ok(())
    }
}

fn report(plan: &Plan, took: Duration, failed_starts: u32, verdict: &Verdict) {
    let Plan { kills, restarts, pauses, faults, fills, jumps, seed, .. } = plan;
    println!("{kills} kills, {restarts} restarts and {pauses} pauses of the broker, {faults} broken connections,");
    println!("{fills} times a full disk, {jumps} times another clock, in {} s (seed {seed})", took.as_secs());
    println!("{failed_starts} starts failed while the broker was away or the disk was full, and were tried again");
    println!(
        "{} messages delivered, {} archived, {} in flight to a process that was killed",
        verdict.delivered, verdict.archived, verdict.in_flight
    );
    println!(
        "{} rows landed once, {} more marked as duplicates, {} dead letters",
        verdict.rows, verdict.marked_duplicate, verdict.dead
    );
    for fault in &verdict.faults {
        println!("FAULT: {fault}");
    }
    println!("{}", if verdict.faults.is_empty() { "nothing lost, nothing doubled" } else { "the run failed" });
}

fn broker(action: &str, port: u16) -> Result<(), Box<dyn Error>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/kafka-local.sh");
    let status = Command::new(script).arg(action).arg(port.to_string()).stdout(std::process::Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("docker/kafka-local.sh {action} failed").into()) }
}

/// Makes a topic of several partitions, so that a message of several products is in each of theirs.
async fn create_topic(brokers: &str) -> Result<(), Box<dyn Error>> {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new().set("bootstrap.servers", brokers).create()?;
    let topic = NewTopic::new(TOPIC, 3, TopicReplication::Fixed(1));
    for result in admin.create_topics([&topic], &AdminOptions::new()).await? {
        result.map_err(|(topic, code)| format!("cannot make the topic {topic}: {code}"))?;
    }
    Ok(())
}
