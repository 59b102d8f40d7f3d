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
use datafusion::functions_nested::replace::{array_replace_all_udf, array_replace_n_udf, array_replace_udf};
use datafusion::functions_nested::resize::array_resize_udf;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::dialect::element;
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
        array_replace_udf(),
        array_replace_n_udf(),
        array_replace_all_udf(),
        array_resize_udf(),
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
        // The list is the first argument, or the second.
        if let Some(list) = types.iter().take(2).position(|found| element(found).is_some()) {
            let elements: &[usize] = match self.name() {
                "array_resize" => &[2],
                name if name.starts_with("array_replace") => &[1, 2],
                _ if list == 0 => &[1],
                _ => &[0],
            };
            unify(&mut types, list, elements);
        }
        coerced(&self.engines, &types)
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

/// Returns the types to which a function of the engine converts its arguments.
pub fn coerced(engines: &ScalarUDF, types: &[DataType]) -> Result<Vec<DataType>> {
    let fields: Vec<FieldRef> = types.iter().map(|found| Arc::new(Field::new("", found.clone(), true))).collect();
    let fields = fields_with_udf(&fields, engines)?;
    Ok(fields.iter().map(|field| field.data_type().clone()).collect())
}

/// Gives what a list holds and some other arguments one type, if all are numbers and one of them is a decimal.
fn unify(types: &mut [DataType], list: usize, elements: &[usize]) {
    let Some(inner) = element(&types[list]).map(|field| field.data_type().clone()) else { return };
    let numbers: Vec<&DataType> =
        std::iter::once(&inner).chain(elements.iter().filter_map(|place| types.get(*place))).collect();
    let are_numbers = numbers.iter().all(|found| found.is_numeric()) && numbers.iter().any(|found| found.is_decimal());
    if !are_numbers || numbers.iter().all(|found| **found == inner) {
        return;
    }
    let common = if numbers.iter().any(|found| found.is_floating()) {
        Some(DataType::Float64)
    } else {
        numbers.iter().try_fold(inner.clone(), |common, found| comparison_coercion(&common, found))
    };
    let Some(common) = common else { return };
    for place in elements {
        if let Some(found) = types.get_mut(*place) {
            *found = common.clone();
        }
    }
    let field = Arc::new(Field::new_list_field(common, true));
    let is_large = matches!(types[list], DataType::LargeList(_));
    types[list] = if is_large { DataType::LargeList(field) } else { DataType::List(field) };
}
