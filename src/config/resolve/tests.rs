//! Precedence, types, ranges, and the texts of errors.

use std::io::Write;

use super::*;

fn file_of(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn with_file(text: &str) -> Result<Resolved, Error> {
    let file = file_of(text);
    resolve(Some(file.path()), [], &[], None)
}

fn with_environment(pairs: &[(&str, &str)]) -> Result<Resolved, Error> {
    resolve(None, pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())), &[], None)
}

fn with_flag(key: &str, value: &str) -> Result<Resolved, Error> {
    resolve(None, [], &[(key.into(), value.into())], None)
}

fn explained(result: Result<Resolved, Error>) -> String {
    let error = result.unwrap_err();
    format!("{error}; {}", error.hint().unwrap_or_default())
}

#[test]
fn ticks_lie_in_the_data_folder_unless_a_folder_or_an_address_is_set() {
    for (text, expected) in [
        ("", "data/ticks"),
        ("/fast/ticks", "/fast/ticks"),
        ("file:///fast/my%20ticks", "/fast/my ticks"),
        ("s3://bucket/ticks", "s3://bucket/ticks"),
    ] {
        let settings = with_flag("paths.ticks", text).unwrap().settings;
        assert_eq!(settings.ticks_dir(), Path::new(expected), "{text}");
    }
    assert!(with_flag("paths.sql", "s3://bucket/sql").is_err());
    let settings = with_flag("paths.models", "s3://bucket/models").unwrap().settings;
    assert_eq!(settings.models_dir(), Path::new("s3://bucket/models"));
    let settings = Settings { env: Some("dev".into()), ..settings };
    assert_eq!(settings.models_dir(), Path::new("s3://bucket/models/env/dev"));
}

#[test]
fn an_address_of_all_data_leaves_on_a_disk_what_needs_one() {
    let dirs = |settings: &Settings| {
        let stored = [settings.ticks_dir(), settings.dead_dir(), settings.tables_dir(), settings.models_dir()];
        let stored = stored.into_iter().chain([settings.scores_dir(), settings.runs_dir()]);
        let local = [settings.raw_dir(), settings.events_dir(), settings.live_dir(), settings.catalog_dir()];
        let shown = |dir: std::path::PathBuf| dir.display().to_string();
        (stored.map(shown).collect::<Vec<_>>().join(" "), local.map(shown).join(" "))
    };
    let settings = with_flag("paths.data", "s3://bucket/m").unwrap().settings;
    let stored = ["ticks", "dead", "tables", "models", "scores", "runs"].map(|name| format!("s3://bucket/m/{name}"));
    assert_eq!(dirs(&settings), (stored.join(" "), "data/raw data/events data/live data/catalog".into()));
    let both = [("paths.data".into(), "s3://bucket/m".into()), ("paths.local".into(), "/fast".into())];
    let settings = resolve(None, [], &both, Some("dev")).unwrap().settings;
    assert_eq!(dirs(&settings).1, "/fast/raw /fast/events /fast/env/dev/live /fast/catalog");
    assert_eq!(settings.models_dir(), Path::new("s3://bucket/m/env/dev/models"));
    assert_eq!(settings.scores_dir(), Path::new("s3://bucket/m/env/dev/scores"));
    let settings = with_flag("paths.data", "file:///my%20data").unwrap().settings;
    assert_eq!((settings.runs_dir(), settings.raw_dir()), ("/my data/runs".into(), "/my data/raw".into()));
    assert!(with_flag("paths.local", "s3://bucket/local").is_err());
}

#[test]
fn the_shipped_file_sets_every_default() {
    let resolved = resolve(None, [], &[], None).unwrap();
    assert_eq!(resolved.settings.land.flush_messages, 500_000);
    assert_eq!(resolved.settings.feed.products, ["BTC-USD", "ETH-USD", "SOL-USD"]);
    assert!(resolved.origins.values().all(|(_, source)| *source == Source::Default));
    assert!(resolved.warnings.is_empty());
}

#[test]
fn flags_beat_variables_beat_the_file_beats_defaults() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"[land]\nlate_ms = 1\ndedup_hours = 2\nflush_messages = 3\n").unwrap();
    let environment = [("SQUALL_LAND_LATE_MS", "10"), ("SQUALL_LAND_DEDUP_HOURS", "20")];
    let environment = environment.map(|(name, value)| (name.to_string(), value.to_string()));
    let resolved = resolve(Some(file.path()), environment, &[("land.late_ms".into(), "100".into())], None).unwrap();
    let land = &resolved.settings.land;
    assert_eq!((land.late_ms, land.dedup_hours, land.flush_messages, land.flush_interval_ms), (100, 20, 3, 10_000));
    let source = |key: &str| resolved.origins[key].1.to_string();
    assert_eq!(source("land.late_ms"), "flag --set land.late_ms");
    assert_eq!(source("land.dedup_hours"), "environment variable SQUALL_LAND_DEDUP_HOURS");
    assert_eq!(source("land.flush_messages"), file.path().display().to_string());
    assert_eq!(source("land.flush_interval_ms"), "default");
}

