//! The server's certificate.
//!
//! In: files in PEM. Out: what makes TLS connections. A certificate that cannot be used is an error when the server starts, so that it
//! never speaks in the clear instead.

use std::fs;
use std::path::Path;

use openssl::pkey::PKey;
use openssl::x509::X509;
use tokio_native_tls::native_tls::{Identity, Protocol, TlsAcceptor};

use super::{Error, Tls};

/// Reads the certificate and its key.
///
/// # Errors
/// A file cannot be read, is not PEM, or the key is another certificate's.
pub fn acceptor(files: &Tls) -> Result<tokio_native_tls::TlsAcceptor, Error> {
    let read = |path: &Path| fs::read(path).map_err(|source| Error::File { path: path.into(), source });
    let (certificate, key) = (read(&files.certificate)?, read(&files.key)?);
    let made = made(&certificate, &key);
    made.map_err(|why| Error::Certificate { certificate: files.certificate.clone(), key: files.key.clone(), why })
}

fn made(certificate: &[u8], key: &[u8]) -> Result<tokio_native_tls::TlsAcceptor, String> {
    let text = |error: openssl::error::ErrorStack| match error.errors().first().and_then(|error| error.reason()) {
        Some(reason) => reason.to_lowercase(),
        None => "it is not PEM".into(),
    };
    let chain = X509::stack_from_pem(certificate).map_err(text)?;
    let first = chain.first().ok_or("it holds no certificate")?;
    let key = PKey::private_key_from_pem(key).map_err(text)?;
    if !first.public_key().map_err(text)?.public_eq(&key) {
        return Err("the key is another certificate's".into());
    }
    let key = key.private_key_to_pem_pkcs8().map_err(text)?;
    let identity = Identity::from_pkcs8(certificate, &key).map_err(|error| error.to_string())?;
    let acceptor = TlsAcceptor::builder(identity).min_protocol_version(Some(Protocol::Tlsv12)).build();
    Ok(acceptor.map_err(|error| error.to_string())?.into())
}
