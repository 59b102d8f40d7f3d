//! The drift report and the SQL below it.

use std::path::Path;

use datafusion::prelude::SessionContext;
use squall::catalog::FUNCTIONS;
use squall::error::Hint;
use squall::report::{Error, Page};

use super::synthetic::market;
use super::{LARGEST, keep, make};
use crate::slt;

fn context() -> SessionContext {
    let context = SessionContext::new();
    FUNCTIONS.register(&context, Path::new("no/models/here"));
    context
}

async fn report(context: &SessionContext, arguments: &[(&str, &str)]) -> Result<Page, Error> {
    FUNCTIONS.register(context, Path::new("no/models/here"));
    make("drift", context, arguments).await
}

async fn compare(context: &SessionContext, reference: &str, current: &str) -> Page {
    report(context, &[("reference", reference), ("current", current)]).await.unwrap()
}

async fn rows(sql: &str) -> Vec<Vec<String>> {
    let batches = context().sql(sql).await.unwrap_or_else(|error| panic!("{sql}\n{error}")).collect().await;
    slt::rows(&batches.unwrap_or_else(|error| panic!("{sql}\n{error}")))
}

async fn refused(sql: &str) -> String {
    match context().sql(sql).await {
        Err(error) => error.to_string(),
        Ok(frame) => frame.collect().await.unwrap_err().to_string(),
    }
}

/// Fifty rows of a column `x`, with what else a query needs.
fn some(columns: &str) -> String {
    format!("SELECT {columns} FROM generate_series(1, 60) AS t(i)")
}

#[tokio::test]
async fn changed_columns_come_first_and_then_drifted_ones() {
    let context = market(12_000).register().await;
    let columns = "midprice, current_vol, forward_vol, log_rv_60s, spike, product_id, ts";
    let report = compare(
        &context,
        &format!("SELECT {columns} FROM spike_training WHERE split = 'train'"),
        &format!("SELECT {columns} FROM spike_training WHERE split = 'test'"),
    )
    .await;
    keep("drift.html", &report).await;
    let html = &report.html;
    let last_drifted = html.rfind("▲ drifted").unwrap();
    let first_steady = html.find("● steady").unwrap();
    assert!(last_drifted < first_steady, "drifted columns come first");
    assert!(report.verdict.contains("of 6 columns drifted"), "{}", report.verdict);
    for shown in [
        "times are not compared, because they move on by themselves",
        "7,200 rows",
        "2,400 rows",
        " UTC to ",
        ", by ts)",
        "When it drifted",
        "cumulative distribution",
        "from slice to slice",
        "5 % of the reference",
        "median",
    ] {
        assert!(html.contains(shown), "{shown} is missing");
    }
}

#[tokio::test]
async fn the_schema_is_the_first_sentence() {
    let reference = some(
        "i, i / 7.0 AS price, CASE WHEN i % 3 = 0 THEN 'a' ELSE 'b' END AS side, i * 2 AS gone, i % 4 AS n, i / 3.0 AS y",
    );
    let current = some(
        "i, i / 7.0 AS price, CAST(NULL AS VARCHAR) AS side, i AS fresh, CAST(i % 4 AS VARCHAR) AS n, CASE WHEN i % 3 > 0 THEN i / 3.0 END AS y",
    );
    let page = compare(&context(), &reference, &current).await;
    keep("drift-schema.html", &page).await;
    let sentences = [
        "5 columns changed in schema or missing values: ",
        "gone vanished",
        "fresh appeared",
        "side has no value any more",
        "n changed its type from BIGINT to VARCHAR",
    ];
    for sentence in &sentences[..1] {
        assert!(page.verdict.starts_with(sentence), "{}", page.verdict);
    }
    for sentence in sentences.iter().chain(&["is missing in 33.3 % of the rows, before in 0.00 %"]) {
        assert!(page.html.contains(sentence), "{sentence} is missing");
    }
    assert!(page.html.contains("class=\"verdict bad\""));
    assert!(page.html.contains("No drift: all 3 columns that were compared are steady."), "{}", page.verdict);
}

