//! The settings of PostgreSQL that drivers set and ask for, for one connection.
//!
//! A setting that squall does not have is kept and shown, and changes nothing, if it changes nothing in a result. Settings that would
//! change results, such as another form of dates, are refused.

use std::collections::BTreeMap;
use std::time::Duration;

use super::wire::Notice;
use crate::text::did_you_mean;

/// The version that clients are told. They use what this version has.
pub const SERVER_VERSION: &str = "16.0";

/// A setting and its default. A setting with `only` has no other value.
struct Setting {
    name: &'static str,
    default: &'static str,
    only: bool,
    /// Whether clients are told each new value.
    told: bool,
}

const fn fixed(name: &'static str, default: &'static str) -> Setting {
    Setting { name, default, only: true, told: false }
}

const fn free(name: &'static str, default: &'static str) -> Setting {
    Setting { name, default, only: false, told: false }
}

const fn told(setting: Setting) -> Setting {
    Setting { told: true, ..setting }
}

const SETTINGS: [Setting; 48] = [
    told(fixed("server_version", SERVER_VERSION)),
    told(fixed("server_encoding", "UTF8")),
    told(fixed("client_encoding", "UTF8")),
    told(free("application_name", "")),
    told(fixed("is_superuser", "off")),
    told(fixed("session_authorization", "squall")),
    told(fixed("DateStyle", "ISO, MDY")),
    told(fixed("IntervalStyle", "postgres")),
    told(fixed("TimeZone", "UTC")),
    told(fixed("integer_datetimes", "on")),
    told(fixed("standard_conforming_strings", "on")),
    told(fixed("in_hot_standby", "off")),
    told(fixed("default_transaction_read_only", "on")),
    fixed("server_version_num", "160000"),
    fixed("bytea_output", "hex"),
    fixed("max_identifier_length", "63"),
    fixed("max_index_keys", "32"),
    fixed("block_size", "8192"),
    free("search_path", "public"),
    free("statement_timeout", "0"),
    free("extra_float_digits", "1"),
    free("client_min_messages", "notice"),
    free("transaction_isolation", "read committed"),
    free("transaction_read_only", "on"),
    free("default_transaction_isolation", "read committed"),
    free("default_transaction_deferrable", "off"),
    free("lock_timeout", "0"),
    free("idle_in_transaction_session_timeout", "0"),
    free("idle_session_timeout", "0"),
    free("row_security", "on"),
    free("jit", "off"),
    free("geqo", "on"),
    free("work_mem", "4MB"),
    free("maintenance_work_mem", "64MB"),
    free("cursor_tuple_fraction", "0.1"),
    free("enable_seqscan", "on"),
    free("enable_indexscan", "on"),
    free("enable_nestloop", "on"),
    free("enable_hashjoin", "on"),
    free("enable_mergejoin", "on"),
    free("max_parallel_workers_per_gather", "0"),
    free("synchronous_commit", "on"),
    free("check_function_bodies", "on"),
    free("default_tablespace", ""),
    free("lc_collate", "C"),
    free("lc_ctype", "C"),
    free("lc_messages", "C"),
    free("lc_monetary", "C"),
];

/// Values that were set, by name.
type Values = BTreeMap<&'static str, String>;

/// Values that were set for a transaction alone; `None` is the default.
type LocalValues = BTreeMap<&'static str, Option<String>>;

/// The settings of a connection.
#[derive(Debug, Clone)]
pub struct Settings {
    changed: Values,
    /// What SET LOCAL has set for the rest of the transaction.
    local: LocalValues,
    /// What was set when the transaction began, and at each of its savepoints, with their names.
    marks: Vec<(String, Values, LocalValues)>,
    /// The longest that a statement may take, unless the connection says otherwise.
    timeout: Option<Duration>,
}

/// What follows from setting a value.
#[derive(Debug, PartialEq, Eq)]
pub enum Changed {
    /// The client is told the value.
    Told(&'static str, String),
    Silently,
    /// The value stays as it was, and the client is warned.
    Not(Notice),
}

impl Settings {
    pub fn new(timeout: Option<Duration>) -> Settings {
        Settings { changed: Values::new(), local: LocalValues::new(), marks: Vec::new(), timeout }
    }

    /// Returns a setting's name and value.
    ///
    /// # Errors
    /// There is no such setting.
    pub fn get(&self, name: &str) -> Result<(&'static str, String), Notice> {
        let setting = find(name)?;
        let value = match self.value(setting.name) {
            Some(value) => value.clone(),
            None if setting.name == "statement_timeout" => {
                self.timeout.map_or_else(|| "0".into(), |timeout| format!("{}ms", timeout.as_millis()))
            }
            None => setting.default.into(),
        };
        Ok((setting.name, value))
    }

