//! From the log to Parquet, exactly once; compaction.
//!
//! In: a [`crate::log::Log`]. Out: `data/ticks/<topic>-<partition>-<first>-<last>.parquet`, and `data/dead/` for messages
//! that cannot become rows. `docs/landing.md` states the guarantees and why they hold.

mod by_time;
mod claims;
mod columns;
mod commit;
mod compact;
mod connections;
mod damage;
mod dead;
mod encode;
mod error;
pub mod files;
pub mod folder;
mod identify;
mod inspect;
mod lander;
mod lease;
mod lock;
pub mod measure;
mod origin;
mod pending;
mod place;
mod read;
mod recover;
mod repair;
pub mod retention;
pub mod summary;
mod tail;

pub use columns::{Row, rows};
pub use compact::{Compaction, compact, merge};
pub use damage::guarded;
pub use encode::{Footer, check_name};
pub use error::{Error, Stranger};
pub use files::{Coverage, Landed, LandedFile};
pub use folder::Folder;
pub use identify::landed_name;
pub use inspect::{Compared, Inspected, compare, inspect};
pub use lander::{Lander, Landing, Options};
pub use lock::Lock;
pub use origin::Origin;
pub use place::Place;
pub use recover::read_footer;
pub use repair::{Repair, repair};
pub use summary::Summary;
pub use tail::{Portion, Tail};
