//! The settings `squall.rolling.*` of a session, also reachable through `SET`.

use datafusion::common::config::ConfigExtension;
use datafusion::{common::config_namespace, common::extensions_options};

config_namespace! {
    /// Settings of rolling-window execution.
    pub struct RollingSettings {
        /// Whether RollingWindowExec replaces DataFusion's window operators where it can.
        pub enabled: bool, default = true
    }
}

extensions_options! {
    /// squall's settings of a session.
    pub struct Settings {
        /// Settings of rolling-window execution.
        pub rolling: RollingSettings, default = RollingSettings::default()
    }
}

impl ConfigExtension for Settings {
    const PREFIX: &'static str = "squall";
}
