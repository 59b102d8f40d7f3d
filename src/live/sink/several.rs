//! Rows to several places at once: each place has its own position, so each keeps its own promise.
//!
//! In: the rows of consecutive offsets, from the earliest position of all places on. Out: for each place the rows that it does not have.
//! The places take rows side by side. While one is slow, files of the others are written as if it were not. If one fails, the others
//! have a while to end what they are at. A place that failed or was cut off is left as a kill would leave it: nothing more is passed
//! on or remembered, and the next start goes on at its own position.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::Sink;
use crate::live::error::Error;
use crate::live::plan::Emitted;

/// How often places that have taken their rows are asked to write what is due, while another one is slow.
const TURN: Duration = Duration::from_millis(100);
/// How long the others may take after one has failed.
const GRACE: Duration = Duration::from_secs(20);

/// Passes rows on to several places.
pub struct Several {
    places: Vec<Place>,
}

struct Place {
    sink: Box<dyn Sink>,
    /// The first offset of each partition that the place does not have.
    next: BTreeMap<i32, i64>,
    /// Whether it has failed, or is at something that is not over.
    is_lost: bool,
}

impl Place {
    async fn put(&mut self, partition: i32, offsets: Range<i64>, rows: Emitted) -> Result<(), Error> {
        let next = self.next.get(&partition).copied().unwrap_or(offsets.start);
        if offsets.end <= next {
            return Ok(());
        }
        self.sink.put(partition, offsets.start.max(next)..offsets.end, rows.since(next)).await?;
        self.next.insert(partition, offsets.end);
        Ok(())
    }

    async fn flush(&mut self, all: bool) -> Result<(), Error> {
        if self.is_lost {
            return Ok(());
        }
        self.is_lost = true;
        self.sink.flush(all).await?;
        self.is_lost = false;
        Ok(())
    }
}

/// Passes rows on to a place; returns the place with what became of it.
async fn take(
    place: &mut Place,
    partition: i32,
    offsets: Range<i64>,
    rows: Emitted,
) -> (&mut Place, Result<(), Error>) {
    place.is_lost = true;
    let taken = place.put(partition, offsets, rows).await;
    place.is_lost = taken.is_err();
    (place, taken)
}

/// What went wrong first, and when.
#[derive(Default)]
struct Wrong(Option<(Error, Instant)>);

impl Wrong {
    /// Notes a failure. That a run was stopped, or that nobody reads its output, is said only if nothing else went wrong.
    fn note(&mut self, done: Result<(), Error>) {
        let Err(error) = done else { return };
        match &mut self.0 {
            Some((known, _)) if matches!(known, Error::Stopped | Error::Closed) => *known = error,
            Some(_) => {}
            None => self.0 = Some((error, Instant::now())),
        }
    }

    fn is_over(&self) -> bool {
        self.0.as_ref().is_some_and(|(_, since)| since.elapsed() >= GRACE)
    }

    fn result(self) -> Result<(), Error> {
        self.0.map_or(Ok(()), |(error, _)| Err(error))
    }
}

impl Several {
    /// Passes rows on to these places.
    pub fn new(sinks: Vec<Box<dyn Sink>>) -> Several {
        let place = |sink| Place { sink, next: BTreeMap::new(), is_lost: false };
        Several { places: sinks.into_iter().map(place).collect() }
    }
}

#[async_trait]
impl Sink for Several {
    async fn begin(&mut self, partition: i32, at: i64) -> Result<i64, Error> {
        let mut first = None;
        for place in &mut self.places {
            let next = place.sink.begin(partition, at).await?;
            place.next.insert(partition, next);
            first = Some(first.unwrap_or(next).min(next));
        }
        Ok(first.unwrap_or(at))
    }

    async fn put(&mut self, partition: i32, offsets: Range<i64>, rows: Emitted) -> Result<(), Error> {
        let places = self.places.iter_mut().filter(|place| !place.is_lost);
        let mut going: FuturesUnordered<_> =
            places.map(|place| take(place, partition, offsets.clone(), rows.clone())).collect();
        let (mut done, mut wrong) = (Vec::new(), Wrong::default());
        while !wrong.is_over() {
            tokio::select! {
                taken = going.next() => match taken {
                    Some((place, Ok(()))) => done.push(place),
                    Some((_, failed)) => wrong.note(failed),
                    None => break,
                },
                () = tokio::time::sleep(TURN) => {
                    for place in &mut done {
                        wrong.note(place.flush(false).await);
                    }
                }
            }
        }
        wrong.result()
    }

    async fn flush(&mut self, all: bool) -> Result<(), Error> {
        let mut wrong = Wrong::default();
        for place in &mut self.places {
            wrong.note(place.flush(all).await);
        }
        wrong.result()
    }
}
