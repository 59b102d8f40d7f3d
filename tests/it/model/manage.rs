//! `SHOW MODELS`, `DESCRIBE MODEL`, `DROP MODEL`, `ALTER MODEL`, and models named by an alias.

use squall::catalog::Session;
use squall::error::Hint;
use squall::model::Registry;
use tempfile::TempDir;

use super::weather;
use crate::slt::rows;

async fn all(session: &Session, sql: &str) -> Vec<String> {
    let frame = session.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    rows(&frame.collect().await.unwrap()).into_iter().map(|row| row.join(" | ")).collect()
}

async fn refused(session: &Session, sql: &str) -> String {
    let error = session.sql(sql).await.err().unwrap_or_else(|| panic!("{sql} succeeded"));
    let hint = error.hint().unwrap_or_else(|| panic!("{sql}: {error} has no hint"));
    format!("{error} ({hint})")
}

/// Opens a session with three versions of one model.
async fn three_versions(folder: &TempDir) -> Session {
    let session = weather::session(folder).await;
    let again = weather::blocks("sql")[1].replace("CREATE MODEL", "CREATE OR REPLACE MODEL");
    for _ in 0..2 {
        all(&session, again.trim()).await;
    }
    session
}

#[tokio::test]
async fn models_are_shown_and_described() {
    let folder = TempDir::new().unwrap();
    let session = three_versions(&folder).await;
    all(&session, "ALTER MODEL calm_or_wild SET ALIAS champion VERSION 2").await;
    let shown = all(&session, "SHOW MODELS;").await;
    assert_eq!(shown.len(), 3);
    assert!(
        shown[1].starts_with("calm_or_wild | 2 | false | champion | logistic_reg | storm | wind, pressure"),
        "{shown:?}"
    );
    for reference in ["calm_or_wild@2", "calm_or_wild@champion", "'calm_or_wild@champion'"] {
        let described = all(&session, &format!("DESCRIBE MODEL {reference}")).await;
        for line in [
            "model | calm_or_wild",
            "version | 2",
            "aliases | champion",
            "features | wind, pressure",
            "training_rows | 60",
        ] {
            assert!(described.iter().any(|found| found == line), "{line} in {described:?}");
        }
        assert!(described.iter().any(|found| found.starts_with("sql | CREATE OR REPLACE MODEL")), "{described:?}");
    }
    let error = refused(&session, "DESCRIBE MODEL calm_or_wlid").await;
    assert!(error.contains("did you mean `calm_or_wild`?"), "{error}");
}

#[tokio::test]
async fn an_alias_names_a_version_wherever_a_model_is_named() {
    let folder = TempDir::new().unwrap();
    let session = three_versions(&folder).await;
    all(&session, "ALTER MODEL calm_or_wild SET ALIAS champion VERSION 1").await;
    for sql in [
        "SELECT count(score) FROM ml_predict('calm_or_wild@champion', 'weather')",
        "SELECT count(ml_score('calm_or_wild@champion', wind, pressure)) FROM weather",
        "SELECT count(*) FROM ml_predict_all('weather', 'calm_or_wild@champion') WHERE version = 1",
    ] {
        assert_eq!(all(&session, sql).await, ["60"], "{sql}");
    }
    // The alias moves; another session sees it.
    all(&session, "ALTER MODEL calm_or_wild SET ALIAS Champion").await;
    let models = Registry::new(folder.path().join("models"));
    assert_eq!(models.check("calm_or_wild@CHAMPION").unwrap(), ("calm_or_wild", 3));
    let error = refused(&session, "DESCRIBE MODEL calm_or_wild@challenger").await;
    assert!(error.starts_with("model `calm_or_wild` has no alias `challenger`"), "{error}");
    let error = refused(&session, "ALTER MODEL calm_or_wild SET ALIAS x VERSION 9").await;
    assert!(error.starts_with("model `calm_or_wild` has no version 9; its versions are [1, 2, 3]"), "{error}");
    refused(&session, "ALTER MODEL calm_or_wild SET ALIAS 7").await;
    refused(&session, "ALTER MODEL calm_or_wild DROP ALIAS challenger").await;
    all(&session, "ALTER MODEL calm_or_wild DROP ALIAS champion").await;
    assert!(models.aliases("calm_or_wild").unwrap().is_empty());
}

#[tokio::test]
async fn a_dropped_version_is_gone_and_its_number_is_not_used_again() {
    let folder = TempDir::new().unwrap();
    let session = three_versions(&folder).await;
    all(&session, "ALTER MODEL calm_or_wild SET ALIAS champion").await;
    let error = refused(&session, "DROP MODEL calm_or_wild VERSION 3").await;
    assert!(error.starts_with("version 3 of model `calm_or_wild` has the alias `champion`"), "{error}");
    all(&session, "ALTER MODEL calm_or_wild SET ALIAS champion VERSION 1").await;
    all(&session, "DROP MODEL calm_or_wild VERSION 3").await;
    refused(&session, "DROP MODEL calm_or_wild VERSION 3").await;
    all(&session, "DROP MODEL IF EXISTS calm_or_wild VERSION 3").await;
    let again = weather::blocks("sql")[1].replace("CREATE MODEL", "CREATE OR REPLACE MODEL");
    all(&session, again.trim()).await;
    let versions = all(&session, "SELECT version FROM ml_models() ORDER BY version").await;
    assert_eq!(versions, ["1", "2", "4"]);

    all(&session, "DROP MODEL calm_or_wild").await;
    assert!(all(&session, "SHOW MODELS").await.is_empty());
    assert_eq!(std::fs::read_dir(folder.path().join("models")).unwrap().count(), 0);
    let error = refused(&session, "DROP MODEL calm_or_wild").await;
    assert!(error.starts_with("no model is called `calm_or_wild`"), "{error}");
    all(&session, "DROP MODEL IF EXISTS calm_or_wild").await;
    all(&session, weather::blocks("sql")[1].trim()).await;
    assert_eq!(all(&session, "SELECT version, aliases FROM ml_models()").await, ["1 | NULL"]);
}

#[tokio::test]
async fn a_statement_that_cannot_be_read_says_where_and_how_it_is_written() {
    let folder = TempDir::new().unwrap();
    let session = weather::empty(&folder).await;
    for sql in ["SHOW MODELS now", "DROP MODEL", "ALTER MODEL m SET", "DESCRIBE MODEL", "ALTER MODEL m SET ALIAS 'a/b'"]
    {
        let error = refused(&session, sql).await;
        assert!(error.starts_with("cannot read the statement ("), "{error}");
    }
    // Names that look like a path reach no file.
    refused(&session, "DROP MODEL \"../x\"").await;
    refused(&session, "DESCRIBE MODEL '../x@1'").await;
}
