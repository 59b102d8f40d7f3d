//! The session in which the documentation's examples run: what `docs/models.md` tells the reader to type.

use std::path::Path;

use squall::catalog::{Options, Session};
use tempfile::TempDir;

/// Returns the code blocks of `docs/models.md` in one language.
pub fn blocks(language: &str) -> Vec<String> {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/models.md")).unwrap();
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_string()).collect()
}

/// Opens a session over an empty folder.
pub async fn empty(folder: &TempDir) -> Session {
    let options = Options {
        ticks_dir: folder.path().join("ticks"),
        tables_dir: folder.path().join("tables"),
        models_dir: folder.path().join("models"),
        threads: 2,
        batch_size: 8192,
        memory_limit_mb: 0,
        rolling: true,
    };
    Session::open(options).await.unwrap()
}

/// Opens a session with the table `weather` and the model `calm_or_wild`.
pub async fn session(folder: &TempDir) -> Session {
    let session = empty(folder).await;
    for statement in &blocks("sql")[..2] {
        let frame = session.sql(statement.trim()).await.unwrap_or_else(|error| panic!("{statement}\n{error:?}"));
        frame.collect().await.unwrap();
    }
    session
}
