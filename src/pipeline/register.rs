//! Planning queries, and what is said when that fails.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::LogicalPlan;

use super::disabled::{Disabled, Why};
use super::error::Error;
use super::place::Place;
use super::reach::plan_statement;
use super::{Kind, LANDED, Project, Query};
use crate::dialect::misplaced_function;
use crate::text::did_you_mean;

impl Project {
    /// Returns why a query cannot be used because of what it reads.
    pub(super) fn why_not(&self, query: &Query, unplanned: &[Disabled]) -> Option<Why> {
        let names = query.parsed.references.names();
        let needed = self.disabled.iter().chain(unplanned).find(|disabled| {
            // A model's artifact does the scoring, so its file does not matter. A name that squall keeps is that of its own table.
            let is_read = disabled.kind != Kind::Model && !disabled.is_hidden();
            is_read && names.contains(disabled.name.as_str())
        })?;
        Some(match &needed.why {
            Why::Waits(model) => Why::Waits(model.clone()),
            _ => Why::Reads(needed.name.clone()),
        })
    }

    /// Plans a query as a view.
    pub(super) async fn view(&self, index: usize, context: &SessionContext) -> Result<LogicalPlan, Why> {
        let plan = self.plan(&self.queries[index], context).await;
        plan.map_err(|error| self.why_unplanned(index, error))
    }

    /// Returns why a query that could not be planned cannot be used.
    pub(super) fn why_unplanned(&self, index: usize, error: Error) -> Why {
        match self.untrained(index) {
            Some(model) => Why::Waits(model.into()),
            None => Why::Wrong(Arc::new(error)),
        }
    }

    /// Returns a model that the query needs, itself or through the queries that it reads, and that is not trained yet.
    pub(super) fn untrained(&self, index: usize) -> Option<&str> {
        let upstream = self.upstream(index).into_iter().map(|needed| &self.queries[needed]);
        let mut models = upstream.filter(|query| query.kind == Kind::Model).map(|query| query.name.as_str());
        models.find(|model| self.model_files(model).is_none_or(|files| files.is_empty()))
    }

    /// Returns whether the query needs a model, either itself or through the queries that it reads.
    pub(super) fn scores(&self, index: usize) -> bool {
        self.upstream(index).into_iter().any(|needed| self.queries[needed].kind == Kind::Model)
    }

    /// Plans a query against the session's tables.
    pub(super) async fn plan(&self, query: &Query, context: &SessionContext) -> Result<LogicalPlan, Error> {
        let mut state = context.state();
        // With spans, an error knows its line and column.
        state.config_mut().options_mut().sql_parser.collect_spans = true;
        let planned = plan_statement(&state, query).await;
        planned.map_err(|error| self.plan_error(query, &error, context))
    }

