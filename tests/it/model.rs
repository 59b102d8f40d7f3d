//! Models: training, artifacts, the CREATE MODEL statement, functions on models, commands.

mod commands;
mod statement;
mod tracking;
mod training;
pub mod weather;
