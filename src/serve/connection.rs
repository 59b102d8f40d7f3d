//! One client: its messages in, its answers out, statement after statement.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use futures::FutureExt;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::Server;
use super::ahead::Ahead;
use super::commands::Command;
use super::engine::{Engine, Given, permitted};
use super::extended::{Portal, Prepared, State};
use super::failure::Failure;
use super::reflect::Facts;
use super::results::{no_cursor, plan_columns};
use super::settings::{Changed, Settings};
use super::watch::{End, Stop, Watch};
use super::wire::{Column, Message, Notice, Out, Transaction};
use crate::repl::{Position, Statement, split};

/// The longest statement. Its tokens take a hundred times as much memory.
const LONGEST: usize = 1 << 20;

/// A client and what the server holds for it.
pub struct Connection<W> {
    pub server: Arc<Server>,
    pub writer: W,
    messages: mpsc::UnboundedReceiver<Ahead>,
    pub watch: Watch,
    pub out: Out,
    pub engine: Engine,
    pub settings: Settings,
    pub statements: HashMap<String, Prepared>,
    pub portals: HashMap<String, Portal>,
    pub transaction: Transaction,
    user: String,
    process: i32,
}

impl<W: AsyncWrite + Send + Unpin> Connection<W> {
    pub async fn new(
        server: Arc<Server>,
        writer: W,
        messages: mpsc::UnboundedReceiver<Ahead>,
        watch: Watch,
        settings: Settings,
        (user, process): (String, i32),
    ) -> Connection<W> {
        let engine = Engine::new(Arc::clone(&server.shared)).await;
        Connection {
            server,
            writer,
            messages,
            watch,
            out: Out::default(),
            engine,
            settings,
            statements: HashMap::new(),
            portals: HashMap::new(),
            transaction: Transaction::None,
            user,
            process,
        }
    }

    /// Tells a client that was let in what it needs to know.
    pub fn greet(&mut self, process: i32, secret: i32) {
        let told = self.settings.told();
        self.tell(&told);
        self.out.key(process, secret);
        self.out.ready(self.transaction);
    }

    /// Serves the client until it goes, or the server stops.
    ///
    /// # Errors
    /// The connection fails, or the client does not speak the protocol.
    pub async fn run(&mut self) -> io::Result<()> {
        // After an error in the extended protocol, messages are ignored up to the next Sync.
        let mut ignoring = false;
        loop {
            if self.messages.is_empty() {
                self.flush().await?;
            }
            let next = tokio::select! {
                next = self.messages.recv() => Some(next),
                _ = self.watch.stopping.wait_for(|stopping| *stopping) => None,
            };
            let Some(next) = next else { return self.last_words("57P01", "the server stops").await };
            let message = match next.map(|(message, _)| message) {
                None => return Ok(()),
                Some(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                    return self.last_words("08P01", &error.to_string()).await;
                }
                Some(message) => message?,
            };
            let ended = match message {
                Message::Query(text) => {
                    ignoring = false;
                    let ended = self.query(&text).await;
                    self.end_transactionless();
                    // A client that is told that the server is ready takes the statement for one that succeeded.
                    if ended.is_ok() {
                        self.out.ready(self.transaction);
                    }
                    ended
                }
                Message::Sync => {
                    ignoring = false;
                    self.end_transactionless();
                    self.out.ready(self.transaction);
                    Ok(())
                }
                Message::Terminate => return Ok(()),
                Message::Flush => return_flush(self.flush().await)?,
                _ if ignoring => Ok(()),
                Message::Password(_) | Message::Copy => Ok(()),
                message => match self.extended(message).await {
                    Ok(()) => Ok(()),
                    Err((Stop::End(end), _)) => Err(end),
                    Err((Stop::Failed(failure), text)) => {
                        ignoring = true;
                        self.fail(failure, whole(&text), &text).await;
                        Ok(())
                    }
                },
            };
            match ended {
                Ok(()) => {}
                Err(End::Gone) => return Ok(()),
                Err(End::Stopping) => return self.last_words("57P01", "the server stops").await,
            }
        }
    }

    async fn last_words(&mut self, code: &'static str, message: &str) -> io::Result<()> {
        self.out.error("FATAL", &Notice { code, message: message.into(), ..Notice::default() });
        self.flush().await?;
        self.writer.shutdown().await
    }

    /// Sends what waits.
    pub async fn flush(&mut self) -> io::Result<()> {
        let bytes = self.out.bytes.split();
        if !bytes.is_empty() {
            self.writer.write_all(&bytes).await?;
        }
        self.writer.flush().await
    }

