//! Who lands into a folder in an object store: a lease that ends by itself when its holder is killed.
//!
//! In: the partitions to land. Out: the lease, renewed until it is given back. All leases of a folder are one small object,
//! `.land/leases.json`, replaced by compare-and-swap. A lease keeps two landers from doing the same work; that no row is doubled does
//! not depend on it, nor on any clock, but on [`super::claims`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use object_store::UpdateVersion;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::Error;
use super::claims::{self, Claims};
use super::files::LandedFile;
use super::place::Place;
use crate::store::objects;

/// How long a lease lasts; it is renewed at a third of this.
const LASTS: Duration = Duration::from_secs(15);
/// How often to look whether another's lease has ended.
const LOOK: Duration = Duration::from_millis(500);
/// How long to wait before another attempt to write what somebody else wrote at the same time.
const AGAIN: Duration = Duration::from_millis(50);
/// How long giving back may take; a lease that is not given back ends by itself.
const GIVE_BACK: Duration = Duration::from_secs(5);

/// One holder's lease as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    token: String,
    /// The process and its machine, for people.
    owner: String,
    /// The process and its machine, for others on the same machine.
    process: Option<Process>,
    /// `None` means all.
    partitions: Option<BTreeSet<i32>>,
    /// When it ends by its holder's clock, milliseconds since 1970.
    ends_ms: u64,
}

/// A process of a running system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Process {
    /// Of this start of the machine, and of the container if there is one.
    machine: String,
    id: i32,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Stored {
    /// How often this was written, so that no two contents are equal.
    writes: u64,
    held: Vec<Held>,
}

/// The right to land into a folder in an object store. It is given back when this is dropped.
#[derive(Debug)]
pub struct Lease {
    own: Arc<Own>,
    claims: Mutex<Claims>,
    renewing: JoinHandle<()>,
}

#[derive(Debug)]
struct Own {
    place: Place,
    object: Path,
    token: String,
    owner: String,
    partitions: Option<BTreeSet<i32>>,
    is_lost: AtomicBool,
    /// When it was renewed last.
    renewed: std::sync::Mutex<Instant>,
}

impl Lease {
    /// Takes the lease of a folder, of all partitions or of some. Waits for another's lease that is not renewed to end.
    ///
    /// # Errors
    /// Another process lands from one of the partitions, or the store fails.
    pub async fn take(place: &Place, partitions: Option<&BTreeSet<i32>>) -> Result<Lease, Error> {
        let own = Own {
            place: place.clone(),
            object: place.object_in(claims::FOLDER, "leases.json")?,
            token: objects::token(),
            owner: owner(),
            partitions: partitions.cloned(),
            is_lost: AtomicBool::new(false),
            renewed: std::sync::Mutex::new(Instant::now()),
        };
        own.take().await?;
        let own = Arc::new(own);
        let owns = |partition| partitions.is_none_or(|partitions| partitions.contains(&partition));
        let claims = match Claims::take(place, &own.token, owns).await {
            Ok(claims) => claims,
            Err(error) => {
                own.give_back().await;
                return Err(error);
            }
        };
        let renewing = {
            let own = Arc::clone(&own);
            tokio::spawn(async move {
                while !own.is_lost.load(Ordering::Relaxed) {
                    tokio::time::sleep(LASTS / 3).await;
                    // A failure may pass, and each claim looks again.
                    let _ = own.renew().await;
                }
            })
        };
        Ok(Lease { own, claims: Mutex::new(claims), renewing })
    }

    /// Returns the claims of the lease's partitions.
    pub fn claims(&self) -> &Mutex<Claims> {
        &self.claims
    }

    /// Claims a file, which may then be put.
    ///
    /// # Errors
    /// The lease was lost, or as [`Claims::claim`].
    pub async fn claim(&self, file: &LandedFile) -> Result<(), Error> {
        let age = self.own.renewed.lock().map_or(LASTS, |renewed| renewed.elapsed());
        if age > LASTS / 2 {
            self.own.renew().await?;
        }
        if self.own.is_lost.load(Ordering::Relaxed) {
            return Err(Error::Lost { dir: self.own.place.dir.clone() });
        }
        self.claims.lock().await.claim(file).await
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewing.abort();
        // Without a second thread there is nobody to send it, and the lease ends by itself.
        if let Ok(runtime) = Handle::try_current()
            && runtime.runtime_flavor() == RuntimeFlavor::MultiThread
        {
            let given_back = tokio::time::timeout(GIVE_BACK, self.own.give_back());
            let _ = tokio::task::block_in_place(|| runtime.block_on(given_back));
        }
    }
}

