//! The command-line reference as Markdown; it is the whole of `docs/cli.md`.
//!
//! In: clap's own description of the commands. Out: a page with the same text as `--help`.

use std::fmt::Write;

use clap::{Arg, ArgAction, Command, CommandFactory};

use super::Cli;

/// The heading of global options, also used in `--help`.
pub const GLOBAL: &str = "Global options";

const INTRODUCTION: &str = "\
# Command line

This page is generated from the program: `squall COMMAND --help` prints the same. The commands are in the order in which data
passes through them.

Results go to standard output, progress and errors to standard error. An error says what is wrong, why, and what to try next.
Exit codes: 0, done; 1, the command failed; 2, squall does not understand the command line.
";

/// Returns the page.
pub fn markdown() -> String {
    let mut command = Cli::command();
    command.build();
    let mut page = String::from(INTRODUCTION);
    let globals: Vec<&Arg> = command.get_arguments().filter(|argument| argument.is_global_set()).collect();
    // Writing to a string cannot fail.
    let _ = write!(page, "\n## {GLOBAL}\n\nEvery command takes these.\n\n");
    for argument in globals {
        page.push_str(&entry(argument));
    }
    for subcommand in visible(&command) {
        describe(subcommand, command.get_name(), &mut page);
    }
    page
}

fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help" && !subcommand.is_hide_set())
}

fn describe(command: &Command, parents: &str, page: &mut String) {
    let name = format!("{parents} {}", command.get_name());
    let _ = write!(page, "\n## {name}\n\n");
    if let Some(about) = command.get_long_about().or(command.get_about()) {
        let mut paragraphs = about.to_string();
        // clap removes the period from the end of a one-line description.
        if !paragraphs.ends_with('.') {
            paragraphs.push('.');
        }
        let (first, rest) = paragraphs.split_once("\n\n").unwrap_or((&paragraphs, ""));
        let period = if first.ends_with('.') { "" } else { "." };
        let _ =
            write!(page, "{first}{period}\n\n{}", if rest.is_empty() { String::new() } else { format!("{rest}\n\n") });
    }
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    let _ = writeln!(page, "    {}", usage.lines().map(str::trim).collect::<Vec<_>>().join("\n    "));
    let arguments: Vec<&Arg> = command.get_arguments().filter(|argument| !is_left_out(argument)).collect();
    if !arguments.is_empty() {
        page.push('\n');
    }
    for argument in arguments {
        page.push_str(&entry(argument));
    }
    for subcommand in visible(command) {
        describe(subcommand, &name, page);
    }
}

/// Returns whether an argument belongs to every command, is hidden, or is clap's own help or version.
fn is_left_out(argument: &Arg) -> bool {
    argument.is_global_set()
        || argument.is_hide_set()
        || matches!(
            argument.get_action(),
            ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
        )
}

/// Returns an argument's item in the list.
fn entry(argument: &Arg) -> String {
    let value = argument
        .get_value_names()
        .filter(|_| argument.get_action().takes_values())
        .map(|names| names.iter().map(|name| format!(" {name}")).collect::<String>())
        .unwrap_or_default();
    let many = if argument.get_num_args().is_some_and(|range| range.max_values() > 1) { "…" } else { "" };
    let names = match (argument.get_short(), argument.get_long()) {
        (Some(short), Some(long)) => format!("`-{short}`, `--{long}{value}{many}`"),
        (Some(short), None) => format!("`-{short}{value}{many}`"),
        (None, Some(long)) => format!("`--{long}{value}{many}`"),
        (None, None) => format!("`{}{many}`", value.trim()),
    };
    let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut item = format!("- {names}: {}", help.replace("\n\n", "\n").replace('\n', "\n  "));
    if !argument.is_hide_default_value_set() && argument.get_action().takes_values() {
        let defaults: Vec<_> = argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        if !defaults.is_empty() {
            let _ = write!(item, " (default: `{}`)", defaults.join(" "));
        }
    }
    item.push('\n');
    if argument.get_action().takes_values() {
        for value in argument.get_possible_values().iter().filter(|value| !value.is_hide_set()) {
            let help = value.get_help().map(|help| format!(": {help}")).unwrap_or_default();
            let _ = writeln!(item, "  - `{}`{help}", value.get_name());
        }
    }
    item
}
