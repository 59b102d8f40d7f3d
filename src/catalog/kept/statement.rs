//! CREATE TABLE, CREATE VIEW and DROP.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::TableReference;
use datafusion::datasource::{MemTable, ViewTable};
use datafusion::logical_expr::{CreateMemoryTable, CreateView, DdlStatement, LogicalPlan, TableType};
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::Statement as Ast;

use super::table::Writer;
use super::{Error, Is, Kept};
use crate::catalog;
use crate::dialect;
use crate::durable;

impl Kept {
    /// Carries out a statement that makes or drops a table or view; a temporary table lasts as long as the session. Returns
    /// `None` if it is another statement.
    ///
    /// # Errors
    /// The name is taken, the query fails, or the disk reports an error; what was kept then stays as it was.
    pub async fn carry_out(
        &self,
        context: &SessionContext,
        statement: &str,
        plan: &LogicalPlan,
        temporary: bool,
    ) -> Result<Option<()>, catalog::Error> {
        let ddl = match plan {
            LogicalPlan::Ddl(ddl) => ddl,
            LogicalPlan::Dml(change) if change.target.table_type() == TableType::View => {
                return Err(Error::Query { name: change.table_name.table().into() }.into());
            }
            _ => return Ok(None),
        };
        match ddl {
            DdlStatement::CreateMemoryTable(create) if temporary => self.temporary(context, create).await?,
            DdlStatement::CreateMemoryTable(create) => match name(&create.name) {
                Some(name) => self.create_table(context, name, create).await?,
                None => return Ok(None),
            },
            DdlStatement::CreateView(create) if create.temporary => temporary_view(context, create)?,
            DdlStatement::CreateView(create) => match name(&create.name) {
                Some(name) => self.create_view(context, name, create, statement).await?,
                None => return Ok(None),
            },
            DdlStatement::DropTable(drop) => return self.drop_kept(&drop.name, Is::Table).await,
            DdlStatement::DropView(drop) => return self.drop_kept(&drop.name, Is::View).await,
            _ => return Ok(None),
        }
        Ok(Some(()))
    }

    async fn create_table(
        &self,
        context: &SessionContext,
        name: &str,
        create: &CreateMemoryTable,
    ) -> Result<(), catalog::Error> {
        if !create.constraints.is_empty() || !create.column_defaults.is_empty() {
            return Err(Error::Constraints.into());
        }
        if self.may_create(context, name, create.if_not_exists, create.or_replace)? == Found::Keep {
            return Ok(());
        }
        let frame = DataFrame::new(context.state(), create.input.as_ref().clone());
        let schema = named_once(create.input.schema().inner())?;
        let _lock = self.lock().await?;
        // Another process may have made it meanwhile.
        if self.may_create(context, name, create.if_not_exists, create.or_replace)? == Found::Keep {
            return Ok(());
        }
        // What a dead process left cannot be in the way, so it does not matter if it stays.
        let _ = durable::remove_leftovers(&self.dir);
        let mut writer = Writer::beside(&self.path(name, Is::Table), schema)?;
        writer.write_all(frame.execute_stream().await?).await?;
        writer.commit()?;
        self.remove(name, Is::View)
    }

    async fn create_view(
        &self,
        context: &SessionContext,
        name: &str,
        create: &CreateView,
        statement: &str,
    ) -> Result<(), catalog::Error> {
        if self.may_create(context, name, false, create.or_replace)? == Found::Keep {
            return Ok(());
        }
        let _lock = self.lock().await?;
        if self.may_create(context, name, false, create.or_replace)? == Found::Keep {
            return Ok(());
        }
        if self.reads(context, statement).contains(name) {
            return Err(Error::Circle { name: name.into() }.into());
        }
        let path = self.path(name, Is::View);
        let text = statement.trim().trim_end_matches(';').to_string() + ";\n";
        durable::replace(&path, text.as_bytes()).map_err(|source| Error::Disk { path, source })?;
        self.remove(name, Is::Table)
    }

