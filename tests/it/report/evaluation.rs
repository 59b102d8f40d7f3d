//! The evaluation report: its figures are those of SQL, its verdict is careful, and it holds for any rows.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::prelude::SessionContext;
use squall::error::Hint;
use squall::report::{Error, Page};

use super::synthetic::{Market, market};
use super::{LARGEST, keep, make};

/// What the scores of the made-up market are given with: squall knows none of the models.
pub const GIVEN: &[(&str, &str)] = &[
    ("on", "spike_scores"),
    ("label", "spike"),
    ("time", "ts"),
    ("horizon", "60"),
    ("model", "spike_logistic"),
    ("baseline", "naive_volatility"),
    ("threshold", "0.4121"),
];

/// Returns the arguments with some of them changed; an empty value takes one out.
fn given(changes: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut given = GIVEN.to_vec();
    for (name, value) in changes {
        given.retain(|(known, _)| known != name);
        if !value.is_empty() {
            given.push((name, value));
        }
    }
    given
}

/// Makes the report on the scores of a made-up market.
pub async fn evaluate(market: &Market) -> Page {
    make("eval", &market.register().await, GIVEN).await.unwrap()
}

async fn on(context: &SessionContext, changes: &[(&'static str, &'static str)]) -> Result<Page, Error> {
    make("eval", context, &given(changes)).await
}

/// Runs SQL on a context without tables of its own, with the functions of squall.
pub async fn rows(sql: &str) -> SessionContext {
    let context = SessionContext::new();
    squall::catalog::FUNCTIONS.register(&context, std::path::Path::new("no/models/here"));
    context.sql(&format!("CREATE TABLE scored AS {sql}")).await.unwrap().collect().await.unwrap();
    context
}

async fn number(context: &SessionContext, sql: &str) -> f64 {
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    let column = cast(batches[0].column(0), &DataType::Float64);
    column.unwrap().as_primitive::<Float64Type>().value(0)
}

#[tokio::test]
async fn evaluation_shows_the_numbers_of_sql() {
    let market = market(12_000);
    let context = market.register().await;
    let report = make("eval", &context, GIVEN).await.unwrap();
    keep("evaluation.html", &report).await;
    for (model, split) in [("spike_logistic", "test"), ("naive_volatility", "test"), ("spike_logistic", "validation")] {
        let of = format!("FROM spike_scores WHERE model = '{model}' AND split = '{split}'");
        for metric in ["average_precision", "roc_auc", "brier_score"] {
            let value = number(&context, &format!("SELECT {metric}(spike, score) {of}")).await;
            let text = format!("{value:.4}");
            assert!(report.html.contains(&text), "{metric} of {model} on {split}, {text}, is missing");
        }
        let interval = format!("SELECT average_precision_interval(spike, score, ts, 600)['low'] {of}");
        let low = number(&context, &interval).await;
        // Four digits that count.
        let low = format!("{low:.*}", (3 - low.log10().floor() as i32) as usize);
        assert!(report.html.contains(&low), "the interval of {model} on {split} begins at {low}");
    }
    assert!(
        report.verdict.starts_with("spike_logistic beats naive_volatility on the test rows, by 0."),
        "{}",
        report.verdict
    );
    // The confusion matrix, recounted from the rows.
    let hits = market.count("spike_logistic", |row, score| row.split == "test" && row.spike && score >= 0.4121);
    let missed = market.count("spike_logistic", |row, score| row.split == "test" && row.spike && score < 0.4121);
    assert!(hits > 0 && missed > 0);
    assert!(report.html.contains(&format!("<b>{hits}</b>")) && report.html.contains(&format!("<b>{missed}</b>")));
    for part in
        ["The expected calibration error is ", "false alerts", "missed episodes", "By hour of the day", "lowest third"]
    {
        assert!(report.html.contains(part), "{part} is missing");
    }
}

/// Guessing has the log loss and the Brier score of the prevalence.
#[tokio::test]
async fn losses_stand_beside_those_of_guessing() {
    let context = market(12_000).register().await;
    let report = make("eval", &context, GIVEN).await.unwrap();
    let p = number(
        &context,
        "SELECT prevalence(spike) FROM spike_scores WHERE model = 'spike_logistic' AND split = 'test'",
    )
    .await;
    for loss in [p * (1.0 - p), -p * p.ln() - (1.0 - p) * (1.0 - p).ln()] {
        let digits = if loss < 0.1 { 5 } else { 4 };
        assert!(report.html.contains(&format!("{loss:.digits$}")), "{loss}");
    }
}

