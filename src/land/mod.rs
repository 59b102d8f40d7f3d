//! From the log to Parquet, exactly once; compaction.
//!
//! In: a [`crate::log::Log`]. Out: `data/ticks/<topic>-<partition>-<first>-<last>.parquet`, and `data/dead/` for what no row
//! can be made of. `docs/landing.md` says what is promised, and why it holds.

mod columns;
mod compact;
mod connections;
mod dead;
mod encode;
mod error;
pub mod files;
pub mod folder;
mod lander;
mod order;
mod pending;
mod read;
mod recover;
pub mod summary;

pub use columns::{Row, rows};
pub use compact::{Compaction, compact, merge};
pub use error::Error;
pub use files::{Coverage, Landed, LandedFile};
pub use folder::Folder;
pub use lander::{Lander, Landing, Options};
pub use order::{Rules, Status};
pub use recover::read_summary;
pub use summary::Summary;
