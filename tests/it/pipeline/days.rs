//! Tables that are divided by days: what a run makes, and that it is what a full run makes, bit for bit.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray, new_null_array,
};
use datafusion::parquet::arrow::ArrowWriter;
use squall::catalog::{Options, Session};
use squall::pipeline::{Made, Project, RunOptions, Would};
use squall::tick;

use super::{parameters, project_of, root, rows, shipped};

pub(super) const DAY_NS: i64 = 86_400_000_000_000;
/// 2026-01-05
pub(super) const FIRST_DAY: i64 = 20_458;

/// Numbers that look random, and are the same for the same seed.
pub(super) struct Draws(pub(super) u64);

impl Draws {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[derive(Debug, Clone)]
pub(super) struct Tick {
    product: &'static str,
    ts: i64,
    bid: f64,
    status: &'static str,
    offset: i64,
}

/// Ticks of some days, in the order of time: bursts, silences of hours, ticks around midnights, a product that ends.
pub(super) fn market(seed: u64, days: i64) -> Vec<Tick> {
    let mut draws = Draws(seed);
    let mut ticks = Vec::new();
    for (product, until) in [("BTC-USD", days * DAY_NS), ("ETH-USD", days * DAY_NS), ("OLD-USD", DAY_NS / 2)] {
        let (mut at, mut bid) = (0, 100.0 + draws.below(100) as f64);
        while at < until {
            let gap = match draws.below(200) {
                0 => DAY_NS / 6 + draws.below(DAY_NS as u64 / 6) as i64,
                1..20 => 1_000_000_000 * draws.below(700) as i64,
                _ => 1 + draws.below(9_000_000_000) as i64,
            };
            // Many ticks around each midnight.
            let next_midnight = (at / DAY_NS + 1) * DAY_NS;
            at = match gap > 3_600_000_000_000 {
                true if draws.below(2) == 0 => (next_midnight - draws.below(400_000_000_000) as i64).max(at + 1),
                _ => at + gap,
            };
            if at >= until {
                break;
            }
            bid += (draws.below(2001) as f64 - 1000.0) / 7000.0;
            let status = match draws.below(40) {
                0 => "late",
                1 => "duplicate",
                _ => "ok",
            };
            ticks.push(Tick { product, ts: FIRST_DAY * DAY_NS + at, bid, status, offset: 0 });
        }
    }
    ticks.sort_by_key(|tick| tick.ts);
    for (offset, tick) in ticks.iter_mut().enumerate() {
        tick.offset = offset as i64;
    }
    ticks
}

/// Lands ticks as one file, whose name says which offsets it holds.
pub(super) fn land(dir: &Path, ticks: &[Tick]) -> String {
    let mut sorted: Vec<&Tick> = ticks.iter().collect();
    sorted.sort_by_key(|tick| (tick.product, tick.ts));
    let schema = tick::schema();
    let time = |of: fn(&Tick) -> i64| -> ArrayRef {
        let times = TimestampNanosecondArray::from_iter_values(sorted.iter().map(|tick| of(tick)));
        Arc::new(times.with_timezone("UTC"))
    };
    let number = |of: fn(&Tick) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(sorted.iter().map(|tick| of(tick))))
    };
    let columns = schema.fields().iter().map(|field| match field.name().as_str() {
        "product_id" => Arc::new(StringArray::from_iter_values(sorted.iter().map(|tick| tick.product))) as ArrayRef,
        "status" => Arc::new(StringArray::from_iter_values(sorted.iter().map(|tick| tick.status))),
        "ts" | "event_time" | "ingest_time" => time(|tick| tick.ts),
        "price" | "best_bid" => number(|tick| tick.bid),
        "best_ask" => number(|tick| tick.bid + 0.25 + (tick.offset % 7) as f64 / 100.0),
        "best_bid_quantity" => number(|tick| 1.0 + (tick.offset % 13) as f64 / 3.0),
        "best_ask_quantity" => number(|tick| 1.0 + (tick.offset % 11) as f64 / 3.0),
        "log_partition" => Arc::new(Int32Array::from(vec![0; sorted.len()])),
        "log_offset" => Arc::new(Int64Array::from_iter_values(sorted.iter().map(|tick| tick.offset))),
        _ => new_null_array(field.data_type(), sorted.len()),
    });
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap();
    let offsets = || ticks.iter().map(|tick| tick.offset);
    let name = format!("ticks.raw-0-{}-{}.parquet", offsets().min().unwrap(), offsets().max().unwrap());
    std::fs::create_dir_all(dir).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(dir.join(&name)).unwrap(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    name
}

