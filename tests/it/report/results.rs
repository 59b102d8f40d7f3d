//! What `squall report` gives besides a page: JSON, an exit code, all reports at once, and their index.

use serde_json::Value;

use crate::model::commands::Folder;

#[test]
fn reports_are_json_too_fail_on_findings_and_have_an_index() {
    let folder = Folder::with_ticks();
    let read = |file: &str| std::fs::read_to_string(folder.path().join(file)).unwrap();
    // Two samples that have nothing in common.
    let apart = ["report", "drift", "--reference", "SELECT value AS x FROM generate_series(1, 50)", "--current"];
    let with = |current: &'static str, more: &[&'static str]| [&apart[..], &[current], more].concat();
    let other = "SELECT value + 1000 AS x FROM generate_series(1, 50)";
    let printed = folder.succeed(&with(other, &["--format", "json"]));
    assert!(printed.trim_end().ends_with("reports/out/drift.json"), "{printed}");
    let document: Value = serde_json::from_str(&read("reports/out/drift.json")).unwrap();
    assert_eq!((&document["report"], &document["conditions"]), (&"drift".into(), &serde_json::json!(["drift"])));
    assert_eq!(document["arguments"]["current"], other);
    let columns = document["queries"].as_array().unwrap().iter().find(|query| query["name"] == "columns").unwrap();
    assert!(columns["sql"].as_str().unwrap().contains("FROM drift("), "{}", columns["sql"]);
    assert_eq!((&columns["rows"][0]["column_name"], &columns["rows"][0]["drifted"]), (&"x".into(), &true.into()));
    // On the standard output, alone.
    let printed = folder.succeed(&with(other, &["--format", "json", "--out", "-"]));
    let again: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(again["queries"], document["queries"]);
    assert!(folder.succeed(&with(other, &["--out", "-"])).starts_with("<!doctype html>"));

    let (success, _, stderr) = folder.squall(&with(other, &["--fail-on", "missing,drift"]));
    assert!(!success && stderr.starts_with("Error: the report found `drift`\nHint: "), "{stderr}");
    assert!(folder.path().join("reports/out/drift.html").exists(), "the page is written all the same");
    // A finding that the report cannot have would never end the command.
    let (success, _, stderr) = folder.squall(&with(other, &["--fail-on", "missing,worse"]));
    let refusal = "Error: the report `drift` cannot find `worse`\nHint: it can find `drift` and `missing`; `worse` is for `squall report eval`";
    assert!(!success && stderr.starts_with(refusal), "{stderr}");
    let (success, _, stderr) = folder.squall(&["report", "index", "--fail-on", "drift"]);
    assert!(
        !success && stderr.contains("it has no findings for --fail-on; `drift` is for `squall report drift`"),
        "{stderr}"
    );
    // Nothing to compare is not steady.
    let none = "SELECT value AS x FROM generate_series(1, 50) WHERE value > 50";
    folder.succeed(&with(none, &[]));
    let (success, _, stderr) = folder.squall(&with(none, &["--fail-on", "missing,drift"]));
    assert!(!success && stderr.starts_with("Error: the report found `missing`\n"), "{stderr}");
    let (success, _, stderr) = folder.squall(&with(none, &["--fail-on", "drift"]));
    assert!(
        !success && stderr.starts_with("Error: the report cannot tell whether there is `drift`\nHint: "),
        "{stderr}"
    );
    let same = "SELECT value AS x FROM generate_series(1, 50)";
    folder.succeed(&with(same, &["--fail-on", "drift"]));
    let (success, _, stderr) = folder.squall(&with(same, &["--fail-on", "drifts"]));
    assert!(!success && stderr.contains("[possible values: drift, missing]"), "{stderr}");

    // Nothing is trained yet, so the index stands beside what can be made.
    folder.succeed(&with(same, &[]));
    let printed = folder.succeed(&["report", "index"]);
    assert!(printed.starts_with("1 report, none with a bad verdict.\n"), "{printed}");
    let index = read("reports/out/index.html");
    assert!(index.contains("<a href=\"drift.html\">Drift</a>") && index.contains("No model has two runs"), "{index}");

    // What a report would have found is not known if it cannot be made.
    let (success, _, stderr) = folder.squall(&["report", "all", "--fail-on", "worse"]);
    assert!(!success && stderr.contains("Error: the report `eval` could not be made"), "{stderr}");

    folder.succeed(&["run", "+spike_training"]);
    folder.succeed(&["train"]);
    folder.succeed(&["train"]);
    folder.succeed(&["score"]);
    folder.succeed(&["evaluate"]);
    folder.succeed(&["report", "all"]);
    let index = read("reports/out/index.html");
    for shown in ["href=\"evaluation.html\"", "href=\"model_card.html\"", "Average precision on the test rows, by run"]
    {
        assert!(index.contains(shown), "{shown} is missing in\n{index}");
    }
}
