//! What the commands that use a log share: which log `--from` and `--to` name, and the settings for opening logs.

use super::{Context, Failure};
use crate::log::{Location, Options};

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
    let settings = context.settings();
    Options {
        kafka_properties: settings.kafka.properties.clone(),
        pack_days: settings.log.pack_days,
        ..Options::default()
    }
}