    /// Returns the kept names that a query reads, itself or through kept views.
    fn reads(&self, context: &SessionContext, statement: &str) -> BTreeSet<String> {
        let state = context.state();
        let mut read = BTreeSet::new();
        let mut open = vec![statement.to_string()];
        while let Some(statement) = open.pop() {
            let Ok(parsed) = dialect::parse(&state, &statement) else { continue };
            let Statement::Statement(parsed) = parsed else { continue };
            let Ast::CreateView(view) = *parsed else { continue };
            let query = Statement::Statement(Box::new(Ast::Query(view.query)));
            for reference in state.resolve_table_references(&query).unwrap_or_default() {
                let name = reference.table().to_string();
                if read.insert(name.clone())
                    && let Ok(text) = std::fs::read_to_string(self.path(&name, Is::View))
                {
                    open.push(text);
                }
            }
        }
        read
    }

    /// Returns whether a name may be made, or stays as it is.
    fn may_create(
        &self,
        context: &SessionContext,
        name: &str,
        if_not_exists: bool,
        or_replace: bool,
    ) -> Result<Found, Error> {
        let kept = self.is(name).is_some();
        let known = context.table_exist(TableReference::bare(name)).unwrap_or(false);
        match (kept, known) {
            (true, _) if if_not_exists => Ok(Found::Keep),
            (true, _) if or_replace => Ok(Found::Make),
            (true, _) => Err(Error::Exists { name: name.into() }),
            (false, true) => Err(Error::Taken { name: name.into() }),
            (false, false) => Ok(Found::Make),
        }
    }

    /// Makes a table that lasts as long as the session.
    async fn temporary(&self, context: &SessionContext, create: &CreateMemoryTable) -> Result<(), catalog::Error> {
        let known = context.table_exist(create.name.clone()).unwrap_or(false);
        if known && create.if_not_exists {
            return Ok(());
        }
        if known && !create.or_replace {
            return Err(Error::Exists { name: create.name.table().into() }.into());
        }
        let schema = named_once(create.input.schema().inner())?;
        let frame = DataFrame::new(context.state(), create.input.as_ref().clone());
        let table = MemTable::try_new(schema, frame.collect_partitioned().await?)?;
        let table = table
            .with_constraints(create.constraints.clone())
            .with_column_defaults(create.column_defaults.iter().cloned().collect());
        context.deregister_table(create.name.clone())?;
        context.register_table(create.name.clone(), Arc::new(table))?;
        Ok(())
    }

    async fn drop_kept(&self, reference: &TableReference, wanted: Is) -> Result<Option<()>, catalog::Error> {
        let Some(name) = name(reference) else { return Ok(None) };
        let Some(is) = self.is(name) else { return Ok(None) };
        if is != wanted {
            return Err(Error::Kind { name: name.into(), is: is.word(), wanted: wanted.word() }.into());
        }
        let _lock = self.lock().await?;
        self.remove(name, is)?;
        Ok(Some(()))
    }

    /// Removes a file, if there is one.
    fn remove(&self, name: &str, is: Is) -> Result<(), catalog::Error> {
        let path = self.path(name, is);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(Error::Disk { path, source }.into()),
            Ok(()) => {}
        }
        durable::sync_folder(&self.dir).map_err(|source| Error::Disk { path, source }.into())
    }
}

/// Makes a view that lasts as long as the session.
fn temporary_view(context: &SessionContext, create: &CreateView) -> Result<(), catalog::Error> {
    if context.table_exist(create.name.clone()).unwrap_or(false) && !create.or_replace {
        return Err(Error::Exists { name: create.name.table().into() }.into());
    }
    let view = ViewTable::new(create.input.as_ref().clone(), create.definition.clone());
    context.deregister_table(create.name.clone())?;
    context.register_table(create.name.clone(), Arc::new(view))?;
    Ok(())
}

/// What is to be done about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Make,
    /// It is there, and the statement wants it only if it is not.
    Keep,
}

/// Returns the name of a table without a schema; names with one are the engine's.
fn name(reference: &TableReference) -> Option<&str> {
    match reference {
        TableReference::Bare { table } => Some(table),
        _ => None,
    }
}

/// Returns the columns, in which NULL is allowed, if no two have the same name.
fn named_once(schema: &SchemaRef) -> Result<SchemaRef, catalog::Error> {
    let mut names = BTreeSet::new();
    if let Some(twice) = schema.fields().iter().find(|field| !names.insert(field.name())) {
        return Err(Error::TwoColumns { column: twice.name().clone() }.into());
    }
    let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

impl From<Error> for catalog::Error {
    fn from(error: Error) -> Self {
        catalog::Error::Kept(error)
    }
}
