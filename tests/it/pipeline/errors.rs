//! Errors in a project are reported with file, line, column and a hint.

use squall::error::Hint;
use squall::pipeline::{Error, Parameters, Project, RunOptions, Why};

use super::{empty_session, project_of};

fn parameters() -> Parameters {
    [("horizon_s".to_string(), 60.into())].into()
}

/// Loads and registers the files, and returns the first error's message, without the folder's name, and its hint.
async fn error_of(files: &[(&str, &str)]) -> (String, String) {
    let dir = project_of(files);
    let context = empty_session();
    let project = Project::load(dir.path(), &parameters()).unwrap().with_built_in(&context);
    let unplanned = project.register(&context, &dir.path().join("tables")).await.unwrap();
    let error = project.disabled().iter().chain(&unplanned).find_map(|disabled| match &disabled.why {
        Why::Wrong(error) => Some(error),
        Why::Reads(_) | Why::Waits(_) => None,
    });
    let error = error.expect("something is wrong");
    let folder = format!("{}/", dir.path().display());
    (error.to_string().replace(&folder, ""), error.hint().unwrap_or_default())
}

#[tokio::test]
async fn sql_that_does_not_parse_is_shown_with_a_caret() {
    let text = "-- description: x\nSELECT '{{ horizon_s }}' AS a,\n       {{ horizon_s }} FROM ) landed_ticks\n";
    let (message, _) = error_of(&[("scores/a.sql", text)]).await;
    let lines: Vec<&str> = message.lines().collect();
    assert!(lines[0].starts_with("scores/a.sql:3:29: expected"), "{message}");
    assert_eq!(lines[2], "3 |        {{ horizon_s }} FROM ) landed_ticks", "{message}");
    assert_eq!(lines[3].find('^'), lines[2].find(')'), "{message}");
}

#[tokio::test]
async fn an_unknown_parameter_column_or_table_is_placed_and_a_near_name_offered() {
    let header = "-- description: x\n";
    for (sql, place, hint) in [
        ("SELECT {{ horizon }}", "a.sql:2:8: unknown parameter `horizon`", "did you mean `horizon_s`?"),
        ("SELECT 1,\n  best_bit FROM landed_ticks", "a.sql:3:3:", "did you mean `best_bid`?"),
        ("SELECT 1\nFROM landed_tick", "a.sql:3:6:", "did you mean `landed_ticks`?"),
        ("SELECT 1,\n  avgg(price) FROM landed_ticks", "a.sql:3:3:", "did you mean `avg`?"),
        (
            "SELECT 1,\n  realized_volatility(price) FROM landed_ticks",
            "a.sql:3:3: `realized_volatility` is a window function",
            "write realized_volatility(…) OVER (PARTITION BY … ORDER BY …)",
        ),
    ] {
        let (message, offered) = error_of(&[("a.sql", &format!("{header}{sql}"))]).await;
        assert!(message.starts_with(place), "{message}");
        assert_eq!(offered, hint, "{message}");
    }
}

#[tokio::test]
async fn a_circle_is_shown_as_a_path() {
    let query = |from: &str| format!("-- description: x\nSELECT * FROM {from}");
    let (a, b, c) = (query("b"), query("c"), query("a"));
    let (message, _) = error_of(&[("x/a.sql", &a), ("x/b.sql", &b), ("y/c.sql", &c)]).await;
    assert!(message.starts_with("x/a.sql:2:15: queries need each other: a -> b -> c -> a\n"), "{message}");
    let (message, _) = error_of(&[("a.sql", &query("a"))]).await;
    assert!(message.starts_with("a.sql:2:15: queries need each other: a -> a\n"), "{message}");
}

