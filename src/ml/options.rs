//! The OPTIONS of `CREATE MODEL`: the table [`COMMON`] holds those that every type of model takes; the others belong to the
//! type.

use datafusion::sql::sqlparser::tokenizer::Location;
use serde_json::Value;

use super::folds::{self, Folds};
use super::statement::{Problem, StatementError};
use crate::model::calibration::Method;
use crate::model::recipe::{self, Recipe};
use crate::model::types::TYPES;
use crate::model::{Error, ModelType, Options, WEIGHT_COL};
use crate::text::did_you_mean;

/// The options that every type of model takes besides those about folds, each as a name and an example.
const COMMON: &[(&str, &str)] = &[
    MODEL_TYPE,
    INPUT_LABEL_COLS,
    TARGET_COL,
    POSITIVE_QUANTILE,
    WEIGHT,
    DATA_SPLIT_COL,
    TIME_COL,
    ID_COLS,
    CALIBRATION,
    FEATURE_SELECTION,
];

const MODEL_TYPE: (&str, &str) = ("model_type", "model_type = 'logistic_reg'");
const INPUT_LABEL_COLS: (&str, &str) = ("input_label_cols", "input_label_cols = ['spike']");
const TARGET_COL: (&str, &str) = ("target_col", "target_col = 'forward_vol'");
const POSITIVE_QUANTILE: (&str, &str) = ("positive_quantile", "positive_quantile = 0.95");
const WEIGHT: (&str, &str) = (WEIGHT_COL, "weight_col = 'importance'");
const DATA_SPLIT_COL: (&str, &str) = ("data_split_col", "data_split_col = 'split'");
const TIME_COL: (&str, &str) = ("time_col", "time_col = 'ts'");
const ID_COLS: (&str, &str) = ("id_cols", "id_cols = ['product_id']");
const CALIBRATION: (&str, &str) = ("calibration", "calibration = 'isotonic'");
const FEATURE_SELECTION: (&str, &str) = ("feature_selection", "feature_selection = 'backward'");

/// The word for an option that is switched off.
const NONE: &str = "none";
const BACKWARD: &str = "backward";

/// Options of BigQuery ML, scikit-learn and LightGBM that have another name here, and what to write.
const ELSEWHERE: &[(&str, &str)] = &[
    ("auto_class_weights", "class_weight = 'balanced'"),
    ("class_weights", "class_weight = 5, which is the weight of a positive row"),
    ("sample_weight", WEIGHT.1),
    ("c", "l2_reg = 1, which is 1 / C"),
    ("alpha", "l2_reg = 1"),
    ("l2", "l2_reg = 1"),
    ("l2_regularization", "l2_reg = 1"),
    ("lambda_l2", "l2_reg = 1"),
    ("reg_lambda", "l2_reg = 1"),
    ("learning_rate", "learn_rate = 0.1"),
    ("max_iter", "max_iterations = 100"),
    ("n_estimators", "max_iterations = 100"),
    ("num_iterations", "max_iterations = 100"),
    ("max_leaf_nodes", "max_leaves = 8"),
    ("num_leaves", "max_leaves = 8"),
    ("max_depth", "max_tree_depth = 6"),
    ("min_child_samples", "min_samples_leaf = 20"),
    ("min_data_in_leaf", "min_samples_leaf = 20"),
    ("bagging_fraction", "subsample = 0.8"),
    ("random_state", "seed = 0"),
    ("monotonic_cst", "monotone_constraints = ['+rv', '-spread']"),
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

    /// Returns every column that an option names.
    pub fn all(&self) -> impl Iterator<Item = Named<'_>> {
        [Some(self.label()), self.target(), self.weight(), self.split(), self.time()]
            .into_iter()
            .flatten()
            .chain(self.ids())
    }

    /// Returns a column that two options name, and the options. An id may also be the time, the split or the target.
    fn two_roles(&self) -> Option<(String, &'static str, &'static str)> {
        let roles: Vec<Named<'_>> = [Some(self.label()), self.target(), self.weight(), self.split(), self.time()]
            .into_iter()
            .flatten()
            .collect();
        let id_of_label = self.ids().find(|id| id.column == self.label).map(|id| (self.label(), id));
        let pairs = (0..roles.len()).flat_map(|one| (one + 1..roles.len()).map(move |other| (one, other)));
        let same = pairs.map(|(one, other)| (roles[one], roles[other])).find(|(one, other)| one.column == other.column);
        same.or(id_of_label).map(|(one, other)| (one.column.to_string(), one.option, other.option))
    }

    /// Returns the id columns, which are not features.
    pub fn ids(&self) -> impl Iterator<Item = Named<'_>> {
        self.ids.iter().map(|column| Named { column, option: ID_COLS.0 })
    }
}

/// What the options say.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The recipe, whose folds are not known yet.
    pub recipe: Recipe,
    pub folds: Option<Folds>,
    pub columns: Columns,
}

