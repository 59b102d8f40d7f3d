//! A query of the project as a plan that runs poll by poll.
//!
//! In: a query, and then the ticks of each poll. Out: the query's row for each tick, with the tick's place in the log. The bits are
//! those that the query gives over landed ticks.

use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch, UInt32Array};
use datafusion::arrow::compute::{concat_batches, take_record_batch};
use datafusion::arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, SchemaRef};
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::context::SessionContext;
use datafusion::physical_plan::execution_plan::collect_partitioned;

use super::described::{Described, DescribedRight, DescribedWindow};
use super::error::Error;
use super::growing;
use super::held::{PollTable, Slot};
use super::history::times;
use super::keys::Keys;
use super::models;
use super::refusal::{Refusal, refused};
use super::rights::Rows;
use super::stage::{Held, Stage};
use super::stages::{Stages, divide, shown};
use super::waiting::{self, Arrived, Waiting};
use crate::pipeline::{Kind, Over, Project, Query};
use crate::rolling;

/// The columns that say where a row's tick lies in the log. They are added to the query's own.
pub const PARTITION: &str = "log_partition";
pub const OFFSET: &str = "log_offset";

/// Rows of a batch: a poll should pass through the plan in one piece.
const BATCH_ROWS: &str = "65536";

/// A query that runs poll by poll.
pub struct LivePlan {
    name: String,
    /// The models that the query scores with, each with its version.
    models: Vec<(String, u64)>,
    stages: Stages,
    poll: Arc<Slot>,
    arrivals: Arc<Slot>,
    /// The ticks that wait for other products; `None` if none has to.
    waiting: Option<Waiting>,
    /// The lowest `ts` that is known to come, while landed ticks are read.
    needed: i64,
    context: Arc<TaskContext>,
    /// The positions of the columns that hold a row's product and time.
    key: [usize; 2],
    /// The query's own columns.
    own: SchemaRef,
    schema: SchemaRef,
    is_begun: bool,
}

/// Rows that a query gave for a poll, in the order of their offsets.
#[derive(Debug, Clone)]
pub struct Emitted {
    pub rows: RecordBatch,
    /// The offset of each row's tick.
    pub offsets: Vec<i64>,
}

impl Emitted {
    /// Returns the rows of an offset and of those after it.
    pub fn since(&self, offset: i64) -> Emitted {
        let had = self.offsets.partition_point(|other| *other < offset);
        let rows = self.rows.slice(had, self.offsets.len() - had);
        Emitted { rows, offsets: self.offsets[had..].to_vec() }
    }
}

impl LivePlan {
    /// Plans a query.
    ///
    /// # Errors
    /// The query cannot be planned, or cannot run live; the error names the file, the line and the reason.
    pub async fn new(project: &Project, query: &Query, context: &SessionContext) -> Result<LivePlan, Error> {
        if matches!(query.kind, Kind::Model | Kind::Audit) {
            let what = query.kind.as_str();
            return Err(Error::NotAQuery { name: query.name.clone(), what });
        }
        if !rolling_is_on(context) {
            return Err(Error::NoRolling);
        }
        let upstream = project.with_upstream(query);
        for read in &upstream {
            if let Some((function, place)) = project.changing_function(read, context) {
                let reason = format!("it calls `{function}`, whose value can change from run to run");
                return Err(Error::Refused {
                    name: query.name.clone(),
                    within: of_other(query, read),
                    place: Box::new(place),
                    reason,
                });
            }
            if let Some(refusal) = growing::refusal(project, read, context).await {
                return Err(refused_at(query, read, refusal));
            }
        }
        let refusal = match LivePlan::build(project, query, context).await? {
            Ok(plan) => return Ok(plan),
            Err(refusal) => refusal,
        };
        // The first query that is refused by itself is to blame.
        for read in upstream {
            if read.name != query.name
                && let Ok(Err(refusal)) = LivePlan::build(project, read, context).await
            {
                return Err(refused_at(query, read, refusal));
            }
        }
        Err(refused_at(query, query, refusal))
    }

