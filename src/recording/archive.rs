//! The file in a zip archive, read while it is unpacked.
//!
//! In: an archive that holds one file. Out: the file's name and content; its checksum is compared at the end. Source: APPNOTE.TXT
//! 6.3.10 of PKWARE, sections 4.3 and 4.5.3. docs/decisions/zip.md says why this is our own code.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const END_64_LOCATOR: [u8; 4] = *b"PK\x06\x07";
const ENTRY: [u8; 4] = *b"PK\x01\x02";
const LOCAL: [u8; 4] = *b"PK\x03\x04";
/// The record at the end, without its comment, and the longest comment.
const END_BYTES: u64 = 22;
const LONGEST_COMMENT_BYTES: u64 = u16::MAX as u64;
/// An archive's list of files is not larger: it is for one file, and perhaps a few that systems add.
const LARGEST_LIST_BYTES: u64 = 1 << 20;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// What is wrong with an archive.
#[derive(Debug)]
pub enum Fault {
    Read(io::Error),
    /// It holds another number of files than one.
    Files(usize),
    /// The file is encrypted, or packed by a method that is not read.
    Method,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Read(error)
    }
}

/// A file in an archive.
struct Entry {
    name: String,
    method: u16,
    encrypted: bool,
    crc: u32,
    packed: u64,
    size: u64,
    /// Where its local header stands.
    at: u64,
}

/// Opens the only file of an archive; returns its name and content.
pub fn open(mut file: File) -> Result<(String, impl Read + Send), Fault> {
    let mut entries = entries(&mut file)?;
    entries.retain(|entry| {
        let name = entry.name.rsplit('/').next().unwrap_or_default();
        // Folders, and what macOS adds.
        !name.is_empty() && !entry.name.starts_with("__MACOSX/") && name != ".DS_Store"
    });
    let count = entries.len();
    let (Some(entry), 1) = (entries.pop(), count) else { return Err(Fault::Files(count)) };
    if entry.encrypted || !matches!(entry.method, STORED | DEFLATED) {
        return Err(Fault::Method);
    }
    file.seek(SeekFrom::Start(entry.at))?;
    let mut header = [0; 30];
    file.read_exact(&mut header)?;
    if header[..4] != LOCAL {
        return Err(damaged("a local header is not where the list says").into());
    }
    file.seek(SeekFrom::Current(i64::from(u16_at(&header, 26)) + i64::from(u16_at(&header, 28))))?;
    let packed = BufReader::new(file.take(entry.packed));
    let content = match entry.method {
        STORED => Content::Stored(packed),
        _ => Content::Deflated(DeflateDecoder::new(packed)),
    };
    Ok((entry.name, Checked { content, crc: Crc::new(), expected: entry.crc, size: entry.size, read: 0 }))
}

