//! `read_csv`, `read_json`, `read_parquet`: files as tables, with options.
//!
//! In: a path, a pattern of paths, or a list of these, and options as pairs of a name and a value; `name => value` is written as such a pair before the call
//! is planned. Out: the files' rows.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, ScalarValue, plan_datafusion_err, plan_err};
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::execution::SessionState;
use datafusion::logical_expr::Expr;
use futures::TryStreamExt;

use super::relation::{block_on, text};
use super::snapshot::session_state;
use super::{Function, Implementation};
use crate::dialect;
use crate::store;
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};
use crate::text::{did_you_mean, is_address};

const PATH: Argument = Argument {
    name: "path",
    sql_type: "VARCHAR",
    meaning: "a file, a folder, a pattern such as 'ticks/*.csv', or a list such as ['a.csv', 'b.csv']; text files with .gz, .zst, .bz2 or .xz are read too",
    required: true,
};

const ROWS: Outcome = Outcome {
    sql_type: "TABLE",
    meaning: "the files' columns; a folder such as `day=2026-01-05` above the files is a column too",
    when_null: "a file has no rows",
};

const READ_CSV: Documentation = Documentation {
    name: "read_csv",
    kind: Kind::Table,
    section: Section::Relations,
    summary: "Reads CSV files, with options as `name => value`",
    arguments: &[
        PATH,
        Argument {
            name: "options",
            sql_type: "ANY",
            meaning: "delim or sep, header, quote, escape, comment, skip (lines before the header), nullstr (the text of NULL), types (such as {'price': 'DECIMAL(18, 8)'}), all_varchar, null_padding (fills short rows), compression; union_by_name and hive_partitioning may say true, which they always are",
            required: false,
        },
    ],
    result: ROWS,
    example: Example {
        query: "SELECT a, b FROM read_csv('tests/reference/semicolons.csv', delim => ';')",
        output: "1 | x\n2 | y",
    },
    source: "DuckDB 2.0",
};

const READ_JSON: Documentation = Documentation {
    name: "read_json",
    kind: Kind::Table,
    section: Section::Relations,
    summary: "Reads JSON files: one object a line, or one array of objects",
    arguments: &[
        PATH,
        Argument {
            name: "options",
            sql_type: "ANY",
            meaning: "types, compression; union_by_name and hive_partitioning may say true, which they always are",
            required: false,
        },
    ],
    result: ROWS,
    example: Example { query: "SELECT count(*) FROM read_json('data/sample/btc-usd.ndjson.zst')", output: "21957" },
    source: "DuckDB 2.0",
};

const READ_PARQUET: Documentation = Documentation {
    name: "read_parquet",
    kind: Kind::Table,
    section: Section::Relations,
    summary: "Reads Parquet files",
    arguments: &[
        PATH,
        Argument {
            name: "options",
            sql_type: "ANY",
            meaning: "types; union_by_name and hive_partitioning may say true, which they always are",
            required: false,
        },
    ],
    result: ROWS,
    example: Example {
        query: "SELECT count(*) FROM read_parquet('tests/it/rolling/referee/quotes.parquet')",
        output: "1440",
    },
    source: "DuckDB 2.0",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[
    Function { documentation: &READ_CSV, implementation: |_| reader(&READ_CSV, "csv", CSV) },
    Function { documentation: &READ_JSON, implementation: |_| reader(&READ_JSON, "json", JSON) },
    Function { documentation: &READ_PARQUET, implementation: |_| reader(&READ_PARQUET, "parquet", &[]) },
];

/// An option of a function, and the engine's name for it.
type Names = &'static [(&'static str, &'static str)];

const CSV: Names = &[
    ("delim", "format.delimiter"),
    ("delimiter", "format.delimiter"),
    ("sep", "format.delimiter"),
    ("header", "format.has_header"),
    ("quote", "format.quote"),
    ("escape", "format.escape"),
    ("comment", "format.comment"),
    ("skip", "format.skip"),
    ("nullstr", "format.null_value"),
    ("null_padding", "format.truncated_rows"),
    ("compression", "format.compression"),
    (ALL_TEXT, ""),
];

const JSON: Names = &[("compression", "format.compression")];

/// Options of DuckDB that say what is done anyway.
const ALWAYS: [&str; 2] = ["union_by_name", "hive_partitioning"];

/// Makes every column text.
const ALL_TEXT: &str = "all_varchar";

/// Before the name of a column whose type is given.
const TYPE_OF: &str = "types.";

struct Reader {
    documentation: &'static Documentation,
    ending: &'static str,
    names: Names,
}

fn reader(documentation: &'static Documentation, ending: &'static str, names: Names) -> Implementation {
    Implementation::Table(Arc::new(Reader { documentation, ending, names }))
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.documentation.name)
    }
}

