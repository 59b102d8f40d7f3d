//! Serves the project over PostgreSQL's wire protocol and over Arrow Flight SQL, so that other tools see tables, views, models and
//! functions.
//!
//! In: addresses, and how to open a session. Out: answers to clients. A client of PostgreSQL's proves that it knows the password by
//! SCRAM-SHA-256; an address that other machines reach is refused without a password and TLS. Statements read, unless creating is
//! allowed. Source of the protocol: part "Frontend/Backend Protocol" of PostgreSQL's manual. docs/serve.md says what is promised.

mod ahead;
mod commands;
mod connection;
mod encode;
mod engine;
mod extended;
mod failure;
mod flight;
mod foreign;
mod parameters;
mod reflect;
mod results;
mod rows;
mod scram;
mod settings;
mod startup;
mod types;
mod watch;
mod wire;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch as channel};
use tokio::task::JoinSet;

use crate::dialect::STACK;
use crate::error::Hint;
use crate::tls;
pub use engine::Open;
use engine::Shared;
use scram::Verifier;

/// How long clients have to be told that the server stops.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How many clients may be about to prove who they are.
const KNOCKING: usize = 64;

/// How long nothing may be heard of a client's machine before it is asked whether it is there, and how often it is asked again.
const SILENCE: Duration = Duration::from_secs(60);
const ASKED_AGAIN: Duration = Duration::from_secs(10);

/// How the server serves.
pub struct Options {
    /// The address of PostgreSQL's protocol.
    pub pg: Option<SocketAddr>,
    /// The address of Arrow Flight SQL.
    pub flight: Option<SocketAddr>,
    pub user: String,
    /// `None` lets in whoever reaches the address.
    pub password: Option<String>,
    pub tls: Option<tls::Files>,
    pub max_connections: usize,
    /// The longest that a statement may take, unless a client asks for another time.
    pub statement_timeout: Option<Duration>,
    /// Whether clients may create and drop views, and create models.
    pub allow_create: bool,
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("other machines reach {0}, and there is no password")]
    OpenWithoutPassword(SocketAddr),
    #[error("other machines reach {0}, and there is no TLS")]
    OpenWithoutTls(SocketAddr),
    #[error("the password has characters that are not ASCII")]
    Password,
    #[error("the password is empty")]
    NoPassword,
    #[error(transparent)]
    Tls(#[from] tls::Error),
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("{0}")]
    Open(String),
    #[error("cannot start threads")]
    Threads(#[source] io::Error),
    #[error("the system has no random numbers")]
    Random(#[from] openssl::error::ErrorStack),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Error::OpenWithoutPassword(_) => "leave --no-password out, or serve on 127.0.0.1".into(),
            Error::OpenWithoutTls(_) => "give --tls-cert and --tls-key, or serve on 127.0.0.1".into(),
            Error::Password => "clients write other characters differently; choose a password of ASCII".into(),
            Error::NoPassword => "set SQUALL_SERVE_PASSWORD, or give --password-file".into(),
            Error::Tls(error) => return error.hint(),
            Error::Listen { .. } => "another program may use the port; port 0 takes a free one".into(),
            Error::Open(_) | Error::Threads(_) | Error::Random(_) => return None,
        })
    }
}

/// What connections share.
pub(crate) struct Server {
    user: String,
    verifier: Option<Verifier>,
    tls: Option<tokio_native_tls::TlsAcceptor>,
    statement_timeout: Option<Duration>,
    allow_create: bool,
    max_connections: usize,
    shared: Arc<Shared>,
    open: AtomicUsize,
    next_process: AtomicI32,
    /// For each connection the secret that a cancel request must know, and how many requests there were.
    running: Mutex<HashMap<i32, (i32, channel::Sender<u64>)>>,
    stopping: channel::Receiver<bool>,
}

impl Server {
    /// Returns a number for a connection or a session.
    fn process(&self) -> i32 {
        self.next_process.fetch_add(1, Ordering::Relaxed)
    }

    /// Cancels the statement of a connection, if the secret is right.
    fn cancel(&self, process: i32, secret: i32) {
        let running = self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((known, requests)) = running.get(&process)
            && *known == secret
        {
            requests.send_modify(|count| *count += 1);
        }
    }
}

/// A server that listens.
pub struct Listening {
    pg: Option<TcpListener>,
    flight: Option<(TcpListener, Option<tokio_native_tls::TlsAcceptor>)>,
    server: Arc<Server>,
    stop: channel::Sender<bool>,
    /// The threads of statements.
    threads: Threads,
}

