//! Recordings from the network: a file is downloaded into a folder of its own, and removed when it was read.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use url::Url;

use super::Error;

/// How long a server may take to accept a connection, and to begin its answer.
const CONNECT: Duration = Duration::from_secs(15);
const ANSWER: Duration = Duration::from_secs(60);
const BUFFER_BYTES: usize = 256 * 1024;

/// A downloaded file; it is removed with this.
#[derive(Debug)]
pub struct Download {
    dir: PathBuf,
    pub file: PathBuf,
}

impl Drop for Download {
    fn drop(&mut self) {
        // A file that cannot be removed stays; nothing reads it.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Returns the address that the user named instead of a file.
pub fn address(path: &Path) -> Option<&str> {
    path.to_str().filter(|text| text.starts_with("https://") || text.starts_with("http://"))
}

/// Downloads a file below `dir`.
///
/// # Errors
/// The address is not one, the server does not send the file, or the disk cannot take it.
pub fn download(address: &str, dir: &Path) -> Result<Download, Error> {
    let bad = || Error::Address { address: shown(address) };
    let url = Url::parse(address).map_err(|_| bad())?;
    // Names of products stand in the file's name.
    let name = url.path_segments().and_then(|mut parts| parts.next_back()).filter(|name| !name.is_empty());
    let name = name.filter(|name| *name != "." && *name != "..").unwrap_or("download");
    let written = |source| Error::Spill { dir: dir.to_path_buf(), source };
    let dir = dir.join(format!(".download-{}-{:016x}", std::process::id(), crate::text::fnv1a(address.as_bytes())));
    std::fs::create_dir_all(&dir).map_err(written)?;
    let download = Download { file: dir.join(name), dir };
    let failed = |source| Error::Download { address: shown(address), source: Box::new(source) };
    let mut answer = agent().get(url.as_str()).call().map_err(failed)?;
    let mut file = io::BufWriter::with_capacity(BUFFER_BYTES, File::create(&download.file).map_err(written)?);
    let mut body = answer.body_mut().as_reader();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match io::Read::read(&mut body, &mut buffer).map_err(|error| failed(ureq::Error::Io(error)))? {
            0 => break,
            read => file.write_all(&buffer[..read]).map_err(written)?,
        }
    }
    file.flush().map_err(written)?;
    Ok(download)
}

fn agent() -> Agent {
    let tls = TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(RootCerts::PlatformVerifier).build();
    let config = Agent::config_builder()
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(ANSWER))
        .user_agent(concat!("squall/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls);
    config.build().into()
}

/// Returns an address as messages show it: the rest may hold a password or a key.
pub fn shown(address: &str) -> String {
    match Url::parse(address) {
        Ok(url) if url.has_host() => {
            let port = url.port().map_or(String::new(), |port| format!(":{port}"));
            format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
        }
        _ => address.split(['?', '#']).next().unwrap_or_default().into(),
    }
}
