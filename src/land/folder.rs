//! The folder of landed files: it is listed as readers see it, and files are added whole, one at a time.
//!
//! In: encoded files. Out: their names and sizes. Everything goes through `object_store`. Only this module does what a local
//! disk also needs: syncing, and one writer at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::DefaultParquetFileReaderFactory;
use datafusion::parquet::arrow::ParquetRecordBatchStreamBuilder;
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use object_store::path::{Path, PathPart};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};

use super::damage::guarded;
use super::files::ASIDE;
use super::lock::Lock;
use super::place::Place;
use super::{Error, Landed, LandedFile};
use crate::durable::{self, blocking};
use crate::store::objects::retried;

/// Where a file waits, complete and synced, for the rename that commits it.
const STAGING: &str = ".staging";
/// The length of the longest name of a log's files. A file's name also has a partition, two offsets and an ending, up to 60
/// bytes, and a file that is written aside 40 more; a folder takes names of 255 bytes.
const MOST_NAME_BYTES: usize = 150;
/// Give up after this many listings: a folder that changed during all of them will keep changing.
const LISTINGS: usize = 100;

/// A folder of landed files, on a local disk or in an object store.
#[derive(Debug, Clone)]
pub struct Folder(Place);

/// What a folder held at one instant.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    pub landed: Landed,
    objects: BTreeMap<String, ObjectMeta>,
}

impl Listing {
    /// Returns the stored object of a listed file.
    pub fn object(&self, file: &LandedFile) -> Option<&ObjectMeta> {
        self.objects.get(&file.to_string())
    }

    /// Returns the damaged files that were set aside: the range of each, and its object.
    pub fn aside(&self) -> impl Iterator<Item = (LandedFile, &ObjectMeta)> {
        self.objects.iter().filter_map(|(name, object)| Some((LandedFile::parse_aside(name)?, object)))
    }
}

/// An open landed file.
pub type LandedReader = ParquetRecordBatchStreamBuilder<Box<dyn AsyncFileReader>>;

impl Folder {
    /// Makes a folder from a local path or the address of one in an object store. It need not exist yet.
    ///
    /// # Errors
    /// As [`Place::new`].
    pub fn new(dir: &FsPath) -> Result<Folder, Error> {
        Place::new(dir).map(Folder)
    }

    /// Checks that files can be named after this topic: the store keeps the names unchanged, they parse back, and they are
    /// never too long.
    ///
    /// # Errors
    /// They cannot.
    pub fn check_name(topic: &str) -> Result<(), Error> {
        let file = LandedFile { topic: topic.to_string(), partition: 0, first: 0, last: 0 };
        let name = file.to_string();
        let invalid = |reason| Err(Error::Topic { topic: topic.to_string(), reason });
        if topic.len() > MOST_NAME_BYTES {
            return invalid("it is too long");
        }
        match PathPart::parse(&name).is_ok() && LandedFile::parse(&name) == Some(file) {
            true => Ok(()),
            false => invalid("it has characters that a file's name cannot have"),
        }
    }

    /// Returns the folder's place.
    pub fn place(&self) -> &Place {
        &self.0
    }

    /// Returns the folder's path, or its address.
    pub fn dir(&self) -> &FsPath {
        &self.0.dir
    }

    /// Returns the store that holds the folder, and the folder's path in it.
    pub fn location(&self) -> (&Arc<dyn ObjectStore>, &Path) {
        (&self.0.store, &self.0.prefix)
    }

    /// Reserves the folder for this process, or only what comes from some partitions, and removes what crashes left.
    ///
    /// # Errors
    /// As [`Lock::take`] and [`Folder::remove_leftovers`].
    pub async fn reserve(&self, partitions: Option<BTreeSet<i32>>) -> Result<Lock, Error> {
        if !self.0.is_local() {
            let lock = Lock::lease(&self.0, partitions.as_ref()).await?;
            lock.settle(&self.list().await?.landed).await;
            return Ok(lock);
        }
        let folder = self.clone();
        blocking(move || {
            let lock = Lock::take(&folder.0.dir, partitions.as_ref())?;
            folder.remove_leftovers(&lock)?;
            Ok(lock)
        })
        .await
    }

