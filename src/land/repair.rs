//! Lands ranges again that were lost or damaged in the middle of what has landed.
//!
//! In: a folder of landed files and their log. Out: files for exactly the ranges that were missing, with the rows that the
//! lost files held. A range's rows depend on the ticks before it, which the files before it hold. A tick that stands elsewhere
//! in the folder as the first of its kind lands as a duplicate, so that no tick is `ok` twice.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::by_time::{ByTime, is_by_time};
use super::commit::Commit;
use super::connections::Connections;
use super::error::Stranger;
use super::files::LandedFile;
use super::folder::Folder;
use super::identify::{Candidate, landed_name};
use super::inspect::{self, Compared};
use super::lander::Options;
use super::lock::Lock;
use super::pending::Pending;
use super::place::Place;
use super::read::{Reader, Wanted};
use super::recover::{Landed, read_footer, recover, restore_elsewhere};
use super::summary::Summary;
use super::{Error, dead};
use crate::error::with_causes;
use crate::log::{Log, LogId};
use crate::tick::Order;

/// What a repair did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repair {
    pub summary: Summary,
    /// The files committed.
    pub files: Vec<LandedFile>,
    /// Damaged files, each with what is wrong with it, and where it is now.
    pub set_aside: Vec<(LandedFile, String, PathBuf)>,
    /// Lost ranges and damaged files whose offsets the log no longer holds.
    pub gone: Vec<LandedFile>,
}

/// Lands the lost and damaged ranges of a log again.
///
/// # Errors
/// The log is not the one that landed, or cannot be read, or the folder cannot be used.
pub async fn repair(log: Arc<dyn Log>, options: Options) -> Result<Repair, Error> {
    let folder = Folder::new(&options.ticks_dir)?;
    let dead = Place::new(&options.dead_dir)?;
    let lock = Arc::new(folder.reserve(None).await?);
    let id = log.id().await.map_err(|source| Error::log(&options.source, source))?;
    let mut work = Work { log, id, folder, dead, options, lock, name: String::new(), repair: Repair::default() };
    // Before any file is compared with the log, because the files of another one would look damaged.
    let Work { log, id, folder, options, .. } = &work;
    work.name = landed_name(log, id, &options.source, folder, options.name.as_deref()).await?;
    let mut landed = work.set_damaged_aside().await?;
    for range in work.holes(&landed).await? {
        let Some(range) = work.held(range).await? else { continue };
        let known = work.repair.files.len();
        work.land(&range, &landed).await?;
        // The next range depends on these ticks too.
        for file in &work.repair.files[known..] {
            landed.push(Landed { file: file.clone(), footer: read_footer(&work.folder, file).await? });
        }
        landed.sort_by(|a, b| a.file.cmp(&b.file));
    }
    Ok(work.repair)
}

struct Work {
    log: Arc<dyn Log>,
    id: LogId,
    folder: Folder,
    dead: Place,
    options: Options,
    lock: Arc<Lock>,
    /// The name that the log's files carry.
    name: String,
    repair: Repair,
}

impl Work {
    /// Returns the part of a lost range that the log still holds, and notes the part before it as gone; `None` if it holds nothing of it.
    async fn held(&mut self, range: LandedFile) -> Result<Option<LandedFile>, Error> {
        let held = self.log.offsets(range.partition).await;
        let held = held.map_err(|source| Error::log(&self.options.source, source))?;
        if range.last >= held.end || range.last < held.start {
            self.repair.gone.push(range);
            return Ok(None);
        }
        if range.first < held.start {
            self.repair.gone.push(LandedFile { last: held.start - 1, ..range.clone() });
        }
        Ok(Some(LandedFile { first: range.first.max(held.start), ..range }))
    }

    /// Reads every file, sets those aside that are damaged and can be landed again, and returns the good ones. A file that
    /// was hidden by a damaged one is visible from then on.
    async fn set_damaged_aside(&mut self) -> Result<Vec<Landed>, Error> {
        let mut given_up: BTreeSet<LandedFile> = BTreeSet::new();
        let mut good: Vec<Landed> = Vec::new();
        loop {
            let listing = self.folder.list().await?;
            let visible: Vec<LandedFile> = listing.landed.visible().cloned().collect();
            good.retain(|landed| visible.contains(&landed.file));
            let mut damaged: Vec<(LandedFile, Error)> = Vec::new();
            for file in visible {
                if given_up.contains(&file) || good.iter().any(|landed| landed.file == file) {
                    continue;
                }
                match self.look_at(&file).await {
                    Ok(landed) => good.push(landed),
                    Err(error) if error.is_damage() => damaged.push((file, error)),
                    Err(error) => return Err(error),
                }
            }
            good.sort_by(|a, b| a.file.cmp(&b.file));
            if damaged.is_empty() {
                return Ok(good);
            }
            for (file, error) in damaged {
                if file.topic != self.name || !inspect::holds(&self.log, &file).await? {
                    self.repair.gone.push(file.clone());
                    given_up.insert(file);
                    continue;
                }
                let aside = self.folder.set_aside(&file).await?;
                let reason = std::error::Error::source(&error).map_or(error.to_string(), with_causes);
                self.repair.set_aside.push((file, reason, aside));
            }
        }
    }

    async fn look_at(&self, file: &LandedFile) -> Result<Landed, Error> {
        let inspected = inspect::inspect(&self.folder, file).await?;
        if file.topic == self.name {
            match inspect::compare(&self.log, &self.id, &self.folder, file, &inspected).await? {
                Compared::Same | Compared::Gone | Compared::OtherLog => {}
            }
        }
        Ok(Landed { file: file.clone(), footer: inspected.footer })
    }

