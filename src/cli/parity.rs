//! `squall parity`: what was emitted live, compared with batch.

use std::ops::Range;
use std::path::PathBuf;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime};

use super::{Context, Failure, output, workspace};
use crate::land::Folder;
use crate::live::sink::Kept;
use crate::live::{self, ALWAYS, Computed};
use crate::repl::Format;
use crate::text::{counted, grouped};

/// Compares rows that `squall live` wrote with batch, bit for bit
///
/// The query is computed again over all landed ticks, without materialised tables. The command ends with 1 at the first difference, and
/// prints the row, the column and both values; then the frame of each window that the value in batch depends on, with the rows at its
/// ends, and the row's tick. It also finds rows that are missing, and rows that were written twice.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The queries to compare [default: all that have rows in the folder]
    #[arg(value_name = "QUERY")]
    pub queries: Vec<String>,

    /// The folder to which `squall live --to` wrote the rows
    #[arg(long, value_name = "FOLDER")]
    pub of: PathBuf,

    /// Compares rows whose ts is this or later: a UTC day, such as 2026-01-31, or a time, such as 2026-01-31T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub from: Option<Time>,

    /// Compares rows before this time, or up to the end of this UTC day
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub to: Option<Time>,
}

/// A time, as the user wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    Day(NaiveDate),
    At(NaiveDateTime),
}

impl Time {
    /// Returns the instant in nanoseconds since 1970, or that at which the day begins.
    fn start(self) -> Option<i64> {
        let at = match self {
            Time::Day(day) => day.and_time(NaiveTime::MIN),
            Time::At(at) => at,
        };
        at.and_utc().timestamp_nanos_opt()
    }

    /// Returns the instant in nanoseconds since 1970, or that at which the day ends.
    fn end(self) -> Option<i64> {
        match self {
            Time::Day(day) => Time::Day(day.checked_add_days(Days::new(1))?).start(),
            at @ Time::At(_) => at.start(),
        }
    }
}

fn time(text: &str) -> Result<Time, String> {
    let at = DateTime::parse_from_rfc3339(text).map(|at| at.naive_utc());
    let at = at.or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"));
    let at = at.map(Time::At).or_else(|_| NaiveDate::parse_from_str(text, "%Y-%m-%d").map(Time::Day));
    let in_range = at.ok().filter(|at| at.start().is_some() && at.end().is_some());
    in_range.ok_or_else(|| "write a UTC day, such as 2026-01-31, or a time, such as 2026-01-31T09:30:00Z".into())
}

impl Args {
    fn span(&self) -> Result<Range<i64>, Failure> {
        let start = self.from.and_then(Time::start).unwrap_or(ALWAYS.start);
        let end = self.to.and_then(Time::end).unwrap_or(ALWAYS.end);
        if start >= end {
            return Err(Failure::new("no time is left: --from is not before --to")
                .with_hint("--from is the first time, --to the end; a day of --to is compared as well"));
        }
        Ok(start..end)
    }
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let span = args.span()?;
    let workspace = workspace::open(context).await?;
    let folder = Folder::new(&context.settings().ticks_dir())?;
    let queries = if args.queries.is_empty() { Kept::queries(&args.of)? } else { args.queries };
    if queries.is_empty() {
        return Err(Failure::new(format!("{} holds no rows of `squall live`", args.of.display()))
            .with_hint("name the folder to which `squall live --to` wrote"));
    }
    let mut differ = Vec::new();
    for name in &queries {
        if let Some(failure) = workspace.why_disabled(name) {
            return Err(failure);
        }
        let project = &workspace.project;
        let query = project.query(name).ok_or_else(|| project.unknown(name))?;
        let session = workspace.session.context();
        let found = live::parity(project, query, session, &folder, &args.of, span.clone()).await?;
        let waiting = match found.waiting {
            0 => String::new(),
            rows => format!("; {} have not landed yet", grouped(rows)),
        };
        match found.difference {
            None => println!("{name}: {} rows are the same, bit for bit{waiting}", grouped(found.same)),
            Some(difference) => {
                println!("{name}: {difference}");
                println!(
                    "  {} rows before it, in the order of product and time, are the same{waiting}",
                    grouped(found.same)
                );
                found.computed.as_ref().map_or(Ok(()), show)?;
                differ.push(name.as_str());
            }
        }
    }
    match differ.as_slice() {
        [] => Ok(()),
        names => Err(Failure::new(format!("live and batch differ: {}", names.join(", ")))
            .with_hint("if the query or a table that it reads has changed since, that is why: docs/live.md")),
    }
}

/// Prints what batch computed a value from.
fn show(computed: &Computed) -> Result<(), Failure> {
    for framed in &computed.windows {
        println!("\nbatch computes {}", framed.call);
        let Some(rows) = &framed.rows else {
            println!("  over rows of other ticks");
            continue;
        };
        let count = counted(rows.count, "row");
        match &rows.last {
            None => println!("  over {count}:"),
            Some(_) => println!("  over {count}, which begin with"),
        }
        output::write(Format::TABLE, &rows.first)?;
        if let Some(last) = &rows.last {
            println!("and end with");
            output::write(Format::TABLE, last)?;
        }
    }
    if let Some(tick) = &computed.tick {
        println!("\nthe row's tick, as it landed:");
        output::write(Format::TABLE, tick)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_compared_to_its_end() {
        let day = time("2026-01-31").unwrap();
        let next = time("2026-02-01T00:00:00Z").unwrap();
        assert_eq!((day.start(), day.end()), (time("2026-01-31 00:00:00").unwrap().start(), next.start()));
        assert_eq!(next.end(), next.start());
        assert_eq!(time("2026-01-31T10:00:00.5+01:00"), time("2026-01-31 09:00:00.5"));
        for text in ["", "yesterday", "2026-02-30", "1600-01-01", "9999-12-31", "2026-01-31T25:00:00Z"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