#[tokio::test]
async fn the_table_of_rows_goes_away_with_the_report() {
    let context = market(1_000).register().await;
    let before = context.catalog("datafusion").unwrap().schema("public").unwrap().table_names().len();
    make("eval", &context, GIVEN).await.unwrap();
    assert!(make("eval", &context, &given(&[("by", "nothing")])).await.is_err());
    assert_eq!(context.catalog("datafusion").unwrap().schema("public").unwrap().table_names().len(), before);
}

#[tokio::test]
async fn a_model_that_does_not_beat_the_naive_rule_is_told_so() {
    let mut market = market(12_000);
    // It weighs future volatility the wrong way round.
    market.models[0].1 = -0.6;
    let report = evaluate(&market).await;
    assert!(
        report.verdict.starts_with("spike_logistic does not beat naive_volatility on the test rows: it is worse by 0."),
        "{}",
        report.verdict
    );
    assert!(report.html.contains("<section class=\"verdict bad\""));
}

/// Better on the test rows alone may be luck, and is not green.
#[tokio::test]
async fn validation_rows_that_say_the_opposite_leave_it_open() {
    let context = market(12_000).register().await;
    let mixed = "SELECT * EXCEPT (score), CASE WHEN model = 'spike_logistic' AND split = 'validation' THEN 1 - score ELSE score END AS score FROM spike_scores";
    let report = on(&context, &[("on", mixed)]).await.unwrap();
    assert_eq!(
        report.verdict,
        "Whether spike_logistic beats naive_volatility cannot be told: it is better on the test rows and worse on the validation rows."
    );
    assert!(report.html.contains("<section class=\"verdict unknown\""));
}

#[tokio::test]
async fn a_short_test_split_decides_nothing() {
    let report = evaluate(&market(2_000)).await;
    assert!(report.verdict.starts_with("Whether spike_logistic beats naive_volatility "), "{}", report.verdict);
}

#[tokio::test]
async fn without_a_spike_in_test_nothing_is_claimed() {
    let mut market = market(4_000);
    market.rows.iter_mut().filter(|row| row.split == "test").for_each(|row| row.spike = false);
    let report = evaluate(&market).await;
    keep("evaluation-no-spikes.html", &report).await;
    assert_eq!(report.verdict, "How good spike_logistic is, cannot be told: none of the 800 test rows is spike.");
    assert!(report.html.contains("Not defined: the judged rows need scored rows"));
    assert!(!report.html.contains("NaN"));
}

#[tokio::test]
async fn an_empty_test_split_is_told_so() {
    let mut market = market(4_000);
    market.rows.retain(|row| row.split != "test");
    let report = evaluate(&market).await;
    assert_eq!(report.verdict, "How good spike_logistic is, is not known: there are no test rows.");
    assert!(report.html.contains("On the validation rows, which also chose the threshold"));
}

#[tokio::test]
async fn one_model_alone_is_compared_with_guessing() {
    let mut market = market(12_000);
    market.models.truncate(1);
    let report = on(&market.register().await, &[("baseline", "")]).await.unwrap();
    assert!(report.verdict.starts_with("spike_logistic beats guessing on the test rows"), "{}", report.verdict);
    // A score that is the same everywhere equals guessing and beats nothing.
    let flat = "SELECT * EXCEPT (score), 0.3 AS score FROM spike_scores";
    let report = on(&market.register().await, &[("baseline", ""), ("on", flat)]).await.unwrap();
    assert_eq!(report.verdict, "spike_logistic equals guessing on the test rows: its scores do not rank them.");
}

#[tokio::test]
async fn a_column_can_be_what_has_to_be_beaten() {
    let report = on(&market(12_000).register().await, &[("baseline", "current_vol")]).await.unwrap();
    assert!(report.verdict.starts_with("spike_logistic beats current_vol on the test rows"), "{}", report.verdict);
    assert!(report.html.contains("By the score of current_vol"));
}

#[tokio::test]
async fn undefined_scores_are_left_out() {
    let whole = evaluate(&market(4_000)).await;
    let mut market = market(4_000);
    market.undefined_scores = true;
    let report = evaluate(&market).await;
    assert!(!report.html.contains("NaN") && !report.html.contains("inf "));
    assert_ne!(report.html, whole.html);
}

