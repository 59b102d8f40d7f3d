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
use super::kernel::cumulative::{Cumulative, Passage};
use super::kernel::extremum::{Extremum, Which};
use super::kernel::quantile::Quantile;
use super::ordered::{floats, from_key, unordered};

/// One call's state beside the columns: what a scan over moving frames must remember.
#[derive(Debug)]
pub struct Evaluator {
    output: Output,
    /// Whether all frames of a partition begin where it does.
    cumulative: bool,
    state: State,
    /// Where the last frame ended.
    end: usize,
}

/// What is remembered, by kind of output.
#[derive(Debug)]
enum State {
    Nothing,
    Extremum(Extremum),
    Quantile(Quantile),
    Passage(Passage),
    /// The counts, and the sum of integers, at the row where the last frame began.
    Origin {
        position: usize,
        count: u32,
        sum: i64,
    },
    /// What one of squall's own functions remembers.
    Own(Box<Scan>),
    /// The row picked last, at its position.
    Picked(Option<(usize, ArrayRef)>),
}

impl Evaluator {
    /// Prepares for an output; `cumulative` says that all frames of a partition begin where it does.
    pub fn new(output: Output, cumulative: bool) -> Self {
        let state = match output {
            Output::Extremum { greatest, .. } => {
                let which = if greatest { Which::Greatest } else { Which::Least };
                State::Extremum(Extremum::new(which, cumulative))
            }
            Output::Quantile { rank, .. } => State::Quantile(Quantile::new(rank)),
            Output::Sum { .. } | Output::Mean { .. } | Output::Variance { .. } if cumulative => {
                State::Passage(Passage::default())
            }
            Output::Count { .. } | Output::IntegerSum { .. } => {
                State::Origin { position: usize::MAX, count: 0, sum: 0 }
            }
            Output::Own { .. } => State::Own(Box::default()),
            Output::Row { .. } => State::Picked(None),
            _ => State::Nothing,
        };
        Evaluator { output, cumulative, state, end: 0 }
    }

    /// Returns the bytes of memory held beside the columns.
    pub fn bytes(&self) -> usize {
        match &self.state {
            State::Nothing | State::Origin { .. } | State::Own(_) => 0,
            State::Extremum(extremum) => extremum.bytes(),
            State::Quantile(quantile) => quantile.bytes(),
            State::Passage(passage) => passage.bytes(),
            State::Picked(picked) => picked.as_ref().map_or(0, |(_, row)| row.get_array_memory_size()),
        }
    }

    /// Returns the first position of the column that is still to be read, given the first that a later frame spans.
    pub fn oldest(&self, spanned: usize) -> usize {
        match (&self.state, &self.output) {
            // These remember what they need of the rows that they have passed.
            (State::Extremum(_) | State::Quantile(_) | State::Passage(_), _) => self.end,
            (State::Origin { .. }, _) if self.cumulative => self.end,
            (State::Picked(_), Output::Row { index, .. }) if *index < 0 => {
                let back = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
                spanned.max(self.end.saturating_sub(back))
            }
            (State::Picked(_), _) if self.cumulative => self.end,
            _ => spanned,
        }
    }

