//! `squall config`: the settings in use and where each came from.

use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::json;

use super::{Context, Failure};
use crate::config::{DEFAULTS, Resolved, Source, shown};

/// Prints the settings in force and where each value came from
///
/// A flag (--set) overrides an environment variable (SQUALL_LAND_LATE_MS), which overrides the settings file, which overrides
/// the default. Values that may be secret are not shown: users and passwords in addresses, and all librdkafka properties but
/// those that are known to hold no secret.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Prints the documented settings file instead: every setting at its default
    #[arg(long, conflicts_with = "format")]
    pub defaults: bool,

    /// How the settings are printed
    #[arg(long, value_enum, default_value_t = Format::Toml)]
    pub format: Format,
}

/// How settings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A settings file, with each value's source in a comment
    Toml,
    /// One object, from each setting to its value and source
    Json,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let text = match (args.defaults, args.format) {
        (true, _) => DEFAULTS.to_string(),
        (false, Format::Toml) => toml(&context.resolved),
        (false, Format::Json) => json(&context.resolved),
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write the settings: {error}")))
        }
        _ => Ok(()),
    }
}

/// Returns the settings as TOML, each value followed by its source, in the order of the shipped file.
fn toml(resolved: &Resolved) -> String {
    let mut text = String::new();
    for (section, keys) in sections(resolved) {
        if !text.is_empty() {
            text.push('\n');
        }
        // Writing to a string cannot fail.
        let _ = writeln!(text, "[{section}]");
        let lines: Vec<(String, &Source)> = keys
            .iter()
            .map(|key| {
                let name = format!("{section}.{key}");
                let (value, source) = &resolved.origins[&name];
                (format!("{} = {}", bare_or_quoted(key), inline(&shown(&name, value))), source)
            })
            .collect();
        let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or(0);
        for (line, source) in lines {
            let _ = writeln!(text, "{line:width$}  # {source}");
        }
    }
    text
}

fn json(resolved: &Resolved) -> String {
    let mut settings = serde_json::Map::new();
    for (section, keys) in sections(resolved) {
        for key in keys {
            let name = format!("{section}.{key}");
            let (value, source) = &resolved.origins[&name];
            let value = shown(&name, value);
            settings.insert(name, json!({ "value": value, "source": source.to_string() }));
        }
    }
    format!("{:#}\n", serde_json::Value::Object(settings))
}

/// Returns the sections and the keys of each, in the order of the shipped file; keys that the file does not have come last.
fn sections(resolved: &Resolved) -> Vec<(&str, Vec<&str>)> {
    let mut keys: Vec<(&str, &str)> = resolved.origins.keys().filter_map(|key| key.split_once('.')).collect();
    keys.sort_by_key(|(section, key)| {
        let start = DEFAULTS.find(&format!("[{section}]")).unwrap_or(DEFAULTS.len());
        let offset = DEFAULTS[start..].find(&format!("\n{key} =")).unwrap_or(DEFAULTS.len());
        (start, offset, *key)
    });
    let mut sections: Vec<(&str, Vec<&str>)> = Vec::new();
    for (section, key) in keys {
        match sections.last_mut() {
            Some((last, keys)) if *last == section => keys.push(key),
            _ => sections.push((section, vec![key])),
        }
    }
    sections
}

/// Returns the value on one line.
fn inline(value: &toml::Value) -> String {
    match value {
        toml::Value::Table(table) if table.is_empty() => "{}".into(),
        toml::Value::Table(table) => {
            let entries: Vec<String> =
                table.iter().map(|(key, value)| format!("{} = {}", bare_or_quoted(key), inline(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        value => value.to_string(),
    }
}

fn bare_or_quoted(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if bare { key.into() } else { toml::Value::String(key.into()).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::resolve;

    fn flags(pairs: &[(&str, &str)]) -> Resolved {
        let pairs: Vec<_> = pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        resolve(None, [], &pairs, None).unwrap()
    }

    #[test]
    fn what_is_printed_reads_back_as_the_same_settings() {
        let own = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(own.path(), "[parameters]\nalpha = [1, 2]\n").unwrap();
        let kafka = r#"{ "security.protocol" = "SSL", retries = "3" }"#;
        let flags = [("land.late_ms".into(), "5".into()), ("kafka.properties".into(), kafka.into())];
        let resolved = resolve(Some(own.path()), [], &flags, None).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), toml(&resolved)).unwrap();
        let again = resolve(Some(file.path()), [], &[], None).unwrap();
        let values = |resolved: &Resolved| -> Vec<_> {
            resolved.origins.iter().map(|(key, (value, _))| (key.clone(), value.clone())).collect()
        };
        assert_eq!(values(&again), values(&resolved));
    }

    #[test]
    fn settings_come_in_the_order_of_the_shipped_file_each_with_its_source() {
        let text = toml(&flags(&[("land.late_ms", "5")]));
        let order: Vec<usize> = ["[paths]", "data =", "[feed]", "url =", "[land]", "late_ms = 5", "[track]"]
            .iter()
            .map(|part| text.find(part).unwrap_or_else(|| panic!("{part} is missing from\n{text}")))
            .collect();
        assert!(order.is_sorted(), "{order:?}\n{text}");
        let line = text.lines().find(|line| line.starts_with("late_ms")).unwrap();
        assert_eq!(line.split_once("  # ").unwrap().1, "flag --set land.late_ms");
    }

    #[test]
    fn passwords_are_not_printed() {
        let properties = r#"{ "sasl.password" = "hunter2", "ssl.key.pem" = "hunter2", "sasl.jaas.config" = "hunter2",
            "sasl.oauthbearer.config" = "hunter2", "made.up" = "hunter2", "sasl.username" = "me" }"#;
        let resolved = flags(&[
            ("kafka.properties", &properties.replace('\n', " ")),
            ("track.mlflow_tracking_uri", "https://me:hunter2@mlflow.example/"),
            ("feed.url", "wss://exchange.example/?token=hunter2"),
        ]);
        for text in [toml(&resolved), json(&resolved)] {
            assert!(!text.contains("hunter2") && text.contains("me"), "{text}");
        }
    }
}
