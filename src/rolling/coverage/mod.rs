//! Which window expressions the kernels know, and what they need for them.
//!
//! In: the expressions of one window operator. Out: a [`Program`], in which frames and arguments that occur more than once
//! stand once; or nothing, and the stock operator stays.

mod aggregates;
mod functions;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::ScalarValue;
use datafusion::physical_expr::window::{
    PlainAggregateWindowExpr, SlidingAggregateWindowExpr, StandardWindowExpr, WindowExpr,
};
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::windows::WindowUDFExpr;

use super::function::kept::Recipe;
use super::kernel::bounds::{Edge, FrameSpec, Frames, Units};
use super::kernel::pairs::Statistic;
use super::kernel::quantile::Rank;
use super::keys;

/// What is kept of an argument's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// How many are not NULL.
    Presence,
    /// Their sum, of doubles.
    Sums,
    /// Their sum and the sum of their squares, of doubles.
    Squares,
    /// Doubles, until the totals of what came since their partition began have passed over them.
    Ahead,
    /// Their sum, of integers, wrapping around.
    Integers,
    /// Their order.
    Order,
    /// The values themselves.
    Values,
    /// Sums of doubles, of their squares and of their products with a second argument's.
    Pairs,
    /// What one of squall's own functions needs.
    Own(Recipe),
}

/// An argument, and what is kept of it.
#[derive(Debug, Clone)]
pub struct Argument {
    pub expr: Arc<dyn PhysicalExpr>,
    /// The other part of a pair.
    pub second: Option<Arc<dyn PhysicalExpr>>,
    pub keep: Keep,
}

/// Returns what orders the rows of a partition: columns that it is made by are the same in all of them.
fn order_within_partitions(expression: &dyn WindowExpr) -> Vec<PhysicalSortExpr> {
    let partition_by = expression.partition_by();
    expression.order_by().iter().filter(|sort| !partition_by.iter().any(|key| key.eq(&sort.expr))).cloned().collect()
}

/// What is made of a frame; `column` is an index into the program's arguments.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    CountRows,
    /// As `CountRows`, unsigned.
    RowNumber,
    Count {
        column: usize,
    },
    Sum {
        column: usize,
    },
    IntegerSum {
        column: usize,
        unsigned: bool,
    },
    Mean {
        column: usize,
    },
    Variance {
        column: usize,
        sample: bool,
        root: bool,
    },
    Extremum {
        column: usize,
        greatest: bool,
    },
    Quantile {
        column: usize,
        rank: Rank,
    },
    /// How many pairs have no NULL part.
    PairCount {
        column: usize,
    },
    Pair {
        column: usize,
        statistic: Statistic,
    },
    /// One of squall's own functions.
    Own {
        column: usize,
    },
    /// The frame's row at this index, counted from its first row, or if negative from behind its last; else the default.
    Row {
        column: usize,
        index: i64,
        default: ScalarValue,
    },
}

impl Output {
    /// Returns the index of the column read, if one is.
    pub fn column(&self) -> Option<usize> {
        match self {
            Output::CountRows | Output::RowNumber => None,
            Output::Count { column }
            | Output::Sum { column }
            | Output::IntegerSum { column, .. }
            | Output::Mean { column }
            | Output::Variance { column, .. }
            | Output::Extremum { column, .. }
            | Output::Quantile { column, .. }
            | Output::PairCount { column }
            | Output::Pair { column, .. }
            | Output::Own { column }
            | Output::Row { column, .. } => Some(*column),
        }
    }
}

/// An output over a frame, given by its index in the program.
#[derive(Debug, Clone)]
pub struct Call {
    pub frame: usize,
    pub output: Output,
}

/// Everything a window operator computes.
#[derive(Debug, Clone)]
pub struct Program {
    pub partition_by: Vec<Arc<dyn PhysicalExpr>>,
    pub order_by: Vec<PhysicalSortExpr>,
    pub frames: Vec<FrameSpec>,
    pub arguments: Vec<Argument>,
    pub calls: Vec<Call>,
    /// Whether no two rows of a partition share their order key, as the input declares.
    pub distinct: bool,
}

