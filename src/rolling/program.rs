//! Everything that a window operator computes.
//!
//! In: the expressions of one window operator. Out: a [`Program`], in which repeated frames and columns appear only once.
//! Out is nothing if an expression is not covered; the stock operator then stays.

use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::window::{
    PlainAggregateWindowExpr, SlidingAggregateWindowExpr, StandardWindowExpr, WindowExpr,
};
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::windows::WindowUDFExpr;

use super::columns::aggregates;
use super::excluding::{Excluding, Read};
use super::exclusion::Exclusion;
use super::frame;
use super::functions;
use super::kernel::bounds::{Edge, FrameSpec, Frames, Units};
use super::keys;
use super::mark::{MarkedAggregate, MarkedWindow};
use super::plan::{Call, OrderKey, Planned};
use super::reading::AnySource;

/// Returns what orders the rows inside a partition. Columns by which rows are partitioned are left out, because they are
/// constant there.
fn order_within_partitions(expression: &dyn WindowExpr) -> Vec<PhysicalSortExpr> {
    let partition_by = expression.partition_by();
    expression.order_by().iter().filter(|sort| !partition_by.iter().any(|key| key.eq(&sort.expr))).cloned().collect()
}

/// Everything a window operator computes.
#[derive(Debug)]
pub struct Program {
    pub partition_by: Vec<Arc<dyn PhysicalExpr>>,
    pub order_by: Vec<PhysicalSortExpr>,
    pub frames: Vec<FrameSpec>,
    /// The columns, each with the calls that read it.
    pub sources: Vec<Box<dyn AnySource>>,
    /// Whether the input declares that no two rows of a partition share their order key.
    pub distinct: bool,
}

impl Program {
    /// Translates window expressions that share their partitioning and order; `None` if any of them is not covered.
    pub fn covering(expressions: &[Arc<dyn WindowExpr>], input: &Schema) -> Option<Program> {
        let first = expressions.first()?;
        let mut program = Program {
            partition_by: first.partition_by().to_vec(),
            order_by: order_within_partitions(first.as_ref()),
            frames: Vec::new(),
            sources: Vec::new(),
            distinct: false,
        };
        for (call, expression) in expressions.iter().enumerate() {
            let order_by = order_within_partitions(expression.as_ref());
            if expression.partition_by() != program.partition_by || order_by != program.order_by {
                return None;
            }
            let planned = program.plan(expression.as_ref(), input)?;
            program.add(call, planned, excluded(expression.as_ref()));
        }
        Some(program)
    }

    fn plan(&self, expression: &dyn WindowExpr, input: &Schema) -> Option<Planned> {
        let order = match self.order_by.as_slice() {
            [only] => only.expr.data_type(input).ok().map(|data_type| OrderKey {
                expr: Arc::clone(&only.expr),
                data_type,
                descending: only.options.descending,
            }),
            _ => None,
        };
        let key = order.as_ref().map(|order| &order.data_type).filter(|data_type| keys::is_measurable(data_type));
        let descending = order.as_ref().is_some_and(|order| order.descending);
        let frame = frame::translate(expression.get_window_frame(), key, descending);
        let (arguments, aggregate, function, ignores_nulls) = match called(expression)? {
            Called::Aggregate(aggregate) => {
                let function = functions::of_aggregate(&MarkedAggregate::on(aggregate.fun())?.function);
                let function = function.filter(|_| !aggregate.is_distinct());
                (aggregate.expressions(), Some(aggregate), function, false)
            }
            Called::Window(function, ignores_nulls, arguments) => (arguments, None, Some(function), ignores_nulls),
        };
        let order_columns = self.order_by.len();
        let call = Call { arguments: &arguments, input, frame, order_columns, order, ignores_nulls };
        if let Some(function) = function {
            // If a call is wrong, the stock operator says why.
            let planned = (function.plan)(&call).ok()?;
            if planned.is_some() {
                return planned;
            }
        }
        aggregates::plan(&call, aggregate?)
    }

    fn add(&mut self, call: usize, planned: Planned, exclusion: Option<Exclusion>) {
        let Planned { frame: spec, mut source } = planned;
        let frame = self.frame(spec);
        if let Some(exclusion) = exclusion {
            let (left_out, kept) = exclusion.frames();
            let (left_out, kept) = (self.frame(left_out), kept.map(|kept| self.frame(kept)));
            self.sources.push(Box::new(Excluding::new(source, call, Read { whole: frame, left_out, kept })));
            return;
        }
        source.assign(call, frame);
        if !self.sources.iter_mut().any(|known| known.take_over(source.as_mut())) {
            self.sources.push(source);
        }
    }