#[tokio::test]
async fn names_are_checked() {
    let query = "-- description: x\nSELECT 1 AS one";
    let (message, hint) = error_of(&[("x/a.sql", query), ("y/a.sql", query)]).await;
    assert_eq!(message, "x/a.sql and y/a.sql would have the same name, `a`");
    assert!(hint.contains("rename"), "{hint}");
    let (message, _) = error_of(&[("landed_ticks.sql", query)]).await;
    assert_eq!(message, "landed_ticks.sql has the name of the built-in table `landed_ticks`");
    for (name, what) in
        [("runs", "built-in table"), ("models", "built-in table"), ("generate_series", "table function")]
    {
        let (message, _) = error_of(&[(&format!("{name}.sql"), query)]).await;
        assert_eq!(message, format!("{name}.sql has the name of the {what} `{name}`"));
    }
    let (message, _) = error_of(&[("My-query.sql", query)]).await;
    assert_eq!(message, "My-query.sql: `My-query` is not a name that SQL can use without quotes");
    let model = "-- description: x\nCREATE OR REPLACE MODEL other OPTIONS (model_type = 'naive', input_label_cols = ['y']) AS SELECT 1";
    let (message, _) = error_of(&[("models/m.sql", model)]).await;
    assert!(message.starts_with("models/m.sql:1: the model is named `other`, its file `m`"), "{message}");
}

#[tokio::test]
async fn a_wrong_file_disables_itself_and_its_readers_only() {
    let query = |from: &str| format!("-- description: x\nSELECT price FROM {from}");
    let (fine, wrong) = (query("landed_ticks"), "-- description: x\nSELECT best_bit FROM landed_ticks");
    let (reader, its_reader) = (query("wrong"), query("reader"));
    let dir = project_of(&[
        ("fine.sql", &fine),
        ("wrong.sql", wrong),
        ("reader.sql", &reader),
        ("its_reader.sql", &its_reader),
        ("not_sql.sql", "-- description: x\nSELEC 1"),
        ("x/twice.sql", &fine),
        ("y/twice.sql", &fine),
        ("a.sql", &query("b")),
        ("b.sql", &query("a")),
        ("reads_a.sql", &query("a")),
    ]);
    let context = empty_session();
    let project = Project::load(dir.path(), &parameters()).unwrap();
    let unplanned = project.register(&context, &dir.path().join("tables")).await.unwrap();
    assert!(context.sql("SELECT price FROM fine").await.is_ok());
    let name = |disabled: &squall::pipeline::Disabled| disabled.name.clone();
    assert_eq!(project.disabled().iter().map(name).collect::<Vec<_>>(), ["not_sql", "twice", "a", "b"]);
    assert_eq!(unplanned.iter().map(name).collect::<Vec<_>>(), ["wrong", "reader", "its_reader", "reads_a"]);

    let told = |name: &str| project.explain(name, &unplanned).map(|error| error.to_string()).unwrap_or_default();
    assert!(
        told("its_reader").starts_with("`its_reader` reads `wrong`, which is disabled: "),
        "{}",
        told("its_reader")
    );
    assert!(told("its_reader").contains("wrong.sql:2:8: "), "{}", told("its_reader"));
    assert!(told("reads_a").contains("queries need each other: a -> b -> a"), "{}", told("reads_a"));
    assert!(told("not_sql").starts_with("the query `not_sql` is disabled: "), "{}", told("not_sql"));
    assert_eq!(told("fine"), "");
    assert!(project.select("not_sql").unwrap_err().to_string().contains("not_sql.sql:2:1"));
}

