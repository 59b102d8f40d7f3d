//! Columns, the kernels that read them, and how a program stores both.
//!
//! A [`Column`] stores what is needed of some arguments: rows are added, and are released when no frame can read them any
//! more. A [`Kernel`] computes the results of one call from a column, one result per frame. Calls that read the same
//! arguments in the same way share one column. Types are checked when a call is planned. When rows come, a batch costs one
//! dynamic call per column and one per call in SQL.
//!
//! | | told by the engine | asked by the engine |
//! | --- | --- | --- |
//! | column | `extend`: rows have come; `release`: rows before a position will not be read again | `bytes` |
//! | kernel | | `evaluate`: the results of frames; `oldest`: what it still reads; `bytes` |

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::physical_plan::PhysicalExpr;

use super::kernel::bounds::Frames;

/// What is stored of some arguments, as long as a frame may read it.
pub trait Column: fmt::Debug + Send + Sized + 'static {
    /// What distinguishes columns over the same arguments.
    type Form: fmt::Debug + Clone + PartialEq + Send + Sync;

    /// Prepares for arguments of these types; the first row will be at position 0.
    fn new(form: &Self::Form, types: &[DataType]) -> Self;

    /// Returns the form of a column that serves both; `None` if each needs its own column.
    fn common_form(a: &Self::Form, b: &Self::Form) -> Option<Self::Form> {
        (a == b).then(|| a.clone())
    }

    /// Adds a batch's rows, one array per argument; the first row is at `position`.
    fn extend(&mut self, arrays: &[ArrayRef], position: usize) -> Result<()>;

    /// Forgets rows before `position`.
    fn release(&mut self, position: usize);

    /// Returns the bytes of memory held.
    fn bytes(&self) -> usize;
}

/// What computes one call's results from a column.
pub trait Kernel<C>: Send {
    /// Computes the results of the given frames, which must follow those of the previous call.
    fn evaluate(&mut self, column: &C, frames: &Frames) -> Result<ArrayRef>;

    /// Returns the first position of the column that must still be read, given the first position that a later frame spans.
    fn oldest(&self, spanned: usize) -> usize {
        spanned
    }

    /// Returns the bytes of memory held, not counting the column.
    fn bytes(&self) -> usize {
        0
    }
}

/// A kernel that computes a double from each frame alone.
pub struct Figure<F>(pub F);

impl<C, F: FnMut(&C, usize, usize) -> Option<f64> + Send> Kernel<C> for Figure<F> {
    fn evaluate(&mut self, column: &C, frames: &Frames) -> Result<ArrayRef> {
        let figures = frames.each().map(|(start, end)| (self.0)(column, start, end));
        Ok(Arc::new(Float64Array::from_iter(figures)))
    }
}

/// A column for calls that read no values.
#[derive(Debug)]
pub struct NoColumn;

impl Column for NoColumn {
    type Form = ();

    fn new(_form: &(), _types: &[DataType]) -> Self {
        NoColumn
    }

    fn extend(&mut self, _arrays: &[ArrayRef], _position: usize) -> Result<()> {
        Ok(())
    }

    fn release(&mut self, _position: usize) {}

    fn bytes(&self) -> usize {
        0
    }
}

/// Makes a kernel for one pass over rows.
type MakeKernel<C> = Arc<dyn Fn() -> Box<dyn Kernel<C>> + Send + Sync>;

/// A planned call: its positions among the program's calls and frames, and its kernel.
struct Reader<C> {
    call: usize,
    frame: usize,
    kernel: MakeKernel<C>,
}

/// A planned column, and the calls that read it.
pub struct Source<C: Column> {
    arguments: Vec<Arc<dyn PhysicalExpr>>,
    form: C::Form,
    readers: Vec<Reader<C>>,
}

impl<C: Column> Source<C> {
    /// Plans a column for one call.
    pub fn new<K: Kernel<C> + 'static>(
        arguments: Vec<Arc<dyn PhysicalExpr>>,
        form: C::Form,
        kernel: impl Fn() -> K + Send + Sync + 'static,
    ) -> Self {
        let kernel: MakeKernel<C> = Arc::new(move || Box::new(kernel()));
        Source { arguments, form, readers: vec![Reader { call: 0, frame: 0, kernel }] }
    }
}

