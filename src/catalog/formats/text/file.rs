//! The bytes of a text file, as they are before compression.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use bytes::Buf;
use datafusion::common::Result;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::error::DataFusionError;
use datafusion::object_store::path::Path;
use datafusion::object_store::{GetOptions, GetRange, GetResultPayload, ObjectStore, ObjectStoreExt};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};

/// How many bytes are read at once.
const PIECE: usize = 256 << 10;

/// A text file in a store.
#[derive(Debug, Clone)]
pub struct TextFile {
    pub store: Arc<dyn ObjectStore>,
    pub location: Path,
    pub compression: FileCompressionType,
}

/// A file that can be read to its end.
pub struct Opened {
    /// What people call the file.
    pub name: String,
    pub reader: Box<dyn Read + Send>,
}

/// The bytes of a file, or of a part of it, in their order.
pub type Pieces = BoxStream<'static, io::Result<Vec<u8>>>;

impl TextFile {
    /// Opens the file.
    pub async fn open(&self) -> Result<Opened> {
        let result = self.store.get(&self.location).await?;
        match result.payload {
            GetResultPayload::File(file, path) => {
                Ok(Opened { name: path.display().to_string(), reader: self.plain(file, &path.display().to_string())? })
            }
            GetResultPayload::Stream(_) => {
                let name = self.location.to_string();
                let bytes = result.bytes().await?;
                Ok(Opened { reader: self.plain(bytes.reader(), &name)?, name })
            }
        }
    }

    fn plain<R: Read + Send + 'static>(&self, reader: R, name: &str) -> Result<Box<dyn Read + Send>> {
        self.compression.convert_read(reader).map_err(|error| unreadable(name, &error))
    }

    /// Returns the bytes of the file, or of the lines that begin between two bytes of it.
    pub async fn pieces(&self, part: Option<(u64, u64)>, line_end: u8) -> Result<Pieces> {
        let from = part.map(|(start, _)| start.saturating_sub(1));
        let options = GetOptions { range: from.map(GetRange::Offset), ..GetOptions::default() };
        let result = self.store.get_opts(&self.location, options).await?;
        let range = result.range.clone();
        let pieces = match result.payload {
            GetResultPayload::File(mut file, path) => {
                file.seek(SeekFrom::Start(range.start))?;
                let reader = self.plain(file.take(range.end - range.start), &path.display().to_string())?;
                stream::try_unfold(reader, |mut reader| async move {
                    let piece = next_piece(&mut reader)?;
                    Ok((!piece.is_empty()).then_some((piece, reader)))
                })
                .boxed()
            }
            GetResultPayload::Stream(pieces) => {
                let pieces = self.compression.convert_stream(pieces.map_err(DataFusionError::from).boxed())?;
                pieces.map_ok(|piece| piece.to_vec()).map_err(io::Error::other).boxed()
            }
        };
        let Some((start, end)) = part else { return Ok(pieces) };
        let lines = Lines { at: start.saturating_sub(1), start, end, line_end, done: false };
        let cut = stream::try_unfold((pieces, lines), |(mut pieces, mut lines)| async move {
            if lines.done {
                return Ok(None);
            }
            let piece = pieces.try_next().await?;
            Ok::<_, io::Error>(piece.map(|piece| (lines.cut(piece), (pieces, lines))))
        });
        Ok(cut.boxed())
    }
}

/// Returns the next bytes; none, at the end.
fn next_piece(reader: &mut (dyn Read + Send)) -> io::Result<Vec<u8>> {
    let mut piece = vec![0; PIECE];
    let read = loop {
        match reader.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    piece.truncate(read);
    Ok(piece)
}

/// Returns the error for a file whose bytes cannot be read.
pub fn unreadable(name: &str, error: &(dyn std::error::Error + 'static)) -> DataFusionError {
    crate::catalog::answers::refuse(
        format!("cannot read {name}: {}", crate::error::with_causes(error)),
        "the file is damaged or was not written to its end; write it again",
    )
}

/// Finds the lines that begin between two bytes of a file.
#[derive(Debug)]
struct Lines {
    /// The place of the next piece in the file.
    at: u64,
    start: u64,
    end: u64,
    line_end: u8,
    done: bool,
}

impl Lines {
    /// Leaves out what comes before the first of the lines, and after the last.
    fn cut(&mut self, mut piece: Vec<u8>) -> Vec<u8> {
        let first = self.at;
        self.at += piece.len() as u64;
        // The last byte of the last line is the first line end behind the byte before `end`.
        let from = usize::try_from(self.end.saturating_sub(1).saturating_sub(first)).unwrap_or(usize::MAX);
        if let Some(rest) = piece.get(from..)
            && let Some(end) = rest.iter().position(|byte| *byte == self.line_end)
        {
            piece.truncate(from + end + 1);
            self.done = true;
        }
        if self.start > 0 {
            match piece.iter().position(|byte| *byte == self.line_end) {
                Some(end) => {
                    piece.drain(..=end);
                    self.start = 0;
                }
                None => piece.clear(),
            }
        }
        piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_in_one_part() {
        let text = b"one\ntwo\n\nlast one";
        for parts in 1..=text.len() as u64 {
            for piece in 1..=text.len() {
                let mut joined = Vec::new();
                let size = (text.len() as u64).div_ceil(parts);
                for start in (0..text.len() as u64).step_by(usize::try_from(size).unwrap()) {
                    let end = (start + size).min(text.len() as u64);
                    let from = start.saturating_sub(1);
                    let mut lines = Lines { at: from, start, end, line_end: b'\n', done: false };
                    for piece in text[usize::try_from(from).unwrap()..].chunks(piece) {
                        if !lines.done {
                            joined.extend(lines.cut(piece.to_vec()));
                        }
                    }
                }
                assert_eq!(joined, text, "{parts} {piece}");
            }
        }
    }
}
