//! What can go wrong with recordings.

use std::io;
use std::path::PathBuf;

use super::file::LONGEST_PASSED_OVER_BYTES;
use super::format::{Foreign, LARGEST_WINDOW_LOG};
use crate::error::Hint;
use crate::log;
use crate::tick::Problem;

/// What can go wrong with recordings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no file {path}")]
    Missing { path: PathBuf },
    #[error("{path} is a folder")]
    Folder { path: PathBuf },
    #[error("{path} is empty")]
    Empty { path: PathBuf },
    #[error("{path} is {}{inside}, not a recording", foreign.what)]
    Foreign { path: PathBuf, foreign: &'static Foreign, inside: &'static str },
    #[error("{path} is compressed with a window of {} MiB; squall reads windows of up to {} MiB", window >> 20, (1u64 << LARGEST_WINDOW_LOG) >> 20)]
    Window { path: PathBuf, window: u64 },
    #[error("{path} holds no message of a known shape; line {line}: {problem}")]
    NoMessage { path: PathBuf, line: usize, problem: Problem },
    #[error("hardly anything of {} is read: {ticks} of {messages} messages hold ticks", path.display())]
    HardlyRead { path: PathBuf, ticks: String, messages: String },
    #[error("line {line} of {path} does not end within {LONGEST_PASSED_OVER_BYTES} bytes")]
    LongLine { path: PathBuf, line: usize },
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot decompress {path}: it is damaged")]
    Damaged { path: PathBuf, source: io::Error },
    #[error("no recording holds {product}")]
    NoProduct { product: String, held: Vec<String> },
    #[error("cannot lay sorted messages aside in {dir}")]
    Spill { dir: PathBuf, source: io::Error },
    #[error(transparent)]
    Log(#[from] log::Error),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Missing { .. } => "paths are taken from the working directory".into(),
            Error::Folder { path } => format!("name its files: `squall replay {}/*`", path.display()),
            Error::Empty { .. } => "leave it out; nothing was written".into(),
            Error::Foreign { foreign, .. } => foreign.hint.into(),
            Error::Window { path, .. } => {
                format!(
                    "decompress it first: `zstd -d --long=31 {}`, and name the file that this writes",
                    path.display()
                )
            }
            Error::HardlyRead { .. } => {
                "docs/formats.md shows the shapes that are read; without --strict the messages are stored anyway".into()
            }
            Error::NoMessage { .. } | Error::LongLine { .. } => {
                "docs/formats.md shows the shapes that are read: one JSON message a line, plain, gzip or zstd".into()
            }
            Error::Read { path, .. } => format!("`ls -l {}` shows whether you may read it", path.display()),
            Error::Damaged { .. } => "fetch the file again; nothing was written".into(),
            Error::NoProduct { held, .. } if held.is_empty() => "they hold no ticks".into(),
            Error::NoProduct { held, .. } => format!("they hold {}", held.join(", ")),
            Error::Spill { .. } => {
                "a merge needs as much disk space as the messages take; paths.data says where".into()
            }
            Error::Log(error) => return error.hint(),
        })
    }
}
