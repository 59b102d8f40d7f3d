//! `onnx`: scores with a model that another program trained and wrote as an ONNX file.
//!
//! The file is copied into the artifact, so that the model needs nothing else. CREATE MODEL does not train it: it checks that the
//! file takes the query's features and gives probabilities, tunes the threshold, and measures the splits.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Model, ModelType, Role, Threshold, Weight};
use crate::model::Error;
use crate::model::onnx::{Exported, Network};
use crate::model::options::{ModelOption, Options, Range};
use crate::model::probability::{is_probability, without_rounding};
use crate::model::training::{Named, TrainingRows};

const MODEL_PATH: ModelOption = ModelOption {
    name: "model_path",
    meaning: "the ONNX file, which is copied into the artifact; the option has to be given",
    default: 0.0,
    usual: &[],
    range: Range::Text("the path of a file in single quotes"),
};

const OUTPUT: ModelOption = ModelOption {
    name: "output",
    meaning: "the output that holds the probability of a positive; without it, squall looks for the output of probabilities",
    default: 0.0,
    usual: &[],
    range: Range::Text("the name of an output in single quotes"),
};

/// The type.
pub const ONNX: ModelType = ModelType {
    name: "onnx",
    summary: "Scores with a model that another program trained, from an ONNX file",
    formula: "the output named `output` of the ONNX file that `onnx` holds in base64, given the features as floats in their order; of two columns, the second",
    role: Role::Model,
    gives_probabilities: true,
    threshold: Threshold::Tuned,
    learns_target: false,
    compared: false,
    options: &[MODEL_PATH, OUTPUT],
    train: |rows, options| Ok(Arc::new(take(rows, options)?)),
    read: |part| {
        let part: Part = serde_json::from_value(part)?;
        let failed = |problem: String| serde::de::Error::custom(format!("its ONNX file: {problem}"));
        let file = STANDARD.decode(&part.onnx).map_err(|error| failed(error.to_string()))?;
        let names: Vec<&str> = part.features.iter().map(|feature| feature.name.as_str()).collect();
        let network = Network::new(&file, &names, Some(&part.output)).map_err(|error| failed(error.to_string()))?;
        Ok(Arc::new(Onnx { features: part.features, network, file }))
    },
};

/// The type's part of an artifact.
#[derive(Serialize, Deserialize)]
struct Part {
    features: Vec<Named>,
    output: String,
    /// The file, in base64.
    onnx: String,
}

#[derive(Debug)]
struct Onnx {
    features: Vec<Named>,
    network: Network,
    file: Vec<u8>,
}

impl Model for Onnx {
    fn features(&self) -> Vec<&str> {
        self.features.iter().map(|feature| feature.name.as_str()).collect()
    }

    fn score(&self, columns: &[&[f64]]) -> Vec<f64> {
        // A network that has scored the training rows scores others too; rows that it cannot score have no score.
        let mut scores = self.network.score(columns).unwrap_or_else(|_| vec![f64::NAN; columns[0].len()]);
        // Networks of 32-bit floats round sums of probabilities.
        scores.iter_mut().for_each(|score| *score = without_rounding(*score));
        scores
    }

    fn weights(&self) -> Vec<Weight<'_>> {
        self.features.iter().map(|feature| Weight::bare(&feature.name)).collect()
    }

    fn onnx(&self) -> Exported<'_> {
        Exported::File(&self.file)
    }

    fn part(&self) -> serde_json::Result<Value> {
        let (features, output) = (self.features.clone(), self.network.output().to_string());
        serde_json::to_value(Part { features, output, onnx: STANDARD.encode(&self.file) })
    }
}

/// The most bytes of a file that is copied into an artifact.
const MOST_BYTES: u64 = 1 << 28;

/// Reads a regular file. A device or a pipe is refused, because reading it may never end.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let about = fs::metadata(path)?;
    if !about.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    if about.len() > MOST_BYTES {
        return Err(io::Error::other(format!("it has {} bytes, and the most are {MOST_BYTES}", about.len())));
    }
    fs::read(path)
}

fn take(rows: TrainingRows, options: &Options) -> Result<Onnx, Error> {
    let Some(path) = options.texts(&MODEL_PATH).first().map(PathBuf::from) else {
        return Err(Error::NoModelPath);
    };
    let output = options.texts(&OUTPUT).first().copied();
    let file = read(&path).map_err(|source| Error::OnnxFile { path: path.clone(), source })?;
    let names: Vec<&str> = rows.features.iter().map(|(name, _)| name.as_str()).collect();
    let columns: Vec<&[f64]> = rows.features.iter().map(|(_, column)| column.as_slice()).collect();
    let unusable = |problem| Error::Onnx { path: path.clone(), problem };
    let network = Network::new(&file, &names, output).map_err(unusable)?;
    let scores = network.score(&columns).map_err(unusable)?;
    let mut scores = scores.into_iter().map(without_rounding);
    if let Some(score) = scores.find(|score| !is_probability(*score)) {
        let model = format!("{}, output `{}`,", path.display(), network.output());
        return Err(Error::NotProbability { model, score });
    }
    let features = rows.features.into_iter().map(|(name, _)| Named { name }).collect();
    Ok(Onnx { features, network, file })
}
