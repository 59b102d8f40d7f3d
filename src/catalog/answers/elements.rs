//! Decimals beside other numbers in functions of lists.
//!
//! The engine refuses an element that is a DECIMAL where the list holds other numbers, and the other way round. In: the engine's functions.
//! Out: the same functions, for which both have one type: DOUBLE beside doubles, else a DECIMAL with enough digits.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::functions_nested::array_has::array_has_udf;
use datafusion::functions_nested::concat::{array_append_udf, array_prepend_udf};
use datafusion::functions_nested::position::{array_position_udf, array_positions_udf};
use datafusion::functions_nested::remove::{array_remove_all_udf, array_remove_udf};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::text::documentation::known_by_name;

/// Returns the functions, under the engine's names.
pub fn functions() -> impl Iterator<Item = ScalarUDF> {
    let engines = [
        array_has_udf(),
        array_position_udf(),
        array_positions_udf(),
        array_append_udf(),
        array_prepend_udf(),
        array_remove_udf(),
        array_remove_all_udf(),
    ];
    let signature = || Signature::user_defined(Volatility::Immutable);
    engines.into_iter().map(move |engines| ScalarUDF::new_from_impl(OfElements { engines, signature: signature() }))
}

#[derive(Debug)]
struct OfElements {
    engines: Arc<ScalarUDF>,
    signature: Signature,
}

known_by_name!(OfElements, engines.name());

impl ScalarUDFImpl for OfElements {
    fn name(&self) -> &str {
        self.engines.name()
    }

    fn aliases(&self) -> &[String] {
        self.engines.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let mut types = types.to_vec();
        if let [first, second, ..] = types.as_mut_slice() {
            match (element(first).cloned(), element(second).cloned()) {
                (Some(inner), _) => unify(first, inner, second),
                (None, Some(inner)) => unify(second, inner, first),
                (None, None) => {}
            }
        }
        let fields: Vec<FieldRef> = types.into_iter().map(|found| Arc::new(Field::new("", found, true))).collect();
        let fields = fields_with_udf(&fields, self.engines.as_ref())?;
        Ok(fields.iter().map(|field| field.data_type().clone()).collect())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.engines.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.engines.return_field_from_args(args)
    }

    fn simplify(&self, args: Vec<Expr>, context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.engines.simplify(args, context)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.engines.invoke_with_args(args)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.engines.documentation()
    }
}

fn element(list: &DataType) -> Option<&DataType> {
    match list {
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            Some(field.data_type())
        }
        _ => None,
    }
}

/// Gives a list of numbers and a number one type if one of them is a decimal.
fn unify(list: &mut DataType, inner: DataType, other: &mut DataType) {
    let numbers = inner.is_numeric() && other.is_numeric() && (inner.is_decimal() || other.is_decimal());
    if !numbers || inner == *other {
        return;
    }
    let common = match inner.is_floating() || other.is_floating() {
        true => Some(DataType::Float64),
        false => comparison_coercion(&inner, other),
    };
    let Some(common) = common else { return };
    let field = Arc::new(Field::new_list_field(common.clone(), true));
    *list = if matches!(list, DataType::LargeList(_)) { DataType::LargeList(field) } else { DataType::List(field) };
    *other = common;
}
