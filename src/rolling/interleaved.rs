//! Windows over rows in the order of time whose partitions are interleaved.
//!
//! In: batches. Out: the same rows with results, in the same order. Each partition has an engine of its own; since time
//! moves on for all of them at once, a row of one partition completes the forward-looking frames of the others.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt64Array};
use datafusion::arrow::compute::{interleave, take_record_batch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::Result;

use super::computation::evaluate;
use super::coverage::Program;
use super::engine::{Emission, Engine};
use super::keys::Boundaries;

/// One partition: its engine, and results that wait for earlier rows of other partitions.
struct Lane {
    engine: Engine,
    ready: VecDeque<RecordBatch>,
    /// Rows of the first ready batch that have left.
    taken: usize,
    /// Where the first ready batch stands among those from which an output batch is picked.
    source: Option<usize>,
    bytes: usize,
}

impl Lane {
    /// Returns the bytes of memory held.
    fn bytes(&self) -> usize {
        self.engine.bytes() + self.ready.iter().map(RecordBatch::get_array_memory_size).sum::<usize>()
    }
}

/// The state of all partitions.
pub struct Interleaved {
    program: Arc<Program>,
    input: SchemaRef,
    schema: SchemaRef,
    /// Positions in PARTITION BY of the columns that the input is sorted by, before time.
    sorted_by: Vec<usize>,
    sections: Boundaries,
    converter: RowConverter,
    lanes: Vec<Lane>,
    /// Lanes with rows whose frames are not complete.
    waiting: Vec<usize>,
    by_key: HashMap<Box<[u8]>, usize>,
    /// The lane of each row that has not left, in the order of the rows.
    order: VecDeque<usize>,
    /// Lanes of partitions that have ended, with rows that have not left.
    closing: Vec<usize>,
    /// Lanes whose rows have all left, for partitions to come.
    free: Vec<usize>,
    bytes: usize,
}

impl Interleaved {
    /// Prepares for input of one schema and output of another.
    pub fn new(program: Arc<Program>, input: &SchemaRef, schema: SchemaRef, sorted_by: Vec<usize>) -> Result<Self> {
        let fields = program
            .partition_by
            .iter()
            .map(|expr| Ok(SortField::new(expr.data_type(input)?)))
            .collect::<Result<Vec<_>>>()?;
        Ok(Interleaved {
            converter: RowConverter::new(fields)?,
            program,
            input: Arc::clone(input),
            schema,
            sorted_by,
            sections: Boundaries::of_contiguous(),
            lanes: Vec::new(),
            waiting: Vec::new(),
            by_key: HashMap::new(),
            order: VecDeque::new(),
            closing: Vec::new(),
            free: Vec::new(),
            bytes: 0,
        })
    }

    /// Adds rows.
    pub fn accept(&mut self, batch: &RecordBatch) -> Result<()> {
        let keys = self.program.partition_by.iter().map(|expr| evaluate(expr, batch)).collect::<Result<Vec<_>>>()?;
        if self.sorted_by.is_empty() {
            return self.accept_section(batch, &keys);
        }
        let sorted: Vec<ArrayRef> = self.sorted_by.iter().map(|index| ArrayRef::clone(&keys[*index])).collect();
        let cuts = self.sections.find(&sorted, batch.num_rows())?;
        let mut from = 0;
        for cut in cuts.into_iter().chain([batch.num_rows()]) {
            if cut > from {
                let keys: Vec<ArrayRef> = keys.iter().map(|key| key.slice(from, cut - from)).collect();
                self.accept_section(&batch.slice(from, cut - from), &keys)?;
            }
            if cut < batch.num_rows() {
                self.finish();
            }
            from = cut;
        }
        Ok(())
    }

    fn accept_section(&mut self, batch: &RecordBatch, keys: &[ArrayRef]) -> Result<()> {
        let rows = self.converter.convert_columns(keys)?;
        let mut picked: Vec<(usize, Vec<u64>)> = Vec::new();
        for (row, key) in rows.iter().enumerate() {
            let lane = self.lane(key.data())?;
            self.order.push_back(lane);
            match picked.iter_mut().find(|(known, _)| *known == lane) {
                Some((_, rows)) => rows.push(row as u64),
                None => picked.push((lane, vec![row as u64])),
            }
        }
        let last = self.order.back().copied();
        let whole = picked.len() == 1;
        for (lane, rows) in picked {
            let part = if whole { batch.clone() } else { take_record_batch(batch, &UInt64Array::from(rows))? };
            self.lanes[lane].engine.accept(part)?;
            self.count_bytes(lane);
            if !self.waiting.contains(&lane) {
                self.waiting.push(lane);
            }
        }
        if let Some(key) = last.and_then(|lane| self.lanes[lane].engine.last_key()) {
            self.waiting.iter().for_each(|lane| self.lanes[*lane].engine.advance_watermark(key));
        }
        Ok(())
    }

    fn lane(&mut self, key: &[u8]) -> Result<usize> {
        if let Some(lane) = self.by_key.get(key) {
            return Ok(*lane);
        }
        let engine = Engine::new(Arc::clone(&self.program), &self.input, Arc::clone(&self.schema), Emission::Rows)?;
        let lane = Lane { engine, ready: VecDeque::new(), taken: 0, source: None, bytes: 0 };
        let index = match self.free.pop() {
            Some(index) => {
                self.bytes -= self.lanes[index].bytes;
                self.lanes[index] = lane;
                index
            }
            None => {
                self.lanes.push(lane);
                self.lanes.len() - 1
            }
        };
        self.by_key.insert(key.into(), index);
        Ok(index)
    }

    /// Ends every partition: their frames are complete, and later rows belong to new ones.
    pub fn finish(&mut self) {
        let ended = self.by_key.drain().map(|(_, lane)| lane);
        self.closing.extend(ended.inspect(|lane| self.lanes[*lane].engine.finish()));
    }

    /// Returns the next rows that are complete.
    pub fn emit(&mut self) -> Result<Option<RecordBatch>> {
        let mut waiting = std::mem::take(&mut self.waiting);
        for index in &waiting {
            let lane = &mut self.lanes[*index];
            while let Some(batch) = lane.engine.emit()? {
                lane.ready.push_back(batch);
            }
            self.count_bytes(*index);
        }
        waiting.retain(|index| !self.lanes[*index].engine.is_drained());
        self.waiting = waiting;
        let mut sources: Vec<RecordBatch> = Vec::new();
        let mut picked = Vec::new();
        let mut picks = Vec::new();
        while let Some(index) = self.order.front() {
            let lane = &mut self.lanes[*index];
            let Some(front) = lane.ready.front() else { break };
            let source = *lane.source.get_or_insert_with(|| {
                sources.push(front.clone());
                picked.push(*index);
                sources.len() - 1
            });
            picks.push((source, lane.taken));
            lane.taken += 1;
            if lane.taken == front.num_rows() {
                lane.ready.pop_front();
                lane.taken = 0;
                lane.source = None;
            }
            self.order.pop_front();
        }
        picked.into_iter().for_each(|index| self.lanes[index].source = None);
        let has_left = |index: &mut usize| {
            let lane = &self.lanes[*index];
            lane.engine.is_drained() && lane.ready.is_empty()
        };
        self.free.extend(self.closing.extract_if(.., has_left));
        if picks.is_empty() {
            return Ok(None);
        }
        if let ([only], true) = (sources.as_slice(), picks[0].1 == 0)
            && picks.len() == only.num_rows()
        {
            return Ok(Some(only.clone()));
        }
        let columns = (0..self.schema.fields().len())
            .map(|column| {
                let arrays: Vec<_> = sources.iter().map(|source| source.column(column).as_ref()).collect();
                interleave(&arrays, &picks)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(picks.len()));
        Ok(Some(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?))
    }

    /// Brings the memory held up to date after a change in one lane.
    fn count_bytes(&mut self, lane: usize) {
        let lane = &mut self.lanes[lane];
        let bytes = lane.bytes();
        self.bytes = self.bytes - lane.bytes + bytes;
        lane.bytes = bytes;
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns whether every row has left.
    pub fn is_drained(&self) -> bool {
        self.order.is_empty()
    }
}
