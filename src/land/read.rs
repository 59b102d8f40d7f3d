//! Reads messages ahead: while rows are placed, later chunks are read from the log and parsed on other threads.
//!
//! In: a partition and a range of offsets. Out: [`Chunk`]s, which hold the messages of that range in order: each is a tick or
//! several, a control message, or dead.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Error;
use super::files::LandedFile;
use super::summary::Summary;
use crate::log::{Batch, DeadLetter, Limit, Log, Message, Record, Witness};
use crate::text::Names;
use crate::tick::{self, Columns, Identity, Problem, Sequence, Sink, Tick};

/// Messages per chunk: large enough to hide the cost of a task, small enough for the first rows to come soon.
const CHUNK: Limit = Limit { messages: 4096, bytes: 4 << 20 };
/// How many chunks are read ahead of the one being placed.
const AHEAD: usize = 4;

/// Messages that follow each other in a partition, read as far as possible without the messages before them.
#[derive(Debug)]
pub struct Chunk {
    /// Counts the messages. Rows are counted when they are placed.
    pub summary: Summary,
    pub rows: Rows,
    pub letters: Vec<DeadLetter>,
    /// The numbers of messages, where they count the messages of a connection.
    pub numbers: Vec<Numbered>,
    /// The names of the connections.
    pub connections: Names,
    /// The bytes of the messages.
    pub bytes: u64,
    /// When the last message was received; `None` if there is none.
    pub received: Option<i64>,
    /// The last message; `None` if there is none.
    pub last: Option<Witness>,
    /// The first offset after the chunk.
    pub next: i64,
}

/// The ticks of a chunk, and what is known of each of them beside.
#[derive(Debug)]
pub struct Rows {
    pub ticks: Columns,
    pub identity: Vec<Identity>,
    /// The number of the connection's name; `None` if the message names no connection.
    pub connection: Vec<Option<u32>>,
    pub ingest_time: Vec<i64>,
    pub log_offset: Vec<i64>,
}

/// A message whose number counts the messages of its connection.
#[derive(Debug)]
pub struct Numbered {
    /// The number of the connection's name.
    pub connection: Option<u32>,
    pub sequence_num: i64,
    pub offset: i64,
    pub ingest_time: i64,
}

/// Which messages of a partition to read.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub partition: i32,
    pub offsets: Range<i64>,
    /// Whether messages after `offsets` are left out. They may have arrived since the log's end was asked for.
    pub no_later: bool,
    /// A chunk ends where a file is full: after this many messages for the first time, then after `per_file` each.
    pub first_file: usize,
    pub per_file: usize,
}

impl Wanted {
    /// Returns what a landed file's range holds, and nothing later.
    pub fn all_of(file: &LandedFile) -> Wanted {
        let offsets = file.first..file.next_offset();
        Wanted { partition: file.partition, offsets, no_later: true, first_file: usize::MAX, per_file: usize::MAX }
    }
}

/// A partition's messages; later ones are read in advance.
pub struct Reader {
    chunks: mpsc::Receiver<Result<JoinHandle<Chunk>, Error>>,
    task: JoinHandle<()>,
}

