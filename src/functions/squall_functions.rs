//! `squall_functions()`: the function reference as a table.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, plan_err};
use datafusion::datasource::MemTable;

use super::{Function, Implementation, Library};
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};

const SQUALL_FUNCTIONS: Documentation = Documentation {
    name: "squall_functions",
    kind: Kind::Table,
    section: Section::Reference,
    summary: "Lists every SQL function that squall adds to DataFusion's",
    arguments: &[],
    result: Outcome {
        sql_type: "TABLE (name, kind, section, summary, syntax, arguments, result, when_null, example, output, source)",
        meaning: "one row a function, all columns VARCHAR, ordered by section and name",
        when_null: "never",
    },
    example: Example {
        query: "SELECT name, kind FROM squall_functions() WHERE name = 'squall_functions'",
        output: "squall_functions | table",
    },
    source: "squall",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[Function {
    documentation: &SQUALL_FUNCTIONS,
    implementation: |host| Implementation::Table(Arc::new(SquallFunctions(host.library))),
}];

#[derive(Debug)]
struct SquallFunctions(Library);

impl TableFunctionImpl for SquallFunctions {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        if !args.exprs().is_empty() {
            return plan_err!("squall_functions takes no arguments, {} given", args.exprs().len());
        }
        let batch = reference(self.0)?;
        Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
    }
}

fn reference(library: Library) -> Result<RecordBatch> {
    let functions: Vec<_> = library.documentation().collect();
    let column = |cell: fn(&Documentation) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(functions.iter().map(|function| cell(function))))
    };
    let columns = [
        ("name", column(|function| function.name.into())),
        ("kind", column(|function| function.kind.as_str().into())),
        ("section", column(|function| function.section.title().into())),
        ("summary", column(|function| function.summary.into())),
        ("syntax", column(|function| function.syntax())),
        ("arguments", column(arguments)),
        ("result", column(|function| format!("{}: {}", function.result.sql_type, function.result.meaning))),
        ("when_null", column(|function| function.result.when_null.into())),
        ("example", column(|function| function.example.query.into())),
        ("output", column(|function| function.example.output.into())),
        ("source", column(|function| function.source.into())),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

fn arguments(function: &Documentation) -> String {
    let lines = function.arguments.iter().map(|a| format!("{} {}: {}", a.name, a.sql_type, a.meaning));
    lines.collect::<Vec<_>>().join("\n")
}
