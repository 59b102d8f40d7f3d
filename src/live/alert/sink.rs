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
use serde_json::value::RawValue;

use super::courier::{Courier, MOST, Round};
use super::decision::Rule;
use super::ledger::{Ledger, Pending, State};
use super::minute::Minutes;
use super::{Alert, Asked, Conditions, Counts};
use crate::durable;
use crate::live::error::Error;
use crate::live::plan::{Emitted, LivePlan};
use crate::live::sink::{Lines, Sink, instant};
use crate::live::webhook::Stop;
use crate::log::{LogId, Tell};
use crate::text::fingerprint;

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
    ledger: Arc<Ledger>,
    courier: Courier,
    counts: Arc<Counts>,
    tell: Tell,
    told: Option<Instant>,
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
    pub counts: Arc<Counts>,
    pub stop: Stop,
}

impl AlertSink {
    /// Puts alerts in front of a sink.
    ///
    /// # Errors
    /// The recipient cannot be used, what is remembered cannot be read, or another process raises the same alerts.
    pub async fn open(inner: Box<dyn Sink>, opened: Opened<'_>) -> Result<AlertSink, Error> {
        let Opened { asked, conditions, plan, log, counts, stop } = opened;
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
        let recipient = asked.to.open().await?;
        let round = Round {
            recipient,
            ledger: Arc::clone(&ledger),
            counts: Arc::clone(&counts),
            stop,
            tell: asked.tell.clone(),
        };
        let courier = Courier::start(round);
        let pending = ledger.state().pending.clone();
        for alert in pending {
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
            courier,
            counts,
            tell: asked.tell.clone(),
            told: None,
            saved: Instant::now(),
            is_changed: false,
            _lock: lock,
        })
    }

    /// Decides rows; returns the alerts.
    fn decide(&mut self, partition: i32, offsets: &Range<i64>, rows: &Emitted) -> Result<Vec<Alert>, Error> {
        let query = self.lines.form().query().to_string();
        let failed = |source| Error::query(&query, source);
        let filled = self.lines.form().filled(&rows.rows)?;
        let fires = self.conditions.alert.of(&filled).map_err(failed)?;
        let clears = match &self.conditions.clear {
            Some(clear) => clear.of(&filled).map_err(failed)?,
            None => vec![false; fires.len()],
        };
        let keys = self.lines.form().keys(&rows.rows)?;
        let poll = Arc::new(rows.rows.clone());
        let mut alerts = Vec::new();
        let ledger = Arc::clone(&self.ledger);
        let mut state = ledger.state();
        let next = state.next.get(&partition).copied().unwrap_or(offsets.start);
        for (row, (product, ts)) in keys.iter().enumerate() {
            let offset = rows.offsets[row];
            if offset >= next {
                let mut known = state.products.get(product).copied();
                let is_worth = self.rule.decide(&mut known, *ts, fires[row], clears[row]);
                if let Some(known) = known {
                    state.products.insert(product.clone(), known);
                }
                if is_worth {
                    alerts.push(self.alert(rows, row, (partition, offset), (product, *ts))?);
                }
            }
            self.minutes.add(product, *ts, (partition, offset), &poll, row);
        }
        self.minutes.end(&poll).map_err(|error| failed(error.into()))?;
        state.next.insert(partition, offsets.end.max(next));
        Ok(alerts)
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
        let rule = fingerprint(&self.text);
        Ok(Alert {
            key: format!("alert-{rule}-{query}-{partition}-{offset}-{product}"),
            product: product.into(),
            ts,
            sentence: format!("{product} at {when}: {} ({query}: {})", self.text, read.join(", ")),
            message,
        })
    }

    fn tell_dropped(&mut self) {
        if self.told.is_none_or(|told| told.elapsed() >= TOLD) {
            let dropped = self.counts.dropped.load(Ordering::Relaxed);
            self.tell.say(&format!("Warning: {MOST} alerts wait to be given, so others are dropped: {dropped} so far"));
            self.told = Some(Instant::now());
        }
    }

    async fn save(&mut self) -> Result<(), Error> {
        self.ledger.state().minute = self.minutes.begins();
        self.ledger.save().await?;
        (self.saved, self.is_changed) = (Instant::now(), false);
        Ok(())
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
            self.ledger.state().next.insert(partition, inner);
            self.ledger.save().await?;
        }
        Ok(known.map_or(inner, |next| next.min(inner)))
    }

    fn looks_back(&self, partition: i32) -> Option<i64> {
        self.ledger.state().minute.get(&partition).copied()
    }

    async fn put(&mut self, partition: i32, offsets: Range<i64>, rows: Emitted) -> Result<(), Error> {
        let alerts = self.decide(partition, &offsets, &rows)?;
        self.is_changed = true;
        if !alerts.is_empty() {
            alerts.iter().for_each(|alert| self.counts.raise(&alert.product));
            let alerts = alerts.into_iter().map(|alert| Pending { alert, mark: None });
            let room = MOST.saturating_sub(self.ledger.state().pending.len());
            let (mut taken, mut dropped) = (Vec::new(), 0);
            for alert in alerts {
                if taken.len() < room { taken.push(alert) } else { dropped += 1 }
            }
            self.ledger.state().pending.extend(taken.iter().cloned());
            // What is decided must be known before anybody is told.
            self.save().await?;
            for alert in taken {
                // The queue has as much room as the ledger.
                let _ = self.courier.take(alert);
            }
            if dropped > 0 {
                self.counts.dropped.fetch_add(dropped, Ordering::Relaxed);
                self.tell_dropped();
            }
        }
        let next = self.inner_next.get(&partition).copied().unwrap_or(offsets.start);
        if offsets.end <= next {
            return Ok(());
        }
        let had = rows.offsets.partition_point(|offset| *offset < next);
        let left = rows.offsets.len() - had;
        let rows = Emitted { rows: rows.rows.slice(had, left), offsets: rows.offsets[had..].to_vec() };
        self.inner_next.insert(partition, offsets.end);
        self.inner.put(partition, offsets.start.max(next)..offsets.end, rows).await
    }

    async fn flush(&mut self, all: bool) -> Result<(), Error> {
        self.inner.flush(all).await?;
        if all {
            self.courier.settle().await;
        }
        if self.is_changed && (all || self.saved.elapsed() >= SAVE) {
            return self.save().await;
        }
        Ok(())
    }
}