    /// Tells the client why a statement failed. In a transaction, nothing goes on until its end.
    async fn fail(&mut self, failure: Failure, statement: Statement<'_>, text: &str) {
        let notice = failure.notice(&self.engine.session, statement, text).await;
        self.out.error("ERROR", &notice);
        if self.transaction == Transaction::Open {
            self.transaction = Transaction::Failed;
        }
    }

    /// Closes what does not outlive its transaction, if there is none.
    fn end_transactionless(&mut self) {
        if self.transaction == Transaction::None {
            self.portals.retain(|_, portal| portal.held);
        }
    }

    /// Runs the statements of a text, one after another; the first that fails is the last.
    async fn query(&mut self, text: &str) -> Result<(), End> {
        if let Err(failure) = check_length(text) {
            self.fail(failure, whole(""), "").await;
            return Ok(());
        }
        let statements = split(text);
        if statements.is_empty() {
            self.out.signal(b'I');
            return Ok(());
        }
        for statement in statements {
            match self.statement(statement.text).await {
                Ok(()) => {}
                Err(Stop::End(end)) => return Err(end),
                Err(Stop::Failed(failure)) => {
                    self.fail(failure, statement, text).await;
                    break;
                }
            }
        }
        Ok(())
    }

    async fn statement(&mut self, text: &str) -> Result<(), Stop> {
        self.watch.begin(self.settings.timeout());
        let command = Command::read(text);
        let state = self.begin(text, &command, Given::Values(Vec::new())).await?;
        let columns = self.columns(&command, &state)?;
        if let Some(columns) = &columns {
            self.out.columns(columns, &[]);
        }
        let mut portal = Portal { text: text.into(), command, formats: Vec::new(), state, held: false };
        self.execute(&mut portal, 0).await
    }

    /// Checks a statement, and plans it if it is for the engine.
    pub async fn begin(&mut self, text: &str, command: &Command, given: Given) -> Result<State, Stop> {
        let ends = matches!(command, Command::Commit | Command::Rollback | Command::RollbackTo(_) | Command::Empty);
        if self.transaction == Transaction::Failed && !ends {
            let failure = Failure::told("25P02", "a statement of this transaction failed");
            return Err(failure.hint("end it with ROLLBACK").into());
        }
        permitted(command, self.server.allow_create)?;
        let facts = self.facts();
        match command {
            Command::Query => {
                self.watch.over(self.engine.refresh().map(Ok::<_, Failure>)).await?;
                let plan = self.watch.over(self.engine.plan(text, given, &facts)).await?;
                Ok(State::Planned(Box::new(plan)))
            }
            Command::Declare { query, .. } => {
                if Command::read(query) != Command::Query {
                    return Err(Failure::told("42601", "a cursor is declared for a query").into());
                }
                let plan = self.watch.over(self.engine.plan(query, given, &facts)).await?;
                Ok(State::Planned(Box::new(plan)))
            }
            _ => Ok(State::Ready),
        }
    }

    pub fn facts(&self) -> Facts {
        let settings = self.settings.all().into_iter().map(|(name, value)| (name.to_lowercase(), value));
        Facts { user: self.user.clone(), process: self.process, settings: settings.collect() }
    }

    /// Returns the columns of a statement's result; `None` if it has none.
    pub fn columns(&self, command: &Command, state: &State) -> Result<Option<Vec<Column>>, Failure> {
        match command {
            Command::Query => match state {
                State::Planned(plan) => Ok(Some(plan_columns(plan))),
                State::Running(_, columns) => Ok(Some(columns.clone())),
                _ => Ok(None),
            },
            Command::Show(name) => Ok(Some(vec![Column { name: name.clone(), oid: 25, size: -1, modifier: -1 }])),
            Command::Fetch { name, .. } => {
                let cursor = self.portals.get(name).ok_or_else(|| no_cursor(name))?;
                Ok(Some(cursor.state.columns().unwrap_or_default()))
            }
            _ => Ok(None),
        }
    }

