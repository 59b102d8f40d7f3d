//! Panics, as errors.
//!
//! The query engine and its readers may panic, for example on a damaged file. In: what a task panicked with. Out: a sentence.
//! While a statement runs, a panic prints nothing by itself, because the statement's error says it. Otherwise it is one line.

use std::any::Any;
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many statements are running.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// As long as this is there, panics print nothing.
#[derive(Debug)]
pub struct Quiet;

impl Quiet {
    pub fn begin() -> Self {
        RUNNING.fetch_add(1, Ordering::Relaxed);
        Quiet
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Makes panics print one message, by a function, instead of a stack trace; for the program, not for the library.
pub fn print_one_line(print: fn(&str)) {
    panic::set_hook(Box::new(move |panic| {
        if RUNNING.load(Ordering::Relaxed) == 0 {
            let place = panic.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
            let text = said(panic.payload());
            print(&format!(
                "Error: squall stopped at a fault of its own: {text}{}\nHint: a smaller input that fails in the same way helps to mend it",
                place.unwrap_or_default()
            ));
        }
    }));
}

/// Returns what a panic said.
pub fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it gave no reason").to_owned()
}
