//! The worker: it reads plans, computes them, and sends their rows.
//!
//! In: an address, and the session whose functions it has. Out: answers to whoever knows the token. It keeps no state between plans. Who
//! may send plans may read every file that the process can read.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use datafusion::error::DataFusionError;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion_distributed::{DistributedExt, Worker, WorkerQueryContext};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_native_tls::TlsAcceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Status};

use super::Error;
use super::build::build;
use super::codec::Codec;
use super::connection::{Info, REFUSED, authorization};
use super::enclosed::Envelopes;
use crate::grpc::{self, Greeting};
use crate::hmac::is_same;
use crate::tls;

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
        let tls = tls.map(|files| tls::acceptor(&files, &[])).transpose()?;
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
        let (accepting, incoming) = grpc::accept(self.listener, self.tls, |_| Greeting { info: (), until: None });
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
        let (stopping, stopped) = oneshot::channel();
        let serving = grpc::server().add_service(service).serve_with_incoming_shutdown(Box::pin(incoming), async {
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
