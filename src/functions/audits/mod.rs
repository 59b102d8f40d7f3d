//! Audits as table functions: each returns the rows of a relation that break a rule.
//!
//! In: a relation, given by name or as a query, and what the rule needs. Out: a view, so that the engine sees through the call. An
//! audit is one file with an [`Audit`]; to add one, write its file and add one line to [`FUNCTIONS`].

mod accepted_range;
mod crossed_book;
mod freshness;
mod no_gaps;
mod not_null;
mod row_count_change;
mod unique;

use std::sync::Arc;

use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{DFSchema, Result, ScalarValue, plan_datafusion_err, plan_err};
use datafusion::datasource::ViewTable;
use datafusion::logical_expr::Expr;

use super::relation::{plan, query, text};
use super::{Function, session_state};
use crate::text::documentation::{Argument, Documentation};
use crate::text::{did_you_mean, identifier, literal};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    not_null::FUNCTION,
    unique::FUNCTION,
    accepted_range::FUNCTION,
    freshness::FUNCTION,
    no_gaps::FUNCTION,
    crossed_book::FUNCTION,
    row_count_change::FUNCTION,
];

/// The first argument of every audit.
const RELATION: Argument = Argument {
    name: "relation",
    sql_type: "VARCHAR",
    meaning: "the rows to audit: the name of a query or table, or a SELECT",
    required: true,
};

/// The columns of an audit that takes several.
const COLUMN: Argument =
    Argument { name: "column", sql_type: "VARCHAR", meaning: "the name of a column", required: true };
const MORE_COLUMNS: Argument =
    Argument { name: "…", sql_type: "VARCHAR", meaning: "the names of more columns", required: false };

/// A rule, as a query.
#[derive(Debug)]
struct Audit {
    documentation: &'static Documentation,
    /// Returns the query that selects what breaks the rule.
    sql: fn(&Call<'_>) -> Result<String>,
}

/// One call of an audit.
struct Call<'a> {
    documentation: &'static Documentation,
    /// The relation as a table of a FROM clause.
    rows: String,
    schema: &'a DFSchema,
    /// The arguments after the relation.
    arguments: &'a [Expr],
}

impl Call<'_> {
    /// Returns the names of columns, quoted, from one argument on; the relation has all of them.
    fn columns(&self, from: usize) -> Result<Vec<String>> {
        self.arguments[from.min(self.arguments.len())..].iter().map(|argument| self.named(argument)).collect()
    }

    /// Returns the name of a column, quoted.
    fn column(&self, argument: usize) -> Result<String> {
        self.named(&self.arguments[argument])
    }

    fn named(&self, argument: &Expr) -> Result<String> {
        let syntax = self.documentation.syntax();
        let name =
            text(argument).ok_or_else(|| plan_datafusion_err!("{syntax} takes columns as text in single quotes"))?;
        self.has(&name)?;
        Ok(identifier(&name))
    }

    /// Checks that the relation has a column.
    fn has(&self, name: &str) -> Result<()> {
        if self.schema.has_column_with_unqualified_name(name) {
            return Ok(());
        }
        let names = || self.schema.fields().iter().map(|field| field.name().as_str());
        let near = did_you_mean(name, names());
        let near = near.unwrap_or_else(|| format!("its columns are {}", names().collect::<Vec<_>>().join(", ")));
        plan_err!("{}: the relation has no column `{name}`; {near}", self.documentation.name)
    }

    /// Returns a constant as SQL writes it.
    fn constant(&self, argument: usize) -> Result<String> {
        match &self.arguments[argument] {
            Expr::Negative(inner) => match inner.as_ref() {
                Expr::Literal(value, _) if value.data_type().is_numeric() => Ok(format!("-{value}")),
                _ => self.no_constant(argument),
            },
            Expr::Literal(value, _) if value.is_null() => Ok("NULL".into()),
            Expr::Literal(value, _) if value.data_type().is_numeric() => Ok(value.to_string()),
            Expr::Literal(ScalarValue::Boolean(Some(value)), _) => Ok(value.to_string()),
            other => text(other).map(|text| literal(&text)).map_or_else(|| self.no_constant(argument), Ok),
        }
    }

    /// Returns a length of time as SQL writes it.
    fn interval(&self, argument: usize) -> Result<String> {
        match &self.arguments[argument] {
            Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(length)), _) => Ok(format!(
                "INTERVAL '{} months {} days {} nanoseconds'",
                length.months, length.days, length.nanoseconds
            )),
            other => match text(other) {
                Some(text) => Ok(format!("INTERVAL {}", literal(&text))),
                None => plan_err!("{} takes a length of time, such as '5 minutes'", self.documentation.syntax()),
            },
        }
    }

    fn no_constant(&self, argument: usize) -> Result<String> {
        let (syntax, number) = (self.documentation.syntax(), argument + 2);
        plan_err!("argument {number} of {syntax} must be a constant: a number, text in single quotes, or NULL")
    }
}

impl TableFunctionImpl for Audit {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let documentation = self.documentation;
        let declared = documentation.arguments;
        let required = declared.iter().filter(|argument| argument.required).count();
        let most = if declared.iter().any(|argument| argument.name == MORE_COLUMNS.name) {
            usize::MAX
        } else {
            declared.len()
        };
        let given = args.exprs();
        let syntax = documentation.syntax();
        if !(required..=most).contains(&given.len()) {
            return plan_err!("{syntax} was given {} arguments", given.len());
        }
        let Some(relation) = text(&given[0]) else {
            return plan_err!("relation of {syntax} must be text in single quotes");
        };
        let state = session_state(args.session())?;
        let rows = plan(state, &relation)?;
        let call = Call {
            documentation,
            rows: format!("({}) AS checked", query(&relation)),
            schema: rows.schema(),
            arguments: &given[1..],
        };
        let broken = plan(state, &(self.sql)(&call)?)?;
        Ok(Arc::new(ViewTable::new(broken, None)))
    }
}
