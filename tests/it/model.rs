//! Models: training, artifacts, metrics, the CREATE MODEL statement, functions on models, commands.

mod artifacts;
mod commands;
mod figures;
mod metrics;
mod races;
mod statement;
mod tracking;
mod training;
mod verdicts;
pub mod weather;
