//! The right to land into a folder: into the whole of it, or only what comes from some partitions.
//!
//! The operating system holds these locks and releases them when the process ends, however it ends. A process that is only halted
//! keeps them, so nobody can land in its place, and it cannot double a row when it goes on. An object store has no such locks; there a
//! lease takes their place, and each file is claimed before it is written.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::path::Path;

use super::Error;
use super::files::{Landed, LandedFile};
use super::lease::Lease;
use super::place::Place;
use crate::durable;

/// The file that a process keeps locked: alone if it lands from all partitions, shared if it lands from some.
const LOCK: &str = ".land.lock";

/// The right to land into a folder; it ends when this is dropped.
#[derive(Debug)]
pub struct Lock {
    /// The partitions; `None` means all.
    partitions: Option<BTreeSet<i32>>,
    held: Held,
}

/// What gives the right.
#[derive(Debug)]
enum Held {
    Files(#[expect(dead_code, reason = "a lock lasts as long as its file is open")] Vec<File>),
    Lease(Box<Lease>),
}

impl Lock {
    /// Locks a folder for all partitions, or for some; creates the folder if it is missing.
    ///
    /// # Errors
    /// Another process lands from one of the partitions.
    pub fn take(dir: &Path, partitions: Option<&BTreeSet<i32>>) -> Result<Lock, Error> {
        let io = |source| Error::Folder { dir: dir.into(), source };
        durable::create_folder(dir).map_err(io)?;
        let open = |name: &str| File::create(dir.join(name)).map_err(io);
        let taken = |locked: Result<(), TryLockError>, partition| match locked {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => Err(Error::Busy { dir: dir.into(), partition }),
            Err(TryLockError::Error(source)) => Err(io(source)),
        };
        let whole = open(LOCK)?;
        let Some(partitions) = partitions else {
            taken(whole.try_lock(), None)?;
            return Ok(Lock { partitions: None, held: Held::Files(vec![whole]) });
        };
        taken(whole.try_lock_shared(), None)?;
        let mut files = vec![whole];
        for partition in partitions {
            let file = open(&format!(".land-{partition}.lock"))?;
            taken(file.try_lock(), Some(*partition))?;
            files.push(file);
        }
        Ok(Lock { partitions: Some(partitions.clone()), held: Held::Files(files) })
    }

    /// Takes the lease of a folder in an object store, for all partitions or for some.
    ///
    /// # Errors
    /// As [`Lease::take`].
    pub async fn lease(place: &Place, partitions: Option<&BTreeSet<i32>>) -> Result<Lock, Error> {
        let held = Held::Lease(Box::new(Lease::take(place, partitions).await?));
        Ok(Lock { partitions: partitions.cloned(), held })
    }

    /// Forgets claims of files that have been put, as a listing made after the lock was taken shows.
    pub async fn settle(&self, landed: &Landed) {
        if let Held::Lease(lease) = &self.held {
            lease.claims().lock().await.settle(landed);
        }
    }

    /// Makes sure that a file may be written. A lock of the operating system is enough for that; in an object store the file is claimed.
    ///
    /// # Errors
    /// As [`Lease::claim`].
    pub async fn claim(&self, file: &LandedFile) -> Result<(), Error> {
        match &self.held {
            Held::Files(_) => Ok(()),
            Held::Lease(lease) => lease.claim(file).await,
        }
    }

    /// Forgets the claim of a file that was written.
    pub async fn put(&self, file: &LandedFile) {
        if let Held::Lease(lease) = &self.held {
            lease.claims().lock().await.put(file);
        }
    }

    /// Returns the last offset up to which a file may reach that begins at `next` or before; `None` if there is no such limit.
    pub async fn bound(&self, name: &str, partition: i32, next: i64) -> Option<i64> {
        match &self.held {
            Held::Files(_) => None,
            Held::Lease(lease) => lease.claims().lock().await.bound(name, partition, next),
        }
    }

    /// Returns whether the lock gives the right to files of a partition.
    pub fn owns(&self, partition: i32) -> bool {
        self.partitions.as_ref().is_none_or(|partitions| partitions.contains(&partition))
    }

    /// Returns whether the lock is for all partitions.
    pub fn is_whole(&self) -> bool {
        self.partitions.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_shared_and_each_has_one_owner() {
        let temp = tempfile::tempdir().unwrap();
        let take = |partitions: &[i32]| Lock::take(temp.path(), Some(&partitions.iter().copied().collect()));
        let first = take(&[0, 2]).unwrap();
        assert!(first.owns(0) && first.owns(2) && !first.owns(1) && !first.is_whole());
        let second = take(&[1]).unwrap();
        assert!(matches!(take(&[3, 2]), Err(Error::Busy { partition: Some(2), .. })));
        assert!(matches!(Lock::take(temp.path(), None), Err(Error::Busy { partition: None, .. })));
        drop((first, second));
        let whole = Lock::take(temp.path(), None).unwrap();
        assert!(whole.owns(7) && whole.is_whole());
        assert!(matches!(take(&[5]), Err(Error::Busy { partition: None, .. })));
    }
}
