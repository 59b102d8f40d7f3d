//! Landing: log → Parquet, exactly once, whatever interrupts it.

mod compaction;
mod memory;
mod properties;
mod recordings;
mod sessions;