impl Listening {
    /// Starts to listen.
    ///
    /// # Errors
    /// An address would be open to others without a password or TLS, the certificate or the project cannot be read, or the address is
    /// taken.
    pub async fn start(options: Options, open: Open) -> Result<Listening, Error> {
        for address in options.pg.into_iter().chain(options.flight).filter(|address| !address.ip().is_loopback()) {
            if options.password.is_none() {
                return Err(Error::OpenWithoutPassword(address));
            }
            if options.tls.is_none() {
                return Err(Error::OpenWithoutTls(address));
            }
        }
        let verifier = match &options.password {
            Some(password) if password.is_empty() => return Err(Error::NoPassword),
            Some(password) if !password.is_ascii() => return Err(Error::Password),
            Some(password) => Some(Verifier::new(password)?),
            None => None,
        };
        let acceptor =
            |protocols: &[&str]| options.tls.as_ref().map(|files| tls::acceptor(files, protocols)).transpose();
        let (tls, flight_tls) = (acceptor(&[])?, acceptor(&[flight::PROTOCOL])?);
        let threads = Threads::start()?;
        let shared = Arc::new(Shared::new(open, threads.handle.clone()).await.map_err(Error::Open)?);
        let (pg, flight) = (bound(options.pg).await?, bound(options.flight).await?);
        let (stop, stopping) = channel::channel(false);
        let server = Arc::new(Server {
            user: options.user,
            verifier,
            tls,
            statement_timeout: options.statement_timeout,
            allow_create: options.allow_create,
            max_connections: options.max_connections,
            shared,
            open: AtomicUsize::new(0),
            next_process: AtomicI32::new(1),
            running: Mutex::new(HashMap::new()),
            stopping,
        });
        Ok(Listening { pg, flight: flight.map(|listener| (listener, flight_tls)), server, stop, threads })
    }

    /// Returns the address of PostgreSQL's protocol, with the port that the system chose if it was 0.
    ///
    /// # Errors
    /// The system does not say.
    pub fn pg(&self) -> io::Result<Option<SocketAddr>> {
        self.pg.as_ref().map(TcpListener::local_addr).transpose()
    }

    /// Returns the address of Arrow Flight SQL, as clients name it.
    ///
    /// # Errors
    /// The system does not say.
    pub fn flight(&self) -> io::Result<Option<String>> {
        let Some((listener, tls)) = &self.flight else { return Ok(None) };
        let scheme = if tls.is_some() { "grpc+tls" } else { "grpc" };
        Ok(Some(format!("{scheme}://{}", listener.local_addr()?)))
    }

    /// Serves clients until `stopped`. Then running statements end, and clients are told why.
    pub async fn run(self, stopped: impl Future<Output = ()>) {
        let mut connections = JoinSet::new();
        let mut flying = JoinSet::new();
        if let Some((listener, tls)) = self.flight {
            flying.spawn(flight::serve(listener, tls, Arc::clone(&self.server)));
        }
        let knocking = Arc::new(Semaphore::new(KNOCKING));
        let accept = async || match &self.pg {
            Some(listener) => listener.accept().await,
            None => std::future::pending().await,
        };
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                () = &mut stopped => break,
                Some(_) = connections.join_next() => {}
                accepted = accept() => match accepted {
                    // Whoever sends nothing must not keep those out who know the password.
                    Ok((stream, _)) => if let Ok(knock) = Arc::clone(&knocking).try_acquire_owned() {
                        connections.spawn(serve(stream, Arc::clone(&self.server), knock));
                    },
                    // The system may have no more files for a moment; keep serving the others.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
            }
        }
        drop(self.pg);
        let _ = self.stop.send(true);
        let all = async {
            while connections.join_next().await.is_some() {}
            while flying.join_next().await.is_some() {}
        };
        // A client that does not read is not waited for.
        let _ = tokio::time::timeout(LAST_WORDS, all).await;
        drop(self.threads);
    }
}

async fn bound(address: Option<SocketAddr>) -> Result<Option<TcpListener>, Error> {
    let Some(address) = address else { return Ok(None) };
    TcpListener::bind(address).await.map(Some).map_err(|source| Error::Listen { address, source })
}

/// Threads that are not waited for when they are dropped: what a statement plans cannot be ended before its own end.
struct Threads {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Threads {
    fn start() -> Result<Threads, Error> {
        let runtime =
            Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build().map_err(Error::Threads)?;
        Ok(Threads { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The place of a connection among those that the server takes; it is free again when this is dropped, also by a panic.
pub(crate) struct Place {
    server: Arc<Server>,
    process: i32,
}

impl Place {
    /// Takes a place; `None` if there are too many connections.
    fn take(server: &Arc<Server>, process: i32) -> Option<Place> {
        let server = Arc::clone(server);
        let free = |open: usize| (open < server.max_connections).then_some(open + 1);
        server.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, free).ok()?;
        Some(Place { server, process })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.server.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&self.process);
        self.server.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves one client to its end.
async fn serve(stream: TcpStream, server: Arc<Server>, knock: OwnedSemaphorePermit) {
    // Answers are small, and waiting for more bytes would delay each. A socket that refuses still works.
    let _ = stream.set_nodelay(true);
    // A machine that sleeps or lost its network must not keep its place for ever.
    let keepalive = TcpKeepalive::new().with_time(SILENCE).with_interval(ASKED_AGAIN);
    let _ = SockRef::from(&stream).set_tcp_keepalive(&keepalive);
    let process = server.process();
    // The client is gone, or does not speak the protocol: there is nobody to report to.
    let _ = startup::serve(stream, &server, process, knock).await;
}