    async fn build(
        project: &Project,
        query: &Query,
        context: &SessionContext,
    ) -> Result<Result<LivePlan, Refusal>, Error> {
        let models = models::of_query(project, query);
        let (poll, arrivals) = (Arc::new(Slot::default()), Arc::new(Slot::default()));
        let table = Arc::new(PollTable::new(Arc::clone(&poll)));
        let over = Over { context, landed: Arc::clone(&table) as _, configure };
        let frame = project.plan_over(query, &over).await?;
        let context = frame.task_ctx();
        let failed = |source: DataFusionError| Error::from(query.failed(source));
        let before = table.scans();
        let plan = frame.create_physical_plan().await.map_err(failed)?;
        let stages = match divide(&plan, &poll, &arrivals, table.scans() - before) {
            Ok(stages) => stages,
            Err(refusal) => return Ok(Err(refusal)),
        };
        Ok(LivePlan::with(query, stages, [poll, arrivals], Arc::new(context)).map(|plan| LivePlan { models, ..plan }))
    }

    fn with(
        query: &Query,
        mut stages: Stages,
        [poll, arrivals]: [Arc<Slot>; 2],
        context: Arc<TaskContext>,
    ) -> Result<LivePlan, Refusal> {
        let flow = &stages.flow;
        if !flow.is_live {
            return refused("it reads no ticks, so there is nothing that could come live", &["FROM"]);
        }
        let (Some(product), Some(time)) = (flow.product.first(), flow.time.first()) else {
            return refused(
                "its rows do not carry product_id and ts of their tick, which say what a row belongs to",
                &["SELECT"],
            );
        };
        let own = stages.rest.plan().schema();
        let is_named = |schema: &Schema, name: &str| schema.index_of(name).is_ok();
        let mut fields: Vec<Arc<Field>> = own.fields().iter().cloned().collect();
        for (name, data_type) in [(PARTITION, DataType::Int32), (OFFSET, DataType::Int64)] {
            if !is_named(&own, name) {
                fields.push(Arc::new(Field::new(name, data_type, false)));
            }
        }
        let schema = Arc::new(Schema::new(fields));
        let key = [*product, *time];
        let name = query.name.clone();
        let waits_for = stages.early.iter_mut().filter_map(|stage| Some(stage.passed()?.0));
        let waits_for: Vec<String> = waits_for.flat_map(|passed| passed.products().map(String::from)).collect();
        let waiting = (!waits_for.is_empty()).then(|| Waiting::new(waits_for));
        let models = Vec::new();
        let (is_begun, needed) = (false, i64::MAX);
        Ok(LivePlan { name, models, poll, arrivals, waiting, needed, context, key, own, schema, is_begun, stages })
    }

    /// Returns the query's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the models that the query scores with, each with its version.
    pub fn models(&self) -> &[(String, u64)] {
        &self.models
    }

    /// Returns the columns of the rows: the query's own, and `log_partition` and `log_offset`.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Returns the names of the columns that hold a row's product and time.
    pub fn key(&self) -> [&str; 2] {
        self.key.map(|column| self.own.field(column).name().as_str())
    }

    /// Returns whether no tick has several rows.
    pub fn is_unique(&self) -> bool {
        self.stages.flow.is_unique
    }

    /// Returns the products that ticks wait for: a row leaves once each of them has a tick at the row's `ts` or after it.
    pub fn waits_for(&self) -> Vec<&str> {
        self.waiting.iter().flat_map(Waiting::products).collect()
    }

    /// Returns how many ticks wait, and how long the first has waited.
    pub fn waiting(&self) -> (usize, Duration) {
        self.waiting.as_ref().map_or((0, Duration::ZERO), Waiting::count)
    }

    /// Says which `ts` is the lowest that is known to come.
    pub fn need(&mut self, ts: i64) {
        self.needed = ts;
    }

