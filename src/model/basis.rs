//! What a model was trained on, as far as a verdict about it depends on that: label, horizon, products, tau, time.
//!
//! In: the training rows and the queries that made them. Out: a part of the artifact. Whoever judges the model compares the
//! judged rows with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::text::counted;

/// The id column that says of which product a row is.
pub const PRODUCT: &str = "product_id";

/// The id column that holds the threshold which made the label.
pub const TAU: &str = "tau";

/// What a warning of overlapping splits says.
pub const OVERLAPPING: &str = "of times that the labels of the training rows reach";

/// What a model was trained on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Basis {
    /// The columns of the training query that hold a row's time and its split.
    pub time_column: Option<String>,
    pub split_column: Option<String>,
    /// The rows of each split, in the order of the splits.
    pub splits: Vec<Stretch>,
    /// The training rows of each product, by name; empty if no id column is named [`PRODUCT`].
    pub products: Vec<Stretch>,
    /// The threshold that made the label; `None` if no id column is named [`TAU`], or if it differs between training rows.
    pub tau: Option<f64>,
    /// The label queries behind the training rows, by name; empty if the rows did not come from a SQL project.
    pub labels: Vec<LabelQuery>,
    /// The fingerprint of the SQL of every query of the project that was read for training, by name.
    pub queries: BTreeMap<String, String>,
    /// Of each split that judges, how many of its rows are of a time that the labels of the training rows reach.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub overlapping: BTreeMap<String, u64>,
}

/// The times of the training rows of a product, and how far ahead their labels look, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    pub first: i64,
    pub last: i64,
    pub horizon: i64,
}

impl Reach {
    /// Returns whether a row of this time knows a label of the training rows, or they its label; such a row must not judge.
    pub fn holds(self, time: i64) -> bool {
        time <= self.last.saturating_add(self.horizon) && time.saturating_add(self.horizon) >= self.first
    }
}

/// Some rows, and the time that they span.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    pub name: String,
    pub rows: u64,
    /// The first and the last time, RFC 3339; `None` if there is no time column.
    pub from: Option<String>,
    pub to: Option<String>,
}

/// A label query as it was when a model learned from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelQuery {
    pub name: String,
    /// How far ahead the label looks, such as `60 s`.
    pub horizon: String,
    /// The part of the horizon that is a length of time, in nanoseconds; `None` if it is not bounded or not known.
    pub horizon_ns: Option<i64>,
    /// Equal texts have equal fingerprints; comments and blanks do not count.
    pub fingerprint: String,
}

impl Basis {
    /// Returns how far ahead the labels of the training rows look, in nanoseconds; 0 where it is not known.
    pub fn horizon_ns(&self) -> i64 {
        self.labels.iter().filter_map(|label| label.horizon_ns).max().unwrap_or(0)
    }

    /// Says that rows of a split overlap the training rows in time; `None` if none does.
    pub fn warning(&self, split: &str) -> Option<String> {
        let rows = counted(*self.overlapping.get(split)?, "row");
        let ahead = self.horizon_ns() as f64 / 1e9;
        let gap = if ahead > 0.0 { format!(" of more than {ahead} s") } else { String::new() };
        Some(format!(
            "it has {rows} {OVERLAPPING}, so the model cannot be judged on them later: leave a gap{gap} between the splits, and train again"
        ))
    }

    /// Returns the names of the products from which the model learned.
    pub fn product_names(&self) -> Vec<&str> {
        self.products.iter().map(|product| product.name.as_str()).collect()
    }
}
