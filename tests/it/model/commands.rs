//! `squall train`, `score`, `evaluate` and `compare`, over landed ticks and the shipped SQL project.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A folder with squall's data in it, and without the developer's own settings.
pub struct Folder(TempDir, String);

impl Folder {
    pub fn new() -> Folder {
        Folder(TempDir::new().unwrap(), format!("{}/sql", env!("CARGO_MANIFEST_DIR")))
    }

    /// Lands the ticks of `tests/reference/pipeline`, 1,753 of them.
    pub fn with_ticks() -> Folder {
        let folder = Folder::new();
        let ticks = folder.0.path().join("data/ticks");
        std::fs::create_dir_all(&ticks).unwrap();
        let landed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/pipeline/landed_ticks.parquet");
        std::fs::copy(landed, ticks.join("raw-0-0-1752.parquet")).unwrap();
        folder
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Copies the shipped project into the folder, where a test can change it.
    pub fn own_project(&mut self) {
        let own = self.0.path().join("sql");
        copy(Path::new(&self.1), &own);
        self.1 = own.display().to_string();
    }

    /// Runs a command; returns its standard output and standard error, whether or not it succeeded.
    pub fn squall(&self, arguments: &[&str]) -> (bool, String, String) {
        self.squall_in(&[], arguments)
    }

    /// Runs a command with these variables in its environment.
    pub fn squall_in(&self, environment: &[(&str, &str)], arguments: &[&str]) -> (bool, String, String) {
        let sql = format!("paths.sql={}", self.1);
        let output = Command::new(env!("CARGO_BIN_EXE_squall"))
            .args(["--set", &sql])
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    }

    pub fn succeed(&self, arguments: &[&str]) -> String {
        let (success, stdout, stderr) = self.squall(arguments);
        assert!(success, "squall {}: {stderr}", arguments.join(" "));
        stdout
    }

    pub fn fail(&self, arguments: &[&str]) -> String {
        let (success, stdout, stderr) = self.squall(arguments);
        assert!(!success, "squall {} succeeded: {stdout}", arguments.join(" "));
        stderr
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            std::fs::copy(entry.path(), target).map(|_| ()).unwrap()
        }
    }
}

#[test]
fn the_models_are_trained_scored_judged_and_compared() {
    let folder = Folder::with_ticks();
    let trained = folder.succeed(&["train"]);
    for model in ["naive_volatility", "spike_logistic", "spike_regression", "volatility_threshold"] {
        let line = &format!("{model} version 1");
        assert!(trained.contains(line), "{trained}");
    }
    let again = folder.succeed(&["train", "spike_logistic"]);
    assert!(again.contains("spike_logistic version 2") && !again.contains("naive_volatility"), "{again}");

    assert!(folder.succeed(&["score"]).starts_with("spike_scores"));
    let evaluated = folder.succeed(&["evaluate"]);
    let cells: Vec<Vec<&str>> = evaluated.lines().map(|line| line.split_whitespace().collect()).collect();
    let places: Vec<(&str, &str)> = cells[1..13].iter().map(|line| (line[0], line[1])).collect();
    let splits = ["train", "validation", "test"];
    let models = ["naive_volatility", "spike_logistic", "spike_regression", "volatility_threshold"];
    assert_eq!(places, models.iter().flat_map(|model| splits.map(|split| (*model, split))).collect::<Vec<_>>());
    // spike_metrics measures the same values that training recorded.
    for line in again.lines().skip(1).take(3) {
        // A shorter name leaves room for more columns.
        let measured: Vec<&str> = line.split_whitespace().take(7).collect();
        assert!(cells.iter().any(|cells| cells.starts_with(&measured)), "{line}\nis not in\n{evaluated}");
    }
    assert!(evaluated.contains("the naive rule (naive_volatility) on the test split"), "{evaluated}");

    let compared = folder.succeed(&["compare", "spike_logistic@1", "spike_logistic", "--split", "validation"]);
    assert!(compared.starts_with("on validation"), "{compared}");
    let versions = compared.lines().find(|line| line.starts_with("version")).unwrap();
    assert_eq!(versions.split_whitespace().collect::<Vec<_>>(), ["version", "1", "2"]);

    // If an old version cannot be read, the others can still be evaluated and compared.
    std::fs::write(folder.0.path().join("data/models/spike_logistic/1/model.json"), "{ half").unwrap();
    assert_eq!(folder.succeed(&["evaluate"]), evaluated);
    let compared = folder.succeed(&["compare"]);
    assert!(compared.lines().next().unwrap().contains("spike_logistic"), "{compared}");
    let broken = folder.fail(&["compare", "spike_logistic@1"]);
    assert!(broken.contains("is not a model artifact") && broken.contains("Hint: remove that version"), "{broken}");

    let scored = folder.succeed(&["score", "spike_logistic", "--from", "SELECT * FROM spike_training LIMIT 5"]);
    assert_eq!(scored.trim(), "spike_logistic  5 rows  data/scores/spike_logistic.parquet");
    let read = folder.succeed(&["sql", "SELECT count(score) AS n FROM 'data/scores/spike_logistic.parquet'"]);
    assert!(read.contains('5'), "{read}");
    let count = "SELECT count(DISTINCT run_id) AS n FROM runs WHERE split = 'test' AND kind =";
    let trainings = folder.succeed(&["sql", &format!("{count} 'training'")]);
    assert!(trainings.contains('5'), "{trainings}");
    let evaluations = folder.succeed(&["runs", "list"]);
    assert!(evaluations.contains("-evaluated-") && evaluations.contains("only here"), "{evaluations}");
}

