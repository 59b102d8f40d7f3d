//! Types in which decimals are doubles.
//!
//! In: the types of values that get one type, with lists, structs and maps. Out: the same types, with DOUBLE in each place in which one
//! has a DECIMAL and another a FLOAT or DOUBLE.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};

/// Returns a type in which decimals are doubles wherever another of the types has one; `None` if it stays.
pub fn beside_doubles(own: &DataType, types: &[&DataType]) -> Option<DataType> {
    let inner = |field: &FieldRef| {
        let others: Vec<&DataType> = types.iter().filter_map(|other| element(other)).map(|f| f.data_type()).collect();
        changed(field, &others)
    };
    match own {
        own if own.is_decimal() => types.iter().any(|other| other.is_floating()).then_some(DataType::Float64),
        DataType::List(field) => inner(field).map(DataType::List),
        DataType::LargeList(field) => inner(field).map(DataType::LargeList),
        DataType::FixedSizeList(field, length) => inner(field).map(|field| DataType::FixedSizeList(field, *length)),
        DataType::Map(entries, sorted) => inner(entries).map(|entries| DataType::Map(entries, *sorted)),
        DataType::Struct(fields) => {
            let of_place = |place: usize, own: &FieldRef| {
                let in_other = |other: &&DataType| match other {
                    // Fields have one name, or else one place.
                    DataType::Struct(fields) => match fields.find(own.name()) {
                        Some((_, field)) => Some(Arc::clone(field)),
                        None => fields.get(place).cloned(),
                    },
                    _ => None,
                };
                let others: Vec<FieldRef> = types.iter().filter_map(in_other).collect();
                changed(own, &others.iter().map(|field| field.data_type()).collect::<Vec<_>>())
            };
            let found: Vec<Option<FieldRef>> =
                fields.iter().enumerate().map(|(place, field)| of_place(place, field)).collect();
            if found.iter().all(Option::is_none) {
                return None;
            }
            let fields = found.into_iter().zip(fields).map(|(found, own)| found.unwrap_or_else(|| Arc::clone(own)));
            Some(DataType::Struct(fields.collect()))
        }
        _ => None,
    }
}

fn changed(field: &FieldRef, others: &[&DataType]) -> Option<FieldRef> {
    let found = beside_doubles(field.data_type(), others)?;
    Some(Arc::new(Field::clone(field).with_data_type(found)))
}

/// Returns how many digits the numbers of a type have before and behind the point; none for what is neither a decimal nor an integer.
pub fn places(own: &DataType) -> (usize, usize) {
    match own {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            let whole = i16::from(*precision) - i16::from(*scale);
            (usize::try_from(whole).unwrap_or_default(), usize::try_from(*scale).unwrap_or_default())
        }
        own if own.is_integer() => (20, 0),
        _ => (0, 0),
    }
}

/// Returns what a list or a map holds.
pub fn element(list: &DataType) -> Option<&FieldRef> {
    match list {
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => Some(field),
        _ => None,
    }
}