#[tokio::test]
async fn the_verdict_does_not_contradict_itself() {
    let columns = "i, i * 3 AS b, i * 5 AS c, i * 7 AS d";
    let few =
        compare(&context(), &some(&format!("{columns}, i AS e")), &some(&format!("{columns}, i + 900 AS e"))).await;
    assert_eq!(few.verdict, "1 of 5 columns drifted: e.");
    assert!(!few.html.contains("did not drift"));
    assert!(few.html.contains("No model of this project reads a column that drifted."));
    let all = compare(&context(), &some("i"), &some("i + 900 AS i")).await;
    assert_eq!(all.verdict, "The data drifted: the one column that was compared drifted.");
    let none = compare(&context(), &some(columns), &some(columns)).await;
    assert_eq!(none.verdict, "No drift: all 4 columns that were compared are steady.");
    assert!(none.html.contains("class=\"verdict good\""));
}

#[tokio::test]
async fn what_cannot_be_compared_is_answered_with_a_reason() {
    let context = market(1_000).register().await;
    let columns = "SELECT midprice, spike FROM spike_training";
    let empty = compare(&context, columns, &format!("{columns} WHERE split = 'nowhere'")).await;
    assert_eq!(empty.verdict, "Whether the data drifted is not known: the current sample has no rows.");
    assert!(empty.html.contains("the current sample has no value: it has no rows"));
    let both = compare(&context, &format!("{columns} WHERE false"), &format!("{columns} WHERE false")).await;
    assert_eq!(both.verdict, "Whether the data drifted is not known: neither sample has rows.");

    let reasons = rows(
        "SELECT column_name, reason, reference_rows, current_rows, reference_missing FROM drift(\
         'SELECT 1.5 AS same, 1.5 AS moved, CAST(NULL AS DOUBLE) AS nothing, NULL AS untyped, [1] AS list, TIMESTAMP ''2026-01-01'' AS at, DATE ''2026-01-01'' AS day, INTERVAL ''1 day'' AS span FROM generate_series(1, 9)', \
         'SELECT 1.5 AS same, 2.5 AS moved, 1.0 AS nothing, NULL AS untyped, [2] AS list, TIMESTAMP ''2026-01-02'' AS at, DATE ''2026-01-02'' AS day, INTERVAL ''2 day'' AS span FROM generate_series(1, 7)')",
    )
    .await;
    let of = |name: &str| reasons.iter().find(|row| row[0] == name).unwrap()[1..].join(" | ");
    assert_eq!(of("same"), "both samples hold one value only, the same one | 9 | 7 | 0");
    assert_eq!(of("moved"), "each sample holds one value only, and they differ | 9 | 7 | 0");
    assert_eq!(of("nothing"), "the reference has no value: all 9 values are NULL, NaN or infinite | 0 | 7 | 9");
    assert!(of("untyped").starts_with("neither sample has a value") || of("untyped").starts_with("every value"));
    assert_eq!(of("list"), "columns of this type are not compared | 9 | 7 | 0");
    assert_eq!(of("span"), "columns of this type are not compared | 9 | 7 | 0");
    for time in ["at", "day"] {
        assert!(of(time).starts_with("times are not compared, because they move on by themselves"), "{}", of(time));
        assert!(of(time).ends_with("| 9 | 7 | 0"), "{}", of(time));
    }
}

#[tokio::test]
async fn whole_numbers_are_compared_without_rounding() {
    let large = "SELECT CASE WHEN i % 2 = 0 THEN 9007199254740992 ELSE 9007199254740993 END AS id, \
        CASE WHEN i % 2 = 0 THEN 0 ELSE 9223372036854775806 + (i % 4) / 2 END AS far FROM generate_series(1, 400) AS t(i)";
    let one = "SELECT 9007199254740992 AS id, 9223372036854775806 AS far FROM generate_series(1, 400) AS t(i)";
    let found = rows(&format!(
        "SELECT column_name, test, value < 0.001, array_length(categories) FROM drift('{large}', '{one}')"
    ))
    .await;
    assert_eq!(found, [["id", "z", "true", "2"], ["far", "chisquare", "true", "3"]]);
    // The aggregates too.
    let aggregates = rows(
        "SELECT total_variation_distance(i > 2, 9007199254740992 + i % 2), round(jensen_shannon_distance(i > 2, 9007199254740992 + i), 3), \
         ks_statistic(i > 2, 9007199254740992 + i), wasserstein_distance(i > 2, 9007199254740992 + i) \
         FROM generate_series(1, 4) AS t(i)",
    )
    .await;
    assert_eq!(aggregates, [["0.0", "0.833", "1.0", "2.0"]]);
}