#[tokio::test]
async fn hostile_names_stay_text_and_short() {
    const HOSTILE: &str = "<script>alert('x')</script>\"&";
    let long = "n".repeat(10_000);
    for name in [HOSTILE, &long, "\u{202e}evil", "שלום", ""] {
        let mut market = market(2_000);
        market.product = name.into();
        market.models[0].0 = name.into();
        let name = name.to_string();
        let context = market.register().await;
        let given: Vec<(&str, &str)> =
            GIVEN.iter().map(|(key, value)| (*key, if *key == "model" { name.as_str() } else { *value })).collect();
        let report = make("eval", &context, &given).await.unwrap();
        assert!(!report.html.contains("<script") && !report.html.contains('\u{202e}'));
        let shown = report.html.split("<pre ").map(|part| part.split_once("</pre>").map_or(part, |(_, rest)| rest));
        assert!(!shown.collect::<String>().contains(&"n".repeat(200)), "the page shows a name in full");
        assert!(report.html.len() < LARGEST * 2);
    }
}

#[tokio::test]
async fn what_is_missing_is_told_with_what_to_type() {
    let error = make("eval", &SessionContext::new(), &[]).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no query or table named spike_training");
    assert!(error.hint().unwrap().contains("squall run +spike_training"));

    let context = market(1_000).register().await;
    for (change, message, hint) in [
        (
            ("model", "spike_forest"),
            "there is no model named spike_forest to evaluate",
            "naive_volatility, spike_logistic",
        ),
        (("label", "spik"), "spike_scores has no column `spik` for --label", "did you mean `spike`"),
        (("label", ""), "which column of spike_scores is the label, is not known", "--label"),
        (("label", "forward_vol"), "the label `forward_vol` holds ", "> 0 AS positive"),
        (("label", "product_id"), "the label `product_id` is ", "> 0 AS positive"),
        (("time", "midprice"), "`midprice` is Float64, and a time is a timestamp or a date", "to_timestamp(midprice)"),
        (("horizon", "soon"), "--horizon is `soon`", "whole seconds"),
        (("threshold", "high"), "--threshold is `high`", "--threshold 0.5"),
        (("baseline", "spike_logistic"), "`spike_logistic` is the model in question", "--baseline names another model"),
        (("baseline", "nobody"), "spike_scores has no column `nobody` for --baseline", "--baseline"),
    ] {
        let error = on(&context, &[change]).await.unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
        assert!(error.hint().unwrap().contains(hint), "{error}: {:?}", error.hint());
    }
}

#[tokio::test]
async fn a_report_says_the_horizon_that_it_was_given() {
    let context = market(12_000).register().await;
    let mut caught = Vec::new();
    for (seconds, shown) in [("60", "60 s"), ("1800", "1,800 s")] {
        let html = on(&context, &[("horizon", seconds)]).await.unwrap().html;
        assert!(html.contains(&format!("at least {shown} apart")));
        assert!(html.contains(&format!(
            "episode_metrics(label, &quot;score of spike_logistic&quot;, time, 0.4121, {seconds})"
        )));
        let (_, value) = html.split_once("Episodes caught</dt><dd class=\"value\">").unwrap();
        caught.push(value.split_once('<').unwrap().0.to_string());
    }
    assert_ne!(caught[0], caught[1], "spikes that are one event to a longer horizon");
}

/// Without a time there is no timeline and no episode, and the report says so; without a split, all rows are one.
#[tokio::test]
async fn rows_without_time_and_split_are_enough() {
    let context = market(4_000).register().await;
    let plain = "SELECT model, spike AS bought, score, product_id AS shop FROM spike_scores";
    let changes = [("on", plain), ("label", "bought"), ("time", ""), ("horizon", ""), ("by", "shop")];
    let report = on(&context, &changes).await.unwrap();
    keep("evaluation-plain.html", &report).await;
    let html = &report.html;
    assert!(
        report.verdict.starts_with("spike_logistic beats naive_volatility on the given rows"),
        "{}",
        report.verdict
    );
    assert!(html.contains("There is no time column") && !html.contains("id=\"timeline"));
    assert!(html.contains("not bought") && html.contains("rows taken as independent"));
    for word in ["Midprice", "60 s", "spike follows", "followed by a spike", "Volatility"] {
        assert!(!html.contains(word), "{word}");
    }
    // The same rows give the same page.
    assert_eq!(on(&context, &changes).await.unwrap().html, report.html);
}