impl Program {
    /// Translates window expressions that share their partitioning and order; `None` if one is not covered.
    pub fn covering(expressions: &[Arc<dyn WindowExpr>], input: &Schema) -> Option<Program> {
        let first = expressions.first()?;
        let mut program = Program {
            partition_by: first.partition_by().to_vec(),
            order_by: order_within_partitions(first.as_ref()),
            frames: Vec::new(),
            arguments: Vec::new(),
            calls: Vec::new(),
            distinct: false,
        };
        let key = match program.order_by.as_slice() {
            [only] => only.expr.data_type(input).ok().filter(keys::is_countable),
            _ => None,
        };
        for expression in expressions {
            let order_by = order_within_partitions(expression.as_ref());
            if expression.partition_by() != program.partition_by || order_by != program.order_by {
                return None;
            }
            let call = program.call(expression.as_ref(), input, key.as_ref())?;
            program.calls.push(call);
        }
        Some(program)
    }

    /// Returns room for the frames of some rows, one entry for each that the calls ask for.
    pub fn no_frames(&self) -> Vec<Frames> {
        self.frames.iter().map(|_| Frames::default()).collect()
    }

    /// Returns whether every frame's rows lie near its own, rather than anywhere in the partition, and are all read: frames
    /// that are only counted, as by `row_number`, may begin where no row is held any more.
    pub fn reads_nearby(&self) -> bool {
        let is_read = |frame| self.calls.iter().any(|call| call.frame == frame && call.output.column().is_some());
        let is_bounded = |frame: &FrameSpec| frame.start != Edge::Unbounded && frame.end != Edge::Unbounded;
        self.frames.iter().enumerate().all(|(index, frame)| is_bounded(frame) && is_read(index))
    }

    /// Returns whether a call's frames all begin where their partition does.
    pub fn is_cumulative(&self, call: &Call) -> bool {
        self.frames[call.frame].start == Edge::Unbounded
    }

    /// Returns whether a frame counts differences of the order key.
    pub fn needs_keys(&self) -> bool {
        self.frames.iter().any(|frame| frame.units == Units::Keys)
    }

    /// Returns whether a frame counts groups of peers.
    pub fn needs_peers(&self) -> bool {
        self.frames.iter().any(|frame| frame.units == Units::Peers)
    }

    fn call(&mut self, expression: &dyn WindowExpr, input: &Schema, key: Option<&DataType>) -> Option<Call> {
        let window = expression.get_window_frame();
        let any = expression.as_any();
        if let Some(sliding) = any.downcast_ref::<SlidingAggregateWindowExpr>() {
            return self.aggregate(sliding.get_aggregate_expr(), window, &format!("{sliding:?}"), input, key);
        }
        if let Some(plain) = any.downcast_ref::<PlainAggregateWindowExpr>() {
            return self.aggregate(plain.get_aggregate_expr(), window, &format!("{plain:?}"), input, key);
        }
        let standard = any.downcast_ref::<StandardWindowExpr>()?;
        let function = standard.get_standard_func_expr().as_any().downcast_ref::<WindowUDFExpr>()?;
        self.window_function(function, window, input, key)
    }

    fn frame(&mut self, spec: FrameSpec) -> usize {
        self.frames.iter().position(|known| *known == spec).unwrap_or_else(|| {
            self.frames.push(spec);
            self.frames.len() - 1
        })
    }

    fn argument(&mut self, expr: &Arc<dyn PhysicalExpr>, keep: Keep) -> usize {
        // Totals with squares serve those that ask for less.
        let serves = |known: Keep| known == keep || (known == Keep::Squares && keep == Keep::Sums);
        if let Some(index) = self.arguments.iter().position(|known| known.expr.eq(expr) && serves(known.keep)) {
            return index;
        }
        if keep == Keep::Squares {
            let sums = self.arguments.iter().position(|known| known.expr.eq(expr) && known.keep == Keep::Sums);
            if let Some(index) = sums {
                self.arguments[index].keep = Keep::Squares;
                return index;
            }
        }
        self.arguments.push(Argument { expr: Arc::clone(expr), second: None, keep });
        self.arguments.len() - 1
    }
}
