//! Landing: log → Parquet, exactly once, whatever interrupts it.

mod compaction;
mod failures;
mod holes;
mod identity;
mod memory;
mod properties;
mod recordings;
mod sessions;
