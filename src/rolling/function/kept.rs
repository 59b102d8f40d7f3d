//! What is kept of the arguments of squall's own window functions, and a frame's result from it.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, internal_datafusion_err};

use crate::rolling::kernel::bounds::Frames;
use crate::rolling::kernel::decay::{Decay, DecayScan, HalfLife};
use crate::rolling::kernel::gaps::{GapScan, Gaps};
use crate::rolling::kernel::holding::{Holding, HoldingScan};
use crate::rolling::kernel::pointer::Pointer;
use crate::rolling::kernel::returns::{Returns, Variation};
use crate::rolling::kernel::signs::Signs;
use crate::rolling::keys::{ascending, validity};
use crate::rolling::ordered::unordered;

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipe {
    /// What returns contribute to a variation.
    Returns(Variation),
    /// The signs of price changes.
    Signs,
    /// The gaps between times.
    Gaps,
    /// Values, and how long each holds; the times are the second part of the argument.
    Holding,
    /// Values weighted by age; the times are the second part of the argument.
    Decay { half_life: HalfLife, descending: bool },
}

/// The values of one argument that frames may still read.
#[derive(Debug)]
pub enum Kept {
    Returns(Box<Returns>),
    Signs(Signs),
    Gaps { gaps: Gaps, data_type: DataType },
    Holding(Holding),
    Decay { decay: Decay, descending: bool },
}

/// What a scan over moving frames remembers.
#[derive(Debug, Default)]
pub struct Scan {
    pointers: [Pointer; 2],
    gaps: GapScan,
    holding: HoldingScan,
    decay: DecayScan,
}

impl Kept {
    /// Prepares for an argument of this type.
    pub fn new(recipe: Recipe, data_type: &DataType) -> Kept {
        match recipe {
            Recipe::Returns(variation) => Kept::Returns(Box::new(Returns::new(variation))),
            Recipe::Signs => Kept::Signs(Signs::default()),
            Recipe::Gaps => {
                let data_type = match data_type {
                    DataType::Timestamp(unit, _) => DataType::Duration(*unit),
                    _ => DataType::Int64,
                };
                Kept::Gaps { gaps: Gaps::default(), data_type }
            }
            Recipe::Holding => Kept::Holding(Holding::default()),
            Recipe::Decay { half_life, descending } => Kept::Decay { decay: Decay::new(half_life), descending },
        }
    }

    /// Adds a batch's values, and the times that are the second part of the argument.
    pub fn extend(&mut self, array: &ArrayRef, times: Option<&ArrayRef>) -> Result<()> {
        let valid = validity(array);
        let doubles = || array.as_primitive::<Float64Type>().values();
        let times = || times.ok_or_else(|| internal_datafusion_err!("values are weighted by their times"));
        let both = |times: &ArrayRef| -> Vec<bool> {
            (0..array.len()).map(|row| array.is_valid(row) && times.is_valid(row)).collect()
        };
        match self {
            Kept::Returns(returns) => returns.extend(doubles(), valid.as_deref()),
            Kept::Signs(signs) => signs.extend(doubles(), valid.as_deref()),
            Kept::Gaps { gaps, .. } => gaps.extend(&ascending(array, false)?, valid.as_deref()),
            Kept::Holding(holding) => {
                let times = times()?;
                holding.extend(doubles(), &ascending(times, false)?, &both(times));
            }
            Kept::Decay { decay, descending } => {
                let times = times()?;
                decay.extend(doubles(), &ascending(times, *descending)?, &both(times));
            }
        }
        Ok(())
    }

    /// Forgets rows before `position`.
    pub fn release(&mut self, position: usize) {
        match self {
            Kept::Returns(returns) => returns.release(position),
            Kept::Signs(signs) => signs.release(position),
            Kept::Gaps { gaps, .. } => gaps.release(position),
            Kept::Holding(holding) => holding.release(position),
            Kept::Decay { decay, .. } => decay.release(position),
        }
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        match self {
            Kept::Returns(returns) => returns.bytes(),
            Kept::Signs(signs) => signs.bytes(),
            Kept::Gaps { gaps, .. } => gaps.bytes(),
            Kept::Holding(holding) => holding.bytes(),
            Kept::Decay { decay, .. } => decay.bytes(),
        }
    }

    /// Computes the results of the given frames, which follow those of the call before.
    pub fn evaluate(&self, scan: &mut Scan, frames: &Frames) -> Result<ArrayRef> {
        let each = || frames.start.iter().copied().zip(frames.end.iter().copied());
        let doubles: Float64Array = match self {
            Kept::Returns(returns) => {
                each().map(|(start, end)| returns.variation(&mut scan.pointers[0], start, end)).collect()
            }
            Kept::Signs(signs) => each().map(|(start, end)| signs.imbalance(&mut scan.pointers, start, end)).collect(),
            Kept::Gaps { gaps, data_type } => {
                let mut greatest = Vec::with_capacity(frames.start.len());
                gaps.greatest(&mut scan.gaps, frames, |gap| greatest.push(gap));
                return unordered(greatest, data_type);
            }
            Kept::Holding(holding) => {
                each().map(|(start, end)| holding.average(&mut scan.holding, start, end)).collect()
            }
            Kept::Decay { decay, .. } => each().map(|(start, end)| decay.mean(&mut scan.decay, start, end)).collect(),
        };
        Ok(Arc::new(doubles))
    }
}
