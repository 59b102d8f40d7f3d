//! `generate_series` and `range` of integers of every type.
//!
//! The engine takes constants of 64 bits alone, and refuses `length('abc')` and `cardinality([1, 2])`, which have fewer or no sign. In: the
//! engine's functions. Out: the same functions, which take every integer that fits.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::Result;
use datafusion::functions_table::generate_series::{GenerateSeriesFunc, RangeFunc};
use datafusion::logical_expr::{Expr, lit};

/// Returns the functions, with their names.
pub fn table_functions() -> [(&'static str, Arc<dyn TableFunctionImpl>); 2] {
    let of = |engines| Arc::new(Series { engines }) as Arc<dyn TableFunctionImpl>;
    [("generate_series", of(Arc::new(GenerateSeriesFunc {}))), ("range", of(Arc::new(RangeFunc {})))]
}

#[derive(Debug)]
struct Series {
    engines: Arc<dyn TableFunctionImpl>,
}

impl TableFunctionImpl for Series {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let wide = |argument: &Expr| match argument {
            Expr::Literal(value, _) if value.data_type().is_integer() => value.cast_to(&DataType::Int64).map(lit),
            other => Ok(other.clone()),
        };
        let arguments = args.exprs().iter().map(wide).collect::<Result<Vec<_>>>()?;
        self.engines.call_with_args(TableFunctionArgs::new(&arguments, args.session()))
    }
}
