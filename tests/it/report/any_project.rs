//! `squall report eval` on the command line: the default project's report, and projects that have nothing to do with markets.

use std::fmt::Write;

use crate::model::commands::Folder;

/// Writes a table of customers, of whom those with many calls leave.
fn customers(folder: &Folder) {
    let mut csv = "customer,plan,months,calls,region,left_us,spent\n".to_string();
    for customer in 0..1_200_u64 {
        let chance = |salt: u64| (customer + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15 ^ salt).rotate_left(23) % 1_000;
        let (plan, region) =
            (["basic", "gold"][chance(1) as usize % 2], ["north", "south", "west"][chance(2) as usize % 3]);
        let (months, calls) = (chance(3) % 60, chance(4) % 12);
        let risk = 40 * calls + if plan == "basic" { 120 } else { 0 } + 200_u64.saturating_sub(4 * months);
        let spent = 0.5 + calls as f64 * 1.5 + chance(6) as f64 / 250.0;
        let left = u8::from(chance(5) < risk);
        writeln!(csv, "{customer},{plan},{months}.0,{calls}.0,{region},{left},{spent}").unwrap();
    }
    std::fs::write(folder.path().join("customers.csv"), csv).unwrap();
}

fn report(folder: &Folder, arguments: &[&str]) -> (String, String) {
    let said = folder.succeed(&[&["report", "eval", "--out", "out.html"][..], arguments].concat());
    (said, std::fs::read_to_string(folder.path().join("out.html")).unwrap())
}

const NO_MARKET: [&str; 8] = ["Midprice", "volatility", "spike", "tick", "USD", "60 s", "product", "followed by"];

#[test]
fn a_model_of_customers_is_evaluated_like_any_other() {
    let folder = Folder::new();
    customers(&folder);
    folder.succeed(&[
        "sql",
        "CREATE MODEL churn OPTIONS (model_type = 'logistic_reg', input_label_cols = ['left_us'])
         AS SELECT plan, months, calls, left_us FROM 'customers.csv' WHERE customer % 3 > 0",
    ]);
    let unseen = "SELECT * FROM 'customers.csv' WHERE customer % 3 = 0";
    let arguments = ["--model", "churn", "--on", unseen, "--by", "region"];
    let (said, html) = report(&folder, &arguments);
    assert!(said.starts_with("churn beats guessing on the given rows, by 0."), "{said}");
    for text in
        ["By region", "north", "not left_us", "There is no time column", "What the model needs", "calls", "Brier"]
    {
        assert!(html.contains(text), "{text} is missing");
    }
    // The queries name tables of squall's own, so the words are looked for in what is shown.
    let shown: String =
        html.split("<pre ").map(|part| part.split_once("</pre>").map_or(part, |(_, rest)| rest)).collect();
    let (_, content) = shown.split_once("<main>").unwrap();
    // Neither do names of classes count.
    let content: String = content.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
    for word in NO_MARKET {
        assert!(!content.contains(word), "the page says {word}");
    }
    let (_, again) = report(&folder, &arguments);
    let figures = |html: &str| html.split("<main>").nth(1).unwrap().split("<footer>").next().unwrap().to_string();
    assert_eq!(figures(&html), figures(&again), "the same rows give the same figures");

    // A column may be what has to be beaten, and another label may judge.
    let (said, _) = report(&folder, &[&arguments[..], &["--baseline", "calls"]].concat());
    assert!(said.contains(" calls "), "{said}");
    let relabelled = "SELECT plan, months, calls, left_us = 1 AS gone FROM 'customers.csv' WHERE customer % 3 = 0";
    let (said, _) = report(&folder, &["--model", "churn", "--on", relabelled, "--label", "gone"]);
    assert!(said.starts_with("churn beats guessing"), "{said}");

    // On the table from which it learned, nothing can be told.
    let (said, _) = report(&folder, &["--model", "churn", "--on", "customers.csv"]);
    assert!(said.starts_with("How good churn is, cannot be told: it learned from customers.csv"), "{said}");

    // Without --model, the one model that fits is taken.
    let (said, _) = report(&folder, &["--on", unseen]);
    assert!(said.starts_with("churn "), "{said}");
    let refused = folder.fail(&["report", "eval", "--on", "SELECT 1 AS a"]);
    assert!(refused.contains("no model that squall knows has all its features"), "{refused}");

    // A model is not what it has to beat itself, but another version may be.
    for more in [&["--baseline", "churn"][..], &["--model", "churn", "--baseline", "churn@1"]] {
        let refused = folder.fail(&[&["report", "eval", "--on", unseen][..], more].concat());
        assert!(refused.contains("` is the model in question, so it cannot be the baseline too\nHint: "), "{refused}");
    }

    // What does not exist is explained as in the shell.
    for arguments in [
        &["eval", "--on", "custommers"][..],
        &["eda", "--on", "SELECT * FROM custommers"],
        &["drift", "--reference", "custommers", "--current", "SELECT 1 AS a"],
    ] {
        let refused = folder.fail(&[&["report"][..], arguments].concat());
        assert!(refused.contains("there is no table or view `custommers`\n --> line 1, column "), "{refused}");
        assert!(refused.contains("\nHint: "), "{refused}");
    }
}

#[test]
fn a_regression_with_a_threshold_and_times_of_its_own_is_evaluated() {
    let folder = Folder::new();
    customers(&folder);
    let orders = "SELECT to_timestamp(customer * 3600) AS ordered_at, calls, months, spent, spent >= 17 AS large,
        CASE WHEN customer < 700 THEN 'train' WHEN customer < 900 THEN 'validation' ELSE 'test' END AS part_of
        FROM 'customers.csv'";
    folder.succeed(&["sql", &format!("COPY ({orders}) TO 'orders.parquet'")]);
    folder.succeed(&[
        "sql",
        "CREATE MODEL big OPTIONS (model_type = 'linear_reg', input_label_cols = ['large'], target_col = 'spent',
           data_split_col = 'part_of', time_col = 'ordered_at')
         AS SELECT * FROM 'orders.parquet'",
    ]);
    let (said, html) = report(&folder, &["--model", "big", "--on", "orders.parquet", "--horizon", "7200"]);
    assert!(said.starts_with("big beats guessing on the test rows"), "{said}");
    for text in [
        "id=\"timeline",
        "Score of big",
        "The highest-scored stretches of false alerts",
        "By hour of the day",
        "validation rows",
    ] {
        assert!(html.contains(text), "{text} is missing");
    }
}

#[test]
fn without_arguments_it_is_the_default_projects_report() {
    let folder = Folder::with_ticks();
    folder.succeed(&["train"]);
    let (said, html) = report(&folder, &[]);
    assert!(said.contains("the naive rule"), "{said}");
    for text in
        ["Label spike", "midprice, USD", "naive_volatility", "By the score of naive_volatility", "Horizon</dt><dd>60 s"]
    {
        assert!(html.contains(text), "{text} is missing");
    }
    let (_, same) = report(&folder, &["--on", "spike_training"]);
    let verdict =
        |html: &str| html.split("<dl class=\"tiles\">").nth(1).unwrap().split("</dl>").next().unwrap().to_string();
    assert_eq!(verdict(&html), verdict(&same), "there is one way to make it");
}
