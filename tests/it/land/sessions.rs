//! The table `landed_ticks` and the session around it.

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::assert_batches_eq;
use squall::catalog::Session;
use squall::error::Hint;

use super::memory::{Data, MemoryLog, envelope, flat, record};

/// Returns messages of three products in turn.
fn turns(messages: i64) -> Vec<String> {
    let products = ["BTC-USD", "ETH-USD", "SOL-USD"];
    (0..messages).map(|i| flat(products[i as usize % 3], i * 10, 100 + i as u32 % 7)).collect()
}

async fn collect(session: &Session, sql: &str) -> Vec<RecordBatch> {
    session.sql(sql).await.unwrap().collect().await.unwrap()
}

async fn plan(session: &Session, sql: &str) -> String {
    pretty_format_batches(&collect(session, &format!("EXPLAIN FORMAT INDENT {sql}")).await).unwrap().to_string()
}

#[tokio::test]
async fn nothing_landed_is_an_empty_table() {
    let data = Data::new();
    assert_eq!(data.number("SELECT count(*) FROM landed_ticks").await, 0);
    let session = data.session(2).await;
    let table = session.context().table("landed_ticks").await.unwrap();
    assert_eq!(table.schema().as_arrow(), squall::tick::schema().as_ref());
    assert!(
        collect(&session, "SELECT ts, status FROM landed_ticks ORDER BY ts").await.iter().all(|b| b.num_rows() == 0)
    );
    assert!(!data.ticks_dir().exists(), "reading makes no folder");
}

#[tokio::test]
async fn a_session_sees_files_that_land_after_it_opened() {
    let data = Data::new();
    let session = data.session(2).await;
    let log = MemoryLog::of(turns(6));
    let count = async || collect(&session, "SELECT count(*) FROM landed_ticks").await[0].column(0).clone();
    data.land(&log, 100).await.unwrap();
    assert_eq!(count().await.as_primitive::<datafusion::arrow::datatypes::Int64Type>().value(0), 6);
    for payload in turns(9) {
        log.push(0, super::memory::record(payload));
    }
    data.land(&log, 100).await.unwrap();
    assert_eq!(count().await.as_primitive::<datafusion::arrow::datatypes::Int64Type>().value(0), 15);
}

