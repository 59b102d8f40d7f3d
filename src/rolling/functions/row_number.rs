//! `row_number`: the number of rows of the partition up to and including this one.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, UInt64Array};
use datafusion::common::Result;
use datafusion::functions_window::row_number::row_number_udwf;

use super::{Definition, Function};
use crate::rolling::kernel::bounds::{Edge, FrameSpec, Frames, Units};
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::{Kernel, NoColumn, Source};

pub static ROW_NUMBER: Function =
    Function { definition: Definition::Window(row_number_udwf, "row_number()"), takes: "none", plan };

fn plan(_call: &Call) -> Result<Option<Planned>> {
    let frame = FrameSpec { units: Units::Rows, start: Edge::Unbounded, end: Edge::Offset(0) };
    Ok(Some(Planned { frame, source: Box::new(Source::<NoColumn>::new(Vec::new(), (), || RowNumber)) }))
}

/// Counts rows.
struct RowNumber;

impl Kernel<NoColumn> for RowNumber {
    fn evaluate(&mut self, _column: &NoColumn, frames: &Frames) -> Result<ArrayRef> {
        Ok(Arc::new(UInt64Array::from_iter_values(frames.each().map(|(start, end)| (end - start) as u64))))
    }
}