#[tokio::test]
async fn a_large_offset_keeps_its_digits() {
    let sample = |shift: &str| {
        format!("SELECT 1e9 + (i % 100) * 1e-3{shift} AS x FROM generate_series(1, 30000) AS t(i)").replace('\'', "''")
    };
    let found = rows(&format!(
        "SELECT test, abs(value - 0.002 / 0.02886607) < 1e-4, abs(reference_std - 0.0288665) < 1e-6 FROM drift('{}', '{}')",
        sample(""),
        sample(" + 2e-3")
    ))
    .await;
    assert_eq!(found, [["wasserstein", "true", "true"]]);
}

/// Evidently divides by no less than 0.001, which makes a drift of small numbers small.
#[tokio::test]
async fn a_distance_in_thousandths_says_so() {
    let sample = |size: &str| format!("SELECT i % 100 * {size} AS x FROM generate_series(1, 2000) AS t(i)");
    let reason = async |size: &str| {
        rows(&format!("SELECT test, coalesce(reason, '') FROM drift('{}', '{0}')", sample(size))).await.remove(0)
    };
    // The deviation of 0 to 99 is 28.87.
    assert_eq!(reason("1e-4").await, ["wasserstein", ""]);
    let small =
        "the reference's standard deviation is below 0.001, so the distance is divided by 0.001, as Evidently does";
    assert_eq!(reason("1e-5").await, ["wasserstein", small]);
    let constant = "SELECT 0.5 AS x FROM generate_series(1, 2000)";
    let found = rows(&format!("SELECT reason FROM drift('{constant}', '{}', 'x=wasserstein')", sample("1e-5"))).await;
    assert_eq!(found, [[format!("the reference holds one value only; {small}")]]);
    let page = compare(&context(), &sample("1e-5"), &sample("1e-5")).await;
    assert!(page.html.contains("so the distance is divided by 0.001, as Evidently does"));
}

#[tokio::test]
async fn deviations_of_large_and_of_tiny_numbers_are_right() {
    let sample = "SELECT 1152921504606846976 + [0, 1, 3, 7][i] AS whole, [1e-200, 2e-200, 4e-200, 4e-200][i] AS tiny, \
        [1e300, 2e300, 4e300, 4e300][i] AS huge FROM generate_series(1, 4) AS t(i)";
    // Python's `statistics.stdev` of fractions.
    let expected = [("whole", 3.095_695_936_834_452), ("tiny", 1.5e-200), ("huge", 1.5e300)];
    let found =
        rows(&format!("SELECT column_name, reference_std, current_std FROM drift('{sample}', '{sample}')")).await;
    for ((column, std), found) in expected.into_iter().zip(found) {
        assert_eq!(found[0], column);
        for figure in &found[1..] {
            let figure: f64 = figure.parse().unwrap();
            assert!((figure / std - 1.0).abs() < 1e-12, "{column}: {figure:e}, not {std:e}");
        }
    }
}