    /// Returns the position of a frame, which is added if it is new.
    fn frame(&mut self, spec: FrameSpec) -> usize {
        self.frames.iter().position(|known| *known == spec).unwrap_or_else(|| {
            self.frames.push(spec);
            self.frames.len() - 1
        })
    }

    /// Returns how many of the columns hold values.
    pub fn columns(&self) -> usize {
        self.sources.iter().filter(|source| !source.arguments().is_empty()).count()
    }

    /// Returns empty storage for the frames of some rows, one entry per frame that the calls use.
    pub fn no_frames(&self) -> Vec<Frames> {
        self.frames.iter().map(|_| Frames::default()).collect()
    }

    /// Returns whether all frames are read and their rows lie near the frame's own row, not anywhere in the partition.
    /// Frames that are only counted, as by `row_number`, may begin at a row that is no longer held.
    pub fn reads_nearby(&self) -> bool {
        let is_read = |frame| self.sources.iter().any(|source| !source.arguments().is_empty() && source.reads(frame));
        let is_bounded = |frame: &FrameSpec| frame.start != Edge::Unbounded && frame.end != Edge::Unbounded;
        self.frames.iter().enumerate().all(|(index, frame)| is_bounded(frame) && is_read(index))
    }

    /// Returns whether a frame holds rows after the row itself, peers left aside.
    pub fn looks_ahead(&self) -> bool {
        self.frames.iter().any(FrameSpec::looks_ahead)
    }

    /// Returns whether a frame counts differences of the order key.
    pub fn needs_keys(&self) -> bool {
        self.frames.iter().any(|frame| frame.units == Units::Keys)
    }

    /// Returns whether a frame counts groups of peers.
    pub fn needs_peers(&self) -> bool {
        self.frames.iter().any(|frame| frame.units == Units::Peers)
    }
}

/// What a window expression calls.
enum Called<'a> {
    Aggregate(&'a AggregateFunctionExpr),
    /// A window function of the table, whether it ignores NULLs, and its arguments.
    Window(&'static functions::Function, bool, Vec<Arc<dyn PhysicalExpr>>),
}

/// Returns what a window expression calls, if the engine may compute it and the call was marked in the logical plan.
fn called(expression: &dyn WindowExpr) -> Option<Called<'_>> {
    match defined(expression)? {
        Defined::Aggregate(aggregate) => {
            let marked = MarkedAggregate::on(aggregate.fun()).filter(|_| aggregate.order_bys().is_empty());
            marked.map(|_| Called::Aggregate(aggregate))
        }
        Defined::Window(function) => {
            let marked = MarkedWindow::on(function.fun())?;
            let known = functions::of_window(&marked.function)?;
            Some(Called::Window(known, marked.ignores_nulls, function.args().to_vec()))
        }
    }
}

/// Returns which rows of its frames a window expression leaves out.
pub fn excluded(expression: &dyn WindowExpr) -> Option<Exclusion> {
    match defined(expression)? {
        Defined::Aggregate(aggregate) => MarkedAggregate::on(aggregate.fun())?.exclusion,
        Defined::Window(function) => MarkedWindow::on(function.fun())?.exclusion,
    }
}

/// A function of a window expression.
enum Defined<'a> {
    Aggregate(&'a AggregateFunctionExpr),
    Window(&'a WindowUDFExpr),
}

fn defined(expression: &dyn WindowExpr) -> Option<Defined<'_>> {
    let any = expression.as_any();
    let sliding = any.downcast_ref::<SlidingAggregateWindowExpr>().map(SlidingAggregateWindowExpr::get_aggregate_expr);
    let plain = any.downcast_ref::<PlainAggregateWindowExpr>().map(PlainAggregateWindowExpr::get_aggregate_expr);
    if let Some(aggregate) = sliding.or(plain) {
        return Some(Defined::Aggregate(aggregate));
    }
    let standard = any.downcast_ref::<StandardWindowExpr>()?;
    standard.get_standard_func_expr().as_any().downcast_ref::<WindowUDFExpr>().map(Defined::Window)
}
