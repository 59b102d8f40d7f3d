//! Tells from the first bytes what a file is: plain text, gzip, zstd, zip, Parquet, or something that is not a recording.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use flate2::bufread::GzDecoder;

/// The largest window that zstd may ask for. Recordings are read with a bounded amount of memory.
pub const LARGEST_WINDOW_LOG: u32 = 28;

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZIP_MAGIC: &[u8] = b"PK\x03\x04";
const PARQUET_MAGIC: &[u8] = b"PAR1";
/// How many first bytes [`foreign`] looks at.
pub const LOOKED_AT_BYTES: usize = 512;

/// How a recording is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    Plain,
    Gzip,
    /// Zstd; the window of the first frame, in bytes.
    Zstd {
        window: u64,
    },
    /// A zip archive.
    Zip,
    /// A Parquet file, which unpacks its own columns.
    Parquet,
}

/// Something that is not a recording.
#[derive(Debug, PartialEq, Eq)]
pub struct Foreign {
    /// What it is, after "is".
    pub what: &'static str,
    pub hint: &'static str,
    /// Where the bytes stand that tell it, and these bytes.
    at: usize,
    magic: &'static [u8],
}

const fn foreign_at(at: usize, magic: &'static [u8], what: &'static str, hint: &'static str) -> Foreign {
    Foreign { what, hint, at, magic }
}

const TABLE: &str = "unpack it: Parquet is compressed by itself, and is read as it is";
const CONVERT: &str = "convert it first: a recording has one JSON message a line, plain, gzip or zstd";
const UNPACK: &str = "unpack it, and name the files in it";
const DECOMPRESS: &str = "decompress it first, or compress it with gzip or zstd instead";
const ENCODE: &str = "convert it first: `iconv -f UTF-16 -t UTF-8`";

/// What files are that people take for recordings.
static FOREIGN: &[Foreign] = &[
    foreign_at(0, PARQUET_MAGIC, "a Parquet file", TABLE),
    foreign_at(0, b"ARROW1", "an Arrow file", CONVERT),
    foreign_at(0, b"Obj\x01", "an Avro file", CONVERT),
    foreign_at(0, b"ORC", "an ORC file", CONVERT),
    foreign_at(0, b"SQLite format 3\0", "an SQLite database", CONVERT),
    foreign_at(0, b"\x89HDF\r\n\x1a\n", "an HDF5 file", CONVERT),
    foreign_at(257, b"ustar", "a tar archive", UNPACK),
    foreign_at(0, ZIP_MAGIC, "a zip archive", UNPACK),
    foreign_at(0, b"PK\x05\x06", "an empty zip archive", UNPACK),
    foreign_at(0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    foreign_at(0, b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    foreign_at(0, b"BZh", "compressed with bzip2", DECOMPRESS),
    foreign_at(0, b"\xfd7zXZ\0", "compressed with xz", DECOMPRESS),
    foreign_at(0, b"\x5d\0\0", "compressed with lzma", DECOMPRESS),
    foreign_at(0, b"LZIP", "compressed with lzip", DECOMPRESS),
    foreign_at(0, b"\x04\x22\x4d\x18", "compressed with lz4", DECOMPRESS),
    foreign_at(0, b"\x02\x21\x4c\x18", "compressed with lz4", DECOMPRESS),
    foreign_at(0, b"\xff\x06\0\0sNaPpY", "compressed with snappy", DECOMPRESS),
    foreign_at(0, b"\x1f\x9d", "compressed with compress", DECOMPRESS),
    foreign_at(0, &GZIP_MAGIC, "compressed with gzip", DECOMPRESS),
    foreign_at(0, &ZSTD_MAGIC, "compressed with zstd", DECOMPRESS),
    foreign_at(0, b"\xff\xfe", "text in UTF-16", ENCODE),
    foreign_at(0, b"\xfe\xff", "text in UTF-16", ENCODE),
];

/// Returns what decompressed data are if their first bytes show that they are not a recording.
pub fn foreign(beginning: &[u8]) -> Option<&'static Foreign> {
    let found = |foreign: &&Foreign| beginning.get(foreign.at..).is_some_and(|bytes| bytes.starts_with(foreign.magic));
    FOREIGN.iter().find(found)
}

/// Returns how a file is compressed, and goes back to its beginning.
pub fn compression(file: &mut File) -> io::Result<Compression> {
    let mut header = first_bytes(file)?;
    let begins_with_gzip = header.starts_with(&GZIP_MAGIC);
    // Frames to skip may come first, as pzstd writes them; lz4 has the same.
    while let [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, ..] = header[..] {
        file.seek(SeekFrom::Current(8 + i64::from(u32::from_le_bytes([a, b, c, d]))))?;
        header = first_bytes(file)?;
    }
    file.rewind()?;
    Ok(match header.strip_prefix(&ZSTD_MAGIC) {
        Some(header) => Compression::Zstd { window: window(header) },
        None if begins_with_gzip => Compression::Gzip,
        None if header.starts_with(ZIP_MAGIC) => Compression::Zip,
        None if header.starts_with(PARQUET_MAGIC) => Compression::Parquet,
        None => Compression::Plain,
    })
}

/// Returns the next bytes of a file, and goes back to where it stood.
fn first_bytes(file: &mut File) -> io::Result<Vec<u8>> {
    let position = file.stream_position()?;
    let mut bytes = Vec::new();
    Read::by_ref(file).take(18).read_to_end(&mut bytes)?;
    file.seek(SeekFrom::Start(position))?;
    Ok(bytes)
}

/// Returns the window of a zstd frame from its header, which begins after the magic number; 0 if the header is cut off.
///
/// RFC 8878, section 3.1.1.1.
fn window(header: &[u8]) -> u64 {
    let Some((descriptor, rest)) = header.split_first() else { return 0 };
    let single_segment = descriptor & 0x20 != 0;
    if !single_segment {
        let Some(byte) = rest.first() else { return 0 };
        let base = 1u64 << (10 + (byte >> 3));
        return base + base / 8 * u64::from(byte & 7);
    }
    // The window is the whole content, whose size follows the dictionary's id.
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let (size, least) = [(1, 0), (2, 256), (4, 0), (8, 0)][usize::from(descriptor >> 6)];
    let Some(bytes) = rest.get(dictionary..dictionary + size) else { return 0 };
    let mut content = [0; 8];
    content[..size].copy_from_slice(bytes);
    u64::from_le_bytes(content).saturating_add(least)
}

/// The content of a gzip file: of all its members, one after another. Zeros between and after them are padding.
pub struct Gzip {
    /// `None` after the last member.
    member: Option<GzDecoder<BufReader<File>>>,
}

impl Gzip {
    /// Starts at the file's first member.
    pub fn new(file: BufReader<File>) -> Gzip {
        Gzip { member: Some(GzDecoder::new(file)) }
    }
}

impl Read for Gzip {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.member = match self.member.take() {
                Some(member) => next_member(member.into_inner())?,
                None => None,
            };
        }
        Ok(0)
    }
}

