//! A sink that looks at the rows before another one takes them.
//!
//! In: the rows of consecutive offsets. Out: the same rows for the other sink, and alerts for the courier. Rows that were decided before
//! are not decided again; after a start, those of the last minute are only looked at.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::error::DataFusionError;
use serde_json::value::RawValue;

use super::courier::{Courier, MOST, Round};
use super::decision::Rule;
use super::ledger::{Decided, Ledger, State};
use super::minute::Minutes;
use super::outbox::Outbox;
use super::{Alert, Asked, Conditions, Tally};
use crate::durable;
use crate::live::error::Error;
use crate::live::plan::{Emitted, LivePlan};
use crate::live::sink::{Lines, Sink, instant};
use crate::live::webhook::Stop;
use crate::log::{LogId, Tell};
use crate::text::{counted, fingerprint};

/// How often the ledger is written while rows are decided without an alert.
const SAVE: Duration = Duration::from_secs(1);
/// How often dropped alerts are told.
const TOLD: Duration = Duration::from_secs(60);

/// Raises alerts.
pub struct AlertSink {
    inner: Box<dyn Sink>,
    /// The first offset of each partition that the other sink does not have.
    inner_next: BTreeMap<i32, i64>,
    text: String,
    conditions: Conditions,
    rule: Rule,
    lines: Lines,
    minutes: Minutes,
    ledger: Ledger,
    outbox: Arc<Outbox>,
    courier: Courier,
    tally: Arc<Tally>,
    tell: Tell,
    told_dropped: Option<Instant>,
    told_failed: Option<Instant>,
    /// Rows of which a condition could not be computed.
    failed: u64,
    /// What its alerts' keys begin with.
    key: String,
    saved: Instant,
    is_changed: bool,
    /// Held locked, so that no other process of this machine raises the same alerts.
    _lock: File,
}

/// What alerts are opened with.
pub struct Opened<'a> {
    pub asked: &'a Asked,
    pub(super) conditions: Conditions,
    pub plan: &'a LivePlan,
    pub log: &'a LogId,
    pub(super) tally: Tally,
    pub stop: Stop,
}

impl AlertSink {
    /// Puts alerts in front of a sink.
    ///
    /// # Errors
    /// The recipient cannot be used, what is remembered cannot be read, or another process raises the same alerts.
    pub async fn open(inner: Box<dyn Sink>, opened: Opened<'_>) -> Result<AlertSink, Error> {
        let Opened { asked, conditions, plan, log, tally, stop } = opened;
        let clear = asked.clear.as_deref().unwrap_or_default();
        let what = format!("{log}\n{}\n{clear}\n{:?}\n{}", asked.alert, asked.cooldown, asked.to.text());
        let path = asked.dir.join(format!("{}-{}.json", plan.name(), fingerprint(&what)));
        let lock_path = path.with_extension("lock");
        let held = durable::create_folder(&asked.dir).and_then(|()| File::create(&lock_path));
        let lock = held.map_err(|source| Error::file(&lock_path, source))?;
        if lock.try_lock().is_err() {
            return Err(Error::Busy { dir: path, name: plan.name().into() });
        }
        let new =
            State { query: plan.name().into(), log: log.to_string(), alert: asked.alert.clone(), ..State::default() };
        let ledger = Ledger::open(&path, new)?;
        let (outbox, waiting) = Outbox::open(&path, |partition, offset| ledger.state().has(partition, offset))?;
        let recipient = asked.to.open().await?;
        let tally = Arc::new(tally);
        let round =
            Round { recipient, outbox: Arc::clone(&outbox), tally: Arc::clone(&tally), stop, tell: asked.tell.clone() };
        let courier = Courier::start(round);
        for alert in waiting {
            // The queue was as long when these alerts were taken.
            let _ = courier.take(alert);
        }
        let cooldown_ns = i64::try_from(asked.cooldown.as_nanos()).unwrap_or(i64::MAX);
        Ok(AlertSink {
            inner,
            inner_next: BTreeMap::new(),
            text: asked.alert.clone(),
            rule: Rule { cooldown_ns, needs_clear: conditions.clear.is_some() },
            conditions,
            lines: Lines::of(plan),
            minutes: Minutes::default(),
            ledger,
            outbox,
            courier,
            tally,
            tell: asked.tell.clone(),
            told_dropped: None,
            told_failed: None,
            failed: 0,
            key: format!("alert-{}-{}-{}", fingerprint(&asked.alert), plan.name(), fingerprint(&log.to_string())),
            saved: Instant::now(),
            is_changed: false,
            _lock: lock,
        })
    }

