//! Merges overlapping recordings into one order; messages that they share are kept once.
//!
//! In: recordings, in any order. Out: their messages by (event time, sequence number), each once. Memory is bounded by bytes: runs
//! that fit into memory are sorted and written to temporary files, then merged (Knuth, The Art of Computer Programming,
//! volume 3, section 5.4). Equal messages come in the order in which their recordings were named, so the result is always
//! the same.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::Error;
use super::file::Recording;
use super::scan::{Line, Scan, connection_name};
use super::tally::Tally;
use crate::durable::Aside;
use crate::tick::{Content, Sequence};

/// How many bytes a run may take in memory: its messages, and what is kept beside each.
pub const RUN_BYTES: usize = 64 * 1024 * 1024;
/// The bytes of all runs' buffers together, and the bounds of one.
const BUFFERS_BYTES: usize = 32 * 1024 * 1024;
const BUFFER_BYTES: std::ops::RangeInclusive<usize> = 4 * 1024..=256 * 1024;
/// How many messages of one event time are compared. If there are more, some repeated ones stay, and landing marks them.
const MOST_SEEN: usize = 1 << 20;

/// Sorted recordings, from which messages are taken one by one.
pub struct Merged {
    runs: Vec<Run>,
    /// Each run's first entry that has not been taken yet. Its message is read when it is taken.
    heads: Vec<Option<Entry>>,
    order: BinaryHeap<Reverse<(Place, usize)>>,
    /// The identity of each recording, from which its connections are named.
    identities: Vec<String>,
    spill_dir: PathBuf,
    /// The messages of the current event time that have already been taken.
    seen: HashSet<Identity>,
    seen_time: i64,
    pub tallies: Vec<Tally>,
}

/// A message taken from a merge.
#[derive(Debug, PartialEq)]
pub struct Taken {
    pub payload: Vec<u8>,
    pub key: Option<String>,
    pub connection: String,
}

/// A message's place in the order: event time, sequence number, recording, line.
///
/// A line without a time or number gets those of the line before it, so that it stays after that line.
type Place = (i64, i64, u32, u64);

#[derive(Debug)]
struct Entry {
    place: Place,
    sameness: Sameness,
    connection: u32,
    key: Option<Box<str>>,
    payload: Payload,
}

#[derive(Debug)]
enum Payload {
    Memory(Vec<u8>),
    /// The message follows in the run's file, with this length.
    File(u32),
}

/// What makes two messages with one event time the same message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sameness {
    /// Product and sequence number, if the exchange numbers a product's events.
    Number = 0,
    /// All bytes.
    Bytes = 1,
    /// Nothing: a message that has a problem or no time of its own is always kept.
    Nothing = 2,
}

/// A 128-bit hash of what makes a message the same as another.
type Identity = [u64; 2];

enum Run {
    Memory(std::vec::IntoIter<Entry>),
    File(BufReader<File>),
}

/// Reads and sorts the recordings; all runs of `run_bytes` but the last are written to files in `spill_dir`.
pub fn sort(
    recordings: &[Recording],
    products: &[String],
    spill_dir: &Path,
    run_bytes: usize,
    read: &dyn Fn(u64),
) -> Result<Merged, Error> {
    let spill_failed = |source| Error::Spill { dir: spill_dir.to_path_buf(), source };
    let (mut files, mut tallies) = (Vec::new(), Vec::new());
    let (mut entries, mut bytes) = (Vec::new(), 0);
    for (file, recording) in (0..).zip(recordings) {
        let mut scan = Scan::start(recording, products)?;
        let (mut time, mut sequence) = (i64::MIN, i64::MIN);
        let mut number = 0;
        while let Some(line) = scan.next()? {
            let own_time = event_time(&line);
            if let Some(own_time) = own_time {
                time = own_time;
                sequence = line.parsed.as_ref().ok().and_then(|parsed| parsed.sequence_num).unwrap_or(i64::MIN);
            }
            let key = line.product().map(Box::from);
            bytes += size_of::<Entry>() + line.payload.len() + key.as_deref().map_or(0, str::len);
            entries.push(Entry {
                place: (time, sequence, file, number),
                sameness: sameness(&line, own_time),
                connection: line.connection,
                key,
                payload: Payload::Memory(line.payload.to_vec()),
            });
            number += 1;
            read(1);
            if bytes >= run_bytes {
                entries.sort_unstable_by_key(|entry| entry.place);
                files.push(lay_aside(&entries, spill_dir).map_err(spill_failed)?);
                entries.clear();
                bytes = 0;
            }
        }
        tallies.push(scan.tally);
    }
    entries.sort_unstable_by_key(|entry| entry.place);
    let buffer = (BUFFERS_BYTES / (files.len() + 1)).clamp(*BUFFER_BYTES.start(), *BUFFER_BYTES.end());
    let mut runs: Vec<Run> = files.into_iter().map(|file| Run::File(BufReader::with_capacity(buffer, file))).collect();
    runs.push(Run::Memory(entries.into_iter()));
    let mut merged = Merged {
        heads: runs.iter().map(|_| None).collect(),
        runs,
        order: BinaryHeap::new(),
        identities: recordings.iter().map(|recording| recording.identity.clone()).collect(),
        spill_dir: spill_dir.to_path_buf(),
        seen: HashSet::new(),
        seen_time: i64::MIN,
        tallies,
    };
    for run in 0..merged.runs.len() {
        merged.advance(run)?;
    }
    Ok(merged)
}

