//! Reads messages ahead: chunks come from the log and are parsed on other threads while the rows before them are placed.
//!
//! In: a partition and an offset. Out: its messages from there on in order, each parsed or dead.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Error;
use crate::log::{Log, Message};
use crate::tick::{self, Content, Parsed, Sequence, Tick};

/// Messages a chunk: enough to hide what a task costs, few enough that the first rows come soon.
const CHUNK: usize = 4096;
/// Chunks read ahead of the one being placed.
const AHEAD: usize = 4;

/// A time so far after a message was received is no time of it: taken for one, it would make all that follows late.
const FUTURE_NS: i64 = 366 * 24 * 3_600_000_000_000;

/// A message, read as far as it can be without knowing those before it.
#[derive(Debug)]
pub struct Read {
    pub offset: i64,
    pub ingest_time: i64,
    pub connection: Option<String>,
    /// What the message's own number counts, and the number.
    pub sequence: Sequence,
    pub sequence_num: Option<i64>,
    pub outcome: Outcome,
}

/// What a message turned out to be.
#[derive(Debug)]
pub enum Outcome {
    Ticks(Vec<Tick>),
    Control { name: String },
    Dead(Dead),
}

/// A message that no row can be made of.
#[derive(Debug)]
pub struct Dead {
    pub reason: String,
    /// The reason without its particulars, for counting.
    pub kind: String,
    pub payload: Vec<u8>,
}

/// A partition's messages from an offset on, read ahead.
pub struct Reader {
    chunks: mpsc::Receiver<Result<JoinHandle<Vec<Read>>, Error>>,
    task: JoinHandle<()>,
}

impl Reader {
    /// Starts to read a partition at `from`, and ends before `end`, or where the log holds no more.
    pub fn start(log: Arc<dyn Log>, partition: i32, from: i64, end: i64) -> Reader {
        let (sender, chunks) = mpsc::channel(AHEAD);
        let task = tokio::spawn(async move {
            let mut next = from;
            while next < end {
                let limit = usize::try_from(end - next).unwrap_or(CHUNK).min(CHUNK);
                let chunk = match log.read(partition, next, limit).await {
                    Ok(messages) => messages,
                    Err(source) => {
                        // A receiver that is gone wants no error either.
                        let _ = sender.send(Err(Error::log(log.topic(), source))).await;
                        return;
                    }
                };
                let Some(last) = chunk.last() else { return };
                next = last.offset + 1;
                let parsed = tokio::task::spawn_blocking(move || chunk.into_iter().map(read).collect());
                if sender.send(Ok(parsed)).await.is_err() {
                    return;
                }
            }
        });
        Reader { chunks, task }
    }

    /// Returns the next messages in order; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<Read>>, Error> {
        match self.chunks.recv().await {
            Some(chunk) => Ok(Some(chunk?.await?)),
            None => Ok(None),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn read(message: Message) -> Read {
    let Message { offset, record, .. } = message;
    let future = |tick: &Tick| tick.event_time > record.ingest_time.saturating_add(FUTURE_NS);
    let (sequence, sequence_num, outcome) = match tick::parse(&record.payload) {
        Ok(Parsed { content: Content::Ticks(ticks), .. }) if ticks.iter().any(future) => {
            let kind = "event_time is over a year after ingest_time".to_string();
            (Sequence::None, None, Outcome::Dead(Dead { reason: kind.clone(), kind, payload: record.payload }))
        }
        Ok(parsed) => {
            let outcome = match parsed.content {
                Content::Ticks(ticks) => Outcome::Ticks(ticks),
                Content::Control(control) => Outcome::Control { name: control.name },
            };
            (parsed.shape.sequence(), parsed.sequence_num, outcome)
        }
        Err(problem) => {
            let dead = Dead { reason: problem.to_string(), kind: problem.kind(), payload: record.payload };
            (Sequence::None, None, Outcome::Dead(dead))
        }
    };
    Read { offset, ingest_time: record.ingest_time, connection: record.connection, sequence, sequence_num, outcome }
}