    /// Returns what the query holds: rows and bytes of all its states together, and the largest number of partitions of a window.
    pub fn held(&self) -> Held {
        let waiting = self.waiting.as_ref();
        let bytes = waiting.map_or(0, Waiting::bytes);
        let held = Held { rows: waiting.map_or(0, |waiting| waiting.count().0), bytes, partitions: 0 };
        self.stages.early.iter().chain(&self.stages.stages).map(Stage::held).fold(held, |all, held| Held {
            rows: all.rows + held.rows,
            bytes: all.bytes + held.bytes,
            partitions: all.partitions.max(held.partitions),
        })
    }

    /// Describes the plan.
    pub fn describe(&self) -> Described {
        let (mut windows, mut rights) = (Vec::new(), Vec::new());
        for stage in self.stages.early.iter().chain(&self.stages.stages) {
            match stage {
                Stage::Window(window) => windows.push(DescribedWindow {
                    expressions: window.names.clone(),
                    input: shown(window.input.plan()),
                    held: stage.held(),
                }),
                Stage::Right(right) => rights.push(DescribedRight {
                    input: shown(right.input.plan()),
                    held: stage.held(),
                    waits_for: match &right.rows {
                        Rows::Passed(passed) => Some(passed.products().collect::<Vec<_>>().join(", ")),
                        Rows::Latest(_) => None,
                    },
                }),
            }
        }
        Described { windows, rights, rest: shown(self.stages.rest.plan()), fixed: self.stages.fixed.len() }
    }

    /// Takes ticks that have come, and returns those whose rows are final now: the same ones, unless the query waits for a product.
    ///
    /// # Errors
    /// The query fails, or too many ticks wait. The plan is of no use then.
    pub async fn arrive(&mut self, portion: Arrived) -> Result<Vec<Arrived>, Error> {
        let Some(waiting) = &mut self.waiting else { return Ok(vec![portion]) };
        let ticks = portion.ticks.clone();
        waiting.push(portion);
        let ready = waiting.ready()?;
        if waiting.count().0 > waiting::MOST {
            let products = waiting.products().collect::<Vec<_>>().join(", ");
            return Err(Error::Silent { name: self.name.clone(), products, most: waiting::MOST });
        }
        let lowest = ready.iter().flat_map(|portion| times(&portion.ticks)).copied().min().unwrap_or(i64::MAX);
        let arrived = async {
            self.begin().await?;
            self.arrivals.put(vec![vec![ticks.clone()]]);
            for stage in &mut self.stages.early {
                stage.run(&ticks, &self.context).await?;
            }
            Ok(())
        };
        arrived.await.map_err(|source| Error::query(&self.name, source))?;
        for (passed, _) in self.stages.early.iter_mut().filter_map(Stage::passed) {
            let waiting = self.waiting.as_ref();
            let needed = || waiting.map_or(i64::MAX, Waiting::lowest).min(lowest).min(self.needed);
            passed.forget(needed).map_err(|source| Error::query(&self.name, source))?;
        }
        Ok(ready)
    }

    /// Takes the rows of a poll into the state, and computes no more.
    ///
    /// # Errors
    /// The query fails. The plan is of no use then.
    pub async fn absorb(&mut self, ticks: &RecordBatch) -> Result<(), Error> {
        self.look_back(ticks)?;
        self.advance(ticks).await.map_err(|source| Error::query(&self.name, source))
    }

    /// Takes the rows of a poll, in the order of (product_id, ts), and returns the query's rows for them.
    ///
    /// # Errors
    /// The query fails. The plan is of no use then.
    pub async fn emit(&mut self, ticks: &RecordBatch) -> Result<Emitted, Error> {
        self.absorb(ticks).await?;
        let rows = async {
            let rows = self.stages.rest.run(&self.context).await?;
            let rows = concat_batches(&self.own, &rows)?;
            self.placed(&rows, ticks)
        };
        rows.await.map_err(|source| Error::query(&self.name, source))
    }

    async fn begin(&mut self) -> Result<(), DataFusionError> {
        if !self.is_begun {
            for (plan, slot) in &self.stages.fixed {
                slot.put(collect_partitioned(Arc::clone(plan), Arc::clone(&self.context)).await?);
            }
            self.is_begun = true;
        }
        Ok(())
    }

