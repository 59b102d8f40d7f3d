//! Where metrics are served.

use std::fmt;
use std::str::FromStr;

use super::Error;

/// A host and a port. Without a host, it is this machine only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Address, Error> {
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        let is_port = port.parse::<u16>().is_ok();
        // The colons of an IPv6 address stand in brackets.
        let is_host = !host.contains(':') || (host.starts_with('[') && host.ends_with(']'));
        match host {
            _ if !is_port || !is_host => Err(Error::Address { text: text.into() }),
            "" => Ok(Address(format!("127.0.0.1:{port}"))),
            host => Ok(Address(format!("{host}:{port}"))),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_host_it_is_this_machine() {
        let read = |text: &str| text.parse::<Address>().ok().map(|address| address.to_string());
        assert_eq!(read("9464").as_deref(), Some("127.0.0.1:9464"));
        assert_eq!(read(":9464").as_deref(), Some("127.0.0.1:9464"));
        assert_eq!(read("0.0.0.0:9464").as_deref(), Some("0.0.0.0:9464"));
        assert_eq!(read("[::]:0").as_deref(), Some("[::]:0"));
        assert_eq!(read("localhost:80").as_deref(), Some("localhost:80"));
        for wrong in ["", "localhost", "::1", "1.2.3.4:", "host:99999", "::1:80"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