    /// Decides rows. Those that were decided before are only added to the last minutes.
    fn decide(&mut self, partition: i32, offsets: &Range<i64>, rows: &Emitted) -> Result<Decided, Error> {
        let query = self.lines.form().query().to_string();
        let failed = |source: DataFusionError| Error::query(&query, source);
        let filled = self.lines.form().filled(&rows.rows)?;
        let mut wrong = Vec::new();
        let fires = self.conditions.alert.of(&filled, &mut wrong);
        let clears = self.conditions.clear.as_ref().map(|clear| clear.of(&filled, &mut wrong));
        let keys = self.lines.form().keys(&rows.rows)?;
        let poll = Arc::new(rows.rows.clone());
        let next = self.ledger.state().next.get(&partition).copied().unwrap_or(offsets.start);
        let mut decided = Decided { partition, end: offsets.end.max(next), ..Decided::default() };
        for (row, (product, ts)) in keys.iter().enumerate() {
            let offset = rows.offsets[row];
            if offset >= next {
                let before = decided.products.get(product).or_else(|| self.ledger.state().products.get(product));
                let mut known = before.copied();
                let clears = clears.as_ref().is_some_and(|clears| clears[row]);
                let is_worth = self.rule.decide(&mut known, *ts, fires[row], clears);
                if let Some(known) = known {
                    decided.products.insert(product.clone(), known);
                }
                if is_worth {
                    let alert = self.alert(rows, row, (partition, offset), (product, *ts))?;
                    decided.alerts.push((alert, offset));
                }
            }
            self.minutes.add(product, *ts, (partition, offset), &poll, row);
        }
        self.minutes.end(&poll).map_err(|error| failed(error.into()))?;
        wrong.retain(|(row, _)| rows.offsets[*row] >= next);
        self.tell_failed(&wrong, &rows.offsets);
        Ok(decided)
    }

    fn alert(
        &self,
        rows: &Emitted,
        row: usize,
        (partition, offset): (i32, i64),
        (product, ts): (&str, i64),
    ) -> Result<Alert, Error> {
        let query = self.lines.form().query();
        let text = |rows: &RecordBatch| {
            self.lines.write(rows).map(|line| String::from_utf8_lossy(&line).trim_end().to_string())
        };
        let line = text(&rows.rows.slice(row, 1))?;
        let before = self.minutes.before(product, ts);
        let before = before.iter().map(text).collect::<Result<Vec<_>, _>>()?;
        let raw = |text: String| RawValue::from_string(text).map_err(crate::live::sink::not_encoded);
        let values: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        let read = self.conditions.alert.columns().iter();
        let read: Vec<String> = read.map(|name| format!("{name} {}", values[name.as_str()])).collect();
        let when = instant(ts);
        let message = Message {
            alert: &self.text,
            query,
            product_id: product,
            ts: &when,
            log_partition: partition,
            log_offset: offset,
            row: raw(line)?,
            last_minute: before.into_iter().map(raw).collect::<Result<_, _>>()?,
        };
        let message = serde_json::to_string(&message).map_err(crate::live::sink::not_encoded)?;
        // Several rows may have one offset.
        let number = row - rows.offsets.partition_point(|other| *other < offset);
        Ok(Alert {
            key: format!("{}-{partition}-{offset}-{number}-{}", self.key, plain(product)),
            product: product.into(),
            ts,
            sentence: format!("{product} at {when}: {} ({query}: {})", self.text, read.join(", ")),
            message,
        })
    }

    fn tell_dropped(&mut self) {
        if self.told_dropped.is_none_or(|told| told.elapsed() >= TOLD) {
            let dropped = self.tally.counts.dropped.load(Ordering::Relaxed);
            self.tell.say(&format!("Warning: {MOST} alerts wait to be given, so others are dropped: {dropped} so far"));
            self.told_dropped = Some(Instant::now());
        }
    }

