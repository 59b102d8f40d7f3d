//! `squall serve`: the project over PostgreSQL's wire protocol and Arrow Flight SQL.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::ingest::interrupted;
use super::{Context, Failure, duration, workspace};
use crate::serve::{Listening, Open, Options};
use crate::tls;

/// The variable with the password.
const PASSWORD: &str = "SQUALL_SERVE_PASSWORD";

/// Serves the project to PostgreSQL clients (psql, Grafana, SQLAlchemy, pandas, JDBC) and over Arrow Flight SQL (ADBC, Polars)
///
/// Clients see the tables, views, models and functions that `squall sql` sees. They show that they know the password, which
/// SQUALL_SERVE_PASSWORD or --password-file gives. An address that other machines reach needs a password and TLS. Statements
/// only read, unless --allow-create lets them make views and models. It runs until you press Ctrl-C. docs/serve.md says how to connect
/// each client.
///
/// Example:
///   SQUALL_SERVE_PASSWORD=… squall serve --pg 127.0.0.1:5432 --flight 127.0.0.1:31337
///   psql postgresql://squall@127.0.0.1:5432/squall
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The address to serve PostgreSQL's protocol on; port 0 takes a free one, and the address is printed
    #[arg(long, value_name = "ADDR", required_unless_present = "flight")]
    pub pg: Option<SocketAddr>,

    /// The address to serve Arrow Flight SQL on; port 0 takes a free one, and the address is printed
    #[arg(long, value_name = "ADDR")]
    pub flight: Option<SocketAddr>,

    /// The name that clients give as their user
    #[arg(long, value_name = "NAME", default_value = "squall")]
    pub user: String,

    /// A file with the password, which only its owner may read [default: the variable SQUALL_SERVE_PASSWORD]
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// Lets in whoever reaches the address, which must be this machine's own
    #[arg(long, conflicts_with = "password_file")]
    pub no_password: bool,

    /// The server's certificate, and those that signed it, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Allows CREATE VIEW, DROP VIEW and CREATE MODEL
    #[arg(long)]
    pub allow_create: bool,

    /// Lets statements read addresses such as s3://bucket/file.parquet, with the accounts that this process has
    #[arg(long)]
    pub allow_addresses: bool,

    /// The most clients at a time
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub max_connections: usize,

    /// The longest that a statement may take, such as 30s; a client may SET statement_timeout for itself [default: no limit]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub statement_timeout: Option<Duration>,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let options = Options {
        pg: args.pg,
        flight: args.flight,
        password: password(&args)?,
        user: args.user,
        tls: args.tls_cert.zip(args.tls_key).map(|(certificate, key)| tls::Files { certificate, key }),
        max_connections: args.max_connections,
        statement_timeout: args.statement_timeout,
        allow_create: args.allow_create,
    };
    let mut context = context.clone();
    let limit = &mut context.resolved.settings.engine.memory_limit_mb;
    if *limit == 0 {
        *limit = memory_mb().map_or(0, |memory| memory / 2);
    }
    let listening = Listening::start(options, open(context, args.allow_addresses)).await?;
    let silent = |error: std::io::Error| Failure::new(format!("cannot listen: {error}"));
    if let Some(address) = listening.pg().map_err(silent)? {
        println!("serving on {address}");
    }
    if let Some(address) = listening.flight().map_err(silent)? {
        println!("serving on {address}");
    }
    listening.run(interrupted()).await;
    Ok(())
}

/// Returns the memory of the machine, if the system says it.
fn memory_mb() -> Option<usize> {
    let said = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = said.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.split_whitespace().next()?.parse::<usize>().ok()? / 1024)
}

/// Returns a function that opens the project as it is then.
fn open(context: Context, allow_addresses: bool) -> Open {
    Box::new(move || {
        let context = context.clone();
        Box::pin(async move {
            let opened = workspace::open_quietly(&context).await.map_err(|failure| failure.message_and_causes())?;
            if !allow_addresses {
                opened.session.refuse_addresses();
            }
            let dir = context.settings().catalog_dir();
            opened.session.keep_tables(&dir).map_err(|error| error.to_string())?;
            Ok(Arc::clone(&opened.session))
        })
    })
}

fn password(args: &Args) -> Result<Option<String>, Failure> {
    if args.no_password {
        return Ok(None);
    }
    if let Some(file) = &args.password_file {
        return read_password(file).map(Some);
    }
    match std::env::var(PASSWORD) {
        Ok(password) if !password.is_empty() => Ok(Some(password)),
        _ => Err(Failure::new("no password is set for clients").with_hint(format!(
            "set {PASSWORD}, give --password-file, or --no-password to let in whoever is on this machine"
        ))),
    }
}

/// Reads the first line of a file that only its owner may read.
fn read_password(file: &Path) -> Result<String, Failure> {
    let wrong =
        |error: std::io::Error| Failure::new(format!("cannot read the password from {}: {error}", file.display()));
    let mode = std::fs::metadata(file).map_err(wrong)?.permissions().mode();
    if mode & 0o077 != 0 {
        let message = format!("others may read the password in {} (mode {:03o})", file.display(), mode & 0o777);
        return Err(Failure::new(message).with_hint(format!("chmod 600 {}", file.display())));
    }
    let text = std::fs::read_to_string(file).map_err(wrong)?;
    Ok(text.lines().next().unwrap_or_default().to_string())
}
