//! Compares the rows on which a model is judged with what it was trained on.
//!
//! A row is judged if its split is `validation` or `test`; if the relation has no split, an evaluation judges every row. A
//! judged row is refused where it overlaps the training rows of its product in time, or where its tau or its label is not that
//! of the training. Another product, or features whose SQL has changed since, are warnings.

use std::collections::BTreeMap;

use chrono::DateTime;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringArray, TimestampNanosecondArray};
use datafusion::arrow::compute::{cast, max, min};
use datafusion::arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampNanosecondType};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, ExprSchemable};

use super::arguments::external;
use super::lineage;
use super::rows::is_text;
use super::statement;
use crate::model::{Artifact, Basis, Error, LabelQuery, Overlap, PRODUCT, Reach, Split, Stretch, TAU};

/// The largest relative difference between two values of tau that count as the same: they may come from sums in another order.
const SAME_TAU: f64 = 1e-9;

/// The column that says which rows are judged, if the model was trained without one.
const SPLIT: &str = "split";

/// Returns what a model was trained on. For an artifact of an earlier squall, it is found in the model's statement.
pub fn basis(model: &Artifact) -> Basis {
    if let Some(basis) = &model.basis {
        return basis.clone();
    }
    let training = &model.training;
    let columns = statement::parse(&model.sql).and_then(|statement| statement.ok()).map(|statement| statement.columns);
    let (time_column, split_column) = columns.map(|columns| (columns.time, columns.split)).unwrap_or_default();
    let stretch = |name: &str| Stretch {
        name: name.into(),
        rows: training.rows,
        from: training.from.clone(),
        to: training.to.clone(),
    };
    let product = training.constants.get(PRODUCT).and_then(|product| product.as_str());
    Basis {
        time_column,
        split_column,
        splits: vec![stretch(Split::Train.as_str())],
        products: product.map(stretch).into_iter().collect(),
        tau: training.constants.get(TAU).and_then(|tau| tau.as_f64()),
        ..Basis::default()
    }
}

/// Compares the queries behind a relation with those behind a model's training rows, and returns warnings.
///
/// # Errors
/// The relation has another label than the one that the model learned.
pub async fn compare(state: &SessionState, model: &Artifact, sql: &str) -> Result<Vec<String>> {
    let Some(basis) = &model.basis else {
        let version = &model.squall_version;
        return Ok(vec![format!("squall {version} made it and did not record its label's horizon: train it again")]);
    };
    let origin = lineage::origin(state, sql).await;
    for learned in basis.labels.iter().filter(|_| !origin.labels.is_empty()) {
        let here = origin.labels.iter().find(|label| label.name == learned.name);
        if here.is_none_or(|here| here.horizon != learned.horizon || here.fingerprint != learned.fingerprint) {
            return Err(external(other_label(model, learned, here, &origin.labels)));
        }
    }
    let changed = origin.features.iter().filter(|name| {
        let learned = basis.queries.get(*name);
        learned.is_some_and(|learned| origin.queries.get(*name) != Some(learned))
    });
    let changed: Vec<String> = changed.map(|name| format!("`{name}`")).collect();
    let warning = || format!("the SQL of {} has changed since it was trained", changed.join(", "));
    Ok(if changed.is_empty() { Vec::new() } else { vec![warning()] })
}

fn other_label(model: &Artifact, learned: &LabelQuery, here: Option<&LabelQuery>, all: &[LabelQuery]) -> Error {
    let says = |label: &LabelQuery| format!("`{}`, {} ahead", label.name, label.horizon);
    let judged = match here {
        Some(here) if here.horizon == learned.horizon => format!("{}, whose SQL has changed since", says(here)),
        Some(here) => says(here),
        None => all.iter().map(says).collect::<Vec<_>>().join(" and "),
    };
    Error::OtherLabel { model: model.reference(), name: model.name.clone(), learned: says(learned), judged }
}

/// The columns of a relation that say whether its rows may judge a model; an absent column is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judging {
    pub split: Option<Column>,
    pub time: Option<Column>,
    pub product: Option<Column>,
    pub tau: Option<Column>,
}

