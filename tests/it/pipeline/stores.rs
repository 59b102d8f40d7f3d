//! Materialised tables in an object store: the same as in a folder, whatever happens to runs, to the store and between them.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use tempfile::TempDir;

use super::days::{Tick, land, market};
use crate::support::s3::{Faults, S3Server};

const TABLES: &str = "paths.tables=s3://bucket/a/tables";
const ROWS: &str = "SELECT * FROM tick_features ORDER BY product_id, ts";

/// Ticks of four days in a folder, and a bucket for tables.
struct Cloud {
    server: S3Server,
    data: TempDir,
    ticks: Vec<Tick>,
}

impl Cloud {
    fn new() -> Cloud {
        let cloud = Cloud { server: S3Server::start(), data: TempDir::new().unwrap(), ticks: market(3, 4) };
        let (before, _) = cloud.ticks.split_at(cloud.ticks.len() / 2);
        land(&cloud.data.path().join("ticks"), before);
        cloud
    }

    /// Lands the other half of the ticks.
    fn land_more(&self) {
        land(&self.data.path().join("ticks"), self.ticks.split_at(self.ticks.len() / 2).1);
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
        let sql = format!("paths.sql={}/sql", env!("CARGO_MANIFEST_DIR"));
        command.args(["--quiet", "--set", &sql, "--data"]).arg(self.data.path()).args(arguments);
        command.current_dir(self.data.path()).env_clear().envs(self.server.environment());
        command
    }

    fn on_store(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&["--set", TABLES]);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> String {
        text(&self.on_store(&[&["run", "tick_features"], arguments].concat()).output().unwrap())
    }

    fn rows(&self) -> String {
        text(&self.on_store(&["sql", "--format", "csv", ROWS]).output().unwrap())
    }

    /// Checks that the table is read, and has the rows that the query gives.
    fn check(&self) {
        self.server.fail(Faults::default(), 0);
        let explained = text(&self.on_store(&["sql", &format!("EXPLAIN {ROWS}")]).output().unwrap());
        assert!(explained.contains("a/tables/tick_features/"), "the table is not read: {explained}");
        let computed = text(&self.command(&["sql", "--format", "csv", ROWS]).output().unwrap());
        assert!(computed.lines().count() > 100);
        assert!(computed == self.rows(), "the table in the store has other rows");
    }

