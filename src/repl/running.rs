//! How the shell runs statements: where their results go, how they look, and how they end.

use std::time::Instant;

use datafusion::arrow::array::RecordBatch;

use super::asked;
use super::complaint::Complaint;
use super::diagnose::Diagnosis;
use super::interrupts;
use super::progress::{Progress, Showing};
use super::run::{self, Style, Written};
use super::shell::{Error, Next, Shell, Width, complain};
use super::statement::{Statement, split};

/// How a statement ended.
enum Ended {
    Well,
    Wrong,
    Cancelled,
}

impl Shell<'_> {
    /// Runs statements; after one that fails, the others are skipped.
    pub(super) async fn statements(&mut self, text: &str) -> Result<Next, Error> {
        let statements = split(text);
        if !statements.is_empty() {
            self.last = Some(text.trim().into());
        }
        for statement in statements {
            let style = self.fitting(statement.text);
            match self.statement(statement, text, &style).await? {
                Ended::Well => {}
                Ended::Wrong => return Ok(Next::Continue),
                Ended::Cancelled => return Ok(Next::Skip),
            }
        }
        Ok(Next::Continue)
    }

    /// Runs a statement that a command needs.
    pub(super) async fn aside(&mut self, text: &str) -> Result<Next, Error> {
        let style = self.fitting(text);
        self.alone(text, &style).await
    }

    /// Runs a query and shows all of its rows and columns.
    pub(super) async fn whole(&mut self, text: &str) -> Result<Next, Error> {
        let mut style = self.fitting(text);
        (style.limit, style.appearance.width) = (None, None);
        self.alone(text, &style).await
    }

    async fn alone(&mut self, text: &str, style: &Style) -> Result<Next, Error> {
        let Some(statement) = split(text).into_iter().next() else { return Ok(Next::Continue) };
        Ok(match self.statement(statement, text, style).await? {
            Ended::Cancelled => Next::Skip,
            Ended::Well | Ended::Wrong => Next::Continue,
        })
    }

    /// Returns how to show the result of a statement where it goes now.
    fn fitting(&self, statement: &str) -> Style {
        let mut style = self.style.clone();
        if !self.target.is_standard_output() {
            // A file gets the whole result.
            style.limit = None;
            return style;
        }
        style.appearance.height = self.screen.map(|(_, rows)| rows);
        style.appearance.width = match self.width {
            Width::Terminal => self.screen.map(|(columns, _)| columns),
            Width::Set(width) => (width > 0).then_some(width),
        };
        if style.appearance.width.is_some() {
            style.appearance.wanted = asked::columns(statement, |table| self.project.keys(table));
        }
        style
    }

    async fn statement(&mut self, statement: Statement<'_>, text: &str, style: &Style) -> Result<Ended, Error> {
        self.project.look_again();
        let started = Instant::now();
        let begun = self.target.begin_result(self.screen.filter(|_| self.paging), style.format.is_alone());
        if begun.is_err() {
            self.ended(begun)?;
            return Ok(Ended::Wrong);
        }
        let progress = self.progress();
        let running = run::run(&self.session, statement.text, style, &mut self.target, progress);
        let result = tokio::select! {
            result = running => result.map(Some),
            () = interrupts::next(), if self.terminal => Ok(None),
        };
        let whole = matches!(result, Ok(Some(_)));
        let ended = tokio::task::block_in_place(|| self.target.end_result(whole));
        match result {
            Ok(Some(written)) => self.footer(written, started)?,
            Ok(None) => {
                self.cancelled()?;
                return Ok(Ended::Cancelled);
            }
            Err(error) if error.is_broken_pipe() && self.target.was_left() => {}
            Err(run::Error::Write(error)) if self.target.is_standard_output() => return Err(Error::Output(error)),
            Err(error) => {
                self.explain(&error, statement, text).await;
                return Ok(Ended::Wrong);
            }
        }
        self.ended(ended)?;
        Ok(Ended::Well)
    }

    /// Runs a query and returns its rows; `None` if it fails or is cancelled, which the user was told.
    pub(super) async fn collect(&mut self, query: &str) -> Result<Option<Vec<RecordBatch>>, Error> {
        let Some(statement) = split(query).into_iter().next() else { return Ok(None) };
        let progress = self.progress();
        let result = tokio::select! {
            result = run::collect(&self.session, statement.text, progress) => result.map(Some),
            () = interrupts::next(), if self.terminal => Ok(None),
        };
        match result {
            Ok(Some(batches)) => Ok(Some(batches)),
            Ok(None) => self.cancelled().map(|()| None),
            Err(error) => {
                self.explain(&error, statement, query).await;
                Ok(None)
            }
        }
    }

    fn progress(&self) -> Progress {
        Progress::begin(match (self.terminal, self.target.is_standard_output()) {
            (false, _) => Showing::Never,
            (true, true) => Showing::UntilOutput,
            (true, false) => Showing::Always,
        })
    }

    fn cancelled(&mut self) -> Result<(), Error> {
        self.failed += 1;
        self.print("cancelled\n")
    }

    async fn explain(&mut self, error: &run::Error, statement: Statement<'_>, text: &str) {
        self.failed += 1;
        let diagnosis = Diagnosis::find(&self.session, error, statement, text, None).await;
        complain(&Complaint::of(&diagnosis));
    }

    /// Says how many rows came and how long that took.
    fn footer(&self, written: Written, started: Instant) -> Result<(), Error> {
        if !self.timing {
            return Ok(());
        }
        let rows = match (written.columns, written.rows, written.more) {
            (0, _, _) => "done".to_string(),
            (_, 1, false) => "1 row".to_string(),
            (_, rows, false) => format!("{rows} rows"),
            (_, rows, true) => format!("first {rows} rows, .limit 0 shows all"),
        };
        let columns = match written.hidden_columns {
            0 => String::new(),
            hidden => format!(", {} of {} columns fit, .last shows all", written.columns - hidden, written.columns),
        };
        self.print(&format!("({rows}{columns}, {:.3} s)\n", started.elapsed().as_secs_f64()))
    }
}