impl Merged {
    /// Takes the next message; `None` after the last. Duplicates are counted in the tally of their recording.
    pub fn next(&mut self) -> Result<Option<Taken>, Error> {
        while let Some(Reverse((place, run))) = self.order.pop() {
            // Each place in the heap belongs to the head of its run.
            let Some(entry) = self.heads[run].take() else { continue };
            let payload = self.runs[run].payload(entry.payload).map_err(|source| self.spill_failed(source))?;
            self.advance(run)?;
            // Recordings have the same numbers here as in the list of tallies.
            let recording = place.2 as usize;
            if self.is_duplicate(entry.sameness, place, entry.key.as_deref(), &payload) {
                self.tallies[recording].duplicates += 1;
                continue;
            }
            let connection = connection_name(&self.identities[recording], entry.connection);
            return Ok(Some(Taken { payload, key: entry.key.map(String::from), connection }));
        }
        Ok(None)
    }

    fn is_duplicate(&mut self, sameness: Sameness, place: Place, key: Option<&str>, payload: &[u8]) -> bool {
        let (time, sequence, ..) = place;
        if time != self.seen_time || self.seen.len() == MOST_SEEN {
            self.seen.clear();
            self.seen_time = time;
        }
        match sameness {
            Sameness::Number => !self.seen.insert(identity(&(0u8, key, sequence))),
            Sameness::Bytes => !self.seen.insert(identity(&(1u8, payload))),
            Sameness::Nothing => false,
        }
    }

    fn spill_failed(&self, source: io::Error) -> Error {
        Error::Spill { dir: self.spill_dir.clone(), source }
    }

    fn advance(&mut self, run: usize) -> Result<(), Error> {
        let entry = self.runs[run].next().map_err(|source| self.spill_failed(source))?;
        if let Some(entry) = &entry {
            self.order.push(Reverse((entry.place, run)));
        }
        self.heads[run] = entry;
        Ok(())
    }
}

fn identity(of: &impl Hash) -> Identity {
    [0u8, 1].map(|half| {
        let mut hasher = DefaultHasher::new();
        half.hash(&mut hasher);
        of.hash(&mut hasher);
        hasher.finish()
    })
}

fn event_time(line: &Line<'_>) -> Option<i64> {
    match &line.parsed.as_ref().ok()?.content {
        Content::Ticks(ticks) => ticks.first().map(|tick| tick.event_time),
        Content::Control(control) => control.event_time,
    }
}

fn sameness(line: &Line<'_>, own_time: Option<i64>) -> Sameness {
    match (&line.parsed, own_time) {
        (Err(_), _) | (_, None) => Sameness::Nothing,
        (Ok(parsed), Some(_)) => match (parsed.shape.sequence(), parsed.sequence_num, &parsed.content) {
            (Sequence::Product, Some(_), Content::Ticks(_)) => Sameness::Number,
            _ => Sameness::Bytes,
        },
    }
}

/// Writes entries to a file that no longer has a name; it vanishes with the process.
fn lay_aside(entries: &[Entry], dir: &Path) -> io::Result<File> {
    let aside = Aside::beside(&dir.join("merge"))?;
    let file = File::options().read(true).write(true).create_new(true).open(aside.path())?;
    drop(aside);
    let mut writer = BufWriter::with_capacity(*BUFFER_BYTES.end(), file);
    for entry in entries {
        entry.write(&mut writer)?;
    }
    let mut file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(file)
}

impl Run {
    /// Returns the next entry; the payload of the one before must have been taken.
    fn next(&mut self) -> io::Result<Option<Entry>> {
        match self {
            Run::Memory(entries) => Ok(entries.next()),
            Run::File(file) => Entry::read(file),
        }
    }

