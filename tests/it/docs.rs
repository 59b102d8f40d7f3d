//! Generated documentation matches the code, and links in documents lead somewhere.

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_command_line_reference_is_what_the_program_says() {
    let path = root().join("docs/cli.md");
    let page = squall::cli::reference();
    if std::env::var_os("SQUALL_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/cli.md is stale: SQUALL_BLESS=1 cargo test --test it docs:: rewrites it");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut pages = markdown_files(&root().join("docs"));
    pages.extend(["README.md", "CHANGELOG.md"].map(|name| root().join(name)).into_iter().filter(|page| page.exists()));
    assert!(pages.len() >= 3, "{pages:?}");
    let mut broken = Vec::new();
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for target in links(&text) {
            let file = target.split('#').next().unwrap_or_default();
            let elsewhere = target.contains("://") || target.starts_with("mailto:");
            if !elsewhere && !file.is_empty() && !page.parent().unwrap().join(file).exists() {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn links_are_found() {
    let text = "see [a](one.md), ![b](two.png#x) and `[c](code)`\n\n    [d](indented)\n\n```\n[e](fenced)\n```\n[f](https://x.y)";
    assert_eq!(links(text), ["one.md", "two.png#x", "https://x.y"]);
}

/// Returns the targets of Markdown links outside code.
fn links(text: &str) -> Vec<&str> {
    let mut targets = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced || line.starts_with("    ") {
            continue;
        }
        // Every other part between backquotes is code.
        for prose in line.split('`').step_by(2) {
            let parts = prose.split("](").skip(1);
            targets.extend(parts.filter_map(|part| part.split_once(')')).map(|(target, _)| target));
        }
    }
    targets
}

fn markdown_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}
