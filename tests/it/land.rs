//! Landing: log → Parquet, exactly once, whatever interrupts it.

mod backfill;
mod compaction;
mod failures;
mod holes;
mod identity;
pub mod memory;
mod outages;
mod properties;
mod recordings;
mod repair;
mod sessions;
mod stores;
