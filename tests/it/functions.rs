//! The function registry: names, documentation, examples.

use std::collections::BTreeSet;
use std::path::Path;

use datafusion::arrow::array::AsArray;
use datafusion::prelude::SessionContext;
use squall::catalog::FUNCTIONS;

fn session() -> SessionContext {
    let context = SessionContext::new();
    FUNCTIONS.register(&context, Path::new("no/models/here"));
    context
}

#[test]
fn every_name_is_used_once() {
    let mut seen = BTreeSet::new();
    for function in FUNCTIONS.documentation() {
        assert!(seen.insert(function.name), "{} is documented twice", function.name);
    }
}

#[tokio::test]
async fn no_name_hides_a_function_of_datafusion() {
    let stock = SessionContext::new().state();
    for function in FUNCTIONS.documentation() {
        let taken = stock.scalar_functions().contains_key(function.name)
            || stock.aggregate_functions().contains_key(function.name)
            || stock.window_functions().contains_key(function.name)
            || stock.table_functions().contains_key(function.name);
        assert!(!taken, "{} is a function of DataFusion's", function.name);
    }
}

#[tokio::test]
async fn squall_functions_lists_every_function() {
    let batches = session().sql("SELECT name FROM squall_functions()").await.unwrap().collect().await.unwrap();
    let listed: Vec<String> = batches
        .iter()
        .flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten().map(str::to_string).collect::<Vec<_>>())
        .collect();
    let documented: Vec<_> = FUNCTIONS.documentation().map(|function| function.name.to_string()).collect();
    assert_eq!(listed, documented);
}

mod examples;
mod sklearn;
mod two_sample;
