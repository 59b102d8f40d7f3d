//! The command line as users see it: each file of tests/cli/ is the transcript of a session.
//!
//! A transcript is a script with its output. Its lines:
//!
//! - `$ squall …` runs the program. `NAME=VALUE` before it sets the environment; `< FILE` after it gives standard input;
//! - `> FILE` and the lines below it that begin with `| ` write a file;
//! - `# …` is a remark;
//! - all other lines after a command are its output: standard output, then standard error, then `[exit N]` if N is not 0.
//!
//! Each transcript runs in an empty folder and an empty environment. `SQUALL_BLESS=1 cargo test --test it cli::` rewrites
//! the output.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn transcripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn sessions_go_as_their_transcripts_say() {
    let mut differing = Vec::new();
    for file in transcripts() {
        let expected = std::fs::read_to_string(&file).unwrap();
        let actual = play(&expected);
        if actual == expected {
            continue;
        }
        if std::env::var_os("SQUALL_BLESS").is_some() {
            std::fs::write(&file, actual).unwrap();
        } else {
            differing.push(format!("{}:\n{}", file.display(), difference(&expected, &actual)));
        }
    }
    assert!(differing.is_empty(), "SQUALL_BLESS=1 cargo test --test it cli:: rewrites\n{}", differing.join("\n"));
}

/// Runs a transcript's commands and returns the transcript with their actual output.
fn play(transcript: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut played = String::new();
    let mut lines = transcript.lines().peekable();
    let mut after_command = false;
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("> ") {
            let mut text = String::new();
            while let Some(content) = lines.peek().and_then(|line| line.strip_prefix('|')) {
                text.push_str(content.strip_prefix(' ').unwrap_or(content));
                text.push('\n');
                lines.next();
            }
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, &text).unwrap();
            played.push_str(&format!("{line}\n"));
            played.extend(text.lines().map(|line| format!("| {line}").trim_end().to_string() + "\n"));
            after_command = false;
        } else if let Some(command) = line.strip_prefix("$ ") {
            played.push_str(&format!("{line}\n{}", output(command, folder.path())));
            after_command = true;
        } else if line.starts_with('#') && !after_command || line.starts_with("# ") {
            played.push_str(&format!("{line}\n"));
            after_command = false;
        } else if !after_command {
            played.push_str(&format!("{line}\n"));
        }
        // Skip the expected output, because the actual output replaces it. One blank line separates it from what follows.
        let next = lines.peek().copied().unwrap_or_default();
        if after_command && ["$ ", "> ", "# "].iter().any(|start| next.starts_with(start)) {
            played.push('\n');
            after_command = false;
        }
    }
    played
}

/// Runs one command and returns what a terminal would show.
fn output(command: &str, folder: &Path) -> String {
    let mut words = words(command).into_iter().peekable();
    let mut program = Command::new(env!("CARGO_BIN_EXE_squall"));
    program.env_clear().current_dir(folder).stdin(Stdio::null());
    while let Some((name, value)) = words.peek().and_then(|word| word.split_once('=')) {
        program.env(name, value);
        words.next();
    }
    assert_eq!(words.next().as_deref(), Some("squall"), "{command}");
    while let Some(word) = words.next() {
        if word == "<" {
            let file = words.next().unwrap_or_else(|| panic!("`<` needs a file: {command}"));
            program.stdin(File::open(folder.join(file)).unwrap());
        } else {
            program.arg(word);
        }
    }
    let output = program.output().unwrap();
    let mut text = String::new();
    for bytes in [output.stdout, output.stderr] {
        text.push_str(&String::from_utf8(bytes).unwrap());
        if !text.is_empty() && !text.ends_with('\n') {
            text.push_str("[no newline]\n");
        }
    }
    match output.status.code() {
        Some(0) => {}
        Some(code) => text.push_str(&format!("[exit {code}]\n")),
        None => text.push_str("[killed]\n"),
    }
    // Editors remove trailing spaces.
    let lines = text.lines().map(|line| line.trim_end().to_string() + "\n").collect::<String>();
    lines.replace(env!("CARGO_PKG_VERSION"), "[version]").replace(&folder.display().to_string(), "[folder]")
}

/// Splits a command into words as a shell does: at spaces that are not inside quotes.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in command.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(character),
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

/// Returns the first lines that differ.
fn difference(expected: &str, actual: &str) -> String {
    let mut expected = expected.lines();
    let mut actual = actual.lines();
    let mut number = 0;
    loop {
        number += 1;
        match (expected.next(), actual.next()) {
            (None, None) => return "line ends".into(),
            (expected, actual) if expected == actual => {}
            (expected, actual) => {
                return format!(
                    "  line {number}\n  expected: {}\n  actual:   {}",
                    expected.unwrap_or("(the end)"),
                    actual.unwrap_or("(the end)")
                );
            }
        }
    }
}

#[test]
fn words_are_split_as_a_shell_does() {
    assert_eq!(
        words(r#"A=1 squall sql "it's" 'a "b"' '' < in"#),
        ["A=1", "squall", "sql", "it's", "a \"b\"", "", "<", "in"]
    );
}

#[test]
fn a_transcript_gets_the_output_that_came() {
    let stale =
        "# remark\n> t.sql\n| SELECT 1 AS n\n\n$ squall sql --format csv -f t.sql\nold output\n\n$ squall --version\n";
    let expected = "# remark\n> t.sql\n| SELECT 1 AS n\n\n$ squall sql --format csv -f t.sql\nn\n1\n\n$ squall --version\nsquall [version]\n";
    assert_eq!(play(stale), expected);
    assert_eq!(play(expected), expected);
}

#[test]
fn a_reader_who_leaves_early_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in
        [vec!["config", "--defaults"], vec!["sql", "--format", "csv", "SELECT * FROM generate_series(1, 1000000)"]]
    {
        let mut child = Command::new(env!("CARGO_BIN_EXE_squall"))
            .args(&arguments)
            .env_clear()
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {:?}", output.status);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    }
}
