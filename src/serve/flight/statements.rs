//! Statements, from their text to their rows: planned once, and run once.
//!
//! In: a session and a text. Out: what is known of the result, then a stream of batches in the form of Arrow Flight. Dropping the stream
//! ends the statement.

use std::sync::Arc;

use arrow_flight::FlightData;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use datafusion::arrow::array::{RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::Expr;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};
use tokio::sync::watch;
use tonic::Status;

use super::super::Server;
use super::super::commands::Command;
use super::super::connection::check_length;
use super::super::engine::{Engine, Given, permitted};
use super::super::failure::Failure;
use super::super::parameters;
use super::super::rows::Rows;
use super::super::watch::{Stop, Watch};
use super::sessions::{Handle, Prepared, Running, Session, locked};
use super::values::numbered;
use super::{shape, status};
use crate::repl::split;

/// The bytes of a result.
pub type Sent = BoxStream<'static, Result<FlightData, Status>>;

/// A planned statement that waits to be fetched.
pub struct Pending {
    text: Arc<str>,
    engine: Engine,
    work: Work,
}

/// What a statement does.
enum Work {
    Rows(Box<LogicalPlan>),
    /// It makes or removes something, which its words say.
    Write(&'static str),
    Set {
        name: String,
        value: Option<String>,
    },
    Reset,
    /// The value of a setting.
    Show(RecordBatch),
}

impl Pending {
    /// Returns the columns of the result, if they are known before the statement runs.
    pub fn schema(&self) -> Option<SchemaRef> {
        match &self.work {
            Work::Rows(plan) => Some(shape::schema(plan.schema().as_arrow())),
            Work::Show(batch) => Some(batch.schema()),
            Work::Write(_) | Work::Set { .. } | Work::Reset => None,
        }
    }
}

/// Reads a request's text: one statement, and what it is.
///
/// # Errors
/// It is too long, or it is not one statement.
pub fn read(text: &str) -> Result<(Arc<str>, Command), Status> {
    check_length(text).map_err(status::told)?;
    let statements = split(text);
    match statements.as_slice() {
        [one] => {
            let text = numbered(one.text);
            let command = Command::read(&text);
            Ok((text.into(), command))
        }
        [] => Err(status::told(Failure::told("42601", "the statement is empty"))),
        several => {
            let message = format!("the text has {} statements", several.len());
            Err(status::told(Failure::told("42601", message).hint("send one at a time")))
        }
    }
}

/// Prepares a statement. Returns it with the columns of its result, as far as they are known without values.
///
/// # Errors
/// It is not allowed, or it is wrong.
pub async fn prepare(server: &Server, session: &Session, text: &str) -> Result<(Prepared, Option<SchemaRef>), Status> {
    let (text, command) = read(text)?;
    let types = match command {
        Command::Query => {
            let engine = session.engine(server).await;
            let facts = session.facts();
            let mut watch = session.watch(server, never());
            let types = watch.over(engine.parameters(&text, &[], &facts)).await;
            match types {
                Ok(types) => types,
                Err(stop) => return Err(status::stopped(stop, &engine.session, &text, watch.is_late()).await),
            }
        }
        _ => Vec::new(),
    };
    // Some statements can be planned with their values only; then the columns are told when it runs.
    let nulls = types.iter().map(|oid| parameters::null(*oid));
    let nulls = nulls.collect::<Result<Vec<Expr>, _>>().map_err(|error| status::told(error.into()))?;
    let planned = plan(server, session, Arc::clone(&text), &command, nulls).await;
    let schema = match planned {
        Ok(pending) => pending.schema(),
        Err(status) if types.is_empty() => return Err(status),
        Err(_) => None,
    };
    Ok((Prepared { text, command, types, values: Vec::new() }, schema))
}

/// Plans a statement with the values of its parameters.
///
/// # Errors
/// It is not allowed, or it is wrong.
pub async fn plan(
    server: &Server,
    session: &Session,
    text: Arc<str>,
    command: &Command,
    values: Vec<Expr>,
) -> Result<Pending, Status> {
    let mut watch = session.watch(server, never());
    let engine = match watch.over(session.engine(server).map(Ok::<_, Failure>)).await {
        Ok(engine) => engine,
        Err(stop) => return Err(status::ended(stop, watch.is_late())),
    };
    let work = async {
        permitted(command, server.allow_create)?;
        Ok(match command {
            Command::Query => {
                let facts = session.facts();
                Work::Rows(Box::new(watch.over(engine.plan(&text, Given::Values(values), &facts)).await?))
            }
            Command::Write(tag) => Work::Write(tag),
            Command::Set { name, value, .. } => Work::Set { name: name.clone(), value: value.clone() },
            Command::ResetAll => Work::Reset,
            Command::Show(name) => Work::Show(shown(session, name)?),
            _ => {
                let word = text.split_whitespace().next().unwrap_or_default().to_uppercase();
                let failure = Failure::told("0A000", format!("{word} is not supported over Arrow Flight SQL"));
                let hint =
                    "transactions and cursors are not supported; a statement sees the data as they are when it begins";
                return Err(Stop::from(failure.hint(hint)));
            }
        })
    };
    let planned = work.await;
    match planned {
        Ok(work) => Ok(Pending { text, engine, work }),
        Err(stop) => Err(status::stopped(stop, &engine.session, &text, watch.is_late()).await),
    }
}

/// Returns the value of a setting as a row.
fn shown(session: &Session, name: &str) -> Result<RecordBatch, Failure> {
    let (name, value) = locked(&session.settings).get(name).map_err(Failure::Told)?;
    let schema = Schema::new(vec![Field::new(name, DataType::Utf8, true)]);
    Ok(RecordBatch::try_new(Arc::new(schema), vec![Arc::new(StringArray::from(vec![value]))])?)
}

/// A request that nothing cancels: the client drops it.
fn never() -> watch::Receiver<u64> {
    watch::channel(0).1
}

/// Runs a statement, and returns its rows.
///
/// # Errors
/// It failed before its first row.
pub async fn run(server: &Server, session: &Arc<Session>, handle: Handle, statement: Pending) -> Result<Sent, Status> {
    let Pending { text, engine, work } = statement;
    let (entry, cancels) = session.run(handle);
    let mut watch = session.watch(server, cancels);
    let plan = match work {
        Work::Rows(plan) => *plan,
        Work::Show(batch) => return Ok(whole(batch)),
        Work::Set { name, value } => {
            let set = locked(&session.settings).set(&name, value.as_deref(), false);
            set.map_err(|notice| status::told(Failure::Told(notice)))?;
            return Ok(nothing());
        }
        Work::Reset => {
            locked(&session.settings).reset();
            return Ok(nothing());
        }
        Work::Write(tag) => match watch.over(engine.carry_out(&text)).await {
            // The metrics of the new model.
            Ok(plan) if tag == "CREATE MODEL" && !plan.schema().fields().is_empty() => plan,
            Ok(_) => return Ok(nothing()),
            Err(stop) => return Err(status::stopped(stop, &engine.session, &text, watch.is_late()).await),
        },
    };
    let schema = shape::schema(plan.schema().as_arrow());
    let rows = Rows::start(Arc::clone(&engine.session), engine.context.clone(), plan, engine.threads());
    let running =
        Stream { text, engine, rows, schema: Arc::clone(&schema), watch, _session: Arc::clone(session), _entry: entry };
    let batches = stream::unfold(Some(running), async |running| {
        let mut running = running?;
        match running.next().await {
            Ok(None) => None,
            Ok(Some(batch)) => Some((Ok(batch), Some(running))),
            Err(status) => Some((Err(FlightError::from(status)), None)),
        }
    });
    let encoded = FlightDataEncoderBuilder::new().with_schema(schema).build(batches.boxed());
    Ok(encoded.map_err(Status::from).boxed())
}

/// A statement whose rows are fetched.
struct Stream {
    text: Arc<str>,
    engine: Engine,
    rows: Rows,
    schema: SchemaRef,
    watch: Watch,
    _session: Arc<Session>,
    _entry: Running,
}

impl Stream {
    async fn next(&mut self) -> Result<Option<RecordBatch>, Status> {
        let next = self.watch.over(self.rows.batch()).await;
        let shaped = next.and_then(|batch| {
            let shaped = batch.map(|batch| shape::batch(&self.schema, &batch)).transpose();
            shaped.map_err(Stop::from)
        });
        match shaped {
            Ok(batch) => Ok(batch),
            Err(stop) => Err(status::stopped(stop, &self.engine.session, &self.text, self.watch.is_late()).await),
        }
    }
}

/// Sends a batch that is there already.
pub fn whole(batch: RecordBatch) -> Sent {
    let encoder = FlightDataEncoderBuilder::new().with_schema(batch.schema());
    encoder.build(stream::iter([Ok(batch)])).map_err(Status::from).boxed()
}

/// Sends a result without columns.
fn nothing() -> Sent {
    let encoder = FlightDataEncoderBuilder::new().with_schema(Arc::new(Schema::empty()));
    encoder.build(stream::empty()).map_err(Status::from).boxed()
}