/// What a call says.
#[derive(Default)]
struct Call {
    paths: Vec<String>,
    options: HashMap<String, String>,
    /// Columns and their types.
    types: Vec<(String, String)>,
    all_text: bool,
}

impl Reader {
    fn read(&self, arguments: &[Expr]) -> Result<Call> {
        let syntax = self.documentation.syntax();
        let mut arguments = arguments.iter();
        let paths = arguments.next().and_then(paths);
        let paths = paths.ok_or_else(|| plan_datafusion_err!("the path of {syntax} must be text in single quotes"))?;
        let mut call = Call { paths, ..Call::default() };
        while let Some(name) = arguments.next() {
            let Some((name, value)) = text(name).zip(arguments.next()) else {
                return plan_err!("{syntax}: options are written as name => value, such as header => true");
            };
            let value = match value {
                Expr::Literal(ScalarValue::Boolean(Some(value)), _) => value.to_string(),
                Expr::Literal(value, _) if value.data_type().is_numeric() => value.to_string(),
                other => match text(other) {
                    Some(text) => text,
                    None => return plan_err!("{syntax}: the value of {name} must be constant"),
                },
            };
            self.add(&mut call, &name, value)?;
        }
        if !call.options.contains_key("format.compression") {
            let mut codecs = call.paths.iter().map(|path| dialect::compressed(path).map(|(_, codec)| codec));
            let first = codecs.next().flatten();
            if codecs.any(|other| other != first) {
                return plan_err!("{syntax}: the files are not compressed in the same way");
            }
            if let Some(codec) = first.map(str::to_string) {
                call.options.insert("format.compression".into(), codec);
            }
        }
        Ok(call)
    }

    fn add(&self, call: &mut Call, name: &str, value: String) -> Result<()> {
        if let Some(column) = name.strip_prefix(TYPE_OF) {
            call.types.push((column.to_string(), value));
            return Ok(());
        }
        let name = name.to_lowercase();
        if ALWAYS.contains(&name.as_str()) {
            return match value.as_str() {
                "true" => Ok(()),
                _ => plan_err!("{}: {name} is always true, and cannot be {value}", self.documentation.name),
            };
        }
        match self.names.iter().find(|(known, _)| *known == name) {
            Some((ALL_TEXT, _)) => call.all_text = value == "true",
            Some((_, key)) => {
                call.options.insert((*key).to_string(), value);
            }
            None => {
                let known = self.names.iter().map(|(known, _)| *known).chain(["types"]);
                let hint = did_you_mean(&name, known.clone())
                    .unwrap_or_else(|| format!("the options are {}", known.collect::<Vec<_>>().join(", ")));
                return plan_err!("{} has no option `{name}`: {hint}", self.documentation.name);
            }
        }
        Ok(())
    }