#[test]
fn walk_forward_judges_every_model_on_rows_that_it_has_not_seen() {
    let folder = Folder::with_ticks();
    let flags = ["--blocks", "4", "--train-blocks", "2", "--embargo-s", "0", "--out", "rows.parquet"];
    let shown = folder.succeed(&[&["evaluate", "--protocol", "walk_forward"][..], &flags].concat());
    assert!(shown.starts_with("4 blocks by time, the first 2 only train; purge 60 s, embargo 0 s\n"), "{shown}");
    let line = |model: &str| {
        let line = shown.lines().find(|line| line.split_whitespace().next() == Some(model));
        line.unwrap_or_else(|| panic!("no {model} in {shown}"))
            .split_whitespace()
            .map(str::to_string)
            .collect::<Vec<_>>()
    };
    for model in ["naive_volatility", "spike_logistic", "spike_regression", "volatility_threshold"] {
        assert_eq!(line(model)[1], line("naive_volatility")[1], "rows of {model}");
    }
    assert!(shown.contains("spike_regression: ") && !shown.contains("naive_volatility: "), "{shown}");
    assert!(!folder.path().join("data/models").exists(), "nothing is saved");
    let ignored = folder.fail(&["evaluate", "--out", "rows.parquet"]);
    assert!(
        ignored.contains("--out belongs to another protocol") && ignored.contains("Hint: add --protocol"),
        "{ignored}"
    );
    let same =
        "SELECT count(*) AS n FROM 'rows.parquet' WHERE model = 'naive_volatility' AND score IS DISTINCT FROM baseline";
    let read = folder.succeed(&["sql", same]);
    assert!(read.contains('0'), "{read}");
    let late = folder.fail(&["evaluate", "--protocol", "walk_forward"]);
    assert!(
        late.contains("fold 1 cannot be trained") && late.contains("Hint: train on rows of a longer time"),
        "{late}"
    );
    let none = folder.fail(&["evaluate", "--protocol", "walk_forward", "--blocks", "3"]);
    assert!(none.contains("all 3 blocks only train") && none.contains("Hint:"), "{none}");
}

/// Parameters alone change what is learned: no file is edited.
#[test]
fn training_and_evaluation_follow_label_horizon_and_grid() {
    let folder = Folder::with_ticks();
    let set = ["label=spike_60s", "horizon_s=20", "grid_s=2"].map(|value| format!("parameters.{value}"));
    let set: Vec<&str> = set.iter().flat_map(|value| ["--set", value.as_str()]).collect();
    folder.succeed(&[&set[..], &["train", "spike_regression"]].concat());
    let model = squall::model::Registry::new(folder.path().join("data/models")).load("spike_regression").unwrap();
    let labels = &model.basis.as_ref().unwrap().labels;
    assert_eq!((labels.len(), labels[0].name.as_str(), labels[0].horizon.as_str()), (1, "spike_60s", "20 s"));
    folder.succeed(
        &[&set[..], &["sql", "SELECT count(*) FROM ml_evaluate('spike_regression', 'spike_training', 'split')"]]
            .concat(),
    );
    let other = folder.fail(&["sql", "SELECT * FROM ml_evaluate('spike_regression', 'spike_training', 'split')"]);
    assert!(
        other.contains("it learned the label `spike_60s`, 20 s ahead") && other.contains("`rv_spike_60s`"),
        "{other}"
    );
}

#[test]
fn a_command_without_its_input_says_which_command_makes_it() {
    let folder = Folder::new();
    let missing = folder.fail(&["train"]);
    assert!(missing.contains("no message is landed") && missing.contains("`squall land`"), "{missing}");
    for command in [&["evaluate"][..], &["compare"], &["score"], &["score", "spike_logistic"]] {
        let missing = folder.fail(command);
        assert!(missing.contains("Hint: `squall train`"), "{missing}");
    }
    let folder = Folder::with_ticks();
    let unknown = folder.fail(&["train", "spike_logistik"]);
    assert!(unknown.contains("Hint: did you mean `spike_logistic`?"), "{unknown}");
    folder.succeed(&["train"]);
    let unknown = folder.fail(&["score", "spike_logistic", "--from", "spike_trainings"]);
    assert!(unknown.contains("spike_trainings"), "{unknown}");
    assert!(!folder.0.path().join("data/scores/spike_logistic.parquet").exists());
}

/// Tables that people made with CREATE TABLE are seen by the commands that judge, and a table that holds no metrics is refused.
#[test]
fn commands_that_judge_see_the_tables_of_the_catalog() {
    let folder = Folder::with_ticks();
    let model = "CREATE TABLE few AS SELECT sin(value * 1.0) AS x, sin(value * 1.0) + cos(value * 17.3) > 0.7 AS y,
            CASE WHEN value <= 200 THEN 'train' ELSE 'test' END AS split FROM generate_series(1, 300);
        CREATE MODEL m OPTIONS (model_type = 'logistic_reg', input_label_cols = ['y'], data_split_col = 'split') AS FROM few";
    folder.succeed(&["sql", model]);
    let compared = folder.succeed(&["compare", "--on", "few"]);
    assert!(compared.contains("on test") && compared.contains("logistic_reg"), "{compared}");
    let judged = folder.succeed(&["evaluate", "--from", "ml_evaluate_all('few', 'split')"]);
    assert!(judged.contains("m") && judged.contains("test"), "{judged}");
    let (success, _, stderr) = folder.squall(&["evaluate", "--from", "few"]);
    assert!(!success && stderr.contains("`few` has no column `model`: it does not hold metrics"), "{stderr}");
    assert!(stderr.contains("ml_evaluate_all('few', 'split')"), "{stderr}");
}
