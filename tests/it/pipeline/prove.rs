//! The proof by test: features that look ahead are refused in whatever way they are written, and others are not.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::compute::cast;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use squall::catalog::{Options, Session};
use squall::pipeline::{Fault, Kind, Parameters, Project, Proof, Severity, Thoroughness};

use super::{empty_session, landed_schema, lint, project_of, shipped};

pub const HOW: Thoroughness = Thoroughness { cuts: 2, seed: 7 };

/// A session with this many landed ticks of each of two products, one every half second.
pub async fn ticks(count: usize) -> SessionContext {
    let context = empty_session();
    let made = context
        .sql(&format!(
            "SELECT p.column1 AS product_id, arrow_cast(1767225600000000000 + i.value * 500000000, 'Timestamp(Nanosecond, Some(\"UTC\"))') AS ts,
               p.column2 + sin(i.value) AS price, p.column2 + sin(i.value) - 0.5 AS best_bid, p.column2 + sin(i.value) + 0.5 AS best_ask,
               CASE WHEN i.value % 2 = 0 THEN 'BUY' ELSE 'SELL' END AS side, 'ok' AS status
             FROM generate_series(0, {count} - 1) AS i, (VALUES ('BTC-USD', 60000.0), ('ETH-USD', 3000.0)) AS p ORDER BY 1, 2"
        ))
        .await
        .unwrap();
    let made =
        datafusion::arrow::compute::concat_batches(&made.schema().inner().clone(), &made.collect().await.unwrap());
    let made = made.unwrap();
    let schema = Arc::new(landed_schema());
    let columns = schema.fields().iter().map(|field| match made.column_by_name(field.name()) {
        Some(column) => cast(column, field.data_type()).unwrap(),
        None => datafusion::arrow::array::new_null_array(field.data_type(), made.num_rows()),
    });
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap();
    context.deregister_table("landed_ticks").unwrap();
    let table = MemTable::try_new(schema, vec![vec![batch]]).unwrap();
    context.register_table("landed_ticks", Arc::new(table)).unwrap();
    context
}

/// A session as the commands open it, without landed data.
pub async fn session(dir: &Path) -> Session {
    let options = Options {
        ticks_dir: dir.join("ticks"),
        tables_dir: dir.join("tables"),
        models_dir: dir.join("models"),
        threads: 2,
        batch_size: 8192,
        memory_limit_mb: 0,
        rolling: true,
    };
    Session::open(options).await.unwrap()
}

const TICKS: (&str, &str) = ("sources/ticks.sql", "-- description: x\nSELECT * FROM landed_ticks WHERE status = 'ok'");

const HEADER: &str = "-- description: x\n-- grain: product_id, ts\n-- time column: ts\n-- lookback: unbounded\n-- horizon: 5 s\n-- units:\n--   v: 1\n";

/// Proves queries, each given by its name and its text without the header.
async fn proofs(folder: &str, queries: &[(&str, String)], others: &[(&str, &str)]) -> BTreeMap<String, Proof> {
    let mut files = vec![TICKS];
    files.extend(others);
    let dir = project_of(&files);
    std::fs::create_dir_all(dir.path().join(folder)).unwrap();
    for (name, sql) in queries {
        std::fs::write(dir.path().join(folder).join(format!("{name}.sql")), format!("{HEADER}{sql}")).unwrap();
    }
    let data = tempfile::tempdir().unwrap();
    let session = session(data.path()).await;
    let context = session.context();
    let project = Project::load(dir.path(), &Parameters::new()).unwrap();
    let unplanned = project.register(context, &data.path().join("tables")).await.unwrap();
    assert!(unplanned.is_empty(), "{unplanned:?}");
    let ticks = project.ticks_to_cut(context, HOW.seed).await.unwrap();
    let mut found = BTreeMap::new();
    for (name, _) in queries {
        let proof = project.prove(project.query(name).unwrap(), &ticks, context, HOW).await;
        found.insert(name.to_string(), proof);
    }
    found
}

pub fn messages(proof: &Proof) -> Vec<&str> {
    proof.faults.iter().map(|fault| fault.message.as_str()).collect()
}

const PRODUCT: &str = "PARTITION BY product_id ORDER BY ts";

fn over(call: &str, window: &str) -> String {
    format!("SELECT product_id, ts, {call} OVER ({window}) AS v FROM ticks")
}

