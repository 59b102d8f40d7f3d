//! What may be written into a folder in an object store: each file is claimed before it is put.
//!
//! In: the range of a file that is to be put. Out: the right to put it, however long that takes. A partition's claims are one small
//! object, `.land/claims-<name>-<partition>.json`, which is only replaced as the last reader saw it (compare-and-swap). Any two
//! ranges that are claimed are disjoint, or one lies inside the other. So the files are too, whoever puts them and however late, and
//! readers see every offset once. `docs/decisions/0014-landing-in-object-stores.md` has the proof.

use std::collections::BTreeMap;

use object_store::path::Path;
use object_store::{Error as StoreError, PutPayload, UpdateVersion};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Error;
use super::files::{Landed, LandedFile};
use super::place::Place;
use crate::store::objects::{self, retried};

/// The folder of what landers tell each other.
pub const FOLDER: &str = ".land";

/// The first and the last offset of a claimed file.
type Range = (i64, i64);

/// A partition's claims as they are stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stored {
    name: String,
    partition: i32,
    /// Who wrote this. Only it may claim; whoever lands next writes its own token first.
    writer: String,
    /// How often it was written, so that no two contents are equal.
    writes: u64,
    /// Files that are claimed and may not have been put yet.
    claims: Vec<Range>,
}

/// A partition's claims as this process knows them.
#[derive(Debug, Clone, Default)]
struct Known {
    version: Option<UpdateVersion>,
    writes: u64,
    claims: Vec<Range>,
}

/// The claims of one lander.
#[derive(Debug)]
pub struct Claims {
    place: Place,
    writer: String,
    known: BTreeMap<(String, i32), Known>,
}

impl Claims {
    /// Takes over the claims of the partitions that `owns` selects: whoever claimed before can claim no more.
    ///
    /// # Errors
    /// The store fails, or somebody else takes over at the same time.
    pub async fn take(place: &Place, writer: &str, owns: impl Fn(i32) -> bool) -> Result<Claims, Error> {
        let mut claims = Claims { place: place.clone(), writer: writer.into(), known: BTreeMap::new() };
        let folder = place.prefix.clone().join(FOLDER);
        let listed = retried(|| place.store.list_with_delimiter(Some(&folder))).await;
        for object in listed.map_err(|source| place.failed(FOLDER, source))?.objects {
            if !object.location.filename().is_some_and(|name| name.starts_with("claims-")) {
                continue;
            }
            // Another lander may write at this moment; it fails after this, unless it is the next to take over.
            while let Some((stored, version)) = read::<Stored>(place, &object.location).await? {
                if !owns(stored.partition) {
                    break;
                }
                let key = (stored.name, stored.partition);
                let known = Known { version: Some(version), writes: stored.writes, claims: stored.claims };
                if claims.swap(&key, known.claims.clone(), &known).await? {
                    break;
                }
            }
        }
        Ok(claims)
    }

    /// Forgets the claims of files that have been put, as a listing made after [`Claims::take`] shows.
    pub fn settle(&mut self, landed: &Landed) {
        for ((name, partition), known) in &mut self.known {
            let files = landed.of(name, *partition);
            known.claims.retain(|claim| !files.iter().any(|file| lies_in(*claim, (file.first, file.last))));
        }
    }

    /// Forgets the claims that a file covers which this process has put.
    pub fn put(&mut self, file: &LandedFile) {
        if let Some(known) = self.known.get_mut(&(file.topic.clone(), file.partition)) {
            known.claims.retain(|claim| !lies_in(*claim, (file.first, file.last)));
        }
    }

    /// Returns the last offset up to which a file may reach that begins at `next` or before, where earlier landers claimed files that
    /// they did not put; `None` if there is no such limit.
    pub fn bound(&self, name: &str, partition: i32, next: i64) -> Option<i64> {
        let known = self.known.get(&(name.to_string(), partition))?;
        let ahead = known.claims.iter().filter(|(_, last)| *last >= next);
        ahead.map(|(first, last)| if *first > next { *first - 1 } else { *last }).min()
    }

