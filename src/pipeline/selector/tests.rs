//! Selectors against a small project, and what is said about wrong ones.

use super::*;
use crate::error::Hint;

/// ticks → a_one → b_two → c_three; ticks → a_other; a label, a model and an audit read `b_two`.
fn project() -> (tempfile::TempDir, Project) {
    let dir = tempfile::tempdir().unwrap();
    let options = "OPTIONS (model_type = 'naive', input_label_cols = ['y'])";
    for (file, text) in [
        ("sources/ticks.sql", "-- description: t\nSELECT * FROM landed_ticks".to_string()),
        ("features/a_one.sql", "-- description: a\n-- tags: quotes, fast\nSELECT * FROM ticks".into()),
        ("features/deep/a_other.sql", "-- description: a\n-- tags: quotes\nSELECT * FROM ticks".into()),
        ("features/b_two.sql", "-- description: b\nSELECT * FROM a_one".into()),
        ("c_three.sql", "-- description: c\n-- tags: fast\nSELECT * FROM b_two".into()),
        ("labels/ahead.sql", "-- description: l\nSELECT * FROM b_two".into()),
        ("models/m.sql", format!("-- description: m\nCREATE MODEL m {options} AS SELECT * FROM b_two")),
        ("audits/fine.sql", "-- description: f\nSELECT * FROM b_two".into()),
    ] {
        let path = dir.path().join("sql").join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let project = Project::load(&dir.path().join("sql"), &Default::default()).unwrap();
    (dir, project)
}

#[test]
fn selectors_select() {
    let (_dir, project) = project();
    let stale: BTreeSet<usize> = ["b_two", "c_three"].iter().filter_map(|name| project.position(name)).collect();
    let look = |selector: &str| {
        let mut names = project.named(project.matching(selector, Purpose::Look, Some(&stale)).unwrap());
        names.sort_unstable();
        names.join(" ")
    };
    for (selector, expected) in [
        ("", "a_one a_other ahead b_two c_three fine m ticks"),
        ("a_one", "a_one"),
        ("a_one a_one", "a_one"),
        ("+b_two", "a_one b_two ticks"),
        ("1+b_two", "a_one b_two"),
        ("0+b_two", "b_two"),
        ("a_one+1", "a_one b_two"),
        ("a_one+", "a_one ahead b_two c_three fine m"),
        ("1+b_two+1", "a_one ahead b_two c_three fine m"),
        ("+a_one+", "a_one ahead b_two c_three fine m ticks"),
        ("a_*", "a_one a_other"),
        ("?_two", "b_two"),
        ("name:a_*", "a_one a_other"),
        ("tag:quotes", "a_one a_other"),
        ("tag:f*", "a_one c_three"),
        ("1+tag:fast", "a_one b_two c_three ticks"),
        ("tag:quotes,tag:fast", "a_one"),
        ("tag:quotes tag:fast", "a_one a_other c_three"),
        ("+c_three,kind:feature", "a_one b_two"),
        ("kind:query", "c_three ticks"),
        ("kind:model kind:audit kind:label", "ahead fine m"),
        ("path:sql/features", "a_one a_other b_two"),
        ("path:./sql/features/", "a_one a_other b_two"),
        ("path:features", "a_one a_other b_two"),
        ("path:sql/features/*.sql", "a_one b_two"),
        ("path:sql/**/a_*", "a_one a_other"),
        ("path:sql/features/**/a_*.sql", "a_one a_other"),
        ("path:sql/features/b_two.sql", "b_two"),
        ("state:stale", "b_two c_three"),
        ("state:fresh,kind:feature", "a_one a_other"),
        ("kind:feature --exclude a_*", "b_two"),
        ("--exclude path:features kind:audit", "ahead c_three m ticks"),
        ("+c_three --exclude +a_one", "b_two c_three"),
    ] {
        assert_eq!(look(selector), expected, "{selector}");
    }
    assert_eq!(project.select("b_two+").unwrap(), ["b_two", "ahead", "c_three"], "models and audits are not run");
    assert_eq!(project.select("+m").unwrap(), ["ticks", "a_one", "b_two"]);
}

#[test]
fn what_is_wrong_with_a_selector_is_said() {
    let (_dir, project) = project();
    for (selector, message, hint) in [
        ("a_on", "no query is named `a_on`", "did you mean `a_one`?"),
        ("kind:features", "cannot read the selector `kind:features`: no kind is named", "did you mean `feature`?"),
        ("kind:table", "cannot read the selector `kind:table`", "the kinds are `query`, `feature`"),
        ("tags:x", "cannot read the selector `tags:x`: `tags:` is unknown", "did you mean `tag`?"),
        ("owner:x", "cannot read the selector `owner:x`: `owner:` is unknown", "a selector knows `name`, `tag`"),
        ("tag:quote", "no query matches `tag:quote`", "did you mean `quotes`?"),
        ("tag:x", "no query matches `tag:x`", "the tags are `fast`, `quotes`"),
        ("tag:", "cannot read the selector `tag:`: nothing follows", "write NAME"),
        ("state:old", "cannot read the selector `state:old`", "the states are `stale`, `fresh`"),
        ("state:stale", "cannot read the selector `state:stale`: the state", "name the queries"),
        ("z_*", "no query matches `z_*`", "`squall list`"),
        ("path:sql/nowhere", "no query matches `path:sql/nowhere`", "`squall list`"),
        ("+", "cannot read the selector `+`: a name is missing", "write NAME"),
        ("a_one,", "cannot read the selector `a_one,`: a name is missing", "write NAME"),
        ("a+b", "cannot read the selector `a+b`: `+` stands inside", "write NAME"),
        ("a_one+99999999999999999999999", "cannot read the selector", "without a number"),
        ("m", "`m` is a model", "`squall train m`"),
        ("fine", "`fine` is an audit", "`squall check` runs"),
        ("a_one --exclude a_one", "no query is selected", "name a query"),
        ("a_one --exclude b_tow", "no query is named `b_tow`", "did you mean `b_two`?"),
        ("", "no query is selected", "name a query"),
    ] {
        let error = project.select(selector).unwrap_err();
        assert!(error.to_string().starts_with(message), "{selector}: {error}");
        let told = error.hint().unwrap_or_default();
        assert!(told.starts_with(hint), "{selector}: {told}");
    }
}
