//! Errors of training sets, options and models on disk.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::onnx::Unusable;
use super::types::{ModelType, TYPES};
use super::{LONGEST_NAME, valid_alias};
use crate::error::Hint;
use crate::store;
use crate::text::{did_you_mean, printable};

/// The option that names the column of the rows' weights.
pub const WEIGHT_COL: &str = "weight_col";

/// An error of a training set, an option, or a model on disk.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no model is called `{name}` in {dir}")]
    Missing { name: String, dir: PathBuf, suggestion: Option<String> },
    #[error("model `{name}` has no version {version}; its versions are {versions:?}")]
    MissingVersion { name: String, version: u64, versions: Vec<u64> },
    #[error("model `{name}` has no alias `{alias}`")]
    MissingAlias { name: String, alias: String, suggestion: Option<String> },
    #[error(
        "`{alias}` cannot be an alias: use letters, digits, underscores and dashes, a letter first, but not `latest` or `v2`"
    )]
    AliasName { alias: String },
    #[error("the alias `{alias}` of model `{name}` cannot be used: {path} is wrong")]
    Alias { name: String, alias: String, path: PathBuf, source: std::io::Error },
    #[error("version {version} of model `{name}` has the alias `{alias}`")]
    AliasedVersion { name: String, version: u64, alias: String },
    #[error("model `{name}` exists already, at version {version}")]
    Exists { name: String, version: u64 },
    #[error("`{}` cannot be the name of a model: use at most {LONGEST_NAME} letters, digits and underscores, a letter first", printable(.name, LONGEST_NAME))]
    Name { name: String },
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot write {path}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{path} is not a model artifact")]
    Artifact { path: PathBuf, source: serde_json::Error },
    #[error("{path} is not a model artifact: {problem}")]
    Broken { path: PathBuf, problem: String },
    #[error("the model cannot be stored: {problem}")]
    NotStorable { problem: String },
    #[error("{path} has format {format}; this squall reads formats 1 to {}", super::FORMAT)]
    Format { path: PathBuf, format: u64 },
    #[error("{path} holds a model of type '{given}', which this squall does not know")]
    ArtifactType { path: PathBuf, given: String },
    #[error("unknown model type '{given}'")]
    ModelType { given: String, suggestion: Option<String> },
    #[error("{option} must be {expected}, not {given}")]
    Option { option: &'static str, expected: String, given: String },
    #[error("`{name}` is not an option of a {} model", model_type.name)]
    NotAnOption { name: String, model_type: &'static ModelType },
    #[error("no training rows{}", why_none(.skipped))]
    NoRows { skipped: u64 },
    #[error("the training set has one class only: {} of its {rows} rows are positive", if *.positive { "all" } else { "none" })]
    OneClass { rows: u64, positive: bool },
    #[error("no features: the query selects nothing but the label and columns that OPTIONS set apart")]
    NoFeatures,
    #[error("a {model_type} model takes one feature, and the query selects {}: {}", .given.len(), .given.join(", "))]
    NotOneFeature { model_type: &'static str, given: Vec<String> },
    #[error("`{feature}` is NaN or infinite in {rows} of the training rows")]
    NotFinite { feature: String, rows: u64 },
    #[error("the values of feature `{feature}` are too large: their mean or deviation is not a number")]
    TooLarge { feature: String },
    #[error("feature `{feature}` is {} in every training row", plain(*.value))]
    Constant { feature: String, value: f64 },
    #[error("the values of feature `{feature}` differ by less than a standard deviation can be computed from")]
    NoDeviation { feature: String },
    #[error("OPTIONS lacks target_col, which a {model_type} model needs here")]
    NoTarget { model_type: &'static str },
    #[error(
        "the label is not `{target}` from a threshold on: a negative row has a `{target}` as large as a positive one's"
    )]
    NotAThreshold { target: String },
    #[error("`{target}` is negative in a training row, or the threshold of the label is 0: there is no logarithm")]
    NoLogarithm { target: String },
    #[error(
        "`{target}` is 0 in the negative training rows, and a logarithm cannot tell 0 from the least positive value, which is tau"
    )]
    OnlyZeros { target: String },
    #[error("the weight `{column}` is neither 0 nor from {:e} to {:e} in {rows} of the training rows", .possible.start(), .possible.end())]
    Weight { column: String, rows: u64, possible: RangeInclusive<f64> },
    #[error("the weight `{column}` is 0 in every training row")]
    NoWeight { column: String },
    #[error("the features are collinear: one of them is a combination of others")]
    Collinear,
    #[error("OPTIONS lacks model_path, which an onnx model needs")]
    NoModelPath,
    #[error("cannot read the ONNX file {path}")]
    OnnxFile { path: PathBuf, source: std::io::Error },
    #[error("{path} cannot score: {problem}")]
    Onnx { path: PathBuf, problem: Unusable },
    #[error("{model} gives {score} for a row, which is not a probability")]
    NotProbability { model: String, score: f64 },
    #[error("a calibrated onnx model cannot be written as ONNX: its file does not know the calibration")]
    CalibratedFile,
    #[error("no split of the {rows} training rows helps: {why}")]
    NoSplit { rows: u64, why: String, remedy: &'static str },
    #[error("there are more training rows than the 4,294,967,295 that a tree can number")]
    TooManyRows,
    #[error("'{given}' in monotone_constraints has no sign")]
    Sign { given: String },
    #[error("monotone_constraints names `{feature}` twice")]
    SignTwice { feature: String },
    #[error("{option} names `{feature}`, which is not a feature of the training query")]
    NoFeature { option: &'static str, feature: String, suggestion: Option<String> },
    #[error("{rows} rows are too few for {blocks} blocks")]
    TooFewRows { rows: usize, blocks: usize },
    #[error("walk-forward validation needs the time of every row")]
    NoTime,
    #[error("the label looks ahead by an unknown length of time")]
    NoHorizon,
    #[error("the folds have no average precision: no judged row is positive")]
    NoFigure,
    #[error("the options have more than {most} combinations")]
    TooManyVariants { most: usize },
    #[error("a {model_type} model has a threshold of its own, so its scores are not calibrated")]
    NotCalibrated { model_type: &'static str },
    #[error("fold {number} cannot be trained: {problem}")]
    Fold { number: usize, problem: String, remedy: Option<String> },
    #[error("{0}")]
    Overlap(Box<Overlap>),
    #[error("{model} cannot be judged on these rows: it learned the label {learned}, and their label is {judged}")]
    OtherLabel { model: String, name: String, learned: String, judged: String },
    #[error("{model} cannot be judged on these rows: it learned with tau = {learned}, and their tau is {judged}")]
    OtherTau { model: String, name: String, learned: f64, judged: f64 },
    #[error("no trained model learned from `{relation}`")]
    NoneLearned { relation: String },
    #[error("no trained model is named by '{pattern}'")]
    NoneNamed { pattern: String },
    #[error("the features separate the classes perfectly, so that larger coefficients always fit better")]
    Separable,
    #[error("the optimiser had not converged after {iterations} iterations")]
    NotConverged { iterations: u64 },
}

/// Returns a number as people write it: a very large or small one with its exponent.
pub fn plain(value: f64) -> String {
    let is_extreme = value != 0.0 && !(1e-6..1e15).contains(&value.abs());
    if is_extreme { format!("{value:e}") } else { value.to_string() }
}

fn why_none(rows: &u64) -> String {
    if *rows == 0 {
        String::new()
    } else {
        format!(": each of the {rows} has a NULL among the columns that it learns from")
    }
}

/// A judged row that overlaps the training rows. Times are shown in UTC.
#[derive(Debug)]
pub struct Overlap {
    /// The model with its version.
    pub model: String,
    pub name: String,
    pub product: Option<String>,
    /// The first and the last training row.
    pub first: String,
    pub last: String,
    /// The judged row.
    pub split: Option<String>,
    pub time: String,
    /// Whether the split overlapped the training rows when the model was trained.
    pub in_training: bool,
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Overlap { model, first, last, time, .. } = self;
        let rows = self.product.as_ref().map_or("rows".into(), |product| format!("rows of {product}"));
        let split = self.split.as_ref().map_or(String::new(), |split| format!(" of split '{split}'"));
        write!(f, "{model} cannot be judged on these rows: it learned from {rows} of {first} to {last} UTC, ")?;
        write!(f, "and a row{split} is of {time}, which its labels reach")
    }
}

fn types() -> String {
    format!("model types are {}", ModelType::names().collect::<Vec<_>>().join(", "))
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Missing { suggestion: Some(suggestion), .. } | Error::ModelType { suggestion: Some(suggestion), .. } => {
                suggestion.clone()
            }
            Error::Missing { name, .. } => {
                format!("`squall train` trains the project's models; or run CREATE MODEL {name} OPTIONS (…) AS SELECT …")
            }
            Error::MissingVersion { name, .. } => format!("`{name}` without a version is the latest"),
            Error::MissingAlias { suggestion: Some(suggestion), .. } => suggestion.clone(),
            Error::MissingAlias { name, alias, .. } if !valid_alias(alias) => {
                format!("`{name}` without an alias is the latest version; SHOW MODELS lists aliases")
            }
            Error::MissingAlias { name, alias, .. } => {
                format!("ALTER MODEL {name} SET ALIAS {alias} VERSION n gives a version this alias; SHOW MODELS lists aliases")
            }
            Error::Alias { name, alias, .. } => {
                format!("ALTER MODEL {name} DROP ALIAS {alias} removes it, SET ALIAS {alias} VERSION n writes it again")
            }
            Error::AliasName { .. } => "such as ALTER MODEL name SET ALIAS champion VERSION 2".into(),
            Error::AliasedVersion { name, alias, .. } => format!(
                "ALTER MODEL {name} SET ALIAS {alias} VERSION n moves the alias to another version, ALTER MODEL {name} DROP ALIAS {alias} removes it"
            ),
            Error::Exists { .. } => "CREATE OR REPLACE MODEL adds a version".into(),
            Error::ModelType { suggestion: None, .. } => format!("{}; 'auto' compares those that learn", types()),
            Error::ArtifactType { .. } => {
                format!("{}; a newer squall may have made the model: update squall, or train again", types())
            }
            Error::Format { .. } => "another version of squall made it: use that one, or train again".into(),
            Error::NotAnOption { name, .. } if name == WEIGHT_COL => {
                let types = TYPES.iter().filter(|known| known.takes_weights()).map(|known| known.name);
                format!("types that take it are {}", types.collect::<Vec<_>>().join(", "))
            }
            Error::NotAnOption { name, model_type } => {
                let options = || model_type.options.iter().map(|option| option.name);
                let list = || match options().collect::<Vec<_>>().join(", ") {
                    names if names.is_empty() => format!("a {} model takes no options of its own", model_type.name),
                    names => format!("the options of a {} model are {names}", model_type.name),
                };
                did_you_mean(name, options()).unwrap_or_else(list)
            }
            Error::NoRows { .. } => {
                "count what the training query returns: a row trains if it holds no NULL, and if data_split_col, where it is given, says 'train'".into()
            }
            Error::OneClass { .. } => {
                "train on more data, or on a threshold that some rows reach and some do not".into()
            }
            Error::NoFeatures => "select the columns to learn from".into(),
            Error::NotOneFeature { .. } => "name the other columns in id_cols, or leave them out of the SELECT".into(),
            Error::NotFinite { feature, .. } => {
                format!("guard it in SQL, such as CASE WHEN abs({feature}) < CAST('Infinity' AS DOUBLE) THEN {feature} END: rows with a NULL are skipped")
            }
            Error::Constant { feature, .. } => format!("leave `{feature}` out of the SELECT: a model cannot learn from it"),
            Error::NoDeviation { feature } => {
                format!("scale it in SQL, such as {feature} * 1e150 AS {feature}; if only rounding tells them apart, leave it out")
            }
            Error::NotConverged { .. } => "raise max_iterations; or raise l2_reg, which helps where a feature tells the classes apart perfectly".into(),
            Error::Artifact { .. } | Error::Broken { .. } => "remove that version's folder, or train again".into(),
            Error::TooLarge { feature } => format!("scale it in SQL, such as {feature} / 1e150 AS {feature}, or take its logarithm"),
            Error::NotStorable { .. } => {
                "scale the features in SQL: a mean or a deviation is too large for a number".into()
            }
            Error::OtherLabel { name, .. } | Error::OtherTau { name, .. } => format!(
                "use the settings under which it was trained (such as --set parameters.horizon_s=…), or train it again: `squall train {name}`"
            ),
            Error::Overlap(overlap) if overlap.split.is_none() => format!(
                "leave those rows out with WHERE, mark them with 'train' AS split, or train again: `squall train {}`",
                overlap.name
            ),
            Error::Overlap(overlap) if overlap.in_training => format!(
                "the splits of its training query overlap in time: let each row of the later split come after the last training row and all that its label looks ahead, then `squall train {}`",
                overlap.name
            ),
            Error::Overlap(overlap) => format!(
                "use the settings under which it was trained, or train it again on the present rows: `squall train {}`",
                overlap.name
            ),
            Error::NoneLearned { .. } => {
                "`squall train` trains the project's models; or name models in the last argument, such as 'spike_*'".into()
            }
            Error::NoneNamed { .. } => "`squall sql 'SELECT model FROM ml_models()'` lists them".into(),
            Error::NoTarget { .. } => "name the number behind the label, such as target_col = 'forward_vol'".into(),
            Error::NotAThreshold { target } => format!("make the label of it in the query, such as {target} >= tau AS spike"),
            Error::OnnxFile { .. } => "model_path names a file of at most 256 MB on this machine, such as 'model.onnx'".into(),
            Error::NoLogarithm { .. } | Error::OnlyZeros { .. } => "add target_transform = 'none' to OPTIONS".into(),
            Error::Weight { column, .. } => {
                format!("weights are numbers of at least 0; a row of weight NULL is left out, such as nullif({column}, 'NaN')")
            }
            Error::NoWeight { .. } => {
                "a row of weight 0 does not train: give some rows a weight above 0, or leave weight_col out of OPTIONS".into()
            }
            Error::Collinear => "leave one of them out of the SELECT, or raise l2_reg".into(),
            Error::NoModelPath => "name the ONNX file, such as model_path = 'model.onnx'".into(),
            Error::Onnx { problem, .. } => problem.remedy.into(),
            Error::NotProbability { .. } => {
                "name the output of probabilities (output = '…'), or export the model with a sigmoid at its end".into()
            }
            Error::CalibratedFile => "train it without calibration, or use the file that it was made from".into(),
            Error::NoSplit { remedy, .. } => (*remedy).into(),
            Error::TooManyRows => "train on a sample of the rows, such as … WHERE random() < 0.1".into(),
            Error::Sign { given } => format!("write '+{given}' if the prediction may only rise with it, '-{given}' if it may only fall"),
            Error::SignTwice { feature } => format!("keep one of '+{feature}' and '-{feature}'"),
            Error::NoFeature { suggestion: Some(suggestion), .. } => suggestion.clone(),
            Error::NoFeature { option, .. } => format!("add it to the SELECT, or remove it from {option}"),
            Error::NoTime => {
                "name the column of the time, such as time_col = 'ts', and leave out rows where it is NULL".into()
            }
            Error::NoHorizon => "say how far, such as cv_purge_s = 60 in OPTIONS or --purge-s 60; 0 if it does not look ahead".into(),
            Error::NoFigure => "train on more data, or on a threshold that more rows reach".into(),
            Error::TooManyVariants { .. } => "give some options one value".into(),
            Error::NotCalibrated { .. } => "leave out calibration".into(),
            Error::Fold { remedy, .. } => return remedy.clone(),
            Error::TooFewRows { .. } => {
                "record more data, or give fewer blocks".into()
            }
            Error::Separable => {
                "set l2_reg above 0, or leave the features out of the SELECT that know the label".into()
            }
            Error::Option { .. } => "docs/models.md lists the options with their values and defaults".into(),
            Error::Read { source, .. } | Error::Write { source, .. } => return store::hint(source),
            Error::Name { .. } => return None,
        })
    }
}
