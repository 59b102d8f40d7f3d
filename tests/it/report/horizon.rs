//! What needs a horizon is told only where one is known, and in units that fit it.

use super::evaluation::rows;
use super::make;
use crate::model::commands::Folder;

/// The text of a page without its queries and tags.
fn shown(html: &str) -> String {
    let html: String =
        html.split("<pre ").map(|part| part.split_once("</pre>").map_or(part, |(_, rest)| rest)).collect();
    let (_, content) = html.split_once("<main>").unwrap();
    content.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn without_a_horizon_nothing_is_said_of_episodes_and_alerts_over_time() {
    let context = rows(
        "SELECT 'm' AS model, value % 9 < 2 AS y, abs(sin(value * 1.3)) AS score, to_timestamp(value * 3600) AS ts FROM generate_series(1, 2000)",
    )
    .await;
    let arguments = [("on", "scored"), ("label", "y"), ("time", "ts"), ("threshold", "0.5")];
    let page = make("eval", &context, &arguments).await.unwrap();
    let text = shown(&page.html);
    for known in [
        "How far ahead the label looks is not known, so neither are episodes",
        "Not known: how far ahead the label looks is not known; --horizon says it.",
        // So many of the numbers from 1 to 2,000 have a remainder of 0 or 1.
        "445 positive rows",
        "Which threshold?",
    ] {
        assert!(text.contains(known), "{known} is missing in\n{text}");
    }
    for invented in ["pisodes caught", "an hour", "edian lead", " episodes (", "separate episodes", "1 s apart"] {
        assert!(!text.contains(invented), "{invented} in\n{text}");
    }

    let with = |horizon: &'static str| [&arguments[..], &[("horizon", horizon)]].concat();
    let text = shown(&make("eval", &context, &with("7200")).await.unwrap().html);
    for known in [
        "Alerts an hour",
        "Episodes caught",
        "Positive rows less than one horizon, 2 h, apart are one episode.",
        "at least 2 h apart",
    ] {
        assert!(text.contains(known), "{known} is missing in\n{text}");
    }
    // Alerts of customers come by the day.
    let text = shown(&make("eval", &context, &with("86400")).await.unwrap().html);
    assert!(text.contains("Alerts a day") && text.contains("one horizon, 1 d, apart"), "{text}");
    assert!(!text.contains("an hour"), "{text}");
}

/// Two products whose positive rows come at the same times have one event together, and each has an episode of its own.
#[tokio::test]
async fn two_counts_of_episodes_are_explained() {
    let context = rows(
        "SELECT 'm' AS model, product AS product_id, value % 100 < 3 AS y, abs(sin(value * 1.3)) AS score,
           to_timestamp(value * 10) AS ts FROM generate_series(1, 3000) CROSS JOIN (VALUES ('A'), ('B')) AS t (product)",
    )
    .await;
    let arguments = [("on", "scored"), ("label", "y"), ("time", "ts"), ("threshold", "0.5"), ("horizon", "60")];
    let text = shown(&make("eval", &context, &arguments).await.unwrap().html);
    // Positive are 1 and 2, then 100 to 102 and so on to 2,900 to 2,902, and 3,000: 31 runs.
    assert!(
        text.contains(" of 62 episodes drew an alert") && text.contains("at one time are one, which makes 31."),
        "{text}"
    );
}

/// A model of customers beside a market: its card has no word of the market, and no horizon that nobody gave.
#[test]
fn a_card_says_no_horizon_that_is_not_known() {
    let folder = Folder::with_ticks();
    folder.succeed(&["sql", "COPY (SELECT to_timestamp(value * 86400) AS at, sin(value * 1.3) AS a,
        CASE WHEN value % 50 > 0 THEN cos(value * 2.1) END AS b, CASE WHEN value % 70 > 0 THEN CAST(sin(value * 1.3) + sin(value * 9.1) > 0.4 AS INT) END AS y,
        CASE WHEN value <= 500 THEN 'train' WHEN value <= 700 THEN 'validation' ELSE 'test' END AS split FROM generate_series(1, 1200)) TO 'rows.parquet'"]);
    folder.succeed(&["sql", "CREATE MODEL leaves OPTIONS (model_type = 'logistic_reg', input_label_cols = ['y'], time_col = 'at', data_split_col = 'split')
        AS SELECT * FROM 'rows.parquet'"]);
    let card = |more: &[&str]| {
        folder.succeed(&[&["report", "card", "--on", "rows.parquet", "--out", "card.md"][..], more].concat());
        std::fs::read_to_string(folder.path().join("card.md")).unwrap()
    };
    let markdown = card(&[]);
    for known in [
        // 17 numbers up to 1,200 can be divided by 70, and 24 by 50, three of which by both.
        "| `b` is NULL | 21 |\n| `y` is NULL | 17 |\n| in all | 38 |",
        "Not known: how far ahead the label looks is not known; --horizon says it.",
        "only with 10 positive rows or more",
        "a missed positive row cost",
        "It reads a, b. Their formulas",
    ] {
        assert!(markdown.contains(known), "{known} is missing in\n{markdown}");
    }
    for market in [
        "icks",
        "silence",
        "an hour",
        "lead",
        "pike",
        "market",
        "olatility",
        "Tau",
        "60 s",
        "one horizon",
        "What each query is",
    ] {
        assert!(!markdown.contains(market), "{market} in\n{markdown}");
    }
    let markdown = card(&["--horizon", "172800"]);
    for known in [
        "| alerts a day |",
        "Positive rows less than one horizon, 2 d, apart",
        "--horizon 172800",
        "10 episodes or more",
    ] {
        assert!(markdown.contains(known), "{known} is missing in\n{markdown}");
    }
    assert!(!markdown.contains("an hour"), "{markdown}");
}