#[tokio::test]
async fn features_that_look_ahead_are_refused() {
    let labels = tempfile::tempdir().unwrap();
    let file = labels.path().join("label.csv");
    std::fs::write(&file, "product_id,ts,v\nBTC-USD,2026-01-01T23:52:00Z,1\n").unwrap();
    let leaks: Vec<(&str, String)> = vec![
        ("order_of_products", over("first_value(price)", "ORDER BY product_id, ts ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING")),
        ("lag_over_products", over("lag(price)", "ORDER BY product_id, ts")),
        ("computed_offset", over("lag(price, 1 - 2)", PRODUCT)),
        ("negative_offset", over("lag(price, (-1))", PRODUCT)),
        ("next_time", over("lead(ts)", PRODUCT)),
        ("centred", over("avg(price)", &format!("{PRODUCT} ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING"))),
        ("whole_window", over("stddev_samp(price)", "PARTITION BY product_id")),
        (
            "z_score",
            "WITH m AS (SELECT product_id, avg(price) AS a, stddev_samp(price) AS s FROM ticks GROUP BY product_id)
             SELECT t.product_id, t.ts, (t.price - m.a) / m.s AS v FROM ticks AS t JOIN m USING (product_id)"
                .into(),
        ),
        ("scalar_maximum", "SELECT product_id, ts, price / (SELECT max(price) FROM ticks) AS v FROM ticks".into()),
        (
            "later_join",
            "SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b
             ON a.product_id = b.product_id AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '2 seconds' GROUP BY a.product_id, a.ts"
                .into(),
        ),
        ("latest", "SELECT DISTINCT ON (product_id) product_id, ts, price AS v FROM ticks ORDER BY product_id, ts DESC".into()),
        (
            "exists_later",
            "SELECT product_id, ts, price AS v FROM ticks AS a WHERE EXISTS
             (SELECT 1 FROM ticks AS b WHERE b.product_id = a.product_id AND b.ts > a.ts AND b.price > 1.001 * a.price)"
                .into(),
        ),
        (
            "correlated",
            "SELECT product_id, ts, (SELECT min(b.price) FROM ticks AS b WHERE b.product_id = a.product_id AND b.ts > a.ts) AS v
             FROM ticks AS a"
                .into(),
        ),
        ("bucket", "SELECT product_id, date_trunc('minute', ts) AS ts, avg(price) AS v FROM ticks GROUP BY 1, 2".into()),
        ("through_a_query", "SELECT product_id, ts, next_price - price AS v FROM shifted".into()),
        ("label_file", format!("SELECT t.product_id, t.ts, l.v FROM ticks AS t JOIN '{}' AS l USING (product_id)", file.display())),
        ("chance", "SELECT product_id, ts, random() AS v FROM ticks".into()),
        ("clock", "SELECT product_id, ts, now() - ts AS v FROM ticks".into()),
        ("few_rows", "SELECT product_id, ts, price AS v FROM ticks ORDER BY price DESC LIMIT 50".into()),
        ("tied_order", over("row_number()", "PARTITION BY product_id ORDER BY event_time")),
        ("sides", over("lead(side)", PRODUCT)),
        ("rank", over("percent_rank()", "PARTITION BY product_id ORDER BY price")),
        ("union", "SELECT product_id, ts, v FROM (SELECT product_id, ts, price AS v FROM ticks UNION ALL SELECT product_id, min(ts) AS ts, max(price) AS v FROM ticks GROUP BY product_id)".into()),
    ];
    let shifted = format!(
        "-- description: x\nSELECT product_id, ts, price, lead(price) OVER ({PRODUCT}) AS next_price FROM ticks"
    );
    let found = proofs("features", &leaks, &[("plain/shifted.sql", &shifted)]).await;
    let passed: Vec<&String> =
        found.iter().filter(|(_, proof)| proof.faults.is_empty()).map(|(name, _)| name).collect();
    assert!(passed.is_empty(), "these pass: {passed:?}");
    for (name, begins) in [
        ("negative_offset", "`v` depends on later ticks: BTC-USD at 2026-01-0"),
        ("whole_window", "`v` depends on later ticks: BTC-USD at 2026-01-01T23:51:"),
        ("latest", "which rows there are depends on later ticks: BTC-USD at 2026-01-0"),
        ("label_file", "it reads the file '"),
        ("chance", "it calls `random`, whose value can change from run to run"),
        ("clock", "it calls `now`, whose value can change"),
        ("tied_order", "`v` depends on the order in which rows are read: "),
    ] {
        let told = messages(&found[name]);
        assert!(told.iter().any(|told| told.starts_with(begins)), "{name}: {told:?}");
    }
    let told = messages(&found["negative_offset"])[0];
    assert!(
        told.contains(" over all ticks and ")
            && (told.contains(" without those after 2026-01-0") || told.contains(" with others after")),
        "{told}"
    );
    let Fault { place, severity, hint, .. } = &found["negative_offset"].faults[0];
    assert_eq!(
        (place.line, place.column, *severity),
        (8, Some(87), Severity::Error),
        "the column's name in the SELECT"
    );
    assert!(hint.is_some());
}