pub(super) async fn session(data: &Path) -> Session {
    session_of(data, 2).await
}

pub(super) async fn session_of(data: &Path, threads: usize) -> Session {
    session_with(data, threads, true).await
}

async fn session_with(data: &Path, threads: usize, rolling: bool) -> Session {
    let options = Options {
        ticks_dir: data.join("ticks"),
        tables_dir: data.join("tables"),
        models_dir: data.join("models"),
        threads,
        batch_size: 512,
        memory_limit_mb: 0,
        rolling,
    };
    Session::open(options).await.unwrap()
}

/// Runs queries in a new session, and returns how much was made of each.
pub(super) async fn run(
    project: &Project,
    data: &Path,
    selector: &str,
    options: &RunOptions,
) -> BTreeMap<String, Made> {
    let session = session(data).await;
    let mut made = BTreeMap::new();
    let mut done = |table: &squall::pipeline::Materialised| {
        assert_eq!(table.never_fresh, None, "{}", table.name);
        made.insert(table.name.clone(), table.made);
    };
    let waiting = project.run(session.context(), selector, &data.join("tables"), options, &mut done).await.unwrap();
    assert!(waiting.is_empty());
    made
}

/// Returns a table as it is read in a new session; its rows come from files.
pub(super) async fn table(project: &Project, data: &Path, name: &str, grain: &str) -> RecordBatch {
    let session = session(data).await;
    project.attach(session.context(), &data.join("tables")).unwrap();
    let plan = session.context().table(name).await.unwrap().create_physical_plan().await.unwrap();
    let shown = datafusion::physical_plan::displayable(plan.as_ref()).indent(false).to_string();
    assert!(shown.contains(&format!("tables/{name}/")), "{name} is not read from its table: {shown}");
    rows(session.context(), &format!("SELECT * FROM {name} ORDER BY {grain}")).await
}

const UNITS: &str = "-- units:\n--   v: 1\n\n";

/// A project with queries of many kinds of lookback.
pub(super) fn kinds() -> tempfile::TempDir {
    let header = "-- description: x\n-- grain: product_id, ts\n-- time column: ts\n";
    let feature = |sql: &str| format!("{header}{UNITS}{sql}");
    let window = "PARTITION BY product_id ORDER BY ts";
    project_of(&[
        ("sources/ticks.sql", &std::fs::read_to_string(root().join("sql/sources/ticks.sql")).unwrap()),
        ("features/own.sql", &feature("SELECT product_id, ts, best_ask - best_bid AS v FROM ticks")),
        (
            "features/previous.sql",
            &feature(&format!("SELECT product_id, ts, lag(price) OVER ({window}) AS v FROM ticks")),
        ),
        (
            "features/sixty.sql",
            &feature(&format!("SELECT product_id, ts, avg(price) OVER ({window} ROWS 59 PRECEDING) AS v FROM ticks")),
        ),
        (
            "features/hours.sql",
            &feature(&format!(
                "SELECT product_id, ts, stddev_samp(price) OVER ({window} RANGE INTERVAL '30 hours' PRECEDING) AS v FROM ticks"
            )),
        ),
        (
            "features/of_previous.sql",
            &feature(&format!(
                "SELECT product_id, ts, sum(v) OVER ({window} RANGE INTERVAL '7 minutes' PRECEDING) AS v FROM previous"
            )),
        ),
        (
            "features/joined.sql",
            &feature(
                "SELECT a.product_id, a.ts, a.v - b.v AS v FROM hours a JOIN own b ON a.product_id = b.product_id AND a.ts = b.ts",
            ),
        ),
        (
            "features/bars.sql",
            &feature(
                "SELECT product_id, date_bin(INTERVAL '1 minute', ts) + INTERVAL '1 minute' AS ts, sum(price) AS v FROM ticks GROUP BY 1, 2",
            ),
        ),
        (
            "labels/ahead.sql",
            &feature(&format!(
                "SELECT product_id, ts, max(price) OVER ({window} RANGE BETWEEN INTERVAL '1 nanosecond' FOLLOWING AND INTERVAL '90 minutes' FOLLOWING) AS v FROM ticks"
            )),
        ),
        (
            "labels/next.sql",
            &feature(&format!("SELECT product_id, ts, lead(price, 3) OVER ({window}) AS v FROM ticks")),
        ),
        // The row before may be any time ago.
        (
            "features/filtered.sql",
            &feature(&format!(
                "SELECT product_id, ts, lag(price) OVER ({window}) AS v FROM ticks WHERE CAST(price * 7000 AS BIGINT) % 50 = 0"
            )),
        ),
        (
            "features/of_others.sql",
            &feature(
                "SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks a JOIN ticks b ON b.ts <= a.ts AND b.ts > a.ts - INTERVAL '20 minutes' GROUP BY a.product_id, a.ts",
            ),
        ),
        (
            "training/all_rows.sql",
            "-- description: x\n-- grain: place\nSELECT row_number() OVER (ORDER BY ts, product_id) AS place, v FROM own",
        ),
    ])
}

