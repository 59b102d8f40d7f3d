//! Models in an object store: the same as in a folder, whatever happens to writers, to the store and between them.

use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use tempfile::TempDir;

use super::commands::Folder;
use super::tracking::{like_mlflow, serve};
use crate::support::s3::{Faults, S3Server};

const MODELS: &str = "paths.models=s3://bucket/a/models";
const RUNS: &str = "paths.runs=s3://bucket/a/runs";
const UNSENT: &str = "a/runs/unsent";
const CREATE: &str = "MODEL m OPTIONS (model_type = 'logistic_reg', input_label_cols = ['y'], l2_reg = 0.001) \
    AS SELECT sin(value) AS a, cos(value * 3) AS c, value * 7919 % 10 < 3 AS y FROM generate_series(1, 300)";
const VERSIONS: &str = "SELECT version, latest, aliases, problem FROM ml_models() ORDER BY version";

/// A bucket, and a folder for all else.
struct Cloud {
    server: S3Server,
    folder: TempDir,
}

impl Cloud {
    fn new() -> Cloud {
        Cloud { server: S3Server::start(), folder: TempDir::new().unwrap() }
    }

    fn command(&self, settings: &[&str], sql: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
        command.arg("--quiet");
        for setting in settings {
            command.args(["--set", setting]);
        }
        command.args(["sql", "--format", "csv", sql]).current_dir(self.folder.path()).env_clear();
        command.envs(self.server.environment());
        command
    }

    /// Runs statements on the models in the bucket.
    fn on_store(&self, sql: &str) -> Output {
        self.command(&[MODELS], sql).output().unwrap()
    }

    fn ask(&self, sql: &str) -> String {
        text(&self.on_store(sql))
    }

