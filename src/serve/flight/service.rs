//! The requests of Arrow Flight SQL.
//!
//! GetFlightInfo plans a statement and returns a ticket; DoGet takes the ticket and runs the statement, once. A ticket of another session
//! is unknown. What asks about the database is its own ticket.

use std::sync::Arc;

use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionBeginTransactionRequest, ActionBeginTransactionResult, ActionCancelQueryRequest, ActionCancelQueryResult,
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult,
    Any, CommandGetCatalogs, CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys,
    CommandGetImportedKeys, CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables,
    CommandGetXdbcTypeInfo, CommandPreparedStatementQuery, CommandPreparedStatementUpdate, CommandStatementIngest,
    CommandStatementQuery, CommandStatementUpdate, DoPutPreparedStatementResult, ProstMessageExt, SqlInfo,
    TicketStatementQuery,
};
use arrow_flight::{
    Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightDescriptor,
    FlightEndpoint, FlightInfo, HandshakeRequest, HandshakeResponse, IpcMessage, Result as Answer, SchemaAsIpc, Ticket,
};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::writer::IpcWriteOptions;
use datafusion::sql::sqlparser::ast::Expr;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use prost::bytes::Bytes;
use tonic::metadata::MetadataValue;
use tonic::{Extensions, Request, Response, Status, Streaming};

use super::super::Server;
use super::super::commands::Command;
use super::super::engine::read_only;
use super::super::failure::Failure;
use super::sessions::{Handle, Session, Tokens};
use super::statements::{Pending, plan, prepare, read, run, whole};
use super::{metadata, status, values};

/// Actions of Flight that are not Flight SQL's own.
const CANCEL: &str = "CancelFlightInfo";
const CLOSE_SESSION: &str = "CloseSession";

/// What CloseSession answers: the session is closed. The message has one field, a status, whose value is 1.
const CLOSED: &[u8] = &[0x08, 0x01];

/// The service.
pub struct Flight {
    pub server: Arc<Server>,
    pub tokens: Arc<Tokens>,
}

type Done<T> = Result<Response<T>, Status>;
type Rows = Done<<Flight as FlightService>::DoGetStream>;

/// Returns the session that the door found.
fn session(extensions: &Extensions) -> Result<Arc<Session>, Status> {
    extensions.get::<Arc<Session>>().cloned().ok_or_else(|| Status::internal("a request without a session"))
}

/// Returns how rows are fetched.
fn info(
    schema: Option<&Schema>,
    ticket: &impl ProstMessageExt,
    request: Request<FlightDescriptor>,
) -> Done<FlightInfo> {
    let ticket = Ticket::new(ticket.as_any().encode_to_vec());
    let info = FlightInfo::new().with_endpoint(FlightEndpoint::new().with_ticket(ticket)).with_ordered(true);
    let info = info.with_descriptor(request.into_inner());
    let told = match schema {
        Some(schema) => info.try_with_schema(schema).map_err(wrong)?,
        None => info,
    };
    Ok(Response::new(told))
}

fn rows(batch: Result<RecordBatch, Failure>) -> Rows {
    Ok(Response::new(whole(batch.map_err(status::told)?)))
}

fn wrong(error: ArrowError) -> Status {
    status::told(error.into())
}

/// Returns a schema in bytes.
fn written(schema: &Schema) -> Result<Bytes, Status> {
    let message: Result<IpcMessage, ArrowError> = SchemaAsIpc::new(schema, &IpcWriteOptions::default()).try_into();
    Ok(message.map_err(wrong)?.0)
}

/// Reads the values of a statement's parameters: one row of them, or none.
async fn given(stream: PeekableFlightDataStream, wanted: usize) -> Result<Vec<Expr>, Status> {
    let mut batches = FlightRecordBatchStream::new_from_flight_data(stream.map_err(FlightError::from));
    let mut expressions: Option<Vec<Expr>> = None;
    while let Some(batch) = batches.try_next().await? {
        if batch.num_rows() > 1 || batch.num_rows() > 0 && expressions.is_some() {
            let failure = Failure::told("08P01", "the client sent several rows of values");
            return Err(status::told(failure.hint("run the statement once for each row")));
        }
        if batch.num_columns() != wanted {
            let message = format!("the statement has {wanted} parameters, and the client sent {}", batch.num_columns());
            return Err(status::told(Failure::told("08P01", message)));
        }
        if batch.num_rows() == 1 {
            expressions = Some(values::expressions(&batch, 0).map_err(status::told)?);
        }
    }
    Ok(expressions.unwrap_or_default())
}

