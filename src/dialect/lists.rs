//! `[a, b]` that names a column of another table or query.
//!
//! The engine plans the elements of such a list as if nothing stood around it, so that `FROM t, unnest([t.a, t.b])` and
//! `(SELECT … WHERE x = ANY([t.a]))` do not know `t`. In: a parsed statement. Out: the same statement, in which a list is a call of `make_array`.

use datafusion::sql::sqlparser::ast::{Expr, Statement};

use super::calls::call;
use crate::error::Refused;

/// Writes lists as calls.
pub fn write(statement: &mut Statement) -> Result<(), Refused> {
    super::each_expression(statement, |expression| {
        if let Expr::Array(array) = expression {
            *expression = call("make_array", std::mem::take(&mut array.elem));
        }
    });
    Ok(())
}
