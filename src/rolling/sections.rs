//! Computes windows over long partitions with several threads.
//!
//! In: batches in the order that windows need. Out: the same rows with results, in the same order. The rows are cut into
//! sections, at any place in a partition. Each section also gets the rows around it that its frames read, and is computed
//! alone. A result depends only on the rows of its frame, so it has the same bits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_plan::metrics::{BaselineMetrics, Count, Time};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::computation::Computation;
use super::engine::{Emission, Engine};
use super::kernel::bounds::Frames;
use super::placement::Placement;
use super::program::Program;
use super::weighed::Weighed;

/// A section has at least this many times as many rows of its own as it reads from other sections.
const OWN_TO_OTHERS: usize = 4;

/// If sections would read more rows of other sections than this many times the shortest section, one thread computes all
/// rows, because sections long enough for their frames would take too much memory.
const MOST_OTHERS: usize = 4;

/// How threads share the partitions of one execution.
#[derive(Debug)]
pub struct Threads {
    count: u32,
    /// The smallest number of rows in a section, except the last one.
    section_rows: usize,
    /// How many partitions are being computed.
    active: AtomicU32,
}

impl Threads {
    pub fn new(count: usize, section_rows: usize) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX).max(1);
        Threads { count, section_rows, active: AtomicU32::new(0) }
    }
}

/// A partition that is being computed; dropping it ends that.
struct Active(Arc<Threads>);

impl Active {
    fn new(threads: Arc<Threads>) -> Self {
        threads.active.fetch_add(1, Ordering::Relaxed);
        Active(threads)
    }

