//! Connections to workers.
//!
//! A worker on this machine is reached in the clear unless certificates are named; every other one by TLS. Each request carries the token.
//! A connection is made once, and asked from time to time whether the other side is there, so that a machine that is gone is noticed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use datafusion::error::DataFusionError;
use datafusion_distributed::grpc::{BoxCloneSyncChannel, create_worker_client};
use datafusion_distributed::{ChannelResolver, GetWorkerInfoRequest, WorkerChannel};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_native_tls::TlsConnector;
use tonic::body::Body;
use tonic::codegen::http::{HeaderValue, Request, Uri, header::AUTHORIZATION};
use tonic::transport::Endpoint;
use tower::ServiceExt;
use url::Url;

use super::build::build;
use super::slots::address;
use super::{Error, Options};
use crate::grpc::{ANSWERED, ASKED, Bytes};
use crate::tls;

/// How long a worker may take to answer at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a worker may take that has answered before: its threads may all be sorting.
const MORE_PATIENCE: Duration = Duration::from_secs(30);

/// What a worker says about itself.
#[derive(Debug, Serialize, Deserialize)]
pub struct Info {
    pub build: String,
    pub threads: usize,
}

/// Makes connections, and keeps them.
#[derive(Clone)]
pub struct Connections {
    authorization: Option<HeaderValue>,
    tls: TlsConnector,
    /// Whether workers on this machine are reached by TLS too.
    always_tls: bool,
    channels: Arc<Mutex<HashMap<Url, BoxCloneSyncChannel>>>,
}

impl Connections {
    /// # Errors
    /// The certificates cannot be read, or the token cannot be sent.
    pub fn new(options: &Options) -> Result<Connections, Error> {
        let authorities = Some(options.ca_file.as_path()).filter(|path| !path.as_os_str().is_empty());
        Ok(Connections {
            authorization: authorization(&options.token)?,
            tls: tls::connector(authorities)?,
            always_tls: authorities.is_some(),
            channels: Arc::default(),
        })
    }

    /// Returns the address of a worker.
    ///
    /// # Errors
    /// It is not `host:port`.
    pub fn url(&self, worker: &str) -> Result<Url, Error> {
        let wrong = || Error::Address(worker.into());
        let url = Url::parse(&format!("http://{worker}")).map_err(|_| wrong())?;
        let is_plain =
            url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        let has_port = worker.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        if is_plain && has_port && url.host_str().is_some() { Ok(url) } else { Err(wrong()) }
    }

    /// Returns whether a worker that was greeted before still answers.
    pub async fn answers(&self, url: &Url) -> bool {
        self.asked(url, MORE_PATIENCE).await.is_ok()
    }

    /// Asks a worker what it is.
    ///
    /// # Errors
    /// It does not answer, refuses the token, or is of another build.
    pub async fn greet(&self, url: &Url) -> Result<Info, Error> {
        self.asked(url, PATIENCE).await
    }

    async fn asked(&self, url: &Url, patience: Duration) -> Result<Info, Error> {
        let worker = address(url);
        let silent = |why: String| Error::Silent { worker: worker.clone(), why };
        let asked = async {
            let mut client = self.get_worker_client_for_url(url).await.map_err(|error| silent(root(&error)))?;
            let answer = client.get_worker_info(GetWorkerInfoRequest {}).await;
            answer.map_err(|error| match root(&error) {
                why if why.contains(REFUSED) => Error::Token { worker: worker.clone() },
                why => silent(why),
            })
        };
        let late = |_| Err(silent(format!("no answer in {} s", patience.as_secs())));
        let answer = timeout(patience, asked).await.unwrap_or_else(late)?;
        let Ok(info) = serde_json::from_str::<Info>(&answer.version) else {
            return Err(silent("it is not a worker of squall".into()));
        };
        let ours = build().map_err(|why| silent(why.into()))?;
        if info.build != ours {
            return Err(Error::Build { worker, theirs: info.build, ours: ours.into() });
        }
        Ok(info)
    }

    /// Forgets a connection that failed.
    pub fn forget(&self, url: &Url) {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner).remove(url);
    }

    async fn channel(&self, url: &Url) -> Result<BoxCloneSyncChannel, DataFusionError> {
        let known = self.channels.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned();
        if let Some(channel) = known {
            return Ok(channel);
        }
        let failed = |error: tonic::transport::Error| DataFusionError::External(Box::new(error));
        let endpoint = Endpoint::from_shared(url.to_string()).map_err(failed)?;
        let endpoint = endpoint
            .connect_timeout(PATIENCE)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(ASKED)
            .keep_alive_timeout(ANSWERED)
            .keep_alive_while_idle(true);
        let is_here = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
            Some(url::Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
            None => false,
        };
        let tls = (self.always_tls || !is_here).then(|| self.tls.clone());
        let connect = tower::service_fn(move |uri: Uri| {
            let tls = tls.clone();
            async move { open(&uri, tls).await.map(TokioIo::new) }
        });
        let channel = endpoint.connect_with_connector(connect).await.map_err(failed)?;
        let authorization = self.authorization.clone();
        let channel = channel.map_request(move |mut request: Request<Body>| {
            if let Some(authorization) = &authorization {
                request.headers_mut().insert(AUTHORIZATION, authorization.clone());
            }
            request
        });
        let channel = BoxCloneSyncChannel::new(channel);
        self.channels.lock().unwrap_or_else(PoisonError::into_inner).insert(url.clone(), channel.clone());
        Ok(channel)
    }
}

/// What a worker answers to a wrong token.
pub const REFUSED: &str = "the token is not this worker's";

/// Returns the header that carries a token; `None` without a token.
///
/// # Errors
/// The token has characters that cannot be sent.
pub fn authorization(token: &str) -> Result<Option<HeaderValue>, Error> {
    if token.is_empty() {
        return Ok(None);
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::BadToken);
    }
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| Error::BadToken)?;
    value.set_sensitive(true);
    Ok(Some(value))
}

async fn open(uri: &Uri, tls: Option<TlsConnector>) -> std::io::Result<Box<dyn Bytes>> {
    let host = uri.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let socket = TcpStream::connect((bare, uri.port_u16().unwrap_or_default())).await?;
    socket.set_nodelay(true)?;
    Ok(match tls {
        None => Box::new(socket),
        Some(tls) => Box::new(tls.connect(bare, socket).await.map_err(std::io::Error::other)?),
    })
}

/// Returns the innermost cause of an error, which says what happened.
pub fn root(error: &DataFusionError) -> String {
    let mut cause: &dyn std::error::Error = error.find_root();
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[async_trait]
impl ChannelResolver for Connections {
    async fn get_worker_client_for_url(&self, url: &Url) -> Result<Box<dyn WorkerChannel>, DataFusionError> {
        self.channel(url).await.map(create_worker_client)
    }
}
