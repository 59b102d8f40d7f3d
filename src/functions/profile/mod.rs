//! `profile` and `correlations`: what a relation holds, learned in one pass over its rows.
//!
//! In: a relation. Out: one row for each column, or for each pair of numeric columns. Memory is bounded whatever the rows.

mod column;
mod correlations;
mod moments;
mod origin;
mod pass;
mod relation;
mod sketch;
mod summary;

use std::sync::Arc;

use self::correlations::Correlations;
pub(super) use self::moments::Moments;
use self::pass::Measured;
use self::relation::Profile;
use super::{Function, Implementation};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

const RELATION: Argument = Argument {
    name: "relation",
    sql_type: "VARCHAR",
    meaning: "the name of a table or view, or a query, constant",
    required: true,
};

const PROFILE: Documentation = Documentation {
    name: "profile",
    kind: Kind::Table,
    section: Section::Relations,
    summary: "Returns what every column of a relation holds, from one pass over its rows in bounded memory",
    arguments: &[RELATION],
    result: Outcome {
        sql_type: "TABLE (column_name, type, kind, rows, nulls, nans, infinities, zeros, negatives, distinct_values, distinct_exact, min, max, mean, std, skewness, quantiles, shortest, longest, longest_gap_s, longest_gap_from, frequent, frequent_shares, edges, shares, sampled_rows, duplicate_rows)",
        meaning: "one row a column; kind is number, text, boolean, time or other; zeros counts numbers that are 0 and texts of no characters; NaN and infinities belong to no other figure; quantiles are those of 1, 5, 25, 50, 75, 95 and 99 %; shortest and longest are characters of a text; frequent are the most frequent values with their shares; a text of more than 200 characters ends in an ellipsis and the number of its characters; edges and shares are a histogram, of times in nanoseconds since 1970; duplicate_rows are the relation's rows that repeat another one. If sampled_rows is below rows, then quantiles, shares and frequent numbers are estimates from a random sample of that many rows",
        when_null: "figures that the kind does not have; longest_gap_s of a sample; duplicate_rows beyond 16 million rows",
    },
    example: Example {
        query: "SELECT column_name, nulls, distinct_values, min, max, mean, std FROM profile('SELECT * FROM (VALUES (1, ''a''), (3, ''b''), (5, ''a''), (NULL, ''a'')) AS t(size, side)')",
        output: "size | 1 | 3 | 1 | 5 | 3.0 | 2.0\nside | 0 | 2 | a | b | NULL | NULL",
    },
    source: "squall; skewness as pandas",
};

const CORRELATIONS: Documentation = Documentation {
    name: "correlations",
    kind: Kind::Table,
    section: Section::Relations,
    summary: "Returns Pearson's correlation of every pair of a relation's first 40 numeric columns, from one pass over its rows",
    arguments: &[RELATION],
    result: Outcome {
        sql_type: "TABLE (column_a, column_b, correlation, rows)",
        meaning: "one row a pair; correlation is in [-1, 1], over the rows in which both are finite",
        when_null: "correlation if a pair has fewer than two such rows, or one of the two is constant",
    },
    example: Example {
        query: "SELECT column_a, column_b, correlation, rows FROM correlations('SELECT * FROM (VALUES (1, 2.0), (2, 4.0), (3, 6.0), (4, NULL)) AS t(a, b)')",
        output: "a | b | 1.0 | 3",
    },
    source: "pandas' DataFrame.corr",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function {
        documentation: &PROFILE,
        implementation: |_| Implementation::Table(Arc::new(Measured::<Profile>::default())),
    },
    Function {
        documentation: &CORRELATIONS,
        implementation: |_| Implementation::Table(Arc::new(Measured::<Correlations>::default())),
    },
];
