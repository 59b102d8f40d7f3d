//! Model artifacts, training and scoring as pure numerics on slices; the model registry on disk.

pub mod confusion;
pub mod curve;
pub mod fixed_sum;
pub mod probability;
pub mod ranking;

use std::path::{Path, PathBuf};

/// The models on disk: `<dir>/<name>/<version>/model.json`.
#[derive(Debug, Clone)]
pub struct Registry {
    dir: PathBuf,
}

impl Registry {
    /// Makes a registry over a folder, which need not exist yet.
    pub fn new(dir: impl AsRef<Path>) -> Self {
        Registry { dir: dir.as_ref().into() }
    }

    /// Returns the folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}
