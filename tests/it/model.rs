//! Models: training, artifacts, the CREATE MODEL statement, functions on models, commands.

mod statement;
mod training;
pub mod weather;
