//! Where each row's frame begins and ends, and when these ends are known.
//!
//! In: order keys as ascending integers, and the spans of rows that share a partition. Out: each row's frame, as a half-open
//! range of positions. Each frame has two pointers that only move forward, so a row takes amortised constant time.

use std::collections::VecDeque;

use super::calendar::Months;
use super::ring::Ring;

/// One end of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// The end of the partition.
    Unbounded,
    /// A distance from the current row, in the frame's units; negative means before it.
    Offset(i64),
    /// A distance between doubles, given as bits; keys are doubles in their total order.
    Double { by: u64, descending: bool },
    /// A distance in months of the calendar, and the rest in the key's unit.
    Calendar { by: Months, descending: bool },
}

impl Edge {
    /// Returns the key at which the frame of a row ends; `None` if no key is as far away.
    #[inline]
    fn target(self, key: i64) -> Option<i64> {
        match self {
            Edge::Unbounded => None,
            Edge::Offset(offset) => key.checked_add(offset),
            Edge::Double { by, descending } => {
                let by = f64::from_bits(by);
                let (key, by) = if descending { (!key, -by) } else { (key, by) };
                let target = to_total_order(from_total_order(key) + by + 0.0);
                Some(if descending { !target } else { target })
            }
            Edge::Calendar { by, descending } => {
                if !descending {
                    return by.after(key);
                }
                by.reversed().after(!key).map(|target| !target)
            }
        }
    }

    /// Returns whether the frame ends after the row's own key.
    fn looks_ahead(self) -> bool {
        match self {
            Edge::Unbounded => true,
            Edge::Offset(offset) => offset > 0,
            Edge::Double { by, .. } => f64::from_bits(by) > 0.0,
            Edge::Calendar { by, .. } => by.is_positive(),
        }
    }
}

/// Returns the integer for a double; integers are in the same order as doubles.
pub fn to_total_order(value: f64) -> i64 {
    let bits = value.to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

/// Returns the double for such an integer.
pub fn from_total_order(key: i64) -> f64 {
    f64::from_bits((key ^ ((key >> 63).cast_unsigned() >> 1).cast_signed()).cast_unsigned())
}

/// What a frame's offsets count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Units {
    Rows,
    /// Differences of the order key.
    Keys,
    /// Groups of rows that share their order key.
    Peers,
}

/// A window frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameSpec {
    pub units: Units,
    pub start: Edge,
    pub end: Edge,
}

impl FrameSpec {
    /// Returns whether the frame ends after the row's own key.
    pub fn looks_ahead(&self) -> bool {
        self.end.looks_ahead()
    }
}

/// Consecutive rows of one partition whose order keys are all NULL, or all not NULL.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    end: Option<usize>,
    partition_start: usize,
    partition_end: Option<usize>,
    null: bool,
}

impl Span {
    /// Returns the rows that a frame of these units can reach, and whether their keys are NULL. Differences of keys stop
    /// where NULLs begin; peers are counted through the whole partition.
    fn reach(&self, units: Units) -> (usize, Option<usize>, bool) {
        match units {
            Units::Keys => (self.start, self.end, self.null),
            Units::Rows | Units::Peers => (self.partition_start, self.partition_end, false),
        }
    }
}

/// The rows of a stream: their partitions and their order keys.
#[derive(Debug)]
pub struct Rows {
    spans: VecDeque<Span>,
    keys: Ring<i64>,
    peers: Ring<i64>,
    total: usize,
    /// No later row has a key before this one, if the input declares so.
    watermark: Option<i64>,
    /// Whether all order keys of a partition are distinct, so that a row's peers are known as soon as the row arrives.
    distinct: bool,
}

impl Rows {
    pub fn new(distinct: bool) -> Self {
        Rows {
            spans: VecDeque::new(),
            keys: Ring::starting_at(0),
            peers: Ring::starting_at(0),
            total: 0,
            watermark: None,
            distinct,
        }
    }

    /// Returns the number of rows so far.
    pub fn total(&self) -> usize {
        self.total
    }

    /// Tells that no later row has an order key before `key`.
    pub fn advance_watermark(&mut self, key: i64) {
        self.watermark = Some(key);
    }

    /// Begins a partition; the next row is its first.
    pub fn begin_partition(&mut self) {
        self.close_partition();
        self.open_span(self.total, false);
    }

    /// Ends the current partition; no further row belongs to it.
    pub fn close_partition(&mut self) {
        let Some(last) = self.spans.back() else { return };
        let partition = last.partition_start;
        for span in self.spans.iter_mut().rev().take_while(|span| span.partition_start == partition) {
            span.end.get_or_insert(self.total);
            span.partition_end = Some(self.total);
        }
    }

