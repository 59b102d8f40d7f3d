//! `squall init`

use std::path::PathBuf;

use super::{Context, Failure};
use crate::config::DEFAULTS;
use crate::pipeline::shipped;
use crate::text::counted;

/// What Git has to ignore: everything that squall stores, and the reports it writes.
const IGNORED: &str = "/data/\n/reports/out/\n";

/// Starts a project: writes the SQL project that is built into squall, and a settings file with every default
///
/// It writes sql/, squall.toml and .gitignore. It overwrites nothing: if one of these files is there with another content, it writes
/// nothing at all.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder; it is made if it does not exist
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
}

/// Runs the command.
pub async fn run(args: Args, _context: &Context) -> Result<(), Failure> {
    let mut files = shipped::sql();
    files.push(("squall.toml".into(), DEFAULTS));
    let mut written = shipped::write(&args.folder, &files)?;
    // A project can lie in a repository that ignores other files.
    if !args.folder.join(".gitignore").exists() {
        written += shipped::write(&args.folder, &[files, vec![(".gitignore".into(), IGNORED)]].concat())?;
    }
    let here = args.folder.as_os_str() == ".";
    let folder = args.folder.display();
    match written {
        0 => println!("The project is already in {folder}; nothing was written."),
        written => println!(
            "Wrote {} to {folder}: the queries are in sql/, the settings in squall.toml.",
            counted(written as u64, "file")
        ),
    }
    println!("\nNext:");
    if !here {
        println!("  cd {folder}");
    }
    println!("  squall demo                    runs the whole path once on a simulated market");
    println!("  squall list                    lists the queries");
    println!("  squall new feature NAME        begins a feature of your own");
    println!("  squall check                   says what is wrong with the project");
    Ok(())
}
