//! The parts of a plan that keep a state from poll to poll: windows, and the right sides of ASOF joins of ticks.
//!
//! In: the rows of a poll. Out: what the rest of the plan reads at this poll.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::TaskContext;

use super::held::Slot;
use super::passed::Passed;
use super::rights::{Right, Rows};
use super::step::Step;
use crate::rolling::Carried;

/// A window, and the plan of its input.
pub struct Window {
    pub input: Step,
    pub state: Carried,
    /// Where its results go.
    pub slot: Arc<Slot>,
    /// Its expressions.
    pub names: Vec<String>,
}

/// What a state holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    pub rows: usize,
    /// Bytes of memory.
    pub bytes: usize,
    /// The partitions of a window.
    pub partitions: usize,
}

/// A part of a plan with a state.
pub enum Stage {
    Window(Box<Window>),
    Right(Box<Right>),
}

impl Stage {
    /// Takes the rows of a poll into the state; `ticks` are the ticks that the stage's input reads.
    pub async fn run(&mut self, ticks: &RecordBatch, context: &Arc<TaskContext>) -> Result<()> {
        match self {
            Stage::Window(window) => {
                let rows = window.input.run(context).await?;
                window.slot.put(vec![window.state.advance(&rows)?]);
            }
            Stage::Right(right) => {
                let rows = right.input.run(context).await?;
                match &mut right.rows {
                    Rows::Latest(latest) => right.slot.put(vec![latest.advance(&rows, ticks)?]),
                    Rows::Passed(passed) => passed.add(&rows)?,
                }
            }
        }
        Ok(())
    }

    /// Returns what is held.
    pub fn held(&self) -> Held {
        let (rows, bytes, partitions) = match self {
            Stage::Window(window) => (window.state.rows(), window.state.bytes(), window.state.partitions()),
            Stage::Right(right) => match &right.rows {
                Rows::Latest(latest) => (latest.rows(), latest.bytes(), 0),
                Rows::Passed(passed) => (passed.rows(), passed.bytes(), 0),
            },
        };
        Held { rows, bytes, partitions }
    }

    /// Returns the rows of another product that are kept.
    pub fn passed(&mut self) -> Option<(&mut Passed, &Arc<Slot>)> {
        match self {
            Stage::Right(right) => match &mut right.rows {
                Rows::Passed(passed) => Some((passed, &right.slot)),
                Rows::Latest(_) => None,
            },
            Stage::Window(_) => None,
        }
    }
}
