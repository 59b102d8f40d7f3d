//! Models as ONNX files: writing those that squall trained ([`Graph`]), and scoring with those that others trained ([`Network`]).

mod graph;
mod network;
mod prepare;

pub use graph::{Graph, Value};
pub use network::Network;

use std::fmt;

/// A model as ONNX.
#[derive(Debug)]
pub enum Exported<'a> {
    /// A graph, and the value in it that is the score.
    Graph(Graph, Value),
    /// The file that the model came from.
    File(&'a [u8]),
}

/// Why an ONNX model cannot be used, and what helps.
#[derive(Debug)]
pub struct Unusable {
    problem: String,
    pub remedy: &'static str,
}

impl Unusable {
    fn new(problem: String, remedy: &'static str) -> Unusable {
        Unusable { problem, remedy }
    }

    /// A problem of the file itself.
    fn file(problem: &str) -> Unusable {
        Unusable::new(problem.into(), "check the file with another runtime, such as onnxruntime; docs/models.md says what squall takes")
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}