#[tokio::test]
async fn features_that_look_back_pass() {
    let clean: Vec<(&str, String)> = vec![
        ("moving_average", over("avg(price)", &format!("{PRODUCT} RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW"))),
        ("deviation", over("stddev_samp(price)", &format!("{PRODUCT} ROWS BETWEEN 9 PRECEDING AND CURRENT ROW"))),
        ("running", over("sum(price)", PRODUCT)),
        ("previous", over("lag(price, 3)", PRODUCT)),
        ("backward_lead", over("lead(price, -3)", PRODUCT)),
        ("numbered", over("row_number()", PRODUCT)),
        ("smoothed", over("ewma(price, INTERVAL '5 seconds')", PRODUCT)),
        ("of_both", "SELECT product_id, ts, avg(price) OVER (ORDER BY ts, product_id ROWS 20 PRECEDING) AS v FROM ticks".into()),
        (
            "earlier_join",
            "SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b
             ON a.product_id = b.product_id AND b.ts BETWEEN a.ts - INTERVAL '2 seconds' AND a.ts GROUP BY a.product_id, a.ts"
                .into(),
        ),
        (
            "as_of_the_other",
            "WITH both AS (
               SELECT product_id, ts, price, CASE WHEN product_id = 'BTC-USD' THEN price END AS btc FROM ticks
             )
             SELECT product_id, ts, last_value(btc) IGNORE NULLS OVER (ORDER BY ts, product_id DESC) AS v FROM both"
                .into(),
        ),
        (
            "minute_before",
            "WITH minutes AS (
               SELECT product_id, date_trunc('minute', ts) + INTERVAL '1 minute' AS known, avg(price) AS a FROM ticks GROUP BY 1, 2
             )
             SELECT t.product_id, t.ts, m.a AS v FROM ticks AS t
             LEFT JOIN minutes AS m ON m.product_id = t.product_id AND m.known = date_trunc('minute', t.ts)"
                .into(),
        ),
        ("filtered", "SELECT product_id, ts, best_ask - best_bid AS v FROM ticks WHERE side = 'BUY'".into()),
        ("static_file", format!("SELECT product_id, ts, price * f.factor AS v FROM ticks JOIN '{}' AS f USING (product_id)", static_file().display())),
        ("of_a_query", "SELECT product_id, ts, v FROM spreads".into()),
    ];
    let spreads = "-- description: x\nSELECT product_id, ts, best_ask - best_bid AS v FROM ticks";
    let found = proofs("features", &clean, &[("plain/spreads.sql", spreads)]).await;
    for (name, proof) in &found {
        assert_eq!(messages(proof), [""; 0], "{name}");
        assert_eq!(proof.skipped, None, "{name}");
        assert_eq!(proof.over, "1,400 generated ticks, 2 cuts", "{name}");
    }
}

/// A small table without times.
fn static_file() -> std::path::PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("factors.csv");
    std::fs::write(&file, "product_id,factor\nBTC-USD,2\nETH-USD,3\n").unwrap();
    file
}

#[tokio::test]
async fn labels_look_no_further_than_their_horizon_and_not_back() {
    let ahead = |frame: &str| over("max(price)", &format!("{PRODUCT} RANGE BETWEEN {frame}"));
    let labels: Vec<(&str, String)> = vec![
        ("fine", ahead("INTERVAL '1 nanosecond' FOLLOWING AND INTERVAL '5 seconds' FOLLOWING")),
        ("further", ahead("INTERVAL '1 nanosecond' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING")),
        ("back", ahead("INTERVAL '5 seconds' PRECEDING AND CURRENT ROW")),
        ("both", ahead("INTERVAL '1 second' PRECEDING AND INTERVAL '5 seconds' FOLLOWING")),
        (
            "ranked",
            "SELECT product_id, ts, percent_rank() OVER (PARTITION BY product_id ORDER BY price, ts) AS v FROM ticks"
                .into(),
        ),
    ];
    let found = proofs("labels", &labels, &[]).await;
    assert_eq!(messages(&found["fine"]), [""; 0]);
    let begins = |name: &str, text: &str| {
        assert!(
            messages(&found[name]).iter().any(|told| told.starts_with(text)),
            "{name}: {:?}",
            messages(&found[name])
        );
    };
    begins("further", "`v` depends on what comes after its horizon: ");
    begins("back", "`v` depends on ticks before its row: ");
    begins("both", "`v` depends on ticks before its row: ");
    begins("ranked", "`v` depends on what comes after its horizon: ");
    assert_eq!(found["further"].faults.len(), 1);
    assert_eq!(found["both"].faults.len(), 1);
}