#[tokio::test]
async fn degenerate_rows_give_a_page_that_says_so() {
    let whole = "SELECT 'm' AS model, value % 5 = 0 AS y, CAST(value % 7 AS DOUBLE) / 7 AS score, to_timestamp(value * 60) AS at FROM generate_series(1, 400)";
    let arguments = |more: &[(&'static str, &'static str)]| {
        [&[("on", "scored"), ("label", "y"), ("threshold", "0.5")][..], more].concat()
    };
    for (sql, says) in [
        (
            format!("SELECT * FROM ({whole}) WHERE y AND NOT y"),
            "How good the score is, is not known: scored has no rows",
        ),
        (format!("SELECT * FROM ({whole}) LIMIT 1"), "How good m is, cannot be told: none of the 1 given rows is y"),
        (
            format!("SELECT * FROM ({whole}) WHERE NOT y"),
            "How good m is, cannot be told: none of the 320 given rows is y",
        ),
        (
            format!("SELECT * FROM ({whole}) WHERE y"),
            "How good m is, cannot be told: each of the 80 given rows is y, so no score can rank them",
        ),
        (
            format!("SELECT model, y, CAST(NULL AS DOUBLE) AS score, at FROM ({whole})"),
            "How good m is, is not known: the given rows hold no row with a label and a score",
        ),
    ] {
        let context = rows(&sql).await;
        for more in [&[][..], &[("time", "at")]] {
            match make("eval", &context, &arguments(more)).await {
                Ok(page) => {
                    assert!(page.verdict.starts_with(says), "{sql}: {}", page.verdict);
                    assert!(!page.html.contains("NaN") && !page.html.contains("verdict good"), "{sql}");
                }
                Err(error) => assert_eq!(error.to_string(), says, "{sql}"),
            }
        }
    }
}

/// Without `--model`, the model in question is another one than the baseline.
#[tokio::test]
async fn a_model_can_be_the_baseline() {
    let context = market(4_000).register().await;
    let page = on(&context, &[("model", ""), ("baseline", "spike_logistic")]).await.unwrap();
    assert!(page.verdict.starts_with("Whether naive_volatility beats spike_logistic "), "{}", page.verdict);
}

/// The gain of rows with the same score is a straight line: none of them comes first.
#[tokio::test]
async fn the_gain_takes_equal_scores_together() {
    let context =
        rows("SELECT value % 4 = 0 AS label, value <= 40 AS high, 'test' AS split FROM generate_series(1, 80)").await;
    let sql = include_str!("../../../reports/eval/gain.sql")
        .replace("$model", "'m'")
        .replace("$score", "CASE WHEN high THEN 0.9 ELSE 0.1 END")
        .replace("$rows", "scored")
        .replace("$split", "'test'");
    for (sql, value) in [
        (format!("SELECT count(*) FROM ({sql})"), 2.0),
        (format!("SELECT min(share) FROM ({sql})"), 0.5),
        (format!("SELECT min(reached) FROM ({sql})"), 0.5),
        (format!("SELECT max(share + reached) FROM ({sql})"), 2.0),
    ] {
        assert_eq!(number(&context, &sql).await, value, "{sql}");
    }
}

#[tokio::test]
async fn a_page_of_many_rows_stays_small() {
    let sql = "SELECT m AS model, value % 97 < 7 AS y, abs(sin(value / 50.0)) * CASE m WHEN 'a' THEN 1.0 ELSE 0.7 END AS score,
        to_timestamp(value) AS at, abs(cos(value / 900.0)) AS level
        FROM generate_series(1, 100000) CROSS JOIN (VALUES ('a'), ('b')) AS t (m)";
    let context = rows(sql).await;
    let arguments = [("on", "scored"), ("label", "y"), ("time", "at"), ("threshold", "0.5"), ("baseline", "b")];
    let page = make("eval", &context, &arguments).await.unwrap();
    keep("evaluation-many-rows.html", &page).await;
}

/// A date is a time too, and days apart are not one stretch of alerts.
#[tokio::test]
async fn days_are_drawn_as_days() {
    let sql = "SELECT 'm' AS model, value % 9 = 0 AS y, CAST(value % 11 AS DOUBLE) / 11 AS score,
        CAST(to_timestamp(value * 86400) AS DATE) AS day FROM generate_series(1, 700)";
    let arguments = [("on", "scored"), ("label", "y"), ("time", "day"), ("threshold", "0.5")];
    let page = make("eval", &rows(sql).await, &arguments).await.unwrap();
    assert!(page.html.contains("id=\"timeline") && page.html.contains(" 1970</text>"), "the axis names months");
}

