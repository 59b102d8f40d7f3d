//! The workers that compute queries: whether each answers, accepts the token and is of this build.

use super::{Examined, Finding};
use crate::cli::workspace;
use crate::cluster::{self, Error};
use crate::error::Hint;
use crate::text::counted;

pub async fn check(examined: &Examined<'_>) -> Vec<Finding> {
    let options = workspace::workers(examined.context);
    if options.workers.is_empty() {
        return vec![Finding::ok("no workers are set; this machine computes queries alone")];
    }
    let greeted = match cluster::greet(&options).await {
        Ok(greeted) => greeted,
        Err(error) => return vec![Finding::error("workers", &error)],
    };
    let found = options.workers.iter().zip(greeted);
    found.map(|(worker, greeted)| finding(worker, greeted)).collect()
}

fn finding(worker: &str, greeted: Result<usize, Error>) -> Finding {
    match greeted {
        Ok(threads) => Finding::ok(format!(
            "worker {worker} answers: {}, this build, the token is accepted",
            counted(threads as u64, "thread")
        )),
        // The others compute its part.
        Err(error @ Error::Silent { .. }) => Finding::warning(error.to_string(), error.hint().unwrap_or_default()),
        Err(error) => Finding::wrong(error.to_string(), error.hint().unwrap_or_default()),
    }
}
