//! What the commands that use a log share: which log `--from` and `--to` name, and the settings for opening logs.

use super::{Context, Failure, print};
use crate::log::{Location, Options, Tell};
use crate::tick::Rules;

/// Returns the log that a flag names; without the flag, the file log in the data folder.
pub fn locate(flag: Option<&str>, context: &Context) -> Result<Location, Failure> {
    let settings = context.settings();
    match flag {
        Some(text) => Ok(Location::parse(text, &settings.kafka.bootstrap_servers)?),
        None => Ok(Location::Folder(settings.raw_dir())),
    }
}

/// Returns the options for opening logs, from the settings.
pub fn options(context: &Context) -> Options {
    let kafka = &context.settings().kafka;
    Options {
        kafka_properties: kafka.properties.clone(),
        kafka_isolation_level: kafka.isolation_level.clone(),
        // Messages that a topic refuses stay on this machine, beside the archive that they come from.
        dead: Some(context.settings().local_dir().join("dead")),
        tell: tell(),
        pack_days: context.settings().log.pack_days,
        ..Options::default()
    }
}

/// Returns when a tick is late, ahead or a duplicate, from the settings.
pub fn rules(context: &Context) -> Rules {
    let land = &context.settings().land;
    Rules {
        late_ns: land.late_ms.saturating_mul(1_000_000),
        ahead_ns: land.ahead_ms.saturating_mul(1_000_000),
        dedup_ns: i64::from(land.dedup_hours).saturating_mul(3_600_000_000_000),
    }
}

/// Returns what prints the warnings of work in the background.
pub fn tell() -> Tell {
    Tell::with_fields(print::message_of)
}
