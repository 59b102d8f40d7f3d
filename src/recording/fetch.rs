//! Recordings from the network: a file is downloaded aside, and removed when it was read. What a process that was killed left is removed
//! by the next one.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use url::Url;

use super::Error;
use crate::durable::{self, Aside};

/// How long a server may take to accept a connection, and to begin its answer.
const CONNECT: Duration = Duration::from_secs(15);
const ANSWER: Duration = Duration::from_secs(60);
/// How long a server may send nothing in the middle of its answer.
const SILENCE: Duration = Duration::from_secs(60);
const BUFFER_BYTES: usize = 256 * 1024;

/// Returns the address that the user named instead of a file.
pub fn address(path: &Path) -> Option<&str> {
    let begins =
        |text: &str, scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    path.to_str().filter(|text| begins(text, "https://") || begins(text, "http://"))
}

/// Downloads a file below `dir`, aside; it is removed with what this returns.
///
/// # Errors
/// The address is not one, the server does not send the file or stops in the middle, or the disk cannot take it.
pub fn download(address: &str, dir: &Path) -> Result<Aside, Error> {
    download_within(SILENCE, address, dir)
}

fn download_within(silence: Duration, address: &str, dir: &Path) -> Result<Aside, Error> {
    let url = Url::parse(address).map_err(|_| Error::Address { address: shown(address) })?;
    let written = |source| Error::Store { dir: dir.to_path_buf(), source };
    durable::remove_leftovers(dir).map_err(written)?;
    // Names of products are taken from the address, so the file's own name does not matter.
    let aside = Aside::beside(&dir.join("download")).map_err(written)?;
    let failed = |source| Error::Download { address: shown(address), source: Box::new(source) };
    let mut answer = agent(silence).get(url.as_str()).call().map_err(failed)?;
    let mut file = io::BufWriter::with_capacity(BUFFER_BYTES, File::create(aside.path()).map_err(written)?);
    let mut body = answer.body_mut().as_reader();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match io::Read::read(&mut body, &mut buffer).map_err(|error| failed(ureq::Error::Io(error)))? {
            0 => break,
            read => file.write_all(&buffer[..read]).map_err(written)?,
        }
    }
    file.flush().map_err(written)?;
    drop(file);
    Ok(aside)
}

fn agent(silence: Duration) -> Agent {
    let tls = TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(RootCerts::PlatformVerifier).build();
    let config = Agent::config_builder()
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(ANSWER))
        .timeout_per_read(Some(silence))
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

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    use super::{address, download_within};

    /// Answers one request with these bytes, and then keeps the connection open without sending anything.
    fn serve(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}/a.csv", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
            while lines.next().is_some_and(|line| !line.expect("a header").is_empty()) {}
            stream.write_all(answer.as_bytes()).expect("sent");
            let _ = lines.next();
        });
        address
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(dir).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_body_that_stalls_ends_the_download() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let address = serve("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\na,b,c\n");
        let begun = std::time::Instant::now();
        let error = download_within(Duration::from_millis(200), &address, temp.path()).expect_err("it stalls");
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
        assert!(error.to_string().starts_with("cannot download http://127.0.0.1"), "{error}");
        assert!(names(temp.path()).is_empty(), "{:?}", names(temp.path()));
    }

    #[test]
    fn what_a_killed_download_left_is_removed_by_the_next() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let left = temp.path().join(".download.1-2-3.part");
        std::fs::create_dir(&left).expect("made");
        std::fs::write(left.join("download"), "half").expect("written");
        let past = SystemTime::now() - Duration::from_secs(3600);
        std::fs::File::open(&left).and_then(|dir| dir.set_modified(past)).expect("the folder's time is set");
        let address = serve("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\na,b,c\n");
        let download = download_within(Duration::from_secs(30), &address, temp.path()).expect("downloaded");
        assert!(!left.exists());
        assert_eq!(std::fs::read(download.path()).expect("the file"), b"a,b,c\n");
        drop(download);
        assert!(names(temp.path()).is_empty(), "{:?}", names(temp.path()));
    }

    #[test]
    fn an_address_may_have_capitals() {
        assert_eq!(address(Path::new("HTTPS://a.example/b.csv")), Some("HTTPS://a.example/b.csv"));
        assert_eq!(address(Path::new("https.csv")), None);
        assert_eq!(address(Path::new("http:/é/a")), None);
    }
}
