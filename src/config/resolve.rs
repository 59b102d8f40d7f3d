//! Merges defaults, the user's file and the environment, keeping where each value came from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{DEFAULTS, Settings};
use crate::error::Hint;

/// Environment variables of the Python original that stand for a setting of ours.
const ALIASES: [(&str, &str); 3] = [
    ("KAFKA_BOOTSTRAP_SERVERS", "kafka.bootstrap_servers"),
    ("FEATURE_WINDOW_SIZE", "parameters.window_ticks"),
    ("MLFLOW_TRACKING_URI", "track.mlflow_tracking_uri"),
];

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Default,
    File(PathBuf),
    Environment(String),
    Flag(String),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::File(path) => write!(f, "{}", path.display()),
            Source::Environment(name) => write!(f, "environment variable {name}"),
            Source::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// The settings in force, and for each `section.key` its value and source.
#[derive(Debug, Clone)]
pub struct Resolved {
    pub settings: Settings,
    pub origins: BTreeMap<String, (toml::Value, Source)>,
}

/// What can be wrong with settings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read settings from {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is not valid TOML")]
    Syntax { path: PathBuf, source: Box<toml::de::Error> },
    #[error("unknown setting `{key}` in {origin}")]
    Unknown { key: String, origin: Source, nearest: Option<String> },
    #[error("{origin} sets `{key}` to {value}, which is no {expected}")]
    Type { key: String, value: String, expected: &'static str, origin: Source },
    #[error("settings do not fit together")]
    Shape(#[from] Box<toml::de::Error>),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Error::Unknown { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            Error::Unknown { .. } | Error::Type { .. } => {
                Some("`squall config --defaults` prints every setting".into())
            }
            Error::Read { .. } => Some("`squall config --defaults > squall.toml` writes one to start from".into()),
            _ => None,
        }
    }
}

/// Resolves the settings: defaults, then `file`, then `environment`, then `flags` (`section.key=value` pairs).
///
/// # Errors
/// A file that cannot be read or parsed, a key that no setting has, or a value of another type than the default's.
pub fn resolve(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &[(String, String)],
) -> Result<Resolved, Error> {
    // The shipped file is part of the binary; a test parses it.
    let defaults: toml::Table = DEFAULTS.parse().expect("the shipped squall.toml is valid");
    let mut origins = BTreeMap::new();
    for (section, values) in &defaults {
        for (key, value) in values.as_table().into_iter().flatten() {
            origins.insert(format!("{section}.{key}"), (value.clone(), Source::Default));
        }
    }
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.into(), source })?;
        let table: toml::Table =
            text.parse().map_err(|source| Error::Syntax { path: path.into(), source: Box::new(source) })?;
        for (section, values) in table {
            let toml::Value::Table(values) = values else {
                return Err(unknown(&origins, section, Source::File(path.into())));
            };
            for (key, value) in values {
                set(&mut origins, format!("{section}.{key}"), value, Source::File(path.into()))?;
            }
        }
    }
    let environment: BTreeMap<String, String> = environment.into_iter().collect();
    for (name, key) in ALIASES {
        if let Some(text) = environment.get(name) {
            set_text(&mut origins, key, text, Source::Environment(name.into()))?;
        }
    }
    let keys: Vec<String> = origins.keys().cloned().collect();
    for key in keys {
        let name = format!("SQUALL_{}", key.replace('.', "_").to_uppercase());
        if let Some(text) = environment.get(&name) {
            set_text(&mut origins, &key, text, Source::Environment(name))?;
        }
    }
    for (key, text) in flags {
        set_text(&mut origins, key, text, Source::Flag(format!("{key}={text}")))?;
    }

    let mut merged = toml::Table::new();
    for (key, (value, _)) in &origins {
        // Every key was made as `section.key` above.
        let (section, name) = key.split_once('.').expect("a key has a section");
        let table = merged.entry(section).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        if let toml::Value::Table(table) = table {
            table.insert(name.into(), value.clone());
        }
    }
    let settings = Settings::deserialize_table(merged)?;
    Ok(Resolved { settings, origins })
}

impl Settings {
    fn deserialize_table(table: toml::Table) -> Result<Settings, Error> {
        table.try_into().map_err(|source| Error::Shape(Box::new(source)))
    }
}

type Origins = BTreeMap<String, (toml::Value, Source)>;

/// Sets a value of the default's type; a new key only under `parameters`, whose names are the project's own.
fn set(origins: &mut Origins, key: String, value: toml::Value, origin: Source) -> Result<(), Error> {
    let value = match origins.get(&key) {
        Some((default, _)) => match (default, value) {
            (toml::Value::Float(_), toml::Value::Integer(whole)) => toml::Value::Float(whole as f64),
            (default, value) if default.same_type(&value) => value,
            (default, value) => {
                return Err(Error::Type { key, value: value.to_string(), expected: default.type_str(), origin });
            }
        },
        None if key.starts_with("parameters.") => value,
        None => return Err(unknown(origins, key, origin)),
    };
    origins.insert(key, (value, origin));
    Ok(())
}

/// Sets a value given as text: TOML where the default is no string, a comma-separated list where it is an array.
fn set_text(origins: &mut Origins, key: &str, text: &str, origin: Source) -> Result<(), Error> {
    let value = match origins.get(key).map(|(default, _)| default) {
        Some(toml::Value::String(_)) => toml::Value::String(text.into()),
        Some(toml::Value::Array(_)) if !text.trim_start().starts_with('[') => {
            let items = text.split(',').map(|item| toml::Value::String(item.trim().into()));
            toml::Value::Array(items.collect())
        }
        _ => format!("value = {text}")
            .parse::<toml::Table>()
            .ok()
            .and_then(|mut table| table.remove("value"))
            .unwrap_or_else(|| toml::Value::String(text.into())),
    };
    set(origins, key.into(), value, origin)
}

fn unknown(origins: &Origins, key: String, origin: Source) -> Error {
    let nearest = origins
        .keys()
        .filter(|known| {
            known.split('.').next_back() == key.split('.').next_back() || common_prefix(known, &key) * 2 > key.len()
        })
        .max_by_key(|known| common_prefix(known, &key))
        .cloned();
    Error::Unknown { key, origin, nearest }
}

fn common_prefix(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}
