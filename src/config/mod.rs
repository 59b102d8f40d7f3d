//! Settings: `squall.toml`, the environment, and where each value came from.
//!
//! In: the `squall.toml` shipped with squall, which holds and documents every default; the user's file; the environment.
//! Out: [`Settings`], and for each value its [`Source`].

mod check;
mod resolve;
mod shown;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

use crate::text::is_address;

pub use resolve::{Error, Resolved, Source, resolve};
pub use shown::shown;

/// The `squall.toml` that contains and documents every default.
pub const DEFAULTS: &str = include_str!("../../squall.toml");

/// Every setting, by section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The environment; `None` is the default one.
    #[serde(skip)]
    pub env: Option<String>,
    pub paths: Paths,
    pub feed: Feed,
    pub log: Log,
    pub kafka: Kafka,
    pub land: Land,
    pub metrics: Metrics,
    pub retention: Retention,
    /// The values of the SQL project's placeholders.
    pub parameters: BTreeMap<String, toml::Value>,
    pub engine: Engine,
    pub cluster: Cluster,
    pub track: Track,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paths {
    /// May be an address.
    pub data: PathBuf,
    /// Empty means `data`, or the folder `data` if that is an address.
    pub local: PathBuf,
    /// Empty means the folder `ticks` of `data`; it may be an address.
    pub ticks: PathBuf,
    /// Empty means the folder `dead` of `data`; it may be an address.
    pub dead: PathBuf,
    /// Empty means the folder `tables` of `data`; it may be an address.
    pub tables: PathBuf,
    /// Empty means the folder `models` of `data`; it may be an address.
    pub models: PathBuf,
    /// Empty means the folder `runs` of `data`; it may be an address.
    pub runs: PathBuf,
    pub sql: PathBuf,
    pub reports: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// The name of an exchange; the module `feed` lists the exchanges.
    pub exchange: String,
    /// Empty means the exchange's own address.
    pub url: String,
    pub products: Vec<String>,
    pub silence_ms: u64,
    /// 0 means that single products are not watched.
    pub product_silence_ms: u64,
    /// `note`, `resubscribe` or `reconnect`.
    pub on_product_silence: String,
    pub max_message_bytes: usize,
    pub reconnect_initial_ms: u64,
    pub reconnect_max_ms: u64,
    pub reconnect_steady_ms: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub sync_interval_ms: u64,
    pub pack_days: bool,
    /// `wait` or `end`.
    pub when_full: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    pub bootstrap_servers: String,
    /// `read_committed` or `read_uncommitted`.
    pub isolation_level: String,
    pub properties: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Land {
    pub flush_messages: usize,
    pub flush_interval_ms: u64,
    pub late_ms: i64,
    pub ahead_ms: i64,
    pub dedup_hours: u32,
}

/// What the long-running commands serve over HTTP.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Empty means that nothing is served.
    pub listen: String,
    pub behind_s: u64,
}

/// How long stored files are kept; 0 means without limit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    pub raw_days: u32,
    pub dead_days: u32,
    pub torn_days: u32,
    pub events_days: u32,
    pub ticks_days: u32,
    pub ticks_mb: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    pub threads: usize,
    pub batch_size: usize,
    pub memory_limit_mb: usize,
    pub rolling: bool,
}

/// Workers that compute queries; an empty text is not set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// `host:port` of each.
    pub workers: Vec<String>,
    pub token: String,
    pub ca_file: PathBuf,
}

/// Experiment tracking; an empty text is not set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Track {
    pub mlflow_tracking_uri: String,
    pub experiment: String,
    pub experiment_id: String,
    pub username: String,
    pub password: String,
    pub token: String,
    pub ca_file: PathBuf,
    pub insecure_tls: bool,
    pub timeout_ms: u64,
}

/// The folder of what must be on a disk, if `paths.data` is an address and `paths.local` is empty.
const LOCAL: &str = "data";

impl Settings {
    /// Returns the folder of what squall stores, a path or an address.
    fn data_dir(&self) -> PathBuf {
        plain(&self.paths.data)
    }

    /// Returns the folder of what must be on a disk of this machine: raw messages, events, the state of live queries, tables that users
    /// made.
    pub fn local_dir(&self) -> PathBuf {
        let data = self.data_dir();
        match self.paths.local.as_os_str().is_empty() {
            false => plain(&self.paths.local),
            true if is_address(&data.to_string_lossy()) => LOCAL.into(),
            true => data,
        }
    }

    /// Returns the folder of the file log, one NDJSON file of raw messages per day. The archives of topics are below it.
    pub fn raw_dir(&self) -> PathBuf {
        self.local_dir().join("raw")
    }

    /// Returns the folder of landed ticks, a path or an address.
    pub fn ticks_dir(&self) -> PathBuf {
        self.own_or(&self.paths.ticks, "ticks")
    }

    /// Returns the folder of messages that could not be parsed, a path or an address.
    pub fn dead_dir(&self) -> PathBuf {
        self.own_or(&self.paths.dead, "dead")
    }

    fn own_or(&self, own: &Path, name: &str) -> PathBuf {
        if own.as_os_str().is_empty() { self.data_dir().join(name) } else { plain(own) }
    }

    /// Returns the folder of the events on feed connections: gaps, silences, reconnections; one NDJSON file per day.
    pub fn events_dir(&self) -> PathBuf {
        self.local_dir().join("events")
    }

    /// Returns the folder of materialised queries, one folder per query; a path or an address.
    pub fn tables_dir(&self) -> PathBuf {
        self.own_or(&self.paths.tables, "tables")
    }

    /// Returns the folder of the tables and views that users made with CREATE TABLE and CREATE VIEW.
    pub fn catalog_dir(&self) -> PathBuf {
        self.local_dir().join("catalog")
    }

    /// Returns the folder of model artifacts, `<name>/<version>/`, a path or an address; each environment has its own.
    pub fn models_dir(&self) -> PathBuf {
        if self.paths.models.as_os_str().is_empty() {
            return self.of_env(self.data_dir()).join("models");
        }
        self.of_env(plain(&self.paths.models))
    }

    /// Returns the folder of scored rows, a path or an address; each environment has its own.
    pub fn scores_dir(&self) -> PathBuf {
        self.of_env(self.data_dir()).join("scores")
    }

    /// Returns the folder of what live queries have to remember; each environment has its own.
    pub fn live_dir(&self) -> PathBuf {
        self.of_env(self.local_dir()).join("live")
    }

    /// Returns the folder to which reports are written, separate from the project's templates and queries.
    pub fn reports_out_dir(&self) -> PathBuf {
        self.of_env(self.paths.reports.join("out"))
    }

    /// Returns a folder's part that belongs to the environment.
    fn of_env(&self, folder: PathBuf) -> PathBuf {
        match &self.env {
            Some(name) => folder.join("env").join(name),
            None => folder,
        }
    }

    /// Returns the folder of the table of runs, a path or an address.
    pub fn runs_dir(&self) -> PathBuf {
        self.own_or(&self.paths.runs, "runs")
    }
}

/// Returns a path that may be written as `file:///path`; other addresses stay as they are.
fn plain(path: &Path) -> PathBuf {
    let local = path.to_str().filter(|text| text.starts_with("file:")).and_then(|text| Url::parse(text).ok());
    local.and_then(|url| url.to_file_path().ok()).unwrap_or_else(|| path.to_path_buf())
}