impl Reader {
    /// Starts to read; ends after the offsets that are wanted, or earlier if the log holds no more.
    pub fn start(log: Arc<dyn Log>, wanted: Wanted) -> Reader {
        let (sender, chunks) = mpsc::channel(AHEAD);
        let task = tokio::spawn(async move {
            let Wanted { partition, offsets, no_later, first_file, per_file } = wanted;
            let (mut next, per_file) = (offsets.start, per_file.max(1));
            let mut left = first_file.clamp(1, per_file);
            while next < offsets.end {
                let messages = usize::try_from(offsets.end - next).unwrap_or(usize::MAX).min(CHUNK.messages).min(left);
                let mut batch = match log.read_batch(partition, next, Limit { messages, ..CHUNK }).await {
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
                if no_later && batch.next > offsets.end {
                    batch.messages.retain(|message| message.offset < offsets.end);
                    batch.next = offsets.end;
                }
                left = match left.saturating_sub(batch.messages.len()) {
                    0 => per_file,
                    left => left,
                };
                let from = std::mem::replace(&mut next, batch.next);
                let parsed = tokio::task::spawn_blocking(move || Chunk::parse(from, batch));
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
    /// Parses the messages of a batch that begins at `from`.
    pub fn parse(from: i64, batch: Batch) -> Chunk {
        let Batch { messages, next } = batch;
        let count = messages.len();
        let mut parsing = Parsing {
            reader: tick::Reader::default(),
            chunk: Chunk {
                summary: Summary { messages: count as u64, ..Summary::default() },
                rows: Rows::with_room_for(count),
                letters: Vec::new(),
                numbers: Vec::new(),
                connections: Names::default(),
                bytes: messages.iter().map(|message| message.record.payload.len() as u64).sum(),
                received: messages.last().map(|message| message.record.ingest_time),
                last: messages.last().map(|Message { offset, record, .. }| Witness {
                    offset: *offset,
                    fingerprint: record.fingerprint(),
                }),
                next,
            },
            positions: Vec::new(),
        };
        for message in messages {
            parsing.add(message);
        }
        let mut chunk = parsing.chunk;
        chunk.summary.absent = next.saturating_sub(from).unsigned_abs().saturating_sub(count as u64);
        chunk
    }
}

impl Rows {
    fn with_room_for(rows: usize) -> Rows {
        Rows {
            ticks: Columns::with_room_for(rows),
            identity: Vec::with_capacity(rows),
            connection: Vec::with_capacity(rows),
            ingest_time: Vec::with_capacity(rows),
            log_offset: Vec::with_capacity(rows),
        }
    }
}

/// A chunk that is being filled.
struct Parsing {
    reader: tick::Reader,
    chunk: Chunk,
    /// How many ticks of each product the present message had so far; all are 0 between messages.
    positions: Vec<usize>,
}

impl Parsing {
    fn add(&mut self, message: Message) {
        let Message { offset, record, only, .. } = message;
        let Chunk { summary, rows, letters, numbers, connections, .. } = &mut self.chunk;
        let first = rows.ticks.count();
        let parsed = match &only {
            None => parsed(&mut self.reader, &record, &mut rows.ticks),
            Some(product) => parsed(&mut self.reader, &record, &mut Only { product, ticks: &mut rows.ticks }),
        };
        let taken = first..rows.ticks.count();
        let tick::Message { shape, sequence_num, control } = match parsed {
            Ok(message) => message,
            Err(problem) => {
                summary.count_dead(&problem.kind());
                letters.push(letter(offset, &record, problem.to_string()));
                return;
            }
        };
        let (sequence, ingest_time) = (shape.sequence(), record.ingest_time);
        let connection = record.connection.as_deref().map(|name| connections.number(name));
        if let (Sequence::Connection, Some(sequence_num)) = (sequence, sequence_num) {
            numbers.push(Numbered { connection, sequence_num, offset, ingest_time });
        }
        match (control, only) {
            (Some(control), _) => summary.count_control(&control.name),
            (None, Some(product)) if taken.is_empty() => {
                summary.count_dead("message has no tick of the product it stands for");
                let reason = format!("message stands for {product} only, and has no tick of it");
                letters.push(letter(offset, &record, reason));
            }
            (None, _) => {
                summary.note_sequence(offset, sequence);
                self.positions.resize(rows.ticks.products.count(), 0);
                for row in taken.clone() {
                    let position = &mut self.positions[rows.ticks.product[row] as usize];
                    rows.identity.push(rows.ticks.identity(row, sequence, *position));
                    *position += 1;
                }
                for row in taken.clone() {
                    self.positions[rows.ticks.product[row] as usize] = 0;
                }
                rows.connection.resize(taken.end, connection);
                rows.ingest_time.resize(taken.end, ingest_time);
                rows.log_offset.resize(taken.end, offset);
            }
        }
    }
}

/// Makes a dead letter with a copy of the message, so that the letter does not hold on to its neighbours' memory.
fn letter(offset: i64, record: &Record, reason: String) -> DeadLetter {
    DeadLetter { offset, record: Record { payload: Bytes::copy_from_slice(&record.payload), ..record.clone() }, reason }
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

    const RECEIVED: i64 = 1_723_161_254_087_891_268;

    fn chunk(payloads: &[&str], connection: &str) -> Chunk {
        let messages = payloads.iter().zip(0..).map(|(payload, offset)| {
            let payload = Bytes::copy_from_slice(payload.as_bytes());
            let record = Record { key: None, payload, ingest_time: RECEIVED, connection: Some(connection.into()) };
            Message { partition: 0, offset, record, only: None }
        });
        Chunk::parse(0, Batch { messages: messages.collect(), next: payloads.len() as i64 })
    }

    #[test]
    fn a_message_without_a_time_has_that_of_its_receipt_if_it_was_live() {
        const TICKER: &str = r#"{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}"#;
        let live = chunk(&[TICKER], "1723161254000-1").rows.ticks;
        assert_eq!(live.count(), 1);
        assert_eq!((live.tick(0).event_time, live.tick(0).best_bid), (RECEIVED, 61837.63));
        // The time at which a recording was replayed is not the time of its messages.
        let replayed = chunk(&[TICKER], "0123456789abcdef-0");
        assert_eq!(replayed.rows.ticks.count(), 0);
        assert!(replayed.letters[0].reason.contains("recorder's time is missing"), "{:?}", replayed.letters);
    }

    #[test]
    fn columns_of_a_chunk_belong_to_the_same_rows() {
        let ticker = |product: &str, bid: f64| {
            format!(
                r#"{{"product_id":"{product}","price":"3","best_bid":"{bid}","best_ask":"4","timestamp":"2026-04-06T15:02:34Z"}}"#
            )
        };
        // The second message is dead although its product can be read.
        let texts = [
            ticker("A", 1.0),
            ticker("DEAD", 5.0),
            r#"{"type":"subscriptions","channels":[]}"#.into(),
            ticker("B", 2.0),
            "{".into(),
        ];
        let Chunk { summary, rows, letters, last, next, .. } = chunk(&texts.each_ref().map(String::as_str), "c1");
        assert_eq!((summary.messages, summary.absent, next), (5, 0, 5));
        assert_eq!((summary.control.values().sum::<u64>(), summary.dead.values().sum::<u64>()), (1, 2));
        assert_eq!(letters.iter().map(|letter| letter.offset).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(rows.log_offset, [0, 3]);
        assert_eq!((rows.ticks.product_id(0), rows.ticks.product_id(1)), ("A", "B"));
        assert_eq!([rows.ticks.count(), rows.identity.len(), rows.connection.len(), rows.ingest_time.len()], [2; 4]);
        assert_eq!(last.map(|last| last.offset), Some(4));
    }

    #[test]
    fn ticks_of_one_message_and_product_differ() {
        let ticker = r#"{"type":"ticker","product_id":"A","price":"3","best_bid":"1","best_ask":"4"}"#;
        let envelope = format!(
            r#"{{"channel":"ticker","timestamp":"2026-04-04T21:13:43Z","sequence_num":0,"events":[{{"type":"update","tickers":[{ticker},{ticker}]}}]}}"#
        );
        let chunk = chunk(&[&envelope, &envelope], "c1");
        let identity = chunk.rows.identity;
        assert_eq!(identity.len(), 4);
        assert_ne!(identity[0], identity[1]);
        assert_eq!(identity[..2], identity[2..]);
        assert_eq!(chunk.numbers.iter().map(|number| number.offset).collect::<Vec<_>>(), [0, 1]);
    }
}
