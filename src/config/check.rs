//! Ranges: refuses values that have the right type but make no sense.
//!
//! In: a setting and its value. Out: what is wrong with it, if anything.

use toml::Value;

use crate::text::is_address;

/// Checks that `value` is in the range of the setting `key`.
///
/// # Errors
/// The allowed range, as text.
pub fn range(key: &str, value: &Value) -> Result<(), String> {
    match key {
        "land.flush_messages"
        | "engine.batch_size"
        | "feed.silence_ms"
        | "feed.reconnect_initial_ms"
        | "parameters.horizon_s"
        | "parameters.silence_s" => at_least(value, 1),
        // A sample standard deviation needs two returns, so it needs three ticks.
        "parameters.window_ticks" => at_least(value, 3),
        "feed.max_message_bytes" => between(value, 1_000, 16_000_000),
        "track.timeout_ms" => between(value, 100, 600_000),
        "log.sync_interval_ms" => between(value, 0, 60_000),
        "land.late_ms" | "land.ahead_ms" | "parameters.grid_s" => at_least(value, 0),
        "parameters.tau_quantile" | "parameters.train_share" | "parameters.validation_share" => share(value),
        "feed.products" | "parameters.products" => match value {
            Value::Array(products) if products.is_empty() => Err("name at least one product".into()),
            _ => Ok(()),
        },
        "kafka.isolation_level" => match value {
            Value::String(text) if text == "read_committed" || text == "read_uncommitted" => Ok(()),
            _ => Err("it must be read_committed or read_uncommitted".into()),
        },
        "paths.data"
        | "paths.sql"
        | "paths.reports"
        | "feed.exchange"
        | "kafka.bootstrap_servers"
        | "track.experiment"
            if matches!(value, Value::String(text) if text.is_empty()) =>
        {
            Err("it must not be empty".into())
        }
        "paths.local" | "paths.sql" | "paths.reports" => match value {
            Value::String(text) if is_address(text) => Err("it must be a folder of this machine".into()),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

fn at_least(value: &Value, least: i64) -> Result<(), String> {
    match value {
        Value::Integer(number) if *number < least => Err(format!("it must be at least {least}")),
        _ => Ok(()),
    }
}

fn between(value: &Value, least: i64, most: i64) -> Result<(), String> {
    match value {
        Value::Integer(number) if !(least..=most).contains(number) => {
            Err(format!("it must be between {least} and {most}"))
        }
        _ => Ok(()),
    }
}

fn share(value: &Value) -> Result<(), String> {
    match value {
        // NaN is outside every range.
        Value::Float(number) if !(*number > 0.0 && *number < 1.0) => Err("it must be between 0 and 1".into()),
        _ => Ok(()),
    }
}
