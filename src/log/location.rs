//! Where a log is: `kafka://host:port/topic`, or a folder.

use std::fmt;
use std::path::PathBuf;

use super::Error;
use crate::text::{scheme, without_secrets};

/// Where a log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A folder of NDJSON files.
    Folder(PathBuf),
    /// A topic; `brokers` is `host:port`, or several of these separated by commas.
    Kafka { brokers: String, topic: String },
}

impl Location {
    /// Reads `kafka://host:port/topic`, `kafka:///topic` (at `default_brokers`) or the path of a folder.
    ///
    /// # Errors
    /// The scheme is unknown, the address has no topic, or Kafka does not allow the topic's name.
    pub fn parse(text: &str, default_brokers: &str) -> Result<Location, Error> {
        let invalid = |reason: &str| Error::Location { text: without_secrets(text), reason: reason.to_string() };
        let hidden =
            |begin: &str, reason: &str| Error::Location { text: format!("{begin}:…"), reason: reason.into() };
        let rest = match text.split_once(':') {
            None if text.is_empty() => return Err(invalid("is empty")),
            Some((begin, _)) if scheme(text).is_none() && !text[begin.len()..].starts_with("://") => None,
            Some((begin, rest)) if begin.eq_ignore_ascii_case("kafka") => match rest.strip_prefix("//") {
                Some(rest) => Some(rest),
                None => return Err(hidden(begin, "is not written like kafka://host:port/topic")),
            },
            // What follows may hold a secret.
            Some((begin, _)) => {
                return Err(hidden(begin, &format!("has the scheme `{begin}`, which no log has")));
            }
            None => None,
        };
        let Some(rest) = rest else { return Ok(Location::Folder(PathBuf::from(text))) };
        let Some((brokers, topic)) = rest.split_once('/').filter(|(_, topic)| !topic.is_empty()) else {
            return Err(invalid("names no topic"));
        };
        let allowed = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '-');
        if !topic.chars().all(allowed) || topic.len() > 249 || topic == "." || topic == ".." {
            return Err(invalid("has a topic that Kafka does not allow: up to 249 of a-z A-Z 0-9 . _ -"));
        }
        let brokers = if brokers.is_empty() { default_brokers } else { brokers };
        if brokers.contains('@') {
            return Err(invalid("names a user; sasl.username and sasl.password among the [kafka] properties do that"));
        }
        for broker in brokers.split(',') {
            let port = broker.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
            if port.is_none() {
                return Err(invalid(&format!("has the broker `{broker}`, which is not host:port")));
            }
        }
        Ok(Location::Kafka { brokers: brokers.to_string(), topic: topic.to_string() })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Folder(dir) => write!(f, "{}", dir.display()),
            Location::Kafka { brokers, topic } => write!(f, "kafka://{brokers}/{topic}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Location;

    fn kafka(brokers: &str, topic: &str) -> Location {
        Location::Kafka { brokers: brokers.into(), topic: topic.into() }
    }

    #[test]
    fn addresses_of_logs() {
        for (text, expected) in [
            ("data/raw", Location::Folder("data/raw".into())),
            ("kafka://broker:9093/ticks.raw", kafka("broker:9093", "ticks.raw")),
            ("Kafka://broker:9093/t", kafka("broker:9093", "t")),
            ("./a:b", Location::Folder("./a:b".into())),
            ("out/10:00", Location::Folder("out/10:00".into())),
            ("kafka://a:1,b:2/t", kafka("a:1,b:2", "t")),
            ("kafka:///ticks.raw", kafka("localhost:9092", "ticks.raw")),
        ] {
            let location = Location::parse(text, "localhost:9092").expect("the address is good");
            assert_eq!(location, expected);
        }
        assert_eq!(kafka("a:1", "t").to_string(), "kafka://a:1/t");
    }

    #[test]
    fn addresses_of_nothing() {
        for (text, expected) in [
            ("", "`` is not a log: it is empty"),
            ("s3://bucket/log", "`s3:…` is not a log: it has the scheme `s3`, which no log has"),
            ("HTTPS://me:pw@host/key", "`HTTPS:…` is not a log: it has the scheme `HTTPS`, which no log has"),
            ("https:/host/key", "`https:…` is not a log: it has the scheme `https`, which no log has"),
            ("kafka:ticks.raw", "`kafka:…` is not a log: it is not written like kafka://host:port/topic"),
            ("kafka://broker:9092", "`kafka://broker:9092` is not a log: it names no topic"),
            ("kafka://broker:9092/", "`kafka://broker:9092/` is not a log: it names no topic"),
            (
                "kafka://me:secret@broker:9092/t",
                "`kafka://********@broker:9092/t` is not a log: it names a user; sasl.username and sasl.password among the \
                 [kafka] properties do that",
            ),
            ("kafka://broker/t", "`kafka://broker/t` is not a log: it has the broker `broker`, which is not host:port"),
            (
                "kafka:///a/b",
                "`kafka:///a/b` is not a log: it has a topic that Kafka does not allow: up to 249 of a-z A-Z 0-9 . _ -",
            ),
        ] {
            let error = Location::parse(text, "localhost:9092").expect_err("the address is bad");
            assert_eq!(error.to_string(), expected);
        }
    }
}
