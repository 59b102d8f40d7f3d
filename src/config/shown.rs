//! Which values may be shown, in the list of settings and in errors.

use toml::Value;

use crate::text::{HIDDEN, is_shown, without_secrets};

/// The settings that are secret as a whole.
const SECRETS: [&str; 3] = ["cluster.token", "track.password", "track.token"];

/// Returns the value of a setting with everything hidden that may be secret: users and passwords in addresses, librdkafka
/// properties that are not known to hold no secret, and passwords. An empty password is shown: it says that none is set.
pub fn shown(key: &str, value: &Value) -> Value {
    if SECRETS.contains(&key) && value.as_str() != Some("") {
        return Value::String(HIDDEN.into());
    }
    if key == "kafka" || key.starts_with("kafka.properties") {
        return match value {
            Value::Table(properties) => Value::Table(
                properties
                    .iter()
                    .map(|(name, value)| match is_shown(name) {
                        true => (name.clone(), shown("", value)),
                        false => (name.clone(), Value::String(HIDDEN.into())),
                    })
                    .collect(),
            ),
            _ => Value::String(HIDDEN.into()),
        };
    }
    match value {
        Value::String(text) => Value::String(without_secrets(text)),
        Value::Array(values) => Value::Array(values.iter().map(|value| shown(key, value)).collect()),
        Value::Table(table) => {
            Value::Table(table.iter().map(|(name, value)| (name.clone(), shown(key, value))).collect())
        }
        other => other.clone(),
    }
}
