//! `squall demo`

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Context, Failure, evaluate, ingest, land, replay, report, run, score, simulate, train};
use crate::config::Source;
use crate::durable;
use crate::pipeline::{self, shipped};
use crate::report::REPORTS;

/// The folder below the data folder that every demo creates again, and the file which shows that a demo made it.
const FOLDER: &str = "demo";
const MARKER: &str = ".made-by-squall-demo";

/// The query from which the demo's models learn, and the query that evaluates them.
const TRAINING: &str = "spike_training";
const METRICS: &str = "spike_metrics";

/// Runs the whole path once, from a simulated exchange or recorded messages to reports
///
/// A simulated exchange (or, with --raw, recorded messages) → log → Parquet → the SQL project's features, labels and
/// training set → models → scores → reports. Each step is also a command of its own. The results stay in the folder demo/ of
/// the data folder. Explore them with: squall --data data/demo repl. In a folder without a SQL project, the demo uses the one that
/// is built into squall.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Recorded messages to use instead of a simulated exchange: plain, gzip or zstd, any shape that `replay` reads
    #[arg(long, num_args = 1.., value_name = "FILE")]
    pub raw: Vec<PathBuf>,

    /// How many hours of market to simulate
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..=168), conflicts_with = "raw")]
    pub hours: u64,

    /// Decides every simulated price; the same seed gives the same market
    #[arg(long, default_value_t = simulate::DEFAULT_SEED, conflicts_with = "raw")]
    pub seed: u64,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let started = Instant::now();
    let has_project = context.settings().paths.sql.is_dir();
    let is_default = matches!(context.resolved.origins.get("paths.sql"), Some((_, Source::Default)));
    if !has_project && !is_default {
        return Err(pipeline::Error::NoProject { dir: context.settings().paths.sql.clone() }.into());
    }
    let mut demo = context.clone();
    let folder = fresh_folder(&context.settings().local_dir())?;
    // All that a demo makes is in its folder, wherever else data would be.
    let paths = &mut demo.resolved.settings.paths;
    for path in
        [&mut paths.local, &mut paths.ticks, &mut paths.dead, &mut paths.tables, &mut paths.models, &mut paths.runs]
    {
        *path = PathBuf::new();
    }
    paths.data = folder.clone();
    if !has_project {
        demo.resolved.settings.paths.sql = folder.join("sql");
        shipped::write(&folder, &shipped::sql())?;
    }
    let demo = &demo;

    if args.raw.is_empty() {
        step(&format!("Receive {} hours of a simulated market over a websocket", args.hours));
        receive(&args, demo).await?;
    } else {
        step(&format!("Merge {} recorded files into one ordered log", args.raw.len()));
        let files = args.raw;
        replay::run(
            replay::Args { files, map: None, to: None, merge: true, strict: false, products: Vec::new() },
            demo,
        )
        .await?;
    }
    step("Land the log in Parquet");
    land::run(land::Args::default(), demo).await?;
    step("Compute features, labels and the training set");
    run::run(run::Args { queries: vec!["tick_features".into(), format!("+{TRAINING}")], ..run::Args::default() }, demo)
        .await?;
    step("Train the models");
    train::run(train::Args { models: Vec::new() }, demo).await?;
    step("Score every row with each model");
    score::run(score::Args { model: None, from: TRAINING.into() }, demo).await?;
    step("Evaluate");
    evaluate::run(evaluate::Args::of(METRICS), demo).await?;
    step("Write the reports");
    for &report in REPORTS {
        let wanted = report::Wanted { name: report.about().name.into(), ..report::Wanted::default() };
        report::run(report::Args { report: Some(wanted), list: false }, demo).await?;
    }

    let data = demo.settings().paths.data.display();
    let project = match has_project {
        true => String::new(),
        false => format!(" --set paths.sql={}", demo.settings().paths.sql.display()),
    };
    println!(
        "\nDone in {:.1} s. Explore what was made: squall --data {data}{project} repl",
        started.elapsed().as_secs_f64()
    );
    if !has_project {
        println!("`squall init` writes the SQL project that the demo used into this folder, to change it.");
    }
    Ok(())
}

/// Announces a step.
fn step(title: &str) {
    println!("\n{title}");
}

/// Serves a simulated market on a free port and receives it, in one process.
async fn receive(args: &Args, context: &Context) -> Result<(), Failure> {
    let server = simulate::bind(simulate::Args::fast(Duration::from_secs(args.hours * 3600), args.seed)).await?;
    let (from, exchange) = (Some(server.url()), Some(server.exchange().to_string()));
    let serving = tokio::spawn(server.run());
    let received =
        ingest::run(ingest::Args { from, exchange, until_close: true, ..ingest::Args::default() }, context).await;
    serving.abort();
    received
}

/// Makes the demo's own data folder. It only ever replaces the folder of an earlier demo.
fn fresh_folder(data: &Path) -> Result<PathBuf, Failure> {
    let folder = data.join(FOLDER);
    let marker = folder.join(MARKER);
    let made = match (folder.exists(), marker.exists()) {
        (true, false) => {
            return Err(Failure::new(format!("{} exists and was not made by a demo", folder.display()))
                .with_hint("move it away, or give the demo another data folder with --data FOLDER"));
        }
        (true, true) => fs::remove_dir_all(&folder),
        (false, _) => Ok(()),
    };
    made.and_then(|()| fs::create_dir_all(&folder))
        .and_then(|()| durable::replace(&marker, b"made anew by every `squall demo`\n"))
        .map_err(|error| Failure::new(format!("cannot make the folder {}: {error}", folder.display())))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::{FOLDER, fresh_folder};

    #[test]
    fn a_demo_replaces_its_own_folder_and_no_other() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let folder = fresh_folder(data.path()).expect("made");
        std::fs::write(folder.join("left"), "over").expect("written");
        assert!(!fresh_folder(data.path()).expect("made anew").join("left").exists());

        let other = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(other.path().join(FOLDER)).expect("made");
        assert!(fresh_folder(other.path()).is_err());
    }
}