#[tokio::test]
async fn a_test_can_be_chosen_for_a_column() {
    let reference = some("i AS x, i * 2 AS y, CASE WHEN i % 3 = 0 THEN ''a'' ELSE ''b'' END AS side");
    let chosen = |tests: &str| {
        format!("SELECT column_name, test, drift_if, threshold FROM drift('{reference}', '{reference}', '{tests}')")
    };
    let found = rows(&chosen("x=psi:0.2, y = t_test, side=hellinger")).await;
    let expected = [["x", "psi", ">=", "0.2"], ["y", "t_test", "<", "0.05"], ["side", "hellinger", ">=", "0.1"]];
    assert_eq!(found, expected);
    let found = rows(&chosen("*=ks_statistic, x=mann_whitney_u:0.01")).await;
    let expected = [["x", "mannw", "<", "0.01"], ["y", "ks_stat", ">=", "0.1"], ["side", "z", "<", "0.05"]];
    assert_eq!(found, expected);
    for (tests, part) in [
        ("x=pis", "did you mean `psi`"),
        ("z=psi", "neither relation has"),
        ("side=ks", "the test ks compares numbers; take chisquare"),
        ("x=psi:0", "is not a number above 0"),
        ("x", "write column=test"),
    ] {
        let error = refused(&chosen(tests)).await;
        assert!(error.contains(part), "{tests}: {error}");
    }
    // Every test that there is gives a value for numbers.
    for test in [
        "ks",
        "wasserstein",
        "chisquare",
        "jensenshannon",
        "psi",
        "kl_div",
        "hellinger",
        "tvd",
        "ks_stat",
        "ed",
        "t_test",
        "mannw",
        "cramer_von_mises",
        "anderson",
    ] {
        let found = rows(&format!(
            "SELECT test, value IS NOT NULL, drifted FROM drift('{}', '{}', 'x={test}')",
            some("i * 1.5 AS x"),
            some("i * 1.5 + 200 AS x")
        ))
        .await;
        assert_eq!(found, [[test, "true", "true"]]);
    }
    let times = "SELECT to_timestamp(i) AS ts FROM generate_series(1, 60) AS t(i)";
    let found = rows(&format!("SELECT test, drifted, reference_rows FROM drift('{times}', '{times}', 'ts=ks')")).await;
    assert_eq!(found, [["ks", "false", "60"]]);
    let page =
        report(&context(), &[("reference", "SELECT 1.5 AS x"), ("current", "SELECT 2.5 AS x"), ("test", "x=tvd:0.3")])
            .await
            .unwrap();
    assert!(page.html.contains("Total variation distance") && page.html.contains("≥ 0.3"));
}

#[tokio::test]
async fn slices_say_when_a_column_drifted() {
    let reference = "SELECT to_timestamp(i * 3600) AS ts, (i * 37) % 101 AS x FROM generate_series(0, 239) AS t(i)";
    let current = "SELECT to_timestamp(864000 + i * 3600) AS ts, (i * 37) % 101 + CASE WHEN i >= 48 THEN 500 ELSE 0 END AS x FROM generate_series(0, 95) AS t(i)";
    let found = rows(&format!(
        "SELECT slice, column_name, rows, drifted FROM drift_by('{reference}', '{current}', 'day') WHERE sample = 'current' ORDER BY slice"
    ))
    .await;
    let expected = [
        ["1970-01-11", "x", "24", "false"],
        ["1970-01-12", "x", "24", "false"],
        ["1970-01-13", "x", "24", "true"],
        ["1970-01-14", "x", "24", "true"],
    ];
    assert_eq!(found, expected);
    let page = report(&context(), &[("reference", reference), ("current", current), ("by", "day")]).await.unwrap();
    keep("drift-by-day.html", &page).await;
    assert!(page.html.contains("Current: 1970-01-11 to 1970-01-14") && page.html.contains("by day"));
    let by_value = rows(
        "SELECT sample, slice, drifted FROM drift_by('SELECT ''a'' AS p, i AS x FROM generate_series(1, 50) AS t(i)', 'SELECT CASE WHEN i > 50 THEN ''b'' ELSE ''a'' END AS p, i AS x FROM generate_series(1, 100) AS t(i)', 'p') ORDER BY 1 DESC, 2",
    )
    .await;
    assert_eq!(by_value, [["reference", "a", "false"], ["current", "a", "false"], ["current", "b", "true"]]);
    for (by, part) in [("dya", "did you mean"), ("day:x", "has no times"), ("minute", "more than 400 slices")] {
        let longer = current.replace("95", "900");
        let error = refused(&format!("SELECT * FROM drift_by('{reference}', '{longer}', '{by}')")).await;
        assert!(error.contains(part) || error.contains("has no column"), "{by}: {error}");
    }
}

