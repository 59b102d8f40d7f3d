//! What can go wrong in serving metrics.

use super::Address;
use crate::error::Hint;

/// What can go wrong in serving metrics.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{text}` is not an address for metrics")]
    Address { text: String },
    #[error("cannot serve metrics at {address}")]
    Bind { address: Address, source: std::io::Error },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Error::Address { .. } => {
                Some("write a port, such as 9464, for this machine only, or host:port, such as 0.0.0.0:9464".into())
            }
            Error::Bind { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
                Some("another process has the port; each command needs one of its own".into())
            }
            Error::Bind { .. } => None,
        }
    }
}
