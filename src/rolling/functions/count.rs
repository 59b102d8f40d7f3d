//! `count`: the number of rows of the frame that have a value.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::functions_aggregate::count::count_udaf;

use super::{Definition, Function};
use crate::rolling::kernel::bounds::Frames;
use crate::rolling::kernel::counts::Counts;
use crate::rolling::keys::validity;
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::{Column, Kernel, NoColumn};

pub static COUNT: Function =
    Function { definition: Definition::Aggregate(count_udaf, "count(x)"), takes: "anything, or `*`", plan };

fn plan(call: &Call) -> Result<Option<Planned>> {
    if call.arguments.len() != 1 {
        return Ok(None);
    }
    if call.constant(0).is_some_and(|constant| !constant.is_null()) {
        return Ok(call.read_arguments::<NoColumn, _>(Vec::new(), (), || CountRows));
    }
    let cumulative = call.is_cumulative();
    Ok(call.read::<Counts, _>((), move || CountValues { cumulative, origin: None, end: 0 }))
}

/// Counts rows, whether NULL or not.
struct CountRows;

impl Kernel<NoColumn> for CountRows {
    fn evaluate(&mut self, _column: &NoColumn, frames: &Frames) -> Result<ArrayRef> {
        Ok(Arc::new(Int64Array::from_iter_values(frames.each().map(|(start, end)| (end - start) as i64))))
    }
}

impl Column for Counts {
    type Form = ();

    fn new(_form: &(), _types: &[DataType]) -> Self {
        Counts::default()
    }

    fn extend(&mut self, arrays: &[ArrayRef], _position: usize) -> Result<()> {
        self.extend(validity(&arrays[0]).as_deref(), arrays[0].len());
        Ok(())
    }

    fn release(&mut self, position: usize) {
        self.release(position);
    }

    fn bytes(&self) -> usize {
        self.bytes()
    }
}

/// Counts values that are not NULL.
struct CountValues {
    cumulative: bool,
    /// The start of the last frame, and the count before it.
    origin: Option<(usize, u64)>,
    end: usize,
}

impl Kernel<Counts> for CountValues {
    fn evaluate(&mut self, counts: &Counts, frames: &Frames) -> Result<ArrayRef> {
        let (origin, mut last) = (&mut self.origin, self.end);
        let found = Int64Array::from_iter_values(frames.each().map(|(start, end)| {
            let before = match origin {
                Some((position, before)) if *position == start => *before,
                _ => origin.insert((start, counts.before(start))).1,
            };
            last = end;
            (counts.before(end) - before) as i64
        }));
        self.end = last;
        Ok(Arc::new(found))
    }

    fn oldest(&self, spanned: usize) -> usize {
        if self.cumulative { self.end } else { spanned }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::Int64Type;

    use super::{CountValues, Counts, Frames, Kernel};

    #[test]
    fn a_count_goes_on_beyond_32_bits() {
        let mut counts = Counts::after(0);
        counts.extend(None, 1);
        let mut kernel = CountValues { cumulative: true, origin: None, end: 0 };
        kernel.evaluate(&counts, &Frames { start: vec![0], end: vec![1] }).expect("one row");
        // Start as if 2^32 rows had come before.
        let mut counts = Counts::after(1 << 32);
        counts.extend(None, 1);
        let found = kernel.evaluate(&counts, &Frames { start: vec![0], end: vec![1] }).expect("one row");
        assert_eq!(found.as_primitive::<Int64Type>().value(0), (1 << 32) + 1);
    }
}
