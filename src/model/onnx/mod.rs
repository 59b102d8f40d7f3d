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
        Unusable::new(
            problem.into(),
            "check the file with another runtime, such as onnxruntime; docs/models.md says what squall takes",
        )
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

#[cfg(test)]
mod tests {
    use super::{Graph, Network};
    use crate::model::calibration::{Calibration, Method};

    const X: [f64; 9] = [-2.0, 0.0, 1e-9, 0.05, 0.2, 0.31, 0.77, 1.0, 3.0];

    #[test]
    fn calibrations_are_written_as_they_are_applied() {
        let labels: Vec<bool> = (0..40).map(|row| row * 7 % 40 > 45 - row).collect();
        let scores: Vec<f64> = (0..40).map(|row| f64::from(row) / 40.0).collect();
        for method in [Method::Isotonic, Method::Sigmoid] {
            for probabilities in [true, false] {
                let calibration = Calibration::learn(method, &labels, &scores, probabilities);
                let mut graph = Graph::new(&["x"]);
                let score = graph.features();
                let score = calibration.onnx(&mut graph, &score);
                let network = Network::new(&graph.file(&score), &["x"], None).unwrap();
                let written = network.score(&[&X]).unwrap();
                let applied = X.map(|score| calibration.apply(score));
                let distance = written.iter().zip(&applied).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(distance < 1e-12, "{method:?} {probabilities}: {written:?}, not {applied:?}");
            }
        }
    }

    #[test]
    fn a_row_that_is_not_finite_has_no_score() {
        let mut graph = Graph::new(&["x", "y"]);
        let zero = graph.number(0.0);
        let file = graph.file(&zero);
        let network = Network::new(&file, &["x", "y"], Some("score")).unwrap();
        let scores = network.score(&[&[1.0, f64::NAN, 3.0], &[1.0, 2.0, f64::NEG_INFINITY]]).unwrap();
        assert!(scores[0] == 0.0 && scores[1].is_nan() && scores[2].is_nan(), "{scores:?}");
    }

    /// A damaged file is an error or another model, and never an endless loop or a read beyond the end.
    #[test]
    fn damaged_files_are_errors() {
        let mut state = 7_u64;
        let mut random = move |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        let files: [&[u8]; 3] = [
            include_bytes!("../../../tests/reference/onnx/forest.onnx"),
            include_bytes!("../../../tests/reference/onnx/share.onnx"),
            include_bytes!("../../../tests/reference/onnx/logistic.onnx"),
        ];
        let mut refused = 0;
        for file in files {
            for _ in 0..100 {
                let mut damaged = file.to_vec();
                for _ in 0..=random(3) {
                    let place = random(damaged.len());
                    damaged[place] = random(256) as u8;
                }
                match Network::new(&damaged, &["a", "b", "c"], None) {
                    Ok(network) => drop(network.score(&[&X, &X, &X])),
                    Err(_) => refused += 1,
                }
            }
        }
        assert!(refused > 100, "{refused}");
    }
}
