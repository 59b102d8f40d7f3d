//! Who is told of an alert. Each kind is one file that implements [`Recipient`], and one line of [`KINDS`].

mod command;
mod told;
mod topic;
mod webhook;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;

use super::Alert;
use crate::live::error::Error;
use crate::live::webhook::Stop;
use crate::log::{self, Tell};

/// How long an alert that is under way may take after the run has ended.
pub const LAST: Duration = Duration::from_secs(20);

/// Where a recipient ended: the end of each partition of a topic.
pub type Mark = BTreeMap<i32, i64>;

/// What became of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    Taken,
    /// It is refused for good.
    Refused(String),
    /// It may be taken later.
    Later(String),
    /// The run ended before it was taken.
    Stopped,
}

/// Takes alerts, one after another.
#[async_trait]
pub trait Recipient: Send {
    /// Gives an alert. After `stop` is set, it ends soon: within [`LAST`].
    async fn give(&mut self, alert: &Alert, stop: &Stop) -> Given;

    /// Returns where the recipient ends now, if it can be read.
    ///
    /// # Errors
    /// A text that says why it cannot be reached.
    async fn mark(&mut self) -> Result<Option<Mark>, String> {
        Ok(None)
    }

    /// Returns whether the recipient has an alert behind a mark.
    ///
    /// # Errors
    /// A text that says why it cannot be reached.
    async fn has(&mut self, _alert: &Alert, _mark: &Mark) -> Result<bool, String> {
        Ok(false)
    }
}

/// What recipients are opened with.
#[derive(Clone)]
pub struct Options {
    /// The brokers of a topic that is named without them.
    pub brokers: String,
    pub log: log::Options,
    /// The secret that signs requests.
    pub secret: Option<String>,
    pub tell: Tell,
}

/// The secret is not shown.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("brokers", &self.brokers).finish_non_exhaustive()
    }
}

type Open = for<'a> fn(&'a str, &'a Options) -> BoxFuture<'a, Result<Box<dyn Recipient>, Error>>;

/// A kind of recipient.
struct Kind {
    /// How its texts begin.
    begins: &'static str,
    /// Finds what is wrong with a text before anything starts.
    check: fn(&str, &Options) -> Result<(), Error>,
    open: Open,
}

/// The kinds; the first whose beginning a text has is the text's.
const KINDS: [Kind; 6] = [
    Kind { begins: "-", check: |_, _| Ok(()), open: |_, options| Box::pin(told::open(options)) },
    Kind { begins: "kafka://", check: topic::check, open: |text, options| Box::pin(topic::open(text, options)) },
    Kind { begins: "kafka:", check: topic::check, open: |text, options| Box::pin(topic::open(text, options)) },
    Kind { begins: "https:", check: webhook::check, open: |text, options| Box::pin(webhook::open(text, options)) },
    Kind { begins: "http:", check: webhook::check, open: |text, options| Box::pin(webhook::open(text, options)) },
    Kind { begins: "command:", check: command::check, open: |text, _| Box::pin(command::open(text)) },
];

/// A recipient as the user wrote it.
#[derive(Clone)]
pub struct Recipients {
    text: String,
    kind: usize,
    options: Options,
}

/// A webhook's address may hold a secret.
impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(KINDS[self.kind].begins)
    }
}

impl Recipients {
    /// Reads `-`, `kafka:TOPIC`, `kafka://host:port/topic`, `https://…` or `command:…`.
    ///
    /// # Errors
    /// The text is none of these, or what follows is wrong.
    pub fn new(text: &str, options: Options) -> Result<Recipients, Error> {
        let is_of = |kind: &Kind| match kind.begins {
            "-" => text == "-",
            begins => text.get(..begins.len()).is_some_and(|text| text.eq_ignore_ascii_case(begins)),
        };
        let kind = KINDS.iter().position(is_of);
        let kind =
            kind.ok_or(Error::Recipient { problem: "it is none of kafka:TOPIC, https://… and command:…".into() })?;
        let begins = KINDS[kind].begins;
        let text = format!("{begins}{}", &text[begins.len()..]);
        (KINDS[kind].check)(&text, &options)?;
        Ok(Recipients { text, kind, options })
    }

    /// Returns the recipient as the user wrote it, its kind in small letters.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Opens the recipient.
    ///
    /// # Errors
    /// It cannot be used.
    pub async fn open(&self) -> Result<Box<dyn Recipient>, Error> {
        (KINDS[self.kind].open)(&self.text, &self.options).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_may_be_written_large_and_no_secret_is_shown() {
        let brokers = "localhost:9092".to_string();
        let options = Options { brokers, log: log::Options::default(), secret: None, tell: Tell::default() };
        let new = |text: &str| Recipients::new(text, options.clone());
        assert_eq!(new("HTTPS://h/key").unwrap().text(), "https://h/key");
        assert_eq!(new("Kafka:alerts").unwrap().text(), "kafka:alerts");
        assert_eq!(new("COMMAND:echo A").unwrap().text(), "command:echo A");
        for bad in ["https:/h/pw", "HTTPS://me:pw@h/", "ftp://h/pw", "pw", "é"] {
            let told = new(bad).unwrap_err().to_string();
            assert!(!told.contains("pw"), "{told}");
        }
    }
}
