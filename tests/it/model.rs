//! Models: training, artifacts, metrics, the CREATE MODEL statement, functions on models, commands.

mod artifacts;
mod bad_input;
pub mod commands;
mod explanations;
mod figures;
mod fits;
mod inputs;
mod judging;
mod manage;
mod metrics;
mod mlflow;
mod onnx;
mod races;
mod statement;
mod stores;
mod tls;
mod tracking;
mod training;
mod trees;
mod validation;
mod verdicts;
pub mod weather;
