//! Progress on standard error: counts and rates while a stage works. If standard error is not a terminal, it shows nothing.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A progress line of one stage.
#[derive(Debug, Clone)]
pub struct Progress(ProgressBar);

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

    /// Ends the line and leaves it on the screen.
    pub fn finish(self) {
        self.0.abandon();
    }
}