    fn open_span(&mut self, partition_start: usize, null: bool) {
        let start = self.total;
        self.spans.push_back(Span { start, end: None, partition_start, partition_end: None, null });
    }

    /// Adds rows whose order keys are either all NULL or all not NULL. `keys` may be empty if no frame counts key
    /// differences, and `peers` if no frame counts peers.
    pub fn extend(&mut self, count: usize, keys: &[i64], null: bool, peers: &[i64]) {
        let Some(last) = self.spans.back_mut() else { return };
        if last.null != null {
            if last.start == self.total {
                last.null = null;
            } else {
                last.end = Some(self.total);
                let partition_start = last.partition_start;
                self.open_span(partition_start, null);
            }
        }
        if null {
            self.keys.extend(std::iter::repeat_n(0, keys.len()));
        } else {
            self.keys.extend(keys.iter().copied());
        }
        self.peers.extend(peers.iter().copied());
        self.total += count;
    }

    /// Forgets rows before `position`.
    pub fn release(&mut self, position: usize) {
        self.keys.release(position);
        self.peers.release(position);
        while self.spans.front().is_some_and(|span| span.end.is_some_and(|end| end <= position)) {
            self.spans.pop_front();
        }
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.keys.bytes() + self.peers.bytes()
    }

    fn coordinates(&self, units: Units) -> &Ring<i64> {
        match units {
            Units::Keys => &self.keys,
            Units::Rows | Units::Peers => &self.peers,
        }
    }
}

/// A frame's two pointers.
#[derive(Debug)]
pub struct FramePointers {
    spec: FrameSpec,
    start: usize,
    end: usize,
    complete: usize,
}

/// The frames of consecutive rows: row `i` reads positions `start[i]..end[i]`.
#[derive(Debug, Default)]
pub struct Frames {
    pub start: Vec<usize>,
    pub end: Vec<usize>,
}

impl Frames {
    /// Returns each frame's positions: that of its first row, and the one after its last row.
    pub fn each(&self) -> impl Iterator<Item = (usize, usize)> {
        self.start.iter().copied().zip(self.end.iter().copied())
    }

    /// Makes positions count from another first row.
    pub fn count_from(&mut self, first: usize) {
        self.start.iter_mut().chain(&mut self.end).for_each(|position| *position -= first);
    }
}

impl FramePointers {
    pub fn new(spec: FrameSpec) -> Self {
        FramePointers { spec, start: 0, end: 0, complete: 0 }
    }

    /// Returns the first position at which a later row's frame may still begin, given that rows before `next` are done.
    pub fn oldest(&self, rows: &Rows, next: usize) -> usize {
        match self.spec.start {
            Edge::Unbounded => rows
                .spans
                .iter()
                .find(|span| span.end.is_none_or(|end| end > next))
                .map_or(next, |span| span.partition_start),
            Edge::Offset(offset) if self.spec.units == Units::Rows => {
                let back = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
                if offset < 0 { next.saturating_sub(back) } else { next }
            }
            _ => self.start.min(next),
        }
        .min(self.end)
    }

    /// Returns the first position whose order key or peers must still be read, given that rows before `next` are done.
    pub fn oldest_coordinate(&self, next: usize) -> usize {
        match (self.spec.units, self.spec.start) {
            (Units::Rows, _) => next,
            (_, Edge::Unbounded) => self.end.min(next),
            (_, _) => self.start.min(self.end).min(next),
        }
    }

    /// Returns the position up to which every row's frame is completely known.
    pub fn complete(&mut self, rows: &Rows) -> usize {
        let Some(first) = rows.spans.front() else { return self.complete };
        self.complete = self.complete.max(first.start);
        for span in &rows.spans {
            let known = span.end.unwrap_or(rows.total);
            if known <= self.complete {
                continue;
            }
            self.complete = self.complete_within(rows, span, known);
            if self.complete < known {
                break;
            }
        }
        self.complete
    }

    fn complete_within(&self, rows: &Rows, span: &Span, known: usize) -> usize {
        let edge = self.spec.end;
        if edge == Edge::Unbounded {
            return if span.partition_end.is_some() { known } else { self.complete };
        }
        if let (Units::Rows, Edge::Offset(offset)) = (self.spec.units, edge) {
            if offset < 0 || span.partition_end.is_some() {
                return known;
            }
            let ahead = usize::try_from(offset).unwrap_or(usize::MAX);
            return self.complete.max(rows.total.saturating_sub(ahead)).min(known);
        }
        let (_, end, null) = span.reach(self.spec.units);
        if end.is_some() || (rows.distinct && !edge.looks_ahead() && !null) {
            return known;
        }
        if null {
            return self.complete;
        }
        let coordinates = rows.coordinates(self.spec.units);
        let Some(last) = coordinates.last() else { return self.complete };
        let pending = &coordinates.live()[self.complete - coordinates.base()..known - coordinates.base()];
        let last = match (self.spec.units, rows.watermark) {
            (Units::Keys, Some(watermark)) => last.max(watermark),
            _ => last,
        };
        let beyond = if edge.looks_ahead() { i64::MAX } else { i64::MIN };
        self.complete + pending.partition_point(|key| edge.target(*key).unwrap_or(beyond) < last)
    }

