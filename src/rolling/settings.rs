//! The settings `squall.rolling.*` of a session, also reachable through `SET`.

use datafusion::common::config::ConfigExtension;
use datafusion::{common::config_namespace, common::extensions_options};

config_namespace! {
    /// Settings of rolling-window execution.
    pub struct RollingSettings {
        /// Whether RollingWindowExec replaces DataFusion's window operators where it can.
        pub enabled: bool, default = true

        /// Whether a sort below RollingWindowExec is left out where reading the order's columns of the files shows that
        /// their rows lie in order already.
        pub check_order: bool, default = true

        /// The fewest rows of a section of the input that a thread computes by itself, where several threads share one
        /// partition; larger sections take more memory, smaller ones read more rows beside their own.
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
