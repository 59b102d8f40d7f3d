//! The right to send a run, which one process has at a time.
//!
//! In a folder, it is a lock on the file of what is not sent. In an object store, it is a lease, `<file>.sending`, which ends by itself if
//! its holder was killed.

use std::fs::File;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::store::{Files, Remote, objects};

/// How long a lease lasts. Sending a run takes less.
const LASTS: Duration = Duration::from_secs(600);

/// The right to send a run. It is given back when this is dropped.
#[derive(Debug)]
pub enum Right {
    Locked {
        /// Locked as long as this value lives.
        _file: File,
    },
    Leased {
        remote: Remote,
        name: String,
        holder: String,
    },
}

/// A lease as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Lease {
    holder: String,
    /// When it ends by its holder's clock, milliseconds since 1970.
    ends_ms: u64,
}

impl Right {
    /// Takes the right to send what a file holds; `None` if another process has it.
    pub fn take(files: &Files, name: &str) -> io::Result<Option<Right>> {
        let remote = match files {
            Files::Folder(dir) => {
                let file = File::options().read(true).write(true).open(dir.join(name))?;
                return Ok(file.try_lock().is_ok().then_some(Right::Locked { _file: file }));
            }
            Files::Store(remote) => remote,
        };
        let (name, holder) = (format!("{name}.sending"), objects::token());
        loop {
            let version = match remote.read(&name)? {
                Some((content, version)) => {
                    let held: Option<Lease> = serde_json::from_slice(&content).ok();
                    if held.as_ref().is_some_and(|held| held.holder == holder) {
                        break;
                    }
                    if held.is_some_and(|held| now_ms() < held.ends_ms) {
                        return Ok(None);
                    }
                    Some(version)
                }
                None => None,
            };
            let lease = Lease { holder: holder.clone(), ends_ms: now_ms() + LASTS.as_millis() as u64 };
            if remote.swap(&name, serde_json::to_vec(&lease)?, version)? {
                break;
            }
        }
        Ok(Some(Right::Leased { remote: remote.clone(), name, holder }))
    }
}

/// Removes a lease, unless it ended and another holder has it now.
fn give_back(remote: &Remote, name: &str, holder: &str) -> io::Result<()> {
    let Some((content, _)) = remote.read(name)? else { return Ok(()) };
    let held: Lease = serde_json::from_slice(&content)?;
    if held.holder == holder { remote.remove(name) } else { Ok(()) }
}

impl Drop for Right {
    fn drop(&mut self) {
        if let Right::Leased { remote, name, holder } = self {
            // If it cannot be given back, it ends by itself.
            let _ = give_back(remote, name, holder);
        }
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
