//! The file-name contract: a landed file's name says which offsets it holds, and the file is committed when it appears under
//! its name.
//!
//! In: the names in a folder. Out: which files readers see, the offset where landing continues, and which offsets are
//! missing.
//!
//! A name is `<topic>-<partition>-<first>-<last>.parquet`, both offsets inclusive. A file whose range lies inside another's
//! is hidden: compaction writes the merged file first and deletes its parts later, and readers see each row once throughout.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// A landed file's name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LandedFile {
    pub topic: String,
    pub partition: i32,
    /// The first offset that the file accounts for.
    pub first: i64,
    /// The last offset that the file accounts for; at least `first`.
    pub last: i64,
}

/// What the name of a damaged file that was set aside ends with; a number may follow.
pub const ASIDE: &str = ".damaged";

impl LandedFile {
    /// Parses a file's name; `None` if it is not exactly what [`fmt::Display`] writes.
    pub fn parse(name: &str) -> Option<LandedFile> {
        let mut parts = name.strip_suffix(".parquet")?.rsplitn(4, '-');
        let last = number(parts.next()?)?;
        let first = number(parts.next()?)?;
        let partition = i32::try_from(number(parts.next()?)?).ok()?;
        let topic = parts.next().filter(|topic| !topic.is_empty())?.to_string();
        // The highest possible offset has no next one.
        (first <= last && last < i64::MAX).then_some(LandedFile { topic, partition, first, last })
    }

    /// Returns the range of a damaged file that was set aside, by its name.
    pub fn parse_aside(name: &str) -> Option<LandedFile> {
        let (name, number) = name.rsplit_once(ASIDE)?;
        let is_numbered =
            number.strip_prefix('-').is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
        LandedFile::parse(name).filter(|_| number.is_empty() || is_numbered)
    }

    /// Returns one past the last offset.
    pub fn next_offset(&self) -> i64 {
        self.last.saturating_add(1)
    }

    /// Returns the offsets that the file accounts for.
    pub fn offsets(&self) -> RangeInclusive<i64> {
        self.first..=self.last
    }

    /// Returns the name without its extension; the file of the range's dead letters has the same stem.
    pub fn stem(&self) -> String {
        format!("{}-{}-{}-{}", self.topic, self.partition, self.first, self.last)
    }

    fn log(&self) -> (&str, i32) {
        (&self.topic, self.partition)
    }
}

impl fmt::Display for LandedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.parquet", self.stem())
    }
}

