//! `getenv`: variables of the environment, for statements that a person types.
//!
//! A query of the project must not depend on a setting that nobody sees, so there the function says what to use instead.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::scalar_doc_sections::DOC_SECTION_OTHER;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, DocumentationBuilder, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

/// The function's name.
pub const GETENV: &str = "getenv";

/// Returns the function `getenv`. If it does not read the environment, planning a call is an error.
pub fn getenv(reads: bool) -> ScalarUDF {
    let documentation = DocumentationBuilder::new_with_details(
        DOC_SECTION_OTHER,
        "Returns a variable of the environment; NULL if it is not set. Only `squall sql` and the shell have it.",
        "getenv(name)",
    )
    .with_argument("name", "VARCHAR: the variable's name")
    .with_sql_example("SELECT * FROM ticks WHERE product_id = getenv('PRODUCT')")
    .build();
    let signature = Signature::uniform(1, vec![DataType::Utf8], Volatility::Stable);
    ScalarUDF::new_from_impl(GetEnv { signature, reads, documentation: Arc::new(documentation) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct GetEnv {
    signature: Signature,
    reads: bool,
    documentation: Arc<Documentation>,
}

impl ScalarUDFImpl for GetEnv {
    fn name(&self) -> &str {
        GETENV
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        if !self.reads {
            return plan_err!(
                "getenv is for statements that you type, because a result of the project must not depend on a setting that \
                nobody sees; use a parameter of squall.toml: {{{{ name }}}}"
            );
        }
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let names = arrays[0].as_string::<i32>().iter();
        let values: StringArray = names.map(|name| name.and_then(variable)).collect();
        Ok(ColumnarValue::Array(Arc::new(values) as ArrayRef))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// Returns a variable's text; `None` if it is not set or not Unicode. The standard library panics at names that no variable has.
fn variable(name: &str) -> Option<String> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return None;
    }
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn texts(reads: bool, query: &str) -> Result<Vec<Option<String>>> {
        let context = SessionContext::new();
        context.register_udf(getenv(reads));
        let batches = context.sql(query).await?.collect().await?;
        let texts = batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter());
        Ok(texts.map(|text| text.map(Into::into)).collect())
    }

    #[tokio::test]
    async fn variables_are_read_and_others_are_null() {
        let query = "SELECT getenv(name) FROM (VALUES ('CARGO_PKG_NAME'), ('NO_SUCH_VARIABLE'), ('a=b'), (''), (NULL)) AS t (name)";
        let texts = texts(true, query).await.unwrap();
        assert_eq!(texts, [std::env::var("CARGO_PKG_NAME").ok(), None, None, None, None]);
    }

    #[tokio::test]
    async fn a_session_that_does_not_read_the_environment_says_so() {
        let error = texts(false, "SELECT getenv('HOME')").await.unwrap_err().to_string();
        assert!(error.contains("use a parameter of squall.toml: {{ name }}"), "{error}");
    }
}