impl Flight {
    /// Plans a statement, and returns its ticket.
    async fn planned(
        &self,
        session: &Session,
        statement: Pending,
        request: Request<FlightDescriptor>,
    ) -> Done<FlightInfo> {
        let schema = statement.schema();
        let ticket = TicketStatementQuery { statement_handle: session.wait(statement)?.to_vec().into() };
        info(schema.as_deref(), &ticket, request)
    }

    /// Runs what changes something, and has no rows that somebody waits for.
    async fn update(&self, session: &Arc<Session>, text: Arc<str>, command: &Command) -> Result<i64, Status> {
        // What is not allowed is said first.
        let statement = plan(&self.server, session, text, command, Vec::new()).await?;
        if matches!(command, Command::Query | Command::Show(_)) {
            let failure = Failure::told("42601", "the statement has rows, so it is not an update");
            return Err(status::told(failure.hint("run it as a query")));
        }
        let mut rows = run(&self.server, session, Handle::default(), statement).await?;
        while rows.try_next().await?.is_some() {}
        Ok(0)
    }

    fn cancel(session: &Session, info: Option<FlightInfo>) -> bool {
        let tickets = info.into_iter().flat_map(|info| info.endpoint).filter_map(|endpoint| endpoint.ticket);
        let handles =
            tickets.filter_map(|ticket| Any::decode(&*ticket.ticket).ok()?.unpack::<TicketStatementQuery>().ok()?);
        // Each of them, not the first that can be cancelled.
        handles.filter(|ticket| session.cancel(&ticket.statement_handle)).count() > 0
    }
}

#[tonic::async_trait]
impl FlightSqlService for Flight {
    type FlightService = Flight;

