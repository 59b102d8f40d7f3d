//! The extended protocol: statements that are prepared, given values, and run in parts.

use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::Expr;
use tokio::io::AsyncWrite;

use super::commands::Command;
use super::connection::{Connection, check_length};
use super::engine::Given;
use super::failure::Failure;
use super::parameters;
use super::results::plan_columns;
use super::rows::Rows;
use super::watch::Stop;
use super::wire::{Column, Message, Target, format};

/// A statement that waits for values.
#[derive(Debug, Clone)]
pub struct Prepared {
    text: String,
    command: Command,
    /// The types of the parameters.
    types: Vec<u32>,
    /// The columns of which the client was told; they must not change after that.
    told: Option<Vec<Column>>,
}

/// A statement with values, from Bind or DECLARE to its end.
pub struct Portal {
    pub text: String,
    pub command: Command,
    /// The formats of the columns.
    pub formats: Vec<i16>,
    pub state: State,
    /// Whether it outlives its transaction.
    pub held: bool,
}

/// How far a statement has come.
pub enum State {
    /// It needs no plan.
    Ready,
    Planned(Box<LogicalPlan>),
    Running(Box<Rows>, Vec<Column>),
    /// A cursor whose rows are all taken.
    Ended(Vec<Column>),
    Done,
}

impl State {
    /// Returns the columns of a query's result.
    pub fn columns(&self) -> Option<Vec<Column>> {
        match self {
            State::Planned(plan) => Some(plan_columns(plan)),
            State::Running(_, columns) | State::Ended(columns) => Some(columns.clone()),
            State::Ready | State::Done => None,
        }
    }
}

/// What stopped a message, and the text of its statement.
type Stopped = (Stop, String);