/// Rows without a time have no block, so every figure leaves them out, and the page says how many there are.
#[tokio::test]
async fn rows_without_a_time_are_in_no_figure() {
    let context = rows(
        "SELECT 'A' AS model, sin(value * 1.7) + CASE WHEN value % 3 = 0 THEN CASE WHEN value % 2 = 0 THEN 0.3 ELSE 1.5 END ELSE 0 END AS score,
         value % 3 = 0 AS y, CASE WHEN value % 2 = 0 THEN to_timestamp(1767225600 + value * 30) END AS ts FROM generate_series(1, 3000)",
    )
    .await;
    let arguments = [("on", "scored"), ("label", "y"), ("time", "ts"), ("horizon", "60")];
    let page = make("eval", &context, &arguments).await.unwrap();
    let precision = number(&context, "SELECT average_precision(y, score) FROM scored WHERE ts IS NOT NULL").await;
    assert!(page.html.contains(&format!("{precision:.4}")), "{precision}");
    assert_eq!(page.warnings, ["1,500 rows have no time in `ts` and are left out of every figure"]);
    assert!(page.html.contains("Take care: 1,500 rows have no time"));
}

/// One bin that is surely off is enough, however far off another one is by chance.
#[tokio::test]
async fn each_bin_of_the_calibration_is_tested() {
    let low =
        "SELECT 0.05 AS score, value % 100 = 0 AS y, to_timestamp(value * 10) AS ts FROM generate_series(1, 20000)";
    // In two stretches of time, in one of which every row is positive: the share is left to chance.
    let unsure = "SELECT 0.55, value < 250, to_timestamp(100000 * (CASE WHEN value < 250 THEN 1 ELSE 2 END) + value) FROM generate_series(0, 299)";
    let high = "SELECT 0.2, value % 2 = 0, to_timestamp(value * 10) FROM generate_series(1, 20000)";
    let says = async |sql: &str| {
        let context = rows(&format!("SELECT 'm' AS model, * FROM ({sql})")).await;
        let page = make("eval", &context, &[("on", "scored"), ("label", "y"), ("time", "ts")]).await.unwrap();
        page.html.split("<h2>Probabilities</h2>").nth(1).unwrap().split("</p>").next().unwrap().to_string()
    };
    let over = says(&format!("{low} UNION ALL {unsure}")).await;
    assert!(over.contains("It overstates: it says 0.05000 where 1.00 % of 20,000 rows are y"), "{over}");
    assert!(!over.contains("understates") && !over.contains("No well-filled bin"), "{over}");
    let both = says(&format!("{low} UNION ALL {high}")).await;
    assert!(
        both.contains("It overstates: it says 0.05000") && both.contains("It understates: it says 0.2000"),
        "{both}"
    );
}

/// Alerts of one horizon may be false although the stretch of alerts holds a positive row.
#[tokio::test]
async fn one_threshold_is_told_as_such() {
    let context = rows("SELECT 'A' AS model, 0.5 AS score, value % 5 = 0 AS y, to_timestamp(1767225600 + value * 10) AS ts FROM generate_series(1, 3000)").await;
    let arguments = [("on", "scored"), ("label", "y"), ("time", "ts"), ("horizon", "11"), ("threshold", "0.5")];
    let html = make("eval", &context, &arguments).await.unwrap().html;
    assert!(
        html.contains("of which 108.0 are false") && html.contains("Every stretch of alerts holds a positive row.")
    );
    assert!(html.contains("There is one threshold only") && !html.contains("No alert is false"));
    assert!(!html.contains("Not defined: the judged rows need scored rows"));
}

#[tokio::test]
async fn columns_that_cannot_be_scores_are_refused_by_their_option() {
    let context = rows("SELECT 'm' AS model, value % 3 = 0 AS y, 0.5 AS score, 'red' AS colour, to_timestamp(value) AS ts FROM generate_series(1, 90)").await;
    for option in ["baseline", "show"] {
        let arguments = [("on", "scored"), ("label", "y"), ("time", "ts"), (option, "colour")];
        let error = make("eval", &context, &arguments).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("--{option} is `colour`, whose values are ")), "{error}");
    }
    let context = rows("SELECT CASE WHEN value > 1 THEN 'm' END AS model, value % 3 = 0 AS y, 0.5 AS score FROM generate_series(1, 90)").await;
    let error = make("eval", &context, &[("on", "scored"), ("label", "y")]).await.unwrap_err();
    assert!(error.to_string().starts_with("column `model` of scored is NULL in some rows"), "{error}");
}
