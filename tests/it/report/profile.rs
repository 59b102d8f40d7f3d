//! `squall report eda --on RELATION`: any relation has a page, whatever its rows, columns and names.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::prelude::SessionContext;
use squall::catalog::FUNCTIONS;
use squall::report::Page;

use super::{keep, make};

fn session() -> SessionContext {
    let context = SessionContext::new();
    FUNCTIONS.register(&context, Path::new("no/models/here"));
    context
}

async fn profile(context: &SessionContext, relation: &str) -> Page {
    make("eda", context, &[("on", relation)]).await.unwrap()
}

#[tokio::test]
async fn a_page_says_what_is_conspicuous_first() {
    let context = session();
    let rows = "SELECT value AS number, 5 AS constant, CAST(NULL AS DOUBLE) AS nothing, 2 * value AS twice, \
                CASE WHEN value % 10 = 0 THEN NULL ELSE 'name ' || value END AS name, \
                CASE WHEN value = 7 THEN CAST('NaN' AS DOUBLE) ELSE sqrt(value) END AS root, \
                to_timestamp_seconds(value * CASE WHEN value > 500 THEN 2 ELSE 1 END) AS at, \
                make_array(value) AS list FROM generate_series(1, 1000)";
    context.sql(&format!("CREATE VIEW mixed AS {rows}")).await.unwrap().collect().await.unwrap();
    let page = profile(&context, "mixed").await;
    keep("eda-mixed.html", &page).await;
    assert_eq!(page.verdict, "7 conspicuous findings in the 1,000 rows and 8 columns of mixed.");
    let mut place = 0;
    for text in [
        "nothing: every value is NULL.",
        "root: NaN in 0.100 % of the rows, 1 row.",
        "name: NULL in 10.0 % of the rows, 100 rows.",
        "constant: constant: 5.",
        "number and twice: highly correlated, 1.000.",
    ] {
        let found = page.html[place..].find(text);
        place += found.unwrap_or_else(|| panic!("{text} is missing, or not in its place"));
    }
    for text in [
        "not profiled, because its type is List(Int64)",
        "900 different texts in 900 values",
        // The gap from 500 s to 1002 s, and the rows that are shown.
        "8 min 22 s",
        "1970-01-01 00:08:20 UTC",
        "name 1",
        "Every figure is exact",
    ] {
        assert!(page.html.contains(text), "{text} is missing");
    }
    assert!(!page.html.contains("<td>NaN<") && !page.html.contains("<script"));
}

#[tokio::test]
async fn a_relation_without_rows_or_values_is_told_so() {
    let context = session();
    let page = profile(&context, "SELECT 1 AS a, 'x' AS b WHERE false").await;
    assert!(page.verdict.ends_with("has no rows, so nothing is known of its columns."), "{}", page.verdict);
    assert!(page.html.contains("There are no rows.") && !page.html.contains("<td>NaN<"));

    let page = profile(&context, "SELECT 1 AS a").await;
    assert_eq!(page.verdict, "Nothing is conspicuous in the 1 row and 1 column of SELECT 1 AS a.");

    let page = profile(&context, "SELECT NULL AS a, CAST(NULL AS VARCHAR) AS b FROM generate_series(1, 4)").await;
    assert!(page.verdict.starts_with("3 conspicuous findings in the 4 rows"), "{}", page.verdict);
    assert!(page.html.contains("a: every value is NULL.") && page.html.contains("b: every value is NULL."));

    let page = profile(&context, "SELECT named_struct('a', value) AS s FROM generate_series(1, 4)").await;
    keep("eda-nested.html", &page).await;
    assert!(page.verdict.starts_with("Nothing is conspicuous"), "{}", page.verdict);
    assert!(page.html.contains("not profiled, because its type is Struct("), "nested types are named");

    let page =
        profile(&context, "SELECT CASE WHEN value > 1 THEN 'b' ELSE 'a' END AS side FROM generate_series(1, 4)").await;
    assert!(page.html.contains("75.0 %") && page.html.contains("No two columns hold numbers"));
}

/// The page does not call inconspicuous what it did not look at.
#[tokio::test]
async fn what_was_not_looked_at_is_said() {
    let context = session();
    let wide = |columns: u32| {
        let columns: Vec<String> =
            (0..columns).map(|place| format!("(value * {}) % 1009 AS c{place}", 7 + place)).collect();
        format!("SELECT {} FROM generate_series(1, 1000)", columns.join(", "))
    };
    context.sql(&format!("CREATE VIEW narrow AS {}", wide(40))).await.unwrap().collect().await.unwrap();
    context.sql(&format!("CREATE VIEW wide AS {}", wide(42))).await.unwrap().collect().await.unwrap();
    let page = profile(&context, "narrow").await;
    assert_eq!(page.verdict, "Nothing is conspicuous in the 1,000 rows and 40 columns of narrow.");
    let page = profile(&context, "wide").await;
    assert_eq!(page.verdict, "Nothing is conspicuous in what was looked at of the 1,000 rows and 42 columns of wide.");
    let sentence =
        "Correlations are those of the first 40 of 42 columns of numbers; those of the others are not known.";
    assert!(page.html.contains(sentence), "{}", page.html);
    let page = profile(&context, "SELECT value AS a, named_struct('x', value) AS s FROM generate_series(1, 4)").await;
    assert!(page.html.contains("1 column has a type that is not profiled."));
}