pub(super) const KINDS: [(&str, &str); 12] = [
    ("filtered", "product_id, ts"),
    ("of_others", "product_id, ts"),
    ("own", "product_id, ts"),
    ("previous", "product_id, ts"),
    ("sixty", "product_id, ts"),
    ("hours", "product_id, ts"),
    ("of_previous", "product_id, ts"),
    ("joined", "product_id, ts"),
    ("bars", "product_id, ts"),
    ("ahead", "product_id, ts"),
    ("next", "product_id, ts"),
    ("all_rows", "place"),
];

/// Lands pieces of a market in an order, runs after each, and compares every table with that of one full run.
async fn compare(project: &Project, names: &[(&str, &str)], pieces: &[&[Tick]], order: &[usize]) {
    let (pieced, whole) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let selector = names.iter().map(|(name, _)| format!("+{name}")).collect::<Vec<_>>().join(" ");
    for piece in order {
        land(&pieced.path().join("ticks"), pieces[*piece]);
        if Some(piece) == order.last() {
            // Of tables of which some days are stale, these are computed. They have the same bits.
            let before = {
                let session = session(pieced.path()).await;
                project.attach(session.context(), &pieced.path().join("tables")).unwrap();
                all_rows(session, names).await
            };
            assert_eq!(
                before,
                views(project, pieced.path(), names).await,
                "partly fresh, landed in the order {order:?}"
            );
        }
        run(project, pieced.path(), &selector, &RunOptions::default()).await;
    }
    let again = run(project, pieced.path(), &selector, &RunOptions::default()).await;
    assert!(again.values().all(|made| *made == Made::Nothing), "{again:?}");
    for piece in pieces {
        land(&whole.path().join("ticks"), piece);
    }
    run(project, whole.path(), &selector, &RunOptions::default()).await;
    // The table is also what the query gives without any table.
    let views = views(project, whole.path(), names).await;
    for ((name, grain), view) in names.iter().zip(views) {
        let (got, wanted) =
            (table(project, pieced.path(), name, grain).await, table(project, whole.path(), name, grain).await);
        assert!(wanted.num_rows() > 0, "{name} has no rows");
        assert_eq!(got, wanted, "{name}, landed in the order {order:?}");
        assert_eq!(wanted.columns(), view, "{name} as a view");
    }
}

/// Returns the columns that each name has in a session.
pub(super) async fn all_rows(session: Session, names: &[(&str, &str)]) -> Vec<Vec<ArrayRef>> {
    let mut all = Vec::new();
    for (name, grain) in names {
        let found = rows(session.context(), &format!("SELECT * FROM {name} ORDER BY {grain}")).await;
        all.push(found.columns().to_vec());
    }
    all
}

/// Returns what queries give without any table; sums of groups have one order on one thread.
pub(super) async fn views(project: &Project, data: &Path, names: &[(&str, &str)]) -> Vec<Vec<ArrayRef>> {
    let session = session_of(data, 1).await;
    let empty = tempfile::tempdir().unwrap();
    project.attach(session.context(), empty.path()).unwrap();
    all_rows(session, names).await
}