    async fn table(&self, state: &SessionState, call: &Call) -> Result<Arc<dyn TableProvider>> {
        let urls = call.paths.iter().map(|path| store::listed(path)).collect::<Result<Vec<_>>>()?;
        let Some(format) = state.get_file_format_factory(self.ending) else {
            return plan_err!("the session has no format for .{} files", self.ending);
        };
        let format = format.create(state, &call.options)?;
        // Of a folder, only files with the format's ending are read. A file or a pattern says itself what is meant.
        let folders = urls.iter().filter(|url| url.is_collection() && url.get_glob().is_none()).count();
        if folders > 0 && folders < urls.len() {
            return plan_err!("{}: a list names files or folders, but not both", self.documentation.name);
        }
        let ending = if folders > 0 { format!(".{}", self.ending) } else { String::new() };
        let options = ListingOptions::new(format).with_file_extension(ending);
        for (path, url) in call.paths.iter().zip(&urls) {
            if url.scheme() == "file" && url.get_glob().is_none() && !Path::new(path).exists() {
                return self.missing(path);
            }
            if is_address(path) {
                store::first(state, path, url).await?;
            }
        }
        let found = match (call.paths.as_slice(), urls.as_slice()) {
            ([path], [url]) => options.infer_schema(state, url).await.map_err(|error| store::failed(path, error))?,
            _ => self.columns(state, &options, call, &urls).await?,
        };
        if found.fields().is_empty() {
            return self.missing(&call.paths.join(", "));
        }
        let mut fields: Vec<Field> = found.fields().iter().map(|field| field.as_ref().clone()).collect();
        if call.all_text {
            fields.iter_mut().for_each(|field| field.set_data_type(DataType::Utf8));
        }
        for (column, sql_type) in &call.types {
            let Some(field) = fields.iter_mut().find(|field| field.name() == column) else {
                let names = found.fields().iter().map(|field| field.name().as_str());
                let hint = did_you_mean(column, names).unwrap_or_default();
                return plan_err!("{}: no column is named `{column}` {hint}", self.documentation.name);
            };
            let plan = dialect::plan_text(state, &format!("SELECT CAST(NULL AS {sql_type})")).await;
            let plan = plan.map_err(|_| plan_datafusion_err!("`{sql_type}`, the type of `{column}`, is not a type"))?;
            field.set_data_type(plan.schema().field(0).data_type().clone());
        }
        let schema = Schema::new_with_metadata(fields, found.metadata().clone());
        let config = ListingTableConfig::new_with_multi_paths(urls).with_listing_options(options);
        let config = store::with_folders(config, state).await?.with_schema(Arc::new(schema));
        Ok(Arc::new(ListingTable::try_new(config)?))
    }

    /// Finds the columns of the files of a list.
    async fn columns(
        &self,
        state: &SessionState,
        options: &ListingOptions,
        call: &Call,
        urls: &[ListingTableUrl],
    ) -> Result<SchemaRef> {
        let name = self.documentation.name;
        let [url, others @ ..] = urls else { return plan_err!("{name}: the list is empty") };
        if others.iter().any(|other| other.object_store() != url.object_store()) {
            return plan_err!("{name}: the files of a list must be in one store");
        }
        let store = state.runtime_env().object_store(url)?;
        let mut files = Vec::new();
        let mut known = HashSet::new();
        for (path, url) in call.paths.iter().zip(urls) {
            let listed = url.list_all_files(state, store.as_ref(), &options.file_extension).await;
            let listed = listed.map_err(|error| store::failed(path, error))?;
            let found: Vec<_> = listed.try_collect().await.map_err(|error| store::failed(path, error))?;
            if found.is_empty() {
                return self.missing(path);
            }
            for file in found {
                // The engine would read it once.
                if !known.insert(file.location.clone()) {
                    return plan_err!("{name}: a list names /{} twice", file.location);
                }
                if file.size > 0 {
                    files.push(file);
                }
            }
        }
        let columns = options.format.infer_schema(state, &store, &files).await;
        columns.map_err(|error| store::failed(&call.paths.join(", "), error))
    }

    /// Returns the error for a path without files.
    fn missing<T>(&self, path: &str) -> Result<T> {
        plan_err!("{} finds no file `{path}` with rows", self.documentation.name)
    }
}

/// Returns the paths that an argument names: a text, or a list of them.
fn paths(argument: &Expr) -> Option<Vec<String>> {
    let paths: Option<Vec<String>> = match argument {
        Expr::Literal(ScalarValue::List(list), _) => {
            let elements = cast(&list.value(0), &DataType::Utf8).ok()?;
            let elements = elements.as_string::<i32>().iter().map(|element| element.map(str::to_string));
            elements.collect()
        }
        Expr::ScalarFunction(call) if call.name() == "make_array" => call.args.iter().map(text).collect(),
        other => text(other).map(|path| vec![path]),
    };
    paths.filter(|paths| !paths.is_empty())
}

impl TableFunctionImpl for Reader {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let call = self.read(args.exprs())?;
        let state = session_state(args.session())?;
        block_on(|| self.table(state, &call), &call.paths.join(", "))
    }
}
