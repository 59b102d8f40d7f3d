//! Files below a folder, on a local disk or in an object store, for callers that wait for each of them.
//!
//! In: a path or an address, as a setting has it. Out: the files, by their paths below it. A local file is written as [`durable`] does
//! it. An object is written whole by one request; conditional writes decide between several writers ([`Remote::swap`]).
//!
//! The stores' clients run on threads of their own, so a caller may be a plain thread or one that runs tasks.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path as FsPath, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::UNIX_EPOCH;

use datafusion::error::DataFusionError;
use datafusion::execution::object_store::ObjectStoreUrl;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStore, PutPayload, UpdateVersion};
use tokio::runtime::Runtime;
use url::{Position, Url};

use super::objects::{self, retried};
use super::{Error, failed, kind};
use crate::durable;
use crate::error::{Hint, Refused};
use crate::text::{is_address, without_secrets};

/// How many threads the stores' clients have.
const THREADS: usize = 2;

/// How many objects are read at once.
const AT_ONCE: usize = 16;

/// The files below a folder.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Files {
    /// A folder of a local disk.
    Folder(PathBuf),
    /// A folder of an object store.
    Store(Remote),
}

/// A folder of an object store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Remote {
    /// Without a slash at its end.
    address: String,
}

/// A file that a listing shows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Its path below the listed folder.
    pub path: String,
    pub bytes: u64,
    /// When it was written, nanoseconds since 1970.
    pub modified_ns: i64,
}

impl Files {
    /// Returns the files below a path or an address. The folder need not exist yet, and nothing is asked of a store yet.
    pub fn at(dir: &FsPath) -> Files {
        match dir.to_str().filter(|text| is_address(text)) {
            Some(address) => Files::Store(Remote { address: address.trim_end_matches('/').into() }),
            None => Files::Folder(dir.into()),
        }
    }

    /// Returns the path or the address of the folder.
    pub fn dir(&self) -> PathBuf {
        match self {
            Files::Folder(dir) => dir.clone(),
            Files::Store(remote) => without_secrets(&remote.address).into(),
        }
    }

    /// Returns the path or the address of a file.
    pub fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.dir() } else { self.dir().join(name) }
    }

    /// Returns the names of the files and folders in a folder; none if it does not exist.
    pub fn entries(&self, folder: &str) -> io::Result<Vec<String>> {
        match self {
            Files::Folder(dir) => entries(&dir.join(folder)),
            Files::Store(remote) => remote.entries(folder),
        }
    }

    /// Returns the files below a folder, by path; none if it does not exist.
    ///
    /// # Errors
    /// Some of them cannot be seen.
    pub fn list(&self, folder: &str) -> io::Result<Vec<Found>> {
        let mut found = match self {
            Files::Folder(dir) => below(&dir.join(folder))?,
            Files::Store(remote) => remote.list(folder)?,
        };
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        match self {
            Files::Folder(dir) => std::fs::read(dir.join(name)),
            Files::Store(remote) => match remote.read(name)? {
                Some((content, _)) => Ok(content),
                None => Err(ErrorKind::NotFound.into()),
            },
        }
    }

    /// Reads several files; from a store, many at once.
    pub fn read_all(&self, names: &[String]) -> Vec<io::Result<Vec<u8>>> {
        match self {
            Files::Folder(dir) => names.iter().map(|name| std::fs::read(dir.join(name))).collect(),
            Files::Store(remote) => remote.read_all(names),
        }
    }

    /// Makes a file that must not exist. If several processes make it at once, exactly one succeeds, provided that their contents
    /// differ: in a store, the same content counts as written by an earlier attempt.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] if the file exists, or what the disk or the store reports.
    pub fn create_new(&self, name: &str, content: &[u8]) -> io::Result<()> {
        match self {
            Files::Folder(dir) => durable::create_new(&dir.join(name), content),
            Files::Store(remote) => remote.create_new(name, content),
        }
    }

    /// Replaces a file, or makes it if there is none.
    pub fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        match self {
            Files::Folder(dir) => durable::replace(&dir.join(name), content),
            Files::Store(remote) => remote.replace(name, content),
        }
    }

    /// Removes a file; if it is already gone, that counts as success.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        match self {
            Files::Folder(dir) => durable::remove(&dir.join(name)),
            Files::Store(remote) => remote.remove(name),
        }
    }
}

