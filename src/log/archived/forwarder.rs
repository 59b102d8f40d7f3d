//! Publishes an archive's messages in order, for as long as the log is open.
//!
//! A failure that may pass is tried again, and the user is told as long as messages are behind. Messages that were
//! acknowledged are not sent again. If the topic refuses a message for good, the forwarder sends fewer and fewer messages at once
//! until it knows which one it is, and sets that one aside. The note is written while the next messages go on, because they must not
//! wait for the disk.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::super::kafka::{Delivery, next_group};
use super::super::{Batch, DeadLetter, Error, FileLog, KafkaLog, Limit, Log, Message, Record, Tell};
use super::Progress;
use super::note::Last;
use crate::durable::{self, blocking};
use crate::error::with_causes;
use crate::text::grouped;

/// The most that is read from the archive and published at once.
const GROUP: Limit = Limit { messages: 8192, bytes: 4 << 20 };
/// The longest time that the note may lag behind what has been published.
const NOTE_INTERVAL: Duration = Duration::from_millis(500);
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_MOST: Duration = Duration::from_secs(15);
/// The length of the longest name that a file of dead letters begins with.
const MOST_NAME_BYTES: usize = 150;
/// How often the user is told that messages are still behind, and how many were set aside.
const TELL_INTERVAL: Duration = Duration::from_secs(60);

/// What a forwarder works with.
pub(super) struct Parts {
    pub archive: Arc<FileLog>,
    pub kafka: Arc<KafkaLog>,
    pub address: String,
    /// The note's path.
    pub path: PathBuf,
    /// The folder for messages that the topic refuses.
    pub dead: PathBuf,
    /// Whether the topic was checked, since the last failure, to be the one that the note names.
    pub checked: bool,
    pub appended: Arc<Notify>,
    /// Ends the forwarder.
    pub stop: Arc<Notify>,
    pub progress: watch::Sender<Progress>,
    pub tell: Tell,
}

/// Publishes an archive's messages.
pub(super) struct Forwarder {
    parts: Parts,
    /// The next offset in the note on disk, and when a note was last begun.
    noted: (i64, Instant),
    /// The note that is being written, by its next offset.
    writing: Option<(i64, JoinHandle<Result<(), Error>>)>,
    /// Messages of the archive that the topic does not have yet, in order.
    waiting: VecDeque<Message>,
    /// The archive's first offset after those messages.
    next: i64,
    /// The messages after those, which were read while others were sent.
    ahead: Option<Batch>,
    /// The offset of the last message that each partition took.
    ends: HashMap<i32, i64>,
    /// How many messages to send at once.
    group: usize,
    trouble: Option<Trouble>,
    refused: Refused,
}

/// Messages are behind, because publishing fails.
struct Trouble {
    since: Instant,
    told: Instant,
}

/// Messages that were set aside.
#[derive(Default)]
struct Refused {
    /// How many the user has not been told of.
    untold: u64,
    told: Option<Instant>,
}

impl Forwarder {
    /// Makes a forwarder that goes on where the progress is.
    pub(super) fn new(parts: Parts) -> Forwarder {
        let note = parts.progress.borrow().note.clone();
        let next = note.next_offset;
        Forwarder {
            parts,
            noted: (next, Instant::now()),
            writing: None,
            waiting: VecDeque::new(),
            next,
            ahead: None,
            ends: note.last.iter().map(Last::place).collect(),
            group: GROUP.messages,
            trouble: None,
            refused: Refused::default(),
        }
    }

    /// Publishes until it is told to stop.
    pub(super) async fn run(mut self) {
        let stop = Arc::clone(&self.parts.stop);
        tokio::select! {
            () = self.forward_all() => {}
            () = stop.notified() => {}
        }
        if let Some((_, write)) = self.writing.take() {
            // Whoever stops the forwarder writes a later note, and must not be overtaken by this one.
            let _ = write.await;
        }
    }

