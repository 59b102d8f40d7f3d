//! `squall doctor`: looks at everything that a running squall depends on, and says what to do about what is wrong.

mod disk;
mod feed;
mod files;
mod landed;
mod logs;
mod models;
mod project;
mod tracking;
mod workers;

use futures::future::BoxFuture;

use super::print::safe;
use super::{Context, Failure};
use crate::error::Hint;
use crate::text::columns;

/// The checks, in the order in which data passes. To add one, write a file with a function of this form and add a line.
const CHECKS: [(&str, Check); 9] = [
    ("project", |examined| Box::pin(project::check(examined))),
    ("feed", |examined| Box::pin(feed::check(examined))),
    ("logs", |examined| Box::pin(logs::check(examined))),
    ("landed", |examined| Box::pin(landed::check(examined))),
    ("files", |examined| Box::pin(files::check(examined))),
    ("disk", |examined| Box::pin(disk::check(examined))),
    ("models", |examined| Box::pin(models::check(examined))),
    ("tracking", |examined| Box::pin(tracking::check(examined))),
    ("workers", |examined| Box::pin(workers::check(examined))),
];

type Check = for<'a> fn(&'a Examined<'a>) -> BoxFuture<'a, Vec<Finding>>;

/// Looks at everything squall depends on, and says what to do about what is wrong
///
/// One line for each thing looked at: the SQL project, the feed and the clock, logs and topics with their ids and lag, landed files,
/// dead letters, disk space and how long it lasts, models, the MLflow server, and workers. Nothing is changed. The exit code is 1 if
/// something is wrong; a warning does not count.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A log to look at besides those in data/raw: kafka://host:port/topic, or a folder; may be repeated
    #[arg(long, value_name = "LOG")]
    pub from: Vec<String>,

    /// Does not connect to the exchange
    #[arg(long)]
    pub no_feed: bool,
}

/// What the checks look at.
struct Examined<'a> {
    context: &'a Context,
    args: &'a Args,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Ok,
    Warning,
    Wrong,
}

/// One thing that was looked at.
#[derive(Debug)]
struct Finding {
    level: Level,
    says: String,
    /// What to do about it.
    remedy: Option<String>,
}

impl Finding {
    fn ok(says: impl Into<String>) -> Finding {
        Finding { level: Level::Ok, says: says.into(), remedy: None }
    }

    fn warning(says: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { level: Level::Warning, says: says.into(), remedy: Some(remedy.into()) }
    }

    fn wrong(says: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { level: Level::Wrong, says: says.into(), remedy: Some(remedy.into()) }
    }

    /// Makes a finding of an error, with the error's own hint.
    fn error(what: &str, error: &dyn Hint) -> Finding {
        let mut says = format!("{what}: {error}");
        if let Some(cause) = error.source() {
            says.push_str(&format!(": {cause}"));
        }
        Finding { level: Level::Wrong, says, remedy: error.hint() }
    }
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let examined = Examined { context, args: &args };
    let mut wrong = 0;
    for (name, check) in CHECKS {
        for finding in check(&examined).await {
            let mark = match finding.level {
                Level::Ok => "ok",
                Level::Warning => "warning",
                Level::Wrong => "wrong",
            };
            wrong += usize::from(finding.level == Level::Wrong);
            print!("{}", columns(&[vec![format!("{mark:<7}"), format!("{name:<8}"), safe(&finding.says)]], 3));
            if let Some(remedy) = finding.remedy {
                println!("{:19}{}", "", safe(&remedy));
            }
        }
    }
    match wrong {
        0 => Ok(()),
        1 => Err(Failure::new("1 thing is wrong")),
        wrong => Err(Failure::new(format!("{wrong} things are wrong"))),
    }
}
