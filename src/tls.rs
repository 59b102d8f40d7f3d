//! Certificates of servers, and those that clients trust.
//!
//! In: files in PEM. Out: what makes TLS connections. A certificate that cannot be used is an error when a server starts, so that it
//! never speaks in the clear instead.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use openssl::pkey::PKey;
use openssl::x509::X509;
use tokio_native_tls::native_tls::{self, Identity, Protocol};

use crate::error::Hint;

/// The files of a server's certificate and its key, in PEM.
#[derive(Debug, Clone)]
pub struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Why TLS cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} is not a certificate with its key {}: {why}", certificate.display(), key.display())]
    Certificate { certificate: PathBuf, key: PathBuf, why: String },
    #[error("{} holds no certificates that can be trusted: {why}", path.display())]
    Authorities { path: PathBuf, why: String },
    #[error("TLS cannot be used: {0}")]
    Library(#[from] native_tls::Error),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Error::Certificate { .. } => Some(
                "`openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 365` makes both".into(),
            ),
            _ => None,
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::File { path: path.into(), source })
}

/// Reads a server's certificate and its key. Clients that ask are told which of the protocols the server speaks, such as `h2`.
///
/// # Errors
/// A file cannot be read, is not PEM, or the key is another certificate's.
pub fn acceptor(files: &Files, protocols: &[&str]) -> Result<tokio_native_tls::TlsAcceptor, Error> {
    let (certificate, key) = (read(&files.certificate)?, read(&files.key)?);
    let made = made(&certificate, &key, protocols);
    made.map_err(|why| Error::Certificate { certificate: files.certificate.clone(), key: files.key.clone(), why })
}

/// Returns what connects to servers whose certificates are signed by those of a file; without one, by those of the system.
///
/// # Errors
/// The file cannot be read, or holds no certificate.
pub fn connector(authorities: Option<&Path>) -> Result<tokio_native_tls::TlsConnector, Error> {
    let mut builder = native_tls::TlsConnector::builder();
    builder.min_protocol_version(Some(Protocol::Tlsv12));
    if let Some(path) = authorities {
        let wrong = |why: String| Error::Authorities { path: path.into(), why };
        let trusted = X509::stack_from_pem(&read(path)?).map_err(|error| wrong(text(error)))?;
        if trusted.is_empty() {
            return Err(wrong("it is not PEM".into()));
        }
        builder.disable_built_in_roots(true);
        for certificate in trusted {
            let pem = certificate.to_pem().map_err(|error| wrong(text(error)))?;
            builder.add_root_certificate(native_tls::Certificate::from_pem(&pem)?);
        }
    }
    Ok(builder.build()?.into())
}

fn text(error: openssl::error::ErrorStack) -> String {
    match error.errors().first().and_then(|error| error.reason()) {
        Some(reason) => reason.to_lowercase(),
        None => "it is not PEM".into(),
    }
}

fn made(certificate: &[u8], key: &[u8], protocols: &[&str]) -> Result<tokio_native_tls::TlsAcceptor, String> {
    let chain = X509::stack_from_pem(certificate).map_err(text)?;
    let first = chain.first().ok_or("it holds no certificate")?;
    let key = PKey::private_key_from_pem(key).map_err(text)?;
    if !first.public_key().map_err(text)?.public_eq(&key) {
        return Err("the key is another certificate's".into());
    }
    let key = key.private_key_to_pem_pkcs8().map_err(text)?;
    let identity = Identity::from_pkcs8(certificate, &key).map_err(|error| error.to_string())?;
    let mut builder = native_tls::TlsAcceptor::builder(identity);
    builder.min_protocol_version(Some(Protocol::Tlsv12));
    if !protocols.is_empty() {
        builder.accept_alpn(protocols);
    }
    Ok(builder.build().map_err(|error| error.to_string())?.into())
}
