//! A finished day as zstd, `YYYYMMDD.ndjson.zst`: the same lines in the same bytes, about a tenth of the size.
//!
//! The file is a sequence of frames, each of some megabytes of whole lines. At its end stands a table of the frames' sizes, in
//! zstd's seekable format (<https://github.com/facebook/zstd/tree/dev/contrib/seekable_format>). So a reader finds an offset
//! without unpacking the day, and every zstd program reads the file. A file without the table is read from its beginning.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::Error;
use super::days::{self, io};
use crate::durable::Aside;

/// The bytes of lines in one frame; the last line may go beyond.
const FRAME_BYTES: usize = 4 << 20;
const LEVEL: i32 = 3;
const BUFFER_BYTES: usize = 256 * 1024;
/// The magic numbers of zstd's seekable format: of the frame that holds the table, and of the table's end.
const TABLE_MAGIC: u32 = 0x184D_2A5E;
const END_MAGIC: u32 = 0x8F92_EAB1;
/// Each entry holds two sizes, the end holds the number of entries, a descriptor and the magic number.
const ENTRY_BYTES: u64 = 8;
const END_BYTES: u64 = 9;
const HEAD_BYTES: u64 = 8;

/// A reader of the lines of a packed day.
pub type Lines = BufReader<zstd::Decoder<'static, BufReader<io::Take<File>>>>;

/// Where a frame stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Frame {
    /// Its bytes in the file.
    packed: Range<u64>,
    /// Where its lines begin in the unpacked day.
    position: u64,
}

/// Opens the day near an offset: at a line whose offset is at most that one. Returns the line's position too.
pub fn open_near(path: &Path, offset: i64) -> Result<(Lines, u64), Error> {
    let frames = frames(path)?;
    // Every frame begins with a line; find the last one that begins at or before the offset.
    let (mut low, mut high) = (0, frames.len());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        match first_offset_of(path, &frames[middle])? {
            Some(first) if first <= offset => low = middle,
            _ => high = middle,
        }
    }
    let end = frames.last().map_or(0, |frame| frame.packed.end);
    let (start, position) = frames.get(low).map_or((0, 0), |frame| (frame.packed.start, frame.position));
    Ok((lines(path, start..end)?, position))
}

/// Opens the day at its beginning.
pub fn open(path: &Path) -> Result<Lines, Error> {
    Ok(open_near(path, i64::MIN)?.0)
}

/// Returns the last whole line.
pub fn last_line(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let Some(frame) = frames(path)?.pop() else { return Ok(None) };
    let mut lines = lines(path, frame.packed)?;
    let (mut line, mut last) = (Vec::new(), None);
    while days::read_line(&mut lines, &mut line, path, 0)? {
        last = Some(line.clone());
    }
    Ok(last)
}

/// Packs a finished day, checks the packed lines against the plain ones, and puts the file in place. Returns false if it
/// stopped before that.
pub fn pack(plain: &Path, packed: &Path, stop: &AtomicBool) -> Result<bool, Error> {
    let aside = Aside::beside(packed).map_err(io("write beside", packed))?;
    let path = aside.path();
    if !write(plain, &path, stop)? || !is_same(plain, &path, stop)? {
        return Ok(false);
    }
    aside.commit().map_err(io("put in place", packed))?;
    Ok(true)
}

