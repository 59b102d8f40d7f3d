//! `squall topic`: which topics there are, and what comes in one.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::land::stop_signal;
use super::{Context, Failure, duration, logs};
use crate::live::sink::instant;
use crate::log::{self, KafkaLog, Limit, Location, Log, Message};
use crate::text::{columns, counted, grouped, printable};

/// Messages that are read at once.
const READ: usize = 500;
/// How long to wait when the topic holds nothing new.
const REST: Duration = Duration::from_millis(50);
/// Longer keys and messages are cut.
const MOST_OF_A_KEY: usize = 100;
const MOST_OF_A_MESSAGE: usize = 100_000;

/// Lists topics, and prints messages as they come
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Prints each topic with its partitions and the messages that it holds
    List {
        /// The brokers, host:port [default: the setting kafka.bootstrap_servers]
        #[arg(long, value_name = "BROKERS")]
        brokers: Option<String>,
    },
    Tail(Tail),
}

/// Prints messages as they come: partition, offset, time, key, message
///
/// It runs until Ctrl-C. With --min it ends after so many messages, and with 1 if they do not come in time.
#[derive(Debug, clap::Args)]
struct Tail {
    /// The topic, by its name or as kafka://host:port/topic
    #[arg(value_name = "TOPIC")]
    topic: String,

    /// Ends after this many messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    min: Option<u64>,

    /// How long --min waits for its messages
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "30s", requires = "min")]
    timeout: Duration,

    /// Begins with the first message that the topic holds
    #[arg(long)]
    from_beginning: bool,

    /// Only this partition
    #[arg(long, value_name = "PARTITION")]
    partition: Option<i32>,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    match args.action {
        Action::List { brokers } => list(brokers, context).await,
        Action::Tail(tail) => follow(tail, context).await,
    }
}

async fn list(brokers: Option<String>, context: &Context) -> Result<(), Failure> {
    let brokers = brokers.unwrap_or_else(|| context.settings().kafka.bootstrap_servers.clone());
    let topics = log::topics(&brokers, &logs::options(context)).await?;
    if topics.is_empty() {
        println!("Kafka at {brokers} has no topics");
        return Ok(());
    }
    let mut lines = vec![vec!["topic".to_string(), "partitions".into(), "messages".into()]];
    for topic in &topics {
        let held: u64 = topic.partitions.values().map(|held| (held.end - held.start).unsigned_abs()).sum();
        lines.push(vec![topic.name.clone(), topic.partitions.len().to_string(), grouped(held)]);
    }
    print!("{}", columns(&lines, 1));
    Ok(())
}

async fn follow(tail: Tail, context: &Context) -> Result<(), Failure> {
    let address = match tail.topic.contains("://") {
        true => tail.topic.clone(),
        false => format!("kafka:///{}", tail.topic),
    };
    let location = Location::parse(&address, &context.settings().kafka.bootstrap_servers)?;
    let Location::Kafka { brokers, topic } = &location else {
        return Err(Failure::new(format!("{location} is not a topic")));
    };
    let log = KafkaLog::open(brokers, topic, &logs::options(context)).await?;
    let mut next = BTreeMap::new();
    let partitions = match tail.partition {
        Some(partition) => vec![partition],
        None => log.partitions().await?,
    };
    for partition in partitions {
        let held = log.offsets(partition).await?;
        next.insert(partition, if tail.from_beginning { held.start } else { held.end });
    }
    let stop = stop_signal()?;
    let began = Instant::now();
    let mut seen = 0;
    while !stop.load(Ordering::Relaxed) {
        let mut has_read = false;
        for (partition, next) in &mut next {
            let batch = log.read_batch(*partition, *next, Limit::messages(READ)).await?;
            has_read |= batch.next > *next;
            *next = batch.next;
            for message in &batch.messages {
                print_message(message);
                seen += 1;
                if tail.min == Some(seen) {
                    return Ok(());
                }
            }
        }
        if tail.min.is_some() && began.elapsed() >= tail.timeout {
            break;
        }
        if !has_read {
            tokio::time::sleep(REST).await;
        }
    }
    match tail.min {
        Some(min) => {
            let (seen, seconds) = (counted(seen, "message"), began.elapsed().as_secs_f64());
            let failure =
                Failure::new(format!("{seen} came to {location} in {seconds:.1} s, and not {}", grouped(min)));
            Err(failure.with_hint("--from-beginning counts the messages that the topic holds already"))
        }
        None => Ok(()),
    }
}

/// Prints a message. What a terminal would obey is escaped.
fn print_message(message: &Message) {
    let record = &message.record;
    let key = record.key.as_deref().map_or("-".to_string(), |key| printable(key, MOST_OF_A_KEY));
    let payload = printable(&String::from_utf8_lossy(&record.payload), MOST_OF_A_MESSAGE);
    println!("{}\t{}\t{}\t{key}\t{payload}", message.partition, message.offset, instant(record.ingest_time));
}
