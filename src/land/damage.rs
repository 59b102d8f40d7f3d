//! Reads damaged files: libraries may panic on bytes that nobody wrote, and a panic must not end a process that lands.
//!
//! In: a read of a landed file. Out: the same, but a panic is an error that names the file.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use datafusion::arrow::array::RecordBatch;
use datafusion::parquet::errors::ParquetError;
use futures::stream::BoxStream;
use futures::{FutureExt, Stream, StreamExt};

use super::{Error, LandedFile};

/// A landed file's rows.
pub type Rows = BoxStream<'static, Result<RecordBatch, Error>>;

/// Waits for a read of a landed file, and turns a panic into an error.
///
/// # Errors
/// The read panicked.
pub async fn guarded<T>(file: &LandedFile, read: impl Future<Output = T>) -> Result<T, Error> {
    // What a panicked read leaves behind is dropped with it.
    AssertUnwindSafe(read).catch_unwind().await.map_err(|panic| panicked(file, panic.as_ref()))
}

/// Returns rows whose errors name the file; a panic is one of them.
pub fn rows(file: &LandedFile, rows: impl Stream<Item = Result<RecordBatch, ParquetError>> + Send + 'static) -> Rows {
    let file = file.clone();
    let guarded = AssertUnwindSafe(rows).catch_unwind();
    let named = guarded.map(move |batch| match batch {
        Ok(batch) => batch.map_err(|source| Error::unreadable(&file, source)),
        Err(panic) => Err(panicked(&file, panic.as_ref())),
    });
    named.boxed()
}

fn panicked(file: &LandedFile, panic: &(dyn Any + Send)) -> Error {
    let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    Error::unreadable(file, format!("its reader failed: {}", said.unwrap_or("it panicked")))
}
