//! The operator that computes rolling windows.

use std::fmt;
use std::sync::{Arc, OnceLock};

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalSortExpr;
use datafusion::physical_expr::window::WindowExpr;
use datafusion::physical_expr_common::sort_expr::OrderingRequirements;
use datafusion::physical_plan::execution_plan::{CardinalityEffect, ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{
    ChildStats, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, InputDistributionRequirements,
    InputOrderMode, PhysicalExpr, PlanProperties, StatisticsArgs,
};
use futures::TryStreamExt;

use super::distinct;
use super::engine::Emission;
use super::program::Program;
use super::sections::{Sections, Threads};
use super::settings::Settings;
use super::stream::{Input, RollingStream};

/// The fewest threads with which sections are worth it when the result is written to files. Encoding files takes about twice
/// as long as windows and has threads of its own. With fewer threads the two would only take turns.
const LEAST_THREADS_WRITING: usize = 4;

/// Computes window expressions as DataFusion's operator would, but exactly and in one pass.
///
/// It keeps the operator that it replaces, and passes on that operator's answer to every question about the plan:
/// properties, required order and distribution, statistics.
#[derive(Debug)]
pub struct RollingWindowExec {
    stock: Arc<dyn ExecutionPlan>,
    program: Arc<Program>,
    threads: OnceLock<Arc<Threads>>,
    /// Whether the plan's results go to files.
    is_written: bool,
    metrics: ExecutionPlanMetricsSet,
}

impl RollingWindowExec {
    /// Returns the operator that replaces `stock`; `None` if `stock` is not a window operator, or has an expression that the
    /// kernels do not support. `is_written` says that the plan's results go to files.
    pub fn replacing(stock: &Arc<dyn ExecutionPlan>, is_written: bool) -> Option<Self> {
        if stock.downcast_ref::<BoundedWindowAggExec>().is_some_and(|bounded| bounded.state_observer().is_some()) {
            return None;
        }
        let mut program = covered(stock)?;
        let input = *stock.children().first()?;
        // A bounded input completes every frame in the end, so its declarations are not needed.
        program.distinct = input.boundedness().is_unbounded() && distinct::is_declared(&program, input);
        Some(RollingWindowExec {
            stock: Arc::clone(stock),
            program: Arc::new(program),
            threads: OnceLock::new(),
            is_written,
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    /// Returns what the operator computes, anew; nothing only if the operator could not have been made.
    pub(super) fn covered(&self) -> Option<Program> {
        covered(&self.stock)
    }

    /// Returns the engine's operator that it replaces.
    pub fn stock(&self) -> &Arc<dyn ExecutionPlan> {
        &self.stock
    }

    /// Returns whether the plan's results go to files.
    pub fn is_written(&self) -> bool {
        self.is_written
    }

    /// Returns the expressions by which rows are divided into partitions.
    pub fn partition_by(&self) -> &[Arc<dyn PhysicalExpr>] {
        &self.program.partition_by
    }

    /// Returns the order of the rows inside a partition.
    pub fn order_by(&self) -> &[PhysicalSortExpr] {
        &self.program.order_by
    }

    /// Returns whether a frame holds rows after the row itself.
    pub fn looks_ahead(&self) -> bool {
        self.program.looks_ahead()
    }

    fn order_mode(&self) -> InputOrderMode {
        match self.stock.downcast_ref::<BoundedWindowAggExec>() {
            Some(bounded) => bounded.input_order_mode.clone(),
            None => InputOrderMode::Sorted,
        }
    }

    /// Returns the operator's input.
    pub fn input(&self) -> &Arc<dyn ExecutionPlan> {
        // A window operator has exactly one input.
        self.stock.children()[0]
    }

    /// Returns how threads share the partitions of this execution; `None` if each partition is computed by one thread.
    fn threads(&self, context: &TaskContext) -> Option<Arc<Threads>> {
        let config = context.session_config();
        let in_order = self.order_mode() == InputOrderMode::Sorted && !self.input().boundedness().is_unbounded();
        let least = if self.is_written { LEAST_THREADS_WRITING } else { 2 };
        if config.target_partitions() < least || !in_order || !self.program.reads_nearby() {
            return None;
        }
        let threads = self.threads.get_or_init(|| {
            let settings = config.options().extensions.get::<Settings>().cloned().unwrap_or_default();
            Arc::new(Threads::new(config.target_partitions(), settings.rolling.section_rows))
        });
        Some(Arc::clone(threads))
    }

    /// Returns the names of the window expressions.
    pub fn expressions(&self) -> Vec<String> {
        expressions(&self.stock).unwrap_or_default().iter().map(|expression| expression.name().to_owned()).collect()
    }
}

/// Returns the window expressions of a stock operator; `None` if it is not a window operator.
fn expressions(stock: &Arc<dyn ExecutionPlan>) -> Option<&[Arc<dyn WindowExpr>]> {
    match stock.downcast_ref::<BoundedWindowAggExec>() {
        Some(bounded) => Some(bounded.window_expr()),
        None => Some(stock.downcast_ref::<WindowAggExec>()?.window_expr()),
    }
}

/// Returns what a stock operator computes; `None` if it is not a window operator, or the kernels do not support it.
fn covered(stock: &Arc<dyn ExecutionPlan>) -> Option<Program> {
    Program::covering(expressions(stock)?, &stock.children().first()?.schema())
}

impl DisplayAs for RollingWindowExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let expressions = self.expressions().join(", ");
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => write!(
                f,
                "RollingWindowExec: wdw=[{expressions}], frames={}, arguments={}",
                self.program.frames.len(),
                self.program.columns()
            ),
            DisplayFormatType::TreeRender => writeln!(f, "select_list={expressions}"),
        }
    }
}

impl ExecutionPlan for RollingWindowExec {
    fn name(&self) -> &str {
        "RollingWindowExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.stock.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.stock.children()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.stock.input_distribution_requirements()
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        self.stock.required_input_ordering()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.stock.maintains_input_order()
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.stock.apply_expressions(f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let stock = Arc::clone(&self.stock).replace_children(children, options)?;
        Ok(Arc::new(RollingWindowExec {
            stock,
            program: Arc::clone(&self.program),
            threads: OnceLock::new(),
            is_written: self.is_written,
            metrics: ExecutionPlanMetricsSet::new(),
        }))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.input().execute(partition, Arc::clone(&context))?;
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let reservation = MemoryConsumer::new("RollingWindowExec").register(context.memory_pool());
        let (program, schema) = (Arc::clone(&self.program), self.schema());
        if let Some(threads) = self.threads(&context) {
            let count = MetricBuilder::new(&self.metrics).counter("sections", partition);
            let sections = Sections::new(program, rows, schema, threads, reservation, &metrics, count);
            let output = sections.into_stream().inspect_ok(move |batch| {
                metrics.record_output(batch.num_rows());
            });
            return Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), output)));
        }
        let emission = if self.input().boundedness().is_unbounded() { Emission::Rows } else { Emission::Batches };
        let input = Input { rows, order: self.order_mode(), emission };
        let stream = RollingStream::new(program, input, schema, reservation, metrics)?;
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), stream.into_stream())))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        self.stock.child_stats_requests(partition)
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        self.stock.statistics_from_inputs(inputs, args)
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }
}