#[tokio::test]
async fn readers_compute_only_the_days_that_are_stale() {
    let dir = kinds();
    let project = Project::load(dir.path(), &parameters()).unwrap();
    let ticks = market(8, 4);
    let data = tempfile::tempdir().unwrap();
    let (folder, tables) = (data.path().join("ticks"), data.path().join("tables"));
    let noon = ticks.partition_point(|tick| tick.ts < (FIRST_DAY + 3) * DAY_NS + DAY_NS / 2);
    land(&folder, &ticks[..noon]);
    run(&project, data.path(), "+hours +sixty", &RunOptions::default()).await;
    land(&folder, &ticks[noon..]);
    let session = session(data.path()).await;
    project.attach(session.context(), &tables).unwrap();
    for (sql, stale) in [
        ("SELECT * FROM hours ORDER BY product_id, ts", 1),
        ("SELECT count(*) AS n FROM hours", 1),
        (
            "SELECT ts, max(v) AS v FROM sixty WHERE product_id <> 'B' AND v > 1 GROUP BY ts ORDER BY ts LIMIT 1000000",
            1,
        ),
    ] {
        let plan = session.context().sql(sql).await.unwrap().create_physical_plan().await.unwrap();
        let shown = datafusion::physical_plan::displayable(plan.as_ref()).indent(false).to_string();
        assert_eq!(shown.matches("StreamingTableExec").count(), stale, "{sql}: {shown}");
        // Three days are read from their files.
        assert!(shown.contains("tables/hours/") || shown.contains("tables/sixty/"), "{sql}: {shown}");
        let empty = tempfile::tempdir().unwrap();
        let alone = session_of(data.path(), 1).await;
        project.attach(alone.context(), empty.path()).unwrap();
        assert_eq!(rows(session.context(), sql).await.columns(), rows(alone.context(), sql).await.columns(), "{sql}");
    }
    // Nothing of the table is what the query would give now: it is a view.
    let other = Project::load(dir.path(), &parameters()).unwrap();
    let (all, none) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    land(&all.path().join("ticks"), &ticks[..noon]);
    run(&other, all.path(), "own", &RunOptions::default()).await;
    std::fs::remove_dir_all(all.path().join("ticks")).unwrap();
    land(&all.path().join("ticks"), &market(9, 4));
    land(&none.path().join("ticks"), &market(9, 4));
    let names = [("own", "product_id, ts")];
    let session = session_of(all.path(), 2).await;
    other.attach(session.context(), &all.path().join("tables")).unwrap();
    assert_eq!(all_rows(session, &names).await, views(&other, none.path(), &names).await);
}

