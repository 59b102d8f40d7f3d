//! The shell's own commands: lines that begin with a dot, and the names that other shells have for them.
//!
//! In: a line. Out: a [`Call`], or what is wrong with the line. A family of commands is one file that ends with a `COMMANDS`
//! list, and one line of [`FAMILIES`] names it. To add a command, add one entry to a list: help, completion and the checks of
//! arguments follow from it.

mod files;
mod looks;
mod names;
mod project;
mod queries;
mod shell;

use futures::future::LocalBoxFuture;

use super::complaint::Complaint;
use super::shell::{Error, Next, Shell};
use crate::text::did_you_mean;

/// Commands that belong together.
type Family = &'static [Kind];

/// Every family, in the order of the help text.
static FAMILIES: &[Family] =
    &[shell::COMMANDS, names::COMMANDS, queries::COMMANDS, looks::COMMANDS, files::COMMANDS, project::COMMANDS];

/// A command.
pub struct Kind {
    /// With its dot.
    pub name: &'static str,
    /// What other shells call it.
    pub aliases: &'static [&'static str],
    /// The arguments as help shows them: `[…]` may be left out, and a last argument that ends with `…` is the rest of the line.
    pub arguments: &'static str,
    /// What it does, in one line.
    pub help: &'static str,
    /// What Tab completes each argument to.
    pub completes: &'static [Completes],
    run: Run,
}