    /// Returns the ranges of the log that no good file accounts for: those between files, and those of damaged files.
    async fn holes(&self, landed: &[Landed]) -> Result<Vec<LandedFile>, Error> {
        // An earlier repair may have ended after it set them aside.
        let mut aside = self.folder.list().await?.landed.aside().to_vec();
        aside.retain(|file| file.topic == self.name);
        let mut holes: BTreeSet<LandedFile> = BTreeSet::new();
        let own = |partition| {
            landed
                .iter()
                .map(|landed| &landed.file)
                .filter(move |file| file.topic == self.name && file.partition == partition)
        };
        let partitions: BTreeSet<i32> = landed
            .iter()
            .map(|landed| &landed.file)
            .chain(&aside)
            .filter(|file| file.topic == self.name)
            .map(|file| file.partition)
            .collect();
        for partition in partitions {
            let damaged = aside.iter().filter(|file| file.partition == partition);
            let mut bounds: Vec<(i64, i64)> = damaged.map(|file| (file.first, file.last)).collect();
            bounds.extend(own(partition).map(|file| (file.first, file.last)));
            let (Some(first), Some(last)) =
                (bounds.iter().map(|(first, _)| *first).min(), bounds.iter().map(|(_, last)| *last).max())
            else {
                continue;
            };
            // What a damaged file that cannot be landed again covers stays as it is.
            let mut covered: Vec<(i64, i64)> = own(partition).map(|file| (file.first, file.last)).collect();
            let kept = self.repair.gone.iter().filter(|file| file.topic == self.name && file.partition == partition);
            covered.extend(kept.map(|file| (file.first, file.last)));
            covered.sort_unstable();
            let mut next = first;
            for (from, to) in covered {
                if from > next {
                    holes.insert(self.range(partition, next, from - 1));
                }
                next = next.max(to.saturating_add(1));
            }
            if next <= last {
                holes.insert(self.range(partition, next, last));
            }
        }
        Ok(holes.into_iter().collect())
    }

    fn range(&self, partition: i32, first: i64, last: i64) -> LandedFile {
        LandedFile { topic: self.name.clone(), partition, first, last }
    }

    /// Lands a range of the log.
    async fn land(&mut self, range: &LandedFile, landed: &[Landed]) -> Result<(), Error> {
        let before = |file: &LandedFile| {
            file.topic == range.topic && file.partition == range.partition && file.last < range.first
        };
        let (earlier, elsewhere): (Vec<Landed>, Vec<Landed>) =
            landed.iter().cloned().partition(|landed| before(&landed.file));
        let own = |file: &&Landed| file.file.topic == range.topic && file.file.partition == range.partition;
        let after = landed.iter().filter(own).find(|file| file.file.first > range.last);
        let neighbours = earlier.last().into_iter().chain(after);
        let rules = self.options.rules;
        let mut by_time = None;
        let mut order: Order;
        if neighbours.into_iter().any(is_by_time) {
            (_, order) = ByTime::after(&self.folder, &range.topic, earlier.clone(), rules).await?;
            order.goes_back(true);
            let mut all = ByTime::after(&self.folder, &range.topic, landed.to_vec(), rules).await?.0;
            // Their duplicates may be copies of what lands now.
            all.came_later(elsewhere.iter().map(|landed| landed.file.clone()));
            by_time = Some(all);
        } else {
            order = recover(&self.folder, &earlier, rules).await?;
            restore_elsewhere(&self.folder, &elsewhere, &mut order).await?;
        }
        let is_by_time = by_time.is_some();
        let alone = self.log.partitions().await.map_err(|source| Error::log(&self.options.source, source))?.len() == 1;
        let mut connections = Connections::default();
        for landed in &earlier {
            connections.restore(&landed.footer.summary);
        }
        dead::remove_inside(&self.dead, range).await?;
        let mut pending = Pending::new(range.first);
        let per_file = self.options.flush_messages;
        let wanted = Wanted { first_file: per_file, per_file, ..Wanted::all_of(range) };
        let mut reader = Reader::start(Arc::clone(&self.log), wanted);
        while let Some(chunk) = reader.next().await? {
            if let Some(by_time) = &mut by_time {
                by_time.prepare(&chunk.rows.ticks, &mut order).await?;
            }
            pending.add(chunk, &mut order, alone.then_some(&mut connections));
            if pending.is_full(per_file) {
                let next = pending.next_offset();
                let full = std::mem::replace(&mut pending, Pending::new(next));
                self.commit(full, range.partition, is_by_time).await?;
            }
        }
        if pending.next_offset() != range.next_offset() {
            let (partition, end) = (range.partition, pending.next_offset());
            let stranger = Stranger::Ends { name: self.name.clone(), partition, end, next: range.next_offset() };
            let Work { log, id, folder, options, .. } = &*self;
            return Err(Candidate { log, id, source: &options.source, folder, landed }.refuse(stranger));
        }
        if !pending.is_empty() {
            self.commit(pending, range.partition, is_by_time).await?;
        }
        Ok(())
    }

    async fn commit(&mut self, pending: Pending, partition: i32, by_time: bool) -> Result<(), Error> {
        let commit = Commit {
            file: pending.file(&self.name, partition),
            log: self.id.clone(),
            by_time,
            folder: self.folder.clone(),
            dead: self.dead.clone(),
            lock: Arc::clone(&self.lock),
            patience: None,
        };
        let committed = commit.run(pending).await?;
        self.repair.summary.add(&committed.summary);
        self.repair.files.push(committed.file);
        Ok(())
    }
}
