//! The table of all metrics. A metric is one entry here; registration, docs/metrics.md and the checks of names follow from it.

use std::fmt::Write;

use prometheus_client::registry::Registry;

use super::series::{Counter, Gauge, Histogram};

/// A command that has metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Ingest,
    Land,
    Live,
}

impl Command {
    pub const ALL: [Command; 3] = [Command::Ingest, Command::Land, Command::Live];

    /// Returns the command's name.
    pub fn name(self) -> &'static str {
        match self {
            Command::Ingest => "ingest",
            Command::Land => "land",
            Command::Live => "live",
        }
    }
}

/// What is known about a metric.
#[derive(Debug, Clone, Copy)]
pub struct Described {
    pub name: &'static str,
    /// Prometheus' name of the kind: counter, gauge or histogram.
    pub kind: &'static str,
    pub labels: &'static [&'static str],
    pub unit: &'static str,
    /// The commands that have it.
    pub commands: &'static [Command],
    pub meaning: &'static str,
}

macro_rules! metrics {
    ($($field:ident: $kind:ident, $name:literal, [$($label:literal),*], $unit:literal, [$($command:ident),+], $meaning:literal;)*) => {
        /// A handle of each metric.
        pub struct Set {
            $(#[doc = $meaning] pub $field: $kind,)*
        }

        impl Set {
            /// Makes all metrics, and registers those of a command.
            pub fn new(command: Command, registry: &mut Registry) -> Set {
                $(
                    let $field = $kind::new(&[$($label),*]);
                    if [$(Command::$command),+].contains(&command) {
                        $field.register($name, $meaning, registry);
                    }
                )*
                Set { $($field),* }
            }
        }

        /// Every metric.
        pub const TABLE: &[Described] = &[
            $(Described {
                name: $name,
                kind: $kind::KIND,
                labels: &[$($label),*],
                unit: $unit,
                commands: &[$(Command::$command),+],
                meaning: $meaning,
            },)*
        ];
    };
}

metrics! {
    build_info: Gauge, "squall_build_info", ["version", "command"], "1", [Ingest, Land, Live],
        "The version that runs, and the command";
    start_time: Gauge, "squall_start_time_seconds", [], "seconds since 1970", [Ingest, Land, Live],
        "When the command began";
    messages: Counter, "squall_messages_total", [], "messages", [Ingest, Land, Live],
        "Messages that were received from the exchange and are in the log (ingest), or were read from the log (land, live)";
    bytes: Counter, "squall_message_bytes_total", [], "bytes", [Ingest, Land, Live],
        "The bytes of these messages";
    control: Counter, "squall_control_messages_total", [], "messages", [Ingest, Land, Live],
        "Messages of the exchange's protocol itself, such as heartbeats";
    dead_letters: Counter, "squall_dead_letters_total", [], "messages", [Ingest, Land, Live],
        "Messages that could not be read; landing keeps them with the reason";
    received_ticks: Counter, "squall_received_ticks_total", [], "ticks", [Ingest],
        "Ticks that were received";
    ticks: Counter, "squall_ticks_total", ["status"], "ticks", [Land, Live],
        "Ticks by status: those that have landed (land), or whose rows were passed on (live)";
    last_event_age: Gauge, "squall_last_event_age_seconds", [], "seconds", [Ingest, Land, Live],
        "How long ago, by the exchange's clock, the last tick happened";
    connected: Gauge, "squall_connected", [], "0 or 1", [Ingest],
        "Whether the exchange is connected";
    reconnects: Counter, "squall_reconnects_total", [], "times", [Ingest],
        "How often the connection to the exchange was lost";
    gaps: Counter, "squall_gaps_total", [], "gaps", [Ingest, Land],
        "Gaps in the exchange's sequence numbers";
    missing: Counter, "squall_missing_messages_total", [], "messages", [Ingest, Land],
        "Messages that are missing in these gaps";
    silences: Counter, "squall_silences_total", ["of"], "times", [Ingest],
        "How often nothing came for too long, of the whole connection or of a product";
    exchange_to_receive: Histogram, "squall_exchange_to_receive_seconds", [], "seconds", [Ingest],
        "From a tick's event time, by the exchange's clock, to its receipt, by ours";
    receive_to_log: Histogram, "squall_receive_to_log_seconds", [], "seconds", [Ingest],
        "From a message's receipt until it is durable in the log";
    unforwarded: Gauge, "squall_unforwarded_messages", [], "messages", [Ingest],
        "Messages in the archive that the topic does not have yet";
    lag_messages: Gauge, "squall_lag_messages", ["partition"], "messages", [Land, Live],
        "Messages in the log that have not landed (land), or whose rows were not passed on (live)";
    lag_seconds: Gauge, "squall_lag_seconds", ["partition"], "seconds", [Land, Live],
        "The age of the last message that has landed, or whose rows were passed on; 0 if no message waits";
    outages: Counter, "squall_outages_total", [], "times", [Land, Live],
        "How often the log could not be read";
    receive_to_consume: Histogram, "squall_receive_to_consume_seconds", [], "seconds", [Land, Live],
        "From a tick's receipt by ingest until it is read from the log";
    landed_messages: Counter, "squall_landed_messages_total", [], "messages", [Land],
        "Messages that have landed";
    landed_files: Counter, "squall_landed_files_total", [], "files", [Land],
        "Parquet files that were committed";
    rows: Counter, "squall_rows_emitted_total", ["query"], "rows", [Live],
        "Rows that were passed on";
    alerts: Counter, "squall_alerts_total", ["query", "outcome"], "alerts", [Live],
        "Alerts by what became of them: given, refused by the recipient for good, or dropped because too many waited";
    consume_to_emit: Histogram, "squall_consume_to_emit_seconds", [], "seconds", [Live],
        "From the moment when a poll's messages were read until the sinks had the rows, for each row";
    exchange_to_emit: Histogram, "squall_exchange_to_emit_seconds", [], "seconds", [Live],
        "From a tick's event time, by the exchange's clock, until the sinks had its rows, by ours";
    state_bytes: Gauge, "squall_state_bytes", ["query"], "bytes", [Live],
        "The memory that windows, right sides of ASOF joins and ticks that wait hold";
    model_info: Gauge, "squall_model_info", ["name", "model", "version"], "1", [Live],
        "The version for which the name of a model stands";
    parity_checked: Counter, "squall_parity_checked_total", ["query"], "rows", [Live],
        "Sampled rows that were computed again from landed ticks";
    parity_mismatches: Counter, "squall_parity_mismatches_total", ["query"], "rows", [Live],
        "Of these, the rows that differ in any bit, or are on one side only; it has to stay 0";
    parity_waiting: Gauge, "squall_parity_waiting_samples", ["query"], "samples", [Live],
        "Samples that wait for their ticks to land, or for their turn";
    parity_skipped: Counter, "squall_parity_skipped_total", ["query"], "samples", [Live],
        "Samples that were not compared, because too many waited or a model was replaced";
    outcome_rows: Gauge, "squall_outcome_rows", ["query", "model", "version"], "rows", [Live],
        "Rows of the last span of time (`--outcomes-span`) that have a score";
    outcome_known_rows: Gauge, "squall_outcome_known_rows", ["query", "model", "version"], "rows", [Live],
        "Of these, the rows whose outcome is known: the horizon is over, and its ticks have landed";
    outcome_mean_score: Gauge, "squall_outcome_mean_score", ["query", "model", "version"], "1", [Live],
        "The mean score of the rows whose outcome is known";
    outcome_event_share: Gauge, "squall_outcome_event_share", ["query", "model", "version"], "1", [Live],
        "The share of events among them; it equals the mean score if scores are calibrated";
    outcome_average_precision: Gauge, "squall_outcome_average_precision", ["query", "model", "version", "of"], "1", [Live],
        "Average precision: `realised`, of the rows whose outcome is known, and `expected`, from the scores of all rows alone";
    outcome_brier_score: Gauge, "squall_outcome_brier_score", ["query", "model", "version", "of"], "1", [Live],
        "Brier score, realised and expected";
    outcome_alert_precision: Gauge, "squall_outcome_alert_precision", ["query", "model", "version", "of"], "1", [Live],
        "The share of events among the rows whose score reaches the threshold, realised and expected";
    outcome_alert_recall: Gauge, "squall_outcome_alert_recall", ["query", "model", "version", "of"], "1", [Live],
        "The share of the events whose score reaches the threshold, realised and expected";
    outcome_episodes: Gauge, "squall_outcome_episodes", ["query", "model", "version"], "episodes", [Live],
        "Episodes of events among the rows whose outcome is known";
    outcome_episodes_caught: Gauge, "squall_outcome_episodes_caught", ["query", "model", "version"], "episodes", [Live],
        "Of these, the episodes that an alert caught";
    feature_drift: Gauge, "squall_feature_drift", ["query", "model", "version", "column", "test"], "1", [Live],
        "How far a feature of the last span of time is from the model's training rows: a distance, or the p-value of a test";
    feature_drifted: Gauge, "squall_feature_drifted", ["query", "model", "version", "column"], "0 or 1", [Live],
        "Whether this means drift, as `drift` decides it";
    feature_drifted_share: Gauge, "squall_feature_drifted_share", ["query", "model", "version"], "1", [Live],
        "The share of the model's features among the columns of a query that have drifted";
}

/// Returns the table as Markdown.
pub fn markdown() -> String {
    let mut table =
        String::from("| name | type | labels | unit | commands | meaning |\n| --- | --- | --- | --- | --- | --- |\n");
    for Described { name, kind, labels, unit, commands, meaning } in TABLE {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let commands: Vec<&str> = commands.iter().map(|command| command.name()).collect();
        let (labels, commands) = (labels.join(", "), commands.join(", "));
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| `{name}` | {kind} | {labels} | {unit} | {commands} | {meaning} |");
    }
    table
}
