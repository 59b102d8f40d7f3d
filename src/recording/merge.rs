//! Merges overlapping recordings into one order; messages that they share are kept once.
//!
//! In: recordings, in any order. Out: their messages by (event time, sequence number), each once. Memory is bounded: runs
//! that fit into memory are sorted and written to temporary files, then merged (Knuth, The Art of Computer Programming,
//! volume 3, section 5.4). Equal messages come in the order in which their recordings were named, so the result is always
//! the same.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Error;
use super::file::Recording;
use super::scan::{Line, Scan};
use super::tally::Tally;
use crate::durable::Aside;
use crate::tick::{Content, Sequence};

/// How many bytes of messages a run may hold in memory.
pub const RUN_BYTES: usize = 64 * 1024 * 1024;
const BUFFER_BYTES: usize = 256 * 1024;

/// Sorted recordings, from which messages are taken one by one.
pub struct Merged {
    runs: Vec<Run>,
    /// Each run's first entry that has not been taken yet.
    heads: Vec<Option<Entry>>,
    order: BinaryHeap<Reverse<(Place, usize)>>,
    names: Names,
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
    pub key: Option<Arc<str>>,
    pub connection: Option<Arc<str>>,
}

/// A message's place in the order: event time, sequence number, recording, line.
///
/// A line without a time or number gets those of the line before it, so that it stays after that line.
type Place = (i64, i64, u32, u64);

/// The number that stands for a name; `NO_NAME` stands for an absent name.
type NameId = u32;
const NO_NAME: NameId = NameId::MAX;

#[derive(Debug)]
struct Entry {
    place: Place,
    sameness: Sameness,
    connection: NameId,
    key: NameId,
    payload: Vec<u8>,
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

#[derive(Debug, PartialEq, Eq, Hash)]
enum Identity {
    Number(NameId, i64),
    Bytes(Vec<u8>),
}

enum Run {
    Memory(std::vec::IntoIter<Entry>),
    File(BufReader<File>),
}

#[derive(Default)]
struct Names {
    ids: HashMap<Arc<str>, NameId>,
    names: Vec<Arc<str>>,
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
    let (mut runs, mut tallies, mut names) = (Vec::new(), Vec::new(), Names::default());
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
            bytes += line.payload.len();
            entries.push(Entry {
                place: (time, sequence, file, number),
                sameness: sameness(&line, own_time),
                connection: names.id(&line.connection),
                key: line.product().map_or(NO_NAME, |product| names.id(product)),
                payload: line.payload.to_vec(),
            });
            number += 1;
            read(1);
            if bytes >= run_bytes {
                entries.sort_unstable_by_key(|entry| entry.place);
                runs.push(Run::lay_aside(&entries, spill_dir).map_err(spill_failed)?);
                entries.clear();
                bytes = 0;
            }
        }
        tallies.push(scan.tally);
    }
    entries.sort_unstable_by_key(|entry| entry.place);
    runs.push(Run::Memory(entries.into_iter()));
    let mut merged = Merged {
        heads: runs.iter().map(|_| None).collect(),
        runs,
        order: BinaryHeap::new(),
        names,
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
            let head = self.heads[run].take();
            self.advance(run)?;
            // Each place in the heap belongs to the head of its run.
            let Some(entry) = head else { continue };
            if self.is_duplicate(&entry) {
                // Recordings have the same numbers here as in the list of tallies.
                self.tallies[place.2 as usize].duplicates += 1;
                continue;
            }
            let (key, connection) = (self.names.name(entry.key), self.names.name(entry.connection));
            return Ok(Some(Taken { payload: entry.payload, key, connection }));
        }
        Ok(None)
    }

    fn is_duplicate(&mut self, entry: &Entry) -> bool {
        let (time, sequence, ..) = entry.place;
        if time != self.seen_time {
            self.seen.clear();
            self.seen_time = time;
        }
        match entry.sameness {
            Sameness::Number => !self.seen.insert(Identity::Number(entry.key, sequence)),
            Sameness::Bytes => !self.seen.insert(Identity::Bytes(entry.payload.clone())),
            Sameness::Nothing => false,
        }
    }

    fn advance(&mut self, run: usize) -> Result<(), Error> {
        let entry = self.runs[run].next().map_err(|source| Error::Spill { dir: self.spill_dir.clone(), source })?;
        if let Some(entry) = &entry {
            self.order.push(Reverse((entry.place, run)));
        }
        self.heads[run] = entry;
        Ok(())
    }
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

impl Names {
    fn id(&mut self, name: &str) -> NameId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let name: Arc<str> = name.into();
        // There are far fewer products and connections than a NameId can count.
        let id = self.names.len() as NameId;
        self.names.push(Arc::clone(&name));
        self.ids.insert(name, id);
        id
    }

    fn name(&self, id: NameId) -> Option<Arc<str>> {
        self.names.get(id as usize).cloned()
    }
}

impl Run {
    /// Writes entries to a file that no longer has a name; it vanishes with the process.
    fn lay_aside(entries: &[Entry], dir: &Path) -> io::Result<Run> {
        let aside = Aside::beside(&dir.join("merge"))?;
        let file = File::options().read(true).write(true).create_new(true).open(aside.path())?;
        drop(aside);
        let mut writer = BufWriter::with_capacity(BUFFER_BYTES, file);
        for entry in entries {
            entry.write(&mut writer)?;
        }
        let mut file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(Run::File(BufReader::with_capacity(BUFFER_BYTES, file)))
    }

    fn next(&mut self) -> io::Result<Option<Entry>> {
        match self {
            Run::Memory(entries) => Ok(entries.next()),
            Run::File(file) => Entry::read(file),
        }
    }
}

impl Entry {
    fn write(&self, file: &mut impl Write) -> io::Result<()> {
        let (time, sequence, recording, line) = self.place;
        let length = u32::try_from(self.payload.len()).map_err(io::Error::other)?;
        file.write_all(&length.to_le_bytes())?;
        file.write_all(&time.to_le_bytes())?;
        file.write_all(&sequence.to_le_bytes())?;
        file.write_all(&recording.to_le_bytes())?;
        file.write_all(&line.to_le_bytes())?;
        file.write_all(&[self.sameness as u8])?;
        file.write_all(&self.connection.to_le_bytes())?;
        file.write_all(&self.key.to_le_bytes())?;
        file.write_all(&self.payload)
    }

    /// Reads an entry that `write` wrote; `None` at the file's end.
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
        let connection = NameId::from_le_bytes(take(file)?);
        let key = NameId::from_le_bytes(take(file)?);
        let mut payload = vec![0; length as usize];
        file.read_exact(&mut payload)?;
        Ok(Some(Entry { place: (time, sequence, recording, line), sameness, connection, key, payload }))
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
            let connection = format!("{}-0", recordings[1].identity);
            assert_eq!(taken[5].connection.as_deref(), Some(connection.as_str()));
            assert_eq!((taken[0].key.as_deref(), taken[5].key.as_deref()), (None, Some("BTC-USD")));
        }
        let left: Vec<_> = std::fs::read_dir(temp.path()).expect("the folder").collect();
        assert_eq!(left.len(), 2, "nothing stays of the runs");
    }
}