impl Own {
    async fn take(&self) -> Result<(), Error> {
        // The holder in whose way we are, and since when we have seen its lease unchanged.
        let mut seen: Option<(Held, Instant)> = None;
        loop {
            let (stored, version) = self.read().await?;
            let in_the_way = stored.held.iter().find(|held| self.shares_with(held));
            if let Some(held) = in_the_way.cloned() {
                let (first, since) = seen.get_or_insert_with(|| (held.clone(), Instant::now()));
                if first.token != held.token || first.ends_ms != held.ends_ms {
                    return Err(Error::Leased { dir: self.place.dir.clone(), owner: held.owner });
                }
                let is_gone = held.process.as_ref().is_some_and(Process::is_gone);
                let ended = is_gone || now_ms() >= held.ends_ms || since.elapsed() > LASTS;
                if !ended {
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
            }
            let mut held = stored.held;
            held.retain(|held| held.token != self.token && !self.shares_with(held));
            held.push(self.held());
            if self.swap(held, stored.writes, version).await? {
                return Ok(());
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Renews the lease, or finds that it is lost.
    async fn renew(&self) -> Result<(), Error> {
        loop {
            let (stored, version) = self.read().await?;
            let mut held = stored.held;
            let Some(own) = held.iter_mut().find(|held| held.token == self.token) else {
                self.is_lost.store(true, Ordering::Relaxed);
                return Ok(());
            };
            *own = self.held();
            if self.swap(held, stored.writes, version).await? {
                return Ok(());
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn give_back(&self) {
        while let Ok((stored, version)) = self.read().await {
            let mut held = stored.held;
            let count = held.len();
            held.retain(|held| held.token != self.token);
            if held.len() == count || !matches!(self.swap(held, stored.writes, version).await, Ok(false)) {
                return;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn read(&self) -> Result<(Stored, Option<UpdateVersion>), Error> {
        let read = claims::read::<Stored>(&self.place, &self.object).await?;
        Ok(read.map_or_else(|| (Stored::default(), None), |(stored, version)| (stored, Some(version))))
    }

    async fn swap(&self, held: Vec<Held>, writes: u64, version: Option<UpdateVersion>) -> Result<bool, Error> {
        let began = Instant::now();
        let stored = Stored { writes: writes + 1, held };
        let swapped = claims::swap(&self.place, &self.object, &stored, version).await?.is_some();
        if swapped && let Ok(mut renewed) = self.renewed.lock() {
            *renewed = began;
        }
        Ok(swapped)
    }

    fn held(&self) -> Held {
        // The clock is far from the last of its milliseconds.
        let ends_ms = now_ms() + LASTS.as_millis() as u64;
        Held {
            token: self.token.clone(),
            owner: self.owner.clone(),
            process: Process::this(),
            partitions: self.partitions.clone(),
            ends_ms,
        }
    }

    /// Returns whether another's lease is of a partition that this one is of too.
    fn shares_with(&self, held: &Held) -> bool {
        held.token != self.token
            && match (&self.partitions, &held.partitions) {
                (Some(own), Some(others)) => !own.is_disjoint(others),
                _ => true,
            }
    }
}

impl Process {
    /// Returns this process; `None` where the system does not tell the machine.
    fn this() -> Option<Process> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let space = std::fs::read_link("/proc/self/ns/pid").ok()?;
        let id = i32::try_from(std::process::id()).ok()?;
        Some(Process { machine: format!("{} {}", boot.trim(), space.display()), id })
    }

    /// Returns whether the process was on this machine and has ended.
    fn is_gone(&self) -> bool {
        Process::this().is_some_and(|this| this.machine == self.machine)
            && kill(Pid::from_raw(self.id), None) == Err(Errno::ESRCH)
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// Returns the name of this process, for people.
fn owner() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "another machine" } else { host.trim() };
    format!("process {} on {host}", std::process::id())
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn leases_are_of_partitions_and_are_given_back() {
        let store = Arc::new(InMemory::new());
        let place = Place { store, prefix: Path::from("ticks"), dir: "ticks".into(), url: None };
        let some = |partitions: &[i32]| Some(partitions.iter().copied().collect::<BTreeSet<i32>>());
        let first = Lease::take(&place, some(&[0, 2]).as_ref()).await.unwrap();
        let second = Lease::take(&place, some(&[1]).as_ref()).await.unwrap();
        let (shared, whole) = (some(&[2, 3]), None);
        let (shared, whole) = tokio::join!(Lease::take(&place, shared.as_ref()), Lease::take(&place, whole.as_ref()));
        assert!(matches!(shared, Err(Error::Leased { .. })), "{shared:?}");
        assert!(matches!(whole, Err(Error::Leased { .. })), "{whole:?}");
        drop((first, second));
        Lease::take(&place, None).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_lease_of_a_process_that_was_killed_ends() {
        let store = Arc::new(InMemory::new());
        let place = Place { store, prefix: Path::from("ticks"), dir: "ticks".into(), url: None };
        let object = place.object_in(claims::FOLDER, "leases.json").unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let process = Process::this().map(|this| Process { id: child.id() as i32, ..this });
        let ends_ms = now_ms() + 3_600_000;
        let held = Held { token: "a".into(), owner: "a".into(), process, partitions: None, ends_ms };
        claims::swap(&place, &object, &Stored { writes: 1, held: vec![held.clone()] }, None).await.unwrap();
        let start = Instant::now();
        drop(Lease::take(&place, None).await.unwrap());
        assert!(start.elapsed() < LASTS);
        // One on another machine, whose clock is wrong: it is unchanged for as long as a lease lasts.
        let (stored, version) = claims::read::<Stored>(&place, &object).await.unwrap().unwrap();
        let stored = Stored { writes: stored.writes + 1, held: vec![Held { process: None, ..held }] };
        claims::swap(&place, &object, &stored, Some(version)).await.unwrap();
        Lease::take(&place, None).await.unwrap();
        assert!(start.elapsed() >= LASTS);
    }
}
