//! Commands about the SQL project and its models.

use super::{Completes, Kind, Run};
use crate::repl::complaint::Complaint;
use crate::repl::interrupts;
use crate::repl::shell::Next;
use crate::text::{columns, literal};

/// The family's commands.
pub static COMMANDS: &[Kind] = &[
    Kind {
        name: ".lineage",
        aliases: &[],
        arguments: "NAME[.COLUMN]",
        help: "shows what a query reads, or where a column comes from",
        completes: &[Completes::Table],
        run: Run::Later(|shell, arguments| {
            Box::pin(async move {
                let lineage = shell.project.lineage(&arguments[0]).await;
                shell.answer(lineage).map(|()| Next::Continue)
            })
        }),
    },
    Kind {
        name: ".model",
        aliases: &[],
        arguments: "[NAME]",
        help: "lists the trained models, or shows one's weights",
        completes: &[Completes::Model],
        run: Run::Later(|shell, arguments| {
            Box::pin(async move {
                let sql = match arguments.first() {
                    None => "SHOW MODELS".to_string(),
                    Some(name) => format!("SELECT * FROM ml_weights({})", literal(name)),
                };
                shell.aside(&sql).await.map(|_| Next::Continue)
            })
        }),
    },
    Kind {
        name: ".report",
        aliases: &[],
        arguments: "[NAME [FILE]]",
        help: "lists the reports, or makes one",
        completes: &[Completes::Report, Completes::File],
        run: Run::Later(|shell, arguments| {
            Box::pin(async move {
                let Some((name, file)) = arguments.split_first() else {
                    let reports = shell.project.reports();
                    let listed = reports.map(|reports| {
                        let rows = reports.into_iter().map(|(name, description)| vec![name, description]);
                        columns(&rows.collect::<Vec<_>>(), 2)
                    });
                    return shell.answer(listed).map(|()| Next::Continue);
                };
                let making = shell.project.report(name, file.first().map(Into::into));
                let made = tokio::select! {
                    made = making => made,
                    () = interrupts::next(), if shell.terminal => Err(Complaint::new("cancelled")),
                };
                shell.answer(made).map(|()| Next::Continue)
            })
        }),
    },
];
