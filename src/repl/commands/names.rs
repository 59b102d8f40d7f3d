//! Commands that list what there is.

use super::{Completes, Kind, Run};
use crate::repl::help;
use crate::repl::shell::Next;

/// The family's commands.
pub static COMMANDS: &[Kind] = &[
    Kind {
        name: ".tables",
        aliases: &["\\dt"],
        arguments: "",
        help: "lists tables and views",
        completes: &[],
        run: Run::Later(|shell, _| {
            Box::pin(async {
                let tables = help::tables(shell.session.context()).await;
                shell.show(&tables).map(|()| Next::Continue)
            })
        }),
    },
    Kind {
        name: ".schema",
        aliases: &["\\d"],
        arguments: "NAME",
        help: "lists the columns of a table",
        completes: &[Completes::Table],
        run: Run::Later(|shell, arguments| {
            Box::pin(async move {
                let schema = help::schema(shell.session.context(), &arguments[0]).await;
                shell.answer(schema).map(|()| Next::Continue)
            })
        }),
    },
    Kind {
        name: ".functions",
        aliases: &["\\df"],
        arguments: "[PATTERN]",
        help: "lists functions; one name shows all about it",
        completes: &[Completes::Function],
        run: Run::Later(|shell, arguments| {
            Box::pin(async move {
                let pattern = arguments.first().map(String::as_str);
                match help::functions(shell.session.context(), pattern) {
                    Ok(text) => shell.show(&text).map(|()| Next::Continue),
                    Err(complaint) => shell.answer(Err(complaint)).map(|()| Next::Continue),
                }
            })
        }),
    },
];