#[tokio::test]
async fn files_are_merged_and_not_sorted() {
    let data = Data::new();
    data.land(&MemoryLog::of(turns(600)), 100).await.unwrap();
    assert_eq!(data.files().len(), 6);
    let queries = [
        "SELECT product_id, ts, price FROM landed_ticks ORDER BY product_id, ts",
        "SELECT ts, lag(ts) OVER (PARTITION BY product_id ORDER BY ts) AS before FROM landed_ticks",
        "SELECT ts, price FROM landed_ticks WHERE product_id = 'BTC-USD' ORDER BY ts",
    ];
    for query in queries {
        let mut results = Vec::new();
        for threads in [1, 4] {
            let session = data.session(threads).await;
            let plan = plan(&session, query).await;
            assert!(!plan.contains("SortExec"), "{threads} threads: {plan}");
            let table = pretty_format_batches(&collect(&session, query).await).unwrap().to_string();
            let mut lines: Vec<String> = table.lines().map(String::from).collect();
            lines.sort();
            results.push(lines);
        }
        assert_eq!(results[0], results[1]);
    }
    let ordered = data.query(queries[0]).await;
    let keys: Vec<(String, i64)> = ordered
        .iter()
        .flat_map(|batch| {
            let (products, ts) = (batch.column(0).as_string::<i32>(), batch.column(1));
            let ts = ts.as_primitive::<datafusion::arrow::datatypes::TimestampNanosecondType>();
            (0..batch.num_rows()).map(|i| (products.value(i).to_string(), ts.value(i))).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(keys.len(), 600);
    assert!(keys.is_sorted());
}

#[tokio::test]
async fn more_files_than_streams_are_read_all_the_same() {
    let data = Data::new();
    data.land(&MemoryLog::of(turns(300)), 1).await.unwrap();
    assert_eq!(data.files().len(), 300);
    assert_eq!(data.number("SELECT count(*) FROM landed_ticks").await, 300);
    let ts = data.query("SELECT ts FROM landed_ticks ORDER BY product_id, ts").await;
    assert_eq!(ts.iter().map(RecordBatch::num_rows).sum::<usize>(), 300);
}

#[tokio::test]
async fn time_and_product_skip_what_they_can() {
    let data = Data::new();
    data.land(&MemoryLog::of(turns(600)), 100).await.unwrap();
    let sql =
        "SELECT count(*) FROM landed_ticks WHERE ts >= TIMESTAMP '2026-03-31T23:33:25Z' AND product_id = 'ETH-USD'";
    assert_eq!(data.number(sql).await, 33);
}

#[tokio::test]
async fn footers_tell_files_gaps_and_silences() {
    let data = Data::new();
    let heartbeat = r#"{"channel":"heartbeats","timestamp":"2026-04-01T00:00:00Z","sequence_num":1,"events":[]}"#;
    let log = MemoryLog::of([
        envelope(0, 0, &["BTC-USD"]),
        heartbeat.into(),
        envelope(2, 500, &["BTC-USD"]),
        envelope(5, 500, &["BTC-USD"]),
        "garbage".into(),
    ]);
    let mut reconnected = record(envelope(0, 20_000, &["BTC-USD"]));
    reconnected.connection = Some("c2".into());
    log.push(0, reconnected);
    data.land(&log, 4).await.unwrap();
    let files = "SELECT file, messages, ok, control, dead FROM landed_files";
    let expected = [
        "+-------------------------+----------+----+---------+------+",
        "| file                    | messages | ok | control | dead |",
        "+-------------------------+----------+----+---------+------+",
        "| ticks.raw-0-0-3.parquet | 4        | 3  | 1       | 0    |",
        "| ticks.raw-0-4-5.parquet | 2        | 1  | 0       | 1    |",
        "+-------------------------+----------+----+---------+------+",
    ];
    assert_batches_eq!(expected, &data.query(files).await);
    let gaps = "SELECT connection, after_sequence_num AS after, next_sequence_num AS next, missing, log_offset FROM landed_gaps";
    let expected = [
        "+------------+-------+------+---------+------------+",
        "| connection | after | next | missing | log_offset |",
        "+------------+-------+------+---------+------------+",
        "| c1         | 2     | 5    | 2       | 3          |",
        "+------------+-------+------+---------+------------+",
    ];
    assert_batches_eq!(expected, &data.query(gaps).await);
    let expected = [
        "+------------+---------+-------------+",
        "| product_id | seconds | reconnected |",
        "+------------+---------+-------------+",
        "| BTC-USD    | 19.5    | true        |",
        "+------------+---------+-------------+",
    ];
    let silences = "SELECT product_id, round(seconds, 6) AS seconds, reconnected FROM landed_silences";
    assert_batches_eq!(expected, &data.query(silences).await);
}

#[tokio::test]
async fn results_are_written_and_read_by_path() {
    let data = Data::new();
    data.land(&MemoryLog::of(turns(30)), 100).await.unwrap();
    let session = data.session(2).await;
    let path = data.ticks_dir().with_file_name("out.parquet").display().to_string();
    collect(&session, &format!("COPY (SELECT product_id, ts, price FROM landed_ticks) TO '{path}'")).await;
    let read = collect(&session, &format!("SELECT * FROM '{path}'")).await;
    assert_eq!(read.iter().map(RecordBatch::num_rows).sum::<usize>(), 30);
    assert_eq!(read[0].schema().field(0).data_type(), &datafusion::arrow::datatypes::DataType::Utf8);
    collect(&session, &format!("CREATE EXTERNAL TABLE prices STORED AS PARQUET LOCATION '{path}'")).await;
    let read = collect(&session, "SELECT * FROM prices WHERE product_id = 'SOL-USD'").await;
    assert_eq!(read.iter().map(RecordBatch::num_rows).sum::<usize>(), 10);
}

#[tokio::test]
async fn an_unknown_table_suggests_what_was_meant() {
    let data = Data::new();
    let session = data.session(2).await;
    let error = session.sql("SELECT * FROM orders").await.err().unwrap();
    assert_eq!(error.to_string(), "there is no table or view `orders`");
    assert_eq!(error.hint().unwrap(), "nothing is landed yet: `squall land` makes the table `landed_ticks`");
    data.land(&MemoryLog::of(turns(3)), 100).await.unwrap();
    let error = session.sql("SELECT * FROM orders").await.err().unwrap();
    assert_eq!(error.hint().unwrap(), "`squall sql 'SHOW TABLES'` lists tables and views");
    let error = session.sql("WITH a AS (SELECT * FROM landed_tick) SELECT * FROM a").await.err().unwrap();
    assert_eq!(error.to_string(), "there is no table or view `landed_tick`");
    assert_eq!(error.hint().unwrap(), "did you mean `landed_ticks`?");
    let error = session.sql("SELECT nothing FROM landed_ticks").await.err().unwrap();
    assert_eq!(error.to_string(), "query failed");
}

#[tokio::test]
async fn a_small_memory_limit_spills() {
    let data = Data::new();
    data.land(&MemoryLog::of(turns(30_000)), 100_000).await.unwrap();
    let options = squall::catalog::Options {
        ticks_dir: data.ticks_dir(),
        tables_dir: data.ticks_dir(),
        models_dir: data.ticks_dir(),
        threads: 2,
        batch_size: 1024,
        memory_limit_mb: 8,
        rolling: false,
    };
    let session = Session::open(options).await.unwrap();
    let sorted = collect(&session, "SELECT * FROM landed_ticks ORDER BY log_offset DESC").await;
    assert_eq!(sorted.iter().map(RecordBatch::num_rows).sum::<usize>(), 30_000);
}