/// Parses digits without a sign or leading zeros, so that a range has exactly one name.
fn number(digits: &str) -> Option<i64> {
    let canonical = digits == "0" || !digits.starts_with('0');
    (canonical && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// A topic's partition.
pub type LogPartition = (String, i32);

/// What a folder holds, judged only by the file names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Landed {
    /// The files that readers see, by partition, in offset order, without overlaps.
    visible: BTreeMap<LogPartition, Vec<LandedFile>>,
    /// The files whose ranges lie inside another's.
    hidden: Vec<LandedFile>,
    /// The ranges of damaged files that were set aside.
    aside: Vec<LandedFile>,
}

/// Two files of one partition share some offsets, but neither holds all of the other's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{first} and {second} overlap, and neither contains the other")]
pub struct Overlap {
    pub first: LandedFile,
    pub second: LandedFile,
}

impl Landed {
    /// Finds the files that readers see; names of any other form are ignored.
    ///
    /// # Errors
    /// Two files overlap in part; then no rule can say which of their rows to read.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Landed, Overlap> {
        let (mut files, mut aside) = (Vec::new(), Vec::new());
        for name in names {
            files.extend(LandedFile::parse(name));
            aside.extend(LandedFile::parse_aside(name));
        }
        // Sort a file before the files whose ranges it contains.
        files.sort_by(|a, b| (a.log(), a.first, b.last).cmp(&(b.log(), b.first, a.last)));
        let mut landed = Landed { aside, ..Landed::default() };
        for file in files {
            let visible = landed.visible.entry((file.topic.clone(), file.partition)).or_default();
            match visible.last() {
                Some(before) if file.last <= before.last => landed.hidden.push(file),
                Some(before) if file.first <= before.last => {
                    return Err(Overlap { first: before.clone(), second: file });
                }
                _ => visible.push(file),
            }
        }
        Ok(landed)
    }

    /// Returns the files that readers see, in order of topic, partition and offset.
    pub fn visible(&self) -> impl Iterator<Item = &LandedFile> {
        self.visible.values().flatten()
    }

    /// Returns the visible files of one partition, in offset order.
    pub fn of(&self, topic: &str, partition: i32) -> &[LandedFile] {
        self.visible.get(&(topic.to_string(), partition)).map_or(&[], Vec::as_slice)
    }

    /// Returns whether an offset of a partition has landed.
    pub fn has(&self, topic: &str, partition: i32, offset: i64) -> bool {
        let files = self.of(topic, partition);
        let after = files.partition_point(|file| file.first <= offset);
        after > 0 && offset <= files[after - 1].last
    }

    /// Returns the files whose ranges lie inside another's; compaction still has to delete them.
    pub fn hidden(&self) -> &[LandedFile] {
        &self.hidden
    }

    /// Returns one past the highest landed offset of a partition; `None` if the partition has no file.
    pub fn next_offset(&self, topic: &str, partition: i32) -> Option<i64> {
        self.of(topic, partition).last().map(LandedFile::next_offset)
    }

    /// Returns the ranges of damaged files that were set aside.
    pub fn aside(&self) -> &[LandedFile] {
        &self.aside
    }

    /// Returns each partition, with the gaps between its visible files.
    pub fn partitions(&self) -> impl Iterator<Item = Coverage<'_>> {
        self.visible.iter().map(|((topic, partition), files)| {
            let is_own = |aside: &&LandedFile| aside.topic == *topic && aside.partition == *partition;
            Coverage { topic, partition: *partition, files, aside: self.aside.iter().filter(is_own).collect() }
        })
    }
}

/// Which offsets of one partition have landed.
#[derive(Debug, Clone)]
pub struct Coverage<'a> {
    pub topic: &'a str,
    pub partition: i32,
    /// The visible files in offset order; at least one.
    pub files: &'a [LandedFile],
    /// The ranges of damaged files that were set aside.
    aside: Vec<&'a LandedFile>,
}

