//! A header against the rules of the format, and against the columns that its query gives.
//!
//! In: a query and the schema of its plan. Out: a [`Fault`] for each entry that is wrong, at the entry's place.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::execution::context::SessionContext;

use super::fault::{Check, Fault};
use super::header::Spot;
use super::{Kind, Query};
use crate::text::did_you_mean;

impl Query {
    fn header_fault(&self, at: Spot, message: String) -> Fault {
        Fault::new(Check::Header, &self.name, self.rendered.place(at.line, at.column), message)
    }

    /// Returns what is wrong with the header by itself.
    pub(super) fn header_faults(&self, context: &SessionContext) -> Vec<Fault> {
        let of_kind = self.header.wrong_for(self.kind);
        let wrong = self.header.wrong.iter().chain(&of_kind);
        let mut faults: Vec<Fault> = wrong
            .map(|wrong| Fault { hint: wrong.hint.clone(), ..self.header_fault(wrong.at, wrong.message.clone()) })
            .collect();
        let missing = self.header.lacks(self.kind.required_header());
        if let Some(first) = missing.first() {
            let names: Vec<String> = missing.iter().map(|key| format!("`{key}`")).collect();
            let fault =
                self.header_fault(Spot { line: 1, column: 1 }, format!("the header lacks {}", names.join(", ")));
            faults.push(fault.with_hint(format!("begin the file with a comment such as `-- {first}: …`")));
        }
        let state = context.state_ref();
        let state = state.read();
        let name = self.name.as_str();
        let function = state.scalar_functions().contains_key(name)
            || state.aggregate_functions().contains_key(name)
            || state.window_functions().contains_key(name);
        if function {
            let fault =
                Fault::new(Check::Parse, name, self.start(), format!("`{name}` is also the name of a function"));
            faults.push(fault.warning().with_hint("rename the file, so that readers can tell them apart"));
        }
        faults
    }

    /// Returns what the header says about columns that the query does not give, and columns that have no unit.
    pub(super) fn column_faults(&self, schema: &Schema) -> Vec<Fault> {
        let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let mut faults = Vec::new();
        let mut named = |at: Spot, what: &str, column: &str| {
            if columns.contains(&column) {
                return true;
            }
            let near = did_you_mean(column, columns.iter().copied());
            let hint = near.unwrap_or_else(|| format!("the columns are {}", columns.join(", ")));
            let message = format!("{what} names `{column}`, which is not a column of the query");
            faults.push(self.header_fault(at, message).with_hint(hint));
            false
        };
        for (column, at) in self.header.grain_spots() {
            named(at, "the grain", &column);
        }
        for (column, at) in self.header.unit_spots() {
            named(at, "a unit", &column);
        }
        let time = self.header.time_column.as_deref();
        if let Some(column) = time.filter(|column| named(self.header.time_spot(), "the time column", column)) {
            let found = schema.fields().iter().find(|field| field.name() == column);
            let is_time = |data_type: &DataType| data_type.is_temporal() || data_type.is_integer();
            if let Some(field) = found.filter(|field| !is_time(field.data_type())) {
                let message = format!("the time column `{column}` is not a time: its type is {}", field.data_type());
                let hint = "name a column of type TIMESTAMP";
                faults.push(self.header_fault(self.header.time_spot(), message).with_hint(hint));
            }
        }
        faults.extend(self.without_unit(&columns));
        faults
    }

    /// Returns a fault if columns of a feature or a label have no unit. The columns of the grain and the time need
    /// no unit.
    fn without_unit(&self, columns: &[&str]) -> Option<Fault> {
        if !matches!(self.kind, Kind::Feature | Kind::Label) || self.header.units.is_empty() {
            // A header without any unit is reported as such.
            return None;
        }
        let known: BTreeSet<&str> = self.header.units.iter().map(|(column, _)| column.as_str()).collect();
        // A time has no unit.
        let key = |column: &str| {
            let mut names = self.header.grain.iter().chain(&self.header.time_column);
            names.any(|name| name == column)
        };
        let missing: Vec<&str> =
            columns.iter().copied().filter(|column| !known.contains(column) && !key(column)).collect();
        let first = missing.first()?;
        let message = format!("the header gives no unit for {}", missing.join(", "));
        let fault = self.header_fault(self.header.units_spot(), message);
        Some(fault.with_hint(format!("add `{first}: UNIT` in a line of its own below `units`")))
    }
}