    /// Claims a file. From then on it may be put at any time.
    ///
    /// # Errors
    /// Another lander has taken over, or a file that an earlier lander claimed would overlap this one in part.
    pub async fn claim(&mut self, file: &LandedFile) -> Result<(), Error> {
        let key = (file.topic.clone(), file.partition);
        let range = (file.first, file.last);
        loop {
            let known = self.known.get(&key).cloned().unwrap_or_default();
            if known.claims.contains(&range) {
                return Ok(());
            }
            if let Some((first, last)) = known.claims.iter().find(|claim| !are_nested_or_apart(**claim, range)) {
                let claimed = LandedFile { first: *first, last: *last, ..file.clone() };
                return Err(Error::Claimed { file: file.to_string(), claimed: claimed.to_string() });
            }
            let mut claims = known.claims.clone();
            claims.push(range);
            if self.swap(&key, claims, &known).await? {
                return Ok(());
            }
            // The answer to an earlier write was lost, or another lander has taken over.
            match read::<Stored>(&self.place, &self.object(&key)?).await? {
                Some((stored, version)) if stored.writer == self.writer => {
                    let known = Known { version: Some(version), writes: stored.writes, claims: stored.claims };
                    self.known.insert(key.clone(), known);
                }
                _ => return Err(Error::Lost { dir: self.place.dir.clone() }),
            }
        }
    }

    /// Replaces a partition's claims if they are as known; returns whether they were, and then knows the new ones.
    async fn swap(&mut self, key: &(String, i32), claims: Vec<Range>, known: &Known) -> Result<bool, Error> {
        let writes = known.writes + 1;
        let (name, partition) = key.clone();
        let stored = Stored { name, partition, writer: self.writer.clone(), writes, claims };
        match swap(&self.place, &self.object(key)?, &stored, known.version.clone()).await? {
            Some(version) => {
                self.known.insert(key.clone(), Known { version: Some(version), writes, claims: stored.claims });
                Ok(true)
            }
            None => Ok(false),
        }
    }

    fn object(&self, (name, partition): &(String, i32)) -> Result<Path, Error> {
        self.place.object_in(FOLDER, &format!("claims-{name}-{partition}.json"))
    }
}

fn lies_in(inner: Range, outer: Range) -> bool {
    outer.0 <= inner.0 && inner.1 <= outer.1
}

fn are_nested_or_apart(a: Range, b: Range) -> bool {
    a.1 < b.0 || b.1 < a.0 || lies_in(a, b) || lies_in(b, a)
}

/// Reads a small object, and the version that it has; `None` if it is missing.
pub async fn read<T: DeserializeOwned>(place: &Place, object: &Path) -> Result<Option<(T, UpdateVersion)>, Error> {
    let failed = |source| Error::Store {
        path: place.dir.join(object.filename().unwrap_or_default()).display().to_string(),
        source,
    };
    let Some((content, version)) = objects::read(place.store.as_ref(), object).await.map_err(failed)? else {
        return Ok(None);
    };
    let parsed = serde_json::from_slice(&content)
        .map_err(|source| failed(StoreError::Generic { store: "landing", source: Box::new(source) }))?;
    Ok(Some((parsed, version)))
}

