//! Commands about the shell itself.

use super::{Kind, Run};
use crate::repl::complaint::Complaint;
use crate::repl::help;
use crate::repl::shell::Next;

/// The family's commands.
pub static COMMANDS: &[Kind] = &[
    Kind {
        name: ".help",
        aliases: &["\\?", "help"],
        arguments: "",
        help: "shows this",
        completes: &[],
        run: Run::Now(|_, _| Ok(help::commands())),
    },
    Kind {
        name: ".set",
        aliases: &[],
        arguments: "[NAME [VALUE]]",
        help: "sets a variable; :NAME in a statement stands for it",
        completes: &[],
        run: Run::Now(|shell, arguments| match arguments {
            [] => Ok(shell.variables.list()),
            [name, value @ ..] if is_variable(name) => {
                shell.variables.set(name.clone(), value.first().cloned());
                Ok(String::new())
            }
            [name, ..] => Err(Complaint::new(format!("`{name}` cannot name a variable"))
                .with_hint("a name has letters, digits and `_`, and does not begin with a digit")),
        }),
    },
    Kind {
        name: ".quit",
        aliases: &[".exit", "\\q", "exit", "quit"],
        arguments: "",
        help: "leaves, as Ctrl-D does",
        completes: &[],
        run: Run::Later(|_, _| Box::pin(async { Ok(Next::Quit) })),
    },
];

fn is_variable(name: &str) -> bool {
    name.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && name.chars().all(|character| character.is_alphanumeric() || character == '_')
}
