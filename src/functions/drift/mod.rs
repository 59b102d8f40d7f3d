//! `drift`: finds the columns whose distributions differ between two relations.
//!
//! In: two relations. Out: one row per column, with the test that Evidently 0.7 would choose, its value, and whether it
//! means drift. The rows also hold both samples' counts, means and histograms, so that a report needs no second query.

mod categories;
mod column;
mod exec;
mod histogram;
mod kolmogorov;
mod ks;
mod samples;
mod special;
mod table;
pub mod two_sample;
mod wasserstein;

use std::sync::Arc;

use super::{Function, Implementation};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

const DRIFT: Documentation = Documentation {
    name: "drift",
    kind: Kind::Table,
    section: Section::Drift,
    summary: "Compares the distribution of every column between a reference and a current relation, with Evidently's default tests",
    arguments: &[
        Argument {
            name: "reference",
            sql_type: "VARCHAR",
            meaning: "the name of a table or view, or a query, constant",
            required: true,
        },
        Argument {
            name: "current",
            sql_type: "VARCHAR",
            meaning: "the name of a table or view, or a query, constant; columns are matched by name",
            required: true,
        },
    ],
    result: Outcome {
        sql_type: "TABLE (column_name, kind, test, value, threshold, drifted, reason, reference_rows, current_rows, reference_missing, current_missing, reference_mean, current_mean, reference_std, current_std, edges, categories, reference_shares, current_shares)",
        meaning: "one row a column of either relation; value is a p-value (ks, chisquare, z) or a distance (wasserstein: in standard deviations of the reference; jensenshannon: root of nats); missing counts NULL, NaN and infinity; edges, categories and shares are the histogram's LISTs",
        when_null: "test, value, threshold and drifted where there is nothing to compare, and reason says why; mean and std of what is not numeric",
    },
    example: Example {
        query: "SELECT column_name, test, round(value, 3) AS value, drifted FROM drift('VALUES (1.0), (2.0), (3.0), (4.0), (5.0), (6.0)', 'VALUES (4.0), (5.0), (6.0), (7.0), (8.0), (9.0)')",
        output: "column1 | ks | 0.474 | false",
    },
    source: "Evidently 0.7.23, DataDriftPreset; SciPy 1.17.1",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] =
    &[Function { documentation: &DRIFT, implementation: |_| Implementation::Table(Arc::new(table::Drift)) }];
