//! The OPTIONS of `CREATE MODEL`: the table [`COMMON`] holds those that every type of model takes; the others belong to the
//! type.

use datafusion::sql::sqlparser::tokenizer::Location;
use serde_json::Value;

use super::statement::{Problem, StatementError};
use crate::model::types::TYPES;
use crate::model::{Error, ModelType, Options, WEIGHT_COL};
use crate::text::did_you_mean;

/// The options that every type of model takes, each as a name and an example.
const COMMON: &[(&str, &str)] =
    &[MODEL_TYPE, INPUT_LABEL_COLS, TARGET_COL, POSITIVE_QUANTILE, WEIGHT, DATA_SPLIT_COL, TIME_COL, ID_COLS];

const MODEL_TYPE: (&str, &str) = ("model_type", "model_type = 'logistic_reg'");
const INPUT_LABEL_COLS: (&str, &str) = ("input_label_cols", "input_label_cols = ['spike']");
const TARGET_COL: (&str, &str) = ("target_col", "target_col = 'forward_vol'");
const POSITIVE_QUANTILE: (&str, &str) = ("positive_quantile", "positive_quantile = 0.95");
const WEIGHT: (&str, &str) = (WEIGHT_COL, "weight_col = 'importance'");
const DATA_SPLIT_COL: (&str, &str) = ("data_split_col", "data_split_col = 'split'");
const TIME_COL: (&str, &str) = ("time_col", "time_col = 'ts'");
const ID_COLS: (&str, &str) = ("id_cols", "id_cols = ['product_id']");

/// Options of BigQuery ML and scikit-learn that have another name here, and what to write.
const ELSEWHERE: &[(&str, &str)] = &[
    ("auto_class_weights", "class_weight = 'balanced'"),
    ("class_weights", "class_weight = 5, which is the weight of a positive row"),
    ("sample_weight", WEIGHT.1),
];

/// An option as written in the statement, and its position.
#[derive(Debug)]
pub struct Given {
    pub name: String,
    pub value: Value,
    pub at: Location,
}

/// The query's columns that are not features.
#[derive(Debug, Clone, PartialEq)]
pub struct Columns {
    pub label: String,
    /// The column of the number behind the label: the label says whether it is at least tau.
    pub target: Option<String>,
    /// Where tau lies: this quantile of the target over training rows.
    pub positive_quantile: Option<f64>,
    /// The column of how much each row counts in training.
    pub weight: Option<String>,
    /// The column that holds `train`, `validation` or `test`; without such a column, every row trains.
    pub split: Option<String>,
    pub time: Option<String>,
    pub ids: Vec<String>,
}

/// A column of the query that an option names.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    pub column: &'a str,
    pub option: &'static str,
}

impl Columns {
    /// Returns the label's column.
    pub fn label(&self) -> Named<'_> {
        Named { column: &self.label, option: INPUT_LABEL_COLS.0 }
    }

    /// Returns the target's column, if the options name one.
    pub fn target(&self) -> Option<Named<'_>> {
        self.target.as_ref().map(|column| Named { column, option: TARGET_COL.0 })
    }

    /// Returns the weight's column, if the options name one.
    pub fn weight(&self) -> Option<Named<'_>> {
        self.weight.as_ref().map(|column| Named { column, option: WEIGHT_COL })
    }

    /// Returns the split's column, if the options name one.
    pub fn split(&self) -> Option<Named<'_>> {
        self.split.as_ref().map(|column| Named { column, option: DATA_SPLIT_COL.0 })
    }

    /// Returns the time's column, if the options name one.
    pub fn time(&self) -> Option<Named<'_>> {
        self.time.as_ref().map(|column| Named { column, option: TIME_COL.0 })
    }

    /// Returns the id columns, which are not features.
    pub fn ids(&self) -> impl Iterator<Item = Named<'_>> {
        self.ids.iter().map(|column| Named { column, option: ID_COLS.0 })
    }
}

