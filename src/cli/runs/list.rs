//! `squall runs list`

use chrono::{DateTime, SecondsFormat};

use crate::cli::{Context, Failure, output};
use crate::repl::Format;
use crate::text::columns;
use crate::track::{self, Recorded, Run};

/// Lists runs, oldest first, with their id on the MLflow server
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only runs that are not on an MLflow server
    #[arg(long)]
    pub unsent: bool,

    /// Lists every fact about each of them, in this form [default: id, kind, start and where it is, aligned]
    #[arg(long, value_parser = Format::parser())]
    pub format: Option<Format>,
}

/// The columns of the formats.
const COLUMNS: [&str; 9] =
    ["run_id", "kind", "model", "version", "started_at", "duration_ms", "sent", "mlflow_run_id", "problem"];

/// Runs the command.
pub fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let dir = context.settings().runs_dir();
    let Recorded { mut runs, unreadable } = track::read(&dir)?;
    runs.retain(|run| !args.unsent || run.mlflow_run_id.is_none());
    let kept = track::kept(&dir)?;
    let problems = || unreadable.iter().map(|(id, error)| (id.clone(), error.text()));
    let sent = |run: &Run| match &run.mlflow_run_id {
        Some(id) => format!("on MLflow, {id}"),
        None if kept.contains(&run.run_id) => "not sent".into(),
        None => "only here".into(),
    };
    if let Some(format) = args.format {
        let unread = problems().map(|(id, problem)| {
            let mut row = vec![String::new(); COLUMNS.len()];
            (row[0], row[COLUMNS.len() - 1]) = (id, problem);
            row
        });
        let rows: Vec<Vec<String>> = runs
            .iter()
            .map(|run| {
                vec![
                    run.run_id.clone(),
                    run.kind.as_str().into(),
                    run.model.clone(),
                    run.version.to_string(),
                    started(run),
                    (run.ended_at_ms - run.started_at_ms).to_string(),
                    run.mlflow_run_id.is_some().to_string(),
                    run.mlflow_run_id.clone().unwrap_or_default(),
                    String::new(),
                ]
            })
            .chain(unread)
            .collect();
        return output::write(format, &output::batch(&COLUMNS, &rows)?);
    }
    if runs.is_empty() && unreadable.is_empty() {
        let what =
            if args.unsent { "every run is on MLflow" } else { "no run is recorded: `squall train` records one" };
        return output::text(format!("{what}\n").as_bytes());
    }
    let read = runs.iter().map(|run| vec![run.run_id.clone(), run.kind.as_str().into(), started(run), sent(run)]);
    let unread = problems().map(|(id, problem)| vec![id, "unreadable".into(), String::new(), problem]);
    let rows: Vec<Vec<String>> = read.chain(unread).collect();
    output::text(columns(&rows, 4).as_bytes())
}

fn started(run: &Run) -> String {
    let time = DateTime::from_timestamp_millis(run.started_at_ms).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
