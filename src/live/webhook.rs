//! Posts JSON to a webhook until it is taken.
//!
//! In: a body, and a key that is the same whenever the same body is sent again. Out: whether the receiver took it. A request carries
//! `Idempotency-Key`, and, if there is a secret, `Squall-Timestamp` and `Squall-Signature`: `v1=` and the HMAC-SHA256 of
//! `<timestamp>.<body>` in hexadecimal digits (RFC 2104). What may pass is tried again: a connection that fails, a timeout, 429 and 5xx.
//! Any other answer outside of 2xx is a refusal.

use std::fmt;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use url::Url;

use super::error::Error;
use crate::durable::blocking;
use crate::hmac::hmac;
use crate::log::Tell;
use crate::text::{hex, printable, scheme};

/// How long a connection may take, and a whole request.
const CONNECT: Duration = Duration::from_secs(5);
const REQUEST: Duration = Duration::from_secs(15);
/// How long to wait before a request is sent again; the wait doubles, up to the most. A receiver may ask for another time.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_MOST: Duration = Duration::from_secs(15);
const ASKED_MOST: Duration = Duration::from_secs(300);
/// How often to look whether the run ends.
const LOOK: Duration = Duration::from_millis(50);
/// How many bytes of an answer are read, and how many characters are shown.
const READ: u64 = 4096;
const ANSWER: usize = 200;

/// The schemes of webhooks.
const SCHEMES: [&str; 2] = ["https", "http"];

/// When waiting ends: a run is stopped, or its time is over.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    pub flag: Arc<AtomicBool>,
    pub at: Option<Instant>,
}

impl Stop {
    /// Returns whether the run ends.
    pub fn is_set(&self) -> bool {
        self.flag.load(Ordering::Relaxed) || self.at.is_some_and(|at| Instant::now() >= at)
    }

    /// Waits; returns early when the run ends.
    pub async fn wait(&self, time: Duration) {
        let until = Instant::now() + time;
        while !self.is_set() && Instant::now() < until {
            tokio::time::sleep(LOOK.min(until.saturating_duration_since(Instant::now()))).await;
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    Taken,
    /// The receiver refuses the body, and will refuse it again.
    Refused {
        status: u16,
        answer: String,
    },
    /// The run ended before the receiver took it.
    Stopped,
}

/// A webhook. Its secret and the path of its address, which may be one, are not shown.
#[derive(Clone)]
pub struct Webhook {
    url: String,
    shown: String,
    secret: Option<Arc<str>>,
    agent: Agent,
    tell: Tell,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Webhook").field(&self.shown).finish()
    }
}

/// What one attempt gave.
enum Answer {
    Status { status: u16, text: String, after: Option<Duration> },
    Failed(String),
}

impl Webhook {
    /// Returns whether a text is meant as the address of a webhook, by its scheme.
    pub fn is_address(text: &str) -> bool {
        scheme(text).is_some_and(|scheme| SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)))
    }

    /// Makes a webhook of its address; this sends nothing yet.
    ///
    /// # Errors
    /// The address is not one.
    pub fn new(address: &str, secret: Option<String>, tell: Tell) -> Result<Webhook, Error> {
        let has_host = Webhook::is_address(address)
            && address.split_once(':').is_some_and(|(_, rest)| rest.starts_with("//") && !rest.starts_with("///"));
        let url = Url::parse(address).ok().filter(|url| has_host && url.host_str().is_some());
        let Some(url) = url else { return Err(Error::Address { problem: "it is not written like https://host/path" }) };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::Address { problem: "it holds a user; a signature says who sends" });
        }
        let tls = TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(RootCerts::PlatformVerifier).build();
        let config = Agent::config_builder()
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(REQUEST))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("squall/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls);
        let shown = format!("the webhook at {}", url.origin().ascii_serialization());
        let secret = secret.filter(|secret| !secret.is_empty()).map(Into::into);
        Ok(Webhook { url: url.into(), shown, secret, agent: config.build().into(), tell })
    }

    /// Returns the whole address.
    pub fn address(&self) -> &str {
        &self.url
    }

    /// Returns how messages call it: without the path, which may hold a secret.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Sends a body until the receiver takes or refuses it, or the run ends. Each attempt has the same key and a new signature.
    ///
    /// # Errors
    /// The body cannot be signed.
    pub async fn post(&self, key: &str, body: &Bytes, stop: &Stop) -> Result<Posted, Error> {
        let mut wait = RETRY_FIRST;
        let mut failing: Option<Instant> = None;
        loop {
            let (webhook, key, sent) = (self.clone(), key.to_string(), body.clone());
            let answer = blocking(move || webhook.attempt(&key, &sent)).await?;
            let (problem, after) = match answer {
                Answer::Status { status: 200..300, .. } => {
                    if let Some(since) = failing {
                        let seconds = since.elapsed().as_secs_f64();
                        self.tell.say(&format!("Note: {} takes requests again, after {seconds:.1} s", self.shown));
                    }
                    return Ok(Posted::Taken);
                }
                Answer::Status { status: status @ (408 | 429 | 500..600), after, .. } => {
                    (format!("it answers {status}"), after)
                }
                Answer::Status { status, text, .. } => return Ok(Posted::Refused { status, answer: text }),
                Answer::Failed(problem) => (problem, None),
            };
            if failing.is_none() {
                self.tell.say(&format!("Warning: {} takes nothing: {problem}; squall tries again", self.shown));
                failing = Some(Instant::now());
            }
            stop.wait(pause(after, wait)).await;
            if stop.is_set() {
                return Ok(Posted::Stopped);
            }
            wait = (wait * 2).min(RETRY_MOST);
        }
    }

    fn attempt(&self, key: &str, body: &Bytes) -> Result<Answer, Error> {
        let timestamp = chrono::Utc::now().timestamp();
        let mut request = self.agent.post(&self.url).content_type("application/json").header("Idempotency-Key", key);
        if let Some(secret) = &self.secret {
            let signature = signature(secret, timestamp, body).map_err(super::sink::not_encoded)?;
            let timestamp = timestamp.to_string();
            request = request.header("Squall-Timestamp", &timestamp).header("Squall-Signature", &signature);
        }
        Ok(match request.send(&body[..]) {
            Ok(mut answer) => {
                let after = answer.headers().get("Retry-After").and_then(|value| value.to_str().ok());
                let after = after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
                let mut text = Vec::new();
                // An answer that breaks off is shown as far as it came.
                let _ = answer.body_mut().as_reader().take(READ).read_to_end(&mut text);
                Answer::Status { status: answer.status().as_u16(), text: shown(&text), after }
            }
            // An error may name the address.
            Err(error) => Answer::Failed(error.to_string().replace(&self.url, "…")),
        })
    }
}

