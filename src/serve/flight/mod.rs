//! Arrow Flight SQL: the project for ADBC and its like, as Arrow and not as text.
//!
//! In: requests over gRPC. Out: batches. The rules are those of PostgreSQL's protocol: the same users, limits and permissions, and the same
//! engine. Source of the protocol: "Arrow Flight SQL" of Arrow's documentation. The modules are listed in the order in which a request
//! passes through them.

/// Who is let in.
mod door;

/// What the server holds for a client between its requests.
mod sessions;

/// The requests of the protocol.
mod service;

/// The values of parameters.
mod values;

/// Statements, from their text to their rows.
mod statements;

/// What clients ask about the database.
mod metadata;

/// Rows in the types that every client can read.
mod shape;

/// Why a request failed, as clients are told.
mod status;

use std::sync::Arc;

use arrow_flight::flight_service_server::FlightServiceServer;
use tokio::net::TcpListener;
use tokio_native_tls::TlsAcceptor;

use super::Server;
use super::wire::LARGE;
use crate::grpc;
use door::{Door, greet};
use service::Flight;
use sessions::Tokens;

/// The name of the protocol in TLS.
pub const PROTOCOL: &str = "h2";

/// How many requests of a connection may run at a time.
const REQUESTS: u32 = 32;

/// Serves clients until the server stops.
pub async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, server: Arc<Server>) {
    let tokens = Arc::new(Tokens::default());
    let flight = Flight { server: Arc::clone(&server), tokens: Arc::clone(&tokens) };
    let service = FlightServiceServer::new(flight).max_decoding_message_size(LARGE);
    let mut stopping = server.stopping.clone();
    let (accepting, incoming) = grpc::accept(listener, tls, greet);
    let door = Door { service, server, tokens };
    let serving = grpc::server().max_concurrent_streams(Some(REQUESTS)).add_service(door);
    let stopped = async move {
        let _ = stopping.wait_for(|stopping| *stopping).await;
    };
    // It ends when it is asked to; a connection that fails ends alone.
    let _ = serving.serve_with_incoming_shutdown(Box::pin(incoming), stopped).await;
    accepting.abort();
}
