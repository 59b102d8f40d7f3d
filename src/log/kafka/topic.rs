//! A topic and the clients that talk to it: their settings, what they ask about the topic, and what their errors mean.

use std::collections::BTreeMap;
use std::net::{TcpStream, ToSocketAddrs};
use std::ops::Range;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;

use super::super::Error;
use super::reasons::{Reason, Reasons};
use super::times::Times;
use super::{BaseConsumer, consumer};

/// How long to wait for an answer before looking whether librdkafka knows why there is none.
const LOOK: Duration = Duration::from_secs(1);
/// How long to look.
const LOOK_FOR: Duration = Duration::from_millis(20);

/// How long the first connection may take; it counts towards the time that a broker may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A topic, its address, and the settings of its clients.
#[derive(Debug, Clone)]
pub(super) struct Topic {
    pub brokers: String,
    pub name: String,
    pub properties: BTreeMap<String, String>,
    pub isolation_level: String,
    pub timeout: Duration,
    pub new_partitions: i32,
    /// What the clients report about their connections.
    pub reasons: Reasons,
    /// By how much the times of messages are moved, because the broker refuses them.
    pub times: Times,
}

impl Topic {
    /// Returns a client's settings: squall's for this kind of client, overridden by the user's.
    fn config(&self, properties: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("client.id", "squall");
        // Some reasons of failed connections are reported as mere information.
        config.set_log_level(RDKafkaLogLevel::Info);
        for (name, value) in properties {
            config.set(*name, *value);
        }
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
    }

    /// Makes a consumer, which joins no group.
    pub(super) fn consumer(&self) -> Result<BaseConsumer, Error> {
        let mut properties = consumer::PROPERTIES.to_vec();
        properties.push(("isolation.level", &self.isolation_level));
        self.client(&properties)
    }

    /// Makes a client with settings of its kind.
    pub(super) fn client<C: FromClientConfigAndContext<Reasons>>(
        &self,
        properties: &[(&str, &str)],
    ) -> Result<C, Error> {
        self.config(properties).create_with_context(self.reasons.clone()).map_err(|error| Error::settings(&error))
    }

    /// Asks a broker about the topic.
    pub(super) fn metadata(&self, client: &BaseConsumer) -> Result<Metadata, Error> {
        self.described(client, Some(&self.name))
    }

    /// Asks a broker about a topic, or about all.
    pub(super) fn described(&self, client: &BaseConsumer, topic: Option<&str>) -> Result<Metadata, Error> {
        let deadline = Instant::now() + self.timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let error = match client.fetch_metadata(topic, left.min(LOOK)) {
                Ok(metadata) => {
                    // What the client reported meanwhile must not pile up.
                    drop(client.poll(Duration::ZERO));
                    self.reasons.clear();
                    return Ok(metadata);
                }
                Err(error) => error,
            };
            // The client hands over what it has to report only when it is polled. It has no partition, so it gets no message.
            drop(client.poll(LOOK_FOR));
            if let Some(refused) = self.refusal(|reason| reason.lasting) {
                return Err(refused);
            }
            if left <= LOOK || !is_timeout(&error) {
                return Err(self.failed("describe itself", error));
            }
        }
    }

    /// Returns the error of a broker that refuses connections, if librdkafka reported a reason that counts.
    fn refusal(&self, counts: impl Fn(&Reason) -> bool) -> Option<Error> {
        let reason = self.reasons.last().filter(counts)?;
        let brokers = self.brokers.clone();
        reason.settings.map(|settings| Error::NotAdmitted { brokers, reason: reason.text, settings })
    }

    pub(super) fn offsets(&self, client: &BaseConsumer, partition: i32) -> Result<Range<i64>, Error> {
        match client.fetch_watermarks(&self.name, partition, self.timeout) {
            Ok((first, end)) => Ok(first..end),
            Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::UnknownPartition) => {
                Err(Error::NoPartition { log: self.to_string(), partition })
            }
            Err(source) => Err(self.failed("say which offsets it holds", source)),
        }
    }

    /// Connects to one of the brokers. librdkafka alone would report only a timeout, after the whole wait.
    pub(super) fn check_reachable(&self) -> Result<(), Error> {
        let timeout = CONNECT_TIMEOUT.min(self.timeout);
        let mut reason = String::from("no broker is named");
        for broker in self.brokers.split(',') {
            let addresses = match broker.trim().to_socket_addrs() {
                Ok(addresses) => addresses,
                Err(error) => {
                    reason = format!("{broker}: {error}");
                    continue;
                }
            };
            for address in addresses {
                match TcpStream::connect_timeout(&address, timeout) {
                    Ok(_) => return Ok(()),
                    Err(error) => reason = format!("{address}: {error}"),
                }
            }
        }
        Err(Error::Unreachable { brokers: self.brokers.clone(), reason })
    }

    /// Turns librdkafka's error into ours: a timeout, a network failure, or a refusal by the broker.
    pub(super) fn failed(&self, action: &'static str, source: KafkaError) -> Error {
        let brokers = self.brokers.clone();
        match source.rdkafka_error_code() {
            _ if is_timeout(&source) => {
                if let Some(refused) = self.refusal(|_| true) {
                    return refused;
                }
                let seconds = self.timeout.as_secs_f32();
                let because = self.reasons.last().map_or(String::new(), |reason| format!(" ({})", reason.text));
                Error::Unreachable { brokers, reason: format!("it did not {action} within {seconds} s{because}") }
            }
            Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => {
                Error::NoTopic { brokers, topic: self.name.clone() }
            }
            _ if is_wrong_time(&source) => Error::WrongTime { log: self.to_string() },
            _ => Error::Kafka { brokers, topic: self.name.clone(), action, source: source.into() },
        }
    }
}

impl std::fmt::Display for Topic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "kafka://{}/{}", self.brokers, self.name)
    }
}

/// Returns whether the error means that no broker answered in time.
fn is_timeout(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::MessageTimedOut
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::RequestTimedOut
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::SSL
        )
    )
}

/// Returns whether the broker refuses a message's time.
pub(super) fn is_wrong_time(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::InvalidTimestamp)
}
