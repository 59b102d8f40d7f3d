//! Scalar functions on arrays: the code around a function from columns to a column.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation as EngineDocumentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::Implementation;
use crate::text::documentation::{Documentation, known_by_name};

/// What differs between such functions.
#[derive(Debug, Clone, Copy)]
pub struct Scalar {
    pub documentation: &'static Documentation,
    pub aliases: &'static [&'static str],
    /// Returns the types to which arguments are converted.
    pub coerce: fn(&[DataType]) -> Result<Vec<DataType>>,
    /// Returns the result's type.
    pub returns: fn(&[DataType]) -> Result<DataType>,
    /// Computes the result. All columns have the same number of rows.
    pub compute: fn(&[ArrayRef]) -> Result<ArrayRef>,
}

impl Scalar {
    /// Returns the function in the form that DataFusion takes.
    pub fn function(self) -> Implementation {
        Implementation::Scalar(ScalarUDF::new_from_impl(ScalarFunction {
            documentation: self.documentation.for_engine(),
            aliases: self.aliases.iter().map(ToString::to_string).collect(),
            signature: Signature::user_defined(Volatility::Immutable),
            spec: self,
        }))
    }
}

#[derive(Debug)]
struct ScalarFunction {
    spec: Scalar,
    documentation: EngineDocumentation,
    aliases: Vec<String>,
    signature: Signature,
}

known_by_name!(ScalarFunction, spec.documentation.name);

impl ScalarUDFImpl for ScalarFunction {
    fn name(&self) -> &str {
        self.spec.documentation.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        (self.spec.coerce)(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        (self.spec.returns)(types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        // Constants need only one row.
        let is_constant = args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let result = (self.spec.compute)(&ColumnarValue::values_to_arrays(&args.args)?)?;
        Ok(match is_constant {
            true => ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(&result, 0)?),
            false => ColumnarValue::Array(result),
        })
    }

    fn documentation(&self) -> Option<&EngineDocumentation> {
        Some(&self.documentation)
    }
}
