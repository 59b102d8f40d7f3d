//! The types of a result's columns, as PostgreSQL names them.
//!
//! In: a type of the engine. Out: the type that clients see. Every type has an array type, its number and its name in pg_type.

use datafusion::arrow::datatypes::{DataType, Field, IntervalUnit};

use super::wire::Column;

/// A type of PostgreSQL that columns have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Bool,
    Bytea,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Text,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Interval,
}

/// What pg_type says of a type.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    pub of: Type,
    pub oid: u32,
    pub array: u32,
    pub name: &'static str,
    /// The name in the SQL standard, which information_schema shows.
    pub long: &'static str,
    pub size: i16,
    pub category: &'static str,
}

const fn known(
    of: Type,
    oid: u32,
    array: u32,
    (name, long): (&'static str, &'static str),
    size: i16,
    category: &'static str,
) -> Known {
    Known { of, oid, array, name, long, size, category }
}

/// Every type. Numbers, names and sizes are those of PostgreSQL's pg_type.dat.
pub const TYPES: [Known; 14] = [
    known(Type::Bool, 16, 1000, ("bool", "boolean"), 1, "B"),
    known(Type::Bytea, 17, 1001, ("bytea", "bytea"), -1, "U"),
    known(Type::Int8, 20, 1016, ("int8", "bigint"), 8, "N"),
    known(Type::Int2, 21, 1005, ("int2", "smallint"), 2, "N"),
    known(Type::Int4, 23, 1007, ("int4", "integer"), 4, "N"),
    known(Type::Text, 25, 1009, ("text", "text"), -1, "S"),
    known(Type::Float4, 700, 1021, ("float4", "real"), 4, "N"),
    known(Type::Float8, 701, 1022, ("float8", "double precision"), 8, "N"),
    known(Type::Date, 1082, 1182, ("date", "date"), 4, "D"),
    known(Type::Time, 1083, 1183, ("time", "time without time zone"), 8, "D"),
    known(Type::Timestamp, 1114, 1115, ("timestamp", "timestamp without time zone"), 8, "D"),
    known(Type::TimestampTz, 1184, 1185, ("timestamptz", "timestamp with time zone"), 8, "D"),
    known(Type::Interval, 1186, 1187, ("interval", "interval"), 16, "T"),
    known(Type::Numeric, 1700, 1231, ("numeric", "numeric"), -1, "N"),
];

/// Types that columns do not have, but that clients look up and give parameters: each means one of ours.
pub const ALIASES: [Known; 11] = [
    known(Type::Text, 18, 1002, ("char", "\"char\""), 1, "Z"),
    known(Type::Text, 19, 1003, ("name", "name"), 64, "S"),
    known(Type::Int8, 26, 1028, ("oid", "oid"), 4, "N"),
    known(Type::Text, 114, 199, ("json", "json"), -1, "U"),
    known(Type::Text, 142, 143, ("xml", "xml"), -1, "U"),
    known(Type::Text, 650, 651, ("cidr", "cidr"), -1, "I"),
    known(Type::Text, 869, 1041, ("inet", "inet"), -1, "I"),
    known(Type::Text, 1042, 1014, ("bpchar", "character"), -1, "S"),
    known(Type::Text, 1043, 1015, ("varchar", "character varying"), -1, "S"),
    known(Type::Text, 2950, 2951, ("uuid", "uuid"), 16, "U"),
    known(Type::Text, 3802, 3807, ("jsonb", "jsonb"), -1, "U"),
];

/// Returns all types that pg_type has.
pub fn all() -> impl Iterator<Item = &'static Known> {
    TYPES.iter().chain(&ALIASES)
}

/// A column's type: a type, or an array of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    pub of: Type,
    pub array: bool,
}

impl Type {
    pub fn known(self) -> &'static Known {
        // Every type is in the table; a test checks it.
        TYPES.iter().find(|known| known.of == self).unwrap_or(&TYPES[5])
    }
}

impl Shown {
    /// Returns the type of a column. What PostgreSQL has no type for is text.
    pub fn of(data_type: &DataType) -> Shown {
        let (of, array) = match data_type {
            DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
                match Shown::of(field.data_type()) {
                    Shown { of, array: false } => (of, true),
                    // PostgreSQL has the same type for arrays of arrays, but they must be rectangles.
                    Shown { array: true, .. } => (Type::Text, false),
                }
            }
            DataType::Dictionary(_, value) => return Shown::of(value),
            scalar => (scalar_type(scalar), false),
        };
        Shown { of, array }
    }

    /// Returns the type with this number.
    pub fn numbered(oid: u32) -> Option<Shown> {
        all().find_map(|known| {
            let array = known.array == oid;
            (array || known.oid == oid).then_some(Shown { of: known.of, array })
        })
    }

    pub fn oid(self) -> u32 {
        let known = self.of.known();
        if self.array { known.array } else { known.oid }
    }

    /// Returns the name that information_schema shows.
    pub fn long_name(self) -> &'static str {
        if self.array { "ARRAY" } else { self.of.known().long }
    }

    pub fn size(self) -> i16 {
        if self.array { -1 } else { self.of.known().size }
    }
}

fn scalar_type(data_type: &DataType) -> Type {
    match data_type {
        DataType::Boolean => Type::Bool,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => Type::Int2,
        DataType::Int32 | DataType::UInt16 => Type::Int4,
        // Values over the largest bigint are an error, so that a count is a bigint and not a decimal.
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => Type::Int8,
        DataType::Float16 | DataType::Float32 => Type::Float4,
        DataType::Float64 => Type::Float8,
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
            Type::Numeric
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => Type::Bytea,
        DataType::Date32 | DataType::Date64 => Type::Date,
        DataType::Time32(_) | DataType::Time64(_) => Type::Time,
        DataType::Timestamp(_, None) => Type::Timestamp,
        DataType::Timestamp(_, Some(_)) => Type::TimestampTz,
        DataType::Interval(IntervalUnit::YearMonth | IntervalUnit::DayTime | IntervalUnit::MonthDayNano)
        | DataType::Duration(_) => Type::Interval,
        _ => Type::Text,
    }
}

/// Returns a decimal's digits as PostgreSQL writes them beside the type; -1 for other types.
pub fn modifier(data_type: &DataType) -> i32 {
    match data_type {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => ((i32::from(*precision) << 16) | i32::from(*scale) & 0x7ff) + 4,
        _ => -1,
    }
}

/// Returns what a client is told of a column.
pub fn column(field: &Field) -> Column {
    let shown = Shown::of(field.data_type());
    Column { name: field.name().clone(), oid: shown.oid(), size: shown.size(), modifier: modifier(field.data_type()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_found_by_itself_and_by_its_numbers() {
        for known in TYPES {
            assert_eq!(known.of.known().oid, known.oid);
        }
        for known in all() {
            assert_eq!(Shown::numbered(known.oid), Some(Shown { of: known.of, array: false }));
            assert_eq!(Shown::numbered(known.array), Some(Shown { of: known.of, array: true }));
        }
        assert_eq!(Shown::numbered(0), None);
    }

    #[test]
    fn lists_are_arrays_and_nested_lists_are_text() {
        let list = DataType::new_list(DataType::Float64, true);
        assert_eq!(Shown::of(&list).oid(), 1022);
        assert_eq!(Shown::of(&DataType::new_list(list, true)).oid(), 25);
    }
}
