//! A statement in the user's editor.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use super::complaint::Complaint;
use super::interrupts::Elsewhere;

/// The editor if neither `VISUAL` nor `EDITOR` names one.
const EDITOR: &str = "vi";

/// Opens a text in the user's editor and returns what they saved, with a line end.
///
/// # Errors
/// The editor cannot be started or fails, or the file cannot be read.
pub fn edited(text: &str) -> Result<String, Complaint> {
    let file = file();
    let edited = write(&file, text).and_then(|()| edit(&file)).and_then(|()| {
        fs::read_to_string(&file).map_err(|error| Complaint::new(format!("cannot read {}: {error}", file.display())))
    });
    // The file is in the folder of temporary files, so it does not matter if it stays.
    let _ = fs::remove_file(&file);
    edited.map(|text| text.trim_end().to_string() + "\n")
}

/// Returns a new name in the folder of temporary files. Its ending tells the editor that it is SQL.
fn file() -> PathBuf {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    std::env::temp_dir().join(format!("squall-{}-{:x}.sql", std::process::id(), since_epoch.as_nanos()))
}

fn write(file: &Path, text: &str) -> Result<(), Complaint> {
    let opened = OpenOptions::new().write(true).create_new(true).open(file);
    let written = opened.and_then(|mut file| writeln!(file, "{text}"));
    written.map_err(|error| Complaint::new(format!("cannot write {}: {error}", file.display())))
}

fn edit(file: &Path) -> Result<(), Complaint> {
    let named =
        ["VISUAL", "EDITOR"].iter().filter_map(|name| std::env::var(name).ok()).find(|name| !name.trim().is_empty());
    let editor = named.unwrap_or_else(|| EDITOR.into());
    let mut words = editor.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or(EDITOR));
    let _elsewhere = Elsewhere::begin();
    let ended = tokio::task::block_in_place(|| command.args(words).arg(file).status());
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Complaint::new(format!("the editor `{editor}` failed: {status}"))
            .with_hint("nothing was run; .edit opens the statement again")),
        Err(error) => Err(Complaint::new(format!("cannot start the editor `{editor}`: {error}"))
            .with_hint("the variable EDITOR of the environment names an editor")),
    }
}
