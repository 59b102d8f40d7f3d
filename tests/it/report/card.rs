//! `squall report card`: both forms, what they say, and what is refused.

use crate::model::commands::Folder;

fn read(folder: &Folder, file: &str) -> String {
    std::fs::read_to_string(folder.path().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn a_card_says_everything_about_a_model_in_both_forms() {
    let folder = Folder::with_ticks();
    folder.succeed(&["run", "+spike_training"]);
    folder.succeed(&["train"]);
    folder.succeed(&[
        "evaluate",
        "--protocol",
        "walk_forward",
        "--blocks",
        "4",
        "--train-blocks",
        "2",
        "--embargo-s",
        "0",
        "--out",
        "folds.parquet",
    ]);
    let printed = folder.succeed(&[
        "report",
        "card",
        "--model",
        "spike_logistic",
        "--folds",
        "folds.parquet",
        "--out",
        "card.html",
    ]);
    assert!(printed.starts_with("spike_logistic@1: ") && printed.ends_with("card.html\ncard.md\n"), "{printed}");
    let (html, markdown) = (read(&folder, "card.html"), read(&folder, "card.md"));
    for text in [
        "What it is for",
        "The data and its holes",
        "Rows left out",
        "Ticks by product",
        "Features",
        "ln(greatest(features.rv_60s, 1e-5))",
        "Label and tau",
        "How it was judged",
        "Beside the rules",
        "naive_volatility",
        "Walk-forward validation",
        "spike_logistic fold by fold",
        "Weights and importance",
        "Limits",
        "How to reproduce it",
        "squall train spike_logistic",
        "CREATE OR REPLACE MODEL spike_logistic",
    ] {
        assert!(html.contains(text) || html.contains(&text.replace('\'', "&#x27;")), "the HTML lacks {text}");
        assert!(markdown.contains(text), "the Markdown lacks {text}:\n{markdown}");
    }
    assert!(html.len() < super::LARGEST, "{} bytes", html.len());
    assert!(!markdown.contains("NaN") && !markdown.contains("<script"), "{markdown}");
    // Each table of the Markdown has as many cells in each row as headings.
    let mut width = None;
    for line in markdown.lines() {
        let cells = line.starts_with('|').then(|| line.replace("\\|", "").matches('|').count());
        assert!(width.is_none() || cells.is_none() || width == cells, "{line}");
        width = cells;
    }
    let printed = folder.succeed(&["report", "card", "--model", "spike_logistic@1", "--out", "only.md"]);
    assert!(printed.ends_with("only.md\n") && !folder.path().join("only.html").exists(), "{printed}");
    assert!(!read(&folder, "only.md").contains("Walk-forward validation"));
    let (success, _, stderr) = folder.squall(&["report", "card", "--model", "spike_logistik"]);
    assert!(!success && stderr.contains("did you mean `spike_logistic`?"), "{stderr}");
    let (success, _, stderr) = folder.squall(&["report", "card", "--model", "spike_logistic@9"]);
    assert!(!success && stderr.contains("has no version 9"), "{stderr}");
    let (success, _, stderr) =
        folder.squall(&["report", "card", "--model", "spike_logistic", "--folds", "none.parquet"]);
    assert!(!success && stderr.contains("--folds names none.parquet, which does not exist"), "{stderr}");
    assert!(
        stderr.contains("Hint: `squall evaluate --protocol walk_forward --out none.parquet` writes it"),
        "{stderr}"
    );
}

/// A model of anything, trained on all of its rows: the card says only what holds of it, and no more than the evaluation says.
#[test]
fn a_card_of_another_model_says_nothing_about_markets() {
    let folder = Folder::new();
    folder.succeed(&["sql", "COPY (SELECT sin(value * 1.3) AS a, cos(value * 2.1) AS b, value % 7 AS c, CAST(sin(value * 1.3) + sin(value * 9.1) > 0.4 AS INT) AS y, CAST(value % 5 = 0 AS INT) AS z FROM generate_series(1, 900)) TO 'rows.parquet'"]);
    for (name, columns, label) in [("m", "a, b, y", "y"), ("wider", "a, c, y", "y"), ("other", "a, z", "z")] {
        let options = format!("OPTIONS (model_type = 'logistic_reg', input_label_cols = ['{label}'])");
        folder.succeed(&["sql", &format!("CREATE MODEL {name} {options} AS SELECT {columns} FROM 'rows.parquet'")]);
    }
    let card = |on: &str| {
        let printed = folder.succeed(&["report", "card", "--model", "m", "--on", on, "--out", "card.html"]);
        let evaluated = folder.succeed(&["report", "eval", "--model", "m", "--on", on, "--out", "eval.html"]);
        let said = printed.lines().next().unwrap().strip_prefix("m@1: ").unwrap();
        assert_eq!(Some(said), evaluated.lines().next());
        (said.to_string(), read(&folder, "card.md"))
    };
    // Models with other columns of the same rows stand beside it, and those of another label do not.
    let (said, markdown) = card("'rows.parquet'");
    assert!(said.starts_with("How good m is, cannot be told: it learned from 'rows.parquet'"), "{said}");
    assert!(markdown.contains("those from which it learned") && markdown.contains("| wider | model |"), "{markdown}");
    assert!(!markdown.contains("| other |") && markdown.contains("2 models were compared"), "{markdown}");
    for hollow in [
        "–.",
        "Tau",
        "volatility",
        "spike",
        "market",
        "from – to",
        "1 models",
        "1 variants",
        "0 episodes",
        "is the baseline",
        "in order of time",
    ] {
        assert!(!markdown.contains(hollow), "{hollow}:\n{markdown}");
    }
    // Rows from elsewhere judge it too; one that lacks a column of another model leaves that model out.
    folder.succeed(&["sql", "COPY (SELECT a, b, y FROM 'rows.parquet' WHERE b > 0) TO 'new.parquet'"]);
    let (said, markdown) = card("new.parquet");
    assert!(said.starts_with("m beats guessing on the given rows"), "{said}");
    assert!(!markdown.contains("wider"), "{markdown}");
    // A query of several lines stays code.
    card("SELECT *\n-- a remark\nFROM 'new.parquet'");
    let markdown = read(&folder, "card.md");
    let code = markdown.split("```").nth(1).unwrap();
    assert!(code.contains("squall report card --model m --on \"SELECT *\n-- a remark\nFROM"), "{code}");
}