/// Reads the archive's list of files, which stands at its end.
fn entries(file: &mut File) -> io::Result<Vec<Entry>> {
    let length = file.seek(SeekFrom::End(0))?;
    let tail_at = length.saturating_sub(END_BYTES + LONGEST_COMMENT_BYTES);
    let tail = bytes_at(file, tail_at, length - tail_at)?;
    let ends =
        || (0..tail.len().saturating_sub(END_BYTES as usize - 1)).rev().filter(|at| tail[*at..].starts_with(&END));
    // The archive's comment follows to the end, and may hold the same bytes. Something else may follow the whole archive.
    let is_last = |at: &usize| at + END_BYTES as usize + usize::from(u16_at(&tail, at + 20)) == tail.len();
    let end = ends().find(is_last).or_else(|| ends().next());
    let end = end.ok_or_else(|| damaged("its list of files is missing"))?;
    let mut count = u64::from(u16_at(&tail, end + 10));
    let mut size = u64::from(u32_at(&tail, end + 12));
    let mut start = u64::from(u32_at(&tail, end + 16));
    // Archives beyond 4 GB have another record before that one.
    if count == u64::from(u16::MAX) || size == u64::from(u32::MAX) || start == u64::from(u32::MAX) {
        let locator = end.checked_sub(20).map(|at| &tail[at..end]).filter(|bytes| bytes.starts_with(&END_64_LOCATOR));
        let at = u64_at(locator.ok_or_else(|| damaged("its list of files is missing"))?, 8);
        let record = bytes_at(file, at, 56)?;
        if !record.starts_with(&END_64) {
            return Err(damaged("its list of files is missing"));
        }
        (count, size, start) = (u64_at(&record, 32), u64_at(&record, 40), u64_at(&record, 48));
    }
    if size > LARGEST_LIST_BYTES {
        return Err(damaged("its list of files is too long"));
    }
    let list = bytes_at(file, start, size)?;
    let mut rest = list.as_slice();
    let mut entries = Vec::new();
    while rest.starts_with(&ENTRY) && rest.len() >= 46 {
        let [name, extra, comment] = [28, 30, 32].map(|at| usize::from(u16_at(rest, at)));
        let all = 46 + name + extra + comment;
        if rest.len() < all {
            break;
        }
        let mut entry = Entry {
            name: String::from_utf8_lossy(&rest[46..46 + name]).into_owned(),
            method: u16_at(rest, 10),
            encrypted: u16_at(rest, 8) & 1 != 0,
            crc: u32_at(rest, 16),
            packed: u64::from(u32_at(rest, 20)),
            size: u64::from(u32_at(rest, 24)),
            at: u64::from(u32_at(rest, 42)),
        };
        enlarge(&mut entry, &rest[46 + name..46 + name + extra]);
        entries.push(entry);
        rest = &rest[all..];
    }
    if entries.len() as u64 != count {
        return Err(damaged("its list of files is not complete"));
    }
    Ok(entries)
}

/// Takes sizes and places beyond 4 GB from an entry's extra fields.
fn enlarge(entry: &mut Entry, mut extra: &[u8]) {
    while extra.len() >= 4 {
        let (kind, length) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
        let Some(field) = extra.get(4..4 + length) else { return };
        if kind == 1 {
            let mut values = field.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
            for value in [&mut entry.size, &mut entry.packed, &mut entry.at] {
                if *value == u64::from(u32::MAX)
                    && let Some(larger) = values.next()
                {
                    *value = larger;
                }
            }
        }
        extra = &extra[4 + length..];
    }
}

fn bytes_at(file: &mut File, at: u64, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(damaged("it ends in the middle")) }
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

enum Content {
    Stored(BufReader<io::Take<File>>),
    Deflated(DeflateDecoder<BufReader<io::Take<File>>>),
}

/// A file's content, whose length and checksum are compared at its end.
struct Checked {
    content: Content,
    crc: Crc,
    expected: u32,
    size: u64,
    read: u64,
}

