//! The worker: it reads plans, computes them, and sends their rows.
//!
//! In: an address, and the session whose functions it has. Out: answers to whoever knows the token. It keeps no state between plans. Who
//! may send plans may read every file that the process can read.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use datafusion::error::DataFusionError;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion_distributed::{DistributedExt, Worker, WorkerQueryContext};
use futures::stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use tokio_native_tls::TlsAcceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tonic::{Request, Status};

use super::Error;
use super::build::build;
use super::codec::Codec;
use super::connection::{Bytes, Info, REFUSED, authorization};
use super::enclosed::Envelopes;
use crate::hmac::is_same;
use crate::tls;

/// How long a client may take for its handshake.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many clients may be about to begin.
const KNOCKING: usize = 64;

/// How often a silent connection is asked whether the other side is there, and how long that may take.
const ASKED: Duration = Duration::from_secs(10);
const ANSWERED: Duration = Duration::from_secs(60);

/// How long a worker that is to end goes on with what it has begun.
const LAST_WORK: Duration = Duration::from_secs(10);

/// How a worker works.
pub struct Options {
    pub address: SocketAddr,
    /// Empty lets in whoever reaches the address.
    pub token: String,
    pub tls: Option<tls::Files>,
    /// How many plans are computed at a time.
    pub threads: usize,
    /// The session whose functions, files and memory the worker has.
    pub state: SessionState,
}

/// A worker that has an address.
pub struct Listening {
    listener: TcpListener,
    worker: Worker,
    tls: Option<TlsAcceptor>,
    expected: Option<Arc<[u8]>>,
}

impl Listening {
    /// Starts a worker.
    ///
    /// # Errors
    /// Other machines reach the address, and there is no token or no TLS; the certificate cannot be used; the address is taken.
    pub async fn start(options: Options) -> Result<Listening, Error> {
        let Options { address, token, tls, threads, state } = options;
        let expected = authorization(&token)?.map(|value| Arc::from(value.as_bytes()));
        if !address.ip().is_loopback() {
            if expected.is_none() {
                return Err(Error::OpenWithoutToken(address));
            }
            if tls.is_none() {
                return Err(Error::OpenWithoutTls(address));
            }
        }
        let tls = tls.map(|files| tls::acceptor(&files)).transpose()?;
        let build = build().map_err(|why| Error::NoBuild(why.into()))?;
        let info = Info { build: build.into(), threads };
        let version = serde_json::to_string(&info).map_err(|error| Error::NoBuild(error.to_string()))?;
        let runtime = Arc::clone(state.runtime_env());
        let codec = Arc::new(Codec::of(&state));
        let session = move |query: WorkerQueryContext| {
            let made = session(query, &state, &codec);
            async move { made }
        };
        let worker = Worker::from_session_builder(session).with_runtime_env(runtime).with_version(version);
        let listener = TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })?;
        Ok(Listening { listener, worker, tls, expected })
    }

    /// Returns the address.
    ///
    /// # Errors
    /// The system does not say it.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Works until `stop` is ready.
    ///
    /// # Errors
    /// The server fails.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), Error> {
        let (sender, receiver) = mpsc::channel(KNOCKING);
        let accepting = tokio::spawn(accept(self.listener, self.tls, sender));
        let incoming = stream::unfold(receiver, async |mut receiver| {
            let socket: Socket = receiver.recv().await?;
            Some((Ok::<_, std::io::Error>(socket), receiver))
        });
        let expected = self.expected;
        let check = move |request: Request<()>| {
            let Some(expected) = &expected else { return Ok(request) };
            let given = request.metadata().get("authorization").map(|value| value.as_bytes());
            if given.is_some_and(|given| is_same(given, expected)) {
                Ok(request)
            } else {
                Err(Status::unauthenticated(REFUSED))
            }
        };
        let service = InterceptedService::new(self.worker.into_worker_server(), check);
        let mut server =
            Server::builder().http2_keepalive_interval(Some(ASKED)).http2_keepalive_timeout(Some(ANSWERED));
        let (stopping, stopped) = oneshot::channel();
        let serving = server.add_service(service).serve_with_incoming_shutdown(Box::pin(incoming), async {
            stop.await;
            // The receiver is there as long as this runs.
            let _ = stopping.send(());
        });
        // What is not done by then, another worker does.
        let too_long = async {
            if stopped.await.is_ok() {
                tokio::time::sleep(LAST_WORK).await;
            }
        };
        let served = tokio::select! {
            served = serving => served,
            () = too_long => Ok(()),
        };
        accepting.abort();
        served.map_err(Error::Serve)
    }
}

/// Makes the session of one plan: the worker's functions, files and memory, and what the distributing engine has put in.
fn session(
    mut query: WorkerQueryContext,
    state: &SessionState,
    codec: &Arc<Codec>,
) -> Result<SessionState, DataFusionError> {
    let config = query.builder.config().take().unwrap_or_default();
    let config = config.with_distributed_user_codec(Envelopes(Arc::clone(codec)));
    Ok(SessionStateBuilder::new_from_existing(state.clone()).with_config(config).build())
}

/// Lets clients in, until the receiver is gone.
async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, sender: mpsc::Sender<Socket>) {
    let knocking = Arc::new(Semaphore::new(KNOCKING));
    loop {
        let Ok(place) = Arc::clone(&knocking).acquire_owned().await else { return };
        let socket = tokio::select! {
            accepted = listener.accept() => accepted,
            () = sender.closed() => return,
        };
        let Ok((socket, _)) = socket else {
            // The process has no more files; clients that end give some back.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (tls, sender) = (tls.clone(), sender.clone());
        tokio::spawn(async move {
            if let Ok(Some(socket)) = timeout(PATIENCE, shaken(socket, tls)).await {
                // If the receiver is gone, the worker ends.
                let _ = sender.send(socket).await;
            }
            drop(place);
        });
    }
}

async fn shaken(socket: TcpStream, tls: Option<TlsAcceptor>) -> Option<Socket> {
    socket.set_nodelay(true).ok()?;
    Some(match tls {
        None => Socket(Box::new(socket)),
        Some(tls) => Socket(Box::new(tls.accept(socket).await.ok()?)),
    })
}

/// A client's connection.
struct Socket(Box<dyn Bytes>);

impl Connected for Socket {
    type ConnectInfo = ();

    fn connect_info(&self) -> Self::ConnectInfo {}
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
