//! Work that waits for a disk or a broker, off the threads that run tasks.

use super::Error;

/// Runs the work on a thread that may block.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // Blocking work is never cancelled, so it panicked: so do we.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
