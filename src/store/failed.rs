//! Failures of stores, in words.

use std::error::Error as _;
use std::io::{self, ErrorKind};

use datafusion::error::DataFusionError;
use object_store::Error as StoreError;

use super::kind;
use crate::error::{Refused, with_causes};
use crate::text::{scheme, without_secrets};

/// Says of a failed statement what its store answered. Every other failure stays as it is.
pub fn failed(address: &str, error: DataFusionError) -> DataFusionError {
    let DataFusionError::ObjectStore(source) = error.find_root() else { return error };
    let kind = scheme(address).and_then(|scheme| kind(&scheme.to_lowercase()));
    let Some(kind) = kind else { return error };
    let address = without_secrets(address);
    let account = || Some(kind.account.to_string());
    let (message, hint) = match source.as_ref() {
        StoreError::NotFound { .. } => (format!("there is nothing at {address}"), None),
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
            (format!("the store does not let squall read {address}"), account())
        }
        other => {
            let text = with_causes(other);
            let machine = kind.metadata.and_then(|address| address.split(':').next());
            if machine.is_some_and(|machine| text.contains(machine)) {
                (format!("no account is known for {address}"), account())
            } else {
                (format!("cannot read {address}: {}", reason(other, &text)), None)
            }
        }
    };
    DataFusionError::External(Box::new(Refused { message, hint }))
}

/// Says what a store answered, as failures of local files are said. The hint is that of the [`Refused`] inside.
pub fn as_io(address: &str, error: StoreError) -> io::Error {
    let account = scheme(address).and_then(|scheme| kind(&scheme.to_lowercase())).map(|kind| kind.account.to_string());
    let (kind, hint) = match &error {
        StoreError::NotFound { .. } => (ErrorKind::NotFound, None),
        StoreError::AlreadyExists { .. } => (ErrorKind::AlreadyExists, None),
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
            (ErrorKind::PermissionDenied, account)
        }
        _ => (ErrorKind::Other, Some("look at the address, the account and its rights, and the network".into())),
    };
    let message = reason(&error, &with_causes(&error));
    io::Error::new(kind, Refused { message, hint })
}

/// Returns the hint of a failure that [`as_io`] said.
pub fn hint(error: &io::Error) -> Option<String> {
    error.get_ref()?.downcast_ref::<Refused>()?.hint.clone()
}

/// Returns what the store says, or what the network says of it, without how often squall asked.
fn reason(error: &StoreError, text: &str) -> String {
    let said = |tag: &str| {
        let (_, after) = text.split_once(&format!("<{tag}>"))?;
        after.split_once(&format!("</{tag}>")).map(|(said, _)| said)
    };
    if let Some(code) = said("Code") {
        return said("Message").map_or_else(|| code.to_string(), |message| format!("{message} ({code})"));
    }
    let mut innermost = error.source();
    while let Some(source) = innermost.and_then(|error| error.source()) {
        innermost = Some(source);
    }
    innermost.map_or_else(|| text.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(source: StoreError) -> String {
        failed("s3://me:secret@b/x.parquet", DataFusionError::ObjectStore(Box::new(source))).to_string()
    }

    #[test]
    fn what_a_store_answers_is_said_without_secrets() {
        let other = |text: &str| StoreError::Generic { store: "S3", source: text.into() };
        let path = || "x.parquet".to_string();
        for (source, expected) in [
            (
                StoreError::NotFound { path: path(), source: "404".into() },
                "there is nothing at s3://********@b/x.parquet",
            ),
            (
                StoreError::PermissionDenied { path: path(), source: "403".into() },
                "the store does not let squall read s3://********@b/x.parquet",
            ),
            (
                other("404: <Error><Code>NoSuchBucket</Code><Message>There is no such bucket</Message></Error>"),
                "cannot read s3://********@b/x.parquet: There is no such bucket (NoSuchBucket)",
            ),
            (other("Connection refused"), "cannot read s3://********@b/x.parquet: Connection refused"),
            (other("PUT http://169.254.169.254/latest"), "no account is known for s3://********@b/x.parquet"),
        ] {
            let said = said(source);
            assert!(said.ends_with(expected), "{said}");
        }
    }
}