    /// Publishes for ever.
    async fn forward_all(&mut self) {
        let mut wait = RETRY_FIRST;
        loop {
            match self.forward().await {
                Ok(0) => {
                    // An append between the read and this line left a permit, so the wait ends at once.
                    let _ = tokio::time::timeout(NOTE_INTERVAL, self.parts.appended.notified()).await;
                }
                Ok(_) => {
                    wait = RETRY_FIRST;
                    self.tell_recovery();
                }
                Err(error) => {
                    self.parts.checked = false;
                    self.tell_trouble(&error).await;
                    self.parts.progress.send_modify(|progress| progress.failure = Some(with_causes(&error)));
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(RETRY_MOST);
                }
            }
            self.tell_refused(false);
        }
    }

    /// Publishes one group and returns how many messages went on.
    async fn forward(&mut self) -> Result<usize, Error> {
        if self.waiting.is_empty() {
            let batch = match self.ahead.take() {
                Some(batch) => batch,
                None => self.parts.archive.read_batch(0, self.next, GROUP).await?,
            };
            (self.waiting, self.next) = (batch.messages.into(), batch.next);
        }
        let went_on = if self.waiting.is_empty() { 0 } else { self.publish().await? };
        self.write_note(went_on == 0).await?;
        Ok(went_on)
    }

    /// Begins to write the note if it is due. Returns the failure of the note before it.
    async fn write_note(&mut self, idle: bool) -> Result<(), Error> {
        if let Some((next, write)) = self.writing.take_if(|(_, write)| write.is_finished()) {
            write.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
            self.noted.0 = next;
        }
        let note = self.parts.progress.borrow().note.clone();
        let (noted, at) = self.noted;
        if self.writing.is_none() && note.next_offset != noted && (idle || at.elapsed() >= NOTE_INTERVAL) {
            // As long as a note is being written, no other process may take the archive over.
            let (archive, path) = (Arc::clone(&self.parts.archive), self.parts.path.clone());
            self.noted.1 = Instant::now();
            self.writing = Some((
                note.next_offset,
                tokio::spawn(async move {
                    let written = note.write(&path).await;
                    drop(archive);
                    written
                }),
            ));
        }
        Ok(())
    }

    /// Sends the next group. Messages that did not go on stay in front, in order.
    async fn publish(&mut self) -> Result<usize, Error> {
        if !self.parts.checked {
            let note = self.parts.progress.borrow().note.clone();
            note.check_topic(&self.parts.kafka, self.parts.archive.dir(), &self.parts.address).await?;
            self.parts.checked = true;
        }
        let sent = self.group.min(self.waiting.len());
        let records: Vec<&Record> = self.waiting.iter().take(sent).map(|message| &message.record).collect();
        let reading = async {
            match self.ahead.is_none() {
                true => self.parts.archive.read_batch(0, self.next, GROUP).await.ok(),
                false => None,
            }
        };
        let (deliveries, read) = tokio::join!(self.parts.kafka.publish(&records), reading);
        // Without messages, or after an error, the next round reads again.
        self.ahead = self.ahead.take().or(read.filter(|batch| !batch.messages.is_empty()));
        let deliveries = deliveries?;
        if let ([Delivery::Refused(reason)], Some(message)) = (deliveries.as_slice(), self.waiting.front()) {
            self.set_aside(message.offset, message.record.clone(), reason).await?;
            self.waiting.pop_front();
            self.advance(None, None);
            return Ok(1);
        }
        let (mut last, mut failure, mut refused, mut was_replaced) = (None, None, false, false);
        let mut kept = VecDeque::new();
        for (message, delivery) in self.waiting.drain(..sent).zip(deliveries) {
            match delivery {
                Delivery::At(place) => {
                    // A topic that takes messages where it had some is another one. Of a message that was sent twice, Kafka may not know the
                    // offset.
                    let end = self.ends.entry(place.partition).or_insert(-1);
                    was_replaced |= place.offset >= 0 && place.offset <= *end;
                    *end = place.offset.max(*end);
                    last = Some(Last::new(place, &message.record));
                }
                Delivery::Refused(_) => {
                    // A batch is refused as a whole, so this need not be the message that the topic refuses.
                    refused = true;
                    kept.push_back(message);
                }
                Delivery::Failed(error) => {
                    failure.get_or_insert(error);
                    kept.push_back(message);
                }
            }
        }
        if was_replaced {
            // The note stays as it was, and the archive is read again from there.
            self.waiting.clear();
            self.ahead = None;
            self.next = self.parts.progress.borrow().note.next_offset;
            let (archive, topic) = (self.parts.archive.dir().to_path_buf(), self.parts.address.clone());
            return Err(Error::OtherTopic { archive, topic, reason: "the topic was deleted and made anew".into() });
        }
        let went_on = sent - kept.len();
        kept.append(&mut self.waiting);
        self.waiting = kept;
        self.group = next_group(self.group, sent, refused).min(GROUP.messages);
        let failure = failure.map(|error| self.parts.kafka.not_acknowledged(error));
        self.advance(last, failure.as_ref().map(|error| with_causes(error)));
        match failure {
            Some(error) => Err(error),
            // After a refusal there is something to do, even if no message went on.
            None => Ok(went_on.max(1)),
        }
    }

