//! The README's tour runs as it is typed, from a fresh clone, and prints what the README shows.

use std::path::Path;
use std::process::{Command, Stdio};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The parts of a clone that the tour needs.
const CLONED: [&str; 4] = ["squall.toml", "sql", "reports", "data/sample"];

/// One step of the tour.
#[derive(Debug, PartialEq)]
enum Step {
    Command(String),
    /// A line that one of the commands so far has printed.
    Output(String),
}

/// Returns the steps of the section whose heading holds `title`: the lines of its fenced blocks, `sh` or `text`.
fn steps(page: &str, title: &str) -> Vec<Step> {
    let section = page.split("\n## ").find(|section| section.lines().next().is_some_and(|head| head.contains(title)));
    let mut steps = Vec::new();
    let mut kind: Option<&str> = None;
    for line in section.unwrap_or_default().lines() {
        match (line.strip_prefix("```"), kind) {
            (Some(opened), None) => kind = Some(opened),
            (Some(_), Some(_)) => kind = None,
            (None, Some("sh")) => steps.push(Step::Command(line.to_string())),
            (None, Some("text")) => steps.push(Step::Output(line.trim_end().to_string())),
            (None, _) => {}
        }
    }
    steps
}

/// Copies a file, or a folder without hidden files and without what a run wrote.
fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
        return;
    }
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "out" && !entry.file_name().to_string_lossy().starts_with('.') {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    }
}

#[test]
fn the_tour_goes_as_the_readme_says() {
    let page = std::fs::read_to_string(root().join("README.md")).unwrap();
    let steps = steps(&page, "tour");
    let clone = tempfile::tempdir().unwrap();
    for part in CLONED {
        copy(&root().join(part), &clone.path().join(part));
    }
    let program = Path::new(env!("CARGO_BIN_EXE_squall")).parent().unwrap();
    let mut printed: Vec<String> = Vec::new();
    let mut commands = 0;
    for step in &steps {
        match step {
            Step::Command(line) => {
                let output = Command::new("sh")
                    .args(["-c", line])
                    .env_clear()
                    .env("PATH", format!("{}:/usr/bin:/bin", program.display()))
                    .env("HOME", clone.path())
                    .current_dir(clone.path())
                    .stdin(Stdio::null())
                    .output()
                    .unwrap();
                let told = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{line}\n{told}");
                printed
                    .extend(String::from_utf8(output.stdout).unwrap().lines().map(|line| line.trim_end().to_string()));
                commands += 1;
            }
            Step::Output(line) => {
                assert!(printed.contains(line), "no command printed `{line}`, but\n{}", printed.join("\n"));
            }
        }
    }
    assert!(commands >= 10, "only {commands} commands: {steps:?}");
    for report in ["reports/out/evaluation.html", "reports/out/drift.html"] {
        assert!(clone.path().join(report).exists(), "{report}");
    }
}

#[test]
fn the_sample_is_small() {
    let bytes: u64 = std::fs::read_dir(root().join("data/sample"))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(bytes < 1_000_000, "data/sample has {bytes} bytes");
}

#[test]
fn steps_are_the_lines_of_the_sections_blocks() {
    let page = "# a\n```sh\nno\n```\n## The tour\ntext\n```sh\nsquall a  # why\n```\n```text\nout  \n```\n```sql\nno\n```\n## Next\n```sh\nno\n```";
    assert_eq!(steps(page, "tour"), [Step::Command("squall a  # why".into()), Step::Output("out".into())]);
}