/// By chance alone, a distance of few rows is large.
#[tokio::test]
async fn a_distance_of_few_rows_gets_no_verdict() {
    let of = |from: u32, to: u32| {
        format!("SELECT to_timestamp(i * 60) AS ts, (i * 37) % 101 AS x FROM generate_series({from}, {to}) AS t(i)")
    };
    // A day has 1,440 rows, and the last one half of them.
    let (reference, current) = (of(0, 2_879), of(2_880, 5_039));
    let judged = |tests: &'static str| {
        let sql = format!(
            "SELECT slice, rows, value IS NOT NULL, drifted IS NOT NULL FROM drift_by('{reference}', '{current}', 'day', '{tests}') WHERE sample = 'current' ORDER BY slice"
        );
        async move { rows(&sql).await }
    };
    let expected = |few: &'static str| [["1970-01-03", "1440", "true", "true"], ["1970-01-04", "720", "true", few]];
    assert_eq!(judged("x=wasserstein").await, expected("false"));
    assert_eq!(judged("x=ks").await, expected("true"));
    let page = report(&context(), &[("reference", &reference), ("current", &current), ("by", "day")]).await.unwrap();
    assert!(page.html.contains("720 values, too few rows for a verdict"));
    assert_eq!(page.html.matches(", too few rows for a verdict").count(), 1);
}

#[tokio::test]
async fn a_word_is_a_span_or_a_column_and_not_by_chance() {
    let relation = "SELECT to_timestamp(i * 3600) AS ts, i % 2 AS day, i AS x FROM generate_series(1, 60) AS t(i)";
    let by = |by: &str| format!("SELECT DISTINCT slice FROM drift_by('{relation}', '{relation}', '{by}') ORDER BY 1");
    let error = refused(&by("day")).await;
    assert!(error.contains("`day` is a span of time and a column: write \"day\""), "{error}");
    assert!(error.contains("or day:ts for the span"), "{error}");
    assert_eq!(rows(&by("\"day\"")).await, [["0"], ["1"]]);
    assert_eq!(rows(&by("day:ts")).await, [["1970-01-01"], ["1970-01-02"], ["1970-01-03"]]);
    let error = refused(&by("region:ts")).await;
    assert!(error.contains("`region` is not a span of time, and only a span takes a column"), "{error}");

    let page = async |by| report(&context(), &[("reference", relation), ("current", relation), ("by", by)]).await;
    let error = squall::error::with_causes(&page("day").await.unwrap_err());
    assert!(error.contains("`day` is a span of time and a column"), "{error}");
    assert!(page("\"day\"").await.unwrap().html.contains("Reference: 0 to 1"));
    assert!(page("day:ts").await.unwrap().html.contains("Reference: 1970-01-01 to 1970-01-03"));
    let error = squall::error::with_causes(&page("region:ts").await.unwrap_err());
    assert!(error.contains("`region` is not a span of time"), "{error}");
}

#[tokio::test]
async fn one_relation_is_split_by_time_or_by_its_split() {
    let context = market(12_000).register().await;
    let page = report(&context, &[("on", "spike_training"), ("early-late", "0.35")]).await.unwrap();
    assert!(page.html.contains("The reference is the first 35.0 % of the rows by ts"), "{}", page.verdict);
    assert!(page.html.matches("4,200 rows").count() >= 2, "35 % of 12,000 on either side");
    // 100 rows each of three times: no row is on both sides.
    let ties =
        "SELECT TIMESTAMP '2026-01-01' + (i % 3) * INTERVAL '1 day' AS ts, i AS x FROM generate_series(1, 300) AS t(i)";
    let page = report(&context, &[("on", ties), ("early-late", "0.35")]).await.unwrap();
    assert!(page.html.matches("100 rows").count() >= 2 && !page.html.contains("200 rows"), "{}", page.verdict);
    let page = report(&context, &[("train-test", "yes")]).await.unwrap();
    assert!(page.html.contains("7,200 rows") && page.html.contains("2,400 rows"));
    let one_time = "SELECT TIMESTAMP '2026-01-01' AS ts, i AS x FROM generate_series(1, 10) AS t(i)";
    let later = "SELECT TIMESTAMP '2026-01-01' + CASE WHEN i < 5 THEN 0 ELSE 1 END * INTERVAL '1 day' AS ts, i AS x FROM generate_series(3, 9) AS t(i)";
    for (arguments, part) in [
        (vec![("on", "spike_training"), ("early-late", "0.7")], "up to 0.5"),
        (vec![("on", "spike_training"), ("reference", "spike_training")], "parts of one relation"),
        (vec![("early-late", "0.3")], "needs the relation"),
        (vec![("on", "SELECT 1 AS x")], "no column of times"),
        (vec![("on", "spike_training"), ("time", "tss")], "which is not a column of times"),
        // Rows of one time stay together, so neither part has rows.
        (vec![("on", one_time)], "--early-late 0.5 leaves no rows for the reference and the current sample"),
        (vec![("on", one_time)], "has 10 rows, with 1 value of `ts`"),
        (vec![("on", later)], "--early-late 0.5 leaves no rows for the current sample"),
        (vec![("on", later), ("train-test", "yes")], "has no column `split` for --train-test"),
        (
            vec![("on", "SELECT 'train' AS split, 1 AS x"), ("train-test", "yes")],
            "leaves no rows for the current sample",
        ),
    ] {
        let error = report(&context, &arguments).await.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert!(error.hint().is_some(), "{error}");
    }
}