    /// Moves the progress to the first message that still waits.
    fn advance(&mut self, last: Option<Last>, failure: Option<String>) {
        let next_offset = self.waiting.front().map_or(self.next, |message| message.offset);
        self.parts.progress.send_modify(|progress| {
            progress.note.next_offset = next_offset;
            if last.is_some() {
                progress.note.last = last;
            }
            progress.failure = failure;
        });
    }

    /// Keeps a message that the topic refuses as a dead letter. Doing it again after a crash replaces the same file.
    async fn set_aside(&mut self, offset: i64, record: Record, reason: &str) -> Result<(), Error> {
        let topic = self.parts.kafka.topic().to_string();
        let reason = format!("{} refuses the message of {} bytes: {reason}", self.parts.address, record.payload.len());
        // A long topic is cut, because a folder takes names of 255 bytes only; the letter names it whole.
        let path =
            self.parts.dead.join(format!("{}-refused-{offset}.ndjson", &topic[..topic.len().min(MOST_NAME_BYTES)]));
        let letter = DeadLetter { offset, record, reason: reason.clone() };
        let place = path.clone();
        let written = blocking(move || {
            let mut line = Vec::new();
            letter.encode(&topic, 0, &mut line)?;
            durable::replace(&place, &line)
        });
        written.await.map_err(|source| Error::Io { action: "write", path: path.clone(), source })?;
        self.refused.untold += 1;
        if self.refused.told.is_none() {
            self.parts.tell.say(&format!("Warning: {reason}; it is set aside in {}", path.display()));
            self.refused = Refused { untold: 0, told: Some(Instant::now()) };
        }
        Ok(())
    }

    /// Tells how many more messages were set aside, now and then.
    fn tell_refused(&mut self, now: bool) {
        let due = self.refused.told.is_some_and(|told| now || told.elapsed() >= TELL_INTERVAL);
        if due && self.refused.untold > 0 {
            let (untold, dead) = (grouped(self.refused.untold), self.parts.dead.display());
            let address = &self.parts.address;
            self.parts
                .tell
                .say(&format!("Warning: {address} refuses {untold} more messages; they are set aside in {dead}"));
            self.refused = Refused { untold: 0, told: Some(Instant::now()) };
        }
    }

    /// Tells that messages are behind: at once, and again while it lasts.
    async fn tell_trouble(&mut self, error: &Error) {
        let now = Instant::now();
        let told = self.trouble.as_ref().map(|trouble| trouble.told);
        if told.is_some_and(|told| now.duration_since(told) < TELL_INTERVAL) {
            return;
        }
        let next = self.parts.progress.borrow().note.next_offset;
        let end = self.parts.archive.offsets(0).await.map_or(next, |held| held.end);
        let behind = grouped(u64::try_from(end.saturating_sub(next)).unwrap_or(0));
        let (address, dir) = (&self.parts.address, self.parts.archive.dir().display());
        self.parts.tell.say(&format!(
            "Warning: {behind} messages are not in {address} yet: {}; they are kept in {dir}, and squall tries again",
            with_causes(error)
        ));
        let since = self.trouble.as_ref().map_or(now, |trouble| trouble.since);
        self.trouble = Some(Trouble { since, told: now });
    }

    fn tell_recovery(&mut self) {
        if let Some(trouble) = self.trouble.take() {
            let (address, seconds) = (&self.parts.address, trouble.since.elapsed().as_secs());
            self.parts.tell.say(&format!("Note: {address} takes messages again, after {seconds} s"));
        }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.tell_refused(true);
    }
}