impl Judging {
    /// Finds the columns in a relation.
    pub fn of(basis: &Basis, relation: &DFSchema) -> Judging {
        let find = |name: &str, fits: fn(&DataType) -> bool| {
            let found = relation.iter().find(|(_, field)| field.name() == name && fits(field.data_type()));
            found.map(Column::from)
        };
        let is_time: fn(&DataType) -> bool = |data_type| matches!(data_type, DataType::Timestamp(..));
        Judging {
            split: find(basis.split_column.as_deref().unwrap_or(SPLIT), is_text),
            time: basis.time_column.as_ref().and_then(|name| find(name, is_time)),
            product: (!basis.products.is_empty()).then(|| find(PRODUCT, is_text)).flatten(),
            tau: basis.tau.and_then(|_| find(TAU, DataType::is_numeric)),
        }
    }

    /// Returns the columns as arguments of the function that scores. Names of splits and products are read only where a row may be
    /// wrong, so they stay as they are.
    pub fn arguments(&self, relation: &DFSchema) -> Result<Vec<Expr>> {
        let time = DataType::Timestamp(TimeUnit::Nanosecond, None);
        let columns = [
            (&self.split, None),
            (&self.time, Some(time)),
            (&self.product, None),
            (&self.tau, Some(DataType::Float64)),
        ];
        let given = columns.into_iter().filter_map(|(column, data_type)| Some((column.as_ref()?, data_type)));
        let argument = |(column, data_type): (&Column, Option<DataType>)| match data_type {
            Some(data_type) => Expr::Column(column.clone()).cast_to(&data_type, relation),
            None => Ok(Expr::Column(column.clone())),
        };
        given.map(argument).collect()
    }
}

/// Refuses judged rows that must not judge a model.
#[derive(Debug, PartialEq)]
pub struct Guard {
    judging: Judging,
    /// Whether rows are judged that have no split.
    all: bool,
    tau: Option<f64>,
    /// The first and the last time of the training rows.
    span: Option<(i64, i64)>,
    /// Those of each product.
    products: BTreeMap<String, Option<(i64, i64)>>,
    horizon_ns: i64,
}

impl Guard {
    /// Makes the guard of a model over a relation; `None` if nothing of the relation can be compared.
    pub fn new(basis: &Basis, judging: Judging, all: bool) -> Option<Guard> {
        let judges = judging.split.is_some() || all;
        if !judges || (judging.time.is_none() && judging.tau.is_none()) {
            return None;
        }
        let nanoseconds = |time: &Option<String>| {
            DateTime::parse_from_rfc3339(time.as_deref()?).ok().and_then(|time| time.timestamp_nanos_opt())
        };
        let span = |stretch: &Stretch| Some((nanoseconds(&stretch.from)?, nanoseconds(&stretch.to)?));
        let train = basis.splits.iter().find(|split| split.name == Split::Train.as_str());
        let products = basis.products.iter().map(|product| (product.name.clone(), span(product))).collect();
        Some(Guard {
            judging,
            all,
            tau: basis.tau,
            span: train.and_then(span),
            products,
            horizon_ns: basis.horizon_ns(),
        })
    }

    /// Checks rows, given as the columns of [`Judging::arguments`].
    ///
    /// # Errors
    /// A judged row overlaps the training rows, or has another tau.
    pub fn check(&self, model: &Artifact, columns: &[ArrayRef]) -> Result<()> {
        let mut columns = columns.iter();
        let mut next = |column: &Option<Column>| column.as_ref().and_then(|_| columns.next());
        let splits = next(&self.judging.split);
        let times = next(&self.judging.time).map(|column| column.as_primitive::<TimestampNanosecondType>());
        let products = next(&self.judging.product);
        let taus = next(&self.judging.tau).map(|column| column.as_primitive::<Float64Type>());
        if self.all_right(times, taus) {
            return Ok(());
        }
        let names = |column: Option<&ArrayRef>| column.map(|column| cast(column, &DataType::Utf8)).transpose();
        let (splits, products) = (names(splits)?, names(products)?);
        let splits = splits.as_ref().map(|column| column.as_string::<i32>());
        let products = products.as_ref().map(|column| column.as_string::<i32>());
        let rows = Rows { splits, times, products, taus };
        // An overlap says more than another tau, which often follows from it.
        let check = |check: fn(&Guard, &Artifact, &Judged) -> std::result::Result<(), Error>| {
            (0..rows.len()).filter_map(|row| self.judged(&rows, row)).try_for_each(|row| check(self, model, &row))
        };
        check(Guard::check_time).and_then(|()| check(Guard::check_tau)).map_err(external)
    }

