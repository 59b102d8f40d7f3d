//! Commands that read and write files.

use std::path::Path;

use super::{Completes, Kind, Run};
use crate::repl::complaint::Complaint;
use crate::repl::editing;
use crate::repl::shell::Next;
use crate::text::{identifier, literal};

/// The family's commands.
pub static COMMANDS: &[Kind] = &[
    Kind {
        name: ".read",
        aliases: &["\\i"],
        arguments: "FILE",
        help: "runs the statements and commands of a file",
        completes: &[Completes::File],
        run: Run::Later(|shell, arguments| Box::pin(async move { shell.read_file(Path::new(&arguments[0])).await })),
    },
    Kind {
        name: ".output",
        aliases: &["\\o"],
        arguments: "[FILE]",
        help: "sends results to a file, or back here",
        completes: &[Completes::File],
        run: Run::Now(|shell, arguments| {
            shell.target.send(arguments.first().map(Path::new)).map_err(|error| Complaint::of(&error))?;
            Ok(String::new())
        }),
    },
    Kind {
        name: ".once",
        aliases: &[],
        arguments: "FILE",
        help: "sends the next result to a file",
        completes: &[Completes::File],
        run: Run::Now(|shell, arguments| {
            shell.target.send_once(Path::new(&arguments[0])).map_err(|error| Complaint::of(&error))?;
            Ok(String::new())
        }),
    },
    Kind {
        name: ".import",
        aliases: &[],
        arguments: "FILE TABLE",
        help: "makes a table of a file, or adds its rows to one",
        completes: &[Completes::File, Completes::Table],
        run: Run::Later(|shell, arguments| {
            Box::pin(async move {
                let (file, table) = (literal(&arguments[0]), identifier(&arguments[1]));
                let known = shell.session.context().table_exist(table.as_str()).unwrap_or(false);
                let sql = match known {
                    true => format!("INSERT INTO {table} SELECT * FROM {file}"),
                    false => format!("CREATE TABLE {table} AS SELECT * FROM {file}"),
                };
                shell.statements(&sql).await.map(|_| Next::Continue)
            })
        }),
    },
    Kind {
        name: ".edit",
        aliases: &["\\e"],
        arguments: "",
        help: "opens the last statement in $EDITOR and runs it",
        completes: &[],
        run: Run::Later(|shell, _| {
            Box::pin(async move {
                if !shell.terminal {
                    let complaint = Complaint::new(".edit needs a terminal");
                    let complaint = complaint.with_hint("`.read FILE` runs the statements of a file");
                    return shell.answer(Err(complaint)).map(|()| Next::Continue);
                }
                match editing::edited(shell.last.as_deref().unwrap_or_default()) {
                    Ok(text) => {
                        shell.print(&text)?;
                        shell.edited = Some(text.trim_end().into());
                        shell.lines(&text).await
                    }
                    Err(complaint) => shell.answer(Err(complaint)).map(|()| Next::Continue),
                }
            })
        }),
    },
];