impl<C: Column> fmt::Debug for Source<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("arguments", &self.arguments).field("form", &self.form).finish_non_exhaustive()
    }
}

/// A planned column of any type.
pub trait AnySource: Any + fmt::Debug + Send + Sync {
    /// Returns the arguments from which the column is made.
    fn arguments(&self) -> &[Arc<dyn PhysicalExpr>];

    /// Sets the positions of the only reader among the program's calls and frames.
    fn assign(&mut self, call: usize, frame: usize);

    /// Returns whether a reader uses this frame.
    fn reads(&self, frame: usize) -> bool;

    /// Takes over the readers of another source if one column can serve both; returns whether it can.
    fn take_over(&mut self, other: &mut dyn Any) -> bool;

    /// Begins a pass over rows, given the types of the arguments.
    fn start(&self, types: &[DataType]) -> Box<dyn Reading>;
}

impl<C: Column> AnySource for Source<C> {
    fn arguments(&self) -> &[Arc<dyn PhysicalExpr>] {
        &self.arguments
    }

    fn assign(&mut self, call: usize, frame: usize) {
        for reader in &mut self.readers {
            (reader.call, reader.frame) = (call, frame);
        }
    }

    fn reads(&self, frame: usize) -> bool {
        self.readers.iter().any(|reader| reader.frame == frame)
    }

    fn take_over(&mut self, other: &mut dyn Any) -> bool {
        let Some(other) = other.downcast_mut::<Source<C>>() else { return false };
        if self.arguments != other.arguments {
            return false;
        }
        let Some(form) = C::common_form(&self.form, &other.form) else { return false };
        self.form = form;
        self.readers.append(&mut other.readers);
        true
    }

    fn start(&self, types: &[DataType]) -> Box<dyn Reading> {
        let calls = self
            .readers
            .iter()
            .map(|reader| Running { call: reader.call, frame: reader.frame, kernel: (reader.kernel)() })
            .collect();
        Box::new(Pass { column: C::new(&self.form, types), held_from: 0, calls })
    }
}

/// A pass over the rows of one column, together with the calls that read it.
pub trait Reading: Send {
    /// Adds a batch's rows, one array per argument; the first row is at `position`.
    fn extend(&mut self, arrays: &[ArrayRef], position: usize) -> Result<()>;

    /// Adds each call's results to `results`, with the call's index, given the frames of the program.
    fn evaluate(&mut self, frames: &[Frames], results: &mut Vec<(usize, ArrayRef)>) -> Result<()>;

    /// Forgets rows that no later frame can read, given each frame's oldest position and the position of the next row.
    fn release(&mut self, oldest: &[usize], next: usize);

    /// Returns the first position held.
    fn held_from(&self) -> usize;

    /// Returns the bytes of memory held.
    fn bytes(&self) -> usize;
}

/// A call of a pass.
struct Running<C> {
    call: usize,
    frame: usize,
    kernel: Box<dyn Kernel<C>>,
}

/// The state of a pass.
struct Pass<C> {
    column: C,
    held_from: usize,
    calls: Vec<Running<C>>,
}

impl<C: Column> Reading for Pass<C> {
    fn extend(&mut self, arrays: &[ArrayRef], position: usize) -> Result<()> {
        self.column.extend(arrays, position)
    }

    fn evaluate(&mut self, frames: &[Frames], results: &mut Vec<(usize, ArrayRef)>) -> Result<()> {
        for running in &mut self.calls {
            results.push((running.call, running.kernel.evaluate(&self.column, &frames[running.frame])?));
        }
        Ok(())
    }

    fn release(&mut self, oldest: &[usize], next: usize) {
        let needed = self.calls.iter().map(|running| running.kernel.oldest(oldest[running.frame]));
        self.held_from = needed.fold(next, usize::min);
        self.column.release(self.held_from);
    }

    fn held_from(&self) -> usize {
        self.held_from
    }

    fn bytes(&self) -> usize {
        self.column.bytes() + self.calls.iter().map(|running| running.kernel.bytes()).sum::<usize>()
    }
}
