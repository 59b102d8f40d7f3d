//! The same SQL while the market moves.
//!
//! In: queries of the project, unchanged, and a log. Out: a row for each tick, as soon as the tick comes, with the bits that the query
//! gives over landed ticks; and the comparison that proves it. docs/live.md states what is promised.
//!
//! The modules are listed in the order in which a query, and then a tick, passes through them.

/// Why a query cannot run live.
mod refusal;

/// Tables that grow by themselves.
mod growing;

/// What is known about the rows of an operator.
mod flow;

/// The leaves of a live plan.
mod held;

/// Plans of filters and expressions, without the engine's streams.
mod direct;

/// A plan that is computed again with each poll.
mod step;

/// The right rows of other products in an ASOF JOIN of ticks.
mod passed;

/// The rows that ASOF joins of ticks find theirs among.
mod rights;

/// A part of a plan with a state.
mod stage;

/// Divides a plan into stages.
mod stages;

/// Ticks that wait until other products have passed them.
mod waiting;

/// The product and the time of rows.
mod keys;

/// What a plan holds, for people.
mod described;

/// A query as a plan that runs poll by poll.
mod plan;

/// How far back in the landed ticks queries look.
mod lookback;

/// Landed ticks, from which the state of windows is made at a start.
mod history;

/// How large the state of a query is, by the ticks that have landed.
mod state;

/// A query that runs, and where its rows go.
mod running;

/// Reads the log poll by poll, and passes the rows to the queries and on to where they go.
mod run;

/// Posts JSON to a webhook until it is taken.
pub mod webhook;

/// Where rows go.
pub mod sink;

/// Who is told when a condition over the rows becomes true.
pub mod alert;

/// The last row of each product, for people to look at.
mod board;

/// Counts rows on their way, and takes samples of them.
mod watched;

/// The models that queries score with.
mod models;

/// How long rows take.
mod latency;

/// What batch computed a value from.
mod frames;

/// Compares what was emitted with batch, bit for bit.
mod parity;

/// Compares samples of what is emitted, while it is emitted.
mod proof;

/// Joins scores with what happened, while they are emitted and afterwards.
pub mod outcomes;

mod error;

pub use board::Board;
pub use described::{Described, DescribedRight, DescribedWindow};
pub use error::Error;
pub use frames::{Computed, FrameRows, Framed};
pub use latency::Latency;
pub use lookback::ALWAYS;
pub use models::Models;
pub use parity::{Difference, Parity, parity};
pub use plan::{Emitted, LivePlan, OFFSET, PARTITION};
pub use proof::{Batch, Proof, Sampler};
pub use run::{Counts, Ended, Live, Options, Planned, Until};
pub use stage::Held;
pub use state::{Measured, OfProduct, measure_state};
pub use watched::Watched;
