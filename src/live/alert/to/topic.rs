//! Alerts to a topic, keyed by product, with the alert's key in a header. What the topic has already is not sent again.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Given, Mark, Options, Recipient};
use crate::live::alert::Alert;
use crate::live::error::Error;
use crate::live::webhook::Stop;
use crate::log::{self, Limit, Location, Log, Record};

/// Messages that are read at once.
const READ: usize = 1024;

struct Sends {
    log: Arc<dyn Log>,
}

/// Reads `kafka:TOPIC` or `kafka://host:port/topic`.
fn location(text: &str, options: &Options) -> Result<Location, Error> {
    let text = match text.strip_prefix("kafka:") {
        Some(topic) if !topic.starts_with("//") => format!("kafka:///{topic}"),
        _ => text.to_string(),
    };
    Location::parse(&text, &options.brokers).map_err(|error| Error::Recipient { problem: error.to_string() })
}

/// Finds what is wrong with the name of a topic.
pub fn check(text: &str, options: &Options) -> Result<(), Error> {
    location(text, options).map(drop)
}

/// Opens the recipient.
pub async fn open(text: &str, options: &Options) -> Result<Box<dyn Recipient>, Error> {
    let location = location(text, options)?;
    let log = log::create(&location, &options.log).await;
    Ok(Box::new(Sends { log: log.map_err(|source| Error::log(&location.to_string(), source))? }))
}

#[async_trait]
impl Recipient for Sends {
    async fn give(&mut self, alert: &Alert, _stop: &Stop) -> Given {
        let record = Record {
            key: Some(alert.product.as_str().into()),
            payload: alert.message.clone().into(),
            ingest_time: chrono::Utc::now().timestamp_nanos_opt().unwrap_or_default(),
            connection: None,
        };
        let headers = vec![("alert_key", alert.key.clone()), ("event_time", alert.ts.to_string())];
        match self.log.append_with(vec![record], vec![headers]).await {
            Ok(()) => Given::Taken,
            Err(error @ log::Error::Refused { .. }) => Given::Refused(error.to_string()),
            Err(error) => Given::Later(error.to_string()),
        }
    }

    async fn mark(&mut self) -> Result<Option<Mark>, String> {
        let mut mark = Mark::new();
        for partition in self.log.partitions().await.map_err(|error| error.to_string())? {
            mark.insert(partition, self.log.offsets(partition).await.map_err(|error| error.to_string())?.end);
        }
        Ok(Some(mark))
    }

    async fn has(&mut self, alert: &Alert, mark: &Mark) -> Result<bool, String> {
        for partition in self.log.partitions().await.map_err(|error| error.to_string())? {
            let held = self.log.offsets(partition).await.map_err(|error| error.to_string())?;
            let mut next = mark.get(&partition).copied().unwrap_or(0).max(held.start);
            while next < held.end {
                let batch = self.log.read_batch(partition, next, Limit::messages(READ)).await;
                let batch = batch.map_err(|error| error.to_string())?;
                if batch.messages.iter().any(|message| message.record.payload == alert.message.as_bytes()) {
                    return Ok(true);
                }
                if batch.next <= next {
                    break;
                }
                next = batch.next;
            }
        }
        Ok(false)
    }
}