    /// Returns the message of the entry that was returned last.
    fn payload(&mut self, payload: Payload) -> io::Result<Vec<u8>> {
        match (payload, self) {
            (Payload::File(length), Run::File(file)) => {
                let mut bytes = vec![0; length as usize];
                file.read_exact(&mut bytes)?;
                Ok(bytes)
            }
            (Payload::Memory(bytes), _) => Ok(bytes),
            (Payload::File(_), Run::Memory(_)) => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

impl Entry {
    fn write(&self, file: &mut impl Write) -> io::Result<()> {
        let (time, sequence, recording, line) = self.place;
        let Payload::Memory(payload) = &self.payload else { return Err(io::ErrorKind::InvalidData.into()) };
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
        let key = self.key.as_deref().unwrap_or_default();
        let key_length = u32::try_from(key.len()).map_err(io::Error::other)?;
        file.write_all(&length.to_le_bytes())?;
        file.write_all(&time.to_le_bytes())?;
        file.write_all(&sequence.to_le_bytes())?;
        file.write_all(&recording.to_le_bytes())?;
        file.write_all(&line.to_le_bytes())?;
        file.write_all(&[self.sameness as u8])?;
        file.write_all(&self.connection.to_le_bytes())?;
        file.write_all(&key_length.to_le_bytes())?;
        file.write_all(key.as_bytes())?;
        file.write_all(payload)
    }

    /// Reads an entry that `write` wrote, up to its payload; `None` at the file's end.
    fn read(file: &mut impl Read) -> io::Result<Option<Entry>> {
        fn take<const N: usize>(file: &mut impl Read) -> io::Result<[u8; N]> {
            let mut bytes = [0; N];
            file.read_exact(&mut bytes).map(|()| bytes)
        }
        let length = match take::<4>(file) {
            Ok(length) => u32::from_le_bytes(length),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        };
        let time = i64::from_le_bytes(take(file)?);
        let sequence = i64::from_le_bytes(take(file)?);
        let recording = u32::from_le_bytes(take(file)?);
        let line = u64::from_le_bytes(take(file)?);
        let sameness = match take::<1>(file)? {
            [0] => Sameness::Number,
            [1] => Sameness::Bytes,
            _ => Sameness::Nothing,
        };
        let connection = u32::from_le_bytes(take(file)?);
        let mut key = vec![0; u32::from_le_bytes(take(file)?) as usize];
        file.read_exact(&mut key)?;
        let key = String::from_utf8(key).map_err(io::Error::other)?;
        // No product has an empty name.
        let key = (!key.is_empty()).then(|| key.into_boxed_str());
        let place = (time, sequence, recording, line);
        Ok(Some(Entry { place, sameness, connection, key, payload: Payload::File(length) }))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Merged, Recording, Taken, sort};

    fn tick(second: u32, sequence: u32) -> String {
        format!(
            r#"{{"type":"ticker","sequence":{sequence},"product_id":"BTC-USD","price":"1","best_bid":"1","best_ask":"1","time":"2025-11-24T15:08:{second:02}Z"}}"#
        )
    }

    fn flat(second: u32, price: u32) -> String {
        format!(
            r#"{{"product_id":"BTC-USD","price":{price},"best_bid":"1","best_ask":"1","ts":"2025-11-24T15:08:{second:02}Z"}}"#
        )
    }

    fn recording(dir: &Path, name: &str, lines: &[String]) -> Recording {
        let path = dir.join(name);
        std::fs::write(&path, lines.join("\n")).expect("write a recording");
        Recording::look_at(&path).expect("a recording")
    }

    fn take_all(mut merged: Merged) -> (Vec<Taken>, Vec<u64>) {
        let mut all = Vec::new();
        while let Some(taken) = merged.next().expect("a message") {
            all.push(taken);
        }
        (all, merged.tallies.iter().map(|tally| tally.duplicates).collect())
    }

    #[test]
    fn overlapping_recordings_become_one_whatever_a_run_holds() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let subscriptions = r#"{"type":"subscriptions","channels":[]}"#.to_string();
        let torn = "{\"type\":\"tick".to_string();
        let first =
            [tick(1, 10), tick(3, 12), torn.clone(), tick(2, 11), tick(5, 14), flat(6, 7), flat(6, 7), flat(6, 8)];
        let second = [subscriptions.clone(), tick(3, 12), tick(3, 13), tick(5, 14), torn.clone()];
        let recordings = [recording(temp.path(), "a", &first), recording(temp.path(), "b", &second)];
        let expected = [
            subscriptions,
            tick(1, 10),
            tick(2, 11),
            tick(3, 12),
            torn.clone(),
            tick(3, 13),
            tick(5, 14),
            torn,
            flat(6, 7),
            flat(6, 8),
        ];
        for run_bytes in [1, 300, 700, 1 << 20] {
            let merged = sort(&recordings, &[], temp.path(), run_bytes, &|_| {}).expect("a merge");
            let (taken, duplicates) = take_all(merged);
            let payloads: Vec<&str> =
                taken.iter().map(|taken| std::str::from_utf8(&taken.payload).expect("text")).collect();
            assert_eq!(payloads, expected, "runs of {run_bytes} bytes");
            assert_eq!(duplicates, [1, 2]);
            assert_eq!(taken[5].connection, format!("{}-0", recordings[1].identity));
            assert_eq!((taken[0].key.as_deref(), taken[5].key.as_deref()), (None, Some("BTC-USD")));
        }
        let left: Vec<_> = std::fs::read_dir(temp.path()).expect("the folder").collect();
        assert_eq!(left.len(), 2, "nothing stays of the runs");
    }
}
