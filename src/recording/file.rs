//! A recorded file: one message per line, plain or compressed.
//!
//! In: a path. Out: its lines byte for byte, without their ends. The compression is detected from the first bytes, not from
//! the name.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::Error;
use crate::text::fnv1a;
use crate::tick::{self, Problem};

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const PARQUET_MAGIC: [u8; 4] = *b"PAR1";

/// A line longer than this is not a message; exchanges' messages have a few hundred bytes.
pub const LONGEST_LINE_BYTES: u64 = 16 * 1024 * 1024;
/// At least one of this many first lines must be a message; the others may be cut off or damaged.
const LINES_LOOKED_AT: usize = 100;
/// A recording's identity is computed from this many first bytes, decompressed.
const IDENTITY_BYTES: u64 = 64 * 1024;
const BUFFER_BYTES: usize = 256 * 1024;

/// A file that was checked and holds messages.
#[derive(Debug, Clone)]
pub struct Recording {
    pub path: PathBuf,
    /// 16 hexadecimal digits that depend only on the content, not on the file's name or compression.
    pub identity: String,
}

/// The lines of a recording.
pub struct Lines {
    path: PathBuf,
    source: Box<dyn BufRead + Send>,
    /// Whether the compressed data ended in the middle.
    broken_off: bool,
}

/// How a line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// A whole line, including its line end.
    Line,
    /// The last line, without a line end.
    CutOff,
    /// There are no more lines.
    File,
}

impl Recording {
    /// Checks a file. A compressed file is read to its end, so that damage is found before anything is written.
    ///
    /// # Errors
    /// The file is missing, empty or damaged, or no message of a known shape is among its first lines.
    pub fn look_at(path: &Path) -> Result<Recording, Error> {
        let path = path.to_path_buf();
        if path.is_dir() {
            return Err(Error::Folder { path });
        }
        let mut beginning = Vec::new();
        let mut start = Lines::open(&path)?;
        if let Err(source) = (&mut start.source).take(IDENTITY_BYTES).read_to_end(&mut beginning)
            && source.kind() != io::ErrorKind::UnexpectedEof
        {
            return Err(Error::Damaged { path, source });
        }
        if beginning.is_empty() {
            return Err(Error::Empty { path });
        }
        if beginning.starts_with(&PARQUET_MAGIC) {
            return Err(Error::Parquet { path });
        }
        look_for_message(&path)?;
        match io::copy(&mut start.source, &mut io::sink()) {
            Err(source) if source.kind() != io::ErrorKind::UnexpectedEof => Err(Error::Damaged { path, source }),
            // If a recorder was killed, its last block is unfinished; everything before that block is used.
            _ => Ok(Recording { path, identity: format!("{:016x}", fnv1a(&beginning)) }),
        }
    }

    /// Returns the lines from the beginning.
    pub fn lines(&self) -> Result<Lines, Error> {
        Lines::open(&self.path)
    }
}

impl Lines {
    fn open(path: &Path) -> Result<Lines, Error> {
        let read_error = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => Error::Missing { path: path.to_path_buf() },
            _ => Error::Read { path: path.to_path_buf(), source },
        };
        let mut file = File::open(path).map_err(read_error)?;
        let mut magic = Vec::new();
        (&mut file).take(4).read_to_end(&mut magic).map_err(read_error)?;
        file.rewind().map_err(read_error)?;
        let file = BufReader::with_capacity(BUFFER_BYTES, file);
        let source: Box<dyn BufRead + Send> = if magic == ZSTD_MAGIC {
            let decoder = zstd::Decoder::with_buffer(file).map_err(read_error)?;
            Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder))
        } else if magic.starts_with(&GZIP_MAGIC) {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(file)))
        } else {
            Box::new(file)
        };
        Ok(Lines { path: path.to_path_buf(), source, broken_off: false })
    }

    /// Reads the next line into `line`, without its end (`\n` or `\r\n`).
    pub fn next(&mut self, line: &mut Vec<u8>) -> Result<Ended, Error> {
        line.clear();
        if self.broken_off {
            return Ok(Ended::File);
        }
        match (&mut self.source).take(LONGEST_LINE_BYTES).read_until(b'\n', line) {
            Ok(_) => {}
            // The part of the line that could be decompressed is in the buffer.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.broken_off = true,
            Err(source) => return Err(Error::Damaged { path: self.path.clone(), source }),
        }
        if line.pop_if(|byte| *byte == b'\n').is_some() {
            line.pop_if(|byte| *byte == b'\r');
            return Ok(Ended::Line);
        }
        Ok(if line.is_empty() { Ended::File } else { Ended::CutOff })
    }

    /// Whether the compressed data ended in the middle; known only after the last line was read.
    pub fn broken_off(&self) -> bool {
        self.broken_off
    }
}

