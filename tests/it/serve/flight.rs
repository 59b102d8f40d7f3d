//! `squall serve --flight`: Arrow Flight SQL, with the client of arrow-flight.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{
    Any, Command, CommandGetPrimaryKeys, CommandGetTables, CommandStatementIngest, ProstMessageExt,
    TicketStatementQuery,
};
use arrow_flight::{Action, CancelFlightInfoRequest, FlightInfo, HandshakeRequest, Ticket};
use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, Schema, TimeUnit};
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::arrow::util::pretty::pretty_format_batches;
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::ENDLESS;
use super::client::{PASSWORD, Server};

type Client = FlightSqlServiceClient<Channel>;

fn server(arguments: &[&str]) -> Server {
    Server::speaking("--flight", tempfile::tempdir().unwrap(), arguments)
}

async fn stranger(server: &Server) -> Client {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    FlightSqlServiceClient::new(endpoint.connect().await.unwrap())
}

async fn client(server: &Server) -> Client {
    let mut client = stranger(server).await;
    client.handshake("squall", PASSWORD).await.unwrap();
    client
}

/// Returns what the server said.
fn status(error: FlightError) -> Status {
    match error {
        FlightError::Tonic(status) => *status,
        other => {
            let mut cause: &dyn std::error::Error = &other;
            loop {
                if let Some(status) = cause.downcast_ref::<Status>() {
                    return status.clone();
                }
                cause = cause.source().unwrap_or_else(|| panic!("{other}"));
            }
        }
    }
}

/// Returns the code of the failure, in gRPC and in SQL, and the message.
fn failure<T>(result: Result<T, FlightError>) -> (Code, String, String) {
    let status = status(result.err().expect("it fails"));
    let state = status.metadata().get("sqlstate").map(|value| value.to_str().unwrap().to_string());
    (status.code(), state.unwrap_or_default(), status.message().into())
}

/// Comes by Handshake. The client's own call gives only the text of a failure.
async fn knock(client: &mut Client, user: &str, password: &str) -> Result<(), FlightError> {
    let basic = openssl::base64::encode_block(format!("{user}:{password}").as_bytes());
    let mut request = tonic::Request::new(futures::stream::iter([HandshakeRequest::default()]));
    request.metadata_mut().insert("authorization", format!("Basic {basic}").parse().unwrap());
    client.inner_mut().handshake(request).await?;
    Ok(())
}

fn ticket(info: &FlightInfo) -> Ticket {
    info.endpoint[0].ticket.clone().unwrap()
}

async fn fetch(client: &mut Client, info: FlightInfo) -> Result<Vec<RecordBatch>, FlightError> {
    client.do_get(ticket(&info)).await?.try_collect().await
}

async fn query(client: &mut Client, text: &str) -> Result<Vec<RecordBatch>, FlightError> {
    let info = client.execute(text.into(), None).await?;
    fetch(client, info).await
}

