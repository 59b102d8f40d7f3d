//! A call during planning: what is known about it, and what computes it.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::ScalarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;

use super::kernel::bounds::{Edge, FrameSpec};
use super::reading::{AnySource, Column, Kernel, Source};

/// The ORDER BY column of a window that has exactly one.
#[derive(Debug, Clone)]
pub struct OrderKey {
    pub expr: Arc<dyn PhysicalExpr>,
    pub data_type: DataType,
    pub descending: bool,
}

/// A call without DISTINCT and FILTER.
#[derive(Debug)]
pub struct Call<'a> {
    pub arguments: &'a [Arc<dyn PhysicalExpr>],
    /// The schema of the rows on which arguments are evaluated.
    pub input: &'a Schema,
    /// The window's frame; `None` if the kernels cannot count it.
    pub frame: Option<FrameSpec>,
    /// How many ORDER BY columns the window has.
    pub order_columns: usize,
    pub order: Option<OrderKey>,
    /// Whether the call skips rows whose argument is NULL.
    pub ignores_nulls: bool,
}

/// What computes a call.
#[derive(Debug)]
pub struct Planned {
    pub frame: FrameSpec,
    pub source: Box<dyn AnySource>,
}

impl Call<'_> {
    /// Returns the type of an argument.
    pub fn data_type(&self, index: usize) -> Option<DataType> {
        self.arguments.get(index)?.data_type(self.input).ok()
    }

    /// Returns whether the call has this many arguments and all are doubles.
    pub fn takes_doubles(&self, count: usize) -> bool {
        self.arguments.len() == count && (0..count).all(|index| self.data_type(index) == Some(DataType::Float64))
    }

    /// Returns an argument's value, if it is constant.
    pub fn constant(&self, index: usize) -> Option<&ScalarValue> {
        Some(self.arguments.get(index)?.downcast_ref::<Literal>()?.value())
    }

    /// Returns an argument's value as an integer: `Some(None)` if the call does not have this argument, `None` if it is not
    /// a constant integer.
    pub fn optional_integer(&self, index: usize) -> Option<Option<i64>> {
        if self.arguments.len() <= index {
            return Some(None);
        }
        match self.constant(index)?.cast_to(&DataType::Int64).ok()? {
            ScalarValue::Int64(Some(value)) => Some(Some(value)),
            _ => None,
        }
    }

    /// Returns whether all frames of a partition begin at the partition's first row.
    pub fn is_cumulative(&self) -> bool {
        self.frame.is_some_and(|frame| frame.start == Edge::Unbounded)
    }

    /// Plans a kernel that reads a column of all arguments over the window's frame; `None` if the kernels cannot count the frame.
    pub fn read<C: Column, K: Kernel<C> + 'static>(
        &self,
        form: C::Form,
        kernel: impl Fn() -> K + Send + Sync + 'static,
    ) -> Option<Planned> {
        self.read_arguments(self.arguments.to_vec(), form, kernel)
    }

    /// Plans a kernel that reads a column of some arguments over the window's frame.
    pub fn read_arguments<C: Column, K: Kernel<C> + 'static>(
        &self,
        arguments: Vec<Arc<dyn PhysicalExpr>>,
        form: C::Form,
        kernel: impl Fn() -> K + Send + Sync + 'static,
    ) -> Option<Planned> {
        Some(Planned { frame: self.frame?, source: Box::new(Source::new(arguments, form, kernel)) })
    }
}
