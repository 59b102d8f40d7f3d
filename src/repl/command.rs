//! The shell's own commands: lines that begin with a dot, and the names that other shells have for them.
//!
//! In: a line. Out: a [`Command`], or what is wrong with it.

use std::path::PathBuf;

use super::format::Format;
use crate::text::did_you_mean;

/// A command of the shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Help,
    Tables,
    /// The columns of one table.
    Schema(String),
    /// All functions, those that match a pattern, or everything about one function.
    Functions(Option<String>),
    /// Shows the format, or sets it.
    Mode(Option<Format>),
    /// Changes between tables and one line a column.
    Vertical,
    /// Shows the limit on printed rows, or sets it; 0 means all.
    Limit(Option<usize>),
    /// Shows what stands for NULL, or sets it.
    NullValue(Option<String>),
    /// Shows whether times are printed, or sets it.
    Timing(Option<bool>),
    /// Shows the variables, sets one, or removes one.
    Set(Option<(String, Option<String>)>),
    /// Runs a file.
    Read(PathBuf),
    /// Sends results to a file, or back to standard output.
    Output(Option<PathBuf>),
    /// Sends the next result to a file.
    Once(PathBuf),
    Quit,
}

/// Each command as it is typed, and what it does.
pub const COMMANDS: [(&str, &str); 13] = [
    (".help", "shows this"),
    (".tables", "lists tables and views"),
    (".schema NAME", "lists the columns of a table"),
    (".functions [PATTERN]", "lists functions; one name shows all about it"),
    (".mode [MODE]", "how results are printed; .mode alone lists the modes"),
    (".limit [ROWS]", "the most rows printed of a result, 0 for all"),
    (".nullvalue [TEXT]", "what stands for NULL where people read"),
    (".timing [on|off]", "whether rows and time are printed after a result"),
    (".set [NAME [VALUE]]", "sets a variable; :NAME in a statement stands for it"),
    (".read FILE", "runs the statements and commands of a file"),
    (".output [FILE]", "sends results to a file, or back here"),
    (".once FILE", "sends the next result to a file"),
    (".quit", "leaves, as Ctrl-D does"),
];

/// What other shells call these commands.
const ALIASES: [(&str, &str); 14] = [
    (".exit", ".quit"),
    (".format", ".mode"),
    (".timer", ".timing"),
    ("\\?", ".help"),
    ("\\d", ".schema"),
    ("\\df", ".functions"),
    ("\\dt", ".tables"),
    ("\\i", ".read"),
    ("\\o", ".output"),
    ("\\q", ".quit"),
    ("\\timing", ".timing"),
    ("exit", ".quit"),
    ("help", ".help"),
    ("quit", ".quit"),
];

/// Returns whether an input is a command and no SQL.
pub fn is_command(input: &str) -> bool {
    let line = input.trim();
    let word = line.trim_end_matches(';').trim_end();
    line.starts_with(['.', '\\']) || ["exit", "help", "quit"].iter().any(|name| word.eq_ignore_ascii_case(name))
}

/// Reads a line that is a command; it may end with `;`.
///
/// # Errors
/// What is wrong, and what to type instead.
pub fn parse(line: &str) -> Result<Command, String> {
    let words = words(line.trim().trim_end_matches(';'))?;
    let mut words = words.into_iter();
    let typed = words.next().unwrap_or_default();
    let known = ALIASES.iter().find(|(alias, _)| typed.eq_ignore_ascii_case(alias)).map(|(_, name)| *name);
    let name = known.unwrap_or(&typed);
    let (argument, value) = (words.next(), words.next());
    let more = if name == ".set" { words.next() } else { value.clone() };
    if let Some(more) = more {
        let most = if name == ".set" { "two arguments" } else { "one argument" };
        return Err(format!("{typed} takes {most} at most, and `{more}` is one more"));
    }
    match (name, argument) {
        (".help", None) => Ok(Command::Help),
        (".tables", None) => Ok(Command::Tables),
        (".schema", Some(table)) => Ok(Command::Schema(table)),
        // In psql, \d alone lists the tables.
        (".schema", None) if typed == "\\d" => Ok(Command::Tables),
        (".schema", None) => Err(".schema needs a table's name; .tables lists them".into()),
        (".functions", pattern) => Ok(Command::Functions(pattern)),
        (".mode", None) => Ok(Command::Mode(None)),
        (".mode", Some(mode)) => match Format::named(&mode) {
            Some(format) => Ok(Command::Mode(Some(format))),
            None => Err(format!("no mode is named `{mode}`: {} are", Format::names().collect::<Vec<_>>().join(", "))),
        },
        ("\\x", None) => Ok(Command::Vertical),
        (".limit", None) => Ok(Command::Limit(None)),
        (".limit", Some(rows)) => match rows.parse() {
            Ok(rows) => Ok(Command::Limit(Some(rows))),
            Err(_) => Err(format!("`{rows}` is not a number of rows")),
        },
        (".nullvalue", text) => Ok(Command::NullValue(text)),
        (".timing", None) => Ok(Command::Timing(None)),
        (".timing", Some(on)) if on == "on" => Ok(Command::Timing(Some(true))),
        (".timing", Some(off)) if off == "off" => Ok(Command::Timing(Some(false))),
        (".timing", Some(other)) => Err(format!("{typed} is on or off, not `{other}`")),
        (".set", None) => Ok(Command::Set(None)),
        (".set", Some(name)) if is_variable(&name) => Ok(Command::Set(Some((name, value)))),
        (".set", Some(name)) => Err(format!("`{name}` cannot name a variable: a name has letters, digits and `_`")),
        (".read", Some(file)) => Ok(Command::Read(file.into())),
        (".output", file) => Ok(Command::Output(file.map(Into::into))),
        (".once", Some(file)) => Ok(Command::Once(file.into())),
        (".read" | ".once", None) => Err(format!("{typed} needs a file's name")),
        (".quit", None) => Ok(Command::Quit),
        (".help" | ".tables" | ".quit" | "\\x", Some(_)) => Err(format!("{typed} takes no argument")),
        _ => {
            let suggestion = did_you_mean(&typed, names()).unwrap_or_else(|| ".help lists them".into());
            Err(format!("no command is named `{typed}`; {suggestion}"))
        }
    }
}

