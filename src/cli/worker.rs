//! `squall worker`: computes parts of other processes' queries.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::ingest::interrupted;
use super::{Context, Failure, workspace};
use crate::cluster::{Listening, WorkerOptions};
use crate::tls;

/// Computes parts of queries for `squall --workers`, on this machine or another
///
/// A worker keeps nothing: it is sent plans, reads the files that they name, and answers with rows. So it must reach the same files by the
/// same paths or addresses, and must be the same build of squall. Whoever knows the token may read every file that this process can read. An
/// address that other machines reach needs a token and TLS. It runs until you press Ctrl-C. docs/scale.md says more.
///
/// Example:
///   squall worker --listen 127.0.0.1:7300
///   squall --workers 127.0.0.1:7300 run --all
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The address to work on; port 0 takes a free one, and the address is printed
    #[arg(long, value_name = "ADDR")]
    pub listen: SocketAddr,

    /// The worker's certificate, and those that signed it, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

/// Runs the command.
pub async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let session = workspace::session(context).await?;
    let state = session.context().state();
    let options = WorkerOptions {
        address: args.listen,
        token: context.settings().cluster.token.clone(),
        tls: args.tls_cert.zip(args.tls_key).map(|(certificate, key)| tls::Files { certificate, key }),
        threads: state.config().target_partitions(),
        state,
    };
    let listening = Listening::start(options).await?;
    let address = listening.address().map_err(|error| Failure::new(format!("cannot listen: {error}")))?;
    println!("working on {address}");
    listening.run(interrupted()).await?;
    Ok(())
}
