//! A folder, on a local disk or in an object store.
//!
//! In: a path or an address, as a setting has it. Out: the store that holds the folder, and the folder's path in the store.

use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::local::LocalFileSystem;
use object_store::path::{Path, PathPart};
use object_store::{Error as StoreError, ObjectStore, PutPayload};
use url::{Position, Url};

use super::Error;
use crate::store::{self, objects};
use crate::text::{is_address, without_secrets};

/// A folder, on a local disk or in an object store.
#[derive(Debug, Clone)]
pub struct Place {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) prefix: Path,
    /// The local path, or the address.
    pub(super) dir: PathBuf,
    /// The store's address; `None` for a local disk.
    pub(super) url: Option<Url>,
}

impl Place {
    /// Makes a place from a path or an address; the folder need not exist yet.
    ///
    /// # Errors
    /// The address cannot be read, no account is known for it, or it is a web server's, which takes no files.
    pub fn new(dir: &FsPath) -> Result<Place, Error> {
        match dir.to_str().filter(|text| is_address(text)) {
            Some(address) => Place::at(address.trim_end_matches('/')),
            None => Place::local(dir),
        }
    }

    fn local(dir: &FsPath) -> Result<Place, Error> {
        let io = |source| Error::Folder { dir: dir.into(), source };
        let dir = std::path::absolute(dir).map_err(io)?;
        let prefix = Path::from_absolute_path(&dir)
            .map_err(|source| Error::Store { path: dir.display().to_string(), source: source.into() })?;
        Ok(Place { store: Arc::new(LocalFileSystem::new()), prefix, dir, url: None })
    }

    fn at(address: &str) -> Result<Place, Error> {
        let invalid = |reason: String| Error::Address { address: without_secrets(address), reason };
        let url = Url::parse(address).map_err(|error| invalid(error.to_string()))?;
        if matches!(url.scheme(), "http" | "https") {
            return Err(invalid("nothing can be stored on a web server".into()));
        }
        let store = store::open(&url).map_err(|source| Error::Account { source: Box::new(source) })?;
        let prefix = Path::from_url_path(url.path()).map_err(|error| invalid(error.to_string()))?;
        Ok(Place { store, prefix, dir: address.into(), url: Some(url) })
    }

    /// Returns whether the folder is on a local disk.
    pub fn is_local(&self) -> bool {
        self.url.is_none()
    }

    /// Returns the store that holds the folder, and the folder's path in it.
    pub fn location(&self) -> (&Arc<dyn ObjectStore>, &Path) {
        (&self.store, &self.prefix)
    }

    /// Returns the address by which a session finds the store.
    pub fn store_url(&self) -> ObjectStoreUrl {
        let root = self.url.as_ref().map(|url| &url[..Position::BeforePath]);
        // The address of a store without a path always is one of a store.
        root.and_then(|root| ObjectStoreUrl::parse(root).ok()).unwrap_or_else(ObjectStoreUrl::local_filesystem)
    }

    /// Returns the error that names an object of the folder.
    pub(super) fn failed(&self, name: &str, source: StoreError) -> Error {
        Error::Store { path: self.dir.join(name).display().to_string(), source }
    }

    /// Returns the path of an object of the folder.
    pub(super) fn object(&self, name: &str) -> Result<Path, Error> {
        Ok(self.prefix.clone().join(part(name)?))
    }

    /// Returns the path of an object of a folder inside this one.
    pub(super) fn object_in(&self, folder: &str, name: &str) -> Result<Path, Error> {
        Ok(self.object(folder)?.join(part(name)?))
    }

    /// Makes an object that must not exist, as [`objects::create`] does.
    pub(super) async fn create(&self, object: &Path, content: &PutPayload) -> object_store::Result<()> {
        objects::create(self.store.as_ref(), object, content).await
    }

    /// Writes an object, over an older one if there is one.
    pub(super) async fn replace(&self, object: &Path, content: PutPayload) -> object_store::Result<()> {
        objects::replace(self.store.as_ref(), object, &content).await
    }

    /// Removes an object; if it is already gone, that counts as success.
    pub(super) async fn delete(&self, object: &Path) -> object_store::Result<()> {
        objects::delete(self.store.as_ref(), object).await
    }
}

/// Returns a file's name as one part of an object's path. The name contains nothing to escape, so it is also the name on
/// disk.
fn part(name: &str) -> Result<PathPart<'_>, Error> {
    PathPart::parse(name).map_err(|source| {
        let source = object_store::path::Error::BadSegment { path: name.to_string(), source };
        Error::Store { path: name.to_string(), source: source.into() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_local() {
        for text in ["data/ticks", "/data/ticks"] {
            let place = Place::new(FsPath::new(text)).unwrap();
            assert!(place.is_local() && place.dir.is_absolute(), "{text}");
        }
    }

    #[test]
    fn an_address_that_takes_no_files_is_refused() {
        for text in ["https://host/ticks", "hdfs://host/ticks", "s3://user:secret@bucket/ticks"] {
            let error = Place::new(FsPath::new(text)).unwrap_err();
            let said = crate::error::with_causes(&error);
            assert!(matches!(error, Error::Address { .. } | Error::Account { .. }), "{said}");
            assert!(!said.contains("secret"), "{said}");
        }
    }
}
