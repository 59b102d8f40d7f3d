//! `[a, b]` that names a column of another table or query.
//!
//! The engine plans the elements of such a list as if nothing stood around it, so that `FROM t, unnest([t.a, t.b])` and
//! `(SELECT … WHERE x = ANY([t.a]))` know no `t`. In: a parsed statement. Out: the same statement, in which a list is a call of `make_array`.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Statement, VisitMut, VisitorMut};

use super::calls::call;
use crate::error::Refused;

/// Writes lists as calls.
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    // Nothing ends the visit early.
    let _ = statement.visit(&mut Writer);
    Ok(())
}

struct Writer;

impl VisitorMut for Writer {
    type Break = ();

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Expr::Array(array) = expression {
            *expression = call("make_array", std::mem::take(&mut array.elem));
        }
        ControlFlow::Continue(())
    }
}
