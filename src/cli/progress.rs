//! Progress on standard error: counts and rates while a stage works. If standard error is not a terminal, it shows nothing.
//! Results and messages never mix with it: while they are printed, the line is gone.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, WeakProgressBar};

/// A progress line of one stage. It disappears when the stage ends.
#[derive(Debug, Clone)]
pub struct Progress(ProgressBar);

/// The line that is on the screen now.
static SHOWN: Mutex<Option<WeakProgressBar>> = Mutex::new(None);

/// Prints something while the progress line is gone.
pub fn beside<T>(print: impl FnOnce() -> T) -> T {
    let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(WeakProgressBar::upgrade);
    match shown {
        Some(bar) => bar.suspend(print),
        None => print(),
    }
}

impl Progress {
    /// Starts a line that counts to `total`, or just counts.
    pub fn start(label: &str, total: Option<u64>, quiet: bool) -> Self {
        let template = match total {
            Some(_) => "{prefix:>12} {bar:30} {human_pos}/{human_len} {per_sec} {msg}",
            None => "{prefix:>12} {spinner} {human_pos} {per_sec} {msg}",
        };
        // indicatif hides a bar whose target is not a terminal.
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(total, target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(label.to_string());
        bar.enable_steady_tick(Duration::from_millis(100));
        *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.downgrade());
        Progress(bar)
    }

    /// Counts `n` more.
    pub fn add(&self, n: u64) {
        self.0.inc(n);
    }

    /// Shows what is happening, beside the count.
    pub fn note(&self, text: impl Into<String>) {
        self.0.set_message(text.into());
    }

    /// Ends the line and takes it from the screen.
    pub fn finish(self) {
        self.0.finish_and_clear();
    }
}
