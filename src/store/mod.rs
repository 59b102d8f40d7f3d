//! Object stores by their addresses: `s3://`, `gs://`, `az://`, `https://`.
//!
//! In: an address, and what the environment says of accounts, the way the stores' own programs read it. Out: the store. Keys and passwords
//! are in no message.

mod azure;
mod failed;
mod files;
mod folders;
mod google;
mod listed;
pub mod objects;
mod profile;
mod registry;
mod s3;
mod versions;
mod web;

use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use datafusion::error::DataFusionError;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use url::{Position, Url};

use crate::error::{Hint, Refused};
use crate::text::scheme;
pub use failed::{failed, hint};
pub use files::{Files, Found, Remote, location};
pub use folders::with_folders;
pub use listed::{check_written, first, listed};
pub use registry::Stores;
use versions::Versions;

/// A kind of object stores.
#[derive(Debug)]
struct Kind {
    /// The schemes of its addresses.
    schemes: &'static [&'static str],
    /// Whether a store lists what it has, and takes files. A web server only gives them.
    lists: bool,
    open: fn(&Url) -> Result<Arc<dyn ObjectStore>, Error>,
    /// How to give an account.
    account: &'static str,
    /// The machine that gives accounts to programs inside this cloud, `host:port`.
    metadata: Option<&'static str>,
}

/// Every kind; one line each.
const KINDS: [&Kind; 4] = [&s3::KIND, &google::KIND, &azure::KIND, &web::KIND];

/// How long to look for a machine that gives accounts to programs inside a cloud.
const LOOK: Duration = Duration::from_secs(1);

/// Opens the store of an address. Only the account is read now; nothing is asked of the store yet.
///
/// # Errors
/// No kind has the address's scheme, the address is not complete, or no account is known.
pub fn open(url: &Url) -> Result<Arc<dyn ObjectStore>, Error> {
    let kind = kind(url.scheme()).ok_or_else(|| Error::Scheme { scheme: url.scheme().into() })?;
    if url.password().is_some() || (!url.username().is_empty() && !url.scheme().starts_with("abfs")) {
        return Err(Error::Account { host: url.host_str().unwrap_or_default().into(), account: kind.account });
    }
    check_path(url)?;
    let address = url[Position::BeforeScheme..Position::BeforePath].to_string();
    Ok(Arc::new(Versions::new((kind.open)(url)?, address)))
}

/// Checks that nothing comes after an address's path, which a store would not see.
fn check_path(url: &Url) -> Result<(), Error> {
    let query = url.query().map(|_| '?').or_else(|| url.fragment().map(|_| '#'));
    query.map_or(Ok(()), |after| Err(Error::Query { address: shown(url), after }))
}

/// Returns the kind of a scheme.
fn kind(scheme: &str) -> Option<&'static Kind> {
    KINDS.into_iter().find(|kind| kind.schemes.contains(&scheme))
}

/// Returns an address without what may be secret in it.
fn shown(url: &Url) -> String {
    let mut plain = url.clone();
    plain.set_query(None);
    plain.set_fragment(None);
    // Neither fails for an address with a host.
    let _ = plain.set_password(None);
    plain.to_string()
}

/// How often, and how long, to try again what a store refuses for now.
fn retries() -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(5),
        ..BackoffConfig::default()
    };
    RetryConfig { backoff, max_retries: 8, retry_timeout: Duration::from_secs(60) }
}

/// How to talk to a store at an endpoint that a user chose; `None` is the store's own.
fn client(endpoint: Option<&str>) -> ClientOptions {
    let is_plain = endpoint.is_some_and(|endpoint| scheme(endpoint) == Some("http"));
    ClientOptions::new()
        .with_allow_http(is_plain)
        .with_connect_timeout(Duration::from_secs(5))
        .with_timeout(Duration::from_secs(120))
}

/// Returns the variables of a cloud, in lowercase, with their values. One that is empty counts as absent.
fn variables(prefix: &str) -> impl Iterator<Item = (String, String)> {
    let texts =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    texts
        .filter(move |(name, value)| name.starts_with(prefix) && !value.is_empty())
        .map(|(name, value)| (name.to_lowercase(), value))
}

/// Returns whether a setting has a value, and is not switched off.
fn is_on(value: Option<String>) -> bool {
    value.is_some_and(|value| value != "false")
}

impl Kind {
    /// Returns whether the machine answers that gives accounts inside this cloud. Without this look, an account that is missing would be
    /// an error only after minutes.
    fn is_inside(&self) -> bool {
        let addresses = self.metadata.into_iter().flat_map(|address| address.to_socket_addrs().into_iter().flatten());
        addresses.take(1).any(|address| TcpStream::connect_timeout(&address, LOOK).is_ok())
    }
}

/// What can be wrong with an address or an account.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("squall cannot read addresses that begin with `{scheme}://`")]
    Scheme { scheme: String },
    #[error("the address of {host} has a user or a password in it")]
    Account { host: String, account: &'static str },
    #[error("the address {address} goes on with `{after}`, which is not a part of a path")]
    Query { address: String, after: char },
    #[error("the address `{address}` cannot hold files: {reason}")]
    Address { address: String, reason: String },
    #[error("the address `{address}` is not complete")]
    Incomplete { address: String, form: &'static str },
    #[error("no account is known for {address}")]
    NoAccount { address: String, account: &'static str },
    #[error("the profile `{profile}` of AWS {problem}")]
    Profile { profile: String, problem: String, hint: Option<String> },
    #[error("cannot list {address}: web servers do not list their files")]
    Unlisted { address: String },
    #[error("cannot write {address}: web servers only give files")]
    Unwritten { address: String },
    #[error("`{pattern}` is not a pattern of files")]
    Pattern { pattern: String, source: glob::PatternError },
    #[error("cannot use {address}")]
    Store { address: String, account: &'static str, source: object_store::Error },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Error::Scheme { .. } => {
                let schemes: Vec<String> =
                    KINDS.iter().flat_map(|kind| kind.schemes).map(|scheme| format!("{scheme}://")).collect();
                Some(format!("it reads {}, and files", schemes.join(", ")))
            }
            Error::Account { account, .. } | Error::NoAccount { account, .. } => Some((*account).into()),
            Error::Query { address, .. } if address.starts_with("http") => {
                Some("download the file, or read it by s3://, gs:// or az:// with an account".into())
            }
            Error::Query { .. } => Some("in an address, ? is written %3F, and # is written %23".into()),
            Error::Address { .. } => {
                Some("it has the form s3://bucket/path, gs://bucket/path or az://container/path".into())
            }
            Error::Incomplete { form, .. } => Some(format!("it has the form {form}")),
            Error::Profile { hint, .. } => hint.clone(),
            Error::Unlisted { .. } => Some("name each file, and join them with UNION ALL".into()),
            Error::Unwritten { .. } => Some("write to a file, or to s3://, gs:// or az://".into()),
            Error::Pattern { .. } => None,
            Error::Store { account, .. } => Some((*account).into()),
        }
    }
}

impl From<Error> for DataFusionError {
    fn from(error: Error) -> DataFusionError {
        let refused = Refused { message: crate::error::with_causes(&error), hint: error.hint() };
        DataFusionError::External(Box::new(refused))
    }
}
