//! `FROM t` without SELECT.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Select, SelectFlavor, SelectItem, Statement, VisitMut, VisitorMut, WildcardAdditionalOptions,
};

use crate::error::Refused;

/// Writes `FROM t` as `SELECT * FROM t`; the engine would select no column.
pub fn write_star(statement: &mut Statement) -> Result<(), Refused> {
    // Nothing ends the visit early.
    let _ = statement.visit(&mut Writer);
    Ok(())
}

struct Writer;

impl VisitorMut for Writer {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if select.flavor == SelectFlavor::FromFirstNoSelect {
            select.flavor = SelectFlavor::FromFirst;
            select.projection = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
        }
        ControlFlow::Continue(())
    }
}