    /// Returns the value that was set.
    fn value(&self, name: &str) -> Option<&String> {
        match self.local.get(name) {
            Some(local) => local.as_ref(),
            None => self.changed.get(name),
        }
    }

    /// Returns each setting's name and value.
    pub fn all(&self) -> Vec<(&'static str, String)> {
        SETTINGS.iter().filter_map(|setting| self.get(setting.name).ok()).collect()
    }

    /// Returns the settings that clients are told at the start.
    pub fn told(&self) -> Vec<(&'static str, String)> {
        SETTINGS.iter().filter(|setting| setting.told).filter_map(|setting| self.get(setting.name).ok()).collect()
    }

    /// Remembers what is set, at the begin of a transaction or at a savepoint.
    pub fn mark(&mut self, savepoint: &str) {
        self.marks.push((savepoint.into(), self.changed.clone(), self.local.clone()));
    }

    /// Forgets a savepoint, and those after it.
    pub fn release(&mut self, savepoint: &str) {
        if let Some(at) = self.marks.iter().rposition(|(name, ..)| name == savepoint) {
            self.marks.truncate(at);
        }
    }

    /// Sets again what was set at a savepoint, which stays. Returns what clients are told.
    pub fn roll_back_to(&mut self, savepoint: &str) -> Vec<(&'static str, String)> {
        let Some(at) = self.marks.iter().rposition(|(name, ..)| name == savepoint) else { return Vec::new() };
        self.marks.truncate(at + 1);
        let (_, changed, local) = self.marks[at].clone();
        self.replace(changed, local)
    }

    /// Ends a transaction: what was set stays, unless it was rolled back or set for the transaction alone. Returns what clients are told.
    pub fn end(&mut self, is_rolled_back: bool) -> Vec<(&'static str, String)> {
        let marks = std::mem::take(&mut self.marks);
        let changed = match marks.into_iter().next() {
            Some((_, changed, _)) if is_rolled_back => changed,
            _ => self.changed.clone(),
        };
        self.replace(changed, LocalValues::new())
    }

    fn replace(&mut self, changed: Values, local: LocalValues) -> Vec<(&'static str, String)> {
        let before = self.told();
        (self.changed, self.local) = (changed, local);
        self.told().into_iter().filter(|value| !before.contains(value)).collect()
    }

    /// Sets a value; `None` is the default. If it is `local`, it lasts until the transaction ends.
    ///
    /// # Errors
    /// There is no such setting, or it cannot have this value.
    pub fn set(&mut self, name: &str, value: Option<&str>, local: bool) -> Result<Changed, Notice> {
        let setting = find(name)?;
        if let Some(value) = value {
            if setting.name == "statement_timeout" {
                milliseconds(value)
                    .ok_or_else(|| invalid(setting.name, value, "write 30s, 500ms, or 0 for no limit"))?;
            }
            if setting.only && !same(setting, value) {
                if setting.name == "TimeZone" {
                    return Ok(Changed::Not(Notice {
                        code: "01000",
                        message: "times stay in UTC".into(),
                        hint: Some("let the client show them in another time zone".into()),
                        position: None,
                    }));
                }
                let hint = format!("it is always {}", setting.default);
                return Err(invalid(setting.name, value, &hint));
            }
        }
        if local && self.marks.is_empty() {
            return Ok(Changed::Not(Notice {
                code: "25P01",
                message: "SET LOCAL lasts as long as its transaction, and there is none".into(),
                hint: Some("write BEGIN before, or SET".into()),
                position: None,
            }));
        }
        let value = value.filter(|_| !setting.only).map(String::from);
        if local {
            self.local.insert(setting.name, value);
        } else {
            self.local.remove(setting.name);
            match value {
                Some(value) => self.changed.insert(setting.name, value),
                None => self.changed.remove(setting.name),
            };
        }
        Ok(match setting.told {
            true => Changed::Told(setting.name, self.get(setting.name)?.1),
            false => Changed::Silently,
        })
    }

    /// Sets every setting to its default.
    pub fn reset(&mut self) {
        self.changed.clear();
        self.local.clear();
    }