/// Returns the commands' names.
pub fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().filter_map(|(usage, _)| usage.split(' ').next())
}

/// Splits a line at its spaces; quotes keep the spaces inside them.
fn words(line: &str) -> Result<Vec<String>, String> {
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
        Some(open) => Err(format!("a quote {open} has no end")),
    }
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && name.chars().all(|character| character.is_alphanumeric() || character == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        let variable = |value: Option<&str>| Command::Set(Some(("x".into(), value.map(Into::into))));
        for (line, command) in [
            (".help", Command::Help),
            (" .tables ; ", Command::Tables),
            (".schema \"Mixed\"", Command::Schema("Mixed".into())),
            (".functions", Command::Functions(None)),
            (".functions auc", Command::Functions(Some("auc".into()))),
            (".mode CSV", Command::Mode(Format::named("csv"))),
            (".limit 0", Command::Limit(Some(0))),
            (".timing off", Command::Timing(Some(false))),
            (".nullvalue ''", Command::NullValue(Some(String::new()))),
            (".set x 'a b'", variable(Some("a b"))),
            (".set x", variable(None)),
            (".read 'my file.sql'", Command::Read("my file.sql".into())),
            (".output", Command::Output(None)),
            (".once out.csv", Command::Once("out.csv".into())),
            (".exit", Command::Quit),
            ("quit;", Command::Quit),
            ("EXIT", Command::Quit),
            ("help", Command::Help),
            ("\\q", Command::Quit),
            ("\\d", Command::Tables),
            ("\\d ticks", Command::Schema("ticks".into())),
            ("\\x", Command::Vertical),
            ("\\timing", Command::Timing(None)),
        ] {
            assert!(is_command(line), "{line}");
            assert_eq!(parse(line), Ok(command), "{line}");
        }
        for sql in ["SELECT 1", "exit_code", "-- .help", "help me", ""] {
            assert!(!is_command(sql), "{sql}");
        }
    }

    #[test]
    fn what_is_wrong_says_what_to_type() {
        for (line, message) in [
            (".tabels", "no command is named `.tabels`; did you mean `.tables`?"),
            (".x", "no command is named `.x`; .help lists them"),
            (".schema", ".schema needs a table's name; .tables lists them"),
            (".schema a b", ".schema takes one argument at most, and `b` is one more"),
            (".set a b c", ".set takes two arguments at most, and `c` is one more"),
            (".set 1a b", "`1a` cannot name a variable: a name has letters, digits and `_`"),
            (
                ".mode xml",
                "no mode is named `xml`: table, vertical, markdown, csv, tsv, json, ndjson, html, latex, insert are",
            ),
            (".limit many", "`many` is not a number of rows"),
            (".timing maybe", ".timing is on or off, not `maybe`"),
            (".read", ".read needs a file's name"),
            (".read 'open", "a quote ' has no end"),
            (".quit now", ".quit takes no argument"),
        ] {
            assert_eq!(parse(line), Err(message.into()));
        }
    }

    #[test]
    fn every_command_of_the_help_is_read_and_every_alias_names_one() {
        for name in names().chain(ALIASES.map(|(alias, _)| alias)) {
            let understood = parse(name).err().is_none_or(|problem| !problem.starts_with("no command"));
            assert!(understood, "{name}");
        }
    }
}