    /// Reserves the whole folder on a local disk for this process; creates the folder if it is missing.
    ///
    /// # Errors
    /// Another process is landing into the folder.
    pub fn lock(&self) -> Result<Lock, Error> {
        Lock::take(&self.0.dir, None)
    }

    /// Removes what crashes left: files that were never committed, and temporary files.
    ///
    /// # Errors
    /// The folder cannot be listed, or a file cannot be removed.
    pub fn remove_leftovers(&self, lock: &Lock) -> Result<(), Error> {
        let io = |source| Error::Folder { dir: self.0.dir.clone(), source };
        durable::remove_leftovers(&self.0.dir).map_err(io)?;
        let staging = self.0.dir.join(STAGING);
        let entries = match std::fs::read_dir(&staging) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(io)?,
        };
        for entry in entries {
            let entry = entry.map_err(io)?;
            // Another process may be writing files of its own partitions.
            let staged = entry.file_name().to_str().and_then(LandedFile::parse);
            if lock.is_whole() || staged.is_some_and(|file| lock.owns(file.partition)) {
                std::fs::remove_file(entry.path()).map_err(io)?;
            }
        }
        Ok(())
    }

    /// Lists the folder as it was at one instant; an absent folder counts as empty.
    pub async fn list(&self) -> Result<Listing, Error> {
        match list(self.0.store.as_ref(), &self.0.prefix).await {
            Err(Error::Store { source, .. }) => Err(self.0.failed("", source)),
            listed => listed,
        }
    }

    /// Writes a file under its name, with the right that a lock gives.
    ///
    /// # Errors
    /// The lock is lost, or as [`Folder::commit`].
    pub async fn commit_under(
        &self,
        lock: &Lock,
        file: &LandedFile,
        content: impl Into<PutPayload>,
    ) -> Result<(), Error> {
        lock.claim(file).await?;
        self.commit(file, content).await?;
        lock.put(file).await;
        Ok(())
    }

    /// Writes a file under its name: either complete and on disk, or not at all.
    ///
    /// # Errors
    /// A file of that name exists, because another process landed the same offsets.
    pub async fn commit(&self, file: &LandedFile, content: impl Into<PutPayload>) -> Result<(), Error> {
        let name = file.to_string();
        let failed = |source| self.0.failed(&name, source);
        if !self.0.is_local() {
            // A store shows an object whole, and only once it keeps it.
            return self.0.create(&self.0.object(&name)?, &content.into()).await.map_err(failed);
        }
        let staged = self.0.object_in(STAGING, &name)?;
        self.0.store.put(&staged, content.into()).await.map_err(failed)?;
        // After a power failure, a file's name must never exist without its content. So sync the bytes first, then set the
        // name.
        let content = self.0.dir.join(STAGING).join(&name);
        self.sync(move || File::open(content)?.sync_all()).await?;
        let object = self.0.object(&name)?;
        self.0.store.rename_if_not_exists(&staged, &object).await.map_err(failed)?;
        let dir = self.0.dir.clone();
        self.sync(move || durable::sync_folder(&dir)).await
    }

    /// Opens a committed file. Its footer is read now, its rows on demand.
    pub async fn open(&self, file: &LandedFile) -> Result<LandedReader, Error> {
        let name = file.to_string();
        let failed = |source| self.0.failed(&name, source);
        let object = self.0.store.head(&self.0.object(&name)?).await.map_err(failed)?;
        if !self.has_footer(&object).await.map_err(failed)? {
            return Err(Error::unreadable(file, "it ends before its footer, or its end is not that of a Parquet file"));
        }
        let readers = DefaultParquetFileReaderFactory::new(Arc::clone(&self.0.store));
        let metrics = ExecutionPlanMetricsSet::new();
        let reader: Box<dyn AsyncFileReader> = readers
            .create_reader(0, PartitionedFile::from(object), None, &metrics)
            .map_err(|source| Error::unreadable(file, source))?;
        // The Parquet schema says everything about squall's columns. The Arrow schema beside it would be read without a check.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        guarded(file, ParquetRecordBatchStreamBuilder::new_with_options(reader, options))
            .await?
            .map_err(|source| Error::unreadable(file, source))
    }

    /// Returns whether a file is long enough for the footer whose length its last bytes say. The reader of Parquet subtracts that
    /// length without looking.
    async fn has_footer(&self, object: &ObjectMeta) -> object_store::Result<bool> {
        let Some(start) = object.size.checked_sub(8).filter(|start| *start >= 4) else { return Ok(false) };
        let tail = self.0.store.get_range(&object.location, start..object.size).await?;
        let Some((length, magic)) = tail.split_first_chunk::<4>() else { return Ok(false) };
        Ok(magic == b"PAR1" && u64::from(u32::from_le_bytes(*length)) <= start)
    }

    /// Returns how long ago a listed file was committed.
    pub fn age(object: &ObjectMeta) -> Duration {
        // If the clock was ahead when the file was committed, the file counts as new.
        (chrono::Utc::now() - object.last_modified).to_std().unwrap_or_default()
    }

    /// Gives a damaged file a name that is not a landed file's, and returns its new path.
    pub async fn set_aside(&self, file: &LandedFile) -> Result<PathBuf, Error> {
        let path = self.dir().join(file.to_string());
        let mut aside = path.with_added_extension(&ASIDE[1..]);
        let mut n = 2;
        if !self.0.is_local() {
            let (from, store) = (self.0.object(&file.to_string())?, &self.0.store);
            let failed = |source| self.0.failed(&file.to_string(), source);
            let content = retried(|| async { store.get(&from).await?.bytes().await }).await.map_err(failed)?;
            let content = PutPayload::from(content);
            loop {
                let name = aside.file_name().unwrap_or_default().to_string_lossy().into_owned();
                match self.0.create(&self.0.object(&name)?, &content).await {
                    Err(object_store::Error::AlreadyExists { .. }) => {}
                    created => {
                        created.map_err(failed)?;
                        self.delete(file).await?;
                        return Ok(aside);
                    }
                }
                aside = path.with_added_extension(format!("{}-{n}", &ASIDE[1..]));
                n += 1;
            }
        }
        while aside.exists() {
            aside = path.with_added_extension(format!("{}-{n}", &ASIDE[1..]));
            n += 1;
        }
        let (dir, new) = (self.0.dir.clone(), aside.clone());
        self.sync(move || {
            std::fs::rename(path, new)?;
            durable::sync_folder(&dir)
        })
        .await?;
        Ok(aside)
    }

    /// Removes a file; if the file is already gone, that counts as success.
    pub async fn delete(&self, file: &LandedFile) -> Result<(), Error> {
        let name = file.to_string();
        self.0.delete(&self.0.object(&name)?).await.map_err(|source| self.0.failed(&name, source))
    }

    async fn sync(&self, sync: impl FnOnce() -> std::io::Result<()> + Send + 'static) -> Result<(), Error> {
        blocking(sync).await.map_err(|source| Error::Folder { dir: self.0.dir.clone(), source })
    }
}