/// Returns the options of every type.
fn common() -> impl Iterator<Item = &'static str> {
    COMMON.iter().chain(&folds::OPTIONS).map(|(name, _)| *name)
}

/// Reads the options; `start` is the position of OPTIONS.
pub fn read(given: &[Given], start: Location) -> Result<Read, StatementError> {
    let find = |(name, _): (&str, &str)| given.iter().find(|option| option.name == name);
    let named = find(MODEL_TYPE).map(|option| Ok((option, string(option, MODEL_TYPE.0)?))).transpose()?;
    let types = match &named {
        Some((option, name)) => recipe::types(name, find(TARGET_COL).is_some()).map_err(at(option))?,
        None => Vec::new(),
    };
    let is_auto = named.is_some_and(|(_, name)| recipe::is_auto(&name));
    let own: Vec<&Given> = given.iter().filter(|option| common().all(|name| name != option.name)).collect();
    let only = if types.len() == 1 && !is_auto { types.first().copied() } else { None };
    for option in &own {
        check_name(&option.name, only).map_err(|problem| problem.at(option.at))?;
    }
    let takes = |model_type: &ModelType, name: &str| model_type.options.iter().any(|known| known.name == name);
    if let Some(option) = own.iter().find(|option| !types.is_empty() && !types.iter().any(|of| takes(of, &option.name)))
    {
        let tried = types.iter().map(|known| known.name).collect();
        return Err(Problem::OfNoTriedType { name: option.name.clone(), tried }.at(option.at));
    }
    let mut candidates = Vec::new();
    for model_type in types {
        let given = own.iter().filter(|option| takes(model_type, &option.name));
        let mut all = vec![Options::of(model_type)];
        for option in given {
            all = recipe::with(&all, &option.name, &option.value).map_err(at(option))?;
        }
        candidates.extend(all);
    }
    let lacks = |(name, example)| Problem::Lacks { name, example }.at(start);
    if candidates.is_empty() {
        return Err(lacks(MODEL_TYPE));
    }
    let label = find(INPUT_LABEL_COLS).ok_or_else(|| lacks(INPUT_LABEL_COLS))?;
    let [label] = <[String; 1]>::try_from(strings(label, INPUT_LABEL_COLS.0)?)
        .map_err(|_| wrong(label, INPUT_LABEL_COLS.0, "a list of one column"))?;
    let column = |option: (&'static str, &'static str)| find(option).map(|given| string(given, option.0)).transpose();
    let (target, split, time) = (column(TARGET_COL)?, column(DATA_SPLIT_COL)?, column(TIME_COL)?);
    let weight = column(WEIGHT)?;
    let without_weights = candidates.iter().map(|options| options.model_type).find(|known| !known.takes_weights());
    if let (Some(given), Some(model_type)) = (find(WEIGHT), without_weights) {
        return Err(at(given)(Error::NotAnOption { name: given.name.clone(), model_type }));
    }
    let quantile = |given: &Given| {
        let share = given.value.as_f64().filter(|share| *share > 0.0 && *share < 1.0);
        share.ok_or_else(|| wrong(given, POSITIVE_QUANTILE.0, "a number between 0 and 1"))
    };
    let positive_quantile = find(POSITIVE_QUANTILE).map(quantile).transpose()?;
    if positive_quantile.is_some() && target.is_none() {
        return Err(lacks(TARGET_COL));
    }
    let ids = find(ID_COLS).map(|option| strings(option, ID_COLS.0)).transpose()?.unwrap_or_default();
    let word = |option: (&'static str, &'static str), words: &[&str]| {
        let expected = || format!("'{}' or '{NONE}'", words.join("', '"));
        let read = |given: &Given| match given.value.as_str() {
            Some(NONE) => Ok(None),
            Some(word) if words.contains(&word) => Ok(Some(word.to_string())),
            _ => Err(wrong(given, option.0, &expected())),
        };
        Ok(find(option).map(read).transpose()?.flatten())
    };
    let calibration = word(CALIBRATION, &Method::NAMES)?.and_then(|name| Method::named(&name));
    let feature_selection = word(FEATURE_SELECTION, &[BACKWARD])?.is_some();
    let recipe = Recipe { candidates, feature_selection, calibration, folds: None };
    let folds = folds::read(given, is_auto || recipe.needs_folds())?;
    if folds.is_some() && time.is_none() {
        return Err(lacks(TIME_COL));
    }
    let columns = Columns { label, target, positive_quantile, weight, split, time, ids };
    if let Some((column, first, second)) = columns.two_roles() {
        let place = given.iter().find(|option| option.name == second).map_or(start, |option| option.at);
        return Err(Problem::TwoRoles { column, first, second }.at(place));
    }
    Ok(Read { recipe, folds, columns })
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
            known.extend(common());
            known.sort_unstable();
            known.dedup();
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

/// Returns the error for an option's value.
pub fn wrong(option: &Given, name: &'static str, expected: &str) -> StatementError {
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
