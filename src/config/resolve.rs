//! Merges defaults, the user's file, the environment and flags, and records where each value came from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{DEFAULTS, Settings, check, shown};
use crate::error::Hint;
use crate::text::did_you_mean;

/// Environment variables of the Python original and of MLflow's own client that correspond to a setting of squall.
const ALIASES: [(&str, &str); 10] = [
    ("KAFKA_BOOTSTRAP_SERVERS", "kafka.bootstrap_servers"),
    ("FEATURE_WINDOW_SIZE", "parameters.window_ticks"),
    ("MLFLOW_TRACKING_URI", "track.mlflow_tracking_uri"),
    ("MLFLOW_EXPERIMENT_NAME", "track.experiment"),
    ("MLFLOW_EXPERIMENT_ID", "track.experiment_id"),
    ("MLFLOW_TRACKING_USERNAME", "track.username"),
    ("MLFLOW_TRACKING_PASSWORD", "track.password"),
    ("MLFLOW_TRACKING_TOKEN", "track.token"),
    ("MLFLOW_TRACKING_SERVER_CERT_PATH", "track.ca_file"),
    ("MLFLOW_TRACKING_INSECURE_TLS", "track.insecure_tls"),
];

/// The prefix of squall's environment variables.
const PREFIX: &str = "SQUALL_";

/// The variable that names the environment, as `--env` does.
const ENV: &str = "SQUALL_ENV";

/// The part of a settings file that holds environments.
const ENVS: &str = "env";

/// Names of squall's variables that are not settings, or their prefixes: switches of the test suite and of our scripts.
const NOT_SETTINGS: [&str; 7] = [
    ENV,
    "SQUALL_BLESS",
    "SQUALL_CI_",
    "SQUALL_KAFKA_CACHE",
    "SQUALL_SERVE_PASSWORD",
    "SQUALL_TEST_",
    "SQUALL_WEBHOOK_SECRET",
];

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Default,
    File(PathBuf),
    /// What a file says of one environment.
    Env {
        file: PathBuf,
        name: String,
    },
    Environment(String),
    Flag(String),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::File(path) => write!(f, "{}", path.display()),
            Source::Env { file, name } => write!(f, "{}, environment {name}", file.display()),
            Source::Environment(name) => write!(f, "environment variable {name}"),
            Source::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// The settings in use, and for each `section.key` its value and source.
#[derive(Debug, Clone)]
pub struct Resolved {
    pub settings: Settings,
    pub origins: BTreeMap<String, (toml::Value, Source)>,
    /// Warnings for the user: variables that look like settings but are not.
    pub warnings: Vec<String>,
}

/// What can be wrong with settings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read settings from {path}")]
    Read { path: PathBuf, source: std::io::Error },
    // The line itself is not shown: it may hold a password.
    #[error("{path} is not valid TOML in line {line}, column {column}: {reason}")]
    Syntax { path: PathBuf, line: usize, column: usize, reason: String },
    #[error("unknown setting `{key}` in {origin}")]
    Unknown { key: String, origin: Source, nearest: Option<String> },
    #[error("{origin} sets `{key}` to {value}, which is not {expected}")]
    Type { key: String, value: String, expected: &'static str, origin: Source },
    #[error("{origin} sets `{key}` to {value}, which does not work: {problem}")]
    Value { key: String, value: String, problem: String, origin: Source },
    #[error("settings do not fit together")]
    Shape(#[from] Box<toml::de::Error>),
    #[error("{path} has no environment `{name}`")]
    UnknownEnv { name: String, path: PathBuf, nearest: Option<String> },
    #[error("`{name}` is not the name of an environment: it may have only lowercase letters, digits and underscores")]
    EnvName { name: String },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Error::Unknown { nearest: Some(nearest), .. } => Some(nearest.clone()),
            Error::Unknown { key, .. } if key.starts_with("parameters.") => {
                Some("a parameter of the project has its usual value in squall.toml, section [parameters]".into())
            }
            Error::Unknown { .. } | Error::Type { .. } | Error::Value { .. } => {
                Some("`squall config --defaults` prints every setting".into())
            }
            Error::Read { .. } => Some("`squall config --defaults > squall.toml` writes one to start from".into()),
            Error::Syntax { .. } => {
                Some("texts stand in quotes; `squall config --defaults` shows how each setting is written".into())
            }
            Error::UnknownEnv { nearest: Some(nearest), .. } => Some(nearest.clone()),
            Error::UnknownEnv { name, .. } => {
                Some(format!("a section such as [env.{name}.parameters] in that file makes it"))
            }
            Error::EnvName { .. } => Some("such as --env dev".into()),
            Error::Shape(_) => None,
        }
    }
}