/// Lists a folder of landed files in any object store, as it was at one instant.
///
/// # Errors
/// The store cannot list, two files overlap in part, or the folder changes during every listing.
pub async fn list(store: &dyn ObjectStore, prefix: &Path) -> Result<Listing, Error> {
    // While a listing runs, compaction may add the merged file where the listing has already been, and delete the parts
    // where the listing has not been yet. If two listings in a row agree, they missed nothing.
    let mut objects = list_once(store, prefix).await?;
    for _ in 0..LISTINGS {
        let again = list_once(store, prefix).await?;
        if again.keys().eq(objects.keys()) {
            let landed = Landed::from_names(again.keys().map(String::as_str)).map_err(Box::new)?;
            return Ok(Listing { landed, objects: again });
        }
        objects = again;
    }
    Err(Error::Restless { path: prefix.to_string() })
}

async fn list_once(store: &dyn ObjectStore, prefix: &Path) -> Result<BTreeMap<String, ObjectMeta>, Error> {
    let listed = store
        .list_with_delimiter(Some(prefix))
        .await
        .map_err(|source| Error::Store { path: prefix.to_string(), source })?;
    let named = listed.objects.into_iter().filter_map(|object| {
        let name = object
            .location
            .filename()
            .filter(|name| LandedFile::parse(name).or_else(|| LandedFile::parse_aside(name)).is_some())?;
        Some((name.to_string(), object))
    });
    Ok(named.collect())
}