/// Returns the member after the one that was read; `None` at the file's end.
fn next_member(mut file: BufReader<File>) -> io::Result<Option<GzDecoder<BufReader<File>>>> {
    loop {
        let bytes = file.fill_buf()?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let padding = bytes.iter().take_while(|byte| **byte == 0).count();
        if padding < bytes.len() {
            let follows = &bytes[padding..];
            if !follows.starts_with(&GZIP_MAGIC[..follows.len().min(GZIP_MAGIC.len())]) {
                let what = "something that is not gzip follows the compressed data";
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            file.consume(padding);
            return Ok(Some(GzDecoder::new(file)));
        }
        file.consume(padding);
    }
}

#[cfg(test)]
mod tests {
    use super::{foreign, window};

    #[test]
    fn the_window_is_in_the_frames_header() {
        // Headers that zstd 1.5 wrote: `zstd --long=31` of a stream, `zstd -3` of a stream, and of a file of 300 bytes.
        assert_eq!(window(&[0x04, 0xa8]), 1 << 31);
        assert_eq!(window(&[0x04, 0x58]), 1 << 21);
        assert_eq!(window(&[0x64, 0x2c, 0x00]), 300);
        assert_eq!(window(&[]), 0);
        assert_eq!(window(&[0xe4, 1, 2]), 0);
    }

    #[test]
    fn what_is_not_a_recording_is_named() {
        let named = |bytes: &[u8]| foreign(bytes).map(|foreign| foreign.what);
        let tar = [&b"a.ndjson"[..], &[0; 249], b"ustar\0"].concat();
        for (bytes, expected) in [
            (&b"PAR1"[..], "a Parquet file"),
            (&tar, "a tar archive"),
            (b"PK\x03\x04\x14", "a zip archive"),
            (b"BZh91AY&SY", "compressed with bzip2"),
            (b"\xfd7zXZ\0\0", "compressed with xz"),
            (b"\x04\x22\x4d\x18d", "compressed with lz4"),
            (b"\xff\xfe{\0", "text in UTF-16"),
        ] {
            assert_eq!(named(bytes), Some(expected));
        }
        assert_eq!(named(b"{\"type\":\"ticker\"}"), None);
        assert_eq!(named(b""), None);
    }
}
