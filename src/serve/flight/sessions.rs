//! What the server holds for a client between its requests: settings, prepared statements, and statements that wait to be fetched.
//!
//! A client that came by Handshake has a session by its token; another has one as long as its connection. What a session holds is found by
//! random handles, in that session alone: a handle that another session made up or overheard is unknown.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use datafusion::sql::sqlparser::ast::Expr;
use openssl::rand::rand_bytes;
use openssl::sha::sha256;
use tokio::sync::{Mutex as AsyncMutex, watch};
use tonic::Status;

use super::super::Server;
use super::super::commands::Command;
use super::super::engine::Engine;
use super::super::reflect::Facts;
use super::super::settings::Settings;
use super::super::watch::Watch;
use super::statements::Pending;
use super::status;
use crate::text::hex;

/// How long a token is good for without a request.
pub const IDLE: Duration = Duration::from_secs(3600);

/// The most tokens. The one that was not used for longest makes room.
const MOST_TOKENS: usize = 1000;

/// How long a planned statement waits to be fetched, and how many of a session may wait. The oldest makes room.
pub const WAITS: Duration = Duration::from_secs(600);
const MOST_PENDING: usize = 100;

/// The most prepared statements of a session.
const MOST_PREPARED: usize = 1000;

/// What a client names a statement by.
pub type Handle = [u8; 16];

/// A statement that waits for values.
#[derive(Clone)]
pub struct Prepared {
    pub text: Arc<str>,
    pub command: Command,
    /// The types of the parameters, by PostgreSQL's numbers.
    pub types: Vec<u32>,
    pub values: Vec<Expr>,
}

/// A session.
pub struct Session {
    pub user: String,
    pub settings: Mutex<Settings>,
    process: i32,
    engine: AsyncMutex<Option<Engine>>,
    prepared: Mutex<HashMap<Handle, Prepared>>,
    pending: Mutex<VecDeque<(Handle, Instant, Pending)>>,
    running: Mutex<HashMap<Handle, watch::Sender<u64>>>,
    /// Never says anything: a client that goes away drops its requests.
    gone: watch::Sender<bool>,
}

impl Session {
    pub fn new(server: &Server, user: String) -> Session {
        Session {
            user,
            settings: Mutex::new(Settings::new(server.statement_timeout)),
            process: server.process(),
            engine: AsyncMutex::new(None),
            prepared: Mutex::default(),
            pending: Mutex::default(),
            running: Mutex::default(),
            gone: watch::channel(false).0,
        }
    }

    /// Returns the engine, which sees what was made in the project since the last statement.
    pub async fn engine(&self, server: &Server) -> Engine {
        let mut engine = self.engine.lock().await;
        let mut current = match engine.take() {
            Some(engine) => engine,
            None => Engine::new(Arc::clone(&server.shared)).await,
        };
        current.refresh().await;
        engine.insert(current).clone()
    }

    /// Returns what statements about the connection itself say.
    pub fn facts(&self) -> Facts {
        let settings = locked(&self.settings).all().into_iter().map(|(name, value)| (name.to_lowercase(), value));
        Facts { user: self.user.clone(), process: self.process, settings: settings.collect() }
    }

    /// Begins to watch over a step, which `cancels` can end.
    pub fn watch(&self, server: &Server, cancels: watch::Receiver<u64>) -> Watch {
        let mut watch = Watch::new(cancels, self.gone.subscribe(), server.stopping.clone());
        watch.begin(locked(&self.settings).timeout());
        watch
    }

    /// Keeps a prepared statement.
    ///
    /// # Errors
    /// There are too many.
    pub fn prepare(&self, statement: Prepared) -> Result<Handle, Status> {
        let mut prepared = locked(&self.prepared);
        if prepared.len() >= MOST_PREPARED {
            let message = format!("the session has {MOST_PREPARED} prepared statements");
            return Err(status::too_many(&message, "close those that are not needed"));
        }
        let handle = handle()?;
        prepared.insert(handle, statement);
        Ok(handle)
    }

    /// Returns a prepared statement.
    ///
    /// # Errors
    /// There is none with this handle.
    pub fn prepared(&self, handle: &[u8]) -> Result<(Handle, Prepared), Status> {
        let found = Handle::try_from(handle)
            .ok()
            .and_then(|handle| Some((handle, locked(&self.prepared).get(&handle)?.clone())));
        found.ok_or_else(|| status::unknown("no such statement is prepared", "prepare it again"))
    }

