//! Connections of gRPC servers: clients that are accepted, with or without TLS.
//!
//! In: a listener. Out: sockets for tonic. A client that does not finish its handshake in time is dropped, and only so many may be at it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{Stream, stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_native_tls::TlsAcceptor;
use tonic::transport::Server;
use tonic::transport::server::Connected;

/// How long a client may take for its handshake.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How many clients may be about to begin.
const KNOCKING: usize = 64;

/// How often a silent connection is asked whether the other side is there, and how long that may take.
pub const ASKED: Duration = Duration::from_secs(10);
pub const ANSWERED: Duration = Duration::from_secs(60);

/// A connection's bytes, with or without TLS.
pub trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// What a server knows of a new client.
pub struct Greeting<I> {
    /// What every request of the connection carries.
    pub info: I,
    /// Ends the connection when it is ready.
    pub until: Option<BoxFuture<'static, ()>>,
}

/// A client's connection.
pub struct Socket<I> {
    bytes: Box<dyn Bytes>,
    greeting: Greeting<I>,
}

/// Returns a server that asks silent clients whether they are there.
pub fn server() -> Server {
    Server::builder().http2_keepalive_interval(Some(ASKED)).http2_keepalive_timeout(Some(ANSWERED))
}

/// Lets clients in as long as the stream is there. `greet` is given each client's place among those that are about to begin.
pub fn accept<I: Send + 'static>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    greet: impl Fn(OwnedSemaphorePermit) -> Greeting<I> + Clone + Send + 'static,
) -> (JoinHandle<()>, impl Stream<Item = io::Result<Socket<I>>>) {
    let (sender, receiver) = mpsc::channel(KNOCKING);
    let accepting = tokio::spawn(accepted(listener, tls, sender, greet));
    let incoming = stream::unfold(receiver, async |mut receiver| {
        let socket: Socket<I> = receiver.recv().await?;
        Some((Ok(socket), receiver))
    });
    (accepting, incoming)
}

async fn accepted<I: Send + 'static>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    sender: mpsc::Sender<Socket<I>>,
    greet: impl Fn(OwnedSemaphorePermit) -> Greeting<I> + Clone + Send + 'static,
) {
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
        let (tls, sender, greet) = (tls.clone(), sender.clone(), greet.clone());
        tokio::spawn(async move {
            if let Ok(Some(bytes)) = timeout(PATIENCE, shaken(socket, tls)).await {
                // If the receiver is gone, the server ends.
                let _ = sender.send(Socket { bytes, greeting: greet(place) }).await;
            }
        });
    }
}

async fn shaken(socket: TcpStream, tls: Option<TlsAcceptor>) -> Option<Box<dyn Bytes>> {
    socket.set_nodelay(true).ok()?;
    Some(match tls {
        None => Box::new(socket),
        Some(tls) => Box::new(tls.accept(socket).await.ok()?),
    })
}

impl<I: Clone + Send + Sync + 'static> Connected for Socket<I> {
    type ConnectInfo = I;

    fn connect_info(&self) -> I {
        self.greeting.info.clone()
    }
}

impl<I: Unpin> AsyncRead for Socket<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(until) = &mut self.greeting.until
            && until.as_mut().poll(context).is_ready()
        {
            // It is not asked again after it is ready.
            self.greeting.until = Some(Box::pin(std::future::ready(())));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.bytes).poll_read(context, buffer)
    }
}

impl<I: Unpin> AsyncWrite for Socket<I> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.bytes).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_shutdown(context)
    }
}