fn write(plain: &Path, packed: &Path, stop: &AtomicBool) -> Result<bool, Error> {
    let mut lines = BufReader::with_capacity(BUFFER_BYTES, File::open(plain).map_err(io("open", plain))?);
    let mut file = File::create(packed).map_err(io("make", packed))?;
    let mut compressor = zstd::bulk::Compressor::new(LEVEL).map_err(io("pack", packed))?;
    let checksum = zstd::zstd_safe::CParameter::ChecksumFlag(true);
    compressor.set_parameter(checksum).map_err(io("pack", packed))?;
    let (mut table, mut count, mut chunk) = (Vec::new(), 0_u32, Vec::new());
    loop {
        if stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
        chunk.clear();
        lines.by_ref().take(FRAME_BYTES as u64).read_to_end(&mut chunk).map_err(io("read", plain))?;
        if chunk.is_empty() {
            break;
        }
        if chunk.last() != Some(&b'\n') {
            lines.by_ref().take(days::MOST_LINE_BYTES).read_until(b'\n', &mut chunk).map_err(io("read", plain))?;
        }
        let frame = compressor.compress(&chunk).map_err(io("pack", packed))?;
        for size in [frame.len(), chunk.len()] {
            // A chunk is smaller than 4 GB.
            table.extend_from_slice(&u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes());
        }
        count += 1;
        file.write_all(&frame).map_err(io("append to", packed))?;
    }
    let size = u32::try_from(table.len() as u64 + END_BYTES).unwrap_or(u32::MAX);
    let mut end = [TABLE_MAGIC.to_le_bytes(), size.to_le_bytes()].concat();
    end.append(&mut table);
    end.extend_from_slice(&count.to_le_bytes());
    end.push(0);
    end.extend_from_slice(&END_MAGIC.to_le_bytes());
    file.write_all(&end).map_err(io("append to", packed))?;
    Ok(true)
}

/// Compares the unpacked bytes with the plain ones; false also if it was told to stop.
fn is_same(plain: &Path, packed: &Path, stop: &AtomicBool) -> Result<bool, Error> {
    let mut expected = BufReader::with_capacity(BUFFER_BYTES, File::open(plain).map_err(io("open", plain))?);
    let mut found = open(packed)?;
    let mut position = 0;
    while !stop.load(Ordering::Relaxed) {
        let (left, right) =
            (expected.fill_buf().map_err(io("read", plain))?, found.fill_buf().map_err(io("unpack", packed))?);
        let length = left.len().min(right.len());
        if left[..length] != right[..length] || (length == 0 && left.len() != right.len()) {
            let reason = format!("the lines packed from it differ at byte {position}");
            return Err(Error::Damaged { path: plain.to_path_buf(), position, reason });
        }
        if length == 0 {
            return Ok(true);
        }
        position += length as u64;
        expected.consume(length);
        found.consume(length);
    }
    Ok(false)
}

/// Returns the frames. Without a table, or with one that does not fit the file, the whole file counts as one frame.
fn frames(path: &Path) -> Result<Vec<Frame>, Error> {
    let mut file = File::open(path).map_err(io("open", path))?;
    let length = file.metadata().map_err(io("read", path))?.len();
    let whole = vec![Frame { packed: 0..length, position: 0 }];
    let Some(end) = length.checked_sub(END_BYTES + HEAD_BYTES) else { return Ok(whole) };
    let number = |bytes: &[u8], at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let mut foot = [0; END_BYTES as usize];
    file.seek(SeekFrom::End(-(END_BYTES as i64))).map_err(io("read", path))?;
    file.read_exact(&mut foot).map_err(io("read", path))?;
    let table_bytes = u64::from(number(&foot, 0)) * ENTRY_BYTES;
    if number(&foot, 5) != END_MAGIC || foot[4] != 0 || table_bytes > end {
        return Ok(whole);
    }
    let lines_end = end - table_bytes;
    let mut table = vec![0; usize::try_from(HEAD_BYTES + table_bytes).unwrap_or_default()];
    file.seek(SeekFrom::Start(lines_end)).map_err(io("read", path))?;
    file.read_exact(&mut table).map_err(io("read", path))?;
    let (mut frames, mut start, mut position) = (Vec::new(), 0, 0);
    for entry in table[HEAD_BYTES as usize..].chunks_exact(ENTRY_BYTES as usize) {
        let packed = start..start + u64::from(number(entry, 0));
        start = packed.end;
        frames.push(Frame { packed, position });
        position += u64::from(number(entry, 4));
    }
    let fits = start == lines_end && number(&table, 0) == TABLE_MAGIC;
    Ok(if fits { frames } else { whole })
}

