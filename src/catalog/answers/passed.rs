//! Functions that return their argument, so that the engine does not look into it, or so that its values are looked at.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::text::documentation::known_by_name;

/// Returns values as they are, or changed; an error if they cannot be.
type Pass = fn(ColumnarValue) -> Result<ColumnarValue>;

/// Returns the call of a function that passes an expression's values on.
pub fn passed(name: &'static str, pass: Pass, expr: Expr) -> Expr {
    function(name, pass).call(vec![expr])
}

/// Returns the function that passes its argument on.
pub fn function(name: &'static str, pass: Pass) -> ScalarUDF {
    let signature = Signature::any(1, Volatility::Immutable);
    ScalarUDF::new_from_impl(Passed { name, pass, may_be_null: false, signature })
}

/// Returns the function that passes its argument on, and that the engine takes for NULL in some rows, whatever its argument is.
pub fn may_be_null(name: &'static str) -> ScalarUDF {
    let signature = Signature::any(1, Volatility::Immutable);
    ScalarUDF::new_from_impl(Passed { name, pass: Ok, may_be_null: true, signature })
}

/// Returns the expression whose values a call passes on; `None` if it is another function.
pub fn argument(call: &ScalarFunction) -> Option<&Expr> {
    call.func.inner().downcast_ref::<Passed>().and(call.args.first())
}

struct Passed {
    name: &'static str,
    pass: Pass,
    may_be_null: bool,
    signature: Signature,
}

known_by_name!(Passed, name);

impl fmt::Debug for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl ScalarUDFImpl for Passed {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        internal_err!("return_field_from_args says it")
    }

    /// The result can be NULL only if the argument can, so that a plan keeps its schema. Functions made by [`may_be_null`] say otherwise.
    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        let [argument] = arguments.arg_fields else { return internal_err!("{} has one argument", self.name) };
        let nullable = argument.is_nullable() || self.may_be_null;
        Ok(Arc::new(argument.as_ref().clone().with_name(self.name).with_nullable(nullable)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match arguments.args.into_iter().next() {
            Some(argument) => (self.pass)(argument),
            None => internal_err!("{} has one argument", self.name),
        }
    }
}