/// Returns how long to wait before a request is sent again: as long as the receiver asks, within limits, or else `wait`.
fn pause(asked: Option<Duration>, wait: Duration) -> Duration {
    asked.map_or(wait, |asked| asked.clamp(RETRY_FIRST, ASKED_MOST))
}

/// Returns the first line of an answer, as much as is shown; what is not UTF-8 is replaced.
fn shown(answer: &[u8]) -> String {
    printable(String::from_utf8_lossy(answer).lines().next().unwrap_or_default(), ANSWER)
}

/// Returns the signature of a body that is sent at an instant, in seconds since 1970.
fn signature(secret: &str, timestamp: i64, body: &[u8]) -> Result<String, openssl::error::ErrorStack> {
    let message = [format!("{timestamp}.").as_bytes(), body].concat();
    Ok(format!("v1={}", hex(&hmac(secret.as_bytes(), &message)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_others() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret
        let expected = "v1=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686";
        assert_eq!(signature("secret", 1_700_000_000, b"{\"a\":1}").unwrap(), expected);
    }

    #[test]
    fn neither_secret_nor_path_is_shown() {
        let webhook = Webhook::new("https://h:8443/T0/key", Some("hidden".into()), Tell::default()).unwrap();
        assert_eq!(webhook.shown(), "the webhook at https://h:8443");
        assert_eq!(format!("{webhook:?}"), "Webhook(\"the webhook at https://h:8443\")");
        let bad = ["https://", "ftp://h/pw", "https://me:pw@h/", "https:/h/pw", "HTTPS:h/pw", "https:///h/pw"];
        for bad in bad {
            let error = Webhook::new(bad, None, Tell::default()).unwrap_err().to_string();
            assert!(!error.contains("pw"), "{error}");
        }
    }

    #[test]
    fn a_scheme_may_be_written_large() {
        for address in ["HTTPS://h/key", "Http://h/key", "https:/h/key"] {
            assert!(Webhook::is_address(address), "{address}");
        }
        assert_eq!(Webhook::new("HTTPS://h/key", None, Tell::default()).unwrap().address(), "https://h/key");
        assert!(!Webhook::is_address("out/https:") && !Webhook::is_address("httpsx://h"));
    }

    #[test]
    fn a_receiver_cannot_ask_for_a_hot_loop() {
        let (short, long) = (Duration::from_millis(250), Duration::from_secs(8));
        assert_eq!(pause(Some(Duration::ZERO), short), RETRY_FIRST);
        assert_eq!(pause(Some(Duration::from_secs(1)), long), Duration::from_secs(1));
        assert_eq!(pause(Some(Duration::MAX), short), ASKED_MOST);
        assert_eq!(pause(None, long), long);
    }

    #[test]
    fn an_answer_is_shown_as_far_as_it_can_be_read() {
        assert_eq!(shown(b"no room\nmore"), "no room");
        assert_eq!(shown(b"caf\xe9"), "caf\u{fffd}");
        assert!(shown(&[b'x'; 4096]).chars().count() <= ANSWER + 1);
        assert_eq!(shown(b""), "");
    }
}