#[tokio::test]
async fn repeated_rows_are_counted_in_a_sentence() {
    let context = session();
    let page = profile(&context, "VALUES (1), (2), (2)").await;
    assert!(page.html.contains("1 row, 33.3 % of all, equals another row in every column."), "{}", page.html);
    let page = profile(&context, "VALUES (2), (2), (2), (1)").await;
    assert!(page.html.contains("2 rows, 50.0 % of all, equal another row in every column."), "{}", page.html);
}

#[tokio::test]
async fn hostile_names_and_values_can_be_seen_and_do_nothing() {
    let long = "x".repeat(10_000);
    let query = format!(
        "SELECT '<script>alert(1)</script>' AS \"<script>alert(1)</script>\", 2 AS \"\", '\u{202e}live' AS \"\u{202e}evil\", \
         '{long}' AS \"{long}\", '' AS \"a\"\"b'c\" FROM generate_series(1, 3)"
    );
    let context = session();
    let page = profile(&context, &query).await;
    keep("eda-hostile.html", &page).await;
    assert!(!page.html.contains("<script") && page.html.contains("&lt;script&gt;"));
    assert!(
        page.html.contains("(empty)")
            && page.html.contains("\\u{202e}evil")
            && page.html.contains("(10,000 characters)")
    );
    let (before, _) = page.html.split_once("<details").unwrap();
    assert!(!before.contains('\u{202e}') && !before.contains(&long), "outside of the queries, names are made visible");
}

#[tokio::test]
async fn a_page_of_two_thousand_columns_is_small_and_says_what_it_leaves_out() {
    let columns: Vec<(String, ArrayRef)> = (0..2_000u32)
        .map(|column| {
            let values = (0..200u32).map(|row| f64::from((row * 7 + column * 13) % (97 + column % 50)) / 3.0);
            (
                format!("a_feature_with_a_long_name_{column}"),
                Arc::new(Float64Array::from_iter_values(values)) as ArrayRef,
            )
        })
        .collect();
    let context = session();
    context.register_batch("wide", RecordBatch::try_from_iter(columns).unwrap()).unwrap();
    let page = profile(&context, "wide").await;
    keep("eda-wide.html", &page).await;
    for text in ["2,000 number", "1,800 further columns are left out", "1,960 further columns are not drawn"] {
        assert!(page.html.contains(text), "{text} is missing");
    }
}

#[tokio::test]
async fn figures_of_many_rows_are_estimates_and_said_to_be() {
    let context = session();
    // A permutation of the numbers below a prime.
    let relation = "SELECT value * 7919 % 1200007 AS n FROM generate_series(1, 1200006)";
    context.sql(&format!("CREATE TABLE many AS {relation}")).await.unwrap().collect().await.unwrap();
    let batches = context.sql("SELECT * FROM profile('many')").await.unwrap().collect().await.unwrap();
    let row = &batches[0];
    let count = |column: &str| row.column_by_name(column).unwrap().as_primitive::<Int64Type>().value(0);
    let number = |column: &str| row.column_by_name(column).unwrap().as_primitive::<Float64Type>().value(0);
    assert_eq!([count("rows"), count("duplicate_rows"), count("zeros")], [1_200_006, 0, 0]);
    assert!((number("mean") - 600_003.5).abs() < 1e-6, "{}", number("mean"));
    assert!((500_000..1_000_001).contains(&count("sampled_rows")));
    assert!((count("distinct_values") - 1_200_006).abs() < 24_000, "{}", count("distinct_values"));
    assert!(!row.column_by_name("distinct_exact").unwrap().as_boolean().value(0));
    let quantiles = row.column_by_name("quantiles").unwrap().as_list::<i32>().value(0);
    for (value, share) in
        quantiles.as_primitive::<Float64Type>().values().iter().zip([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
    {
        assert!((value / 1_200_007.0 - share).abs() < 0.003, "{value} for {share}");
    }
    let page = profile(&context, "many").await;
    assert!(page.html.contains("are estimates from") && page.html.contains("≈ "));
}

#[tokio::test]
async fn the_strongest_correlations_come_first_and_the_matrix_is_drawn() {
    let context = session();
    let a = Int64Array::from_iter_values(0..100);
    let b = Float64Array::from_iter_values((0..100).map(|row| f64::from(row % 10)));
    let c = Float64Array::from_iter_values((0..100).map(|row| f64::from(-row)));
    let columns: [(&str, ArrayRef); 3] = [("a", Arc::new(a)), ("b", Arc::new(b)), ("c", Arc::new(c))];
    context.register_batch("three", RecordBatch::try_from_iter(columns).unwrap()).unwrap();
    let page = profile(&context, "three").await;
    // Computed by hand: the covariance of row and row % 10 is 8.25, the variances are 833.25 and 8.25.
    assert!(page.html.contains("−1.00") && page.html.contains("0.0995"), "coefficients are missing");
    assert!(page.html.find("−1.000</td>").unwrap() < page.html.find("0.09950").unwrap());
}