impl Coverage<'_> {
    /// Returns whether this is what has landed of a topic's partition.
    pub fn is_of(&self, topic: &str, partition: i32) -> bool {
        self.topic == topic && self.partition == partition
    }

    /// Returns the first and the last offset landed.
    pub fn offsets(&self) -> RangeInclusive<i64> {
        // A partition is listed only if it has a file, so there is a first and a last file.
        self.files[0].first..=self.files[self.files.len() - 1].last
    }

    /// Returns the ranges that no file accounts for: those between files, and those of files that were set aside.
    pub fn missing(&self) -> Vec<RangeInclusive<i64>> {
        let (first, last) = self.offsets().into_inner();
        let first = self.aside.iter().map(|file| file.first).fold(first, i64::min);
        let end = self.aside.iter().map(|file| file.next_offset()).fold(last.saturating_add(1), i64::max);
        let mut missing = Vec::new();
        let mut next = first;
        for file in self.files {
            if next < file.first {
                missing.push(next..=file.first - 1);
            }
            next = file.next_offset();
        }
        if next < end {
            missing.push(next..=end - 1);
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_as_written() {
        let file = LandedFile { topic: "ticks.raw-v2".into(), partition: 3, first: 0, last: 499_999 };
        assert_eq!(file.to_string(), "ticks.raw-v2-3-0-499999.parquet");
        assert_eq!(LandedFile::parse(&file.to_string()), Some(file));
    }

    #[test]
    fn a_file_that_was_set_aside_leaves_a_hole() {
        let missing = |names: &[&str]| -> Vec<RangeInclusive<i64>> {
            let landed = Landed::from_names(names.iter().copied()).unwrap();
            landed.partitions().flat_map(|coverage| coverage.missing()).collect()
        };
        assert_eq!(missing(&["t-0-10-19.parquet", "t-0-0-9.parquet.damaged"]), [0..=9]);
        assert_eq!(missing(&["t-0-0-9.parquet", "t-0-10-19.parquet.damaged-2"]), [10..=19]);
        assert_eq!(missing(&["t-0-0-9.parquet", "t-0-0-9.parquet.damaged", "t-1-0-9.parquet.damaged"]), []);
        assert_eq!(missing(&["t-0-0-9.parquet", "t-0-30-39.parquet", "t-0-30-39.parquet.damaged"]), [10..=29]);
        assert_eq!(LandedFile::parse_aside("t-0-0-9.parquet.damaged-x"), None);
    }

    #[test]
    fn other_names_are_not_landed_files() {
        for name in [
            "ticks.raw-0-0-9.parquet#1",
            "ticks.raw-0-0-9.json",
            "ticks.raw-0-9-0.parquet",
            "ticks.raw-0-00-9.parquet",
            "ticks.raw-0-+1-9.parquet",
            "ticks.raw-99999999999-0-9.parquet",
            "-0-0-9.parquet",
            "0-0-9.parquet",
            "t-0-0-9223372036854775807.parquet",
            ".land.lock",
            "part-0.parquet",
        ] {
            assert_eq!(LandedFile::parse(name), None, "{name}");
        }
    }

    #[test]
    fn an_offset_has_landed_if_a_file_holds_it() {
        let names =
            ["t-0-5-9.parquet", "t-0-10-10.parquet", "t-0-20-29.parquet", "t-0-22-23.parquet", "t-1-0-4.parquet"];
        let landed = Landed::from_names(names).unwrap();
        let found: Vec<i64> = (0..40).filter(|offset| landed.has("t", 0, *offset)).collect();
        let expected: Vec<i64> = (5..=10).chain(20..30).collect();
        assert_eq!(found, expected);
        assert!(!landed.has("t", 2, 0) && !landed.has("u", 0, 5));
    }

    #[test]
    fn a_file_inside_another_is_hidden() {
        let names = ["t-0-0-9.parquet", "t-0-0-4.parquet", "t-0-5-9.parquet", "t-0-10-12.parquet", "t-1-3-4.parquet"];
        let landed = Landed::from_names(names).unwrap();
        let visible: Vec<String> = landed.visible().map(LandedFile::to_string).collect();
        assert_eq!(visible, ["t-0-0-9.parquet", "t-0-10-12.parquet", "t-1-3-4.parquet"]);
        assert_eq!(landed.hidden().len(), 2);
        assert_eq!(landed.next_offset("t", 0), Some(13));
        assert_eq!(landed.next_offset("t", 1), Some(5));
        assert_eq!(landed.next_offset("u", 0), None);
    }

    #[test]
    fn a_partial_overlap_is_refused() {
        let overlap = Landed::from_names(["t-0-0-9.parquet", "t-0-5-12.parquet"]).unwrap_err();
        assert_eq!(overlap.to_string(), "t-0-0-9.parquet and t-0-5-12.parquet overlap, and neither contains the other");
    }

    #[test]
    fn names_alone_tell_what_is_missing() {
        let landed =
            Landed::from_names(["t-0-0-9.parquet", "t-0-12-12.parquet", "t-0-13-20.parquet", "t-0-30-31.parquet"])
                .unwrap();
        let coverage: Vec<Coverage<'_>> = landed.partitions().collect();
        assert_eq!(coverage.len(), 1);
        assert_eq!(coverage[0].offsets(), 0..=31);
        assert_eq!(coverage[0].missing(), [10..=11, 21..=29]);
    }
}