    /// Returns why a query could not be planned, with the place to which the engine points, or else the place of the name
    /// that its message quotes.
    pub(super) fn plan_error(&self, query: &Query, error: &DataFusionError, context: &SessionContext) -> Error {
        let first = error.iter().next().unwrap_or(error);
        let diagnostic = first.diagnostic();
        let (message, said) = match (diagnostic, first.find_root()) {
            (Some(diagnostic), _) => (diagnostic.message.clone(), None),
            (None, DataFusionError::Plan(text)) => {
                // The engine adds a suggestion and a list of types in further lines and sentences.
                let (message, rest) = text.split_once('\n').unwrap_or((text, ""));
                let said = rest.trim().strip_prefix("Did you mean '").and_then(|rest| Some(rest.split_once('\'')?.0));
                (message.trim().trim_end_matches('.').to_string(), said.map(|name| format!("did you mean `{name}`?")))
            }
            (None, root) => (root.message().into_owned(), None),
        };
        let message = lowercase(&message);
        if let Some(path) = message.strip_prefix("table '").and_then(|rest| rest.strip_suffix("' not found"))
            && path.contains('/')
        {
            return Error::Plan {
                place: query.place_of_word(path).unwrap_or_else(|| query.start()),
                message: format!("there is no file '{path}'"),
                hint: Some("paths are relative to the working directory".into()),
            };
        }
        let quoted = message.split(['\'', '`', '"']).nth(1).map(|name| name.rsplit('.').next().unwrap_or(name));
        let span = diagnostic.and_then(|diagnostic| diagnostic.span).filter(|span| span.start.line > 0);
        let place = match span {
            Some(span) => query.rendered.place(span.start.line as usize, span.start.column as usize),
            None => quoted.and_then(|name| query.place_of_word(name)).unwrap_or_else(|| query.start()),
        };
        let known = match columns(first) {
            Some(columns) => columns,
            None if message.contains("function") => functions(context),
            None => self.queries.iter().map(|query| query.name.clone()).chain([LANDED.into()]).collect(),
        };
        if message.starts_with("invalid function")
            && let Some((message, hint)) = quoted.and_then(|name| misplaced_function(&context.state(), name))
        {
            return Error::Plan { place, hint: Some(hint), message };
        }
        let near = || did_you_mean(quoted?, known.iter().map(String::as_str));
        let what_there_is = || match columns(first) {
            Some(columns) if columns.is_empty() => None,
            Some(columns) => Some(format!("the columns are {}", listed(&columns))),
            None if message.contains("function") => Some("`.functions` in `squall repl` lists the functions".into()),
            None if message.starts_with("table ") => {
                Some("`squall list` prints the project's queries, `squall sql 'SHOW TABLES'` all tables".into())
            }
            None => None,
        };
        Error::Plan { place, hint: said.or_else(near).or_else(what_there_is), message }
    }
}

impl Query {
    /// Returns the last place where a word stands in the statement.
    pub(super) fn place_of_word(&self, word: &str) -> Option<Place> {
        let header = self.start().line - 1;
        let lines: Vec<&str> = self.rendered.sql.lines().collect();
        let found = lines.iter().enumerate().skip(header).rev().find_map(|(index, line)| {
            let code = line.split("--").next().unwrap_or(line);
            let lower = code.to_lowercase();
            let is_part = |c: char| c.is_alphanumeric() || c == '_';
            let at = lower.rmatch_indices(&word.to_lowercase()).map(|(at, _)| at).find(|at| {
                let (before, after) = (&lower[..*at], &lower[at + word.len()..]);
                !before.ends_with(is_part) && !after.starts_with(is_part)
            })?;
            Some((index + 1, lower[..at].chars().count() + 1))
        });
        let (line, column) = found.filter(|_| !word.is_empty())?;
        Some(self.rendered.place(line, column))
    }
}

/// Returns the existing columns that an error about an unknown column lists.
fn columns(error: &DataFusionError) -> Option<Vec<String>> {
    let DataFusionError::SchemaError(source, _) = error.find_root() else { return None };
    let SchemaError::FieldNotFound { valid_fields, .. } = source.as_ref() else { return None };
    let names: BTreeSet<String> = valid_fields.iter().map(|column| column.name.clone()).collect();
    Some(names.into_iter().collect())
}

/// The most columns that a hint lists.
const LISTED_COLUMNS: usize = 20;

fn listed(columns: &[String]) -> String {
    let more = if columns.len() > LISTED_COLUMNS { ", …" } else { "" };
    format!("{}{more}", columns.iter().take(LISTED_COLUMNS).cloned().collect::<Vec<_>>().join(", "))
}

fn functions(context: &SessionContext) -> Vec<String> {
    let state = context.state();
    let names = state.scalar_functions().keys().chain(state.aggregate_functions().keys());
    let names = names.chain(state.window_functions().keys()).chain(state.table_functions().keys());
    names.cloned().collect()
}

/// Returns the text with a lowercase first letter, unless the first word is an acronym.
fn lowercase(text: &str) -> String {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_string(),
    }
}
