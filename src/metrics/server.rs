//! A small HTTP server: `/metrics` and `/healthz`, one answer a connection.
//!
//! In: GET and HEAD requests. Out: answers. It reads the head of a request only, in bounded memory and time; docs/decisions/0011-metrics.md
//! says why it is not a library.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::prometheus_text::CONTENT_TYPE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::{Address, Error, Metrics};

/// The longest head of a request, and the most headers.
const MOST_BYTES: usize = 16 << 10;
const MOST_HEADERS: usize = 64;
/// How long a connection may take, from its first byte to its last.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many connections are answered at once; others wait.
const MOST_CONNECTIONS: usize = 16;
/// How long to wait after a connection could not be accepted, as when the process has too many files open.
const REST: Duration = Duration::from_millis(200);

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Begins to serve metrics.
    ///
    /// # Errors
    /// The address cannot be used.
    pub async fn start(address: &Address, metrics: Metrics) -> Result<Server, Error> {
        let failed = |source| Error::Bind { address: address.clone(), source };
        let listener = TcpListener::bind(address.to_string()).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        Ok(Server { address: bound, task: tokio::spawn(serve(listener, metrics)) })
    }

    /// Returns the address at which it serves.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, metrics: Metrics) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((mut stream, _)) = listener.accept().await else {
            tokio::time::sleep(REST).await;
            continue;
        };
        let metrics = metrics.clone();
        tokio::spawn(async move {
            // A client that is too slow, or has gone, gets nothing.
            let _ = tokio::time::timeout(PATIENCE, answer(&mut stream, &metrics)).await;
            drop(place);
        });
    }
}

/// An answer to a request.
struct Answer {
    status: &'static str,
    content_type: &'static str,
    body: String,
}

impl Answer {
    fn text(status: &'static str, body: &str) -> Answer {
        Answer { status, content_type: "text/plain; charset=utf-8", body: format!("{body}\n") }
    }
}

/// Reads a request, and answers it.
async fn answer(stream: &mut TcpStream, metrics: &Metrics) -> std::io::Result<()> {
    let mut head = Vec::with_capacity(1024);
    let (answer, has_body) = loop {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&head) {
            Ok(httparse::Status::Complete(_)) => {
                let (method, target) = (request.method.unwrap_or_default(), request.path.unwrap_or_default());
                break (answer_to(method, target, metrics), method != "HEAD");
            }
            Ok(httparse::Status::Partial) if head.len() < MOST_BYTES => {}
            Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                break (Answer::text("431 Request Header Fields Too Large", "the request is too long"), true);
            }
            Err(_) => break (Answer::text("400 Bad Request", "this is not a request"), true),
        }
    };
    let Answer { status, content_type, body } = answer;
    let length = body.len();
    let allow = if status.starts_with("405") { "Allow: GET, HEAD\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n{allow}Connection: close\r\n\r\n"
    );
    let body = if has_body { body } else { String::new() };
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    stream.shutdown().await
}

fn answer_to(method: &str, target: &str, metrics: &Metrics) -> Answer {
    if !matches!(method, "GET" | "HEAD") {
        return Answer::text("405 Method Not Allowed", "GET reads /metrics and /healthz");
    }
    match target.split('?').next().unwrap_or_default() {
        "/metrics" => Answer { status: "200 OK", content_type: CONTENT_TYPE, body: metrics.text() },
        "/healthz" => {
            let (is_well, body) = metrics.health();
            let status = if is_well { "200 OK" } else { "503 Service Unavailable" };
            Answer { status, content_type: "application/json", body }
        }
        _ => Answer::text("404 Not Found", "here are /metrics and /healthz"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(server: &Server, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        // The server may answer, and close, before it has read everything.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn requests_get_their_answers() {
        let metrics = Metrics::default();
        let server = Server::start(&"0".parse().unwrap(), metrics.clone()).await.unwrap();
        assert!(server.address().ip().is_loopback());
        metrics.messages.add(&[], 7);
        let found = ask(&server, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(found.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
        assert!(found.contains("\nsquall_messages_total 7\n"), "{found}");
        let (head, body) = found.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
        let found = ask(&server, b"HEAD /metrics?x=1 HTTP/1.0\r\n\r\n").await;
        assert!(found.starts_with("HTTP/1.1 200") && found.ends_with("\r\n\r\n"), "{found}");
        let status = async |request: &[u8]| ask(&server, request).await.split(' ').nth(1).map(str::to_string);
        assert_eq!(status(b"GET /healthz HTTP/1.1\r\n\r\n").await.as_deref(), Some("503"));
        metrics.turned();
        assert_eq!(status(b"GET /healthz HTTP/1.1\r\n\r\n").await.as_deref(), Some("200"));
        assert_eq!(status(b"GET / HTTP/1.1\r\n\r\n").await.as_deref(), Some("404"));
        assert_eq!(status(b"GET /metrics/ HTTP/1.1\r\n\r\n").await.as_deref(), Some("404"));
        assert_eq!(status(b"POST /metrics HTTP/1.1\r\n\r\n").await.as_deref(), Some("405"));
        assert_eq!(status(b"\x16\x03\x01\x00\xff rubbish\r\n\r\n").await.as_deref(), Some("400"));
        let many = "x: y\r\n".repeat(100);
        assert_eq!(status(format!("GET / HTTP/1.1\r\n{many}\r\n").as_bytes()).await.as_deref(), Some("431"));
        let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(MOST_BYTES));
        assert_eq!(status(long.as_bytes()).await.as_deref(), Some("431"));
    }

    #[tokio::test]
    async fn clients_that_say_nothing_hold_up_nobody() {
        let server = Server::start(&"0".parse().unwrap(), Metrics::default()).await.unwrap();
        let mut silent = Vec::new();
        for _ in 0..MOST_CONNECTIONS - 1 {
            silent.push(TcpStream::connect(server.address()).await.unwrap());
        }
        let found = ask(&server, b"GET /metrics HTTP/1.1\r\n\r\n").await;
        assert!(found.starts_with("HTTP/1.1 200"), "{found}");
    }
}
