//! The shell's own commands: lines that begin with a dot.
//!
//! In: a line. Out: a [`Command`], or what is wrong with it.

use clap::ValueEnum;

use super::output::Format;
use crate::text::did_you_mean;

/// A line that begins with a dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Help,
    Tables,
    /// The columns of one table.
    Schema(String),
    /// All functions, those that match a pattern, or everything about one function.
    Functions(Option<String>),
    /// Shows the format, or sets it.
    Format(Option<Format>),
    /// Shows the limit on printed rows, or sets it; 0 means all.
    Limit(Option<usize>),
    /// Shows whether times are printed, or sets it.
    Timing(Option<bool>),
    Quit,
}

/// Each command as it is typed, and what it does.
pub const COMMANDS: [(&str, &str); 8] = [
    (".help", "shows this"),
    (".tables", "lists tables and views"),
    (".schema NAME", "lists the columns of a table"),
    (".functions [PATTERN]", "lists functions; one name shows all about it"),
    (".format [FORMAT]", "how results are printed: table, csv, json or ndjson"),
    (".limit [ROWS]", "the most rows printed of a result, 0 for all"),
    (".timing [on|off]", "whether rows and time are printed after a result"),
    (".quit", "leaves, as Ctrl-D does"),
];

/// Reads a line that begins with a dot; it may end with `;`.
///
/// # Errors
/// What is wrong, and what to type instead.
pub fn parse(line: &str) -> Result<Command, String> {
    let mut words = line.trim().trim_end_matches(';').split_whitespace();
    let name = words.next().unwrap_or_default();
    let argument = words.next();
    if let Some(more) = words.next() {
        return Err(format!("{name} takes one argument at most, and `{more}` is one more"));
    }
    match (name, argument) {
        (".help", None) => Ok(Command::Help),
        (".tables", None) => Ok(Command::Tables),
        (".schema", Some(table)) => Ok(Command::Schema(table.trim_matches('"').into())),
        (".schema", None) => Err(".schema needs a table's name; .tables lists them".into()),
        (".functions", pattern) => Ok(Command::Functions(pattern.map(Into::into))),
        (".format", None) => Ok(Command::Format(None)),
        (".format", Some(format)) => match Format::from_str(format, true) {
            Ok(format) => Ok(Command::Format(Some(format))),
            Err(_) => Err(format!("no format is named `{format}`: table, csv, json and ndjson are")),
        },
        (".limit", None) => Ok(Command::Limit(None)),
        (".limit", Some(rows)) => match rows.parse() {
            Ok(rows) => Ok(Command::Limit(Some(rows))),
            Err(_) => Err(format!("`{rows}` is not a number of rows")),
        },
        (".timing", None) => Ok(Command::Timing(None)),
        (".timing", Some("on")) => Ok(Command::Timing(Some(true))),
        (".timing", Some("off")) => Ok(Command::Timing(Some(false))),
        (".timing", Some(other)) => Err(format!(".timing is on or off, not `{other}`")),
        (".quit" | ".exit", None) => Ok(Command::Quit),
        (".help" | ".tables" | ".quit" | ".exit", Some(_)) => Err(format!("{name} takes no argument")),
        (other, _) => {
            let suggestion = did_you_mean(other, names()).unwrap_or_else(|| ".help lists them".into());
            Err(format!("no command is named `{other}`; {suggestion}"))
        }
    }
}

/// Returns the commands' names.
pub fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().filter_map(|(usage, _)| usage.split(' ').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        for (line, command) in [
            (".help", Command::Help),
            (" .tables ; ", Command::Tables),
            (".schema \"Mixed\"", Command::Schema("Mixed".into())),
            (".functions", Command::Functions(None)),
            (".functions auc", Command::Functions(Some("auc".into()))),
            (".format CSV", Command::Format(Some(Format::Csv))),
            (".limit 0", Command::Limit(Some(0))),
            (".timing off", Command::Timing(Some(false))),
            (".exit", Command::Quit),
        ] {
            assert_eq!(parse(line), Ok(command), "{line}");
        }
    }

    #[test]
    fn what_is_wrong_says_what_to_type() {
        for (line, message) in [
            (".tabels", "no command is named `.tabels`; did you mean `.tables`?"),
            (".x", "no command is named `.x`; .help lists them"),
            (".schema", ".schema needs a table's name; .tables lists them"),
            (".schema a b", ".schema takes one argument at most, and `b` is one more"),
            (".format xml", "no format is named `xml`: table, csv, json and ndjson are"),
            (".limit many", "`many` is not a number of rows"),
            (".timing maybe", ".timing is on or off, not `maybe`"),
            (".quit now", ".quit takes no argument"),
        ] {
            assert_eq!(parse(line), Err(message.into()));
        }
    }

    #[test]
    fn every_command_of_the_help_is_read() {
        for name in names() {
            let understood = parse(name).err().is_none_or(|problem| !problem.starts_with("no command"));
            assert!(understood, "{name}");
        }
    }
}