    async fn do_handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Done<BoxStream<'static, Result<HandshakeResponse, Status>>> {
        let user = session(request.extensions())?.user.clone();
        let token = self.tokens.issue(Session::new(&self.server, user))?;
        let answer = HandshakeResponse { protocol_version: 0, payload: token.clone().into() };
        let mut response = Response::new(stream::iter([Ok(answer)]).boxed());
        let header = MetadataValue::try_from(format!("Bearer {token}"));
        response.metadata_mut().insert("authorization", header.map_err(|_| Status::internal("a token of no letters"))?);
        Ok(response)
    }

    async fn get_flight_info_statement(
        &self,
        query: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Done<FlightInfo> {
        let session = session(request.extensions())?;
        let (text, command) = read(&query.query)?;
        let statement = plan(&self.server, &session, text, &command, Vec::new()).await?;
        self.planned(&session, statement, request).await
    }

    async fn get_flight_info_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Done<FlightInfo> {
        let session = session(request.extensions())?;
        let (_, prepared) = session.prepared(&query.prepared_statement_handle)?;
        let statement = plan(&self.server, &session, prepared.text, &prepared.command, prepared.values).await?;
        self.planned(&session, statement, request).await
    }

    async fn do_get_statement(&self, ticket: TicketStatementQuery, request: Request<Ticket>) -> Rows {
        let session = session(request.extensions())?;
        let (handle, statement) = session.take(&ticket.statement_handle)?;
        Ok(Response::new(run(&self.server, &session, handle, statement).await?))
    }

    async fn do_action_create_prepared_statement(
        &self,
        query: ActionCreatePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let session = session(request.extensions())?;
        let (prepared, schema) = prepare(&self.server, &session, &query.query).await?;
        let parameter_schema = written(&values::schema(&prepared.types))?;
        let dataset_schema = schema.map_or_else(|| Ok(Bytes::new()), |schema| written(&schema))?;
        let prepared_statement_handle = session.prepare(prepared)?.to_vec().into();
        Ok(ActionCreatePreparedStatementResult { prepared_statement_handle, dataset_schema, parameter_schema })
    }

    async fn do_action_close_prepared_statement(
        &self,
        query: ActionClosePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<(), Status> {
        session(request.extensions())?.close(&query.prepared_statement_handle);
        Ok(())
    }

    async fn do_put_prepared_statement_query(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let session = session(request.extensions())?;
        let (handle, prepared) = session.prepared(&query.prepared_statement_handle)?;
        session.bind(&handle, given(request.into_inner(), prepared.types.len()).await?);
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(handle.to_vec().into()) })
    }

    async fn do_put_prepared_statement_update(
        &self,
        query: CommandPreparedStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        let session = session(request.extensions())?;
        let (_, prepared) = session.prepared(&query.prepared_statement_handle)?;
        self.update(&session, prepared.text, &prepared.command).await
    }

    async fn do_put_statement_update(
        &self,
        update: CommandStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        let session = session(request.extensions())?;
        let (text, command) = read(&update.query)?;
        self.update(&session, text, &command).await
    }

    async fn do_put_statement_ingest(
        &self,
        _ingest: CommandStatementIngest,
        _request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        Err(status::told(read_only("an ingest")))
    }

    async fn do_action_begin_transaction(
        &self,
        _query: ActionBeginTransactionRequest,
        _request: Request<Action>,
    ) -> Result<ActionBeginTransactionResult, Status> {
        let failure = Failure::told("0A000", "transactions are not supported over Arrow Flight SQL");
        Err(status::told(failure.hint("connect with autocommit")))
    }

    async fn do_action_cancel_query(
        &self,
        query: ActionCancelQueryRequest,
        request: Request<Action>,
    ) -> Result<ActionCancelQueryResult, Status> {
        let session = session(request.extensions())?;
        let status = match Flight::cancel(&session, FlightInfo::decode(query.info).ok()) {
            true => CancelStatus::Cancelled,
            false => CancelStatus::NotCancellable,
        };
        Ok(ActionCancelQueryResult { result: status.into() })
    }

    async fn do_action_fallback(&self, request: Request<Action>) -> Done<<Self as FlightService>::DoActionStream> {
        let session = session(request.extensions())?;
        let action = request.into_inner();
        let answer = match action.r#type.as_str() {
            CANCEL => {
                let request = CancelFlightInfoRequest::decode(action.body);
                let request = request.map_err(|error| Status::invalid_argument(error.to_string()))?;
                let status = match Flight::cancel(&session, request.info) {
                    true => CancelStatus::Cancelled,
                    false => CancelStatus::NotCancellable,
                };
                CancelFlightInfoResult::new(status).encode_to_vec().into()
            }
            CLOSE_SESSION => {
                self.tokens.end(&session);
                Bytes::from_static(CLOSED)
            }
            other => return Err(Status::unimplemented(format!("the action `{other}` is not known"))),
        };
        Ok(Response::new(stream::iter([Ok(Answer { body: answer })]).boxed()))
    }

    async fn list_custom_actions(&self) -> Option<Vec<Result<ActionType, Status>>> {
        let action =
            |name: &str, description: &str| Ok(ActionType { r#type: name.into(), description: description.into() });
        Some(vec![action(CANCEL, "Ends a statement."), action(CLOSE_SESSION, "Ends the session of a token.")])
    }

    async fn get_flight_info_catalogs(
        &self,
        query: CommandGetCatalogs,
        request: Request<FlightDescriptor>,
    ) -> Done<FlightInfo> {
        info(Some(&query.into_builder().schema()), &query, request)
    }

    async fn do_get_catalogs(&self, query: CommandGetCatalogs, _request: Request<Ticket>) -> Rows {
        rows(metadata::catalogs(query))
    }

    async fn get_flight_info_schemas(
        &self,
        query: CommandGetDbSchemas,
        request: Request<FlightDescriptor>,
    ) -> Done<FlightInfo> {
        info(Some(&query.clone().into_builder().schema()), &query, request)
    }

    async fn do_get_schemas(&self, query: CommandGetDbSchemas, _request: Request<Ticket>) -> Rows {
        rows(metadata::schemas(query))
    }

    async fn get_flight_info_tables(
        &self,
        query: CommandGetTables,
        request: Request<FlightDescriptor>,
    ) -> Done<FlightInfo> {
        info(Some(&query.clone().into_builder().schema()), &query, request)
    }

    async fn do_get_tables(&self, query: CommandGetTables, request: Request<Ticket>) -> Rows {
        let engine = session(request.extensions())?.engine(&self.server).await;
        rows(metadata::tables(query, &engine).await)
    }

    async fn get_flight_info_table_types(
        &self,
        query: CommandGetTableTypes,
        request: Request<FlightDescriptor>,
    ) -> Done<FlightInfo> {
        info(Some(&query.into_builder().schema()), &query, request)
    }

    async fn do_get_table_types(&self, query: CommandGetTableTypes, _request: Request<Ticket>) -> Rows {
        rows(metadata::table_types(query))
    }

    async fn get_flight_info_sql_info(
        &self,
        query: CommandGetSqlInfo,
        request: Request<FlightDescriptor>,
    ) -> Done<FlightInfo> {
        info(Some(&metadata::about(!self.server.allow_create).map_err(status::told)?.schema()), &query, request)
    }

    async fn do_get_sql_info(&self, query: CommandGetSqlInfo, _request: Request<Ticket>) -> Rows {
        let about = metadata::about(!self.server.allow_create).map_err(status::told)?;
        rows(query.into_builder(&about).build().map_err(metadata::wrong))
    }

    async fn get_flight_info_xdbc_type_info(
        &self,
        query: CommandGetXdbcTypeInfo,
        request: Request<FlightDescriptor>,
    ) -> Done<FlightInfo> {
        info(Some(&metadata::types().map_err(status::told)?.schema()), &query, request)
    }

    async fn do_get_xdbc_type_info(&self, query: CommandGetXdbcTypeInfo, _request: Request<Ticket>) -> Rows {
        let types = metadata::types().map_err(status::told)?;
        rows(query.into_builder(&types).build().map_err(metadata::wrong))
    }

    async fn get_flight_info_primary_keys(
        &self,
        query: CommandGetPrimaryKeys,
        request: Request<FlightDescriptor>,
    ) -> Done<FlightInfo> {
        info(Some(&metadata::primary_keys()), &query, request)
    }

    async fn do_get_primary_keys(&self, _query: CommandGetPrimaryKeys, _request: Request<Ticket>) -> Rows {
        rows(Ok(RecordBatch::new_empty(metadata::primary_keys())))
    }

    async fn get_flight_info_exported_keys(
        &self,
        query: CommandGetExportedKeys,
        request: Request<FlightDescriptor>,
    ) -> Done<FlightInfo> {
        info(Some(&metadata::foreign_keys()), &query, request)
    }

    async fn do_get_exported_keys(&self, _query: CommandGetExportedKeys, _request: Request<Ticket>) -> Rows {
        rows(Ok(RecordBatch::new_empty(metadata::foreign_keys())))
    }

    async fn get_flight_info_imported_keys(
        &self,
        query: CommandGetImportedKeys,
        request: Request<FlightDescriptor>,
    ) -> Done<FlightInfo> {
        info(Some(&metadata::foreign_keys()), &query, request)
    }

    async fn do_get_imported_keys(&self, _query: CommandGetImportedKeys, _request: Request<Ticket>) -> Rows {
        rows(Ok(RecordBatch::new_empty(metadata::foreign_keys())))
    }

    async fn get_flight_info_cross_reference(
        &self,
        query: CommandGetCrossReference,
        request: Request<FlightDescriptor>,
    ) -> Done<FlightInfo> {
        info(Some(&metadata::foreign_keys()), &query, request)
    }

    async fn do_get_cross_reference(&self, _query: CommandGetCrossReference, _request: Request<Ticket>) -> Rows {
        rows(Ok(RecordBatch::new_empty(metadata::foreign_keys())))
    }

    async fn register_sql_info(&self, _id: i32, _result: &SqlInfo) {}
}
