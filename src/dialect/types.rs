//! Names of types that the engine does not know.
//!
//! In: a parsed statement. Out: the same statement with the engine's names, in casts and in columns of CREATE TABLE; a type that has no
//! counterpart is refused. To add a name: a line in [`NAMES`] or in [`OTHERS`].

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, DataType, ExactNumberInfo, Expr, Statement, TypedString, visit_expressions_mut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use crate::error::Refused;

/// Names of DuckDB, and what they are.
const NAMES: &[(&str, &str)] = &[
    ("TIMESTAMP_S", "TIMESTAMP(0)"),
    ("TIMESTAMP_MS", "TIMESTAMP(3)"),
    ("TIMESTAMP_US", "TIMESTAMP(6)"),
    ("TIMESTAMP_NS", "TIMESTAMP(9)"),
    ("DATETIME", "TIMESTAMP"),
    ("DATETIME(0)", "TIMESTAMP(0)"),
    ("DATETIME(3)", "TIMESTAMP(3)"),
    ("DATETIME(6)", "TIMESTAMP(6)"),
    ("DATETIME(9)", "TIMESTAMP(9)"),
    ("INT1", "TINYINT"),
    ("INT16", "SMALLINT"),
    ("SHORT", "SMALLINT"),
    ("INT32", "INTEGER"),
    ("SIGNED", "INTEGER"),
    ("INT64", "BIGINT"),
    ("LONG", "BIGINT"),
    ("OID", "BIGINT"),
    ("UTINYINT", "TINYINT UNSIGNED"),
    ("UINT8", "TINYINT UNSIGNED"),
    ("USMALLINT", "SMALLINT UNSIGNED"),
    ("UINT16", "SMALLINT UNSIGNED"),
    ("UINTEGER", "INTEGER UNSIGNED"),
    ("UINT32", "INTEGER UNSIGNED"),
    ("UBIGINT", "BIGINT UNSIGNED"),
    ("UINT64", "BIGINT UNSIGNED"),
    ("HUGEINT", "DECIMAL(38, 0)"),
    ("INT128", "DECIMAL(38, 0)"),
    ("DEC", "DECIMAL"),
    ("BPCHAR", "VARCHAR"),
    ("NVARCHAR", "VARCHAR"),
    ("CHARACTER", "VARCHAR"),
    ("CHARACTER VARYING", "VARCHAR"),
    ("BLOB", "BYTEA"),
    ("BINARY", "BYTEA"),
    ("VARBINARY", "BYTEA"),
    ("LOGICAL", "BOOLEAN"),
];

/// Names of types that are not there, and what to write.
const OTHERS: &[(&str, &str)] = &[
    ("UUID", "VARCHAR"),
    ("GUID", "VARCHAR"),
    ("JSON", "VARCHAR"),
    ("ENUM", "VARCHAR"),
    ("BIT", "VARCHAR"),
    ("BITSTRING", "VARCHAR"),
    ("TIMETZ", "TIME"),
    ("UHUGEINT", "DECIMAL(38, 0)"),
    ("UINT128", "DECIMAL(38, 0)"),
    ("BIGNUM", "DECIMAL(38, 0)"),
    ("VARINT", "DECIMAL(38, 0)"),
];

/// What each name is, read once.
static KNOWN: LazyLock<HashMap<&str, DataType>> = LazyLock::new(|| {
    let read = |name: &str| Parser::new(&GenericDialect {}).try_with_sql(name).and_then(|mut it| it.parse_data_type());
    NAMES.iter().filter_map(|(name, known)| Some((*name, read(known).ok()?))).collect()
});

/// Writes types as the engine names them.
///
/// # Errors
/// A type has no counterpart.
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    if let Statement::CreateTable(create) = statement {
        create.columns.iter_mut().try_for_each(|column| rename(&mut column.data_type))?;
    }
    super::refused(visit_expressions_mut(statement, |expression| {
        if let Expr::Cast { data_type, .. } | Expr::TypedString(TypedString { data_type, .. }) = expression
            && let Err(refused) = rename(data_type)
        {
            return ControlFlow::Break(refused);
        }
        ControlFlow::Continue(())
    }))
}

fn rename(written: &mut DataType) -> Result<(), Refused> {
    match written {
        DataType::Array(
            ArrayElemTypeDef::AngleBracket(inner)
            | ArrayElemTypeDef::SquareBracket(inner, _)
            | ArrayElemTypeDef::Parenthesis(inner),
        ) => rename(inner),
        DataType::Struct(fields, _) => fields.iter_mut().try_for_each(|field| rename(&mut field.field_type)),
        DataType::Dec(digits) if *digits != ExactNumberInfo::None => {
            *written = DataType::Decimal(*digits);
            Ok(())
        }
        _ => {
            let name = written.to_string().to_uppercase();
            if let Some(known) = KNOWN.get(name.as_str()) {
                *written = known.clone();
            } else if let Some((_, instead)) = OTHERS.iter().find(|(other, _)| *other == bare(&name)) {
                let hint = Some(format!("write {instead}"));
                return Err(Refused { message: format!("the type {} is not supported", bare(&name)), hint });
            }
            Ok(())
        }
    }
}

/// Returns a type's name without what stands in parentheses behind it.
fn bare(name: &str) -> &str {
    name.split_once('(').map_or(name, |(bare, _)| bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_can_be_read() {
        assert_eq!(KNOWN.len(), NAMES.len());
    }

    #[test]
    fn types_get_the_names_that_the_engine_knows() {
        for (text, expected) in [
            ("SELECT a::HUGEINT", "SELECT a::DECIMAL(38,0)"),
            ("SELECT CAST(a AS ubigint[])", "SELECT CAST(a AS BIGINT UNSIGNED[])"),
            ("SELECT a::timestamp_s, a::DEC(10, 2)", "SELECT a::TIMESTAMP(0), a::DECIMAL(10,2)"),
            ("CREATE TABLE t (a TIMESTAMP_MS, b INT)", "CREATE TABLE t (a TIMESTAMP(3), b INT)"),
        ] {
            let mut statement = Parser::parse_sql(&GenericDialect {}, text).expect("SQL").remove(0);
            write(&mut statement).expect("written");
            assert_eq!(statement.to_string(), expected);
        }
        let mut statement = Parser::parse_sql(&GenericDialect {}, "SELECT a::uuid").expect("SQL").remove(0);
        assert_eq!(write(&mut statement).unwrap_err().message, "the type UUID is not supported");
    }
}
