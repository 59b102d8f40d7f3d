//! The rows that clients get: of queries, in parts, and of cursors.

use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::logical_expr::LogicalPlan;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::commands::Rows as Wanted;
use super::connection::Connection;
use super::extended::{Portal, State};
use super::failure::Failure;
use super::rows::Rows;
use super::types;
use super::watch::{End, Stop};
use super::wire::Column;

/// How many bytes of an answer wait until they are sent.
const PIECE: usize = 64 << 10;

impl<W: AsyncWrite + Send + Unpin> Connection<W> {
    /// Starts a query.
    pub fn start(&self, plan: LogicalPlan) -> Rows {
        Rows::start(Arc::clone(&self.engine.session), self.engine.context.clone(), plan, self.engine.threads())
    }

    /// Sends at most `most` rows of a statement with values; 0 means all.
    pub async fn send_portal(&mut self, portal: &mut Portal, most: usize, tag: &str) -> Result<(), Stop> {
        self.run_portal(portal);
        let formats = portal.formats.clone();
        let (count, ended) = match &mut portal.state {
            State::Running(rows, _) => self.send(rows, most, &formats, true).await?,
            _ => (0, true),
        };
        if ended {
            portal.state = State::Done;
            self.out.complete(&format!("{tag} {count}"));
        } else {
            self.out.signal(b's');
        }
        Ok(())
    }

    fn run_portal(&self, portal: &mut Portal) {
        portal.state = match std::mem::replace(&mut portal.state, State::Done) {
            State::Planned(plan) => {
                let columns = plan_columns(&plan);
                State::Running(Box::new(self.start(*plan)), columns)
            }
            other => other,
        };
    }

    /// Passes over rows of a cursor, and sends them if asked to. Returns how many there were.
    pub async fn fetch(&mut self, name: &str, wanted: Wanted, formats: &[i16], send: bool) -> Result<usize, Stop> {
        let most = match wanted {
            Wanted::Backward => return Err(Failure::told("55000", "cursors only go forward").into()),
            Wanted::Next(0) => return Ok(0),
            Wanted::Next(count) => count,
            Wanted::All => 0,
        };
        let mut portal = self.portals.remove(name).ok_or_else(|| no_cursor(name))?;
        self.run_portal(&mut portal);
        let sent = match &mut portal.state {
            State::Running(rows, _) => self.send(rows, most, formats, send).await,
            _ => Ok((0, true)),
        };
        if let Ok((_, true)) = sent
            && let State::Running(_, columns) = std::mem::replace(&mut portal.state, State::Done)
        {
            portal.state = State::Ended(columns);
        }
        if sent.is_ok() {
            self.portals.insert(name.into(), portal);
        }
        Ok(sent?.0)
    }

    /// Sends rows up to `most`. Returns how many, and whether they were the last.
    pub async fn send(
        &mut self,
        rows: &mut Rows,
        most: usize,
        formats: &[i16],
        send: bool,
    ) -> Result<(usize, bool), Stop> {
        let mut count = 0;
        loop {
            let Some((batch, mut at)) = self.watch.over(rows.next()).await? else { return Ok((count, true)) };
            while at < batch.rows() && (most == 0 || count < most) {
                if send {
                    batch.put(at, formats, &mut self.out)?;
                    if self.out.bytes.len() >= PIECE {
                        self.flush_rows().await?;
                    }
                }
                at += 1;
                count += 1;
            }
            rows.put_back(batch, at);
            if most > 0 && count == most {
                return Ok((count, false));
            }
        }
    }

    /// Sends rows. If the client does not read, only its end or the server's ends the wait.
    async fn flush_rows(&mut self) -> Result<(), Stop> {
        let bytes = self.out.bytes.split();
        tokio::select! {
            biased;
            sent = self.writer.write_all(&bytes) => sent.map_err(|_| Stop::End(End::Gone)),
            _ = self.watch.gone.wait_for(|gone| *gone) => Err(Stop::End(End::Gone)),
            _ = self.watch.stopping.wait_for(|stopping| *stopping) => Err(Stop::End(End::Gone)),
        }
    }
}

/// Says that a cursor is not there.
pub fn no_cursor(name: &str) -> Failure {
    Failure::told("34000", format!("there is no cursor `{name}`"))
}

/// Returns the columns of a plan's result.
pub fn plan_columns(plan: &LogicalPlan) -> Vec<Column> {
    let schema: &Schema = plan.schema().as_arrow();
    schema.fields().iter().map(|field| types::column(field)).collect()
}
