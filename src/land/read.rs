//! Reads messages ahead: while rows are placed, later chunks are read from the log and parsed on other threads.
//!
//! In: a partition and an offset. Out: the messages from that offset on, in order, each parsed or dead.

use std::ops::Range;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Error;
use crate::log::{Batch, Limit, Log, Message, Record};
use crate::tick::{self, Columns, Problem, Sequence, Sink, Tick};

/// Messages per chunk: large enough to hide the cost of a task, small enough for the first rows to come soon.
const CHUNK: Limit = Limit { messages: 4096, bytes: 4 << 20 };
/// How many chunks are read ahead of the one being placed.
const AHEAD: usize = 4;

/// Messages that follow each other in a partition, and their ticks.
#[derive(Debug)]
pub struct Chunk {
    pub messages: Vec<Read>,
    pub ticks: Columns,
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
    /// The message's ticks, as rows of the chunk's columns.
    Ticks(Range<usize>),
    Control {
        name: String,
    },
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
                let parsed = tokio::task::spawn_blocking(move || Chunk::parse(batch));
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

impl Chunk {
    /// Parses the messages of a batch.
    fn parse(batch: Batch) -> Chunk {
        let mut reader = tick::Reader::default();
        let mut ticks = Columns::default();
        let messages = batch.messages.into_iter().map(|message| read(&mut reader, message, &mut ticks)).collect();
        Chunk { messages, ticks, next: batch.next }
    }
}

/// Reads a record's message. If its exchange sends no time, the time of its receipt stands in.
pub fn parsed(reader: &mut tick::Reader, record: &Record, ticks: &mut dyn Sink) -> Result<tick::Message, Problem> {
    match reader.read(&record.payload, ticks) {
        // squall recorded the message, and a recorder's time may stand before it.
        Err(problem) if problem.lacks_time() && record.is_live() => {
            reader.read(&[format!("{} ", record.ingest_time).as_bytes(), &record.payload].concat(), ticks)
        }
        parsed => parsed,
    }
}

fn read(reader: &mut tick::Reader, message: Message, ticks: &mut Columns) -> Read {
    let Message { offset, record, only, .. } = message;
    let first = ticks.count();
    let parsed = match &only {
        None => parsed(reader, &record, ticks),
        Some(product) => parsed(reader, &record, &mut Only { product, ticks }),
    };
    let rows = first..ticks.count();
    let (sequence, sequence_num, outcome) = match parsed {
        Ok(tick::Message { shape, sequence_num, control }) => {
            let outcome = match (control, only) {
                (Some(control), _) => Outcome::Control { name: control.name },
                (None, Some(product)) if rows.is_empty() => Outcome::Dead(Dead {
                    reason: format!("message stands for {product} only, and has no tick of it"),
                    kind: "message has no tick of the product it stands for".into(),
                }),
                (None, _) => Outcome::Ticks(rows),
            };
            (shape.sequence(), sequence_num, outcome)
        }
        Err(problem) => {
            let dead = Dead { reason: problem.to_string(), kind: problem.kind() };
            (Sequence::None, None, Outcome::Dead(dead))
        }
    };
    Read { offset, record, sequence, sequence_num, outcome }
}

/// Takes only the ticks of the one product that a message stands for.
struct Only<'a> {
    product: &'a str,
    ticks: &'a mut Columns,
}

impl Sink for Only<'_> {
    fn count(&self) -> usize {
        self.ticks.count()
    }

    fn push(&mut self, tick: &Tick<&str>) {
        if tick.product_id == self.product {
            self.ticks.push(tick);
        }
    }

    fn discard(&mut self, ticks: Range<usize>) {
        self.ticks.discard(ticks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_without_a_time_has_that_of_its_receipt_if_it_was_live() {
        const TICKER: &str = r#"{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}"#;
        const RECEIVED: i64 = 1_723_161_254_087_891_268;
        let read = |connection: &str| {
            let record = Record {
                key: None,
                payload: TICKER.into(),
                ingest_time: RECEIVED,
                connection: Some(connection.into()),
            };
            let message = Message { partition: 0, offset: 0, record, only: None };
            Chunk::parse(Batch { messages: vec![message], next: 1 })
        };
        let live = read("1723161254000-1");
        assert!(matches!(&live.messages[0].outcome, Outcome::Ticks(rows) if *rows == (0..1)));
        assert_eq!((live.ticks.tick(0).event_time, live.ticks.tick(0).best_bid), (RECEIVED, 61837.63));
        // The time at which a recording was replayed is not the time of its messages.
        let replayed = read("0123456789abcdef-0");
        let Outcome::Dead(dead) = &replayed.messages[0].outcome else { panic!("a dead letter") };
        assert!(dead.reason.contains("recorder's time is missing"), "{dead:?}");
    }
}
