//! What is known about one query: its header, its columns with their types and units, how far it looks, what it reads and what
//! reads it.
//!
//! In: a project, and a session with it registered. Out: a [`Described`] query. Types and reach come from the query's plan, so
//! nothing is computed.

use datafusion::execution::context::SessionContext;

use super::error::Error;
use super::reach::Reach;
use super::{Kind, Project, Query};
pub use crate::engine::sql_type;

/// A query, described.
#[derive(Debug)]
pub struct Described {
    pub columns: Vec<DescribedColumn>,
    /// How far the query reaches before and after a row's time, found in its plan.
    pub reach: Reach,
}

/// A column of a query.
#[derive(Debug)]
pub struct DescribedColumn {
    pub name: String,
    /// Its type as SQL writes it.
    pub sql_type: String,
    pub unit: Option<String>,
    pub nullable: bool,
    pub reach: Reach,
    /// The expression that makes it, if the query's outermost SELECT has one for it.
    pub formula: Option<String>,
}

impl Project {
    /// Describes a query, model or audit from its plan; a model's columns are those of its training query.
    ///
    /// # Errors
    /// The query cannot be planned, for example because it waits for a model.
    pub async fn describe(&self, query: &Query, context: &SessionContext) -> Result<Described, Error> {
        let measured = self.measured(query, context).await?;
        let reaches = self.reach(query, context).await?;
        let reach = reaches.total();
        let columns = measured.schema.fields().iter().zip(reaches.columns).map(|(field, (_, reach))| DescribedColumn {
            name: field.name().clone(),
            sql_type: sql_type(field.data_type()),
            unit: query.header.unit(field.name()).map(str::to_string),
            nullable: field.is_nullable(),
            reach,
            formula: query.parsed.formula(field.name()),
        });
        Ok(Described { columns: columns.collect(), reach })
    }

    /// Returns the names of the queries, models, tables and files that a query reads directly.
    pub fn reads<'a>(&'a self, query: &'a Query) -> Vec<&'a str> {
        let mut names: Vec<&str> = query.reads.iter().map(|read| self.queries[*read].name.as_str()).collect();
        let tables = query.parsed.references.tables.iter().map(String::as_str);
        names.extend(tables.filter(|table| self.position(table).is_none()));
        names
    }

    /// Returns the names of the queries, models and audits that read a query directly.
    pub fn read_by(&self, query: &Query) -> Vec<&str> {
        let readers = self.position(&query.name).map(|index| self.readers(index)).unwrap_or_default();
        readers.into_iter().map(|reader| self.queries[reader].name.as_str()).collect()
    }
}

impl Query {
    /// Returns whether `run` can materialise it.
    pub fn can_run(&self) -> bool {
        !matches!(self.kind, Kind::Model | Kind::Audit)
    }

    /// Returns the first sentence of the description, without its full stop.
    pub fn first_sentence(&self) -> &str {
        let description = &self.header.description;
        let first = description.split_once(". ").map_or(description.as_str(), |(first, _)| first);
        first.trim_end_matches('.')
    }
}
