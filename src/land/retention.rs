//! Which landed files may be deleted, by age and by size.
//!
//! In: a folder's visible files and what is to be kept. Out: the files that may go. Of each partition only the oldest files go,
//! so that no hole appears between files, and the newest file stays: its name says where landing continues.

use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::parquet::file::statistics::Statistics;

use super::folder::Folder;
use super::lock::Lock;
use super::{Error, LandedFile, dead, encode};
use crate::log::LogId;
use crate::tick;

/// A visible landed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub file: LandedFile,
    pub path: PathBuf,
    pub bytes: u64,
    /// When squall received the last of its ticks, nanoseconds since 1970, UTC; `None` if it has no ticks.
    pub received: Option<i64>,
    /// The log that it came from; `None` in files of earlier versions.
    pub log: Option<LogId>,
}

/// What is kept of the landed files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// A file stays until its last tick was received this long ago; `None` sets no limit.
    pub age: Option<Duration>,
    /// The oldest files go while all of them together are larger than this; `None` sets no limit.
    pub bytes: Option<u64>,
    /// Files this new stay in any case, because duplicates are recognised with them.
    pub dedup: Duration,
}

impl Keep {
    /// Returns whether any file may go.
    pub fn has_limits(&self) -> bool {
        self.age.is_some() || self.bytes.is_some()
    }
}

/// Reads the names and footers of a folder's visible files, in order of topic, partition and offset.
///
/// # Errors
/// The folder cannot be listed, or a footer cannot be read.
pub async fn held(folder: &Folder) -> Result<Vec<Held>, Error> {
    let listing = folder.list().await?;
    let mut held = Vec::new();
    for file in listing.landed.visible() {
        let reader = folder.open(file).await?;
        held.push(Held {
            file: file.clone(),
            path: folder.dir().join(file.to_string()),
            bytes: listing.object(file).map_or(0, |object| object.size),
            received: last_received(reader.metadata()),
            log: encode::footer(file, reader.metadata())?.origin.map(|origin| origin.log),
        });
    }
    Ok(held)
}

/// Returns the highest `ingest_time` by the statistics of the row groups.
fn last_received(metadata: &ParquetMetaData) -> Option<i64> {
    let column = tick::schema().index_of("ingest_time").ok()?;
    let highest = |statistics: &Statistics| match statistics {
        Statistics::Int64(values) => values.max_opt().copied(),
        _ => None,
    };
    metadata.row_groups().iter().filter_map(|group| highest(group.columns().get(column)?.statistics()?)).max()
}

/// Returns the files that may go at the time `now`, nanoseconds since 1970, the oldest of each partition first.
pub fn expired(held: &[Held], keep: Keep, now: i64) -> Vec<&Held> {
    let before = |age: Duration| now.saturating_sub(i64::try_from(age.as_nanos()).unwrap_or(i64::MAX));
    let mut partitions: BTreeMap<(&str, i32), VecDeque<&Held>> = BTreeMap::new();
    for file in held {
        partitions.entry((&file.file.topic, file.file.partition)).or_default().push_back(file);
    }
    let mut total: u64 = held.iter().map(|file| file.bytes).sum();
    let mut gone = Vec::new();
    loop {
        // Of every partition the first file, if there is another one behind it.
        let first = partitions.values().filter(|files| files.len() > 1).filter_map(|files| files.front().copied());
        let old_enough = first.filter(|file| file.received.is_none_or(|time| time < before(keep.dedup)));
        let Some(oldest) = old_enough.min_by_key(|file| file.received) else { break };
        let too_old = keep.age.is_some_and(|age| oldest.received.is_none_or(|time| time < before(age)));
        if !too_old && keep.bytes.is_none_or(|most| total <= most) {
            break;
        }
        total -= oldest.bytes;
        if let Some(files) = partitions.get_mut(&(oldest.file.topic.as_str(), oldest.file.partition)) {
            files.pop_front();
        }
        gone.push(oldest);
    }
    gone
}

/// Deletes the files that may go now; returns them. A query that was planned before and reads one of them fails, and names the
/// file.
///
/// # Errors
/// A footer cannot be read, or a file cannot be deleted; those after it stay.
pub async fn prune(folder: &Folder, lock: &Lock, keep: Keep) -> Result<Vec<Held>, Error> {
    let mut files = expired_now(folder, keep).await?;
    files.retain(|held| lock.owns(held.file.partition));
    for held in &files {
        folder.delete(&held.file).await?;
    }
    Ok(files)
}

