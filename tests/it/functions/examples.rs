//! Every documented example is run, and `docs/functions.md` matches the code.

use std::path::Path;

use squall::catalog::FUNCTIONS;
use squall::functions;

use crate::slt::rows;

#[tokio::test]
async fn every_example_prints_what_it_says() {
    let folder = tempfile::TempDir::new().unwrap();
    let session = crate::model::weather::session(&folder).await;
    let mut wrong = Vec::new();
    for function in FUNCTIONS.documentation() {
        let frame = squall::dialect::run(session.context(), function.example.query).await;
        let batches = match frame {
            Ok(frame) => frame.collect().await,
            Err(error) => Err(error),
        };
        let batches = batches.unwrap_or_else(|error| panic!("the example of {} fails: {error}", function.name));
        let lines: Vec<String> = rows(&batches).iter().map(|row| row.join(" | ")).collect();
        if lines.join("\n") != function.example.output {
            wrong.push(format!("{}:\n{}", function.name, lines.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "examples print something else:\n\n{}", wrong.join("\n\n"));
}

#[test]
fn the_reference_page_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/functions.md");
    let page = functions::markdown(FUNCTIONS);
    if std::env::var_os("SQUALL_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/functions.md is stale: SQUALL_BLESS=1 cargo test --test it functions:: rewrites it");
}
