//! Queries that workers compute: the same bits as in one process, whoever is lost on the way; and who is let in.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::ArrayRef;
use datafusion::physical_plan::displayable;
use squall::catalog::Session;
use squall::cluster::{Cluster, Error, Listening, Options, WorkerOptions, greet};
use squall::engine::elsewhere;
use squall::pipeline::{Project, RunOptions};

use super::days::{Draws, KINDS, all_rows, kinds, land, market, session, session_of, table, views};
use super::{parameters, root, rows, shipped};
use crate::serve::certificate;

/// Starts workers in this process; returns their addresses.
pub(super) async fn workers(count: usize) -> Vec<String> {
    let mut addresses = Vec::new();
    for _ in 0..count {
        let nothing = tempfile::tempdir().unwrap();
        let state = session_of(nothing.path(), 1).await.context().state();
        let options = WorkerOptions {
            address: "127.0.0.1:0".parse().unwrap(),
            token: "secret".into(),
            tls: None,
            threads: 2,
            state,
        };
        let listening = Listening::start(options).await.unwrap();
        addresses.push(listening.address().unwrap().to_string());
        tokio::spawn(listening.run(std::future::pending()));
    }
    addresses
}

fn options(workers: Vec<String>) -> Options {
    Options {
        workers,
        token: "secret".into(),
        ca_file: PathBuf::new(),
        // Small, so that days are cut too.
        least_ticks: 700,
        warn: |message| panic!("{message}"),
    }
}

pub(super) async fn with_workers(data: &Path, workers: &[String]) -> Session {
    // Sums of groups that are computed here have one order on one thread.
    let session = session_of(data, 1).await;
    let cluster = Cluster::connect(&options(workers.to_vec()), &session.context().state()).await.unwrap();
    elsewhere::give(session.context().state_ref().write().config_mut(), Arc::new(cluster));
    session
}

