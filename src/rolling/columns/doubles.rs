//! Doubles and their exact totals: a total at every row if frames slide, or one per partition if frames only grow.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;

use crate::rolling::kernel::bounds::Frames;
use crate::rolling::kernel::cumulative::{Cumulative, NewValues, RunningTotals};
use crate::rolling::kernel::moments::{Moments, Powers};
use crate::rolling::keys::validity;
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::{Column, Figure, Kernel};

impl Column for Moments {
    type Form = Powers;

    fn new(powers: &Powers, _types: &[DataType]) -> Self {
        Moments::new(*powers)
    }

    /// Totals that include squares also serve figures that need fewer powers.
    fn common_form(a: &Powers, b: &Powers) -> Option<Powers> {
        Some(if a == b { *a } else { Powers::ValuesAndSquares })
    }

    fn extend(&mut self, arrays: &[ArrayRef], _position: usize) -> Result<()> {
        let values = arrays[0].as_primitive::<Float64Type>();
        self.extend(values.values(), validity(values).as_deref());
        Ok(())
    }

    fn release(&mut self, position: usize) {
        self.release(position);
    }

    fn bytes(&self) -> usize {
        self.bytes()
    }
}

impl Column for NewValues {
    type Form = ();

    fn new(_form: &(), _types: &[DataType]) -> Self {
        NewValues::default()
    }

    fn extend(&mut self, arrays: &[ArrayRef], _position: usize) -> Result<()> {
        let values = arrays[0].as_primitive::<Float64Type>();
        self.extend(values.values(), validity(values).as_deref());
        Ok(())
    }

    fn release(&mut self, position: usize) {
        self.release(position);
    }

    fn bytes(&self) -> usize {
        self.bytes()
    }
}

/// Computes a figure of all rows since the partition began; `SQUARES` says whether it needs the sum of squares.
struct Growing<const SQUARES: bool> {
    totals: RunningTotals,
    figure: fn(&Cumulative) -> Option<f64>,
    end: usize,
}

impl<const SQUARES: bool> Kernel<NewValues> for Growing<SQUARES> {
    fn evaluate(&mut self, values: &NewValues, frames: &Frames) -> Result<ArrayRef> {
        let mut found = Vec::with_capacity(frames.start.len());
        self.totals.advance::<SQUARES>(values, frames, self.figure, |value| found.push(value));
        self.end = frames.end.last().copied().unwrap_or(self.end);
        Ok(Arc::new(Float64Array::from(found)))
    }

    /// The totals already contain the rows that they have passed.
    fn oldest(&self, _spanned: usize) -> usize {
        self.end
    }

    fn bytes(&self) -> usize {
        self.totals.bytes()
    }
}

/// Plans a figure of the totals of one argument of doubles: `sliding` for frames in general, `growing` for frames that hold
/// all rows since the partition began.
pub fn plan<F>(call: &Call, powers: Powers, sliding: F, growing: fn(&Cumulative) -> Option<f64>) -> Option<Planned>
where
    F: Fn(&Moments, usize, usize) -> Option<f64> + Copy + Send + Sync + 'static,
{
    if !call.takes_doubles(1) {
        return None;
    }
    if !call.is_cumulative() {
        return call.read::<Moments, _>(powers, move || Figure(sliding));
    }
    let (totals, end) = (RunningTotals::default, 0);
    match powers {
        Powers::Values => {
            call.read::<NewValues, _>((), move || Growing::<false> { totals: totals(), figure: growing, end })
        }
        Powers::ValuesAndSquares => {
            call.read::<NewValues, _>((), move || Growing::<true> { totals: totals(), figure: growing, end })
        }
    }
}
