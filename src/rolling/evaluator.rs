//! One call's results: of each frame, from what is kept of its argument.

use std::collections::VecDeque;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, Float64Array, Int64Array, UInt64Array};
use datafusion::arrow::compute::interleave;
use datafusion::common::{Result, ScalarValue, internal_datafusion_err};

use super::column::Column;
use super::coverage::Output;
use super::function::kept::Scan;
use super::kernel::bounds::Frames;
use super::kernel::extremum::{Extremum, Which};
use super::ordered::unordered;

/// One call's state beside the columns: what a scan over moving frames must remember.
#[derive(Debug)]
pub struct Evaluator {
    output: Output,
    extremum: Option<Extremum>,
    own: Option<Box<Scan>>,
}

impl Evaluator {
    pub fn new(output: Output) -> Self {
        let extremum = match output {
            Output::Extremum { greatest, .. } => {
                Some(Extremum::new(if greatest { Which::Greatest } else { Which::Least }))
            }
            _ => None,
        };
        let own = matches!(output, Output::Own { .. }).then(Box::default);
        Evaluator { output, extremum, own }
    }

    /// Returns the index of the column read, if one is.
    pub fn column(&self) -> Option<usize> {
        match &self.output {
            Output::CountRows | Output::RowNumber => None,
            Output::Count { column }
            | Output::Sum { column }
            | Output::IntegerSum { column, .. }
            | Output::Mean { column }
            | Output::Variance { column, .. }
            | Output::Extremum { column, .. }
            | Output::Pair { column, .. }
            | Output::Own { column }
            | Output::Row { column, .. } => Some(*column),
        }
    }

    /// Computes the results of the given frames, which follow those of the call before.
    pub fn evaluate(&mut self, columns: &[Column], frames: &Frames) -> Result<ArrayRef> {
        let column = self.column().map(|index| &columns[index]);
        let each = || frames.start.iter().copied().zip(frames.end.iter().copied());
        Ok(match (&self.output, column) {
            (Output::CountRows, _) => {
                Arc::new(Int64Array::from_iter_values(each().map(|(start, end)| (end - start) as i64)))
            }
            (Output::RowNumber, _) => {
                Arc::new(UInt64Array::from_iter_values(each().map(|(start, end)| (end - start) as u64)))
            }
            (Output::Count { .. }, Some(Column::Presence(counts))) => Arc::new(Int64Array::from_iter_values(
                each().map(|(start, end)| i64::from(counts.at(end).wrapping_sub(counts.at(start)))),
            )),
            (Output::Sum { .. }, Some(Column::Moments(moments))) => {
                doubles(each().map(|(start, end)| moments.sum(start, end)))
            }
            (Output::Mean { .. }, Some(Column::Moments(moments))) => {
                doubles(each().map(|(start, end)| moments.mean(start, end)))
            }
            (Output::Variance { sample, root, .. }, Some(Column::Moments(moments))) => match (sample, root) {
                (true, true) => doubles(each().map(|(start, end)| moments.variance::<true, true>(start, end))),
                (true, false) => doubles(each().map(|(start, end)| moments.variance::<true, false>(start, end))),
                (false, true) => doubles(each().map(|(start, end)| moments.variance::<false, true>(start, end))),
                (false, false) => doubles(each().map(|(start, end)| moments.variance::<false, false>(start, end))),
            },
            (Output::IntegerSum { unsigned, .. }, Some(Column::Integers { sums, counts })) => {
                let sum = |(start, end): (usize, usize)| {
                    (counts.at(end) != counts.at(start)).then(|| sums.at(end).wrapping_sub(sums.at(start)))
                };
                if *unsigned {
                    Arc::new(UInt64Array::from_iter(each().map(|frame| sum(frame).map(i64::cast_unsigned))))
                } else {
                    Arc::new(Int64Array::from_iter(each().map(sum)))
                }
            }
            (Output::Pair { statistic, .. }, Some(Column::Pairs(pairs))) => {
                doubles(each().map(|(start, end)| pairs.statistic(*statistic, start, end)))
            }
            (Output::Own { .. }, Some(Column::Own(kept))) => kept.evaluate(self.own.get_or_insert_default(), frames)?,
            (Output::Extremum { .. }, Some(Column::Order { values, data_type })) => {
                let mut keys = Vec::with_capacity(frames.start.len());
                if let Some(extremum) = &mut self.extremum {
                    extremum.advance(values, frames, |key| keys.push(key));
                }
                unordered(keys, data_type)?
            }
            (Output::Row { index, default, .. }, Some(Column::Values(arrays))) => {
                gather(arrays, *index, default, frames)?
            }
            (output, column) => return Err(internal_datafusion_err!("{output:?} cannot read {column:?}")),
        })
    }
}

fn doubles(values: impl Iterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(Float64Array::from_iter(values))
}

fn gather(
    arrays: &VecDeque<(usize, ArrayRef)>,
    index: i64,
    default: &ScalarValue,
    frames: &Frames,
) -> Result<ArrayRef> {
    let default = default.to_array()?;
    let mut sources: Vec<&dyn Array> = vec![default.as_ref()];
    sources.extend(arrays.iter().map(|(_, array)| array.as_ref()));
    let mut current = 0;
    let distance = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
    let picks: Vec<(usize, usize)> = frames
        .start
        .iter()
        .zip(&frames.end)
        .map(|(start, end)| {
            let position = if index >= 0 {
                start.checked_add(distance).filter(|position| position < end)
            } else {
                end.checked_sub(distance).filter(|position| position >= start)
            };
            let Some(position) = position else { return (0, 0) };
            while arrays.get(current).is_some_and(|(first, array)| first + array.len() <= position) {
                current += 1;
            }
            (current + 1, position - arrays[current].0)
        })
        .collect();
    Ok(interleave(&sources, &picks)?)
}
