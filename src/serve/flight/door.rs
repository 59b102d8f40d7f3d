//! Who is let in: each request shows the password, or the token that Handshake gave for it.
//!
//! A connection counts as a client from the first request that is let in. One that has none in time ends, and it tries one password at a
//! time, so that guessing is as slow as in PostgreSQL's protocol.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use futures::future::BoxFuture;
use tokio::sync::{Mutex, OwnedSemaphorePermit, watch};
use tokio::time::timeout;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response, header::AUTHORIZATION};
use tonic::server::NamedService;
use tower::Service;

use super::super::startup::WRONG;
use super::super::{Place, Server};
use super::sessions::{IDLE, Session, Tokens};
use super::status;
use crate::grpc::{Greeting, PATIENCE};

/// A connection, before and after it is let in.
#[derive(Clone)]
pub struct Guest(Arc<Inner>);

struct Inner {
    let_in: watch::Sender<bool>,
    place: OnceLock<Place>,
    /// The session of requests without a token.
    own: OnceLock<Arc<Session>>,
    proving: Mutex<()>,
}

/// Greets a new connection. Its place among those that are about to begin is free as soon as it is let in.
pub fn greet(knock: OwnedSemaphorePermit) -> Greeting<Guest> {
    let (let_in, mut is_in) = watch::channel(false);
    let until = async move {
        let in_time = matches!(timeout(PATIENCE, is_in.wait_for(|is_in| *is_in)).await, Ok(Ok(_)));
        drop(knock);
        if in_time {
            std::future::pending().await
        }
    };
    let inner = Inner { let_in, place: OnceLock::new(), own: OnceLock::new(), proving: Mutex::new(()) };
    Greeting { info: Guest(Arc::new(inner)), until: Some(Box::pin(until)) }
}

/// Lets requests through to a service, with their session.
#[derive(Clone)]
pub struct Door<S> {
    pub service: S,
    pub server: Arc<Server>,
    pub tokens: Arc<Tokens>,
}

impl<S: NamedService> NamedService for Door<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Door<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let (mut service, server, tokens) = (self.service.clone(), Arc::clone(&self.server), Arc::clone(&self.tokens));
        Box::pin(async move {
            let guest = request.extensions().get::<Guest>().cloned();
            let given =
                request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default().to_string());
            let session = match guest {
                Some(guest) => guest.session(&server, &tokens, given.as_deref()).await,
                None => Err(Status::internal("a request without a connection")),
            };
            match session {
                Ok(session) => {
                    request.extensions_mut().insert(session);
                    service.call(request).await
                }
                Err(status) => Ok(status.into_http()),
            }
        })
    }
}

impl Guest {
    /// Returns the session of a request, given its header `authorization`.
    async fn session(
        &self,
        server: &Arc<Server>,
        tokens: &Tokens,
        given: Option<&str>,
    ) -> Result<Arc<Session>, Status> {
        let (scheme, credentials) = given.and_then(|given| given.split_once(' ')).unwrap_or_default();
        let session = if scheme.eq_ignore_ascii_case("bearer") {
            tokens.find(credentials.trim()).ok_or_else(|| {
                let message = format!("the token is not known, or was not used for {} minutes", IDLE.as_secs() / 60);
                status::refused(&message, "connect again")
            })?
        } else {
            let user = match scheme.eq_ignore_ascii_case("basic").then(|| basic(credentials)).flatten() {
                Some((user, password)) => {
                    self.prove(server, &user, &password).await?;
                    user
                }
                None if server.verifier.is_none() => String::new(),
                None => {
                    return Err(status::refused("this server asks for a password", "give the user and the password"));
                }
            };
            match self.0.own.get() {
                Some(own) if own.user == user => Arc::clone(own),
                Some(_) => return Err(status::refused("this connection is another user's", "connect again")),
                None => Arc::clone(self.0.own.get_or_init(|| Arc::new(Session::new(server, user)))),
            }
        };
        self.let_in(server)?;
        Ok(session)
    }

    /// Checks a password. Another of the same connection waits until this one is answered.
    async fn prove(&self, server: &Server, user: &str, password: &str) -> Result<(), Status> {
        let Some(verifier) = &server.verifier else { return Ok(()) };
        let _alone = self.0.proving.lock().await;
        // A user that does not exist takes as long as one that does.
        if verifier.is_password(password) & (user == server.user) {
            return Ok(());
        }
        tokio::time::sleep(WRONG).await;
        Err(status::refused(
            "the user or the password is wrong",
            "SQUALL_SERVE_PASSWORD of the server says the password",
        ))
    }

    /// Counts the connection as a client.
    fn let_in(&self, server: &Arc<Server>) -> Result<(), Status> {
        if self.0.place.get().is_none() {
            let Some(place) = Place::take(server, server.process()) else {
                let hint = "`squall serve --max-connections` allows more";
                return Err(status::too_many("there are too many connections", hint));
            };
            // Another request of this connection may have been as fast; then this place is free again.
            let _ = self.0.place.set(place);
            let _ = self.0.let_in.send(true);
        }
        Ok(())
    }
}

/// Some clients, Go's among them, leave out the signs that fill up the last group of four.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads the user and the password.
fn basic(credentials: &str) -> Option<(String, String)> {
    let text = String::from_utf8(BASE64.decode(credentials.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.into(), password.into()))
}

#[cfg(test)]
mod tests {
    use super::basic;

    #[test]
    fn a_password_may_have_colons() {
        for written in ["YW5uOmE6Yg==", "YW5uOmE6Yg"] {
            assert_eq!(basic(written), Some(("ann".into(), "a:b".into())));
        }
        for bent in ["", "!", "YW5u", "YW5uOmE6Yg=YW5u"] {
            assert_eq!(basic(bent), None, "{bent}");
        }
    }
}
