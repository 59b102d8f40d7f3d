//! What librdkafka says about its connections, beside the codes of failed requests.
//!
//! A request to a broker that refuses the password, or that speaks TLS where the client does not, only times out. librdkafka
//! reports the reason as an event of the client. In: these events. Out: the last reason, and the settings it points to.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// How long a reason explains failures: librdkafka does not repeat a reason that stays the same.
const LASTS: Duration = Duration::from_secs(120);

/// The events of a topic's clients, which share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Reasons(Arc<Mutex<Option<Reason>>>);

/// Why a connection failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    pub text: String,
    /// The settings to look at if the broker refuses the connection. `None` if it may soon be there.
    pub settings: Option<&'static str>,
    /// Whether the broker goes on refusing it. A broker that restarts may close a connection as one does that expects TLS.
    pub lasting: bool,
    at: Instant,
}

impl Reasons {
    /// Returns the last reason, unless it is old.
    pub(super) fn last(&self) -> Option<Reason> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.clone().filter(|reason| reason.at.elapsed() < LASTS)
    }

    /// Forgets the reason, because a request succeeded.
    pub(super) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn note(&self, code: Option<RDKafkaErrorCode>, text: &str) {
        let Some(mut reason) = read(code, text) else { return };
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A refusal says more than the lost connections and timeouts that follow from it.
        if let Some(before) = held.as_ref().filter(|before| before.lasting && !reason.lasting) {
            reason = before.clone();
        }
        *held = Some(reason);
    }
}

impl ClientContext for Reasons {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        // Facilities of failed connections; the others report the client's own state.
        if level as i32 <= RDKafkaLogLevel::Info as i32 && matches!(facility, "FAIL" | "ERROR" | "SASL" | "SSL") {
            self.note(None, text);
        }
    }

    fn error(&self, error: KafkaError, text: &str) {
        self.note(error.rdkafka_error_code(), text);
    }
}

impl ConsumerContext for Reasons {}

/// Reads an event; `None` if it explains nothing.
fn read(code: Option<RDKafkaErrorCode>, text: &str) -> Option<Reason> {
    // "1/1 brokers are down" follows from what was said before.
    if matches!(code, Some(RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::PartitionEOF)) {
        return None;
    }
    let text = without_names(text);
    if text.is_empty() || text.contains("brokers are down") {
        return None;
    }
    let lower = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let is = |known: RDKafkaErrorCode| code == Some(known);
    // The broker closes the connection at the first request.
    let closed = has(&["disconnected"]) && has(&["apiversion"]);
    let settings = if closed {
        Some("security.protocol")
    } else if has(&[
        "ssl.certificate.location",
        "alert certificate required",
        "alert unknown ca",
        "alert bad certificate",
    ]) {
        // The broker does not know the client.
        Some("ssl.certificate.location and ssl.key.location")
    } else if has(&["hostname mismatch", "ip address mismatch"]) {
        Some("kafka.bootstrap_servers (the certificate has another name) or ssl.endpoint.identification.algorithm")
    } else if has(&["certificate"]) {
        Some("ssl.ca.location")
    } else if has(&["authentication", "sasl"]) || is(RDKafkaErrorCode::Authentication) {
        Some("sasl.mechanism, sasl.username and sasl.password")
    } else if has(&["security.protocol", "ssl", "tls", "invalid response size"]) || is(RDKafkaErrorCode::SSL) {
        // An alert of TLS, read as an answer of Kafka, has an impossible size.
        Some("security.protocol")
    } else {
        None
    };
    Some(Reason { text: text.to_string(), settings, lasting: settings.is_some() && !closed, at: Instant::now() })
}

/// Leaves out the names of the thread and of the connection, which come first: `[thrd:…]: sasl_ssl://host:9092/1: reason`.
fn without_names(text: &str) -> &str {
    let text = match text.strip_prefix("[thrd:").and_then(|rest| rest.split_once("]: ")) {
        Some((_, text)) => text,
        None => text,
    };
    match text.split_once(": ") {
        Some((name, rest)) if name.contains('/') && !name.contains(' ') => rest.trim(),
        _ => text.trim(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_point_to_settings() {
        for (code, text, expected, settings) in [
            (
                Some(RDKafkaErrorCode::Authentication),
                "sasl_plaintext://127.0.0.1:1/bootstrap: SASL PLAIN authentication failed: Authentication failed: Invalid \
                 username or password (after 5ms in state AUTH_REQ)",
                "SASL PLAIN authentication failed: Authentication failed: Invalid username or password (after 5ms in state \
                 AUTH_REQ)",
                Some("sasl.mechanism, sasl.username and sasl.password"),
            ),
            (
                Some(RDKafkaErrorCode::SSL),
                "ssl://h:1/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker \
                 certificate could not be verified",
                "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could not be \
                 verified",
                Some("ssl.ca.location"),
            ),
            (
                None,
                "[thrd:h:1/bootstrap]: h:1/bootstrap: Disconnected while requesting ApiVersion: might be caused by incorrect \
                 security.protocol configuration",
                "Disconnected while requesting ApiVersion: might be caused by incorrect security.protocol configuration",
                Some("security.protocol"),
            ),
            (
                Some(RDKafkaErrorCode::BadMessage),
                "h:1/bootstrap: Receive failed: Invalid response size 352518912 (0..100000000): increase \
                 receive.message.max.bytes",
                "Receive failed: Invalid response size 352518912 (0..100000000): increase receive.message.max.bytes",
                Some("security.protocol"),
            ),
            (None, "plaintext://h:1/1: Connection refused", "Connection refused", None),
        ] {
            let reason = read(code, text).expect("a reason");
            assert_eq!((reason.text.as_str(), reason.settings), (expected, settings));
        }
        assert_eq!(read(Some(RDKafkaErrorCode::AllBrokersDown), "1/1 brokers are down"), None);
    }

    #[test]
    fn a_refusal_is_not_replaced_by_what_follows_from_it() {
        let reasons = Reasons::default();
        // A broker that restarts closes connections too.
        reasons.note(None, "h:1/1: Disconnected: connection closed by peer (after 2ms in state APIVERSION_QUERY)");
        assert_eq!(reasons.last().expect("a reason").settings, Some("security.protocol"));
        reasons.note(None, "h:1/1: Connect to ipv4#127.0.0.1:1 failed: Connection refused");
        assert_eq!(reasons.last().expect("a reason").settings, None);
        reasons.note(Some(RDKafkaErrorCode::Authentication), "sasl failed");
        reasons.note(Some(RDKafkaErrorCode::BrokerTransportFailure), "plaintext://h:1/1: Disconnected");
        assert_eq!(reasons.last().expect("a reason").text, "sasl failed");
        reasons.clear();
        assert_eq!(reasons.last(), None);
    }
}