/// Returns the files that may go now.
///
/// # Errors
/// The folder cannot be listed, or a footer cannot be read.
pub async fn expired_now(folder: &Folder, keep: Keep) -> Result<Vec<Held>, Error> {
    if !keep.has_limits() {
        return Ok(Vec::new());
    }
    let held = held(folder).await?;
    let now = chrono::Utc::now().timestamp_nanos_opt().unwrap_or(i64::MAX);
    Ok(expired(&held, keep, now).into_iter().cloned().collect())
}

/// Returns the files of dead letters last changed at least `age` ago, whose ranges have landed.
///
/// # Errors
/// A folder cannot be listed.
pub async fn old_dead_letters(folder: &Folder, dead_dir: &Path, age: Duration) -> Result<Vec<PathBuf>, Error> {
    let listing = folder.list().await?;
    let mut old = Vec::new();
    for (path, range) in dead::files(dead_dir)? {
        let landed = listing.landed.next_offset(&range.topic, range.partition);
        let changed = std::fs::metadata(&path).and_then(|file| file.modified());
        let changed = changed.map_err(|source| Error::Folder { dir: dead_dir.into(), source })?;
        if landed.is_some_and(|next| range.last < next) && changed.elapsed().is_ok_and(|since| since >= age) {
            old.push(path);
        }
    }
    Ok(old)
}

/// Returns the damaged files of a local folder that were set aside, last changed at least `age` ago, whose whole ranges have landed again.
///
/// # Errors
/// The folder cannot be listed.
pub async fn old_damaged(folder: &Folder, age: Duration) -> Result<Vec<PathBuf>, Error> {
    let listing = folder.list().await?;
    let old = listing.aside().filter(|(range, object)| {
        let missing = listing.landed.partitions().filter(|known| known.is_of(&range.topic, range.partition));
        let overlaps = |gap: &RangeInclusive<i64>| *gap.start() <= range.last && range.first <= *gap.end();
        let is_back = missing.map(|known| !known.missing().iter().any(overlaps)).next();
        is_back == Some(true) && Folder::age(object) >= age
    });
    Ok(old.filter_map(|(_, object)| Some(folder.dir().join(object.location.filename()?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000_000;

    fn held(partition: i32, first: i64, bytes: u64, day: Option<i64>) -> Held {
        let file = LandedFile { topic: "t".into(), partition, first, last: first + 9 };
        Held { path: file.to_string().into(), file, bytes, received: day.map(|day| day * DAY), log: None }
    }

    fn gone(files: &[Held], keep: Keep) -> Vec<(i32, i64)> {
        expired(files, keep, 100 * DAY).iter().map(|held| (held.file.partition, held.file.first)).collect()
    }

    fn days(days: u64) -> Duration {
        Duration::from_secs(days * 86_400)
    }

    #[test]
    fn old_files_go_and_the_newest_of_a_partition_stays() {
        let files =
            [held(0, 0, 1, Some(10)), held(0, 10, 1, Some(80)), held(0, 20, 1, Some(99)), held(1, 0, 1, Some(1))];
        let keep = |age| Keep { age: Some(age), bytes: None, dedup: days(2) };
        assert_eq!(gone(&files, keep(days(30))), [(0, 0)]);
        assert_eq!(gone(&files, keep(days(1))), [(0, 0), (0, 10)]);
        assert_eq!(gone(&files, Keep::default()), []);
    }

    #[test]
    fn a_file_behind_a_newer_one_stays_so_that_no_hole_appears() {
        let files = [held(0, 0, 1, Some(90)), held(0, 10, 1, Some(10)), held(0, 20, 1, Some(95))];
        assert_eq!(gone(&files, Keep { age: Some(days(30)), bytes: None, dedup: days(2) }), []);
    }

    #[test]
    fn files_without_ticks_go_with_those_around_them() {
        let files = [held(0, 0, 1, None), held(0, 10, 1, Some(10)), held(0, 20, 1, None), held(0, 30, 1, Some(95))];
        assert_eq!(gone(&files, Keep { age: Some(days(30)), bytes: None, dedup: days(2) }), [(0, 0), (0, 10), (0, 20)]);
    }

    #[test]
    fn over_the_size_the_oldest_go_first_except_those_that_find_duplicates() {
        let files = [
            held(0, 0, 50, Some(20)),
            held(0, 10, 50, Some(99)),
            held(0, 20, 50, Some(99)),
            held(1, 0, 50, Some(10)),
            held(1, 10, 50, Some(30)),
        ];
        let keep = |bytes| Keep { age: None, bytes: Some(bytes), dedup: days(2) };
        assert_eq!(gone(&files, keep(250)), []);
        assert_eq!(gone(&files, keep(249)), [(1, 0)]);
        assert_eq!(gone(&files, keep(0)), [(1, 0), (0, 0)]);
    }
}
