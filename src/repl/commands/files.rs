//! Commands that read and write files.

use std::path::Path;

use datafusion::prelude::DataFrame;

use super::{Completes, Kind, Run};
use crate::catalog::Session;
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
                match import(&shell.session, &arguments[0], &arguments[1]).await {
                    Ok(sql) => shell.statements(&sql).await.map(|_| Next::Continue),
                    Err(complaint) => shell.answer(Err(complaint)).map(|()| Next::Continue),
                }
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

/// Returns the statement that imports a file. The names of its columns say where its values go in a table that is there.
async fn import(session: &Session, path: &str, name: &str) -> Result<String, Complaint> {
    let (file, table) = (literal(path), identifier(name));
    let Ok(into) = session.context().table(table.as_str()).await else {
        return Ok(format!("CREATE TABLE {table} AS SELECT * FROM {file}"));
    };
    let Ok(from) = session.sql(&format!("SELECT * FROM {file} LIMIT 0")).await else {
        // The statement fails too, and its error says why.
        return Ok(format!("INSERT INTO {table} SELECT * FROM {file}"));
    };
    let names =
        |frame: &DataFrame| frame.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    let (columns, known) = (names(&from), names(&into));
    if let Some(other) = columns.iter().find(|column| !known.contains(column)) {
        let complaint =
            Complaint::new(format!("{path} has a column `{other}`, and the table `{name}` has none of that name"));
        return Err(complaint.with_hint(format!(
            "its columns are {}; INSERT INTO {table} SELECT … says which goes where",
            known.join(", ")
        )));
    }
    let columns: Vec<String> = columns.iter().map(|column| identifier(column)).collect();
    let columns = columns.join(", ");
    Ok(format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM {file}"))
}