/// What an argument is.
#[derive(Clone, Copy)]
pub enum Completes {
    Table,
    Model,
    Function,
    File,
    Words(fn() -> Vec<&'static str>),
    /// A query.
    Query,
    /// A report of the project.
    Report,
}

/// How a command is carried out.
enum Run {
    /// At once; the text is shown.
    Now(fn(&mut Shell<'_>, &[String]) -> Answer),
    /// With the session's help; it shows its own results.
    Later(for<'a, 's> fn(&'a mut Shell<'s>, Vec<String>) -> Carried<'a>),
}

/// A command that is being carried out.
type Carried<'a> = LocalBoxFuture<'a, Result<Next, Error>>;

/// What a command shows, or what is wrong.
pub type Answer = Result<String, Complaint>;

/// A command with its arguments.
pub struct Call {
    kind: &'static Kind,
    arguments: Vec<String>,
}

impl Kind {
    /// Returns the command as it is typed, with its arguments.
    pub fn usage(&self) -> String {
        format!("{} {}", self.name, self.arguments).trim_end().to_string()
    }

    /// Returns how many arguments there must be at least and may be at most.
    fn bounds(&self) -> (usize, usize) {
        let words = self.arguments.split_whitespace();
        let least = words.clone().filter(|word| !word.starts_with('[')).count();
        (least, words.count())
    }

    /// Returns whether the last argument is the rest of the line.
    fn takes_the_rest(&self) -> bool {
        self.arguments.trim_end_matches(']').ends_with('…')
    }
}

impl Call {
    /// Carries the command out.
    pub async fn run(self, shell: &mut Shell<'_>) -> Result<Next, Error> {
        match &self.kind.run {
            Run::Now(run) => {
                let answer = run(shell, &self.arguments);
                shell.answer(answer)?;
                Ok(Next::Continue)
            }
            Run::Later(run) => run(shell, self.arguments).await,
        }
    }
}

/// Returns every command, in the order of the help text.
pub fn all() -> impl Iterator<Item = &'static Kind> {
    FAMILIES.iter().copied().flatten()
}

/// Returns the command that a word names.
pub fn named(word: &str) -> Option<&'static Kind> {
    let is = |name: &str| name.eq_ignore_ascii_case(word);
    all().find(|kind| is(kind.name) || kind.aliases.iter().any(|alias| is(alias)))
}

/// Returns whether an input is a command and not SQL.
pub fn is_command(input: &str) -> bool {
    let line = input.trim();
    let word = line.trim_end_matches(';').trim_end();
    line.starts_with(['.', '\\']) || ["exit", "help", "quit"].iter().any(|name| word.eq_ignore_ascii_case(name))
}

/// Reads a line that is a command; it may end with `;`.
///
/// # Errors
/// What is wrong, and what to type instead.
pub fn parse(line: &str) -> Result<Call, Complaint> {
    let line = line.trim().trim_end_matches(';').trim_end();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let Some(kind) = named(word) else {
        let suggestion = did_you_mean(word, all().map(|kind| kind.name));
        let hint = suggestion.unwrap_or_else(|| "`.help` lists the commands".into());
        return Err(Complaint::new(format!("no command is named `{word}`")).with_hint(hint));
    };
    let (least, most) = kind.bounds();
    let rest = rest.trim();
    let arguments = match kind.takes_the_rest() {
        true if rest.is_empty() => Vec::new(),
        true => vec![rest.to_string()],
        false => words(rest)?,
    };
    let usage = format!("write {}", kind.usage());
    if let Some(more) = arguments.get(most) {
        let takes = match most {
            0 => "no argument".to_string(),
            1 => "one argument at most".to_string(),
            most => format!("{most} arguments at most"),
        };
        return Err(Complaint::new(format!("{word} takes {takes}, and `{more}` is one more")).with_hint(usage));
    }
    // In psql, \d alone lists the tables.
    if word == "\\d" && arguments.is_empty() {
        return parse(".tables");
    }
    if arguments.len() < least {
        let missing = kind.arguments.split_whitespace().nth(arguments.len()).unwrap_or_default();
        return Err(Complaint::new(format!("{word} needs {}", missing.trim_end_matches('…'))).with_hint(usage));
    }
    Ok(Call { kind, arguments })
}

/// Splits a line at its spaces; quotes keep the spaces inside them.
fn words(line: &str) -> Result<Vec<String>, Complaint> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in line.chars() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    match quote {
        None => Ok(words),
        Some(open) => {
            Err(Complaint::new(format!("a quote {open} has no end")).with_hint(format!("end the text with {open}")))
        }
    }
}

/// Reads `on` or `off`.
fn on_or_off(word: &str) -> Result<bool, Complaint> {
    match word {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(Complaint::new(format!("`{other}` is neither on nor off")).with_hint("write on or off")),
    }
}

/// Returns the word for a switch.
fn switch(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

const SWITCH: Completes = Completes::Words(|| vec!["off", "on"]);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<(&'static str, Vec<String>), String> {
        match parse(line) {
            Ok(call) => Ok((call.kind.name, call.arguments)),
            Err(complaint) => Err(complaint.to_string()),
        }
    }

    #[test]
    fn commands_are_read() {
        for (line, name, arguments) in [
            (".help", ".help", &[] as &[&str]),
            (" .tables ; ", ".tables", &[]),
            (".schema \"Mixed\"", ".schema", &["Mixed"]),
            (".functions", ".functions", &[]),
            (".functions auc", ".functions", &["auc"]),
            (".mode CSV", ".mode", &["CSV"]),
            (".limit 0", ".limit", &["0"]),
            (".nullvalue ''", ".nullvalue", &[""]),
            (".set x 'a b'", ".set", &["x", "a b"]),
            (".set x", ".set", &["x"]),
            (".read 'my file.sql'", ".read", &["my file.sql"]),
            (".output", ".output", &[]),
            (".once out.csv", ".once", &["out.csv"]),
            (".plot ts, price FROM 'a b'", ".plot", &["ts, price FROM 'a b'"]),
            (".import 'a b.csv' t", ".import", &["a b.csv", "t"]),
            (".exit", ".quit", &[]),
            ("quit;", ".quit", &[]),
            ("EXIT", ".quit", &[]),
            ("help", ".help", &[]),
            ("\\q", ".quit", &[]),
            ("\\d", ".tables", &[]),
            ("\\d ticks", ".schema", &["ticks"]),
            ("\\x", ".vertical", &[]),
            ("\\e", ".edit", &[]),
            ("\\timing", ".timing", &[]),
            (".timer on", ".timing", &["on"]),
        ] {
            assert!(is_command(line), "{line}");
            assert_eq!(read(line), Ok((name, arguments.iter().map(|word| word.to_string()).collect())), "{line}");
        }
        for sql in ["SELECT 1", "exit_code", "-- .help", "help me", ""] {
            assert!(!is_command(sql), "{sql}");
        }
    }

    #[test]
    fn what_is_wrong_says_what_to_type() {
        for (line, message) in [
            (".tabels", "no command is named `.tabels`\nHint: did you mean `.tables`?"),
            (".zzz", "no command is named `.zzz`\nHint: `.help` lists the commands"),
            (".schema", ".schema needs NAME\nHint: write .schema NAME"),
            (".schema a b", ".schema takes one argument at most, and `b` is one more\nHint: write .schema NAME"),
            (".set a b c", ".set takes 2 arguments at most, and `c` is one more\nHint: write .set [NAME [VALUE]]"),
            (".read", ".read needs FILE\nHint: write .read FILE"),
            (".import a.csv", ".import needs TABLE\nHint: write .import FILE TABLE"),
            (".read 'open", "a quote ' has no end\nHint: end the text with '"),
            (".quit now", ".quit takes no argument, and `now` is one more\nHint: write .quit"),
        ] {
            assert_eq!(read(line), Err(message.into()));
        }
    }

    #[test]
    fn every_command_has_its_own_names_and_completes_no_more_than_it_takes() {
        let mut names: Vec<&str> = all().flat_map(|kind| kind.aliases.iter().copied().chain([kind.name])).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for kind in all() {
            assert!(kind.completes.len() <= kind.bounds().1, "{}", kind.name);
        }
    }
}
