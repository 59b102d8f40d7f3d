//! Steps on single objects of a store, each of which can be repeated when its answer was lost.
//!
//! In: a store and the path of an object. Out: what became of it. Two conditional writes make everything else: an object is created unless
//! it exists, or replaced if it is still as it was read.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutPayload, Result, UpdateVersion};

/// How long a step is tried again after the store did not answer, beside what the store's client tries by itself. The client repeats
/// only what has no effect the second time; here every step has been made so.
const RETRY: Duration = Duration::from_secs(20);
const RETRY_FIRST: Duration = Duration::from_millis(100);

/// Does something in a store; if the store does not answer, does it again.
pub async fn retried<T, F>(work: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let start = Instant::now();
    let mut wait = RETRY_FIRST;
    loop {
        match work().await {
            Err(error) if may_pass(&error) && start.elapsed() < RETRY => {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            done => return done,
        }
    }
}

/// Returns whether the store may do later what it did not do now: it could not be reached, was too busy, or failed.
pub fn may_pass(error: &Error) -> bool {
    matches!(error, Error::Generic { store, .. } if *store != "LocalFileSystem")
}

/// Returns a text that no other writer has, so that a writer knows its own content again.
pub fn token() -> String {
    format!("{:016x}", RandomState::new().hash_one((std::process::id(), SystemTime::now())))
}

/// Makes an object that must not exist. If it exists with exactly this content, an earlier attempt made it, whose answer was lost.
pub async fn create(store: &dyn ObjectStore, object: &Path, content: &PutPayload) -> Result<()> {
    match retried(|| store.put_opts(object, content.clone(), PutMode::Create.into())).await {
        Err(Error::AlreadyExists { .. }) if holds(store, object, content).await? => Ok(()),
        put => put.map(drop),
    }
}

async fn holds(store: &dyn ObjectStore, object: &Path, content: &PutPayload) -> Result<bool> {
    let size = retried(|| store.head(object)).await?.size;
    if size != content.content_length() as u64 {
        return Ok(false);
    }
    let stored = retried(|| async { store.get(object).await?.bytes().await }).await?;
    let mut rest = &stored[..];
    Ok(content.iter().all(|part| match rest.split_at_checked(part.len()) {
        Some((first, after)) => {
            rest = after;
            first == &part[..]
        }
        None => false,
    }))
}

/// Writes an object, over an older one if there is one.
pub async fn replace(store: &dyn ObjectStore, object: &Path, content: &PutPayload) -> Result<()> {
    retried(|| store.put(object, content.clone())).await.map(drop)
}

/// Removes an object; if it is already gone, that counts as success.
pub async fn delete(store: &dyn ObjectStore, object: &Path) -> Result<()> {
    match retried(|| store.delete(object)).await {
        Err(Error::NotFound { .. }) => Ok(()),
        deleted => deleted,
    }
}

/// Reads a small object, and the version that it has; `None` if it is missing.
pub async fn read(store: &dyn ObjectStore, object: &Path) -> Result<Option<(Bytes, UpdateVersion)>> {
    let got = retried(|| async {
        let got = store.get(object).await?;
        let version = UpdateVersion { e_tag: got.meta.e_tag.clone(), version: got.meta.version.clone() };
        Ok((got.bytes().await?, version))
    });
    match got.await {
        Err(Error::NotFound { .. }) => Ok(None),
        got => got.map(Some),
    }
}

/// Writes a small object if it still has the version that was read; returns its new version, or `None` if somebody else wrote it.
/// That somebody may be this process: the answer to an attempt may be lost.
pub async fn swap(
    store: &dyn ObjectStore,
    object: &Path,
    content: &PutPayload,
    version: Option<UpdateVersion>,
) -> Result<Option<UpdateVersion>> {
    let mode = version.map_or(PutMode::Create, PutMode::Update);
    match retried(|| store.put_opts(object, content.clone(), mode.clone().into())).await {
        Ok(put) => Ok(Some(UpdateVersion { e_tag: put.e_tag, version: put.version })),
        Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