#[tokio::test]
async fn a_file_with_the_name_of_a_built_in_table_disables_itself_only() {
    let dir = project_of(&[
        ("ticks.sql", "-- description: x\nSELECT * FROM landed_ticks"),
        ("landed_ticks.sql", "-- description: x\nSELECT * FROM ticks"),
        ("x/landed_gaps.sql", "-- description: x\nSELECT * FROM landed_gaps"),
        ("y/landed_gaps.sql", "-- description: x\nSELECT 1 AS one"),
        ("reader.sql", "-- description: x\nSELECT price FROM ticks"),
    ]);
    let context = empty_session();
    let project = Project::load(dir.path(), &parameters()).unwrap().with_built_in(&context);
    let unplanned = project.register(&context, &dir.path().join("tables")).await.unwrap();
    let names = |disabled: &[squall::pipeline::Disabled]| {
        disabled.iter().map(|disabled| disabled.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        (names(project.disabled()), names(&unplanned)),
        (vec!["landed_gaps".into(), "landed_ticks".into()], vec![])
    );
    assert!(context.sql("SELECT price FROM reader").await.is_ok());
}

#[tokio::test]
async fn a_pipe_is_not_read() {
    let dir = project_of(&[("fine.sql", "-- description: x\nSELECT 1 AS one")]);
    for pipe in ["pipe.sql", "tests/fine.sql"] {
        let path = dir.path().join(pipe);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    }
    std::os::unix::fs::symlink(dir.path().join("fine.sql"), dir.path().join("linked.sql")).unwrap();
    let context = empty_session();
    let project = Project::load(dir.path(), &parameters()).unwrap();
    assert_eq!(project.queries().iter().map(|query| query.name.as_str()).collect::<Vec<_>>(), ["fine", "linked"]);
    let told = project.explain("pipe", &[]).unwrap().to_string();
    assert!(told.contains("cannot read") && told.contains("it is not a regular file"), "{told}");
    let tested = project.test(&context).await.unwrap();
    assert!(tested.iter().all(|tested| tested.failure.is_some()) && tested.len() == 1, "{tested:?}");
}

#[tokio::test]
async fn a_run_makes_what_it_can() {
    let dir = project_of(&[
        ("fine.sql", "-- description: x\nSELECT price FROM landed_ticks"),
        ("wrong.sql", "-- description: x\nSELECT best_bit FROM landed_ticks"),
        ("reader.sql", "-- description: x\nSELECT * FROM wrong"),
        ("fails.sql", "-- description: x\nSELECT 1 / (SELECT count(*) FROM landed_ticks) AS one"),
        ("last.sql", "-- description: x\nSELECT * FROM fails"),
        ("not_sql.sql", "-- description: x\nSELEC 1"),
    ]);
    let context = empty_session();
    let project = Project::load(dir.path(), &parameters()).unwrap();
    let tables = dir.path().join("tables");
    project.register(&context, &tables).await.unwrap();
    let mut made = Vec::new();
    let error = project
        .run(&context, "*", &tables, &RunOptions::default(), &mut |table| made.push(table.name.clone()))
        .await
        .unwrap_err();
    assert_eq!(made, ["fine"]);
    let Error::Failed { failed, skipped } = &error else { panic!("{error}") };
    assert_eq!(failed.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["not_sql", "fails", "wrong"]);
    assert_eq!(skipped, &["last", "reader"]);
    let error = project.run(&context, "reader", &tables, &RunOptions::default(), &mut |_| {}).await.unwrap_err();
    assert!(error.to_string().starts_with("`reader` reads `wrong`, which is disabled: "), "{error}");
}

#[tokio::test]
async fn selectors_say_what_they_do_not_find() {
    let model = "-- description: x\nCREATE MODEL m OPTIONS (model_type = 'naive', input_label_cols = ['y']) AS SELECT * FROM ticks";
    let dir = project_of(&[
        ("ticks.sql", "-- description: x\nSELECT * FROM landed_ticks"),
        ("models/m.sql", model),
        ("audits/none.sql", "-- description: x\nSELECT * FROM ticks"),
    ]);
    let project = Project::load(dir.path(), &parameters()).unwrap();
    let hint = |selector: &str| project.select(selector).unwrap_err().hint().unwrap_or_default();
    assert_eq!(hint("tick"), "did you mean `ticks`?");
    assert_eq!(hint("entirely_other"), "`squall list` prints the project's queries");
    assert_eq!(hint("m"), "`squall train m` trains it");
    assert_eq!(hint("none"), "`squall check` runs the audits");
    assert!(matches!(project.select(" "), Err(Error::NothingSelected)));
    assert_eq!(project.select("+m").unwrap(), ["ticks"]);
    assert!(project.model_statement("m").unwrap().trim_start().starts_with("CREATE MODEL m"));
    let nothing = Project::load(&dir.path().join("absent"), &parameters()).unwrap();
    assert!(matches!(nothing.select("ticks"), Err(Error::NoProject { .. })));
}
