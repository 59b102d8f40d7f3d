//! The settings `squall.rolling.*` of a session, also reachable through `SET`.

use datafusion::common::config::ConfigExtension;
use datafusion::{common::config_namespace, common::extensions_options};

config_namespace! {
    /// Settings of rolling-window execution.
    pub struct RollingSettings {
        /// Whether RollingWindowExec replaces DataFusion's window operators where it can.
        pub enabled: bool, default = true

        /// Whether to read the order's columns of files before a sort below RollingWindowExec, and to leave the sort out if
        /// their rows are in order already.
        pub check_order: bool, default = true

        /// The fewest rows of a section of the input that a thread computes by itself, if several threads share one
        /// partition. Larger sections take more memory; smaller ones read more rows of their neighbours.
        pub section_rows: usize, default = 65_536
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
