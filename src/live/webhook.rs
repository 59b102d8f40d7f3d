//! Posts JSON to a webhook until it is taken.
//!
//! In: a body, and a key that is the same whenever the same body is sent again. Out: whether the receiver took it. A request carries
//! `Idempotency-Key`, and, if there is a secret, `Squall-Timestamp` and `Squall-Signature`: `v1=` and the HMAC-SHA256 of
//! `<timestamp>.<body>` in hexadecimal digits (RFC 2104). What may pass is tried again: a connection that fails, a timeout, 429 and 5xx.
//! Any other answer outside of 2xx is a refusal.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use url::Url;

use super::error::Error;
use crate::durable::blocking;
use crate::log::Tell;
use crate::text::{hex, printable};

/// How long a connection may take, and a whole request.
const CONNECT: Duration = Duration::from_secs(5);
const REQUEST: Duration = Duration::from_secs(15);
/// How long to wait before a request is sent again; the wait doubles, up to the most. A receiver may ask for longer.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_MOST: Duration = Duration::from_secs(15);
const ASKED_MOST: Duration = Duration::from_secs(300);
/// How often to look whether the run ends.
const LOOK: Duration = Duration::from_millis(50);
/// How much of an answer is shown.
const ANSWER: usize = 200;

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
    /// Returns whether a text is the address of a webhook.
    pub fn is_address(text: &str) -> bool {
        text.starts_with("http://") || text.starts_with("https://")
    }

    /// Makes a webhook of its address; this sends nothing yet.
    ///
    /// # Errors
    /// The address is not one.
    pub fn new(address: &str, secret: Option<String>, tell: Tell) -> Result<Webhook, Error> {
        let url = Url::parse(address).ok().filter(|url| Webhook::is_address(address) && url.host_str().is_some());
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
            stop.wait(after.unwrap_or(wait)).await;
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
                let text = answer.body_mut().with_config().limit(4096).read_to_string().unwrap_or_default();
                let text = printable(text.lines().next().unwrap_or_default(), ANSWER);
                Answer::Status { status: answer.status().as_u16(), text, after: after.map(|wait| wait.min(ASKED_MOST)) }
            }
            // An error may name the address.
            Err(error) => Answer::Failed(error.to_string().replace(&self.url, "…")),
        })
    }
}

/// Returns the signature of a body that is sent at an instant, in seconds since 1970.
fn signature(secret: &str, timestamp: i64, body: &[u8]) -> Result<String, openssl::error::ErrorStack> {
    let key = PKey::hmac(secret.as_bytes())?;
    let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
    signer.update(format!("{timestamp}.").as_bytes())?;
    signer.update(body)?;
    Ok(format!("v1={}", hex(&signer.sign_to_vec()?)))
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
        for bad in ["https://", "ftp://h/", "https://me:pw@h/"] {
            let error = Webhook::new(bad, None, Tell::default()).unwrap_err().to_string();
            assert!(!error.contains("pw"), "{error}");
        }
    }
}
