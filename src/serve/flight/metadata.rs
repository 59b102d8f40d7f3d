//! What clients ask about the database: its tables with their columns, and what the server can do.
//!
//! There is one database with one schema, as in PostgreSQL's protocol. Tables have no keys, so what is asked about keys has no rows.

use std::sync::Arc;

use arrow_flight::error::FlightError;
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder, XdbcTypeInfoData, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{CommandGetCatalogs, CommandGetDbSchemas, CommandGetTableTypes, CommandGetTables, SqlInfo};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::super::engine::Engine;
use super::super::failure::Failure;
use super::super::reflect::{DATABASE, SCHEMA};
use super::shape;

/// The kinds of relations.
const TABLE: &str = "TABLE";
const VIEW: &str = "VIEW";

/// Returns what the server says about itself.
///
/// # Errors
/// The values do not fit together.
pub fn about(read_only: bool) -> Result<SqlInfoData, Failure> {
    let mut about = SqlInfoDataBuilder::new();
    about.append(SqlInfo::FlightSqlServerName, "squall");
    about.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    about.append(SqlInfo::FlightSqlServerArrowVersion, datafusion::arrow::ARROW_VERSION);
    about.append(SqlInfo::FlightSqlServerReadOnly, read_only);
    about.append(SqlInfo::FlightSqlServerSql, true);
    about.append(SqlInfo::FlightSqlServerSubstrait, false);
    // Neither transactions nor savepoints.
    about.append(SqlInfo::FlightSqlServerTransaction, 0i32);
    about.append(SqlInfo::FlightSqlServerCancel, true);
    about.append(SqlInfo::FlightSqlServerBulkIngestion, false);
    about.append(SqlInfo::FlightSqlServerStatementTimeout, 0i32);
    about.append(SqlInfo::SqlDdlCatalog, false);
    about.append(SqlInfo::SqlDdlSchema, false);
    about.append(SqlInfo::SqlDdlTable, false);
    about.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    about.append(SqlInfo::SqlAllTablesAreSelectable, true);
    about.append(SqlInfo::SqlTransactionsSupported, false);
    about.build().map_err(wrong)
}

/// Returns the types of columns that ODBC and JDBC ask for: none, since the schema of a result says them.
///
/// # Errors
/// The columns do not fit together.
pub fn types() -> Result<XdbcTypeInfoData, Failure> {
    XdbcTypeInfoDataBuilder::new().build().map_err(wrong)
}

pub fn catalogs(command: CommandGetCatalogs) -> Result<RecordBatch, Failure> {
    let mut catalogs = command.into_builder();
    catalogs.append(DATABASE);
    catalogs.build().map_err(wrong)
}

pub fn schemas(command: CommandGetDbSchemas) -> Result<RecordBatch, Failure> {
    let mut schemas = command.into_builder();
    schemas.append(DATABASE, SCHEMA);
    schemas.build().map_err(wrong)
}

pub async fn tables(command: CommandGetTables, engine: &Engine) -> Result<RecordBatch, Failure> {
    let relations = engine.relations(command.include_schema).await?;
    let mut tables = command.into_builder();
    for relation in relations {
        let schema = relation.schema.map_or_else(|| Arc::new(Schema::empty()), |schema| shape::schema(&schema));
        let kind = if relation.view { VIEW } else { TABLE };
        tables.append(DATABASE, SCHEMA, relation.name, kind, &schema).map_err(wrong)?;
    }
    tables.build().map_err(wrong)
}

pub fn table_types(command: CommandGetTableTypes) -> Result<RecordBatch, Failure> {
    let mut kinds = command.into_builder();
    kinds.append(TABLE);
    kinds.append(VIEW);
    kinds.build().map_err(wrong)
}

/// Says that the library could not put rows together.
pub fn wrong(error: FlightError) -> Failure {
    Failure::told("XX000", error.to_string())
}

/// Returns the columns of primary keys.
pub fn primary_keys() -> SchemaRef {
    let text = |name: &str, nullable: bool| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        text("catalog_name", true),
        text("db_schema_name", true),
        text("table_name", false),
        text("column_name", false),
        text("key_name", true),
        Field::new("key_sequence", DataType::Int32, false),
    ]))
}

/// Returns the columns of foreign keys.
pub fn foreign_keys() -> SchemaRef {
    let text = |name: &str, nullable: bool| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        text("pk_catalog_name", true),
        text("pk_db_schema_name", true),
        text("pk_table_name", false),
        text("pk_column_name", false),
        text("fk_catalog_name", true),
        text("fk_db_schema_name", true),
        text("fk_table_name", false),
        text("fk_column_name", false),
        Field::new("key_sequence", DataType::Int32, false),
        text("fk_key_name", true),
        text("pk_key_name", true),
        Field::new("update_rule", DataType::UInt8, false),
        Field::new("delete_rule", DataType::UInt8, false),
    ]))
}