    /// Runs a statement, and sends at most `most` of its rows; 0 means all.
    pub async fn execute(&mut self, portal: &mut Portal, most: usize) -> Result<(), Stop> {
        let tag = match &portal.command {
            Command::Query => return self.send_portal(portal, most, "SELECT").await,
            Command::Empty => {
                self.out.signal(b'I');
                return Ok(());
            }
            Command::Fetch { name, rows } => {
                let (name, rows) = (name.clone(), *rows);
                let count = self.fetch(&name, rows, &portal.formats.clone(), true).await?;
                format!("FETCH {count}")
            }
            Command::Move { name, rows } => {
                let (name, rows) = (name.clone(), *rows);
                format!("MOVE {}", self.fetch(&name, rows, &[], false).await?)
            }
            Command::Write(tag) => return self.write(portal.text.clone(), tag).await,
            Command::Show(name) => {
                let (_, value) = self.settings.get(name).map_err(Failure::Told)?;
                self.out.message(b'D', |bytes| {
                    use bytes::BufMut;
                    bytes.put_i16(1);
                    bytes.put_i32(value.len() as i32);
                    bytes.put_slice(value.as_bytes());
                });
                "SHOW".into()
            }
            Command::Declare { name, held, .. } => {
                let (name, held) = (name.clone(), *held);
                if self.transaction == Transaction::None && !held {
                    let failure = Failure::told("25P01", "a cursor lives in a transaction");
                    return Err(failure.hint("write BEGIN before, or DECLARE … WITH HOLD").into());
                }
                let state = std::mem::replace(&mut portal.state, State::Done);
                let (text, formats) = (portal.text.clone(), Vec::new());
                self.portals.insert(name, Portal { text, command: Command::Query, formats, state, held });
                "DECLARE CURSOR".into()
            }
            other => self.connection_command(other.clone())?.to_string(),
        };
        self.out.complete(&tag);
        Ok(())
    }

    /// Carries out a statement that concerns the connection alone. Returns its tag.
    fn connection_command(&mut self, command: Command) -> Result<&'static str, Failure> {
        Ok(match command {
            Command::Begin => {
                if self.transaction == Transaction::None {
                    self.settings.mark("");
                }
                self.transaction = Transaction::Open;
                "BEGIN"
            }
            Command::Commit | Command::Rollback => {
                let is_rolled_back = self.transaction == Transaction::Failed || command == Command::Rollback;
                self.transaction = Transaction::None;
                let told = self.settings.end(is_rolled_back);
                self.tell(&told);
                self.end_transactionless();
                if is_rolled_back { "ROLLBACK" } else { "COMMIT" }
            }
            Command::RollbackTo(name) => {
                if self.transaction == Transaction::Failed {
                    self.transaction = Transaction::Open;
                }
                let told = self.settings.roll_back_to(&name);
                self.tell(&told);
                "ROLLBACK"
            }
            Command::Savepoint(name) => {
                if self.transaction == Transaction::Open {
                    self.settings.mark(&name);
                }
                "SAVEPOINT"
            }
            Command::Release(name) => {
                self.settings.release(&name);
                "RELEASE"
            }
            Command::Set { name, value, local } => {
                match self.settings.set(&name, value.as_deref(), local).map_err(Failure::Told)? {
                    Changed::Told(name, value) => self.out.parameter(name, &value),
                    Changed::Not(notice) => self.out.notice(&notice),
                    Changed::Silently => {}
                }
                "SET"
            }
            Command::ResetAll => {
                self.settings.reset();
                "RESET"
            }
            Command::Discard { all } => {
                if all {
                    self.settings.reset();
                    self.statements.clear();
                    self.portals.clear();
                }
                "DISCARD"
            }
            Command::Deallocate(name) => {
                match name {
                    Some(name) => drop(self.statements.remove(&name)),
                    None => self.statements.clear(),
                }
                "DEALLOCATE"
            }
            Command::CloseCursor(Some(name)) => match self.portals.remove(&name) {
                Some(_) => "CLOSE CURSOR",
                None => return Err(no_cursor(&name)),
            },
            Command::CloseCursor(None) => {
                self.portals.clear();
                "CLOSE CURSOR ALL"
            }
            _ => "",
        })
    }

    /// Tells the client the values of settings.
    fn tell(&mut self, values: &[(&'static str, String)]) {
        for (name, value) in values {
            self.out.parameter(name, value);
        }
    }

    async fn write(&mut self, text: String, tag: &'static str) -> Result<(), Stop> {
        let plan = self.watch.over(self.engine.carry_out(&text)).await?;
        let columns = plan_columns(&plan);
        if tag == "CREATE MODEL" && !columns.is_empty() {
            // The metrics of the new model.
            self.out.columns(&columns, &[]);
            let mut rows = self.start(plan);
            self.send(&mut rows, 0, &[], true).await?;
        }
        self.out.complete(tag);
        Ok(())
    }
}

/// Checks that a text is not too long for a statement.
pub fn check_length(text: &str) -> Result<(), Failure> {
    if text.len() <= LONGEST {
        return Ok(());
    }
    let message = format!("the statement has {} bytes, and {LONGEST} is the most", text.len());
    Err(Failure::told("54000", message).hint("send values as parameters"))
}

fn return_flush(flushed: io::Result<()>) -> io::Result<Result<(), End>> {
    flushed.map(Ok)
}

/// Returns a text as one statement.
pub fn whole(text: &str) -> Statement<'_> {
    Statement { text, start: Position::START }
}