    fn start(&self, sql: &str) -> Child {
        self.command(&[MODELS], sql).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn versions(&self) -> Vec<u64> {
        let listed = self.ask(VERSIONS);
        listed.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect()
    }
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_store_does_what_a_folder_does() {
    let cloud = Cloud::new();
    let (create, replace, keep) = (
        format!("CREATE {CREATE}"),
        format!("CREATE OR REPLACE {CREATE}"),
        format!("CREATE {CREATE}").replace("MODEL m", "MODEL IF NOT EXISTS m"),
    );
    let folds = replace
        .replace("l2_reg", "cv = 'walk_forward', time_col = 't', cv_purge_s = 0, l2_reg")
        .replace("SELECT sin", "SELECT TIMESTAMP '2026-01-05' + value * INTERVAL '1 minute' AS t, sin");
    let predict = "SELECT count(*), round(sum(score), 12) FROM ml_predict('m@champion', 'SELECT sin(value) AS a, cos(value) AS c FROM generate_series(1, 50)')";
    for sql in [
        VERSIONS,
        "SELECT * FROM ml_weights('m')",
        &create,
        &create,
        &replace,
        &keep,
        "ALTER MODEL m SET ALIAS Champion VERSION 1",
        VERSIONS,
        predict,
        "SELECT * FROM ml_weights('m@2')",
        "ALTER MODEL m SET ALIAS champion",
        VERSIONS,
        predict,
        "DROP MODEL m VERSION 2",
        "DROP MODEL m VERSION 1",
        "DROP MODEL m VERSION 1",
        "ALTER MODEL m SET ALIAS old VERSION 1",
        "ALTER MODEL m DROP ALIAS old",
        "ALTER MODEL m DROP ALIAS champion",
        predict,
        "DROP MODEL m VERSION 2",
        VERSIONS,
        &create,
        VERSIONS,
        &folds,
        "SELECT count(*), sum(score) FROM ml_out_of_fold('m')",
        "SELECT count(*) FROM ml_out_of_fold('m@3')",
        "EXPORT MODEL m TO 'm.onnx'",
        "DROP MODEL m",
        VERSIONS,
        "DROP MODEL m",
        "DROP MODEL IF EXISTS m",
        "SELECT * FROM ml_weights('m')",
    ] {
        let local = cloud.command(&[], sql).output().unwrap();
        let stored = cloud.on_store(sql);
        assert_eq!(text_of(&local), text_of(&stored), "{sql}\n{}", said(&stored));
        assert_eq!(said(&local).replace("data/models", "s3://bucket/a/models"), said(&stored), "{sql}");
    }
    assert!(cloud.server.keys("a/models/m/4").is_empty(), "nothing is left but what is remembered");
    assert_eq!(cloud.server.keys("a/models/m"), ["state.json"]);
    assert!(!cloud.folder.path().join("data/models/m").exists());
    // A number is never used again in a store.
    cloud.ask(&create);
    assert_eq!(cloud.versions(), [5]);
    let described = cloud.ask("DESCRIBE MODEL m");
    assert!(described.contains("file,s3://bucket/a/models/m/5/model.json"), "{described}");
}

fn text_of(output: &Output) -> (bool, String) {
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_project_s_models_are_trained_scored_and_judged_in_a_store() {
    let (server, folder) = (S3Server::start(), Folder::with_ticks());
    let environment = server.environment();
    let environment: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let squall = |arguments: &[&str]| {
        let arguments: Vec<&str> = ["--set", MODELS].iter().chain(arguments).copied().collect();
        let (success, stdout, stderr) = folder.squall_in(&environment, &arguments);
        assert!(success, "{arguments:?}: {stderr}");
        stdout
    };
    let trained = squall(&["train"]);
    assert!(trained.contains("s3://bucket/a/models/spike_logistic/1/model.json"), "{trained}");
    assert!(!folder.path().join("data/models").exists());
    let count = "SELECT count(*) AS n FROM ml_models()";
    assert!(squall(&["sql", "--format", "csv", count]).contains('4'));
    folder.succeed(&["train"]);
    // The same models give the same scores from either place.
    let scores = "SELECT * FROM spike_scores ORDER BY ALL";
    let scores = ["sql", "--format", "csv", scores];
    squall(&["score"]);
    assert_eq!(squall(&scores), folder.succeed(&scores));
    // A table of scores is fresh until its model is trained again.
    let again = squall(&["run", "spike_scores"]);
    assert!(again.contains("fresh"), "{again}");
    squall(&["train", "spike_logistic"]);
    let again = squall(&["run", "spike_scores"]);
    assert!(!again.contains("fresh"), "{again}");
    let (_, doctor, _) = folder.squall_in(&environment, &["--set", MODELS, "doctor"]);
    assert!(doctor.contains("4 models, 5 versions"), "{doctor}");
}

#[test]
fn of_several_processes_exactly_one_makes_the_model_while_the_store_fails() {
    let cloud = Cloud::new();
    for round in 0..4 {
        let faults = Faults { slow_down: 0.1, error_after: 0.15, cut_after: 0.1, latency: Duration::from_millis(20) };
        cloud.server.fail(faults, round);
        let create = format!("CREATE {CREATE}").replace("MODEL m", &format!("MODEL m{round}"));
        let writers: Vec<Child> = (0..3).map(|_| cloud.start(&create)).collect();
        let outputs: Vec<Output> = writers.into_iter().map(|writer| writer.wait_with_output().unwrap()).collect();
        let (made, refused): (Vec<_>, Vec<_>) = outputs.iter().partition(|output| output.status.success());
        let errors: Vec<String> = refused.iter().map(|output| said(output)).collect();
        assert_eq!(made.len(), 1, "{errors:?}");
        assert!(errors.iter().all(|error| error.contains("exists already, at version 1")), "{errors:?}");
    }
    cloud.server.fail(Faults::default(), 0);
    assert_eq!(cloud.versions(), [1; 4]);
    let counts = cloud.server.counts();
    assert!(counts.slow_down > 3 && counts.error_after > 3 && counts.cut_after > 3, "{counts:?}");
}

#[test]
fn writers_at_once_get_versions_and_aliases_of_their_own() {
    let cloud = Cloud::new();
    cloud.ask(&format!("CREATE {CREATE}"));
    let faults = Faults { slow_down: 0.05, error_after: 0.1, cut_after: 0.1, latency: Duration::from_millis(10) };
    cloud.server.fail(faults, 3);
    let replace = format!("CREATE OR REPLACE {CREATE}");
    let statements = ["a", "b", "c"].map(|alias| format!("ALTER MODEL m SET ALIAS {alias} VERSION 1"));
    let writers = statements.iter().chain([&replace, &replace, &replace]).map(|sql| cloud.start(sql));
    let writers: Vec<Child> = writers.collect();
    writers.into_iter().for_each(|writer| drop(text(&writer.wait_with_output().unwrap())));
    cloud.server.fail(Faults::default(), 0);
    let listed = cloud.ask(VERSIONS);
    assert!(listed.contains("1,false,\"a, b, c\",") && listed.contains("4,true,,"), "{listed}");
    assert_eq!(cloud.versions(), [1, 2, 3, 4]);
}

#[test]
fn what_killed_processes_left_is_not_seen_and_is_removed() {
    let cloud = Cloud::new();
    cloud.ask(&format!("CREATE {CREATE}"));
    cloud.ask(&format!("CREATE OR REPLACE {CREATE}"));
    let model = std::fs::read(cloud.server.path("a/models/m/2/model.json")).unwrap();
    // DROP MODEL VERSION 1 was killed before it removed the artifact.
    cloud
        .server
        .put("a/models/m/state.json", br#"{"writer":"x","aliases":{"champion":2},"dropped":[1],"dropped_to":0}"#);
    assert_eq!(cloud.versions(), [2]);
    assert!(said(&cloud.on_store("ALTER MODEL m SET ALIAS a VERSION 1")).contains("has no version 1"));
    // DROP MODEL was killed likewise, and a writer that had been halted put its version after it.
    cloud.server.put("a/models/m/state.json", br#"{"writer":"x","aliases":{},"dropped":[],"dropped_to":3}"#);
    cloud.server.put("a/models/m/3/model.json", &model);
    assert!(cloud.versions().is_empty());
    assert!(said(&cloud.on_store("SELECT * FROM ml_weights('m')")).contains("no model is called `m`"));
    cloud.ask(&format!("CREATE {CREATE}"));
    assert_eq!(cloud.versions(), [4]);
    for version in 1..4 {
        assert!(cloud.server.keys(&format!("a/models/m/{version}")).is_empty(), "{version}");
    }
    // A state that cannot be read is said, and hides no other model.
    cloud.server.put("a/models/m/state.json", b"{");
    cloud.ask(&format!("CREATE {CREATE}").replace("MODEL m", "MODEL other"));
    let listed = cloud.ask("SELECT model, problem FROM ml_models() ORDER BY model");
    assert!(
        listed.contains("m,cannot read s3://bucket/a/models/m/state.json") && listed.contains("other,"),
        "{listed}"
    );
}

#[test]
fn kills_at_random_instants_leave_whole_models() {
    let cloud = Cloud::new();
    cloud.server.fail(Faults { latency: Duration::from_millis(30), ..Faults::default() }, 1);
    let mut random = Pcg64::seed_from_u64(5);
    let mut killed = 0;
    let replace = format!("CREATE OR REPLACE {CREATE}");
    let move_and_drop = "ALTER MODEL m SET ALIAS champion; DROP MODEL m VERSION 1";
    let began = Instant::now();
    cloud.ask(&replace);
    let whole = began.elapsed();
    for round in 0..20 {
        let sql = if round % 4 == 3 { move_and_drop } else { replace.as_str() };
        let mut writer = cloud.start(sql);
        std::thread::sleep(whole.mul_f64(random.random_range(0.1..1.0)));
        killed += usize::from(writer.try_wait().unwrap().is_none());
        let _ = writer.kill();
        writer.wait().unwrap();
    }
    cloud.server.fail(Faults::default(), 0);
    // A killed writer's last request may still be under way.
    std::thread::sleep(Duration::from_millis(500));
    let before = cloud.ask(VERSIONS);
    println!("{killed} of 20 writers were killed before they ended; versions:\n{before}");
    cloud.ask(&replace);
    let listed = cloud.ask(VERSIONS);
    assert!(listed.lines().skip(1).all(|line| line.ends_with(',')), "no version has a problem: {listed}");
    assert_eq!(listed.lines().count(), before.lines().count() + 1);
    assert!(killed > 0, "no writer was killed");
}

#[test]
fn what_a_store_says_is_said() {
    let cloud = Cloud::new();
    let on = |models: &str, sql: &str| said(&cloud.command(&[models], sql).output().unwrap());
    let error = on("paths.models=s3://elsewhere/models", &format!("CREATE {CREATE}"));
    assert!(error.contains("NoSuchBucket"), "{error}");
    let error = on("paths.models=https://host/models", &format!("CREATE {CREATE}"));
    assert!(
        error.contains("nothing can be stored on a web server") && error.contains("Hint: it has the form s3://"),
        "{error}"
    );
    let mut command = cloud.command(&[MODELS], "SELECT * FROM ml_weights('m')");
    let error = said(&command.env("AWS_SECRET_ACCESS_KEY", "wrong").output().unwrap());
    assert!(error.contains("cannot read s3://bucket/a/models/m") && error.contains("Hint: "), "{error}");
    let error = said(
        &cloud.command(&[MODELS], "SELECT * FROM ml_weights('m')").env_remove("AWS_ACCESS_KEY_ID").output().unwrap(),
    );
    assert!(error.contains("Missing AccessKeyId") && error.contains("Hint: set AWS_ACCESS_KEY_ID"), "{error}");
}

/// Sends what is not sent to a server that answers as MLflow does; `meanwhile` runs when the run is made there. Returns what squall says,
/// and how many runs were made.
fn pushed(cloud: &Cloud, meanwhile: impl Fn() + Send + 'static) -> (String, usize) {
    let (uri, requests) = serve(move |path| {
        if path.ends_with("runs/create") {
            meanwhile();
        }
        like_mlflow(path)
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.args(["--set", MODELS, "--set", RUNS, "runs", "push"]).current_dir(cloud.folder.path()).env_clear();
    command.envs(cloud.server.environment()).env("MLFLOW_TRACKING_URI", uri);
    let output = command.output().unwrap();
    let made = requests.lock().unwrap().iter().filter(|(_, path, _)| path.ends_with("runs/create")).count();
    (format!("{}{}", text_of(&output).1, said(&output)), made)
}

#[test]
fn runs_in_a_store_are_kept_until_one_process_sends_them() {
    let cloud = Cloud::new();
    let mut training = cloud.command(&[MODELS, RUNS], &format!("CREATE {CREATE}"));
    // Opened and closed again, so nothing listens there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let trained = training.env("MLFLOW_TRACKING_URI", format!("http://127.0.0.1:{port}")).output().unwrap();
    assert!(trained.status.success() && said(&trained).contains("`squall runs push`"), "{}", said(&trained));
    let [kept] = <[String; 1]>::try_from(cloud.server.keys(UNSENT)).unwrap();
    let lease = format!("{UNSENT}/{kept}.sending");
    let held = |holder: &str, ends_ms: u64| format!(r#"{{"holder":"{holder}","ends_ms":{ends_ms}}}"#).into_bytes();

    // Somebody else sends it.
    cloud.server.put(&lease, &held("other", u64::MAX));
    let (said, made) = pushed(&cloud, || ());
    assert_eq!(made, 0, "{said}");
    assert!(said.contains("another process"), "{said}");
    // Their lease has ended; and that of this process ends while it sends, so that a third one takes it.
    cloud.server.put(&lease, &held("other", 1));
    let (path, third) = (cloud.server.path(&lease), held("third", u64::MAX));
    let (said, made) = pushed(&cloud, move || std::fs::write(&path, &third).unwrap());
    assert_eq!(made, 1, "{said}");
    assert_eq!(cloud.server.keys(UNSENT), [format!("{kept}.sending")]);
    // What the third one holds is still its own.
    assert_eq!(std::fs::read(cloud.server.path(&lease)).unwrap(), held("third", u64::MAX));
    std::fs::remove_file(cloud.server.path(&lease)).unwrap();
    let (said, made) = pushed(&cloud, || ());
    assert_eq!((made, cloud.server.keys(UNSENT)), (0, Vec::new()), "{said}");
}