    /// Returns how long a statement may take; `None` is without limit.
    pub fn timeout(&self) -> Option<Duration> {
        match self.value("statement_timeout").and_then(|value| milliseconds(value)) {
            Some(0) => None,
            Some(milliseconds) => Some(Duration::from_millis(milliseconds)),
            None => self.timeout,
        }
    }
}

fn find(name: &str) -> Result<&'static Setting, Notice> {
    let found = SETTINGS.iter().find(|setting| setting.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| Notice {
        code: "42704",
        message: format!("no setting is named `{name}`"),
        hint: did_you_mean(name, SETTINGS.iter().map(|setting| setting.name)),
        position: None,
    })
}

fn invalid(name: &str, value: &str, hint: &str) -> Notice {
    let message = format!("the setting `{name}` cannot be `{value}`");
    Notice { code: "22023", message, hint: Some(hint.into()), position: None }
}

/// Returns whether a value means the only one that the setting has.
fn same(setting: &Setting, value: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    let value = plain(value);
    match setting.name {
        "client_encoding" => matches!(value.as_str(), "utf8" | "unicode"),
        "DateStyle" => value == "iso" || value.starts_with("iso,"),
        "TimeZone" => matches!(value.as_str(), "utc" | "etc/utc" | "gmt" | "etc/gmt" | "z" | "zulu" | "0" | "+00:00"),
        "default_transaction_read_only" => true,
        _ => value == plain(setting.default),
    }
}

/// Reads a time as PostgreSQL does: a number is in milliseconds.
fn milliseconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match text[digits..].trim() {
        "" | "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_statement_is_the_connections_or_the_servers() {
        let mut settings = Settings::new(Some(Duration::from_secs(5)));
        assert_eq!(settings.get("statement_timeout").unwrap().1, "5000ms");
        for (value, expected) in
            [(Some("2s"), Some(2000)), (Some("250"), Some(250)), (Some("0"), None), (None, Some(5000))]
        {
            settings.set("statement_timeout", value, false).unwrap();
            assert_eq!(settings.timeout(), expected.map(Duration::from_millis));
        }
        assert_eq!(settings.set("statement_timeout", Some("soon"), false).unwrap_err().code, "22023");
    }

    #[test]
    fn what_would_change_results_is_refused_and_what_would_not_is_kept() {
        let mut settings = Settings::new(None);
        assert_eq!(settings.set("datestyle", Some("SQL, DMY"), false).unwrap_err().code, "22023");
        assert_eq!(
            settings.set("DateStyle", Some("ISO"), false).unwrap(),
            Changed::Told("DateStyle", "ISO, MDY".into())
        );
        assert!(matches!(settings.set("timezone", Some("Europe/Berlin"), false).unwrap(), Changed::Not(_)));
        assert_eq!(
            settings.set("application_name", Some("psql"), false).unwrap(),
            Changed::Told("application_name", "psql".into())
        );
        assert_eq!(settings.set("geqo", Some("off"), false).unwrap(), Changed::Silently);
        assert_eq!(settings.get("GEQO").unwrap(), ("geqo", "off".into()));
        let unknown = settings.set("statement_timeot", Some("1"), false).unwrap_err();
        assert_eq!((unknown.code, unknown.hint.as_deref()), ("42704", Some("did you mean `statement_timeout`?")));
    }

    #[test]
    fn what_is_set_follows_the_transaction() {
        let mut settings = Settings::new(None);
        let value = |settings: &Settings, name: &str| settings.get(name).unwrap().1;
        settings.set("work_mem", Some("1MB"), false).unwrap();
        settings.mark("");
        settings.set("application_name", Some("one"), false).unwrap();
        settings.mark("s");
        settings.set("application_name", Some("two"), false).unwrap();
        settings.set("work_mem", Some("2MB"), true).unwrap();
        assert_eq!(settings.roll_back_to("s"), [("application_name", "one".to_string())]);
        assert_eq!(value(&settings, "work_mem"), "1MB");
        settings.set("work_mem", Some("3MB"), true).unwrap();
        assert_eq!(value(&settings, "work_mem"), "3MB");
        assert_eq!(settings.end(false), []);
        assert_eq!((value(&settings, "work_mem"), value(&settings, "application_name")), ("1MB".into(), "one".into()));
        settings.mark("");
        settings.set("application_name", Some("three"), false).unwrap();
        assert_eq!(settings.end(true), [("application_name", "one".to_string())]);
        assert!(matches!(settings.set("work_mem", Some("9MB"), true).unwrap(), Changed::Not(_)));
        assert_eq!(value(&settings, "work_mem"), "1MB");
    }
}
