//! An S3 server in the test's own process, on a loopback port: s3s-fs behind a layer that fails on purpose.
//!
//! s3s-fs checks a conditional request and then writes, without a lock between them. So the layer lets one write through at a time,
//! and no read beside it. A request is carried out to its end even if its client is gone. The server has what squall relies on:
//! conditional writes, listings and ranges that see every write at once. It does not have what else a real store does by itself:
//! throttling, which is injected here instead; permissions, of which it has only right and wrong keys; 409 answers to simultaneous
//! conditional writes; and regions.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::http::{Method, Request, Response, StatusCode};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpRequest, HttpResponse};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::RwLock;

const KEY: &str = "tests";
const SECRET: &str = "the-secret-of-the-tests";
/// More than any object of a test.
const MOST_BYTES: usize = 256 << 20;

/// How often requests fail: each share is in [0, 1], of all requests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Answers 503 and does nothing.
    pub slow_down: f64,
    /// Does the work and answers 500.
    pub error_after: f64,
    /// Does the work and cuts the connection instead of answering.
    pub cut_after: f64,
    /// Waits up to this long before each request.
    pub latency: Duration,
}

/// What happened to the requests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub requests: u64,
    pub slow_down: u64,
    pub error_after: u64,
    pub cut_after: u64,
}

/// A server with one bucket, `bucket`. It ends when this is dropped.
pub struct S3Server {
    address: SocketAddr,
    root: TempDir,
    state: Arc<State>,
    runtime: Option<Runtime>,
}

struct State {
    service: S3Service,
    writing: RwLock<()>,
    faults: Mutex<(Faults, Pcg64, Counts)>,
}

impl S3Server {
    /// Starts a server on a free port.
    pub fn start() -> S3Server {
        let root = TempDir::new().unwrap();
        std::fs::create_dir(root.path().join("bucket")).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(root.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let faults = Mutex::new((Faults::default(), Pcg64::seed_from_u64(7), Counts::default()));
        let state = Arc::new(State { service: service.build(), writing: RwLock::new(()), faults });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(serve(listener, Arc::clone(&state)));
        S3Server { address, root, state, runtime: Some(runtime) }
    }

    /// Returns the variables with which a program finds the server.
    pub fn environment(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://{}", self.address);
        let variables = [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        variables.map(|(name, value)| (name.into(), value.into())).into()
    }

    /// Returns the secret key, which must never be printed.
    pub fn secret(&self) -> &'static str {
        SECRET
    }

    /// Lets requests fail from now on; the seed says which.
    pub fn fail(&self, faults: Faults, seed: u64) {
        let mut state = self.state.faults.lock().unwrap();
        state.0 = faults;
        state.1 = Pcg64::seed_from_u64(seed);
    }

    /// Returns what has happened to requests so far.
    pub fn counts(&self) -> Counts {
        self.state.faults.lock().unwrap().2
    }

    /// Returns where the server keeps the object with this key of its bucket.
    pub fn path(&self, key: &str) -> PathBuf {
        self.root.path().join("bucket").join(key)
    }

    /// Puts an object into the bucket as it is.
    pub fn put(&self, key: &str, content: &[u8]) {
        let path = self.path(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Returns the keys of the objects directly below a folder of the bucket, ascending.
    pub fn keys(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(folder)) else { return Vec::new() };
        let entries = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        let mut names: Vec<String> = entries.map(|path| name(&path)).collect();
        names.sort();
        names
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(listener: std::net::TcpListener, state: Arc<State>) {
    let listener = TcpListener::from_std(listener).unwrap();
    while let Ok((socket, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let answer = service_fn(move |request: Request<Incoming>| {
                let state = Arc::clone(&state);
                async move { answer(state, request).await }
            });
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), answer).await;
        });
    }
}

/// Answers a request; an error cuts the connection.
async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<HttpResponse, std::io::Error> {
    let (fault, wait) = state.draw();
    tokio::time::sleep(wait).await;
    if fault == Fault::SlowDown {
        return Ok(failure(StatusCode::SERVICE_UNAVAILABLE, "SlowDown"));
    }
    // s3s-fs makes a bucket that is missing.
    let bucket = request.uri().path().split('/').nth(1).unwrap_or_default();
    if bucket != "bucket" {
        return Ok(failure(StatusCode::NOT_FOUND, "NoSuchBucket"));
    }
    // A client that is halted while it sends must not keep others out.
    let (parts, body) = request.into_parts();
    let mut body = Body::from(body);
    let sent = body.store_all_limited(MOST_BYTES).await.map_err(std::io::Error::other)?;
    let request = Request::from_parts(parts, Body::from(sent));
    let done = tokio::spawn(async move { state.carry_out(request).await }).await.unwrap().unwrap();
    match fault {
        Fault::ErrorAfter => Ok(failure(StatusCode::INTERNAL_SERVER_ERROR, "InternalError")),
        Fault::CutAfter => Err(std::io::Error::other("cut on purpose")),
        Fault::None | Fault::SlowDown => Ok(done),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    SlowDown,
    ErrorAfter,
    CutAfter,
}

impl State {
    /// Draws what happens to a request, and how long it waits.
    fn draw(&self) -> (Fault, Duration) {
        let mut state = self.faults.lock().unwrap();
        let (faults, random, counts) = &mut *state;
        counts.requests += 1;
        let wait = faults.latency.mul_f64(random.random::<f64>());
        let mut at = random.random::<f64>();
        let shares = [
            (Fault::SlowDown, faults.slow_down, &mut counts.slow_down),
            (Fault::ErrorAfter, faults.error_after, &mut counts.error_after),
            (Fault::CutAfter, faults.cut_after, &mut counts.cut_after),
        ];
        for (fault, share, count) in shares {
            if at < share {
                *count += 1;
                return (fault, wait);
            }
            at -= share;
        }
        (Fault::None, wait)
    }

    async fn carry_out(&self, request: HttpRequest) -> Result<HttpResponse, Infallible> {
        let answered = if [Method::GET, Method::HEAD].contains(request.method()) {
            let _reading = self.writing.read().await;
            self.service.call(request).await
        } else {
            let _writing = self.writing.write().await;
            self.service.call(request).await
        };
        Ok(answered.unwrap_or_else(|_| failure(StatusCode::INTERNAL_SERVER_ERROR, "InternalError")))
    }
}

fn failure(status: StatusCode, code: &str) -> HttpResponse {
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code></Error>");
    let response = Response::builder().status(status).header("content-type", "application/xml");
    response.body(Body::from(body)).unwrap()
}
