//! A pseudo-terminal in which squall's shell runs.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use tempfile::TempDir;

/// Columns and rows of a terminal.
pub type Size = (u16, u16);

pub const SMALL: Size = (80, 24);
pub const LARGE: Size = (200, 50);

const PROMPT: &str = "squall> ";

/// How long a terminal waits for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A shell in a terminal, in an empty folder and an empty environment.
pub struct Terminal {
    keyboard: File,
    child: Child,
    written: Arc<Mutex<Vec<u8>>>,
    /// How much of the text was expected.
    read: usize,
    folder: TempDir,
    patience: Duration,
}

impl Terminal {
    /// Opens a shell and waits for its prompt.
    pub fn open(size: Size) -> Terminal {
        Terminal::with(size, &[("PAGER", "")])
    }

    /// Opens a shell with variables of the environment.
    pub fn with((columns, rows): Size, environment: &[(&str, &str)]) -> Terminal {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(Some(&size), None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        // `setsid --ctty` makes the terminal the one that sends Ctrl-C to the shell.
        let mut command = Command::new("setsid");
        command.args(["--ctty", env!("CARGO_BIN_EXE_squall"), "repl"]).current_dir(folder.path());
        command.env_clear().env("TERM", "xterm").env("NO_COLOR", "1").env("HOME", folder.path());
        command.env("PATH", std::env::var_os("PATH").unwrap()).envs(environment.iter().copied());
        let slave = || File::from(pair.slave.try_clone().unwrap());
        let child = command.stdin(slave()).stdout(slave()).stderr(slave()).spawn().unwrap();
        let mut screen = File::from(pair.master.try_clone().unwrap());
        let written = Arc::new(Mutex::new(Vec::new()));
        let writes = Arc::clone(&written);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The terminal reports an error when its last user has gone.
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                writes.lock().unwrap().extend_from_slice(&bytes[..count]);
            }
        });
        let keyboard = File::from(pair.master);
        let mut terminal = Terminal { keyboard, child, written, read: 0, folder, patience: PATIENCE };
        terminal.prompt();
        terminal
    }

    /// Sets how long to wait for an answer.
    pub fn limit(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// The working directory.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Types.
    pub fn keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Types a line, and waits for a text of the answer and for the prompt.
    pub fn run(&mut self, line: &str, answer: &str) {
        self.keys(&format!("{line}\r"));
        self.expect(answer);
        if line != "quit" {
            self.prompt();
        }
    }

    /// Waits until the shell waits for a line.
    pub fn prompt(&mut self) {
        self.wait(|text| text.ends_with(PROMPT).then_some(text.len()), "the prompt");
    }

    /// Waits for a text.
    pub fn expect(&mut self, expected: &str) {
        self.wait(|text| text.find(expected).map(|at| at + expected.len()), expected);
    }

    /// Returns everything that the terminal showed.
    pub fn all(&self) -> String {
        plain(&self.written.lock().unwrap())
    }

    /// Returns whether the shell ends without a failure.
    pub fn ends_well(&mut self) -> bool {
        self.child.wait().unwrap().success()
    }

    fn wait(&mut self, found: impl Fn(&str) -> Option<usize>, what: &str) {
        let started = Instant::now();
        loop {
            let text = self.all();
            let rest = text.get(self.read..).unwrap_or_default();
            if let Some(at) = found(rest) {
                self.read += at;
                return;
            }
            let late = started.elapsed() > self.patience;
            assert!(!late, "{what:?} did not come; the terminal showed\n{rest}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns what was written without what moves the cursor and sets colours, and with plain line ends.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut plain = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\x1b' => {
                if characters.next_if_eq(&'[').is_some() {
                    while characters.next().is_some_and(|character| !character.is_ascii_alphabetic()) {}
                }
            }
            '\r' | '\x07' => {}
            other => plain.push(other),
        }
    }
    plain
}
