//! What the commands that run for long share: metrics over HTTP, and the form of their messages.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::print::{self, Format};
use super::{Context, Failure};
use crate::error::with_causes;
use crate::log::Log;
use crate::metrics::{Address, Command, Metrics, Server};
use crate::tick::SystemClock;

/// How often to ask the log for its end.
const LOOK: Duration = Duration::from_secs(1);

/// The flags of a command that runs for long.
#[derive(Debug, Default, clap::Args)]
pub struct ServiceArgs {
    /// Serves /metrics for Prometheus and /healthz at this address: a port for this machine only, such as 9464, or host:port
    /// [default: metrics.listen]
    #[arg(long, value_name = "ADDR")]
    pub metrics: Option<String>,

    /// How messages on standard error are written
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub log_format: Format,
}

/// The metrics of a running command, and what serves them until it is dropped.
pub struct Service {
    pub metrics: Metrics,
    server: Option<Server>,
    watch: Option<JoinHandle<()>>,
}

impl ServiceArgs {
    /// Sets the form of messages.
    pub fn begin(&self, command: &'static str) {
        print::set_format(self.log_format, command);
    }

    /// Begins to serve the metrics of a command, if the flag or the settings say so.
    ///
    /// # Errors
    /// The address cannot be used.
    pub async fn start(&self, command: Command, context: &Context) -> Result<Service, Failure> {
        let settings = &context.settings().metrics;
        let behind = Duration::from_secs(settings.behind_s);
        let metrics = Metrics::new(command, behind, Arc::new(SystemClock));
        let text = self.metrics.as_ref().unwrap_or(&settings.listen);
        if text.is_empty() {
            return Ok(Service { metrics, server: None, watch: None });
        }
        let server = Server::start(&text.parse::<Address>()?, metrics.clone()).await?;
        let address = server.address();
        let text = format!("Note: metrics are at http://{address}/metrics");
        print::message_of(&text, &[("address", address.to_string())]);
        Ok(Service { metrics, server: Some(server), watch: None })
    }
}

impl Service {
    /// Watches where the log ends, and whether it answers.
    pub fn watch(&mut self, log: &Arc<dyn Log>) {
        if self.server.is_some() {
            let (log, metrics) = (Arc::clone(log), self.metrics.clone());
            self.watch = Some(tokio::spawn(async move {
                loop {
                    match ends(log.as_ref(), &metrics).await {
                        Ok(()) => metrics.well("log"),
                        Err(error) => metrics.unwell("log", with_causes(&error)),
                    }
                    tokio::time::sleep(LOOK).await;
                }
            }));
        }
    }

    /// Watches how far the topic behind an archive is behind.
    pub fn watch_forwarding(&mut self, log: &Arc<dyn Log>) {
        if self.server.is_some() {
            let (log, metrics) = (Arc::clone(log), self.metrics.clone());
            self.watch = Some(tokio::spawn(async move {
                while let Ok(Some(forwarding)) = log.forwarding().await {
                    metrics.unforwarded.set(&[], forwarding.behind as f64);
                    match forwarding.failure {
                        Some(reason) => metrics.unwell("topic", reason),
                        None => metrics.well("topic"),
                    }
                    tokio::time::sleep(LOOK).await;
                }
            }));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(watch) = &self.watch {
            watch.abort();
        }
    }
}

async fn ends(log: &dyn Log, metrics: &Metrics) -> Result<(), crate::log::Error> {
    for partition in log.partitions().await? {
        metrics.end(partition, log.offsets(partition).await?.end);
    }
    Ok(())
}
