//! `drift`: finds the columns whose distributions differ between two relations.
//!
//! In: two relations. Out: one row per column, with what happened to its type and its missing values, the test that Evidently 0.7 would
//! choose or that somebody chose, its value, and whether it means drift. The rows also hold both samples' counts, means, quantiles and
//! histograms, so that a report needs no second query.

mod by;
mod categories;
mod changes;
mod choices;
mod column;
mod comparison;
mod exec;
mod histogram;
mod kolmogorov;
mod ks;
mod quantiles;
mod relation;
mod slices;
mod special;
mod table;
pub mod two_sample;
mod values;
mod wasserstein;
mod words;

use std::sync::Arc;

use super::{Function, Implementation};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

/// What is before the name of a model that is the reference.
pub const OF_MODEL: &str = "model:";

const RELATIONS: [Argument; 2] = [
    Argument {
        name: "reference",
        sql_type: "VARCHAR",
        meaning: "the name of a table or view, or a query, constant; 'model:NAME' is what the artifact of a model keeps of its training rows: the quantiles of each number, for distances, and the counts of each category, for every test",
        required: true,
    },
    Argument {
        name: "current",
        sql_type: "VARCHAR",
        meaning: "the name of a table or view, or a query, constant; columns are matched by name",
        required: true,
    },
];

const TESTS: Argument = Argument {
    name: "tests",
    sql_type: "VARCHAR",
    meaning: "tests instead of the default ones, constant: 'column=test, column=test:threshold', where * is every other column. Distances, with drift from 0.1 on: wasserstein (in standard deviations of the reference), jensenshannon, psi, kl_div, hellinger, tvd, ks_stat, ed; words, the ROC AUC of a classifier that tells the samples apart by their words, from 0.55 on. P-values, with drift up to 0.05: ks, chisquare, z, t_test, mannw; up to 0.1: cramer_von_mises, anderson. The aggregates' names are understood too",
    required: false,
};

const DRIFT: Documentation = Documentation {
    name: "drift",
    kind: Kind::Table,
    section: Section::Drift,
    summary: "Compares every column of a current relation with a reference: its type, its missing values and, with Evidently's default tests or those that are chosen, its distribution",
    arguments: &[RELATIONS[0], RELATIONS[1], TESTS],
    result: Outcome {
        sql_type: "TABLE (column_name, kind, change, test, value, drift_if, threshold, drifted, reason, reference_type, current_type, reference_rows, current_rows, reference_missing, current_missing, reference_mean, current_mean, reference_std, current_std, reference_from, reference_to, current_from, current_to, reference_quantiles, current_quantiles, edges, categories, reference_shares, current_shares)",
        meaning: "one row a column of either relation; change is 'vanished', 'appeared', 'all_missing', 'was_all_missing', 'type' or 'missing_share' (by 5 points or more); a column drifted if value drift_if threshold; value is a p-value where drift_if is <= or <, otherwise a distance; rows count values, missing counts NULL, NaN and infinity; from and to are the first and the last of a column of times; quantiles are those at 0 %, 1 %, … 100 %; edges, categories (the 20 most frequent ones) and shares are the histogram's LISTs",
        when_null: "change where there is none; test, value, drift_if, threshold and drifted where there is nothing to compare, and reason says why; mean, std and quantiles of what is not numeric; from and to of what is not a time; all of a side that has no such column",
    },
    example: Example {
        query: "SELECT column_name, test, round(value, 3) AS value, drifted FROM drift('VALUES (1.0), (2.0), (3.0), (4.0), (5.0), (6.0)', 'VALUES (4.0), (5.0), (6.0), (7.0), (8.0), (9.0)')",
        output: "column1 | ks | 0.474 | false",
    },
    source: "Evidently 0.7.23, DataDriftPreset; SciPy 1.17.1",
};

const DRIFT_BY: Documentation = Documentation {
    name: "drift_by",
    kind: Kind::Table,
    section: Section::Drift,
    summary: "Compares every slice of a current relation and of a reference with the whole reference, so that you see when or where a column drifted",
    arguments: &[
        RELATIONS[0],
        RELATIONS[1],
        Argument {
            name: "by",
            sql_type: "VARCHAR",
            meaning: "what makes the slices, constant: 'minute', '15 minute', 'hour', 'day', 'week' or 'month', of the only column of times or of one that is named, as in 'day:ts'; or a column, each of whose values makes a slice. A column with the name of a span stands in double quotes. There are at most 400",
            required: true,
        },
        TESTS,
    ],
    result: Outcome {
        sql_type: "TABLE (sample, slice, slice_from, column_name, test, value, drift_if, threshold, drifted, rows, missing, mean, low, median, high)",
        meaning: "one row a slice and column that both relations have; sample is 'reference' or 'current'; the test is that of the whole column; low and high are the 5 % and the 95 % quantile",
        when_null: "slice_from where a column makes the slices; test to drifted where there is nothing to compare; drifted of a distance in a slice of fewer than 1,000 values, because it may be chance; mean to high of what is not numeric",
    },
    example: Example {
        query: "SELECT sample, slice, column_name, round(value, 3) AS value, drifted FROM drift_by('SELECT ''a'' AS side, value FROM generate_series(1, 10)', 'SELECT CASE WHEN value < 9 THEN ''b'' ELSE ''c'' END AS side, value FROM generate_series(5, 16)', 'side')",
        output: "reference | a | value | 1.0 | false\ncurrent | b | value | 0.687 | false\ncurrent | c | value | 0.002 | true",
    },
    source: "Evidently 0.7.23, DataDriftPreset; SciPy 1.17.1",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function {
        documentation: &DRIFT,
        implementation: |host| Implementation::Table(Arc::new(table::Drift(Arc::clone(&host.models)))),
    },
    Function {
        documentation: &DRIFT_BY,
        implementation: |host| Implementation::Table(Arc::new(table::DriftBy(Arc::clone(&host.models)))),
    },
];
