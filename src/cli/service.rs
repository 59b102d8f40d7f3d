//! What the commands that run for long share: metrics over HTTP, and the form of their messages.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::print::{self, Format};
use super::{Context, Failure};
use crate::error::with_causes;
use crate::log::{self, Log};
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
            self.watch = Some(tokio::spawn(watch_forwarding(log, metrics, LOOK)));
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

/// Watches how far the topic behind an archive is behind, until the log turns out not to be an archive.
async fn watch_forwarding(log: Arc<dyn Log>, metrics: Metrics, every: Duration) {
    loop {
        match log.forwarding().await {
            Ok(Some(forwarding)) => {
                metrics.unforwarded.set(&[], forwarding.behind as f64);
                match forwarding.failure {
                    Some(reason) => metrics.unwell("topic", reason),
                    None => metrics.well("topic"),
                }
            }
            Ok(None) => return,
            // It may be readable again.
            Err(error) => metrics.unwell("topic", with_causes(&error)),
        }
        tokio::time::sleep(every).await;
    }
}

/// Notes where each partition ends; one that cannot be read does not keep the others from it.
async fn ends(log: &dyn Log, metrics: &Metrics) -> Result<(), log::Error> {
    let mut read = Ok(());
    for partition in log.partitions().await? {
        match log.offsets(partition).await {
            Ok(offsets) => metrics.end(partition, offsets.end),
            Err(error) => read = read.and(Err(error)),
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::atomic::{AtomicU64, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::log::{Batch, Error, Forwarding, Limit, LogId, Record};

    /// A log whose first partition and whose first answer cannot be read.
    #[derive(Default)]
    struct Failing {
        asked: AtomicU64,
    }

    fn unreachable() -> Error {
        Error::Unreachable { brokers: "b:1".into(), reason: "no route".into() }
    }

    #[async_trait]
    impl Log for Failing {
        fn topic(&self) -> &str {
            "t"
        }

        async fn id(&self) -> Result<LogId, Error> {
            Err(unreachable())
        }

        async fn partitions(&self) -> Result<Vec<i32>, Error> {
            Ok(vec![0, 1])
        }

        async fn offsets(&self, partition: i32) -> Result<Range<i64>, Error> {
            if partition == 0 { Err(unreachable()) } else { Ok(0..14) }
        }

        async fn read_batch(&self, _partition: i32, _from: i64, _limit: Limit) -> Result<Batch, Error> {
            Err(unreachable())
        }

        async fn append(&self, _records: Vec<Record>) -> Result<(), Error> {
            Err(unreachable())
        }

        async fn forwarding(&self) -> Result<Option<Forwarding>, Error> {
            match self.asked.fetch_add(1, Ordering::Relaxed) {
                0 => Err(unreachable()),
                1 => Ok(Some(Forwarding { behind: 7, failure: None })),
                _ => Ok(None),
            }
        }
    }

    #[tokio::test]
    async fn watching_goes_on_after_an_error() {
        let metrics = Metrics::new(Command::Ingest, Duration::MAX, Arc::new(SystemClock));
        metrics.turned();
        watch_forwarding(Arc::new(Failing::default()), metrics.clone(), Duration::ZERO).await;
        assert!(metrics.text().contains("squall_unforwarded_messages 7"), "{}", metrics.text());
        assert_eq!(metrics.problems(), []);
    }

    #[tokio::test]
    async fn a_partition_that_cannot_be_read_does_not_hide_the_others() {
        let metrics = Metrics::new(Command::Live, Duration::MAX, Arc::new(SystemClock));
        metrics.position(1, 10, None);
        ends(&Failing::default(), &metrics).await.unwrap_err();
        assert!(metrics.text().contains("squall_lag_messages{partition=\"1\"} 4"), "{}", metrics.text());
    }
}
