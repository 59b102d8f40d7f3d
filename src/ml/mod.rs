//! CREATE MODEL, the other statements on models, and the `ml_*` functions: the model numerics as SQL.
//!
//! In: statements, and calls of functions on models. Out: models on disk and runs in the table `runs`; scores, curves and
//! metrics as rows. The module `model` computes the numbers.

mod arguments;
mod bound;
mod compare;
mod create_model;
mod curves;
mod episodes;
mod error;
mod evaluate;
mod explain;
mod features;
mod fitting;
mod folds;
mod importance;
mod judged;
mod lineage;
mod list;
mod manage;
mod metrics;
mod options;
mod out_of_fold;
mod predict;
mod query_function;
mod rows;
mod runs;
mod score;
mod statement;
mod sweep;
mod training_info;
mod walk_forward;
mod weights;

pub use bound::{read as read_bound, write as write_bound};
pub use create_model::create;
pub use error::Error;
pub use fitting::{matches, names_in, reads_every_model};
pub use folds::{Folds, MOST_BLOCKS};
pub use lineage::{Lineage, Origin, remember};
pub use manage::{Manage, carry_out, parse as parse_manage};
pub use rows::check_columns;
pub use runs::{evaluation as evaluation_run, table as runs_table};
pub use statement::{CreateModel, Problem, StatementError, parse};
pub use walk_forward::{Judged, TABLE as WALK_FORWARD, judge, table as walk_forward_table};

use crate::functions::Family;
pub use crate::functions::relation::tables;
pub use crate::model::LabelQuery;

/// Every family of functions on models.
pub const FAMILIES: &[Family] = &[
    predict::FUNCTIONS,
    score::FUNCTIONS,
    evaluate::FUNCTIONS,
    compare::FUNCTIONS,
    episodes::FUNCTIONS,
    curves::FUNCTIONS,
    list::FUNCTIONS,
    sweep::FUNCTIONS,
    weights::FUNCTIONS,
    importance::FUNCTIONS,
    explain::FUNCTIONS,
    training_info::FUNCTIONS,
    out_of_fold::FUNCTIONS,
    metrics::FUNCTIONS,
];