    /// Warns of rows of which a condition could not be computed, but not more often than once in a while.
    fn tell_failed(&mut self, wrong: &[(usize, String)], offsets: &[i64]) {
        let Some((row, problem)) = wrong.first() else { return };
        self.failed += wrong.len() as u64;
        if self.told_failed.is_none_or(|told| told.elapsed() >= TOLD) {
            let (query, offset, failed) = (self.lines.form().query(), offsets[*row], counted(self.failed, "row"));
            self.tell.say(&format!(
                "Warning: the condition of an alert cannot be computed for the row of `{query}` at offset {offset}: {problem}; \
                 it counts as not true ({failed} so far)"
            ));
            self.told_failed = Some(Instant::now());
        }
    }

    async fn save(&mut self) -> Result<(), Error> {
        self.ledger.save_with(self.minutes.begins()).await?;
        (self.saved, self.is_changed) = (Instant::now(), false);
        Ok(())
    }
}

/// Returns a product's name in the key of an alert, which may be sent in a header: the name, or its fingerprint if it has other
/// characters than letters, digits and some signs of ASCII.
fn plain(product: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    match product.bytes().all(is_plain) {
        true => product.into(),
        false => fingerprint(product),
    }
}

/// What a recipient gets.
#[derive(serde::Serialize)]
struct Message<'a> {
    alert: &'a str,
    query: &'a str,
    product_id: &'a str,
    ts: &'a str,
    log_partition: i32,
    log_offset: i64,
    row: Box<RawValue>,
    last_minute: Vec<Box<RawValue>>,
}

#[async_trait]
impl Sink for AlertSink {
    async fn begin(&mut self, partition: i32, at: i64) -> Result<i64, Error> {
        let inner = self.inner.begin(partition, at).await?;
        self.inner_next.insert(partition, inner);
        let known = self.ledger.state().next.get(&partition).copied();
        if known.is_none() {
            self.ledger.begin(partition, inner).await?;
        }
        Ok(known.map_or(inner, |next| next.min(inner)))
    }

    fn looks_back(&self, partition: i32) -> Option<i64> {
        self.ledger.state().minute.get(&partition).copied()
    }

    async fn put(&mut self, partition: i32, offsets: Range<i64>, rows: Emitted) -> Result<(), Error> {
        let mut decided = self.decide(partition, &offsets, &rows)?;
        decided.alerts.iter().for_each(|(alert, _)| self.tally.raised(&alert.product));
        let room = MOST.saturating_sub(self.outbox.count());
        let dropped = decided.alerts.len().saturating_sub(room);
        decided.alerts.truncate(room);
        let taken = self.ledger.note(decided, &self.outbox).await?;
        self.is_changed = true;
        if !taken.is_empty() {
            // What is decided must be known before anybody is told.
            self.save().await?;
        }
        for alert in taken {
            // The queue has as much room as the outbox.
            let _ = self.courier.take(alert);
        }
        if dropped > 0 {
            self.tally.dropped(dropped as u64);
            self.tell_dropped();
        }
        let next = self.inner_next.get(&partition).copied().unwrap_or(offsets.start);
        if offsets.end <= next {
            return Ok(());
        }
        self.inner_next.insert(partition, offsets.end);
        self.inner.put(partition, offsets.start.max(next)..offsets.end, rows.since(next)).await
    }

    async fn flush(&mut self, all: bool) -> Result<(), Error> {
        let flushed = self.inner.flush(all).await;
        if all {
            self.courier.settle().await;
        }
        if self.is_changed && (all || self.saved.elapsed() >= SAVE) {
            return flushed.and(self.save().await);
        }
        flushed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_can_stand_in_a_header() {
        assert_eq!(plain("BTC-USD"), "BTC-USD");
        assert_eq!(plain("tBTC.F0/x_1"), "tBTC.F0/x_1");
        for product in ["比特币", "a b", "a\r\nHost: b", "é"] {
            assert_eq!(plain(product), fingerprint(product));
        }
    }
}