    /// Finds the rows of other products that the rows of these ticks can match.
    fn look_back(&mut self, ticks: &RecordBatch) -> Result<(), Error> {
        let times = times(ticks);
        let (Some(first), Some(last)) = (times.iter().copied().min(), times.iter().copied().max()) else {
            return Ok(());
        };
        for (passed, slot) in self.stages.early.iter_mut().filter_map(Stage::passed) {
            let name = || self.name.clone();
            let products = || passed.products().collect::<Vec<_>>().join(", ");
            let found = passed.between(first, last).map_err(|source| Error::query(&self.name, source))?;
            slot.put(vec![found.ok_or_else(|| Error::TooOld { name: name(), products: products(), ts: first })?]);
        }
        Ok(())
    }

    async fn advance(&mut self, ticks: &RecordBatch) -> Result<(), DataFusionError> {
        self.begin().await?;
        self.poll.put(vec![vec![ticks.clone()]]);
        for stage in &mut self.stages.stages {
            stage.run(ticks, &self.context).await?;
        }
        Ok(())
    }

    /// Adds to each row the place of its tick in the log, and sorts the rows by it.
    fn placed(&self, rows: &RecordBatch, ticks: &RecordBatch) -> Result<Emitted, DataFusionError> {
        let keys = Keys::of(ticks.column_by_name("product_id"), ticks.column_by_name("ts"))?;
        let found = Keys::of(Some(rows.column(self.key[0])), Some(rows.column(self.key[1])))?;
        let missing = || DataFusionError::Internal("a row of a live query belongs to no tick of its poll".into());
        let (Some(partitions), Some(offsets)) = (ticks.column_by_name(PARTITION), ticks.column_by_name(OFFSET)) else {
            return Err(missing());
        };
        let (partitions, offsets) = (partitions.as_primitive::<Int32Type>(), offsets.as_primitive::<Int64Type>());
        let mut places = Vec::with_capacity(rows.num_rows());
        for row in 0..rows.num_rows() {
            let tick = keys.find(&found, row).ok_or_else(missing)?;
            places.push((partitions.value(tick), offsets.value(tick)));
        }
        let mut order: Vec<u32> = (0..).take(rows.num_rows()).collect();
        order.sort_by_key(|row| places[*row as usize]);
        let sorted = take_record_batch(rows, &UInt32Array::from(order.clone()))?;
        let places: Vec<(i32, i64)> = order.iter().map(|row| places[*row as usize]).collect();
        let mut columns: Vec<ArrayRef> = sorted.columns().to_vec();
        if self.own.index_of(PARTITION).is_err() {
            columns.push(Arc::new(Int32Array::from_iter_values(places.iter().map(|place| place.0))));
        }
        if self.own.index_of(OFFSET).is_err() {
            columns.push(Arc::new(Int64Array::from_iter_values(places.iter().map(|place| place.1))));
        }
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        Ok(Emitted { rows, offsets: places.into_iter().map(|place| place.1).collect() })
    }
}

/// Sets what plans need that are executed again with each poll.
fn configure(options: &mut ConfigOptions) {
    options.execution.target_partitions = 1;
    // The option exists, and takes a number.
    let _ = options.set("datafusion.execution.batch_size", BATCH_ROWS);
    // Such a filter would stay from one poll to the next.
    options.optimizer.enable_dynamic_filter_pushdown = false;
}

fn rolling_is_on(context: &SessionContext) -> bool {
    let config = context.copied_config();
    let settings = config.options().extensions.get::<rolling::Settings>();
    settings.is_some_and(|settings| settings.rolling.enabled)
}

fn of_other(query: &Query, read: &Query) -> Option<String> {
    (read.name != query.name).then(|| read.name.clone())
}

fn refused_at(query: &Query, read: &Query, refusal: Refusal) -> Error {
    let words: Vec<&str> = refusal.words.iter().map(String::as_str).collect();
    let place = Box::new(read.place_of(&words));
    Error::Refused { name: query.name.clone(), within: of_other(query, read), place, reason: refusal.reason }
}