/// Compares what workers make, and what is read while they compute, with what one process makes.
async fn compare(project: &Project, names: &[(&str, &str)], data: &Path, workers: &[String], days: usize) {
    let local = tempfile::tempdir().unwrap();
    let tables = local.path().join("data");
    std::fs::create_dir_all(&tables).unwrap();
    std::os::unix::fs::symlink(data.join("ticks"), tables.join("ticks")).unwrap();
    let selector = names.iter().map(|(name, _)| format!("+{name}")).collect::<Vec<_>>().join(" ");
    super::days::run(project, &tables, &selector, &RunOptions::default()).await;
    let view: Vec<Vec<ArrayRef>> = views(project, data, names).await;

    // Without tables, whoever reads asks the workers.
    let reading = with_workers(data, workers).await;
    let empty = tempfile::tempdir().unwrap();
    project.attach(reading.context(), empty.path()).unwrap();
    let mut remote = 0;
    for (name, _) in names {
        let plan = reading.context().table(*name).await.unwrap().create_physical_plan().await.unwrap();
        let shown = displayable(plan.as_ref()).indent(false).to_string();
        remote += usize::from(shown.contains("RemoteExec"));
    }
    assert!(remote >= days, "{remote} queries are computed by workers");
    assert_eq!(all_rows(reading, names).await, view, "as views, {} workers", workers.len());

    let making = with_workers(data, workers).await;
    let mut done = |_: &squall::pipeline::Materialised| {};
    let made = data.join("tables");
    project.run(making.context(), &selector, &made, &RunOptions::default(), &mut done).await.unwrap();
    for (name, grain) in names {
        let (got, wanted) = (table(project, data, name, grain).await, table(project, &tables, name, grain).await);
        assert!(wanted.num_rows() > 0, "{name} has no rows");
        assert_eq!(got, wanted, "{name}, {} workers", workers.len());
    }
    std::fs::remove_dir_all(&made).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_two_and_four_workers_give_the_bits_of_one_process() {
    let dir = kinds();
    let project = Project::load(dir.path(), &parameters()).unwrap();
    for (seed, count) in [(2, 1), (22, 2), (3, 4)] {
        let data = tempfile::tempdir().unwrap();
        let ticks = market(seed, 3);
        land(&data.path().join("ticks"), &ticks[..ticks.len() / 2]);
        land(&data.path().join("ticks"), &ticks[ticks.len() / 2..]);
        compare(&project, &KINDS, data.path(), &workers(count).await, 7).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_project_has_the_same_bits_on_workers() {
    let data = tempfile::tempdir().unwrap();
    land(&data.path().join("ticks"), &market(31, 2));
    let names = ["spike_features", "tick_features", "rv_spike_60s", "spike_60s"].map(|name| (name, "product_id, ts"));
    compare(&shipped(), &names, data.path(), &workers(2).await, 4).await;
}

/// Windows of many forms: own functions, marks, several columns, joins, texts, decimals, integers.
#[tokio::test(flavor = "multi_thread")]
async fn expressions_of_all_kinds_survive_being_sent() {
    let w = "PARTITION BY product_id ORDER BY ts";
    let range = format!("{w} RANGE INTERVAL '3 minutes' PRECEDING");
    let wide = format!("{w} RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' FOLLOWING");
    let expressions = [
        format!("avg(price) OVER ({range})"),
        format!("sum(log_offset) OVER ({range})"),
        format!("stddev_pop(log_offset) OVER ({range})"),
        format!("sum(price) OVER ({wide} EXCLUDE CURRENT ROW)"),
        format!("count(*) OVER ({wide} EXCLUDE TIES)"),
        format!("ewma(price, INTERVAL '20 seconds') OVER ({range})"),
        format!("bipower_variation(price) OVER ({range})"),
        format!("quantile_cont(price, 0.25) OVER ({range})"),
        format!("median(price) OVER ({range})"),
        format!("first_value(price) IGNORE NULLS OVER ({range})"),
        format!("lag(price, 2) OVER ({w})"),
        format!("lag(nullif(log_offset % 3, 0)) IGNORE NULLS OVER ({w} ROWS 100 PRECEDING)"),
        format!("max(CASE WHEN price > 100 THEN price END) OVER ({range})"),
        format!("count(price) FILTER (WHERE log_offset % 2 = 0) OVER ({range})"),
        format!("corr(price, best_ask) OVER ({range})"),
        "CAST(price AS DECIMAL(12, 3)) * CAST(1.5 AS DECIMAL(4, 2))".into(),
        "log_offset + 1 - log_offset * 2".into(),
        "-log_offset".into(),
        "upper(product_id) || '-' || log_offset".into(),
        "CASE product_id WHEN 'OLD-USD' THEN NULL ELSE price END".into(),
        "greatest(price, best_ask, 101.5)".into(),
        "date_trunc('hour', ts)".into(),
        "extract(epoch FROM ts) / 7".into(),
        "coalesce(last_size, price / 3)".into(),
        "price BETWEEN 100 AND 150 AND product_id IN ('BTC-USD', 'OLD-USD')".into(),
    ];
    let header = "-- description: x\n-- grain: product_id, ts\n-- time column: ts\n-- units:\n--   v: 1\n\n";
    let mut files: Vec<(String, String)> =
        vec![("sources/ticks.sql".into(), std::fs::read_to_string(root().join("sql/sources/ticks.sql")).unwrap())];
    for (index, expression) in expressions.iter().enumerate() {
        // Each has a window too, so that it is worth sending.
        let text = format!("{header}SELECT product_id, ts, {expression} AS v, lag(ts) OVER ({w}) AS p FROM ticks");
        files.push((format!("labels/q{index}.sql"), text));
    }
    let joined = format!(
        "{header}SELECT a.product_id, a.ts, b.price AS v FROM ticks AS a ASOF LEFT JOIN ticks AS b ON a.product_id = b.product_id AND a.ts > b.ts TOLERANCE INTERVAL '1 hour'"
    );
    files.push(("features/asof.sql".into(), joined));
    let texts: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let dir = super::project_of(&texts);
    let project = Project::load(dir.path(), &parameters()).unwrap();
    let data = tempfile::tempdir().unwrap();
    land(&data.path().join("ticks"), &market(41, 2));
    let (local, empty) = (session_of(data.path(), 1).await, tempfile::tempdir().unwrap());
    project.attach(local.context(), empty.path()).unwrap();
    let workers = with_workers(data.path(), &workers(2).await).await;
    project.attach(workers.context(), empty.path()).unwrap();
    let mut here = Vec::new();
    for name in (0..expressions.len()).map(|index| format!("q{index}")).chain(["asof".into()]) {
        let sql = format!("SELECT * FROM {name} ORDER BY product_id, ts");
        let plan = workers.context().sql(&sql).await.unwrap().create_physical_plan().await.unwrap();
        if !displayable(plan.as_ref()).indent(false).to_string().contains("RemoteExec") {
            here.push(name.clone());
        }
        let (got, wanted) = (rows(workers.context(), &sql).await, rows(local.context(), &sql).await);
        assert_eq!(got.columns(), wanted.columns(), "{name}");
    }
    // FILTER and IGNORE NULLS of the engine's own windows have no form in bytes.
    assert!(here.len() <= 3, "{here:?} are not computed by workers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_with_workers_sees_what_lands_later() {
    let data = tempfile::tempdir().unwrap();
    let ticks = market(71, 3);
    let half = ticks.len() / 2;
    land(&data.path().join("ticks"), &ticks[..half]);
    let session = with_workers(data.path(), &workers(1).await).await;
    let empty = tempfile::tempdir().unwrap();
    shipped().attach(session.context(), empty.path()).unwrap();
    let names = [("tick_features", "product_id, ts")];
    for piece in [None, Some(&ticks[half..])] {
        if let Some(piece) = piece {
            land(&data.path().join("ticks"), piece);
        }
        let seen = rows(session.context(), "SELECT * FROM tick_features ORDER BY product_id, ts").await;
        assert_eq!(vec![seen.columns().to_vec()], views(&shipped(), data.path(), &names).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_a_worker_is_the_error_that_this_process_would_give() {
    let header = "-- description: x\n-- grain: product_id, ts\n-- time column: ts\n-- units:\n--   v: 1\n\n";
    let large = format!(
        "{header}SELECT product_id, ts, log_offset * 4611686018427387904 AS v, lag(ts) OVER (PARTITION BY product_id ORDER BY ts) AS p FROM ticks"
    );
    let ticks = std::fs::read_to_string(root().join("sql/sources/ticks.sql")).unwrap();
    let dir = super::project_of(&[("sources/ticks.sql", &ticks), ("features/large.sql", &large)]);
    let project = Project::load(dir.path(), &parameters()).unwrap();
    let data = tempfile::tempdir().unwrap();
    land(&data.path().join("ticks"), &market(61, 1));
    let workers = with_workers(data.path(), &workers(1).await).await;
    project.attach(workers.context(), data.path()).unwrap();
    let failed = workers.context().sql("SELECT * FROM large").await.unwrap().collect().await.unwrap_err();
    let failed = squall::catalog::Error::from(failed);
    assert!(failed.to_string().ends_with("is outside the range of Int64"), "{failed}");
    assert!(squall::error::Hint::hint(&failed).unwrap().starts_with("calculate with a wider type"));
}

/// A worker that is a process of its own.
struct Process {
    child: Child,
    address: String,
}

impl Process {
    fn start(arguments: &[&str]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
        command.args(["--set", "engine.threads=1", "worker", "--listen"]).args(arguments);
        let child = command.env("SQUALL_CLUSTER_TOKEN", "secret").stdout(Stdio::piped()).stdin(Stdio::null()).spawn();
        let mut child = child.unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("working on ").unwrap_or_else(|| panic!("{line}")).to_string();
        Process { child, address }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn squall(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    let sql = format!("paths.sql={}", root().join("sql").display());
    command.args(["--quiet", "--set", &sql, "--data"]).arg(data).args(arguments);
    command.current_dir(data).env_clear().env("SQUALL_CLUSTER_TOKEN", "secret").stdin(Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_costs_nothing_and_without_any_the_next_run_succeeds() {
    let data = tempfile::tempdir().unwrap();
    land(&data.path().join("ticks"), &market(51, 4));
    let names = [("spike_features", "product_id, ts")];
    let view = views(&shipped(), data.path(), &names).await;
    let mut draws = Draws(7);
    for killed in [1, 2, 1] {
        let mut workers = vec![Process::start(&["127.0.0.1:0"]), Process::start(&["127.0.0.1:0"])];
        let addresses = workers.iter().map(|worker| worker.address.clone()).collect::<Vec<_>>().join(",");
        let mut command = squall(data.path(), &["--workers", &addresses, "run", "spike_features"]);
        let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(200 + draws.below(1500)));
        workers.truncate(2 - killed);
        let output = running.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        if killed == 2 && !output.status.success() {
            let expected = said.contains("no worker answers any more") || said.contains("does not answer");
            assert!(expected, "{said}");
        } else {
            assert!(output.status.success(), "{said}");
        }
        // Nothing is half-written, and the next run goes on without workers.
        assert!(squall(data.path(), &["run", "spike_features"]).output().unwrap().status.success());
        let session = session(data.path()).await;
        shipped().attach(session.context(), &data.path().join("tables")).unwrap();
        assert_eq!(all_rows(session, &names).await, view);
        std::fs::remove_dir_all(data.path().join("tables")).unwrap();
    }
}

#[tokio::test]
async fn each_worker_says_how_it_is() {
    let mut addresses = workers(1).await;
    addresses.push("127.0.0.1:1".into());
    let found = greet(&options(addresses.clone())).await.unwrap();
    assert!(matches!(found.as_slice(), [Ok(2), Err(Error::Silent { .. })]), "{found:?}");
    let found = greet(&Options { token: "other".into(), ..options(addresses) }).await.unwrap();
    assert!(matches!(found[0], Err(Error::Token { .. })), "{found:?}");
}

#[test]
fn who_is_not_known_is_refused_and_says_why() {
    let data = tempfile::tempdir().unwrap();
    let (cert, key) = certificate(data.path(), "own");
    let plain = Process::start(&["127.0.0.1:0"]);
    let secure = Process::start(&["127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &key]);
    let port = secure.address.rsplit_once(':').unwrap().1;
    let named = format!("localhost:{port}");
    let some = format!("127.0.0.1:1,{}", plain.address);
    let one = ["sql", "SELECT 1 AS one"];
    let ca = format!("cluster.ca_file={cert}");
    for (arguments, token, expected) in [
        (vec!["--workers", &plain.address], "secret", None),
        (vec!["--workers", &plain.address], "other", Some("refuses the token")),
        (vec!["--workers", &plain.address], "", Some("refuses the token")),
        (vec!["--workers", "127.0.0.1:1"], "secret", Some("127.0.0.1:1 does not answer")),
        (vec!["--workers", "[::1]:1"], "secret", Some("[::1]:1 does not answer")),
        (vec!["--workers", "127.0.0.1:99999"], "secret", Some("`127.0.0.1:99999` is not the address of a worker")),
        (vec!["--workers", "http://127.0.0.1:1"], "secret", Some("is not the address of a worker")),
        (vec!["--workers", &some], "secret", None),
        (vec!["--workers", "10.0.0.2"], "secret", Some("`10.0.0.2` is not the address of a worker")),
        (vec!["--workers", &named], "secret", Some("does not answer")),
        (vec!["--workers", &named, "--set", &ca], "secret", None),
        (
            vec!["--workers", &plain.address, "--set", "cluster.ca_file=none.pem"],
            "secret",
            Some("cannot read none.pem"),
        ),
    ] {
        let mut command = squall(data.path(), &arguments);
        let output = command.args(one).env("SQUALL_CLUSTER_TOKEN", token).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        match expected {
            None => assert!(output.status.success(), "{arguments:?}: {said}"),
            Some(expected) => assert!(!output.status.success() && said.contains(expected), "{arguments:?}: {said}"),
        }
        assert!(!said.contains("secret"), "{said}");
    }
    for (arguments, token, expected) in [
        (vec!["0.0.0.0:0"], "", "other machines reach 0.0.0.0:0, and no token is set"),
        (vec!["0.0.0.0:0"], "secret", "other machines reach 0.0.0.0:0, and there is no TLS"),
        (vec![plain.address.as_str()], "secret", "cannot listen on"),
        (vec!["127.0.0.1:0"], "two words", "not visible ASCII"),
    ] {
        let mut command = squall(data.path(), &["worker", "--listen"]);
        let output = command.args(&arguments).env("SQUALL_CLUSTER_TOKEN", token).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(expected), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn a_worker_of_another_build_or_another_server_is_not_used() {
    let session = session(Path::new("nothing")).await;
    let state = session.context().state();
    assert!(matches!(Cluster::connect(&options(Vec::new()), &state).await, Err(Error::NoWorkers)));
    // A server that is not a worker.
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    std::thread::spawn(move || other.incoming().for_each(drop));
    let refused = Cluster::connect(&options(vec![address]), &state).await.err().unwrap();
    assert!(matches!(refused, Error::Silent { .. }), "{refused}");
    // The program is another one than this test.
    let worker = Process::start(&["127.0.0.1:0"]);
    let refused = Cluster::connect(&options(vec![worker.address.clone()]), &state).await.err().unwrap();
    assert!(matches!(refused, Error::Build { .. }), "{refused}");
}