impl Read for Checked {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.content {
            Content::Stored(content) => content.read(into)?,
            Content::Deflated(content) => content.read(into)?,
        };
        self.crc.update(&into[..read]);
        self.read += read as u64;
        if read == 0 && !into.is_empty() {
            if self.read < self.size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if self.crc.sum() != self.expected || self.read != self.size {
                return Err(damaged("its checksum is wrong"));
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use flate2::write::DeflateEncoder;

    use super::{Fault, open};

    /// Makes an archive of files, packed or stored.
    fn zip(files: &[(&str, &[u8])], deflate: bool) -> Vec<u8> {
        let (mut archive, mut list) = (Vec::new(), Vec::new());
        for (name, content) in files {
            let mut crc = flate2::Crc::new();
            crc.update(content);
            let packed = if deflate {
                let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(content).expect("packed");
                encoder.finish().expect("packed")
            } else {
                content.to_vec()
            };
            let at = archive.len() as u32;
            let method = if deflate { 8u16 } else { 0 };
            let mut common = Vec::new();
            for part in [20u16, 0, method, 0, 0] {
                common.extend(part.to_le_bytes());
            }
            for part in [crc.sum(), packed.len() as u32, content.len() as u32] {
                common.extend(part.to_le_bytes());
            }
            common.extend((name.len() as u16).to_le_bytes());
            common.extend(0u16.to_le_bytes());
            archive.extend(b"PK\x03\x04");
            archive.extend(&common);
            archive.extend(name.as_bytes());
            archive.extend(&packed);
            list.extend(b"PK\x01\x02\x14\0");
            list.extend(&common);
            list.extend([0; 10]);
            list.extend(at.to_le_bytes());
            list.extend(name.as_bytes());
        }
        let (start, size, count) = (archive.len() as u32, list.len() as u32, files.len() as u16);
        archive.extend(list);
        archive.extend(b"PK\x05\x06\0\0\0\0");
        archive.extend(count.to_le_bytes());
        archive.extend(count.to_le_bytes());
        archive.extend(size.to_le_bytes());
        archive.extend(start.to_le_bytes());
        archive.extend(0u16.to_le_bytes());
        archive
    }

    fn unpacked(bytes: &[u8]) -> Result<(String, Result<Vec<u8>, std::io::ErrorKind>), Fault> {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(bytes).expect("written");
        let (name, mut content) = open(file)?;
        let mut all = Vec::new();
        Ok((name, content.read_to_end(&mut all).map(|_| all).map_err(|error| error.kind())))
    }

    #[test]
    fn the_only_file_is_read_whole() {
        let content: Vec<u8> = (0..100_000u32).flat_map(|number| (number * 7).to_string().into_bytes()).collect();
        for deflate in [true, false] {
            let files: [(&str, &[u8]); 3] = [("__MACOSX/a", b"x"), ("days/", b""), ("days/a.csv", &content)];
            let (name, read) = unpacked(&zip(&files, deflate)).expect("an archive");
            assert_eq!((name.as_str(), read), ("days/a.csv", Ok(content.clone())));
        }
    }

    #[test]
    fn other_archives_are_told() {
        assert!(matches!(unpacked(&zip(&[("a", b"1"), ("b", b"2")], true)), Err(Fault::Files(2))));
        assert!(matches!(unpacked(&zip(&[], true)), Err(Fault::Files(0))));
        let good = zip(&[("a.csv", b"1,2,3\n")], false);
        let mut encrypted = good.clone();
        let list = good.windows(4).position(|bytes| bytes == b"PK\x01\x02").expect("a list");
        encrypted[list + 8] |= 1;
        assert!(matches!(unpacked(&encrypted), Err(Fault::Method)));
        let mut damaged = good.clone();
        let content = good.windows(5).position(|bytes| bytes == b"1,2,3").expect("the content");
        damaged[content] = b'9';
        let (_, read) = unpacked(&damaged).expect("an archive");
        assert_eq!(read, Err(std::io::ErrorKind::InvalidData));
        // Cut off, as a download that stopped: the list is at the end.
        for length in 0..good.len() {
            assert!(matches!(unpacked(&good[..length]), Err(Fault::Read(_))), "{length} bytes");
        }
    }

    #[test]
    fn a_comment_may_hold_anything() {
        let mut archive = zip(&[("a.csv", b"1,2,3\n")], true);
        let comment = b"PK\x05\x06 is where the list of files ends, and this is not it.";
        let length = archive.len();
        archive[length - 2..].copy_from_slice(&(comment.len() as u16).to_le_bytes());
        archive.extend(comment);
        assert_eq!(unpacked(&archive).expect("an archive").1, Ok(b"1,2,3\n".to_vec()));
        archive.extend(b"something behind the archive");
        // Now nothing tells which of the two it is; it must not be read as another archive.
        assert!(matches!(unpacked(&archive), Err(Fault::Read(_))));
    }

    #[test]
    fn a_list_that_is_shorter_than_its_count_is_damaged() {
        let mut archive = zip(&[("a.csv", b"1,2,3\n"), ("b.csv", b"4,5,6\n")], false);
        let second = archive.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").expect("a second entry");
        archive[second] = b'?';
        assert!(matches!(unpacked(&archive), Err(Fault::Read(_))));
    }

    #[test]
    fn damaged_archives_never_panic() {
        let good = zip(&[("a.csv", b"1,2,3\n4,5,6\n")], true);
        for at in 0..good.len() {
            for byte in [0, 0x7f, 0xff] {
                let mut damaged = good.clone();
                damaged[at] = byte;
                let _ = unpacked(&damaged);
            }
        }
    }
}