impl Remote {
    /// Reads an object, and the version that it has; `None` if it is missing.
    pub fn read(&self, name: &str) -> io::Result<Option<(Vec<u8>, UpdateVersion)>> {
        let read = self.done(name, |store, object| async move { objects::read(store.as_ref(), &object).await })?;
        Ok(read.map(|(content, version)| (content.to_vec(), version)))
    }

    /// Writes an object if it still has the version that was read; returns whether it had. If it had not, the writer may have been
    /// this process: the answer to an attempt may be lost.
    pub fn swap(&self, name: &str, content: Vec<u8>, version: Option<UpdateVersion>) -> io::Result<bool> {
        let content = PutPayload::from(content);
        let swapped = self
            .done(name, |store, object| async move { objects::swap(store.as_ref(), &object, &content, version).await });
        Ok(swapped?.is_some())
    }

    fn entries(&self, folder: &str) -> io::Result<Vec<String>> {
        self.done(folder, |store, object| async move {
            let listed = retried(|| store.list_with_delimiter(Some(&object))).await?;
            let files = listed.objects.iter().map(|file| &file.location);
            let names = files.chain(&listed.common_prefixes).filter_map(|path| path.filename());
            Ok(names.map(str::to_string).collect())
        })
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Found>> {
        self.done(folder, |store, object| async move {
            let listed = retried(|| store.list(Some(&object)).try_collect::<Vec<_>>()).await?;
            let found = listed.into_iter().filter_map(|file| {
                let parts: Vec<_> = file.location.prefix_match(&object)?.collect();
                let path = parts.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join("/");
                let modified_ns = file.last_modified.timestamp_nanos_opt().unwrap_or_default();
                Some(Found { path, bytes: file.size, modified_ns })
            });
            Ok(found.collect())
        })
    }

    fn create_new(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let content = PutPayload::from(content.to_vec());
        self.done(name, |store, object| async move { objects::create(store.as_ref(), &object, &content).await })
    }

    fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let content = PutPayload::from(content.to_vec());
        self.done(name, |store, object| async move { objects::replace(store.as_ref(), &object, &content).await })
    }

    /// Removes an object; if it is already gone, that counts as success.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        self.done(name, |store, object| async move { objects::delete(store.as_ref(), &object).await })
    }

    fn read_all(&self, names: &[String]) -> Vec<io::Result<Vec<u8>>> {
        let read = self.done("", |store, folder| {
            let paths: Vec<Path> = names.iter().map(|name| below_folder(&folder, name)).collect();
            async move {
                let read = stream::iter(paths).map(|path| {
                    let store = Arc::clone(&store);
                    async move { objects::read(store.as_ref(), &path).await }
                });
                Ok(read.buffered(AT_ONCE).collect::<Vec<_>>().await)
            }
        });
        match read {
            Ok(read) => read
                .into_iter()
                .zip(names)
                .map(|(read, name)| match read {
                    Ok(Some((content, _))) => Ok(content.to_vec()),
                    Ok(None) => Err(ErrorKind::NotFound.into()),
                    Err(error) => Err(failed::as_io(&format!("{}/{name}", self.address), error)),
                })
                .collect(),
            Err(error) => names.iter().map(|_| Err(io::Error::new(error.kind(), error.to_string()))).collect(),
        }
    }

    /// Does something with an object, and waits until it is done.
    fn done<T: Send + 'static, F>(
        &self,
        name: &str,
        work: impl FnOnce(Arc<dyn ObjectStore>, Path) -> F,
    ) -> io::Result<T>
    where
        F: Future<Output = object_store::Result<T>> + Send + 'static,
    {
        let (store, prefix) = self.opened().map_err(|error| {
            let refused = Refused { message: crate::error::with_causes(&error), hint: error.hint() };
            io::Error::other(refused)
        })?;
        let object = below_folder(&prefix, name);
        let address = format!("{}/{name}", self.address);
        wait(work(store, object))?.map_err(|error| failed::as_io(&address, error))
    }

    /// Returns the store, which a process opens once, and the folder's path in it.
    fn opened(&self) -> Result<(Arc<dyn ObjectStore>, Path), Error> {
        static OPENED: Mutex<BTreeMap<String, Arc<dyn ObjectStore>>> = Mutex::new(BTreeMap::new());
        let invalid = |reason: String| Error::Address { address: without_secrets(&self.address), reason };
        let url = Url::parse(&self.address).map_err(|error| invalid(error.to_string()))?;
        if kind(url.scheme()).is_some_and(|kind| !kind.lists) {
            return Err(invalid("nothing can be stored on a web server".into()));
        }
        super::check_path(&url)?;
        let path = Path::from_url_path(url.path()).map_err(|error| invalid(error.to_string()))?;
        let root = &url[..Position::BeforePath];
        let known = OPENED.lock().ok().and_then(|opened| opened.get(root).cloned());
        let store = match known {
            Some(store) => store,
            None => {
                let store = super::open(&url)?;
                if let Ok(mut opened) = OPENED.lock() {
                    opened.insert(root.into(), Arc::clone(&store));
                }
                store
            }
        };
        Ok((store, path))
    }
}