/// Looks for a message among the first lines.
fn look_for_message(path: &Path) -> Result<(), Error> {
    let mut lines = Lines::open(path)?;
    let mut line = Vec::new();
    let mut first_problem = None;
    for number in 1..=LINES_LOOKED_AT {
        let ended = lines.next(&mut line)?;
        if ended == Ended::File {
            break;
        }
        if line.len() as u64 == LONGEST_LINE_BYTES {
            return Err(Error::LongLine { path: path.to_path_buf(), line: number });
        }
        match tick::parse(&line) {
            Ok(_) => return Ok(()),
            Err(problem) => {
                first_problem.get_or_insert((number, problem));
            }
        }
    }
    let (line, problem) = first_problem.unwrap_or((1, Problem::Empty));
    Err(Error::NoMessage { path: path.to_path_buf(), line, problem })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::{Path, PathBuf};

    use super::{Ended, Recording};
    use crate::error::Hint;

    const LINE: &str =
        r#"{"product_id":"BTC-USD","price":"2","best_bid":"1","best_ask":"2","timestamp":"2026-04-06T15:02:34Z"}"#;

    fn write(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
        let path = dir.join(name);
        std::fs::write(&path, bytes).expect("write a recording");
        path
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("compress");
        encoder.finish().expect("compress")
    }

    fn read(recording: &Recording) -> (Vec<String>, Ended, bool) {
        let mut lines = recording.lines().expect("the recording opens");
        let (mut all, mut line, mut last) = (Vec::new(), Vec::new(), Ended::Line);
        loop {
            match lines.next(&mut line).expect("the recording can be read") {
                Ended::File => return (all, last, lines.broken_off()),
                ended => {
                    last = ended;
                    all.push(String::from_utf8(line.clone()).expect("text"));
                }
            }
        }
    }

    #[test]
    fn compression_is_told_by_looking() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let text = format!("{LINE}\n{LINE}\r\n\n{LINE}");
        let zstd = zstd::encode_all(text.as_bytes(), 1).expect("compress");
        let recordings = [
            write(temp.path(), "plain.zst", text.as_bytes()),
            write(temp.path(), "gzip.ndjson", &gzip(text.as_bytes())),
            write(temp.path(), "zstd.gz", &zstd),
        ]
        .map(|path| Recording::look_at(&path).expect("a recording"));
        for recording in &recordings {
            let (lines, last, broken_off) = read(recording);
            assert_eq!(lines, [LINE, LINE, "", LINE]);
            assert_eq!((last, broken_off), (Ended::CutOff, false));
            assert_eq!(recording.identity, recordings[0].identity);
        }
    }

    #[test]
    fn compressed_data_that_break_off_count_to_there() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        // Several blocks of compressed data, so that whole blocks come before the one that is cut.
        let line =
            |number: u64| LINE.replace("02:34Z", &format!("02:34.{:09}Z", number * 314_159_265 % 1_000_000_007)) + "\n";
        let text: String = (0..4000).map(line).collect();
        let zstd = zstd::encode_all(text.as_bytes(), 1).expect("compress");
        for (name, bytes) in [("a.zst", &zstd), ("a.gz", &gzip(text.as_bytes()))] {
            let path = write(temp.path(), name, &bytes[..bytes.len() / 2]);
            let recording = Recording::look_at(&path).expect("a recording");
            let (lines, _, broken_off) = read(&recording);
            assert!(broken_off && (1..4000).contains(&lines.len()), "{name}: {}", lines.len());
        }
        let mut damaged = gzip(text.as_bytes());
        let end = damaged.len() - 6;
        damaged[end] ^= 1;
        let error = Recording::look_at(&write(temp.path(), "b.gz", &damaged)).expect_err("the checksum is wrong");
        assert!(error.to_string().ends_with("b.gz: it is damaged"), "{error}");
    }

    #[test]
    fn files_that_are_not_recordings() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let dir = temp.path();
        let missing = dir.join("missing");
        for (path, expected, hint) in [
            (missing.clone(), "there is no file {}", "paths are taken from the working directory"),
            (dir.to_path_buf(), "{} is a folder", "name its files: `squall replay {}/*`"),
            (write(dir, "empty", b""), "{} is empty", "leave it out; nothing was written"),
            (
                write(dir, "a.parquet", b"PAR1\0\0"),
                "{} is a Parquet file, not a recording",
                "`squall sql` reads Parquet; a recording has one JSON message a line",
            ),
            (
                write(dir, "words", b"\n\nto be or not to be\n"),
                "{} holds no message of a known shape; line 1: message is empty",
                "docs/formats.md shows the shapes that are read: one JSON message a line, plain, gzip or zstd",
            ),
        ] {
            let error = Recording::look_at(&path).expect_err("the file is not a recording");
            let path = path.display().to_string();
            assert_eq!(error.to_string(), expected.replace("{}", &path));
            assert_eq!(error.hint().expect("a hint"), hint.replace("{}", &path));
        }
    }
}
