//! Changes of a column that no test of distributions sees: it vanished, appeared, changed its type, or its values went missing.

use datafusion::arrow::datatypes::DataType;

use super::values::{Sample, is_text};

/// A column's missing share has changed if it differs by at least this much.
const MISSING_SHARE: f64 = 0.05;

/// One column of one relation.
pub struct Column<'a> {
    pub data_type: &'a DataType,
    pub sample: Sample,
}

/// Returns the names of the changes, the most serious first, joined by commas; `None` if there is none.
pub fn changes(reference: Option<&Column<'_>>, current: Option<&Column<'_>>) -> Option<String> {
    let (reference, current) = match (reference, current) {
        (Some(reference), Some(current)) => (reference, current),
        (Some(_), None) => return Some("vanished".into()),
        (None, _) => return Some("appeared".into()),
    };
    let mut changes = Vec::new();
    // A sample without rows has no values either.
    match (reference.sample.rows(), current.sample.rows()) {
        (1.., 0) => changes.push("all_missing"),
        (0, 1..) => changes.push("was_all_missing"),
        _ => {}
    }
    let untyped = |side: &Column<'_>| *side.data_type == DataType::Null;
    let texts = is_text(reference.data_type) && is_text(current.data_type);
    if reference.data_type != current.data_type && !texts && !untyped(reference) && !untyped(current) {
        changes.push("type");
    }
    if let (Some(before), Some(now)) = (missing_share(&reference.sample), missing_share(&current.sample))
        && changes.iter().all(|change| *change == "type")
        && (before - now).abs() >= MISSING_SHARE
    {
        changes.push("missing_share");
    }
    (!changes.is_empty()).then(|| changes.join(", "))
}

/// Returns the share of the rows without a value; `None` without rows.
fn missing_share(sample: &Sample) -> Option<f64> {
    let rows = sample.rows() + sample.missing;
    (rows > 0).then(|| sample.missing as f64 / rows as f64)
}

/// Returns a type's name as SQL has it, and as Arrow has it where SQL has none.
pub fn type_name(data_type: &DataType) -> String {
    match data_type {
        text if is_text(text) => "VARCHAR".into(),
        DataType::Boolean => "BOOLEAN".into(),
        DataType::Int8 => "TINYINT".into(),
        DataType::Int16 => "SMALLINT".into(),
        DataType::Int32 => "INT".into(),
        DataType::Int64 => "BIGINT".into(),
        DataType::UInt64 => "BIGINT UNSIGNED".into(),
        DataType::Float32 => "REAL".into(),
        DataType::Float64 => "DOUBLE".into(),
        DataType::Date32 => "DATE".into(),
        DataType::Timestamp(unit, zone) => {
            let digits = match unit {
                datafusion::arrow::datatypes::TimeUnit::Second => 0,
                datafusion::arrow::datatypes::TimeUnit::Millisecond => 3,
                datafusion::arrow::datatypes::TimeUnit::Microsecond => 6,
                datafusion::arrow::datatypes::TimeUnit::Nanosecond => 9,
            };
            let zone = zone.as_ref().map(|zone| format!(", {zone}")).unwrap_or_default();
            format!("TIMESTAMP({digits}{zone})")
        }
        DataType::Decimal128(digits, scale) => format!("DECIMAL({digits}, {scale})"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::DataType;

    use super::{Column, changes};
    use crate::functions::drift::values::{Sample, Values};

    fn numbers(rows: usize, missing: u64) -> Sample {
        Sample { missing, ..Sample::new(Values::Numbers(vec![1.0; rows])) }
    }

    fn of(reference: (&DataType, &Sample), current: (&DataType, &Sample)) -> Option<String> {
        let side = |(data_type, sample): (_, &Sample)| Column { data_type, sample: sample.clone() };
        changes(Some(&side(reference)), Some(&side(current)))
    }

    #[test]
    fn what_no_test_sees_is_named() {
        let double = &DataType::Float64;
        assert_eq!(of((double, &numbers(10, 0)), (double, &numbers(10, 0))), None);
        assert_eq!(of((double, &numbers(100, 0)), (double, &numbers(96, 4))), None);
        assert_eq!(of((double, &numbers(100, 0)), (double, &numbers(95, 5))).as_deref(), Some("missing_share"));
        assert_eq!(of((double, &numbers(9, 0)), (double, &numbers(0, 5))).as_deref(), Some("all_missing"));
        assert_eq!(of((double, &numbers(0, 5)), (double, &numbers(9, 0))).as_deref(), Some("was_all_missing"));
        let untyped = Sample { missing: 5, ..Sample::new(Values::Untyped) };
        assert_eq!(of((double, &numbers(9, 0)), (&DataType::Null, &untyped)).as_deref(), Some("all_missing"));
        let whole = Sample { missing: 1, ..Sample::new(Values::WholeNumbers(vec![1])) };
        assert_eq!(of((double, &numbers(9, 0)), (&DataType::Int64, &whole)).as_deref(), Some("type, missing_share"));
        assert_eq!(of((&DataType::Utf8, &numbers(9, 0)), (&DataType::Utf8View, &numbers(9, 0))), None);
        // A sample without rows has lost all its values.
        assert_eq!(of((double, &numbers(9, 0)), (double, &numbers(0, 0))).as_deref(), Some("all_missing"));
        assert_eq!(of((double, &numbers(0, 0)), (double, &numbers(9, 0))).as_deref(), Some("was_all_missing"));
        assert_eq!(of((double, &numbers(0, 0)), (double, &numbers(0, 5))), None);
    }

    #[test]
    fn a_column_of_one_relation_vanished_or_appeared() {
        let column = Column { data_type: &DataType::Float64, sample: numbers(1, 0) };
        assert_eq!(changes(Some(&column), None).as_deref(), Some("vanished"));
        assert_eq!(changes(None, Some(&column)).as_deref(), Some("appeared"));
    }
}