    /// Computes the frames of the rows `from..to`. They must be complete, and follow the rows of the previous call.
    pub fn advance(&mut self, rows: &Rows, from: usize, to: usize, out: &mut Frames) {
        out.start.clear();
        out.end.clear();
        out.start.reserve(to - from);
        out.end.reserve(to - from);
        for span in &rows.spans {
            let (first, last) = (span.start.max(from), span.end.unwrap_or(rows.total).min(to));
            if first < last {
                self.advance_within(rows, span, first, last, out);
            }
        }
    }

    fn advance_within(&mut self, rows: &Rows, span: &Span, first: usize, last: usize, out: &mut Frames) {
        let partition = (span.partition_start, span.partition_end.unwrap_or(rows.total));
        if self.spec.units == Units::Rows {
            self.advance_rows(partition, first, last, out);
            return;
        }
        let (reach, limit, null) = span.reach(self.spec.units);
        let limit = limit.unwrap_or(rows.total);
        let coordinates = rows.coordinates(self.spec.units);
        let (base, keys) = (coordinates.base(), coordinates.live());
        // The peers of a NULL key are the other NULLs, at any distance.
        let distance = |edge| match edge {
            Edge::Unbounded => None,
            _ if null => Some(Edge::Offset(0)),
            edge => Some(edge),
        };
        match distance(self.spec.start) {
            None => {
                self.start = partition.0;
                out.start.extend(std::iter::repeat_n(partition.0, last - first));
            }
            Some(edge) => {
                let mut start = self.start.max(reach);
                out.start.extend(keys[first - base..last - base].iter().map(|key| {
                    match edge.target(*key) {
                        Some(target) => {
                            while start < limit && keys[start - base] < target {
                                start += 1;
                            }
                        }
                        // After the last possible key a frame begins with no rows; before the first possible key, with all
                        // rows.
                        None if edge.looks_ahead() => start = limit,
                        None => (),
                    }
                    start
                }));
                self.start = start;
            }
        }
        match distance(self.spec.end) {
            None => {
                self.end = partition.1;
                out.end.extend(std::iter::repeat_n(partition.1, last - first));
            }
            Some(edge) => {
                let mut end = self.end.max(reach);
                out.end.extend(keys[first - base..last - base].iter().map(|key| {
                    match edge.target(*key) {
                        Some(target) => {
                            while end < limit && keys[end - base] <= target {
                                end += 1;
                            }
                        }
                        None if edge.looks_ahead() => end = limit,
                        None => (),
                    }
                    end
                }));
                self.end = end;
            }
        }
        Self::empty_where_reversed(last - first, out);
    }

    fn advance_rows(&mut self, partition: (usize, usize), first: usize, last: usize, out: &mut Frames) {
        let moved = |row: usize, offset: i64| {
            let distance = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            let position = if offset < 0 { row.saturating_sub(distance) } else { row.saturating_add(distance) };
            position.clamp(partition.0, partition.1)
        };
        let clamped_end = |row: usize, offset: i64| {
            let distance = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            let position =
                if offset < 0 { (row + 1).saturating_sub(distance) } else { (row + 1).saturating_add(distance) };
            position.clamp(partition.0, partition.1)
        };
        match self.spec.start {
            Edge::Offset(offset) => out.start.extend((first..last).map(|row| moved(row, offset))),
            // Rows are counted by offsets alone.
            _ => out.start.extend(std::iter::repeat_n(partition.0, last - first)),
        }
        match self.spec.end {
            Edge::Offset(offset) => out.end.extend((first..last).map(|row| clamped_end(row, offset))),
            _ => out.end.extend(std::iter::repeat_n(partition.1, last - first)),
        }
        Self::empty_where_reversed(last - first, out);
        self.start = out.start.last().copied().unwrap_or(self.start);
        self.end = out.end.last().copied().unwrap_or(self.end);
    }

    fn empty_where_reversed(count: usize, out: &mut Frames) {
        let from = out.start.len() - count;
        for (start, end) in out.start[from..].iter_mut().zip(&out.end[from..]) {
            *start = (*start).min(*end);
        }
    }
}