    /// Gives values to a prepared statement.
    pub fn bind(&self, handle: &Handle, values: Vec<Expr>) {
        if let Some(prepared) = locked(&self.prepared).get_mut(handle) {
            prepared.values = values;
        }
    }

    /// Forgets a prepared statement.
    pub fn close(&self, handle: &[u8]) {
        if let Ok(handle) = Handle::try_from(handle) {
            locked(&self.prepared).remove(&handle);
        }
    }

    /// Keeps a planned statement until it is fetched.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn wait(&self, statement: Pending) -> Result<Handle, Status> {
        let handle = handle()?;
        let mut pending = locked(&self.pending);
        pending.retain(|(_, since, _)| since.elapsed() < WAITS);
        if pending.len() >= MOST_PENDING {
            pending.pop_front();
        }
        pending.push_back((handle, Instant::now(), statement));
        Ok(handle)
    }

    /// Takes a planned statement. It runs once, so nobody takes it again.
    ///
    /// # Errors
    /// There is none with this handle.
    pub fn take(&self, handle: &[u8]) -> Result<(Handle, Pending), Status> {
        let mut pending = locked(&self.pending);
        let at = pending.iter().position(|(known, since, _)| known == handle && since.elapsed() < WAITS);
        let taken = at.and_then(|at| pending.remove(at));
        taken.map(|(handle, _, statement)| (handle, statement)).ok_or_else(|| {
            let hint = format!("it is used once, by the session that asked, within {} minutes", WAITS.as_secs() / 60);
            status::unknown("the ticket is not known", &hint)
        })
    }

    /// Notes that a statement runs. Returns what cancels it.
    pub fn run(self: &Arc<Self>, handle: Handle) -> (Running, watch::Receiver<u64>) {
        let (sender, receiver) = watch::channel(0);
        locked(&self.running).insert(handle, sender);
        (Running { session: Arc::clone(self), handle }, receiver)
    }

    /// Cancels a statement that waits or runs. Returns whether there is one.
    pub fn cancel(&self, handle: &[u8]) -> bool {
        if self.take(handle).is_ok() {
            return true;
        }
        let running = locked(&self.running);
        let found = Handle::try_from(handle).ok().and_then(|handle| running.get(&handle));
        found.is_some_and(|sender| sender.send(1).is_ok())
    }
}

/// A statement that runs.
pub struct Running {
    session: Arc<Session>,
    handle: Handle,
}

impl Drop for Running {
    fn drop(&mut self) {
        locked(&self.session.running).remove(&self.handle);
    }
}

/// What says that somebody came by Handshake.
type Token = [u8; 32];

/// The sessions of those who came by Handshake.
#[derive(Default)]
pub struct Tokens(Mutex<HashMap<Token, (Arc<Session>, Instant)>>);

impl Tokens {
    /// Begins a session, and returns its token.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn issue(&self, session: Session) -> Result<String, Status> {
        let mut secret: Token = [0; 32];
        rand_bytes(&mut secret).map_err(no_random)?;
        let token = hex(&secret);
        let mut known = locked(&self.0);
        known.retain(|_, (_, used)| used.elapsed() < IDLE);
        if known.len() >= MOST_TOKENS
            && let Some(oldest) = known.iter().min_by_key(|(_, (_, used))| *used).map(|(digest, _)| *digest)
        {
            known.remove(&oldest);
        }
        // What is kept does not tell the token.
        known.insert(sha256(token.as_bytes()), (Arc::new(session), Instant::now()));
        Ok(token)
    }

    /// Returns the session of a token.
    pub fn find(&self, token: &str) -> Option<Arc<Session>> {
        let mut known = locked(&self.0);
        let (session, used) = known.get_mut(&sha256(token.as_bytes()))?;
        if used.elapsed() >= IDLE {
            return None;
        }
        *used = Instant::now();
        Some(Arc::clone(session))
    }

    /// Ends a session.
    pub fn end(&self, session: &Arc<Session>) {
        locked(&self.0).retain(|_, (known, _)| !Arc::ptr_eq(known, session));
    }
}

/// Locks what a panic cannot leave half done.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn handle() -> Result<Handle, Status> {
    let mut handle = Handle::default();
    rand_bytes(&mut handle).map_err(no_random)?;
    Ok(handle)
}

fn no_random(_: openssl::error::ErrorStack) -> Status {
    Status::internal("the system has no random numbers")
}