/// Resolves the settings: defaults, then `file`, then what the file says of the environment `env`, then the variables of
/// `environment`, then `flags` (`section.key`, value). Without `env`, the variable `SQUALL_ENV` names it.
///
/// # Errors
/// A file cannot be read or parsed, no setting has a key, or a setting cannot take its value; or the file has environments,
/// and this one is not among them.
pub fn resolve(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &[(String, String)],
    env: Option<&str>,
) -> Result<Resolved, Error> {
    let environment: BTreeMap<String, String> = environment.into_iter().collect();
    let env = env.or(environment.get(ENV).map(String::as_str)).filter(|name| !name.is_empty());
    if let Some(name) = env.filter(|name| !is_env_name(name)) {
        return Err(Error::EnvName { name: name.into() });
    }
    let mut layers = Layers::defaults();
    if let Some(path) = file {
        layers.add_file(path, env)?;
    }
    let warnings = layers.add_environment(&environment)?;
    for (key, text) in flags {
        layers.set_text(key, text, Source::Flag(format!("--set {key}")))?;
    }
    let settings = Settings { env: env.map(str::to_string), ..layers.settings()? };
    Ok(Resolved { settings, origins: layers.origins, warnings })
}

/// The values so far; later layers override earlier ones.
struct Layers {
    origins: BTreeMap<String, (toml::Value, Source)>,
    sections: BTreeSet<String>,
}

impl Layers {
    fn defaults() -> Layers {
        // The shipped file is part of the binary; a test parses it.
        let defaults: toml::Table = DEFAULTS.parse().expect("the shipped squall.toml is valid");
        let mut origins = BTreeMap::new();
        for (section, values) in &defaults {
            for (key, value) in values.as_table().into_iter().flatten() {
                origins.insert(format!("{section}.{key}"), (value.clone(), Source::Default));
            }
        }
        Layers { origins, sections: defaults.keys().cloned().collect() }
    }