/// Reads the options; `start` is the position of OPTIONS.
pub fn read(given: &[Given], start: Location) -> Result<(Options, Columns), StatementError> {
    let find = |(name, _): (&str, &str)| given.iter().find(|option| option.name == name);
    let model_type = find(MODEL_TYPE)
        .map(|option| ModelType::parse(&string(option, MODEL_TYPE.0)?).map_err(at(option)))
        .transpose()?;
    let own = given.iter().filter(|option| COMMON.iter().all(|(name, _)| *name != option.name));
    let mut options = model_type.map(Options::of);
    for option in own {
        check_name(&option.name, model_type).map_err(|problem| problem.at(option.at))?;
        if let Some(options) = &mut options {
            options.set(&option.name, &option.value).map_err(at(option))?;
        }
    }
    let lacks = |(name, example)| Problem::Lacks { name, example }.at(start);
    let options = options.ok_or_else(|| lacks(MODEL_TYPE))?;
    let label = find(INPUT_LABEL_COLS).ok_or_else(|| lacks(INPUT_LABEL_COLS))?;
    let [label] = <[String; 1]>::try_from(strings(label, INPUT_LABEL_COLS.0)?)
        .map_err(|_| wrong(label, INPUT_LABEL_COLS.0, "a list of one column"))?;
    let column = |option: (&'static str, &'static str)| find(option).map(|given| string(given, option.0)).transpose();
    let (target, split, time) = (column(TARGET_COL)?, column(DATA_SPLIT_COL)?, column(TIME_COL)?);
    let weight = column(WEIGHT)?;
    if let Some(given) = find(WEIGHT).filter(|_| !options.model_type.takes_weights()) {
        return Err(at(given)(Error::NotAnOption { name: given.name.clone(), model_type: options.model_type }));
    }
    let quantile = |given: &Given| {
        let share = given.value.as_f64().filter(|share| *share > 0.0 && *share < 1.0);
        share.ok_or_else(|| wrong(given, POSITIVE_QUANTILE.0, "a number between 0 and 1"))
    };
    let positive_quantile = find(POSITIVE_QUANTILE).map(quantile).transpose()?;
    let ids = find(ID_COLS).map(|option| strings(option, ID_COLS.0)).transpose()?.unwrap_or_default();
    Ok((options, Columns { label, target, positive_quantile, weight, split, time, ids }))
}

/// Checks that the type takes the option; if no type is given, that any type does.
fn check_name(name: &str, model_type: Option<&'static ModelType>) -> Result<(), Problem> {
    let own = |model_type: &'static ModelType| model_type.options.iter().map(|option| option.name);
    let of_any_type = TYPES.iter().copied().flat_map(own);
    let mut known: Vec<&str> = match model_type {
        Some(model_type) => own(model_type).collect(),
        None => of_any_type.clone().collect(),
    };
    if known.contains(&name) {
        return Ok(());
    }
    match model_type {
        Some(model_type) if of_any_type.clone().any(|option| option == name) => {
            Err(Error::NotAnOption { name: name.into(), model_type }.into())
        }
        _ => {
            known.extend(COMMON.iter().map(|(name, _)| *name));
            let list = || format!("options are {}", known.join(", "));
            let elsewhere = ELSEWHERE.iter().find(|(other, _)| *other == name).map(|(_, ours)| format!("write {ours}"));
            let suggestion = elsewhere.or_else(|| did_you_mean(name, known.iter().copied())).unwrap_or_else(list);
            Err(Problem::UnknownOption { name: name.into(), suggestion })
        }
    }
}

fn at(option: &Given) -> impl FnOnce(Error) -> StatementError + '_ {
    |error| Problem::from(error).at(option.at)
}

fn wrong(option: &Given, name: &'static str, expected: &str) -> StatementError {
    at(option)(Error::Option { option: name, expected: expected.into(), given: option.value.to_string() })
}

fn string(option: &Given, name: &'static str) -> Result<String, StatementError> {
    option.value.as_str().map(str::to_string).ok_or_else(|| wrong(option, name, "text in single quotes"))
}

fn strings(option: &Given, name: &'static str) -> Result<Vec<String>, StatementError> {
    let items = option.value.as_array().map(|items| items.iter().map(|item| item.as_str().map(str::to_string)));
    let strings: Option<Vec<String>> = items.and_then(Iterator::collect);
    strings.ok_or_else(|| wrong(option, name, "a list of columns, such as ['a', 'b']"))
}