#[tokio::test]
async fn free_text_is_compared_by_its_words() {
    let texts = |word: &str| {
        format!("SELECT concat(''order '', i, '' {word} at the door'') AS note FROM generate_series(1, 300) AS t(i)")
    };
    let found = rows(&format!(
        "SELECT kind, test, drifted, reason FROM drift('{}', '{}')",
        texts("arrived"),
        texts("was lost")
    ))
    .await;
    let reason = "words typical of the reference: arrived; of the current sample: ";
    assert_eq!(found[0][..3], ["text", "words", "true"]);
    assert!(found[0][3].starts_with(reason), "{}", found[0][3]);
    let found = rows(&format!("SELECT drifted FROM drift('{}', '{0}')", texts("arrived"))).await;
    assert_eq!(found, [["false"]]);
}

#[tokio::test]
async fn a_wide_table_stays_small() {
    let columns: Vec<String> = (0..300).map(|index| format!("value * {index} % 97 AS \"column <{index}>\"")).collect();
    let values: Vec<String> = (0..1_500).map(|value| format!("({value}.5)")).collect();
    let sql = format!("SELECT {} FROM (VALUES {}) AS t(value)", columns.join(", "), values.join(", "));
    let report = compare(&context(), &sql, &sql).await;
    assert!(report.html.len() < LARGEST, "{} bytes", report.html.len());
    assert!(report.html.contains("columns further down the table are not drawn"));
    assert!(report.html.contains("characters are left out here"));
    assert!(!report.html.contains("column <1>"), "names are escaped");
}

#[tokio::test]
async fn rare_categories_do_not_dwarf_the_others() {
    let sql = "SELECT concat('c', i % 300) AS c FROM generate_series(1, 900) AS t(i)";
    let page = compare(&context(), sql, sql).await;
    assert!(page.html.contains("93.3 % of the reference&#x27;s rows and 93.3 % of the current ones"), "{}", page.html);
    assert!(!page.html.contains("others"));
}

#[tokio::test]
async fn hostile_names_are_shown_as_text() {
    let long = "x".repeat(10_000);
    let names = ["<script>alert(1)</script>", "a\u{202e}live", " ", "it's \"quoted\", = and :", &long];
    let columns: Vec<String> = names.iter().map(|name| format!("i AS \"{}\"", name.replace('"', "\"\""))).collect();
    let sql = format!("SELECT to_timestamp(i) AS ts, {} FROM generate_series(1, 50) AS t(i)", columns.join(", "));
    let page = compare(&context(), &sql, &sql).await;
    assert!(page.html.len() < LARGEST, "{} bytes", page.html.len());
    assert!(!page.html.contains("<script") && page.html.contains("&lt;script&gt;"));
    assert!(page.html.contains("\\u{202e}live") && page.html.contains("(a name without letters)"));
    assert_eq!(page.verdict, "No drift: all 5 columns that were compared are steady.");
}