    /// Returns the folder of the table, and the names of its files of rows.
    fn files(&self) -> (String, Vec<String>) {
        let all = std::fs::read_dir(self.server.path("a/tables/tick_features")).unwrap();
        let mut folders: Vec<_> = all.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
        assert_eq!(folders.len(), 1, "{folders:?}");
        let name = folders.remove(0).file_name().unwrap().to_string_lossy().into_owned();
        let folder = format!("a/tables/tick_features/{name}");
        let files = self.server.keys(&folder);
        (folder, files.into_iter().filter(|file| file.ends_with(".parquet")).collect())
    }
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_store_has_the_tables_that_a_folder_has() {
    let cloud = Cloud::new();
    let first = cloud.run(&[]);
    assert!(first.contains(" 2 of 2 days"), "{first}");
    assert!(!cloud.data.path().join("tables").exists());
    cloud.check();
    assert!(cloud.run(&[]).contains("fresh"));
    let (_, before) = cloud.files();
    cloud.land_more();
    let plan = text(&cloud.on_store(&["plan", "tick_features"]).output().unwrap());
    assert!(plan.contains("ticks have landed"), "{plan}");
    let second = cloud.run(&[]);
    let (_, after) = cloud.files();
    assert!(second.contains(" of 4 days") && before.iter().any(|file| after.contains(file)), "{second}: {after:?}");
    cloud.check();
    cloud.run(&["--full"]);
    cloud.run(&["--full"]);
    cloud.check();
    let (_, files) = cloud.files();
    assert_eq!(files.len(), 8, "what the last run replaced stays until the next: {files:?}");
}

#[test]
fn runs_at_once_while_the_store_fails_leave_one_whole_table() {
    let cloud = Cloud::new();
    cloud.land_more();
    cloud.run(&[]);
    let rows = cloud.rows();
    let faults = Faults { slow_down: 0.08, error_after: 0.08, cut_after: 0.08, latency: Duration::from_millis(20) };
    cloud.server.fail(faults, 4);
    let runs: Vec<Child> =
        (0..3).map(|_| cloud.on_store(&["run", "tick_features", "--full"]).spawn().unwrap()).collect();
    // Whoever reads meanwhile sees a whole table, or that two runs have replaced it since.
    for _ in 0..4 {
        let read = cloud.on_store(&["sql", "--format", "csv", ROWS]).output().unwrap();
        if read.status.success() {
            assert!(text(&read) == rows, "a reader saw other rows");
        } else {
            let error = String::from_utf8_lossy(&read.stderr).into_owned();
            assert!(error.contains("was replaced twice") || error.contains("was removed or replaced"), "{error}");
        }
    }
    for run in runs {
        text(&run.wait_with_output().unwrap());
    }
    let counts = cloud.server.counts();
    assert!(counts.slow_down > 3 && counts.error_after > 3 && counts.cut_after > 3, "{counts:?}");
    cloud.check();
}

#[test]
fn runs_that_are_killed_at_random_instants_leave_whole_tables_and_no_garbage_for_ever() {
    let cloud = Cloud::new();
    cloud.land_more();
    cloud.server.fail(Faults { latency: Duration::from_millis(30), ..Faults::default() }, 1);
    let mut random = Pcg64::seed_from_u64(9);
    let mut killed = 0;
    let expected = text(&cloud.command(&["sql", "--format", "csv", ROWS]).output().unwrap());
    let began = Instant::now();
    cloud.run(&["--full"]);
    let whole = began.elapsed();
    for round in 0..15 {
        let mut run = cloud.on_store(&["run", "tick_features", "--full"]).spawn().unwrap();
        std::thread::sleep(whole.mul_f64(random.random_range(0.1..1.0)));
        killed += usize::from(run.try_wait().unwrap().is_none());
        let _ = run.kill();
        run.wait().unwrap();
        if round % 5 == 4 {
            assert!(cloud.rows() == expected, "after a kill, rows are missing or twice");
        }
    }
    assert!(killed > 0, "no run was killed");
    cloud.server.fail(Faults::default(), 0);
    cloud.run(&["--full"]);
    cloud.check();
    let (folder, files) = cloud.files();
    println!("{killed} of 15 runs were killed; {} files are left", files.len());
    // Two days later, the next run removes what no manifest names.
    let garbage = format!("{folder}/tick_features-20260105-0123456789abcdef.parquet");
    cloud.server.put(&garbage, b"PAR1");
    let past = SystemTime::now() - Duration::from_secs(2 * 24 * 3600);
    for file in files.iter().map(|file| format!("{folder}/{file}")).chain([garbage]) {
        std::fs::File::open(cloud.server.path(&file)).unwrap().set_modified(past).unwrap();
    }
    cloud.run(&["--full"]);
    let (_, files) = cloud.files();
    assert_eq!(files.len(), 8, "the table and what it replaced: {files:?}");
    cloud.check();
}

#[test]
fn all_of_a_project_lies_in_a_store_but_what_needs_a_disk() {
    let (server, folder) = (S3Server::start(), TempDir::new().unwrap());
    let landed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/pipeline/landed_ticks.parquet");
    server.put("m/ticks/raw-0-0-1752.parquet", &std::fs::read(landed).unwrap());
    let squall = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
        let sql = format!("paths.sql={}/sql", env!("CARGO_MANIFEST_DIR"));
        command.args(["--quiet", "--set", &sql, "--data", "s3://bucket/m/"]).args(arguments);
        command.current_dir(folder.path()).env_clear().envs(server.environment());
        text(&command.output().unwrap())
    };
    squall(&["run", "+spike_training"]);
    assert!(server.path("m/tables/spike_training").is_dir());
    squall(&["train"]);
    squall(&["score"]);
    let scored = squall(&["score", "spike_logistic"]);
    assert!(scored.contains("s3://bucket/m/scores/spike_logistic.parquet"), "{scored}");
    let evaluated = squall(&["evaluate"]);
    assert!(evaluated.contains("spike_logistic"), "{evaluated}");
    let runs = squall(&["runs", "list"]);
    assert!(runs.lines().count() >= 8 && runs.contains("only here"), "{runs}");
    let counted =
        squall(&["sql", "--format", "csv", "SELECT count(DISTINCT run_id) AS n FROM runs WHERE problem IS NULL"]);
    assert_eq!(counted.lines().nth(1), Some(runs.lines().count().to_string().as_str()), "{runs}");
    assert_eq!(server.keys("m/runs").len(), runs.lines().count());
    squall(&["sql", "CREATE TABLE mine AS SELECT 7 AS n"]);
    assert!(squall(&["sql", "--format", "csv", "SELECT n FROM mine"]).contains('7'));
    let mut local: Vec<_> =
        std::fs::read_dir(folder.path().join("data")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    local.sort();
    assert_eq!(local, ["catalog"]);
    // The log stays on a disk, and lands in the store.
    let message = r#"{"type":"ticker","product_id":"BTC-USD","price":"2","best_bid":"1","best_ask":"3","sequence":1,"time":"2026-01-05T00:00:00Z"}"#;
    std::fs::write(folder.path().join("messages.ndjson"), format!("{message}\n")).unwrap();
    squall(&["replay", "messages.ndjson"]);
    assert!(folder.path().join("data/raw").is_dir());
    // The recorded ticks were not landed by squall, so these go to another place.
    squall(&["--set", "paths.ticks=s3://bucket/n/ticks", "land"]);
    assert_eq!(server.keys("n/ticks"), ["raw-0-0-0.parquet"]);
}