#[tokio::test]
async fn days_give_the_same_bits_as_a_full_run_in_whatever_order_ticks_land() {
    let dir = kinds();
    let project = Project::load(dir.path(), &parameters()).unwrap();
    for seed in 1..=3 {
        let mut draws = Draws(seed + 100);
        let ticks = market(seed, 4);
        let mut cuts: Vec<usize> = (0..4).map(|_| draws.below(ticks.len() as u64) as usize).collect();
        cuts.extend([0, ticks.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[Tick]> =
            cuts.windows(2).map(|ends| &ticks[ends[0]..ends[1]]).filter(|piece| !piece.is_empty()).collect();
        let mut order: Vec<usize> = (0..pieces.len()).collect();
        for index in 1..order.len() {
            order.swap(index, draws.below(index as u64 + 1) as usize);
        }
        compare(&project, &KINDS, &pieces, &order).await;
    }
}

#[tokio::test]
async fn the_shipped_features_and_labels_are_divided_by_days() {
    let ticks = market(7, 3);
    let third = ticks.len() / 3;
    let pieces = [&ticks[..third], &ticks[third..2 * third], &ticks[2 * third..]];
    let names = ["spike_features", "tick_features", "rv_spike_60s", "spike_60s"].map(|name| (name, "product_id, ts"));
    compare(&shipped(), &names, &pieces, &[2, 0, 1]).await;
    let data = tempfile::tempdir().unwrap();
    land(&data.path().join("ticks"), &ticks);
    let made = run(&shipped(), data.path(), "spike_features tick_features rv_spike_60s", &RunOptions::default()).await;
    assert!(made.values().all(|made| matches!(made, Made::Days { .. })), "{made:?}");
}

#[tokio::test]
async fn a_run_makes_the_days_that_new_ticks_reach_and_no_more() {
    let dir = kinds();
    let project = Project::load(dir.path(), &parameters()).unwrap();
    let ticks = market(5, 4);
    let at = |day: i64| ticks.partition_point(|tick| tick.ts < (FIRST_DAY + day) * DAY_NS + DAY_NS / 2);
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("ticks");
    let options = RunOptions::default();
    let selector = "own hours ahead all_rows";
    land(&folder, &ticks[..at(1)]);
    let made = run(&project, data.path(), selector, &options).await;
    let days = |made: &BTreeMap<String, Made>, name: &str| match made[name] {
        Made::Days { made, of, .. } => (made, of),
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(days(&made, "own"), (2, 2));
    assert_eq!(made["all_rows"], Made::Whole);
    let made = run(&project, data.path(), "filtered of_others bars sixty", &options).await;
    assert_eq!(made["filtered"], Made::Whole);
    for name in ["of_others", "bars", "sixty"] {
        assert!(matches!(made[name], Made::Days { .. }), "{name}: {:?}", made[name]);
    }

    // Noon of the third day: the second and the third day have new ticks.
    land(&folder, &ticks[at(1)..at(2)]);
    let made = run(&project, data.path(), selector, &options).await;
    assert_eq!(days(&made, "own"), (2, 3));
    // A last piece of the fourth day's afternoon. 30 hours before the fourth day begins are on the second.
    let last = ticks.len() - 5;
    land(&folder, &ticks[at(2)..last]);
    run(&project, data.path(), selector, &options).await;
    land(&folder, &ticks[last..]);
    let made = run(&project, data.path(), selector, &options).await;
    assert_eq!(days(&made, "own"), (1, 4));
    assert_eq!(days(&made, "ahead").0, 1, "no other day looks so far ahead");

    // Files are merged: their ticks are the same.
    let merged = tempfile::tempdir().unwrap();
    let name = land(merged.path(), &ticks);
    std::fs::copy(merged.path().join(&name), folder.join(&name)).unwrap();
    let made = run(&project, data.path(), "own hours ahead", &options).await;
    assert!(made.values().all(|made| matches!(made, Made::Days { made: 0, .. })), "{made:?}");
    let made = run(&project, data.path(), "own hours ahead", &options).await;
    assert!(made.values().all(|made| *made == Made::Nothing), "{made:?}");
    // Asked for, everything is made again, or some days.
    let full = RunOptions { full: true, ..RunOptions::default() };
    assert_eq!(days(&run(&project, data.path(), "own", &full).await, "own"), (4, 4));
    let second = Some("20260106".to_string());
    let one = RunOptions { full: true, from: second.clone(), to: second };
    assert_eq!(days(&run(&project, data.path(), "own", &one).await, "own"), (1, 4));
    table(&project, data.path(), "own", "product_id, ts").await;
}

#[tokio::test]
async fn what_a_run_would_make_is_what_it_makes() {
    let dir = kinds();
    let project = Project::load(dir.path(), &parameters()).unwrap();
    let ticks = market(6, 3);
    let data = tempfile::tempdir().unwrap();
    let (folder, tables) = (data.path().join("ticks"), data.path().join("tables"));
    let noon = ticks.partition_point(|tick| tick.ts < (FIRST_DAY + 2) * DAY_NS + DAY_NS / 2);
    land(&folder, &ticks[..noon]);
    let outlook = async |options: &RunOptions| {
        let session = session(data.path()).await;
        let outlook = project.outlook(session.context(), "own all_rows", &tables, options).await.unwrap();
        outlook.into_iter().map(|one| (one.name, one.would, one.because)).collect::<Vec<_>>()
    };
    let usual = RunOptions::default();
    let none = "there is no table of this text and these parameters".to_string();
    let days = |stale, of, ticks: &[Tick]| Would::Days { stale, of, ticks: ticks.len() as u64 };
    assert_eq!(
        outlook(&usual).await,
        [
            ("own".into(), days(3, 3, &ticks[..noon]), none.clone()),
            ("all_rows".into(), Would::Whole { rows: None }, none.clone()),
        ]
    );
    run(&project, data.path(), "own all_rows", &usual).await;
    let fresh = |name: &str| (name.to_string(), Would::Nothing, String::new());
    assert_eq!(outlook(&usual).await, [fresh("own"), fresh("all_rows")]);
    let stock = session_with(data.path(), 2, false).await;
    let other = project.outlook(stock.context(), "own", &tables, &usual).await.unwrap();
    assert_eq!(other[0].because, "`engine.rolling` was set otherwise");
    let full = RunOptions { full: true, ..RunOptions::default() };
    assert_eq!(outlook(&full).await[0], ("own".into(), days(3, 3, &ticks[..noon]), "asked for".into()));

    land(&folder, &ticks[noon..]);
    let last_day = ticks.partition_point(|tick| tick.ts < (FIRST_DAY + 2) * DAY_NS);
    let landed = "ticks have landed or gone since".to_string();
    let ok = ticks[..noon].iter().filter(|tick| tick.status == "ok").count() as u64;
    assert_eq!(
        outlook(&usual).await,
        [
            ("own".into(), days(1, 3, &ticks[last_day..]), landed.clone()),
            ("all_rows".into(), Would::Whole { rows: Some(ok) }, landed),
        ]
    );
    run(&project, data.path(), "own", &usual).await;
    assert_eq!(outlook(&usual).await[0], fresh("own"));
}

#[tokio::test]
async fn parameter_sets_do_not_overwrite_each_others_tables() {
    let dir = project_of(&[
        ("sources/ticks.sql", &std::fs::read_to_string(root().join("sql/sources/ticks.sql")).unwrap()),
        (
            "dear.sql",
            "-- description: x\n-- grain: product_id, ts\n-- time column: ts\nSELECT product_id, ts FROM ticks WHERE price > {{ horizon_s }}",
        ),
    ]);
    let of = |horizon: i64| {
        let mut parameters = parameters();
        parameters.insert("horizon_s".into(), horizon.into());
        Project::load(dir.path(), &parameters).unwrap()
    };
    let data = tempfile::tempdir().unwrap();
    land(&data.path().join("ticks"), &market(8, 2));
    let usual = RunOptions::default();
    for horizon in [60, 150, 60, 150] {
        run(&of(horizon), data.path(), "dear", &usual).await;
    }
    let again = [60, 150].map(|horizon| (of(horizon), horizon));
    for (project, horizon) in again {
        let made = run(&project, data.path(), "+dear", &usual).await;
        assert_eq!(made["dear"], Made::Nothing, "{horizon}");
    }
    let rows = [table(&of(60), data.path(), "dear", "ts").await, table(&of(150), data.path(), "dear", "ts").await];
    assert!(rows[0].num_rows() > rows[1].num_rows());
}

/// Makes what was left aside look old: what is young may be about to be written.
fn age(dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            age(&path);
        }
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
        File::open(&path).and_then(|file| file.set_modified(old)).unwrap();
    }
}

#[tokio::test]
async fn a_run_that_is_killed_goes_on_where_it_was() {
    let dir = kinds();
    let project = Project::load(dir.path(), &parameters()).unwrap();
    let ticks = market(9, 6);
    let (data, whole) = (dir.path().join("data"), tempfile::tempdir().unwrap());
    land(&data.join("ticks"), &ticks);
    land(&whole.path().join("ticks"), &ticks);
    std::fs::create_dir(dir.path().join("sql")).unwrap();
    for folder in ["sources", "features", "labels", "training"] {
        std::fs::rename(dir.path().join(folder), dir.path().join("sql").join(folder)).unwrap();
    }
    let command = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_squall"));
        command.current_dir(dir.path()).args(["run", "--all"]);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command
    };
    let mut draws = Draws(17);
    for _ in 0..8 {
        let mut child = command().spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(200 + draws.below(2_000)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    age(&data.join("tables"));
    assert!(command().status().unwrap().success());
    let selector = KINDS.map(|(name, _)| format!("+{name}")).join(" ");
    run(&project, whole.path(), &selector, &RunOptions::default()).await;
    // The tables of the command were made by another program than this test, so they are read by it.
    for (name, grain) in KINDS {
        let wanted = table(&project, whole.path(), name, grain).await;
        let mut parts: Vec<std::path::PathBuf> = Vec::new();
        for folder in std::fs::read_dir(data.join("tables").join(name)).unwrap() {
            let folder = folder.unwrap().path();
            let manifest: serde_json::Value =
                serde_json::from_str(&std::fs::read_to_string(folder.join("manifest.json")).unwrap()).unwrap();
            assert!(manifest["landed"].is_string(), "{name} is not complete: {manifest}");
            parts.extend(
                manifest["parts"].as_array().unwrap().iter().map(|part| folder.join(part["file"].as_str().unwrap())),
            );
            let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
            let aside = files.filter(|file| file.to_string_lossy().ends_with(".part")).count();
            assert_eq!(aside, 0, "{name} has files of dead runs");
        }
        let context = datafusion::prelude::SessionContext::new();
        let paths: Vec<&str> = parts.iter().map(|path| path.to_str().unwrap()).collect();
        let frame = context.read_parquet(paths, Default::default()).await.unwrap();
        context.register_table("made", frame.into_view()).unwrap();
        let made = rows(&context, &format!("SELECT * FROM made ORDER BY {grain}")).await;
        let cast = |batch: &RecordBatch| {
            let columns =
                batch.columns().iter().zip(wanted.schema().fields().clone().iter().cloned().collect::<Vec<_>>());
            columns
                .map(|(column, field)| datafusion::arrow::compute::cast(column, field.data_type()).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(cast(&made), wanted.columns(), "{name}");
    }
}

#[test]
fn a_run_says_that_nothing_has_landed_on_its_days() {
    let data = tempfile::tempdir().unwrap();
    land(&data.path().join("ticks"), &market(7, 2));
    let folder = kinds();
    let squall = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_squall"));
        command.args(["--quiet", "--set", "paths.sql=."]).arg("--data").arg(data.path()).args(arguments);
        command.current_dir(folder.path()).env_clear();
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(output.status.success(), "{said}");
        said
    };
    let early = squall(&["plan", "own", "--to", "2026-01-04"]);
    assert!(early.contains("nothing to make: no message of 2026-01-04 and earlier is landed"), "{early}");
    let some = squall(&["run", "own", "--from", "2026-01-05", "--to", "2026-01-05"]);
    assert!(some.contains("1 of 2 days") && !some.contains("no message of"), "{some}");
    squall(&["run", "own"]);
    let fresh = squall(&["run", "own", "--from", "2026-01-06"]);
    assert!(fresh.contains("fresh"), "{fresh}");
    let late = squall(&["run", "own", "--from", "2026-03-01", "--to", "2026-03-01"]);
    assert!(late.contains("no data") && !late.contains("fresh"), "{late}");
    assert!(late.contains("no message of 2026-03-01 is landed"), "{late}");
}

#[tokio::test]
async fn a_long_chain_of_windows_is_looked_at_query_by_query() {
    let data = tempfile::tempdir().unwrap();
    land(&data.path().join("ticks"), &market(7, 2));
    let header = "-- description: x\n-- grain: product_id, ts\n-- time column: ts\n";
    let mut files =
        vec![("q0.sql".to_string(), format!("{header}SELECT product_id, ts, price AS v FROM landed_ticks"))];
    for n in 1..150 {
        let frame = "PARTITION BY product_id ORDER BY ts RANGE INTERVAL '5 seconds' PRECEDING";
        let sql = format!("{header}SELECT *, avg(v) OVER ({frame}) AS v{n} FROM q{}", n - 1);
        files.push((format!("q{n}.sql"), sql));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(name, sql)| (name.as_str(), sql.as_str())).collect();
    let dir = project_of(&files);
    let project = Project::load(dir.path(), &parameters()).unwrap();
    let session = session(data.path()).await;
    let started = std::time::Instant::now();
    let options = RunOptions::default();
    let tables = data.path().join("tables");
    let outlooks = project.outlook(session.context(), "*", &tables, &options).await.unwrap();
    let elapsed = started.elapsed();
    let in_days = |would: Would| matches!(would, Would::Days { stale: 2..=3, .. });
    let other = outlooks.iter().find(|outlook| !in_days(outlook.would));
    assert_eq!(other, None, "a table is divided by days");
    // With a plan of the whole chain for each query, it takes minutes.
    assert!(elapsed.as_secs() < 150, "{elapsed:?}");
}