#[tokio::test]
async fn a_lookback_that_is_too_short_is_a_warning() {
    let query = |lookback: &str| {
        let header = HEADER.replace("unbounded", lookback);
        let frame = "RANGE BETWEEN INTERVAL '30 seconds' PRECEDING AND CURRENT ROW";
        format!("{header}{}", over("first_value(price)", &format!("{PRODUCT} {frame}")))
    };
    let dir = project_of(&[TICKS, ("features/right.sql", &query("30 s")), ("features/short.sql", &query("20 s"))]);
    let context = empty_session();
    let project = Project::load(dir.path(), &Parameters::new()).unwrap();
    project.register(&context, dir.path()).await.unwrap();
    let ticks = project.ticks_to_cut(&context, HOW.seed).await.unwrap();
    let right = project.prove(project.query("right").unwrap(), &ticks, &context, HOW).await;
    assert_eq!(messages(&right), [""; 0]);
    let short = project.prove(project.query("short").unwrap(), &ticks, &context, HOW).await;
    let [fault] = short.faults.as_slice() else { panic!("{:?}", short.faults) };
    assert_eq!(fault.severity, Severity::Warning);
    assert!(fault.message.starts_with("`v` depends on ticks before the header's lookback: "), "{}", fault.message);
}

#[tokio::test]
async fn the_shipped_features_and_labels_are_proven() {
    let data = tempfile::tempdir().unwrap();
    let session = session(data.path()).await;
    let project = shipped();
    project.register(session.context(), &data.path().join("tables")).await.unwrap();
    let ticks = project.ticks_to_cut(session.context(), HOW.seed).await.unwrap();
    for name in ["tick_features", "spike_features", "rv_spike_60s", "spike_60s", "ticks"] {
        let proof = project.prove(project.query(name).unwrap(), &ticks, session.context(), HOW).await;
        assert_eq!(messages(&proof), [""; 0], "{name}");
        assert_eq!(proof.skipped, None, "{name}");
    }
}

#[tokio::test]
async fn landed_ticks_are_cut_too() {
    let dir = project_of(&[TICKS, ("features/f.sql", &format!("{HEADER}{}", over("lag(price)", PRODUCT)))]);
    let context = ticks(300).await;
    let project = Project::load(dir.path(), &Parameters::new()).unwrap();
    project.register(&context, dir.path()).await.unwrap();
    let ticks = project.ticks_to_cut(&context, HOW.seed).await.unwrap();
    let proof = project.prove(project.query("f").unwrap(), &ticks, &context, HOW).await;
    assert_eq!(messages(&proof), [""; 0]);
    assert_eq!(proof.over, "1,400 generated ticks, 2 cuts; 600 landed ticks, 2 cuts");
}

#[tokio::test]
async fn a_query_that_knows_the_future_is_a_warning_as_long_as_no_feature_uses_it() {
    let spans =
        format!("-- description: x\nSELECT product_id, ts, price, lead(ts) OVER ({PRODUCT}) AS until FROM ticks");
    let found = proofs(
        "features",
        &[("f", "SELECT product_id, ts, price AS v FROM spans".into())],
        &[("plain/spans.sql", &spans)],
    )
    .await;
    assert_eq!(messages(&found["f"]), [""; 0]);
}

#[tokio::test]
async fn what_has_no_time_is_skipped() {
    let found = proofs("features", &[("f", "SELECT product_id, price AS v FROM ticks".into())], &[]).await;
    assert_eq!(found["f"].skipped.as_deref(), Some("it has no time column `ts` of type TIMESTAMP"));
}

/// Proves the features among lint's own cases, and returns for each case what was found.
async fn proofs_of_cases(folder: &str) -> Vec<(String, Proof)> {
    let data = lint::data();
    let session = lint::session(data.path()).await;
    let how = Thoroughness { cuts: 1, ..HOW };
    let mut found = Vec::new();
    let cases = lint::cases(&super::root().join("tests/pipeline").join(folder).join("hand.sql"));
    // Each case is recomputed several times, so only some of the cases are.
    for case in cases.into_iter().step_by(3) {
        let dir = lint::folder_of(&case, data.path());
        let project = Project::load(dir.path(), &Parameters::new()).unwrap();
        let Some(checked) = project.query("checked").filter(|query| query.kind != Kind::Model) else { continue };
        let ticks = project.ticks_to_cut(session.context(), how.seed).await.unwrap();
        found.push((case.name, project.prove(checked, &ticks, session.context(), how).await));
    }
    found
}

#[tokio::test]
async fn what_lint_accepts_passes() {
    let found = proofs_of_cases("clean").await;
    let refused: Vec<(&str, Vec<&str>)> = found
        .iter()
        .filter(|(_, proof)| {
            let is_wrong =
                |fault: &Fault| fault.severity == Severity::Error && !fault.message.starts_with("it fails over");
            proof.faults.iter().any(is_wrong)
        })
        .map(|(name, proof)| (name.as_str(), messages(proof)))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
    assert!(found.len() > 15, "{} cases", found.len());
}
