//! The models on disk: `<dir>/<name>/<version>/model.json`, versions from 1 up, the highest being the latest.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::artifact::Artifact;
use super::{Error, valid_name};
use crate::text::did_you_mean;

const FILE: &str = "model.json";

/// The folder of models.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Registry {
    dir: PathBuf,
}

impl Registry {
    /// Makes a registry over a folder, which need not exist yet.
    pub fn new(dir: impl AsRef<Path>) -> Self {
        Registry { dir: dir.as_ref().into() }
    }

    /// Returns the names of the models, ascending.
    pub fn names(&self) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        for name in entries(&self.dir)? {
            if valid_name(&name) && !self.versions(&name)?.is_empty() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Returns a model's versions, ascending; none where there is no such model.
    pub fn versions(&self, name: &str) -> Result<Vec<u64>, Error> {
        let mut versions: Vec<u64> =
            entries(&self.dir.join(name))?.iter().filter_map(|entry| entry.parse().ok()).collect();
        // A folder without its file is a write that did not finish.
        versions.retain(|version| self.path(name, *version).is_file());
        versions.sort_unstable();
        Ok(versions)
    }

    /// Reads a model: `name` for its latest version, `name@2` for another.
    ///
    /// # Errors
    /// No such model or version, or a file that is no artifact.
    pub fn load(&self, reference: &str) -> Result<Artifact, Error> {
        let (name, version) = match reference.split_once('@') {
            Some((name, version)) => match version.parse::<u64>() {
                Ok(version) => (name, Some(version)),
                Err(_) => return Err(self.missing(reference)),
            },
            None => (reference, None),
        };
        let versions = if valid_name(name) { self.versions(name)? } else { Vec::new() };
        let Some(&latest) = versions.last() else { return Err(self.missing(name)) };
        let version = version.unwrap_or(latest);
        if !versions.contains(&version) {
            return Err(Error::MissingVersion { name: name.into(), version, versions });
        }
        let text = self.bytes(name, version)?;
        serde_json::from_slice(&text).map_err(|source| Error::Artifact { path: self.path(name, version), source })
    }

    /// Returns the bytes of a version's artifact.
    pub fn bytes(&self, name: &str, version: u64) -> Result<Vec<u8>, Error> {
        let path = self.path(name, version);
        fs::read(&path).map_err(|source| Error::Read { path, source })
    }

    /// Writes a model as the next version of its name and returns it with that version.
    ///
    /// Readers see the whole file or nothing: it is written aside, synced, then renamed.
    pub fn save(&self, mut artifact: Artifact) -> Result<Artifact, Error> {
        if !valid_name(&artifact.name) {
            return Err(Error::Name { name: artifact.name });
        }
        let mut version = self.versions(&artifact.name)?.last().map_or(1, |latest| latest + 1);
        let folder = loop {
            let folder = self.dir.join(&artifact.name).join(version.to_string());
            fs::create_dir_all(self.dir.join(&artifact.name)).map_err(write_error(&folder))?;
            match fs::create_dir(&folder) {
                Ok(()) => break folder,
                // Another writer has it, or one stopped half-way: take the next.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => version += 1,
                Err(error) => return Err(write_error(&folder)(error)),
            }
        };
        artifact.version = version;
        let (aside, path) = (folder.join("model.json.part"), folder.join(FILE));
        let mut text =
            serde_json::to_vec_pretty(&artifact).map_err(|source| Error::Artifact { path: path.clone(), source })?;
        text.push(b'\n');
        let mut file = File::create(&aside).map_err(write_error(&aside))?;
        file.write_all(&text).map_err(write_error(&aside))?;
        file.sync_all().map_err(write_error(&aside))?;
        fs::rename(&aside, &path).map_err(write_error(&path))?;
        Ok(artifact)
    }

    /// Returns where a version's artifact lies.
    pub fn path(&self, name: &str, version: u64) -> PathBuf {
        self.dir.join(name).join(version.to_string()).join(FILE)
    }

    fn missing(&self, name: &str) -> Error {
        let names = self.names().unwrap_or_default();
        let suggestion = did_you_mean(name, names.iter().map(String::as_str));
        Error::Missing { name: name.into(), dir: self.dir.clone(), suggestion }
    }
}

fn write_error(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
    move |source| Error::Write { path: path.into(), source }
}

/// The names in a folder; none where it does not exist.
fn entries(dir: &Path) -> Result<Vec<String>, Error> {
    let read = |source| Error::Read { path: dir.into(), source };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(error) => return Err(read(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(read)?.file_name().into_string());
    }
    Ok(names)
}