    fn add_file(&mut self, path: &Path, env: Option<&str>) -> Result<(), Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.into(), source })?;
        let mut table: toml::Table = text.parse().map_err(|error| syntax(path, &text, &error))?;
        let origin = Source::File(path.into());
        let envs = self.section(ENVS, table.remove(ENVS).unwrap_or(toml::Value::Table(toml::Table::new())), &origin)?;
        self.add_sections(table, &origin)?;
        let names: Vec<String> = envs.keys().cloned().collect();
        let mut found = None;
        for (name, sections) in envs {
            if !is_env_name(&name) {
                return Err(Error::EnvName { name });
            }
            let origin = Source::Env { file: path.into(), name: name.clone() };
            let sections = self.section(&format!("{ENVS}.{name}"), sections, &origin)?;
            if env == Some(name.as_str()) {
                found = Some(sections);
            } else {
                // What is wrong with another environment is said before somebody needs it.
                Layers { origins: self.origins.clone(), sections: self.sections.clone() }
                    .add_sections(sections, &origin)?;
            }
        }
        match (env, found) {
            (Some(name), Some(sections)) => {
                self.add_sections(sections, &Source::Env { file: path.into(), name: name.into() })
            }
            (Some(name), None) if !names.is_empty() => {
                let nearest = did_you_mean(name, names.iter().map(String::as_str));
                Err(Error::UnknownEnv { name: name.into(), path: path.into(), nearest })
            }
            _ => Ok(()),
        }
    }

    /// Returns the content of a section.
    fn section(&self, key: &str, values: toml::Value, origin: &Source) -> Result<toml::Table, Error> {
        match values {
            toml::Value::Table(values) => Ok(values),
            other => {
                let value = shown(key, &other).to_string();
                Err(Error::Type { key: key.into(), value, expected: "a section", origin: origin.clone() })
            }
        }
    }

    fn add_sections(&mut self, table: toml::Table, origin: &Source) -> Result<(), Error> {
        for (section, values) in table {
            if !self.sections.contains(&section) {
                let nearest = did_you_mean(&section, self.sections.iter().map(String::as_str));
                return Err(Error::Unknown { key: section, origin: origin.clone(), nearest });
            }
            for (key, value) in self.section(&section, values, origin)? {
                self.set(format!("{section}.{key}"), value, origin.clone())?;
            }
        }
        Ok(())
    }

    /// Sets the values from the environment; returns warnings about variables that look like settings but are not.
    fn add_environment(&mut self, environment: &BTreeMap<String, String>) -> Result<Vec<String>, Error> {
        for (name, key) in ALIASES {
            // Other programs read these too, and treat an empty variable as absent.
            if let Some(text) = environment.get(name).filter(|text| !text.is_empty()) {
                let is_switch = matches!(self.origins.get(key), Some((toml::Value::Boolean(_), _)));
                let text = if is_switch { switch(text) } else { text.clone() };
                self.set_text(key, &text, Source::Environment(name.into()))?;
            }
        }
        let settings: BTreeMap<String, String> = self.origins.keys().map(|key| (variable(key), key.clone())).collect();
        let mut warnings = Vec::new();
        for (name, text) in environment.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
            if let Some(key) = settings.get(name) {
                self.set_text(key, text, Source::Environment(name.clone()))?;
            } else if !NOT_SETTINGS.iter().any(|other| name.starts_with(other)) {
                let suggestion = did_you_mean(name, settings.keys().map(String::as_str));
                let suggestion = suggestion.map_or(String::new(), |suggestion| format!("; {suggestion}"));
                warnings.push(format!("environment variable {name} is not a setting{suggestion}"));
            }
        }
        Ok(warnings)
    }

    /// Sets a value, which must have the default's type. New keys are allowed only under `parameters`, where the project
    /// chooses the names, and only in the file's own sections: a mistyped name in a flag or an environment would change nothing.
    fn set(&mut self, key: String, value: toml::Value, origin: Source) -> Result<(), Error> {
        let value = match self.origins.get(&key) {
            Some((default, _)) => match (default, value) {
                (toml::Value::Float(_), toml::Value::Integer(whole)) => toml::Value::Float(whole as f64),
                (default, value) if default.same_type(&value) => value,
                (default, value) => {
                    let value = shown(&key, &value).to_string();
                    return Err(Error::Type { key, value, expected: described(default), origin });
                }
            },
            None if key.starts_with("parameters.") && !matches!(origin, Source::Flag(_) | Source::Env { .. }) => value,
            None => {
                let nearest = self.nearest(&key);
                return Err(Error::Unknown { key, origin, nearest });
            }
        };
        if let Err(problem) = self.accepts(&key, &value) {
            let value = shown(&key, &value).to_string();
            return Err(Error::Value { key, value, problem, origin });
        }
        self.origins.insert(key, (value, origin));
        Ok(())
    }

    /// Sets a value given as text: TOML if the default is not a string, a comma-separated list if it is an array.
    fn set_text(&mut self, key: &str, text: &str, origin: Source) -> Result<(), Error> {
        let value = match self.origins.get(key).map(|(default, _)| default) {
            Some(toml::Value::String(_)) => toml::Value::String(text.into()),
            Some(toml::Value::Array(_)) if !text.trim_start().starts_with('[') => {
                let items = text.split(',').map(|item| toml::Value::String(item.trim().into()));
                toml::Value::Array(items.collect())
            }
            _ => parsed(text).unwrap_or_else(|| toml::Value::String(text.into())),
        };
        self.set(key.into(), value, origin)
    }

    /// Checks that the setting accepts a value of the right type; the error says why not, for example because a count is
    /// negative.
    fn accepts(&self, key: &str, value: &toml::Value) -> Result<(), String> {
        let mut trial = self.table();
        insert(&mut trial, key, value);
        // Only the first line of toml's error is useful; the rest describes a document that the user never wrote.
        let problem = |error: toml::de::Error| match key {
            // The error repeats the value, which may be a secret.
            "kafka.properties" => "each property is a text in quotes".to_string(),
            _ => error.message().lines().next().unwrap_or_default().to_string(),
        };
        Settings::deserialize(trial).map_err(problem)?;
        check::range(key, value)
    }

    fn settings(&self) -> Result<Settings, Error> {
        Settings::deserialize(self.table()).map_err(|source| Error::Shape(Box::new(source)))
    }

    fn table(&self) -> toml::Table {
        let mut table = toml::Table::new();
        for (key, (value, _)) in &self.origins {
            insert(&mut table, key, value);
        }
        table
    }

    /// Returns a question that suggests the settings for which `key` may have been meant. It compares the name alone, in any
    /// section, and the whole key.
    fn nearest(&self, key: &str) -> Option<String> {
        let (_, name) = key.split_once('.').unwrap_or(("", key));
        let same_name = self.origins.keys().find(|known| known.split_once('.').is_some_and(|(_, own)| own == name));
        match same_name {
            Some(known) => Some(format!("did you mean `{known}`?")),
            None => did_you_mean(key, self.origins.keys().map(String::as_str)),
        }
    }
}

