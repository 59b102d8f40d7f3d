//! The folder of landed files: listed as readers see it, added to one whole file at a time.
//!
//! In: encoded files. Out: their names and sizes. Everything goes through `object_store`; what only a local disk needs
//! (syncing, one writer at a time) is here and nowhere else.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::DefaultParquetFileReaderFactory;
use datafusion::parquet::arrow::ParquetRecordBatchStreamBuilder;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use object_store::local::LocalFileSystem;
use object_store::path::{Path, PathPart};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::{Error, Landed, LandedFile};
use crate::durable::{self, blocking};

/// Where a file waits, complete and synced, for the rename that commits it.
const STAGING: &str = ".staging";
/// Held by the one process that lands into the folder; the operating system releases it when the process ends.
const LOCK: &str = ".land.lock";
/// A folder that changes this often while it is listed will go on changing.
const LISTINGS: usize = 100;

/// A folder of landed files on a local disk.
#[derive(Debug, Clone)]
pub struct Folder {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    dir: PathBuf,
}

/// What a folder held at one instant.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    pub landed: Landed,
    objects: BTreeMap<String, ObjectMeta>,
}

impl Listing {
    /// Returns the object that holds a listed file.
    pub fn object(&self, file: &LandedFile) -> Option<&ObjectMeta> {
        self.objects.get(&file.to_string())
    }
}

/// An open landed file.
pub type LandedReader = ParquetRecordBatchStreamBuilder<Box<dyn AsyncFileReader>>;

/// The right to land into a folder, until it is dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

impl Folder {
    /// Names a local folder, which need not exist yet.
    pub fn new(dir: &FsPath) -> Result<Folder, Error> {
        let io = |source| Error::Folder { dir: dir.into(), source };
        let dir = std::path::absolute(dir).map_err(io)?;
        let prefix = Path::from_absolute_path(&dir)
            .map_err(|source| Error::Store { path: dir.display().to_string(), source: source.into() })?;
        Ok(Folder { store: Arc::new(LocalFileSystem::new()), prefix, dir })
    }

    /// Returns whether files of this topic can be named: stores keep their names as they are, and they read back.
    pub fn can_hold(topic: &str) -> bool {
        let file = LandedFile { topic: topic.to_string(), partition: 0, first: 0, last: 0 };
        let name = file.to_string();
        PathPart::parse(&name).is_ok() && LandedFile::parse(&name) == Some(file)
    }

    /// Returns the folder's path.
    pub fn dir(&self) -> &FsPath {
        &self.dir
    }

    /// Returns the store that holds the folder, and the folder's path in it.
    pub fn location(&self) -> (&Arc<dyn ObjectStore>, &Path) {
        (&self.store, &self.prefix)
    }

    /// Makes the folder where there is none, and reserves it for this process.
    ///
    /// # Errors
    /// Another process lands into the folder now.
    pub fn lock(&self) -> Result<Lock, Error> {
        let io = |source| Error::Folder { dir: self.dir.clone(), source };
        durable::create_folder(&self.dir).map_err(io)?;
        let file = File::create(self.dir.join(LOCK)).map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(Error::Busy { dir: self.dir.clone() }),
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }

    /// Removes what crashes left: files that were never committed, and files written aside.
    ///
    /// # Errors
    /// The folder cannot be listed, or a file cannot be removed.
    pub fn remove_leftovers(&self, _lock: &Lock) -> Result<(), Error> {
        let io = |source| Error::Folder { dir: self.dir.clone(), source };
        durable::remove_leftovers(&self.dir).map_err(io)?;
        match std::fs::remove_dir_all(self.dir.join(STAGING)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(error)),
            _ => Ok(()),
        }
    }

    /// Lists the folder as it was at one instant; an absent folder is an empty one.
    pub async fn list(&self) -> Result<Listing, Error> {
        list(self.store.as_ref(), &self.prefix).await
    }

    /// Puts a whole file under its name: complete and on disk, or not at all.
    ///
    /// # Errors
    /// A file of that name exists: another process landed the same offsets.
    pub async fn commit(&self, file: &LandedFile, content: Vec<u8>) -> Result<(), Error> {
        let name = file.to_string();
        let failed = |source| Error::Store { path: self.dir.join(&name).display().to_string(), source };
        let staged = self.prefix.clone().join(STAGING).join(part(&name)?);
        self.store.put(&staged, content.into()).await.map_err(failed)?;
        // A name that outlives a power failure must not do so without its content: first the bytes, then the name.
        let content = self.dir.join(STAGING).join(&name);
        self.sync(move || File::open(content)?.sync_all()).await?;
        let object = self.prefix.clone().join(part(&name)?);
        self.store.rename_if_not_exists(&staged, &object).await.map_err(failed)?;
        let dir = self.dir.clone();
        self.sync(move || durable::sync_folder(&dir)).await
    }

    /// Opens a committed file: its footer is read, its rows are read as they are asked for.
    pub async fn open(&self, file: &LandedFile) -> Result<LandedReader, Error> {
        let name = file.to_string();
        let failed = |source| Error::Store { path: self.dir.join(&name).display().to_string(), source };
        let object = self.store.head(&self.prefix.clone().join(part(&name)?)).await.map_err(failed)?;
        let readers = DefaultParquetFileReaderFactory::new(Arc::clone(&self.store));
        let metrics = ExecutionPlanMetricsSet::new();
        let reader: Box<dyn AsyncFileReader> = readers
            .create_reader(0, PartitionedFile::from(object), None, &metrics)
            .map_err(|source| Error::unreadable(file, source))?;
        ParquetRecordBatchStreamBuilder::new(reader).await.map_err(|source| Error::unreadable(file, source))
    }

    /// Returns how long ago a listed file was committed.
    pub fn age(object: &ObjectMeta) -> Duration {
        // A clock that ran ahead when the file was committed makes it new.
        (chrono::Utc::now() - object.last_modified).to_std().unwrap_or_default()
    }

    /// Removes a file; one that is gone already counts as removed.
    pub async fn delete(&self, file: &LandedFile) -> Result<(), Error> {
        let name = file.to_string();
        match self.store.delete(&self.prefix.clone().join(part(&name)?)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(Error::Store { path: self.dir.join(&name).display().to_string(), source }),
        }
    }

    async fn sync(&self, sync: impl FnOnce() -> std::io::Result<()> + Send + 'static) -> Result<(), Error> {
        blocking(sync).await.map_err(|source| Error::Folder { dir: self.dir.clone(), source })
    }
}

/// Lists a folder of landed files in any object store, as it was at one instant.
///
/// # Errors
/// The store cannot list, two files overlap in part, or the folder never holds still.
pub async fn list(store: &dyn ObjectStore, prefix: &Path) -> Result<Listing, Error> {
    // While a listing runs, compaction may add the merged file where the listing has been, and delete the parts where it
    // has yet to go. Two listings in a row that agree have missed nothing.
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
        let name = object.location.filename().filter(|name| LandedFile::parse(name).is_some())?;
        Some((name.to_string(), object))
    });
    Ok(named.collect())
}

/// Returns a file's name as a part of an object's path, with nothing in it escaped: so it is the name on disk too.
fn part(name: &str) -> Result<PathPart<'_>, Error> {
    PathPart::parse(name).map_err(|source| {
        let source = object_store::path::Error::BadSegment { path: name.to_string(), source };
        Error::Store { path: name.to_string(), source: source.into() }
    })
}