    /// Returns whether no row of these can be wrong, which a look at the extremes often tells.
    fn all_right(&self, times: Option<&TimestampNanosecondArray>, taus: Option<&Float64Array>) -> bool {
        let later = match (times, self.span) {
            (Some(times), Some((_, last))) => {
                min(times).is_none_or(|first| first > last.saturating_add(self.horizon_ns))
            }
            _ => true,
        };
        let same = |tau: Option<f64>| tau.is_none_or(|tau| self.is_same_tau(tau));
        later && taus.is_none_or(|taus| same(min(taus)) && same(max(taus)))
    }

    fn is_same_tau(&self, tau: f64) -> bool {
        self.tau.is_none_or(|learned| (tau - learned).abs() <= SAME_TAU * learned.abs())
    }

    /// Returns a row if it judges the model and is of a product from which the model learned.
    fn judged<'a>(&self, rows: &Rows<'a>, row: usize) -> Option<Judged<'a>> {
        let split = rows.splits.filter(|splits| splits.is_valid(row)).map(|splits| splits.value(row));
        let judges = match split.map(Split::parse) {
            Some(split) => matches!(split, Some(Split::Validation | Split::Test)),
            None => self.all && rows.splits.is_none(),
        };
        let product = rows.products.filter(|products| products.is_valid(row)).map(|products| products.value(row));
        if !judges {
            return None;
        }
        let span = match product {
            // Nothing is known about another product.
            Some(product) => *self.products.get(product)?,
            None => self.span,
        };
        Some(Judged {
            split,
            product,
            span,
            time: rows.times.filter(|times| times.is_valid(row)).map(|times| times.value(row)),
            tau: rows.taus.filter(|taus| taus.is_valid(row)).map(|taus| taus.value(row)),
        })
    }

    fn check_time(&self, model: &Artifact, row: &Judged) -> std::result::Result<(), Error> {
        let (Some((first, last)), Some(time)) = (row.span, row.time) else { return Ok(()) };
        if !(Reach { first, last, horizon: self.horizon_ns }).holds(time) {
            return Ok(());
        }
        let overlapped = |basis: &Basis| row.split.is_some_and(|split| basis.overlapping.contains_key(split));
        Err(Error::Overlap(Box::new(Overlap {
            model: model.reference(),
            name: model.name.clone(),
            product: row.product.map(str::to_string),
            first: text(first),
            last: text(last),
            split: row.split.map(str::to_string),
            time: text(time),
            in_training: model.basis.as_ref().is_some_and(overlapped),
        })))
    }

    fn check_tau(&self, model: &Artifact, row: &Judged) -> std::result::Result<(), Error> {
        match (row.tau, self.tau) {
            (Some(judged), Some(learned)) if !self.is_same_tau(judged) => {
                Err(Error::OtherTau { model: model.reference(), name: model.name.clone(), learned, judged })
            }
            _ => Ok(()),
        }
    }
}

/// A row that judges a model.
struct Judged<'a> {
    split: Option<&'a str>,
    product: Option<&'a str>,
    /// The times of the training rows of its product, or of all if it has none.
    span: Option<(i64, i64)>,
    time: Option<i64>,
    tau: Option<f64>,
}

/// The columns of rows that are checked.
struct Rows<'a> {
    splits: Option<&'a StringArray>,
    times: Option<&'a TimestampNanosecondArray>,
    products: Option<&'a StringArray>,
    taus: Option<&'a Float64Array>,
}

impl Rows<'_> {
    fn len(&self) -> usize {
        let lengths = [
            self.splits.map(|column| column.len()),
            self.times.map(|column| column.len()),
            self.taus.map(|column| column.len()),
        ];
        lengths.into_iter().flatten().next().unwrap_or(0)
    }
}

fn text(nanoseconds: i64) -> String {
    DateTime::from_timestamp_nanos(nanoseconds).format("%Y-%m-%d %H:%M:%S").to_string()
}
