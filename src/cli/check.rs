//! `squall check`

use super::{Context, Failure, workspace};
use crate::error::Hint;
use crate::pipeline::Kind;

/// Checks the SQL project: it parses, its lints hold, its audits return no rows, its tests pass
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Leaves out the audits, which read the landed data
    #[arg(long)]
    pub no_audits: bool,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let mut report = Report::default();
    // Opening the workspace parses every file and plans every query; an error in one of them ends the check.
    let workspace = workspace::open(context).await?;
    let (project, session) = (&workspace.project, workspace.session.context());
    if project.queries().is_empty() {
        let dir = context.settings().paths.sql.display();
        return Err(Failure::new(format!("there is no SQL project at {dir}"))
            .with_hint("start in the project's folder, or name it with --set paths.sql=FOLDER"));
    }
    report.line("parse", &format!("{} files", project.queries().len()), "ok");

    let progress = context.progress("check", None);
    for query in
        project.queries().iter().filter(|query| matches!(query.kind, Kind::Feature | Kind::Label | Kind::Model))
    {
        let mut problems: Vec<String> = project
            .lint(query, session)
            .await?
            .into_iter()
            .map(|finding| format!("{}: {}\n{}", finding.place, finding.message, finding.place.excerpt()))
            .collect();
        let without_unit = project.columns_without_unit(query, session).await?;
        if !without_unit.is_empty() {
            let file = query.file.display();
            problems.push(format!("{file}: the header gives no unit for {}", without_unit.join(", ")));
        }
        report.outcome("lint", &query.name, &problems);
    }

    for (query, error) in project.unplanned(session).await {
        report.line("plan", &query.name, &format!("waits for its model ({error})"));
    }

    let skipped = match args.no_audits {
        true => Some("skipped"),
        false if project.has_data(session).await? => None,
        false => Some("skipped: no data is landed; `squall land` lands it"),
    };
    for audit in project.audits() {
        if let Some(reason) = skipped {
            report.line("audit", &audit.name, reason);
            continue;
        }
        progress.note(audit.name.clone());
        match project.audit(audit, session).await {
            Ok(audited) if audited.rows == 0 => report.line("audit", &audit.name, "ok"),
            Ok(audited) => {
                let head = format!("{} rows are wrong: {}", audited.rows, audit.header.description);
                report.outcome("audit", &audit.name, &[format!("{head}\n{}", audited.sample)]);
            }
            Err(error) => report.outcome("audit", &audit.name, &[describe(&error)]),
        }
    }

    for tested in project.test(session).await? {
        let problems: Vec<String> =
            tested.failure.iter().map(|failure| format!("{}: {failure}", tested.place)).collect();
        report.outcome("test", &format!("{}, {}", tested.query, tested.case), &problems);
    }
    progress.finish();
    match report.failed {
        0 => Ok(()),
        failed => Err(Failure::new(format!("{failed} of {} checks failed", report.checks))),
    }
}

/// Prints one line per check, and counts them.
#[derive(Default)]
struct Report {
    checks: usize,
    failed: usize,
}

impl Report {
    fn line(&mut self, check: &str, subject: &str, result: &str) {
        self.checks += 1;
        println!("{check:<5}  {subject}: {result}");
    }

    fn outcome(&mut self, check: &str, subject: &str, problems: &[String]) {
        if problems.is_empty() {
            return self.line(check, subject, "ok");
        }
        self.failed += 1;
        self.line(check, subject, "FAILED");
        for line in problems.iter().flat_map(|problem| problem.lines()) {
            println!("       {line}");
        }
    }
}

fn describe(error: &(dyn Hint + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!("\ncaused by: {cause}"));
        source = cause.source();
    }
    text
}
