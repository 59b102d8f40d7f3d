//! Kills squall, restarts Kafka and breaks connections at random instants, and compares what landed with what was sent.
//!
//!     cargo run --release --example reliability -- --kills 50
//!     cargo run --release --example reliability -- --kills 1000 --restarts 100 --pauses 20 --faults 1000
//!
//! Simulator, proxy → `squall ingest` → Kafka → `squall land --follow`, each a process of its own, with a broker that
//! `docker/kafka-local.sh` starts. Every instant of a fault follows from `--seed`, except for what the machine adds.
//! docs/reliability.md says what is compared, and the result of a long run.

mod processes;
mod proxy;
mod verify;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use processes::{Squall, Supervised};
use proxy::{Fault, Ledger};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

const TOPIC: &str = "ticks.raw";
/// How many simulated seconds pass in a second.
const SPEED: &str = "40";
/// The longest time between two faults, on average half of it.
const PAUSE_MS: u64 = 1600;

/// How many faults of each kind to produce.
struct Plan {
    kills: u32,
    restarts: u32,
    pauses: u32,
    faults: u32,
    seed: u64,
    port: u16,
    program: PathBuf,
    folder: Option<PathBuf>,
}

/// One fault.
#[derive(Debug, Clone, Copy)]
enum Step {
    KillIngest,
    KillLand,
    RestartBroker,
    PauseBroker,
    Break(Fault),
}

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

fn plan() -> Result<Plan, Box<dyn Error>> {
    // cargo puts examples into a folder beside the program.
    let here = std::env::current_exe()?;
    let program = here.parent().and_then(Path::parent).ok_or("no folder")?.join("squall");
    let mut plan = Plan { kills: 50, restarts: 0, pauses: 0, faults: 0, seed: 1, port: 19190, program, folder: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} takes a value"))?;
        match name.as_str() {
            "--kills" => plan.kills = value.parse()?,
            "--restarts" => plan.restarts = value.parse()?,
            "--pauses" => plan.pauses = value.parse()?,
            "--faults" => plan.faults = value.parse()?,
            "--seed" => plan.seed = value.parse()?,
            "--port" => plan.port = value.parse()?,
            "--squall" => plan.program = value.into(),
            "--folder" => plan.folder = Some(value.into()),
            _ => {
                return Err(format!(
                    "{name}: --kills, --restarts, --pauses, --faults, --seed, --port, --squall or --folder"
                )
                .into());
            }
        }
    }
    Ok(plan)
}

/// Returns the faults in random order.
fn steps(plan: &Plan, random: &mut Pcg64) -> Vec<Step> {
    let mut steps = Vec::new();
    steps.extend((0..plan.kills).map(|number| if number % 2 == 0 { Step::KillIngest } else { Step::KillLand }));
    steps.extend((0..plan.restarts).map(|_| Step::RestartBroker));
    steps.extend((0..plan.pauses).map(|_| Step::PauseBroker));
    let kinds = [Fault::Close, Fault::Tear, Fault::Truncate, Fault::Spoil, Fault::Stall(Duration::from_millis(2500))];
    steps.extend((0..plan.faults as usize).map(|number| Step::Break(kinds[number % kinds.len()])));
    steps.shuffle(random);
    steps
}

async fn run() -> Result<bool, Box<dyn Error>> {
    let plan = plan()?;
    broker("start", plan.port)?;
    let result = break_everything(&plan).await;
    broker("stop", plan.port)?;
    result
}

/// Runs the processes, produces the faults, and compares; returns whether nothing was lost or doubled.
async fn break_everything(plan: &Plan) -> Result<bool, Box<dyn Error>> {
    let mut random = Pcg64::seed_from_u64(plan.seed);
    let temporary = tempfile::tempdir()?;
    let folder = plan.folder.clone().unwrap_or_else(|| temporary.path().into());
    std::fs::create_dir_all(&folder)?;
    let squall = Squall { program: std::path::absolute(&plan.program)?, folder };
    let brokers = format!("127.0.0.1:{}", plan.port);
    let address = format!("kafka://{brokers}/{TOPIC}");
    create_topic(&brokers).await?;
    let (mut simulator, exchange) = squall.simulate(&["simulate", "--port", "0", "--speed", SPEED])?;
    let ledger = Arc::new(Ledger::default());
    let proxy = format!("ws://{}", proxy::start(exchange, Arc::clone(&ledger))?);
    let quick = ["--set", "feed.silence_ms=2000", "--set", "feed.reconnect_max_ms=500"];
    let mut ingest =
        Supervised::start(&squall, "ingest", &[&["ingest", "--from", &proxy, "--to", &address], &quick[..]].concat())?;
    let often = ["--set", "land.flush_interval_ms=500"];
    let mut land = Supervised::start(
        &squall,
        "land",
        &[&["land", "--from", &address, "--follow", "--compact"], &often[..]].concat(),
    )?;

    let mut away = None;
    let (started, steps) = (Instant::now(), steps(plan, &mut random));
    for (done, step) in steps.iter().enumerate() {
        std::thread::sleep(Duration::from_millis(random.random_range(0..PAUSE_MS)));
        match *step {
            Step::KillIngest => {
                ledger.receiver_ended();
                ingest.kill(&squall)?;
                // It may have connected again just before.
                ledger.receiver_ended();
            }
            Step::KillLand => land.kill(&squall)?,
            Step::RestartBroker => {
                broker("restart", plan.port)?;
                away = Some(Instant::now());
            }
            Step::PauseBroker => {
                broker("pause", plan.port)?;
                std::thread::sleep(Duration::from_secs(random.random_range(1..15)));
                broker("resume", plan.port)?;
                away = Some(Instant::now());
            }
            Step::Break(fault) => ledger.produce(fault),
        }
        ingest.look_after(&squall, away)?;
        land.look_after(&squall, away)?;
        if (done + 1) % 50 == 0 {
            println!("{} of {} faults after {} s", done + 1, steps.len(), started.elapsed().as_secs());
        }
    }
    std::thread::sleep(Duration::from_secs(3));
    let failed_starts = ingest.failed_starts + land.failed_starts;
    let alone = [(ingest.name, ingest.ended_alone), (land.name, land.ended_alone)];
    ledger.receiver_ended();
    ingest.stop()?;
    land.stop()?;
    simulator.kill()?;
    squall.run(&["land", "--from", &address])?;
    let delivered = std::mem::take(&mut *ledger.connections());
    let verdict = verify::verify(&squall, TOPIC, &delivered).await;
    let mut verdict = verdict?;
    for (name, times) in alone.into_iter().filter(|(_, times)| *times > 0) {
        verdict.faults.push(format!("{name} ended by itself, {times} times; see {name}.log"));
    }
    println!(
        "{} kills, {} restarts and {} pauses of the broker, {} broken connections in {} s (seed {})",
        plan.kills,
        plan.restarts,
        plan.pauses,
        plan.faults,
        started.elapsed().as_secs(),
        plan.seed
    );
    println!("{failed_starts} starts failed while the broker was away, and were tried again");
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
    Ok(verdict.faults.is_empty())
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