fn first_offset_of(path: &Path, frame: &Frame) -> Result<Option<i64>, Error> {
    let mut line = Vec::new();
    match days::read_line(&mut lines(path, frame.packed.clone())?, &mut line, path, frame.position)? {
        true => days::offset(path, frame.position, &line).map(Some),
        false => Ok(None),
    }
}

fn lines(path: &Path, packed: Range<u64>) -> Result<Lines, Error> {
    let mut file = File::open(path).map_err(io("open", path))?;
    file.seek(SeekFrom::Start(packed.start)).map_err(io("read", path))?;
    let frames = BufReader::with_capacity(BUFFER_BYTES, file.take(packed.end - packed.start));
    let decoder = zstd::Decoder::with_buffer(frames).map_err(io("unpack", path))?;
    Ok(BufReader::with_capacity(BUFFER_BYTES, decoder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(lines: i64) -> String {
        (0..lines)
            .map(|n| format!("{{\"offset\":{n},\"ingest_time\":1,\"text\":\"{}\"}}\n", "x".repeat(2000)))
            .collect()
    }

    #[test]
    fn a_packed_day_is_read_near_any_offset() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (plain, packed) = (dir.path().join("a.ndjson"), dir.path().join("a.ndjson.zst"));
        let text = day(10_000);
        std::fs::write(&plain, &text).expect("written");
        assert!(pack(&plain, &packed, &AtomicBool::new(false)).expect("packed"));
        assert!(frames(&packed).expect("a table").len() > 3);
        assert!(std::fs::metadata(&packed).expect("a file").len() < text.len() as u64 / 10);
        let mut whole = String::new();
        zstd::Decoder::new(File::open(&packed).expect("opened"))
            .expect("zstd")
            .read_to_string(&mut whole)
            .expect("read");
        assert!(whole == text, "other programs read the same bytes");
        for offset in [0, 1, 1999, 5000, 9999, 20_000] {
            let (mut lines, position) = open_near(&packed, offset).expect("opened");
            assert!(position == 0 || text.as_bytes()[position as usize - 1] == b'\n');
            let mut line = Vec::new();
            assert!(days::read_line(&mut lines, &mut line, &packed, position).expect("read"));
            let found = days::offset(&packed, 0, &line).expect("an offset");
            // A frame holds some two thousand of these lines.
            assert!(found <= offset && offset.min(9999) - found < 2500, "{found} for {offset}");
            assert!(offset < 5000 || position > 0);
        }
        let last = last_line(&packed).expect("read").expect("a line");
        assert_eq!(days::offset(&packed, 0, &last).expect("an offset"), 9999);
    }

    #[test]
    fn what_another_program_packed_is_read_from_its_beginning() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let packed = dir.path().join("a.ndjson.zst");
        std::fs::write(&packed, zstd::encode_all(day(100).as_bytes(), 3).expect("zstd")).expect("written");
        let (mut lines, position) = open_near(&packed, 50).expect("opened");
        let mut line = Vec::new();
        assert!(days::read_line(&mut lines, &mut line, &packed, position).expect("read"));
        assert_eq!((position, days::offset(&packed, 0, &line).expect("an offset")), (0, 0));
        let last = last_line(&packed).expect("read").expect("a line");
        assert_eq!(days::offset(&packed, 0, &last).expect("an offset"), 99);
    }

    #[test]
    fn told_to_stop_it_leaves_nothing() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let plain = dir.path().join("a.ndjson");
        std::fs::write(&plain, day(10)).expect("written");
        let packed = dir.path().join("a.ndjson.zst");
        assert!(!pack(&plain, &packed, &AtomicBool::new(true)).expect("stopped"));
        assert_eq!(std::fs::read_dir(dir.path()).expect("listed").count(), 1);
    }
}