/// Returns whether a text can name an environment: it becomes the name of folders.
fn is_env_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Returns the error for a file that is not TOML.
fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> Error {
    let before = &text[..error.span().map_or(0, |span| text.floor_char_boundary(span.start))];
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let reason = error.message().lines().next().unwrap_or_default().to_string();
    Error::Syntax { path: path.into(), line: before.matches('\n').count() + 1, column, reason }
}

/// Returns how TOML writes a switch that other programs write in their own way.
fn switch(text: &str) -> String {
    match text.to_lowercase().as_str() {
        "1" => "true".into(),
        "0" => "false".into(),
        other => other.into(),
    }
}

/// Returns the environment variable of a setting: `land.late_ms` is `SQUALL_LAND_LATE_MS`.
fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "_").to_uppercase())
}

fn insert(table: &mut toml::Table, key: &str, value: &toml::Value) {
    let (section, name) = key.split_once('.').unwrap_or(("", key));
    let section = table.entry(section).or_insert_with(|| toml::Value::Table(toml::Table::new()));
    if let toml::Value::Table(section) = section {
        section.insert(name.into(), value.clone());
    }
}

/// Returns the TOML value that `text` spells, if it spells one.
fn parsed(text: &str) -> Option<toml::Value> {
    let mut table = format!("value = {text}").parse::<toml::Table>().ok()?;
    let value = table.remove("value")?;
    table.is_empty().then_some(value)
}

fn described(value: &toml::Value) -> &'static str {
    match value {
        toml::Value::String(_) => "a string",
        toml::Value::Integer(_) => "a whole number",
        toml::Value::Float(_) => "a number",
        toml::Value::Boolean(_) => "true or false",
        toml::Value::Datetime(_) => "a date",
        toml::Value::Array(_) => "a list",
        toml::Value::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests;