#[test]
fn the_python_originals_variables_count_and_ours_come_first() {
    let resolved = with_environment(&[
        ("KAFKA_BOOTSTRAP_SERVERS", "broker:9092"),
        ("FEATURE_WINDOW_SIZE", "30"),
        ("MLFLOW_TRACKING_URI", ""),
    ]);
    let resolved = resolved.unwrap();
    assert_eq!(resolved.settings.kafka.bootstrap_servers, "broker:9092");
    assert_eq!(resolved.settings.parameters["window_ticks"].as_integer(), Some(30));
    assert_eq!(resolved.origins["track.mlflow_tracking_uri"].1, Source::Default);

    let both = [("KAFKA_BOOTSTRAP_SERVERS", "theirs:9092"), ("SQUALL_KAFKA_BOOTSTRAP_SERVERS", "ours:9092")];
    assert_eq!(with_environment(&both).unwrap().settings.kafka.bootstrap_servers, "ours:9092");
}

#[test]
fn text_takes_the_defaults_type() {
    assert_eq!(with_flag("feed.products", "A-USD, B-USD").unwrap().settings.feed.products, ["A-USD", "B-USD"]);
    assert_eq!(with_flag("feed.products", r#"["A-USD"]"#).unwrap().settings.feed.products, ["A-USD"]);
    assert_eq!(with_flag("track.experiment", "5").unwrap().settings.track.experiment, "5");
    assert_eq!(
        with_flag("parameters.train_share", "0.5").unwrap().origins["parameters.train_share"].0.as_float(),
        Some(0.5)
    );
    assert!(!with_flag("engine.rolling", "false").unwrap().settings.engine.rolling);
    let properties = with_flag("kafka.properties", r#"{ "security.protocol" = "SASL_SSL" }"#).unwrap();
    assert_eq!(properties.settings.kafka.properties["security.protocol"], "SASL_SSL");
}

#[test]
fn a_parameter_of_the_projects_own_may_be_added() {
    let resolved = with_file("[parameters]\nalpha = 0.5\n").unwrap();
    assert_eq!(resolved.settings.parameters["alpha"].as_float(), Some(0.5));
    let overridden = {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"[parameters]\nalpha = 0.5\n").unwrap();
        resolve(Some(file.path()), [("SQUALL_PARAMETERS_ALPHA".into(), "0.25".into())], &[], None).unwrap()
    };
    assert_eq!(overridden.settings.parameters["alpha"].as_float(), Some(0.25));
}

#[test]
fn unknown_settings_are_refused_with_a_suggestion() {
    for (text, expected) in [
        ("[land]\nlatems = 5", "unknown setting `land.latems` in FILE; did you mean `land.late_ms`?"),
        ("[feed]\nlate_ms = 5", "unknown setting `feed.late_ms` in FILE; did you mean `land.late_ms`?"),
        ("[lnad]", "unknown setting `lnad` in FILE; did you mean `land`?"),
        ("frobnicate = 1", "unknown setting `frobnicate` in FILE; `squall config --defaults` prints every setting"),
    ] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let explained = explained(resolve(Some(file.path()), [], &[], None));
        assert_eq!(explained.replace(&file.path().display().to_string(), "FILE"), expected);
    }
    let flag = explained(with_flag("engine.thread", "2"));
    assert_eq!(flag, "unknown setting `engine.thread` in flag --set engine.thread; did you mean `engine.threads`?");
    // A mistyped parameter would leave the one that was meant as it is, without a word.
    let flag = explained(with_flag("parameters.horizon", "30"));
    assert!(flag.contains("did you mean `parameters.horizon_s`"), "{flag}");
    let flag = explained(with_flag("parameters.zzzzzz", "30"));
    assert!(flag.ends_with("has its usual value in squall.toml, section [parameters]"), "{flag}");
}

#[test]
fn values_of_another_type_are_refused() {
    for (key, value, expected) in [
        ("land.late_ms", "soon", r#"sets `land.late_ms` to "soon", which is not a whole number"#),
        ("land.late_ms", "", r#"sets `land.late_ms` to "", which is not a whole number"#),
        ("land.late_ms", "5\nx = 6", r#"which is not a whole number"#),
        ("engine.rolling", "yes", r#"sets `engine.rolling` to "yes", which is not true or false"#),
        ("parameters.train_share", "most", r#"sets `parameters.train_share` to "most", which is not a number"#),
    ] {
        let explained = explained(with_flag(key, value));
        assert!(explained.contains(expected), "{explained}");
    }
    assert!(explained(with_file("land = 3")).contains("sets `land` to 3, which is not a section"));
}

#[test]
fn values_out_of_range_are_refused_by_name() {
    for (key, value) in [
        ("land.flush_messages", "-5"),
        ("land.flush_messages", "0"),
        ("engine.batch_size", "0"),
        ("land.dedup_hours", "5000000000"),
        ("parameters.tau_quantile", "1.5"),
        ("parameters.train_share", "nan"),
        ("parameters.window_ticks", "1"),
        ("feed.products", "[]"),
        ("feed.products", "[1, 2]"),
        ("kafka.properties", "{ retries = 3 }"),
        ("paths.data", ""),
    ] {
        let error = with_flag(key, value).unwrap_err();
        assert!(matches!(&error, Error::Value { key: named, .. } if named == key), "{key}={value}: {error}");
    }
}

#[test]
fn a_missing_file_and_a_broken_one_are_named() {
    let missing = resolve(Some(Path::new("no-such.toml")), [], &[], None);
    assert!(explained(missing).starts_with("cannot read settings from no-such.toml; `squall config --defaults >"));
    assert!(explained(with_file("[land\nlate_ms = 5")).contains("is not valid TOML in line 1, column 6"));
}

#[test]
fn variables_that_look_like_settings_and_are_none_are_warned_about() {
    let resolved = with_environment(&[
        ("SQUALL_LAND_LATEMS", "5"),
        ("SQUALL_BLESS", "1"),
        ("SQUALL_TEST_BROKER", "localhost:9092"),
        ("OTHER_PROGRAM", "1"),
    ]);
    assert_eq!(
        resolved.unwrap().warnings,
        [
            "environment variable SQUALL_LAND_LATEMS is not a setting; did you mean `SQUALL_LAND_LATE_MS` or `SQUALL_LAND_AHEAD_MS`?"
        ]
    );
}

#[test]
fn values_that_may_be_secret_are_not_repeated() {
    for result in [
        with_flag("kafka.properties", "hunter2"),
        with_flag("kafka.properties", r#"{ "sasl.password" = 7777777, x = "hunter2" }"#),
        with_flag("kafka.isolation_level", "http://me:hunter2@host"),
        with_file("[kafka]\nproperties = { \"sasl.password\" = hunter2 }"),
        with_file("[kafka]\nproperties = \"hunter2\""),
        with_file("kafka = \"hunter2\""),
        with_file("[feed]\nproducts = \"wss://me:hunter2@host\""),
    ] {
        let explained = explained(result);
        assert!(!explained.contains("hunter2") && !explained.contains("7777777"), "{explained}");
    }
}

#[test]
fn an_environment_lies_between_the_file_and_the_variables() {
    let file = file_of(
        "[parameters]\nhorizon_s = 30\nsilence_s = 5\n[env.dev.parameters]\nhorizon_s = 10\n[env.big.engine]\nthreads = 7\n",
    );
    let value = |environment: &[(&str, &str)], env: Option<&str>| {
        let environment = environment.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        let settings = resolve(Some(file.path()), environment, &[], env).unwrap().settings;
        let horizon = settings.parameters["horizon_s"].as_integer().unwrap();
        (horizon, settings.models_dir().display().to_string(), settings.engine.threads)
    };
    assert_eq!(value(&[], None), (30, "data/models".into(), 0));
    assert_eq!(value(&[], Some("dev")), (10, "data/env/dev/models".into(), 0));
    assert_eq!(value(&[("SQUALL_ENV", "big")], None), (30, "data/env/big/models".into(), 7));
    assert_eq!(value(&[("SQUALL_ENV", "big"), ("SQUALL_PARAMETERS_HORIZON_S", "20")], Some("dev")).0, 20);

    let wrong = |env: &str| resolve(Some(file.path()), [], &[], Some(env)).unwrap_err();
    assert!(wrong("bgi").to_string().ends_with("has no environment `bgi`"), "{}", wrong("bgi"));
    assert_eq!(wrong("bgi").hint().unwrap(), "did you mean `big`?");
    assert!(matches!(wrong("../x"), Error::EnvName { .. }));
    let mistyped = file_of("[parameters]\nown = 1\n[env.dev.parameters]\nown = 2\nhorizont_s = 10\n");
    for env in [None, Some("dev")] {
        let error = resolve(Some(mistyped.path()), [], &[], env).unwrap_err();
        assert!(error.to_string().contains("unknown setting `parameters.horizont_s`"), "{error}");
        assert!(error.hint().unwrap().starts_with("did you mean `parameters.horizon_s`"), "{error}");
    }
    let faulty = file_of("[env.dev.parameters]\nhorizon_s = 10\n[env.other.engine]\nthread = 7\n");
    let error = resolve(Some(faulty.path()), [], &[], Some("dev")).unwrap_err().to_string();
    assert!(error.contains("`engine.thread`") && error.ends_with("environment other"), "{error}");
    assert_eq!(
        resolve(None, [], &[], Some("adhoc")).unwrap().settings.models_dir(),
        Path::new("data/env/adhoc/models")
    );
}
