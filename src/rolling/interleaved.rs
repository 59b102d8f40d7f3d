//! Windows over rows in the order of time, where the rows of different partitions alternate.
//!
//! In: batches. Out: the same rows with results, in the same order. Each partition is a lane with its own engine. Rows leave
//! in the order in which they came, so only the lane of the first waiting row is asked for results. So the cost of a row
//! does not depend on the number of lanes. Time advances for all lanes at once, so a row of one lane completes
//! forward-looking frames of the others.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt64Array};
use datafusion::arrow::compute::{interleave, take_record_batch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::Result;

use super::computation::evaluate;
use super::engine::{Emission, Engine};
use super::keys::Boundaries;
use super::program::Program;
use super::weighed::Weighed;

/// One partition: its engine, and the results that wait for earlier rows of other partitions.
struct Lane {
    engine: Engine,
    ready: Weighed<RecordBatch>,
    /// How many rows of the first ready batch have left.
    taken: usize,
    /// The position of the first ready batch among the batches from which an output batch is picked.
    source: Option<usize>,
    /// The lane's position among the lanes with rows in the batch that is being accepted.
    picked: Option<usize>,
    /// How many rows have not left.
    rows: usize,
    /// The section of the input that contains the partition; a later section ends the partition.
    section: usize,
    bytes: usize,
}

impl Lane {
    /// Returns the bytes of memory held.
    fn bytes(&self) -> usize {
        self.engine.bytes() + self.ready.bytes()
    }
}

/// The state of all partitions.
pub struct Interleaved {
    program: Arc<Program>,
    input: SchemaRef,
    schema: SchemaRef,
    /// The positions in PARTITION BY of the columns by which the input is sorted before time.
    sorted_by: Vec<usize>,
    sections: Boundaries,
    /// The section of the last row; the end of the input begins another one.
    section: usize,
    /// Whether time advances for all lanes at once: the rows come in the order of time.
    shares_time: bool,
    /// The order key of the last row, ascending, if frames are measured in keys.
    watermark: Option<i64>,
    converter: RowConverter,
    lanes: Vec<Lane>,
    by_key: HashMap<Box<[u8]>, usize>,
    /// The lane of each row that has not left, in the order of the rows.
    order: VecDeque<usize>,
    /// Lanes whose partition has ended and whose rows have all left; later partitions reuse them.
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
            section: 0,
            shares_time: true,
            watermark: None,
            lanes: Vec::new(),
            by_key: HashMap::new(),
            order: VecDeque::new(),
            free: Vec::new(),
            bytes: 0,
        })
    }

    /// Prepares for rows that are in the order of time only within each partition.
    pub fn without_shared_time(program: Arc<Program>, input: &SchemaRef, schema: SchemaRef) -> Result<Self> {
        Ok(Interleaved { shares_time: false, ..Interleaved::new(program, input, schema, Vec::new())? })
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
            let index = self.lane(key.data())?;
            self.order.push_back(index);
            let lane = &mut self.lanes[index];
            lane.rows += 1;
            let place = *lane.picked.get_or_insert_with(|| {
                picked.push((index, Vec::new()));
                picked.len() - 1
            });
            picked[place].1.push(row as u64);
        }
        let whole = picked.len() == 1;
        for (index, rows) in picked {
            let part = if whole { batch.clone() } else { take_record_batch(batch, &UInt64Array::from(rows))? };
            let lane = &mut self.lanes[index];
            lane.picked = None;
            lane.engine.accept(part)?;
            self.count_bytes(index);
        }
        self.watermark = self.order.back().and_then(|last| self.lanes[*last].engine.last_key()).or(self.watermark);
        Ok(())
    }

    fn lane(&mut self, key: &[u8]) -> Result<usize> {
        if let Some(lane) = self.by_key.get(key) {
            return Ok(*lane);
        }
        let engine = Engine::new(Arc::clone(&self.program), &self.input, Arc::clone(&self.schema), Emission::Rows)?;
        let ready = Weighed::default();
        let lane =
            Lane { engine, ready, taken: 0, source: None, picked: None, rows: 0, section: self.section, bytes: 0 };
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

    /// Ends every partition: the frames of their rows are complete, and later rows belong to new partitions.
    pub fn finish(&mut self) {
        self.section += 1;
        self.watermark = None;
        for (_, lane) in self.by_key.drain() {
            self.lanes[lane].engine.finish();
            if self.lanes[lane].rows == 0 {
                self.free.push(lane);
            }
        }
    }

    /// Computes a lane's results up to the last row that came; returns whether a result is waiting to leave.
    fn has_result(&mut self, index: usize) -> Result<bool> {
        let lane = &mut self.lanes[index];
        if !lane.ready.is_empty() {
            return Ok(true);
        }
        if let (Some(key), true) = (self.watermark.filter(|_| self.shares_time), lane.section == self.section) {
            lane.engine.advance_watermark(key);
        }
        while let Some(batch) = lane.engine.emit()? {
            lane.ready.push(batch);
        }
        self.count_bytes(index);
        Ok(!self.lanes[index].ready.is_empty())
    }

    /// Returns the next rows that are complete.
    pub fn emit(&mut self) -> Result<Option<RecordBatch>> {
        let mut sources: Vec<RecordBatch> = Vec::new();
        let mut touched = Vec::new();
        let mut picks = Vec::new();
        while let Some(index) = self.order.front().copied() {
            if !self.has_result(index)? {
                break;
            }
            let lane = &mut self.lanes[index];
            let Some(front) = lane.ready.front() else { break };
            let source = *lane.source.get_or_insert_with(|| {
                sources.push(front.clone());
                touched.push(index);
                sources.len() - 1
            });
            picks.push((source, lane.taken));
            lane.taken += 1;
            lane.rows -= 1;
            if lane.taken == front.num_rows() {
                lane.ready.pop();
                lane.taken = 0;
                lane.source = None;
            }
            self.order.pop_front();
        }
        for index in touched {
            self.lanes[index].source = None;
            self.count_bytes(index);
            if self.lanes[index].rows == 0 && self.lanes[index].section != self.section {
                // Mark the lane with this section, so that it is not freed twice.
                self.lanes[index].section = self.section;
                self.free.push(index);
            }
        }
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

    /// Updates the memory count after a change in one lane.
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

    /// Returns the number of rows whose values are held.
    pub fn rows(&self) -> usize {
        self.by_key.values().map(|lane| self.lanes[*lane].engine.rows()).sum()
    }

    /// Returns the number of partitions that have not ended.
    pub fn partitions(&self) -> usize {
        self.by_key.len()
    }

    /// Returns whether every row has left.
    pub fn is_drained(&self) -> bool {
        self.order.is_empty()
    }
}
