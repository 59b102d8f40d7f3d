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
}