    /// Computes the results of the given frames, which follow those of the call before.
    pub fn evaluate(&mut self, columns: &[Column], frames: &Frames) -> Result<ArrayRef> {
        let column = self.output.column().map(|index| &columns[index]);
        let each = || frames.start.iter().copied().zip(frames.end.iter().copied());
        self.end = frames.end.last().copied().unwrap_or(self.end);
        Ok(match (&self.output, column, &mut self.state) {
            (Output::CountRows, ..) => {
                Arc::new(Int64Array::from_iter_values(each().map(|(start, end)| (end - start) as i64)))
            }
            (Output::RowNumber, ..) => {
                Arc::new(UInt64Array::from_iter_values(each().map(|(start, end)| (end - start) as u64)))
            }
            (Output::Count { .. }, Some(Column::Presence(counts)), State::Origin { position, count, .. }) => {
                Arc::new(Int64Array::from_iter_values(each().map(|(start, end)| {
                    if *position != start {
                        (*position, *count) = (start, counts.at(start));
                    }
                    i64::from(counts.at(end).wrapping_sub(*count))
                })))
            }
            (
                Output::IntegerSum { unsigned, .. },
                Some(Column::Integers { sums, counts }),
                State::Origin { position, count, sum },
            ) => {
                let found = each().map(|(start, end)| {
                    if *position != start {
                        (*position, *count, *sum) = (start, counts.at(start), sums.at(start));
                    }
                    (counts.at(end) != *count).then(|| sums.at(end).wrapping_sub(*sum))
                });
                if *unsigned {
                    Arc::new(UInt64Array::from_iter(found.map(|sum| sum.map(i64::cast_unsigned))))
                } else {
                    Arc::new(Int64Array::from_iter(found))
                }
            }
            (Output::Sum { .. }, Some(Column::Moments(moments)), _) => {
                doubles(each().map(|(start, end)| moments.sum(start, end)))
            }
            (Output::Mean { .. }, Some(Column::Moments(moments)), _) => {
                doubles(each().map(|(start, end)| moments.mean(start, end)))
            }
            (Output::Variance { sample, root, .. }, Some(Column::Moments(moments)), _) => match (sample, root) {
                (true, true) => doubles(each().map(|(start, end)| moments.variance::<true, true>(start, end))),
                (true, false) => doubles(each().map(|(start, end)| moments.variance::<true, false>(start, end))),
                (false, true) => doubles(each().map(|(start, end)| moments.variance::<false, true>(start, end))),
                (false, false) => doubles(each().map(|(start, end)| moments.variance::<false, false>(start, end))),
            },
            (output, Some(Column::Ahead(ahead)), State::Passage(passage)) => {
                let mut found = Vec::with_capacity(frames.start.len());
                let emit = |value| found.push(value);
                match output {
                    Output::Sum { .. } => passage.advance::<false>(ahead, frames, Cumulative::sum, emit),
                    Output::Mean { .. } => passage.advance::<false>(ahead, frames, Cumulative::mean, emit),
                    Output::Variance { sample, root, .. } => {
                        let figure = match (sample, root) {
                            (true, true) => Cumulative::variance::<true, true>,
                            (true, false) => Cumulative::variance::<true, false>,
                            (false, true) => Cumulative::variance::<false, true>,
                            (false, false) => Cumulative::variance::<false, false>,
                        };
                        passage.advance::<true>(ahead, frames, figure, emit);
                    }
                    _ => return Err(internal_datafusion_err!("{output:?} is no total of doubles")),
                }
                doubles(found.into_iter())
            }
            (Output::PairCount { .. }, Some(Column::Pairs(pairs)), _) => {
                Arc::new(UInt64Array::from_iter_values(each().map(|(start, end)| u64::from(pairs.count(start, end)))))
            }
            (Output::Pair { statistic, .. }, Some(Column::Pairs(pairs)), _) => {
                doubles(each().map(|(start, end)| pairs.statistic(*statistic, start, end)))
            }
            (Output::Extremum { .. }, Some(Column::Order { values, data_type }), State::Extremum(extremum)) => {
                let mut keys = Vec::with_capacity(frames.start.len());
                extremum.advance(values, frames, |key| keys.push(key));
                unordered(keys, data_type)?
            }
            (Output::Quantile { .. }, Some(Column::Order { values, data_type }), State::Quantile(quantile)) => {
                let mut found = Vec::with_capacity(frames.start.len());
                quantile.advance(values, frames, |key| from_key(key, data_type), |value| found.push(value));
                floats(found, data_type)
            }
            (Output::Own { .. }, Some(Column::Own(kept)), State::Own(scan)) => kept.evaluate(scan, frames)?,
            (Output::Row { index, default, .. }, Some(Column::Values(arrays)), State::Picked(picked)) => {
                pick(arrays, *index, default, frames, picked)?
            }
            (output, column, _) => return Err(internal_datafusion_err!("{output:?} cannot read {column:?}")),
        })
    }
}

fn doubles(values: impl Iterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(Float64Array::from_iter(values))
}

/// Gathers the row of each frame at an index; `picked` is the row of the last frame before, which `arrays` may have forgotten,
/// and becomes that of the last of these.
fn pick(
    arrays: &VecDeque<(usize, ArrayRef)>,
    index: i64,
    default: &ScalarValue,
    frames: &Frames,
    picked: &mut Option<(usize, ArrayRef)>,
) -> Result<ArrayRef> {
    let distance = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
    let default = default.to_array()?;
    let mut sources: Vec<&dyn Array> = vec![default.as_ref()];
    if let Some((_, row)) = picked.as_ref() {
        sources.push(row.as_ref());
    }
    let known = picked.as_ref().map(|(position, _)| *position);
    // Positions only grow, and with them the array that holds the next.
    let mut current: Option<(usize, &ArrayRef)> = None;
    let mut last = None;
    let mut picks: Vec<(usize, usize)> = Vec::with_capacity(frames.start.len());
    for (start, end) in frames.start.iter().zip(&frames.end) {
        let position = if index >= 0 {
            start.checked_add(distance).filter(|position| position < end)
        } else {
            end.checked_sub(distance).filter(|position| position >= start)
        };
        last = position;
        let Some(position) = position else {
            picks.push((0, 0));
            continue;
        };
        if Some(position) == known {
            picks.push((1, 0));
            continue;
        }
        if current.is_none_or(|(first, array)| first + array.len() <= position) {
            let holds = arrays.partition_point(|(first, array)| first + array.len() <= position);
            let (first, array) = &arrays[holds];
            current = Some((*first, array));
            sources.push(array.as_ref());
        }
        if let Some((first, _)) = current {
            picks.push((sources.len() - 1, position - first));
        }
    }
    let found = interleave(&sources, &picks)?;
    *picked = last.zip(found.len().checked_sub(1)).map(|(position, row)| (position, found.slice(row, 1)));
    Ok(found)
}
