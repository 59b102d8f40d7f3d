//! Queries of the project on several machines.
//!
//! In: a plan of one stream, made for one thread from the ticks of a range of time. Out: an operator with the same rows, which a worker
//! computes. datafusion-distributed sends the plan and brings the rows; this module adds how squall's operators and functions are written
//! as bytes, who may connect, and what happens when a worker is lost. docs/scale.md says what is promised.
//!
//! The modules are listed in the order in which a plan passes through them.

/// What tells one build of squall from another.
mod build;

/// How squall's operators and functions are written as bytes.
mod codec;

/// A plan that the distributing engine sees as one operator.
mod enclosed;

/// The operator whose rows a worker computes.
mod remote;

/// Which worker has room.
mod slots;

/// Rows that have come, in memory or on the disk.
mod spool;

/// Connections to workers.
mod connection;

/// What a worker says when a plan fails.
mod failure;

/// The worker.
mod worker;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::SessionState;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use futures::future::join_all;

use crate::engine::elsewhere::Elsewhere;
use crate::error::Hint;
use crate::tls;
use codec::Codec;
use connection::Connections;
use enclosed::Enclosed;
use remote::RemoteExec;
use slots::Slots;
pub use worker::{Listening, Options as WorkerOptions};

/// How workers are reached.
#[derive(Clone)]
pub struct Options {
    /// `host:port` of each worker.
    pub workers: Vec<String>,
    /// What proves to workers who asks; empty if they let in whoever reaches them.
    pub token: String,
    /// The certificates that are trusted, in PEM; empty means those of the system.
    pub ca_file: PathBuf,
    /// How many ticks are worth a plan of their own.
    pub least_ticks: u64,
    /// Says to people that a worker was lost.
    pub warn: fn(&str),
}

/// Planning and sending a plan takes about as long as computing so many ticks.
pub const LEAST_TICKS: u64 = 20_000;

/// Workers that compute plans.
pub struct Cluster {
    slots: Arc<Slots>,
    connections: Connections,
    codec: Arc<Codec>,
    least_ticks: u64,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("slots", &self.slots).finish_non_exhaustive()
    }
}

impl Cluster {
    /// Greets each worker, and asks for its build and its threads. One that does not answer is left out, and that is a warning.
    ///
    /// # Errors
    /// An address cannot be read, no worker answers, or one refuses the token or is of another build.
    pub async fn connect(options: &Options, state: &SessionState) -> Result<Cluster, Error> {
        let connections = Connections::new(options)?;
        let urls = options.workers.iter().map(|worker| connections.url(worker)).collect::<Result<Vec<_>, _>>()?;
        let greeted = join_all(urls.iter().map(|url| connections.greet(url))).await;
        let (mut found, mut silent) = (Vec::new(), Vec::new());
        for (url, info) in urls.into_iter().zip(greeted) {
            match info {
                Ok(info) => found.push((url, info.threads)),
                Err(error @ Error::Silent { .. }) => silent.push(error),
                Err(error) => return Err(error),
            }
        }
        if found.is_empty() {
            return Err(silent.into_iter().next().unwrap_or(Error::NoWorkers));
        }
        silent.iter().for_each(|error| (options.warn)(&format!("{error}; the others compute its part")));
        let slots = Arc::new(Slots::new(found, options.warn));
        let codec = Arc::new(Codec::of(state));
        Ok(Cluster { slots, connections, codec, least_ticks: options.least_ticks })
    }
}

/// Greets each worker, and returns the number of its threads, or what is wrong with it.
///
/// # Errors
/// The token cannot be sent, or the certificates cannot be read.
pub async fn greet(options: &Options) -> Result<Vec<Result<usize, Error>>, Error> {
    let connections = Connections::new(options)?;
    let greeted = options.workers.iter().map(async |worker| {
        let url = connections.url(worker)?;
        Ok(connections.greet(&url).await?.threads)
    });
    Ok(join_all(greeted).await)
}

impl Elsewhere for Cluster {
    fn moved(&self, plan: &Arc<dyn ExecutionPlan>, config: &SessionConfig) -> Result<Arc<dyn ExecutionPlan>> {
        let enclosed = Enclosed::write(Arc::clone(plan), config, &self.codec)?;
        let (slots, connections) = (Arc::clone(&self.slots), self.connections.clone());
        Ok(Arc::new(RemoteExec::new(enclosed, slots, connections, Arc::clone(&self.codec))))
    }

    fn width(&self) -> usize {
        self.slots.width()
    }

    fn least_ticks(&self) -> u64 {
        self.least_ticks
    }
}

/// What can go wrong between machines.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no worker is named")]
    NoWorkers,
    #[error("`{0}` is not the address of a worker")]
    Address(String),
    #[error("worker {worker} does not answer: {why}")]
    Silent { worker: String, why: String },
    #[error("worker {worker} refuses the token")]
    Token { worker: String },
    #[error("worker {worker} runs another build of squall: {theirs}, this one is {ours}")]
    Build { worker: String, theirs: String, ours: String },
    #[error("no worker answers any more")]
    AllLost,
    #[error("other machines reach {0}, and no token is set")]
    OpenWithoutToken(std::net::SocketAddr),
    #[error("other machines reach {0}, and there is no TLS")]
    OpenWithoutTls(std::net::SocketAddr),
    #[error("the token has characters that are not visible ASCII")]
    BadToken,
    #[error("{0}")]
    NoBuild(String),
    #[error(transparent)]
    Tls(#[from] tls::Error),
    #[error("cannot listen on {address}")]
    Listen { address: std::net::SocketAddr, source: std::io::Error },
    #[error("the worker ended")]
    Serve(#[source] tonic::transport::Error),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Error::NoWorkers => "name workers with --workers HOST:PORT,… or in [cluster] of squall.toml".into(),
            Error::Address(_) => "write HOST:PORT, such as 10.0.0.2:7300".into(),
            Error::Silent { .. } => {
                "`squall worker --listen ADDR` starts one; a worker that other machines reach speaks TLS".into()
            }
            Error::Token { .. } => "set SQUALL_CLUSTER_TOKEN to the same text here and there".into(),
            Error::Build { .. } => "run the same program on every machine".into(),
            Error::AllLost => "what was finished stays; start the workers and run the command again".into(),
            Error::OpenWithoutToken(_) => "set SQUALL_CLUSTER_TOKEN, or listen on 127.0.0.1".into(),
            Error::OpenWithoutTls(_) => "give --tls-cert and --tls-key, or listen on 127.0.0.1".into(),
            Error::BadToken => "`openssl rand -hex 32` makes one".into(),
            Error::Listen { .. } => "another program may use the port; --listen 127.0.0.1:0 takes a free one".into(),
            Error::Tls(error) => return error.hint(),
            Error::NoBuild(_) | Error::Serve(_) => return None,
        })
    }
}