    /// Returns how many permits of its partition a section takes. A partition has one permit per thread, so all partitions
    /// together compute about as many sections at once as there are threads.
    fn permits(&self) -> u32 {
        self.0.active.load(Ordering::Relaxed).clamp(1, self.0.count)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Cuts rows into sections.
struct Cutter {
    program: Arc<Program>,
    input: SchemaRef,
    schema: SchemaRef,
    /// A section has at least this many rows, except the last one.
    least_rows: usize,
    placement: Placement,
    /// Batches that are not in a section yet or that later frames may read, by the position of their first row.
    held: Weighed<(usize, RecordBatch)>,
    /// The first row that is not in a section yet.
    next: usize,
    /// How many rows of other sections the last section read.
    others: usize,
    finished: bool,
}

/// The rows to compute, and the rows that their frames read.
struct Section {
    program: Arc<Program>,
    input: SchemaRef,
    schema: SchemaRef,
    /// The rows to read; the first is at this position.
    start: usize,
    read: Vec<RecordBatch>,
    /// The rows to compute: a batch, and the frames of its rows.
    own: Vec<(RecordBatch, Vec<Frames>)>,
}

impl Cutter {
    fn accept(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() > 0 {
            self.held.push((self.placement.total(), batch.clone()));
            self.placement.place(&batch)?;
        }
        Ok(())
    }

    fn finish(&mut self) {
        self.placement.finish();
        self.finished = true;
    }

    /// Returns the next section, made of whole batches; `None` until enough of them are complete.
    fn cut(&mut self) -> Result<Option<Section>> {
        let complete = self.placement.complete();
        let ends = self.held.iter().map(|(start, batch)| start + batch.num_rows());
        let end = ends.take_while(|end| *end <= complete).last().unwrap_or(0);
        let rows = end.saturating_sub(self.next);
        if rows == 0 || (!self.finished && rows < self.least_rows.max(OWN_TO_OTHERS * self.others)) {
            return Ok(None);
        }
        let mut own = Vec::new();
        for (start, batch) in self.held.iter().filter(|(start, _)| (self.next..end).contains(start)) {
            let mut frames = self.program.no_frames();
            self.placement.advance(*start, start + batch.num_rows(), &mut frames);
            own.push((batch.clone(), frames));
        }
        let first =
            own.first().into_iter().flat_map(|(_, frames)| frames.iter().filter_map(|frame| frame.start.first()));
        let last = own.last().into_iter().flat_map(|(_, frames)| frames.iter().filter_map(|frame| frame.end.last()));
        let (from, to) =
            (first.fold(self.next, |from, start| from.min(*start)), last.fold(self.next, |to, end| to.max(*end)));
        let read = self.rows(from, to);
        self.others = (to - from).saturating_sub(rows);
        self.next = end;
        self.release();
        let (program, input, schema) = (Arc::clone(&self.program), Arc::clone(&self.input), Arc::clone(&self.schema));
        Ok(Some(Section { program, input, schema, start: from, read, own }))
    }

    /// Returns the rows in a range of positions.
    fn rows(&self, from: usize, to: usize) -> Vec<RecordBatch> {
        let slice = |(start, batch): &(usize, RecordBatch)| {
            let (first, last) = (from.max(*start), to.min(start + batch.num_rows()));
            (first < last).then(|| batch.slice(first - start, last - first))
        };
        self.held.iter().filter_map(slice).collect()
    }

    /// Returns the first position that later sections may read.
    fn oldest(&self) -> usize {
        self.placement.oldest(self.next).into_iter().fold(self.next, usize::min)
    }

    fn release(&mut self) {
        let oldest = self.oldest();
        self.held.pop_while(|(start, batch)| start + batch.num_rows() <= oldest);
        self.placement.release(self.next);
    }

    /// Returns an engine that continues from here.
    fn engine(&self) -> Result<Engine> {
        let (program, schema) = (Arc::clone(&self.program), Arc::clone(&self.schema));
        let mut engine = Engine::new(program, &self.input, schema, Emission::Batches)?;
        let oldest = self.oldest();
        for rows in self.rows(oldest, self.placement.total()) {
            engine.accept(rows)?;
        }
        engine.skip(self.next - oldest);
        Ok(engine)
    }

    /// Returns whether sections would read too many rows of other sections.
    fn is_too_wide(&self) -> bool {
        self.others > MOST_OTHERS * self.least_rows
    }

    fn bytes(&self) -> usize {
        self.placement.bytes() + self.held.bytes()
    }
}

impl Section {
    async fn compute(self, reservation: &MemoryReservation) -> Result<Vec<RecordBatch>> {
        let mut computation = Computation::new(Arc::clone(&self.program), &self.input)?;
        let (mut read, mut position) = (self.read.into_iter(), 0);
        let mut results = Vec::with_capacity(self.own.len());
        let mut held: usize = self.own.iter().map(|(batch, _)| batch.get_array_memory_size()).sum();
        for (batch, mut frames) in self.own {
            frames.iter_mut().for_each(|frame| frame.count_from(self.start));
            // One batch after another, so that the columns stay in the processor's cache.
            let needed = frames.iter().filter_map(|frame| frame.end.last()).max().copied().unwrap_or(0);
            while position < needed
                && let Some(rows) = read.next()
            {
                computation.extend(&rows, position)?;
                position += rows.num_rows();
            }
            let columns = computation.append_results(&batch, &frames)?;
            held +=
                columns.iter().skip(batch.num_columns()).map(|column| column.get_array_memory_size()).sum::<usize>();
            reservation.try_resize(held + computation.bytes())?;
            let oldest: Vec<usize> =
                frames.iter().map(|frame| frame.start.last().copied().unwrap_or(position)).collect();
            computation.release(&oldest, position);
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            results.push(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?);
            // The thread may have more urgent work, because results wait until they are taken.
            tokio::task::yield_now().await;
        }
        Ok(results)
    }
}

/// A section's results, and the memory reserved for them until they are taken.
type Computed = (Vec<RecordBatch>, MemoryReservation);

/// What the cutting thread passes to the thread that is asked for results.
enum Part {
    /// A section that is being computed.
    Section { task: SpawnedTask<Result<Computed>>, permits: OwnedSemaphorePermit },
    /// Results of a single pass over all rows.
    Batch(RecordBatch),
}

/// Sections of one partition, cut as their rows come and computed in parallel.
pub struct Sections {
    cutter: Cutter,
    input: SendableRecordBatchStream,
    threads: Arc<Threads>,
    reservation: MemoryReservation,
    elapsed: Time,
    count: Count,
}

impl Sections {
    /// Prepares for an input, and for an output with another schema.
    pub fn new(
        program: Arc<Program>,
        input: SendableRecordBatchStream,
        schema: SchemaRef,
        threads: Arc<Threads>,
        reservation: MemoryReservation,
        metrics: &BaselineMetrics,
        count: Count,
    ) -> Self {
        let cutter = Cutter {
            placement: Placement::new(Arc::clone(&program)),
            program,
            input: input.schema(),
            schema,
            least_rows: threads.section_rows,
            held: Weighed::default(),
            next: 0,
            others: 0,
            finished: false,
        };
        Sections { cutter, input, threads, reservation, elapsed: metrics.elapsed_compute().clone(), count }
    }

    /// Starts to cut sections, and returns the stream of results.
    pub fn into_stream(self) -> impl Stream<Item = Result<RecordBatch>> + Send {
        let (sender, parts) = mpsc::channel(self.threads.count as usize);
        let cutting = SpawnedTask::spawn(async move {
            if let Err(error) = self.cut(&sender).await {
                // If the receiver is gone, there is nobody to report to.
                let _ = sender.send(Err(error)).await;
            }
        });
        let parts = stream::unfold((parts, Some(cutting)), |(mut parts, mut cutting)| async move {
            if let Some(part) = parts.recv().await {
                return Some((part, (parts, cutting)));
            }
            // A panic must not look like the end of the rows.
            let ended = cutting.take()?.join_unwind().await;
            let error = ended.err().map(|error| Err(DataFusionError::ExecutionJoin(Box::new(error))));
            error.map(|error| (error, (parts, None)))
        });
        parts
            .then(|part| async move { finished(part?).await })
            .map_ok(|batches| stream::iter(batches).map(Ok))
            .try_flatten()
    }

    /// Reads the input, and starts each section that is complete.
    async fn cut(mut self, parts: &mpsc::Sender<Result<Part>>) -> Result<()> {
        let permits = Arc::new(Semaphore::new(self.threads.count as usize));
        let mut active = None;
        while !self.cutter.is_too_wide() {
            let batch = self.input.next().await.transpose()?;
            active.get_or_insert_with(|| Active::new(Arc::clone(&self.threads)));
            let timer = self.elapsed.timer();
            match batch {
                Some(batch) => self.cutter.accept(batch)?,
                None => self.cutter.finish(),
            }
            drop(timer);
            while let Some(section) = self.cutter.cut()? {
                let wanted = active.as_ref().map_or(1, Active::permits);
                let acquired = Arc::clone(&permits).acquire_many_owned(wanted).await;
                let permits = acquired.map_err(|error| DataFusionError::External(Box::new(error)))?;
                let (elapsed, reservation) = (self.elapsed.clone(), self.reservation.new_empty());
                let task = SpawnedTask::spawn(async move {
                    let _timer = elapsed.timer();
                    Ok((section.compute(&reservation).await?, reservation))
                });
                self.count.add(1);
                if parts.send(Ok(Part::Section { task, permits })).await.is_err() {
                    return Ok(());
                }
            }
            self.reservation.try_resize(self.cutter.bytes())?;
            if self.cutter.finished {
                return Ok(());
            }
        }
        self.pass(parts).await
    }

    /// Computes the remaining rows in one pass.
    async fn pass(mut self, parts: &mpsc::Sender<Result<Part>>) -> Result<()> {
        let mut engine = self.cutter.engine()?;
        drop(self.cutter);
        loop {
            let timer = self.elapsed.timer();
            let result = engine.emit()?;
            self.reservation.try_resize(engine.bytes())?;
            drop(timer);
            if let Some(batch) = result {
                if parts.send(Ok(Part::Batch(batch))).await.is_err() {
                    return Ok(());
                }
                continue;
            }
            if engine.is_drained() && engine.is_finished() {
                return Ok(());
            }
            let batch = self.input.next().await.transpose()?;
            let _timer = self.elapsed.timer();
            match batch {
                Some(batch) => engine.accept(batch)?,
                None => engine.finish(),
            }
            self.reservation.try_resize(engine.bytes())?;
        }
    }
}

/// Waits for a part's results.
async fn finished(part: Part) -> Result<Vec<RecordBatch>> {
    match part {
        Part::Batch(batch) => Ok(vec![batch]),
        Part::Section { task, permits } => {
            let computed = task.join_unwind().await;
            drop(permits);
            let (batches, _) = computed.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))??;
            Ok(batches)
        }
    }
}
