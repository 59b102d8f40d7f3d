//! Finds the name under which a log has landed, and refuses a log that is not the one that landed under it.
//!
//! In: a log, and the footers of a folder's visible files. Out: the name that the log's files carry, or an error. The error
//! says what happened and which command lands the log under another name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::TryStreamExt;

use super::columns::{Row, rows};
use super::error::Stranger;
use super::files::LandedFile;
use super::folder::Folder;
use super::origin::Origin;
use super::read::parsed;
use super::recover::{Landed, read_footer};
use super::{Error, encode};
use crate::log::{self, Log, LogId, Testimony};
use crate::tick::{self, Tick};

/// A log that is about to be landed.
pub struct Candidate<'a> {
    pub log: &'a Arc<dyn Log>,
    pub id: &'a LogId,
    /// The log as the user wrote it.
    pub source: &'a str,
    pub folder: &'a Folder,
    /// The visible files of the folder, ordered by name, partition and offset.
    pub landed: &'a [Landed],
}

/// Returns the name under which a log has landed into a folder. Damaged files do not count.
///
/// # Errors
/// Another log has landed under the name, or the log or a file cannot be read.
pub async fn landed_name(
    log: &Arc<dyn Log>,
    id: &LogId,
    source: &str,
    folder: &Folder,
    asked: Option<&str>,
) -> Result<String, Error> {
    let mut landed = Vec::new();
    for file in folder.list().await?.landed.visible() {
        match read_footer(folder, file).await {
            Ok(footer) => landed.push(Landed { file: file.clone(), footer }),
            Err(error) if error.is_damage() => {}
            Err(error) => return Err(error),
        }
    }
    Candidate { log, id, source, folder, landed: &landed }.name(asked).await
}

/// What the files of one name show about the log.
enum Judgement {
    /// No files have this name.
    Free,
    /// The files came from this log.
    Own,
    Stranger(Stranger),
}

impl Candidate<'_> {
    /// Returns the name for the log's files: the requested one, else the one under which the log has landed, else its topic.
    pub async fn name(&self, asked: Option<&str>) -> Result<String, Error> {
        let first = asked.unwrap_or_else(|| self.log.topic());
        let stranger = match self.judge(first).await? {
            Judgement::Own => return Ok(first.to_string()),
            Judgement::Free if asked.is_some() => return Ok(first.to_string()),
            Judgement::Free => None,
            Judgement::Stranger(stranger) => Some(stranger),
        };
        if asked.is_none() {
            let landed =
                self.landed.iter().filter(|landed| landed.footer.origin.as_ref().is_some_and(|o| o.log == *self.id));
            let names: BTreeSet<&str> = landed.map(|landed| landed.file.topic.as_str()).collect();
            for name in names.into_iter().filter(|name| *name != first) {
                if matches!(self.judge(name).await?, Judgement::Own) {
                    return Ok(name.to_string());
                }
            }
        }
        match stranger {
            None => Ok(first.to_string()),
            Some(stranger) => Err(self.refuse(stranger)),
        }
    }

    /// Returns the error that refuses the log and suggests a name that is not taken.
    pub fn refuse(&self, stranger: Stranger) -> Error {
        let taken = self.landed.iter().map(|landed| landed.file.topic.clone()).collect();
        refusal(self.source, self.log.topic(), &taken, stranger)
    }

    async fn judge(&self, name: &str) -> Result<Judgement, Error> {
        let mut last: BTreeMap<i32, &Landed> = BTreeMap::new();
        for landed in self.landed.iter().filter(|landed| landed.file.topic == name) {
            // A range without a message cannot be compared with the log.
            let tells = landed.footer.origin.as_ref().is_none_or(|origin| origin.last.is_some());
            if tells || !last.contains_key(&landed.file.partition) {
                last.insert(landed.file.partition, landed);
            }
        }
        if last.is_empty() {
            return Ok(Judgement::Free);
        }
        for (partition, landed) in last {
            if let Some(stranger) = self.question(partition, landed).await? {
                return Ok(Judgement::Stranger(stranger));
            }
        }
        Ok(Judgement::Own)
    }

    /// Returns why a partition's last file cannot have come from this log; `None` if it can.
    async fn question(&self, partition: i32, landed: &Landed) -> Result<Option<Stranger>, Error> {
        let name = landed.file.topic.clone();
        let offset = landed.file.last;
        let testimony = match &landed.footer.origin {
            Some(origin) if origin.log != *self.id => {
                return Ok(Some(Stranger::Id { name, landed: origin.log.clone(), log: self.id.clone() }));
            }
            Some(Origin { last: Some(last), .. }) => last.ask(self.log.as_ref(), partition).await,
            Some(Origin { last: None, .. }) => Ok(Testimony::Gone),
            None => self.compare_row(partition, &landed.file).await?,
        };
        Ok(match testimony {
            Ok(Testimony::Same | Testimony::Gone) => None,
            Ok(Testimony::Other) => Some(Stranger::Message { name, partition, offset }),
            Ok(Testimony::Ended { end }) => {
                Some(Stranger::Ends { name, partition, end, next: offset.saturating_add(1) })
            }
            Err(log::Error::NoPartition { .. }) => Some(Stranger::NoPartition { name, partition }),
            Err(source) => return Err(Error::log(self.source, source)),
        })
    }

    /// Compares the last row of a file that names no log with the log's message. Files of earlier versions name no log.
    async fn compare_row(&self, partition: i32, file: &LandedFile) -> Result<Result<Testimony, log::Error>, Error> {
        let held = match self.log.offsets(partition).await {
            Err(error) => return Ok(Err(error)),
            Ok(held) => held,
        };
        if file.last >= held.end {
            return Ok(Ok(Testimony::Ended { end: held.end }));
        }
        let Some(row) = last_row(self.folder, file).await?.filter(|row| row.log_offset >= held.start) else {
            return Ok(Ok(Testimony::Gone));
        };
        let message = match self.log.read(partition, row.log_offset, 1).await {
            Err(error) => return Ok(Err(error)),
            Ok(messages) => messages.into_iter().find(|message| message.offset == row.log_offset),
        };
        let Some(message) = message else { return Ok(Ok(Testimony::Gone)) };
        let mut ticks: Vec<Tick> = Vec::new();
        let same = message.record.ingest_time == row.ingest_time
            && parsed(&mut tick::Reader::default(), &message.record, &mut ticks).is_ok()
            && ticks.contains(&row.tick);
        Ok(Ok(if same { Testimony::Same } else { Testimony::Other }))
    }
}

/// Returns the error that refuses a log and suggests a name that is not taken.
pub fn refusal(source: &str, topic: &str, taken: &BTreeSet<String>, stranger: Stranger) -> Error {
    let mut n = 2;
    let mut free = topic.to_string();
    while taken.contains(&free) {
        free = format!("{topic}-{n}");
        n += 1;
    }
    Error::Stranger { source_log: source.to_string(), stranger, free }
}

/// Returns the row with the highest offset.
async fn last_row(folder: &Folder, file: &LandedFile) -> Result<Option<Row>, Error> {
    let mut batches = encode::open(folder, file).await?;
    let mut last: Option<Row> = None;
    while let Some(batch) = batches.try_next().await? {
        let rows = rows(&batch).map_err(|source| Error::unreadable(file, source))?;
        last = last.into_iter().chain(rows).max_by_key(|row| row.log_offset);
    }
    Ok(last)
}
