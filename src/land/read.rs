//! Reads messages ahead: while rows are placed, later chunks are read from the log and parsed on other threads.
//!
//! In: a partition and an offset. Out: the messages from that offset on, in order, each parsed or dead.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Error;
use crate::log::{Limit, Log, Message, Record};
use crate::tick::{self, Content, Sequence, Tick};

/// Messages per chunk: large enough to hide the cost of a task, small enough for the first rows to come soon.
const CHUNK: Limit = Limit { messages: 4096, bytes: 4 << 20 };
/// How many chunks are read ahead of the one being placed.
const AHEAD: usize = 4;

/// Messages that follow each other in a partition.
#[derive(Debug)]
pub struct Chunk {
    pub messages: Vec<Read>,
    /// The first offset after the chunk. Offsets below it that none of the messages has hold no message.
    pub next: i64,
}

/// A message, parsed as far as possible without the messages before it.
#[derive(Debug)]
pub struct Read {
    pub offset: i64,
    pub record: Record,
    /// The message's own number, and what that number counts.
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

/// A message that cannot become a row.
#[derive(Debug)]
pub struct Dead {
    pub reason: String,
    /// The reason without its details, for counting.
    pub kind: String,
}

/// A partition's messages from an offset on; later ones are read in advance.
pub struct Reader {
    chunks: mpsc::Receiver<Result<JoinHandle<Chunk>, Error>>,
    task: JoinHandle<()>,
}

impl Reader {
    /// Starts to read a partition at `from`; ends before `end`, or earlier if the log holds no more.
    pub fn start(log: Arc<dyn Log>, partition: i32, from: i64, end: i64) -> Reader {
        let (sender, chunks) = mpsc::channel(AHEAD);
        let task = tokio::spawn(async move {
            let mut next = from;
            while next < end {
                let messages = usize::try_from(end - next).unwrap_or(usize::MAX).min(CHUNK.messages);
                let batch = match log.read_batch(partition, next, Limit { messages, ..CHUNK }).await {
                    Ok(batch) => batch,
                    Err(source) => {
                        // If the receiver is gone, nobody needs the error.
                        let _ = sender.send(Err(Error::log(log.topic(), source))).await;
                        return;
                    }
                };
                if batch.next <= next {
                    return;
                }
                next = batch.next;
                let parsed = tokio::task::spawn_blocking(move || Chunk {
                    messages: batch.messages.into_iter().map(read).collect(),
                    next: batch.next,
                });
                if sender.send(Ok(parsed)).await.is_err() {
                    return;
                }
            }
        });
        Reader { chunks, task }
    }

    /// Returns the next messages in order; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Chunk>, Error> {
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
    let Message { offset, record, only, .. } = message;
    let (sequence, sequence_num, outcome) = match tick::parse(&record.payload) {
        Ok(parsed) => {
            let outcome = match (parsed.content, only) {
                (Content::Ticks(ticks), None) => Outcome::Ticks(ticks),
                (Content::Ticks(ticks), Some(product)) => of_product(ticks, &product),
                (Content::Control(control), _) => Outcome::Control { name: control.name },
            };
            (parsed.shape.sequence(), parsed.sequence_num, outcome)
        }
        Err(problem) => {
            let dead = Dead { reason: problem.to_string(), kind: problem.kind() };
            (Sequence::None, None, Outcome::Dead(dead))
        }
    };
    Read { offset, record, sequence, sequence_num, outcome }
}

/// Returns only the ticks of the one product that the message stands for.
fn of_product(mut ticks: Vec<Tick>, product: &str) -> Outcome {
    ticks.retain(|tick| tick.product_id == product);
    if ticks.is_empty() {
        let reason = format!("message stands for {product} only, and has no tick of it");
        return Outcome::Dead(Dead { reason, kind: "message has no tick of the product it stands for".into() });
    }
    Outcome::Ticks(ticks)
}