/// Returns the only value of a query, which is a whole number.
async fn number(client: &mut Client, text: &str) -> i64 {
    let batches = query(client, text).await.unwrap();
    batches[0].column(0).as_primitive::<Int64Type>().value(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_right_password_or_its_token_is_let_in() {
    let server = server(&[]);
    assert_eq!(number(&mut client(&server).await, "SELECT 41 + 1").await, 42);
    let mut unknown = stranger(&server).await;
    for (user, password) in [("squall", "wrong"), ("another", PASSWORD), ("squall", "")] {
        let (code, state, said) = failure(knock(&mut unknown, user, password).await);
        assert_eq!((code, state.as_str()), (Code::Unauthenticated, "28P01"));
        assert!(!said.contains(PASSWORD), "{said}");
        assert_eq!(failure(unknown.execute("SELECT 1".into(), None).await).0, Code::Unauthenticated);
    }
    unknown.set_token("0123".into());
    assert_eq!(failure(unknown.execute("SELECT 1".into(), None).await).0, Code::Unauthenticated);
    // What does not ask for a session is refused as well.
    assert_eq!(
        unknown.inner_mut().list_actions(arrow_flight::Empty {}).await.unwrap_err().code(),
        Code::Unauthenticated
    );
    unknown.clear_token();
    let basic = openssl::base64::encode_block(format!("squall:{PASSWORD}").as_bytes());
    unknown.set_header("authorization", format!("Basic {basic}"));
    assert_eq!(number(&mut unknown, "SELECT 1").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn types_are_arrows_and_the_schema_is_that_of_the_data() {
    let server = server(&[]);
    let mut client = client(&server).await;
    let text = "SELECT arrow_cast('é', 'Utf8View') AS text, arrow_cast('w', 'Dictionary(Int32, Utf8)') AS word,
        CAST('12.50' AS DECIMAL(6, 2)) AS price, CAST('2026-01-02T03:04:05.123456789Z' AS TIMESTAMP WITH TIME ZONE) AS ts,
        [1, NULL] AS list, {'a': 1, 'b': arrow_cast('x', 'Utf8View')} AS record, X'00ff' AS bytes, NULL AS nothing,
        value = 1 AS flag, 0.1 + 0.2 AS sum FROM generate_series(1, 2) ORDER BY value";
    let info = client.execute(text.into(), None).await.unwrap();
    let told = info.clone().try_decode_schema().unwrap();
    let batches = fetch(&mut client, info).await.unwrap();
    assert_eq!(batches[0].schema().as_ref(), &told);
    let types: Vec<&DataType> = told.fields().iter().map(|field| field.data_type()).collect();
    assert_eq!(types[..3], [&DataType::Utf8, &DataType::Utf8, &DataType::Decimal128(6, 2)]);
    assert!(matches!(types[3], DataType::Timestamp(TimeUnit::Nanosecond, Some(_))), "{types:?}");
    let shown = pretty_format_batches(&batches).unwrap().to_string();
    assert!(shown.contains("2026-01-02T03:04:05.123456789Z") && shown.contains("| é    | w    | 12.50"), "{shown}");
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    let info = client.execute("SELECT 1 AS a WHERE false".into(), None).await.unwrap();
    let mut empty = client.do_get(ticket(&info)).await.unwrap();
    assert!(empty.next().await.is_none());
    assert_eq!(empty.schema().unwrap().field(0).name(), "a");
    let rows = "SELECT value, value * 0.5 AS half FROM generate_series(1, 1000000)";
    let batches = query(&mut client, rows).await.unwrap();
    let sum: f64 =
        batches.iter().map(|batch| batch.column(1).as_primitive::<Float64Type>().values().iter().sum::<f64>()).sum();
    assert_eq!(sum, 250_000_250_000.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_used_once_and_by_its_session_alone() {
    let server = server(&[]);
    let (mut one, mut other) = (client(&server).await, client(&server).await);
    let info = one.execute("SELECT 1".into(), None).await.unwrap();
    assert_eq!(failure(other.do_get(ticket(&info)).await.map(drop)).0, Code::NotFound);
    assert_eq!(fetch(&mut one, info.clone()).await.unwrap().len(), 1);
    assert_eq!(failure(one.do_get(ticket(&info)).await.map(drop)).0, Code::NotFound);
    // The ticket holds nothing that says what is run.
    let Command::TicketStatementQuery(held) = Command::try_from(Any::decode(&*ticket(&info).ticket).unwrap()).unwrap()
    else {
        panic!("another ticket")
    };
    assert_eq!(held.statement_handle.len(), 16);
    for forged in [vec![], vec![0; 16], b"SELECT 1".to_vec()] {
        let forged = TicketStatementQuery { statement_handle: forged.into() }.as_any().encode_to_vec();
        assert_eq!(failure(one.do_get(Ticket::new(forged)).await.map(drop)).0, Code::NotFound);
    }
    let mut prepared = one.prepare("SELECT 1".into(), None).await.unwrap();
    assert_eq!(prepared.dataset_schema().unwrap().fields().len(), 1);
    let info = prepared.execute().await.unwrap();
    assert_eq!(fetch(&mut one, info).await.unwrap().len(), 1);
    prepared.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn values_stand_in_the_places_of_parameters() {
    let server = server(&[]);
    let mut client = client(&server).await;
    let text = "SELECT value, $2 AS word FROM generate_series(1, 9) WHERE value > $1 ORDER BY value LIMIT 2";
    let mut prepared = client.prepare(text.into(), None).await.unwrap();
    let types: Vec<DataType> =
        prepared.parameter_schema().unwrap().fields().iter().map(|field| field.data_type().clone()).collect();
    assert_eq!(types, [DataType::Int64, DataType::Utf8]);
    let row = |numbers: Vec<i64>, word: &str| {
        let words = vec![word; numbers.len()];
        let columns: Vec<(&str, ArrayRef)> =
            vec![("n", Arc::new(Int64Array::from(numbers))), ("w", Arc::new(StringArray::from(words)))];
        RecordBatch::try_from_iter(columns).unwrap()
    };
    for (at, word) in [(3, "it's"), (6, "'; DROP VIEW v --")] {
        prepared.set_parameters(row(vec![at], word)).unwrap();
        let info = prepared.execute().await.unwrap();
        let batches = fetch(&mut client, info).await.unwrap();
        assert_eq!(batches[0].column(0).as_primitive::<Int64Type>().values(), &[at + 1, at + 2]);
        assert_eq!(batches[0].column(1).as_string::<i32>().value(0), word);
    }
    prepared.set_parameters(row(vec![1, 2], "w")).unwrap();
    assert_eq!(failure(prepared.execute().await).1, "08P01");
    let one = RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).unwrap();
    prepared.set_parameters(one).unwrap();
    assert_eq!(failure(prepared.execute().await).1, "08P01");
    assert_eq!(failure(client.execute("SELECT $1".into(), None).await).1, "42P02");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_changed_unless_it_is_allowed() {
    let closed = server(&[]);
    let mut client = client(&closed).await;
    for text in [
        "CREATE VIEW v AS SELECT 1 AS a",
        "CREATE MODEL m AS SELECT 1 AS a",
        "CREATE TABLE t AS SELECT 1 AS a",
        "COPY (SELECT 1 AS a) TO 'x.csv'",
        "EXPLAIN ANALYZE COPY (SELECT 1 AS a) TO 'x.csv'",
        "INSERT INTO landed_ticks SELECT * FROM landed_ticks",
        "/* c */ DROP VIEW landed_silences",
    ] {
        for result in [
            client.execute(text.into(), None).await.map(drop),
            client.execute_update(text.into(), None).await.map(drop),
            client.prepare(text.into(), None).await.map(drop),
        ] {
            let (code, state, _) = failure(result);
            assert_eq!((code, state.as_str()), (Code::PermissionDenied, "25006"), "{text}");
        }
    }
    let rows =
        futures::stream::iter([RecordBatch::try_from_iter([("a", Arc::new(Int64Array::from(vec![1])) as ArrayRef)])]);
    let ingest = CommandStatementIngest { table: "t".into(), ..CommandStatementIngest::default() };
    let refused = client.execute_ingest(ingest, rows.map_err(FlightError::from)).await;
    assert_eq!(failure(refused).0, Code::PermissionDenied);
    assert!(!closed.folder.path().join("x.csv").exists());
    let open = server(&["--allow-create"]);
    let mut client = self::client(&open).await;
    client.execute_update("CREATE VIEW v AS SELECT 41 + 1 AS a".into(), None).await.unwrap();
    let mut another = self::client(&open).await;
    assert_eq!(number(&mut another, "SELECT a FROM v").await, 42);
    // As a query it runs when it is fetched, and once.
    let info = client.execute("CREATE VIEW w AS SELECT 1 AS a".into(), None).await.unwrap();
    assert_eq!(failure(query(&mut client, "SELECT * FROM w").await).1, "42P01");
    assert!(fetch(&mut client, info).await.unwrap().is_empty());
    assert_eq!(number(&mut client, "SELECT a FROM w").await, 1);
    assert_eq!(failure(client.execute_update("CREATE TABLE t AS SELECT 1 AS a".into(), None).await).1, "25006");
    assert_eq!(failure(client.execute_update("SELECT 1".into(), None).await).1, "42601");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_a_code_a_place_and_a_hint_also_after_rows() {
    let server = server(&["--statement-timeout", "20s", "--set", "engine.memory_limit_mb=64"]);
    let mut client = client(&server).await;
    for (text, state, said) in [
        ("SELEC 2", "42601", "line 1, column 1"),
        (
            "SELECT 1,\n prise FROM landed_ticks",
            "42703",
            "at line 2, column 2 of the statement\nhint: did you mean `price`?",
        ),
        ("SELECT * FROM feed_event", "42P01", "did you mean `feed_events`?"),
        ("SELECT 1; SELECT 2", "42601", "2 statements"),
        ("", "42601", "empty"),
        ("BEGIN", "0A000", "BEGIN is not supported"),
        ("LISTEN x", "0A000", "LISTEN is not supported"),
        ("SET statement_timeot = 1", "42704", "did you mean `statement_timeout`?"),
    ] {
        let (_, code, message) = failure(query(&mut client, text).await);
        assert_eq!(code, state, "{text}: {message}");
        assert!(message.contains(said), "{text}: {message}");
    }
    let greedy = "SELECT array_agg(repeat('x', 1000)) AS a FROM generate_series(1, 300000)";
    assert_eq!(failure(query(&mut client, greedy).await).0, Code::ResourceExhausted);
    let info =
        client.execute("SELECT 1 / (value - 500000) AS a FROM generate_series(1, 1000000)".into(), None).await.unwrap();
    let mut rows = client.do_get(ticket(&info)).await.unwrap();
    assert!(rows.next().await.unwrap().unwrap().num_rows() > 0);
    let ended = std::pin::pin!(rows.filter_map(async |batch| batch.err())).next().await.unwrap();
    assert_eq!(failure::<()>(Err(ended)).1, "22012");
    assert_eq!(number(&mut client, "SELECT 2").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_ends_by_its_time_by_a_request_and_with_its_client() {
    let server = server(&["--statement-timeout", "60s"]);
    let mut client = client(&server).await;
    query(&mut client, "SET statement_timeout = '300ms'").await.unwrap();
    let batches = query(&mut client, "SHOW statement_timeout").await.unwrap();
    assert_eq!(batches[0].column(0).as_string::<i32>().value(0), "300ms");
    let (code, _, said) = failure(query(&mut client, ENDLESS).await);
    assert_eq!(code, Code::DeadlineExceeded, "{said}");
    query(&mut client, "SET statement_timeout = 0").await.unwrap();
    let info = client.execute(ENDLESS.into(), None).await.unwrap();
    let (mut runner, began) = (client.clone(), Instant::now());
    let running = tokio::spawn({
        let info = info.clone();
        async move { fetch(&mut runner, info).await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let cancel = async |client: &mut Client| {
        let request = CancelFlightInfoRequest::new(info.clone()).encode_to_vec();
        let answers = client.do_action(Action::new("CancelFlightInfo", request)).await.unwrap();
        let answers: Vec<arrow_flight::Result> = answers.try_collect().await.unwrap();
        arrow_flight::CancelFlightInfoResult::decode(&*answers[0].body).unwrap().status()
    };
    let mut stranger = self::client(&server).await;
    assert_eq!(cancel(&mut stranger).await, arrow_flight::CancelStatus::NotCancellable);
    assert_eq!(cancel(&mut client).await, arrow_flight::CancelStatus::Cancelled);
    assert_eq!(failure(running.await.unwrap()).0, Code::Cancelled);
    assert!(began.elapsed() < Duration::from_secs(30));
    // The memory and the threads of a statement are free when its client is gone; the next one does not wait.
    for _ in 0..20 {
        let info = client.execute(ENDLESS.into(), None).await.unwrap();
        let mut gone = client.clone();
        let fetching = tokio::spawn(async move { fetch(&mut gone, info).await });
        tokio::time::sleep(Duration::from_millis(50)).await;
        fetching.abort();
    }
    assert_eq!(number(&mut client, "SELECT 3").await, 3);
    let mut server = server;
    let info = client.execute(ENDLESS.into(), None).await.unwrap();
    let last = tokio::spawn(async move { fetch(&mut client, info).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(tokio::task::block_in_place(|| server.terminate()));
    assert!(last.await.unwrap().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_counted_together_and_the_silent_ones_are_not() {
    let server = server(&["--max-connections", "1"]);
    let first = client(&server).await;
    let mut silent = Vec::new();
    for _ in 0..10 {
        silent.push(std::net::TcpStream::connect(server.address).unwrap());
    }
    let mut second = stranger(&server).await;
    let (code, state, said) = failure(knock(&mut second, "squall", PASSWORD).await);
    assert_eq!((code, state.as_str()), (Code::ResourceExhausted, "53300"), "{said}");
    drop(first);
    let began = Instant::now();
    while second.handshake("squall", PASSWORD).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(8), "the place of the client is free");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_listed_with_their_columns() {
    let server = server(&[]);
    let mut client = client(&server).await;
    let listed = CommandGetTables {
        table_name_filter_pattern: Some("landed\\_ticks%".replace('\\', "")),
        include_schema: true,
        ..CommandGetTables::default()
    };
    let info = client.get_tables(listed).await.unwrap();
    let batches = fetch(&mut client, info).await.unwrap();
    let row: Vec<&str> = (0..4).map(|at| batches[0].column(at).as_string::<i32>().value(0)).collect();
    assert_eq!(row, ["squall", "public", "landed_ticks", "TABLE"]);
    let schema: Arc<Schema> =
        StreamReader::try_new(batches[0].column(4).as_binary::<i32>().value(0), None).unwrap().schema();
    assert_eq!(schema.field_with_name("price").unwrap().data_type(), &DataType::Float64);
    let info = client.get_catalogs().await.unwrap();
    assert_eq!(fetch(&mut client, info).await.unwrap()[0].column(0).as_string::<i32>().value(0), "squall");
    let keys = CommandGetPrimaryKeys { table: "landed_ticks".into(), ..CommandGetPrimaryKeys::default() };
    let info = client.get_primary_keys(keys).await.unwrap();
    assert!(fetch(&mut client, info).await.unwrap().iter().all(|batch| batch.num_rows() == 0));
    let info = client.get_sql_info(Vec::new()).await.unwrap();
    assert!(fetch(&mut client, info).await.unwrap()[0].num_rows() > 10);
}