/// Writes a small object if it still has the version that was read, as [`objects::swap`] does.
pub async fn swap<T: Serialize>(
    place: &Place,
    object: &Path,
    content: &T,
    version: Option<UpdateVersion>,
) -> Result<Option<UpdateVersion>, Error> {
    let failed = |source| Error::Store {
        path: place.dir.join(object.filename().unwrap_or_default()).display().to_string(),
        source,
    };
    let content = serde_json::to_vec(content)
        .map_err(|source| failed(StoreError::Generic { store: "landing", source: Box::new(source) }))?;
    objects::swap(place.store.as_ref(), object, &PutPayload::from(content), version).await.map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::memory::InMemory;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    use super::*;

    fn file(first: i64, last: i64) -> LandedFile {
        LandedFile { topic: "t".into(), partition: 0, first, last }
    }

    fn place() -> Place {
        Place { store: Arc::new(InMemory::new()), prefix: Path::from("ticks"), dir: "ticks".into(), url: None }
    }

    #[tokio::test]
    async fn whoever_was_taken_over_claims_no_more() {
        let place = place();
        let mut first = Claims::take(&place, "a", |_| true).await.unwrap();
        first.claim(&file(0, 9)).await.unwrap();
        first.put(&file(0, 9));
        first.claim(&file(10, 19)).await.unwrap();
        let mut second = Claims::take(&place, "b", |_| true).await.unwrap();
        second.settle(&Landed::from_names(["t-0-0-9.parquet"]).unwrap());
        // The first may still put what it claimed.
        first.claim(&file(10, 19)).await.unwrap();
        assert!(matches!(first.claim(&file(20, 24)).await, Err(Error::Lost { .. })));
        // The second keeps apart from it.
        assert_eq!(second.bound("t", 0, 10), Some(19));
        assert_eq!(second.bound("t", 0, 5), Some(9));
        assert!(matches!(second.claim(&file(15, 24)).await, Err(Error::Claimed { .. })));
        second.claim(&file(10, 12)).await.unwrap();
        assert_eq!(second.bound("t", 0, 13), Some(19));
        second.claim(&file(13, 19)).await.unwrap();
        assert_eq!(second.bound("t", 0, 20), None);
        second.claim(&file(20, 99)).await.unwrap();
        // A merged file may hold the claimed one, and not a part of it.
        assert!(matches!(second.claim(&file(13, 99)).await, Err(Error::Claimed { .. })));
        second.claim(&file(0, 99)).await.unwrap();
    }

    #[tokio::test]
    async fn a_lost_answer_is_no_defeat() {
        let place = place();
        let mut claims = Claims::take(&place, "a", |_| true).await.unwrap();
        claims.claim(&file(0, 9)).await.unwrap();
        let mut forgetful = Claims { known: BTreeMap::new(), place: place.clone(), writer: "a".into() };
        forgetful.claim(&file(10, 19)).await.unwrap();
        assert_eq!(forgetful.known[&("t".to_string(), 0)].claims, [(0, 9), (10, 19)]);
        claims.claim(&file(20, 29)).await.unwrap();
    }

    /// A lander that may be halted between any two steps.
    struct Lander {
        claims: Claims,
        next: i64,
        visible: Vec<LandedFile>,
        /// Files that are claimed and not put yet.
        waiting: Vec<LandedFile>,
    }

    impl Lander {
        async fn start(place: &Place, token: usize) -> Lander {
            let mut claims = Claims::take(place, &format!("{token}"), |_| true).await.unwrap();
            let landed = landed(place).await;
            claims.settle(&landed);
            let next = landed.next_offset("t", 0).unwrap_or(0);
            Lander { claims, next, visible: landed.of("t", 0).to_vec(), waiting: Vec::new() }
        }

        /// Claims the next range, or a merge of some of the files that it knows.
        async fn claim(&mut self, random: &mut Pcg64) -> Result<(), Error> {
            let merges = self.visible.len() > 1 && random.random_range(0..4) == 0;
            let claimed = match merges {
                true => {
                    let from = random.random_range(0..self.visible.len() - 1);
                    let to = random.random_range(from + 1..self.visible.len());
                    file(self.visible[from].first, self.visible[to].last)
                }
                false => {
                    let last = self.next + random.random_range(0..7);
                    let bound = self.claims.bound("t", 0, self.next);
                    file(self.next, bound.map_or(last, |bound| last.min(bound)))
                }
            };
            match self.claims.claim(&claimed).await {
                Err(Error::Claimed { .. }) if merges => return Ok(()),
                claimed => claimed?,
            }
            self.next = self.next.max(claimed.next_offset());
            self.waiting.push(claimed);
            Ok(())
        }

        async fn put(&mut self, place: &Place, i: usize) {
            let file = self.waiting.remove(i);
            let object = place.object(&file.to_string()).unwrap();
            // All landers give a range the same rows.
            place.create(&object, &PutPayload::from(file.to_string())).await.unwrap();
            self.claims.put(&file);
            self.visible = landed(place).await.of("t", 0).to_vec();
        }
    }

    async fn landed(place: &Place) -> Landed {
        // An overlap in part is an error here.
        super::super::folder::list(place.store.as_ref(), &place.prefix).await.unwrap().landed
    }

    #[tokio::test]
    async fn no_schedule_of_landers_makes_files_overlap() {
        let mut contested = 0;
        for seed in 0..400 {
            let (place, mut random) = (place(), Pcg64::seed_from_u64(seed));
            let mut landers: Vec<Lander> = Vec::new();
            for step in 0..40 {
                if landers.is_empty() || random.random_range(0..6) == 0 {
                    landers.push(Lander::start(&place, step).await);
                }
                // Those that were taken over still act, as processes do that were halted and go on.
                let newest = landers.len() - 1;
                let i = random.random_range(0..landers.len());
                let lander = &mut landers[i];
                let waiting = lander.waiting.len();
                if waiting > 0 && random.random_range(0..2) == 0 {
                    contested += usize::from(i != newest);
                    lander.put(&place, random.random_range(0..waiting)).await;
                } else if (i == newest && waiting == 0) || random.random_range(0..4) == 0 {
                    let claimed = lander.claim(&mut random).await;
                    assert!(i != newest || claimed.is_ok(), "{claimed:?}");
                }
            }
            for lander in &mut landers {
                while !lander.waiting.is_empty() {
                    lander.put(&place, 0).await;
                }
            }
            let landed = landed(&place).await;
            for coverage in landed.partitions() {
                assert!(coverage.missing().is_empty(), "seed {seed}: {:?}", coverage.files);
            }
        }
        assert!(contested > 1000, "only {contested} files were put by landers that had been taken over");
    }
}