/// Returns the path of an object, given by its path below a folder.
fn below_folder(folder: &Path, name: &str) -> Path {
    name.split('/').filter(|part| !part.is_empty()).fold(folder.clone(), |path, part| path.join(part))
}

/// Returns where the engine finds a file, given by its path or its address: its store, and its path there.
///
/// # Errors
/// The address cannot be read.
pub fn location(path: &FsPath) -> Result<(ObjectStoreUrl, Path), DataFusionError> {
    let external = |error: object_store::path::Error| DataFusionError::External(Box::new(error));
    let Some(address) = path.to_str().filter(|text| is_address(text)) else {
        let absolute = Path::from_absolute_path(std::path::absolute(path)?).map_err(external)?;
        return Ok((ObjectStoreUrl::local_filesystem(), absolute));
    };
    let url = Url::parse(address).map_err(|error| DataFusionError::External(Box::new(error)))?;
    Ok((ObjectStoreUrl::parse(&url[..Position::BeforePath])?, Path::from_url_path(url.path()).map_err(external)?))
}

/// Runs work of a store's client on the threads for it, and waits for its result.
fn wait<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> io::Result<T> {
    static RUNTIME: OnceLock<io::Result<Runtime>> = OnceLock::new();
    let build = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(THREADS).thread_name("squall-store").enable_all().build()
    };
    let runtime = match RUNTIME.get_or_init(build) {
        Ok(runtime) => runtime,
        Err(error) => return Err(io::Error::new(error.kind(), error.to_string())),
    };
    let (send, receive) = mpsc::sync_channel(1);
    runtime.spawn(async move {
        // The receiver waits until this is sent.
        let _ = send.send(work.await);
    });
    receive.recv().map_err(|_| io::Error::other("the client of the object store has panicked"))
}

/// Returns the names in a folder; none if it does not exist.
fn entries(dir: &FsPath) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string());
    }
    Ok(names)
}

/// Returns the files below a folder; none if it does not exist.
fn below(folder: &FsPath) -> io::Result<Vec<Found>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        let entries = match std::fs::read_dir(&next) {
            Err(error) if error.kind() == ErrorKind::NotFound && next == folder => return Ok(files),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                folders.push(path);
                continue;
            }
            let relative = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
            files.push(Found::of(&path, relative)?);
        }
    }
    Ok(files)
}

impl Found {
    /// Returns the file at a local path, under a name.
    ///
    /// # Errors
    /// Nothing is at the path, or a folder is.
    pub fn of(path: &FsPath, name: String) -> io::Result<Found> {
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            return Err(ErrorKind::IsADirectory.into());
        }
        let modified = metadata.modified()?.duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
        Ok(Found { path: name, bytes: metadata.len(), modified_ns: modified.as_nanos() as i64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_takes_no_files_is_refused() {
        for text in ["https://host/models", "hdfs://host/models", "s3://user:secret@bucket/models"] {
            let files = Files::at(FsPath::new(text));
            let error = files.read("model.json").unwrap_err();
            assert!(error.get_ref().is_some_and(|refused| refused.is::<Refused>()), "{error:?}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_path_is_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::at(dir.path());
        files.create_new("a/1/x.json", b"one").unwrap();
        assert_eq!(files.create_new("a/1/x.json", b"one").unwrap_err().kind(), ErrorKind::AlreadyExists);
        files.replace("a/y", b"").unwrap();
        assert_eq!(files.read("a/1/x.json").unwrap(), b"one");
        assert_eq!(files.read("b").unwrap_err().kind(), ErrorKind::NotFound);
        let listed =
            |folder: &str| -> Vec<String> { files.list(folder).unwrap().into_iter().map(|found| found.path).collect() };
        assert_eq!(
            (listed(""), listed("a"), listed("b")),
            (vec!["a/1/x.json".into(), "a/y".into()], vec!["1/x.json".into(), "y".into()], Vec::new())
        );
        files.remove("a/y").unwrap();
        files.remove("a/y").unwrap();
        assert_eq!(files.entries("a").unwrap(), ["1"]);
    }
}