impl<W: AsyncWrite + Send + Unpin> Connection<W> {
    /// Answers a message of the extended protocol.
    pub async fn extended(&mut self, message: Message) -> Result<(), Stopped> {
        match message {
            Message::Parse { name, text, types } => match self.parse(name, &text, &types).await {
                Ok(()) => Ok(()),
                Err(stop) => Err((stop, text)),
            },
            Message::Bind { portal, statement, formats, values, results } => {
                let prepared = self.prepared(&statement).map_err(|failure| (failure.into(), String::new()))?;
                let text = prepared.text.clone();
                let bound = self.bind((portal, statement), prepared, &formats, &values, results).await;
                bound.map_err(|stop| (stop, text))
            }
            Message::Describe(Target::Statement, name) => {
                let prepared = self.prepared(&name).map_err(|failure| (failure.into(), String::new()))?;
                let text = prepared.text.clone();
                self.describe_statement(name, prepared).await.map_err(|stop| (stop, text))
            }
            Message::Describe(Target::Portal, name) => {
                let described = self.describe_portal(&name);
                described.map_err(|failure| (failure.into(), String::new()))
            }
            Message::Execute { portal, rows } => {
                let mut taken =
                    self.portals.remove(&portal).ok_or_else(|| (no_portal(&portal).into(), String::new()))?;
                self.watch.begin(self.settings.timeout());
                let text = taken.text.clone();
                self.execute(&mut taken, rows).await.map_err(|stop| (stop, text))?;
                self.portals.entry(portal).or_insert(taken);
                Ok(())
            }
            Message::Close(target, name) => {
                match target {
                    Target::Statement => drop(self.statements.remove(&name)),
                    Target::Portal => drop(self.portals.remove(&name)),
                }
                self.out.signal(b'3');
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn parse(&mut self, name: String, text: &str, said: &[u32]) -> Result<(), Stop> {
        self.watch.begin(self.settings.timeout());
        if !name.is_empty() && self.statements.contains_key(&name) {
            return Err(Failure::told("42P05", format!("a statement `{name}` is prepared already")).into());
        }
        check_length(text)?;
        let statements = crate::repl::split(text);
        if statements.len() > 1 {
            return Err(Failure::told("42601", "the extended protocol takes one statement at a time").into());
        }
        let command = Command::read(text);
        let query = match &command {
            Command::Query => Some(text),
            Command::Declare { query, .. } => Some(query.as_str()),
            _ => None,
        };
        let types = match query {
            Some(query) => {
                let facts = self.facts();
                self.watch.over(self.engine.parameters(query, said, &facts)).await?
            }
            None => said.to_vec(),
        };
        self.statements.insert(name, Prepared { text: text.into(), command, types, told: None });
        self.out.signal(b'1');
        Ok(())
    }

    fn prepared(&self, name: &str) -> Result<Prepared, Failure> {
        let prepared = self.statements.get(name).cloned();
        prepared.ok_or_else(|| Failure::told("26000", format!("no statement `{name}` is prepared")))
    }

    async fn bind(
        &mut self,
        (portal, statement): (String, String),
        prepared: Prepared,
        formats: &[i16],
        values: &[Option<bytes::Bytes>],
        results: Vec<i16>,
    ) -> Result<(), Stop> {
        self.watch.begin(self.settings.timeout());
        let wanted = prepared.types.len();
        if values.len() != wanted {
            let message = format!("the statement has {wanted} parameters, and the client sent {}", values.len());
            return Err(Failure::told("08P01", message).into());
        }
        let expressions = values.iter().zip(&prepared.types).enumerate().map(|(at, (value, oid))| {
            let binary = format(formats, at) == 1;
            let read = parameters::expression(*oid, binary, value.as_deref(), prepared.told.is_some());
            read.map_err(|unreadable| Failure::from(unreadable).within(&format!("${}", at + 1)))
        });
        let expressions: Vec<Expr> = expressions.collect::<Result<_, Failure>>()?;
        let state = self.begin(&prepared.text, &prepared.command, Given::Values(expressions)).await?;
        let Prepared { text, command, told, .. } = prepared;
        if let (Some(told), Some(now)) = (told, self.columns(&command, &state)?)
            && !told.iter().map(|column| column.oid).eq(now.iter().map(|column| column.oid))
        {
            self.statements.remove(&statement);
            let failure = Failure::told("26000", "the columns of the statement changed after it was prepared");
            return Err(failure.hint("prepare it again").into());
        }
        self.portals.insert(portal, Portal { text, command, formats: results, state, held: false });
        self.out.signal(b'2');
        Ok(())
    }

    async fn describe_statement(&mut self, name: String, prepared: Prepared) -> Result<(), Stop> {
        self.watch.begin(self.settings.timeout());
        self.out.parameters(&prepared.types);
        let columns = match &prepared.command {
            Command::Query => {
                let nulls = prepared.types.iter().map(|oid| parameters::null(*oid).map_err(Failure::from));
                let nulls: Vec<Expr> = nulls.collect::<Result<_, Failure>>()?;
                let state = self.begin(&prepared.text, &prepared.command, Given::Values(nulls)).await?;
                self.columns(&prepared.command, &state)?
            }
            command => self.columns(command, &State::Ready)?,
        };
        if let Some(prepared) = self.statements.get_mut(&name) {
            prepared.told = Some(columns.clone().unwrap_or_default());
        }
        match columns {
            Some(columns) => self.out.columns(&columns, &[]),
            None => self.out.signal(b'n'),
        }
        Ok(())
    }

    fn describe_portal(&mut self, name: &str) -> Result<(), Failure> {
        let portal = self.portals.get(name).ok_or_else(|| no_portal(name))?;
        match self.columns(&portal.command, &portal.state)? {
            Some(columns) => self.out.columns(&columns, &portal.formats),
            None => self.out.signal(b'n'),
        }
        Ok(())
    }
}

fn no_portal(name: &str) -> Failure {
    Failure::told("34000", format!("there is no portal `{name}`"))
}
