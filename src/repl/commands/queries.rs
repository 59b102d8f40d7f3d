//! Commands that ask about a query: the last one, or one that is given.

use super::{Completes, Kind, Run};
use crate::repl::complaint::Complaint;
use crate::repl::plotting;
use crate::repl::shell::{Next, Shell};
use crate::repl::statement::{Statement, split};

/// The family's commands.
pub static COMMANDS: &[Kind] = &[
    Kind {
        name: ".last",
        aliases: &[],
        arguments: "",
        help: "runs the last query again, with all rows and columns",
        completes: &[],
        run: Run::Later(|shell, _| {
            Box::pin(async move {
                match last_query(shell, ".last") {
                    Ok(query) => shell.whole(&query).await,
                    Err(complaint) => shell.answer(Err(complaint)).map(|()| Next::Continue),
                }
            })
        }),
    },
    Kind {
        name: ".explain",
        aliases: &[],
        arguments: "[QUERY…]",
        help: "shows a query's plan; .explain analyze measures it",
        completes: &[Completes::Query],
        run: Run::Later(|shell, arguments| {
            Box::pin(async move {
                let given = arguments.first().map_or("", String::as_str);
                let (word, rest) = given.split_once(char::is_whitespace).unwrap_or((given, ""));
                let (analyze, given) = match word.eq_ignore_ascii_case("analyze") {
                    true => ("ANALYZE ", rest.trim()),
                    false => ("", given),
                };
                let query = match given {
                    "" => last_query(shell, ".explain"),
                    given => Ok(given.to_string()),
                };
                match query {
                    Ok(query) => shell.aside(&format!("EXPLAIN {analyze}{query}")).await.map(|_| Next::Continue),
                    Err(complaint) => shell.answer(Err(complaint)).map(|()| Next::Continue),
                }
            })
        }),
    },
    Kind {
        name: ".plot",
        aliases: &[],
        arguments: "X,Y…",
        help: "draws the last query's columns, or X, Y FROM a table",
        completes: &[Completes::Query],
        run: Run::Later(|shell, arguments| {
            Box::pin(async move {
                let wanted = &arguments[0];
                let query = match plotting::has_from(wanted) {
                    true => Ok(format!("SELECT {wanted}")),
                    false => last_query(shell, ".plot").map(|last| format!("SELECT {wanted} FROM (\n{last}\n)")),
                };
                match query {
                    Ok(query) => plotting::plot(shell, &query).await.map(|()| Next::Continue),
                    Err(complaint) => shell.answer(Err(complaint)).map(|()| Next::Continue),
                }
            })
        }),
    },
];

/// Returns the last statement, if it only reads.
fn last_query(shell: &Shell<'_>, command: &str) -> Result<String, Complaint> {
    let Some(last) = &shell.last else {
        return Err(Complaint::new(format!("{command} needs a query, and none has run yet"))
            .with_hint("run a query first: SELECT …;"));
    };
    match split(last).last() {
        Some(Statement { text, .. }) if reads_only(text) => Ok((*text).to_string()),
        _ => Err(Complaint::new(format!("{command} needs a query, and the last statement is not one"))
            .with_hint("run a query first: SELECT …;")),
    }
}

/// Returns whether a statement is a query, which can run again and changes nothing.
fn reads_only(statement: &str) -> bool {
    let first: String = statement.chars().take_while(|character| character.is_alphabetic()).collect();
    let words = ["select", "with", "values", "from", "table", "show", "describe"];
    words.iter().any(|word| first.eq_ignore_ascii_case(word)) || statement.starts_with('(')
}
