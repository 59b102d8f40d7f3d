//! Features that are not plain numbers: BOOLEAN, VARCHAR, dictionaries and DECIMAL; and odd names of features.

use std::process::Command;

use squall::catalog::Session;
use squall::error::Hint;
use squall::model::Registry;
use tempfile::TempDir;

use super::weather;
use crate::slt::rows;

/// 300 rows; the label depends on the side and on a flag. Of the training rows, none has the side `other`.
const TRAINING: &str = "CREATE TABLE training AS
    SELECT CASE value % 3 WHEN 0 THEN 'buy' WHEN 1 THEN 'sell' ELSE CASE WHEN value > 250 THEN 'other' ELSE 'wait' END END AS side,
        value % 5 = 0 AS flag, CAST(value % 7 AS DECIMAL(10, 2)) / 10 AS price, value % 11 AS number,
        CASE WHEN value <= 200 THEN 'train' ELSE 'test' END AS split,
        (value % 3 = 0 AND value % 13 < 9) OR (value % 5 = 0 AND value % 2 = 0) AS spike
    FROM generate_series(1, 300)";

async fn session(folder: &TempDir) -> Session {
    let session = weather::empty(folder).await;
    session.sql(TRAINING).await.unwrap().collect().await.unwrap();
    session
}

async fn text(session: &Session, sql: &str) -> Vec<String> {
    let batches = session.sql(sql).await.unwrap().collect().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows(&batches).iter().map(|row| row.join(" | ")).collect()
}

async fn failure(session: &Session, sql: &str) -> String {
    let error = match session.sql(sql).await {
        Ok(frame) => squall::catalog::Error::from(frame.collect().await.unwrap_err()),
        Err(error) => error,
    };
    format!("{} ({})", squall::error::with_causes(&error), error.hint().unwrap_or_default())
}

fn create(name: &str, query: &str) -> String {
    format!(
        "CREATE MODEL {name} OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike'], data_split_col = 'split') AS {query}"
    )
}

#[tokio::test]
async fn texts_are_encoded_by_the_categories_of_the_training_rows() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    session.sql(&create("mixed", "SELECT side, flag, price, number, split, spike FROM training")).await.unwrap();
    let weights = text(&session, "SELECT feature FROM ml_weights('mixed')").await;
    assert_eq!(weights, ["side=buy", "side=sell", "side=wait", "flag", "price", "number", "__INTERCEPT__"]);
    let model = Registry::new(folder.path().join("models")).load("mixed").unwrap();
    assert_eq!(model.format, 2);
    // The same model on columns that were encoded by hand.
    let by_hand = "SELECT CAST(side = 'buy' AS INT) AS \"side=buy\", CAST(side = 'sell' AS INT) AS \"side=sell\",
        CAST(side = 'wait' AS INT) AS \"side=wait\", CAST(flag AS DOUBLE) AS flag, CAST(price AS DOUBLE) AS price, number, split, spike
        FROM training";
    session.sql(&create("by_hand", by_hand)).await.unwrap();
    let same = format!(
        "SELECT (SELECT array_agg(score ORDER BY score) FROM ml_predict('mixed', 'training'))
            = (SELECT array_agg(score ORDER BY score) FROM ml_predict('by_hand', '{}'))",
        by_hand.replace('\'', "''")
    );
    assert_eq!(text(&session, &same).await, ["true"], "a category that training did not see gives 0 in each feature");
    assert_eq!(Registry::new(folder.path().join("models")).load("by_hand").unwrap().format, 1);
    // ml_score takes the columns of the query; a dictionary is a text too, and NULL has no score.
    let scored =
        "SELECT bool_and(score = ml_score('mixed', arrow_cast(side, 'Dictionary(Int32, Utf8)'), flag, price, number))
        FROM ml_predict('mixed', 'training')";
    assert_eq!(text(&session, scored).await, ["true"]);
    assert_eq!(text(&session, "SELECT ml_score('mixed', NULL, true, 1, 1)").await, ["NULL"]);
    let importance = "SELECT feature FROM ml_feature_importance('mixed', 'SELECT * FROM training WHERE split = ''test''') ORDER BY rank LIMIT 1";
    assert_eq!(text(&session, importance).await, ["side"]);
    let explained = "SELECT top_feature_attributions[1]['feature'] FROM ml_explain_predict('mixed', 'SELECT * FROM training WHERE side = ''buy'' LIMIT 1', 1)";
    assert_eq!(text(&session, explained).await, ["side"]);
    let number =
        failure(&session, "SELECT * FROM ml_predict('mixed', 'SELECT 1 AS side, flag, price, number FROM training')")
            .await;
    assert!(number.contains("learned from text `side`, but `side`"), "{number}");
    let number = failure(&session, "SELECT ml_score('mixed', 1, true, 1, 1)").await;
    assert!(number.contains("learned from text `side`"), "{number}");
    let text_given = failure(&session, "SELECT ml_score('mixed', 'buy', true, 'one', 1)").await;
    assert!(text_given.contains("learned from a number `price`"), "{text_given}");
}

#[tokio::test]
async fn a_dictionary_trains_as_its_values_and_a_time_is_refused() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let query = "SELECT arrow_cast(side, 'Dictionary(Int32, Utf8)') AS side, arrow_cast(number, 'Dictionary(Int32, Int64)') AS number,
        arrow_cast(split, 'Dictionary(Int8, Utf8)') AS split, spike FROM training";
    session.sql(&create("coded", query)).await.unwrap();
    session.sql(&create("plain", "SELECT side, number, split, spike FROM training")).await.unwrap();
    let weights = |name: &str| format!("SELECT feature, weight, mean, scale FROM ml_weights('{name}')");
    assert_eq!(text(&session, &weights("coded")).await, text(&session, &weights("plain")).await);
    let metrics = |name: &str| format!("SELECT split, rows, average_precision FROM ml_evaluate('{name}')");
    assert_eq!(text(&session, &metrics("coded")).await, text(&session, &metrics("plain")).await);
    let time =
        failure(&session, &create("timed", "SELECT to_timestamp(number) AS ts, split, spike FROM training")).await;
    assert!(time.contains("but a feature is a number, BOOLEAN or VARCHAR"), "{time}");
    let time = "SELECT * FROM ml_predict('plain', 'SELECT side, to_timestamp(number) AS number FROM training')";
    let time = failure(&session, time).await;
    assert!(time.contains("learned from a number `number`, but `number`"), "{time}");
}

#[tokio::test]
async fn too_many_categories_and_names_that_collide_are_refused_at_training() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let many = failure(&session, &create("many", "SELECT CAST(100000 + number * 31 + CAST(price * 10 AS BIGINT) AS VARCHAR) AS code, split, spike FROM training UNION ALL SELECT CAST(value AS VARCHAR), 'train', true FROM generate_series(1, 101)")).await;
    assert!(
        many.contains("feature `code` has more than 100 different texts") && many.contains("group rare ones"),
        "{many}"
    );
    let twice = failure(&session, &create("twice", "SELECT side, 1 AS \"side=buy\", split, spike FROM training")).await;
    assert!(twice.contains("the features have the name `side=buy` twice"), "{twice}");
    for (query, role) in [
        ("SELECT number AS score, split, spike FROM training", "a feature"),
        ("SELECT number, split, spike AS score FROM training", "the label"),
    ] {
        let sql =
            create("scored", query).replace("['spike']", if role == "the label" { "['score']" } else { "['spike']" });
        let error = failure(&session, &sql).await;
        assert!(error.contains(&format!("{role} cannot be named `score`")), "{error}");
    }
}

#[tokio::test]
async fn features_may_have_any_other_name() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    let names = ["two words", "quo\"te", "it's", "a/b", "../up", "Ümlaut", "label", "ts", "product", "__INTERCEPT__ "];
    let columns: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(place, name)| format!("number * {} % 13 AS {}", place + 2, squall::text::identifier(name)))
        .collect();
    let query = format!("SELECT {}, split, spike FROM training", columns.join(", "));
    session.sql(&create("named", &query)).await.unwrap();
    let relation = query.replace('\'', "''");
    for sql in [
        format!("SELECT count(score) = 300 FROM ml_predict('named', '{relation}')"),
        format!("SELECT average_precision > 0 FROM ml_evaluate('named', '{relation}', 'split') WHERE split = 'test'"),
        format!("SELECT count(*) = 10 FROM ml_feature_importance('named', '{relation}', 1)"),
        format!("SELECT count(prediction_value) = 300 FROM ml_explain_predict('named', '{relation}')"),
        format!("SELECT count(*) > 0 FROM ml_threshold_sweep('named', '{relation}')"),
        "SELECT count(*) = 11 FROM ml_weights('named')".to_string(),
        "SELECT count(*) > 20 FROM ml_training_info('named')".to_string(),
    ] {
        assert_eq!(text(&session, &sql).await, ["true"], "{sql}");
    }
}

/// The Python file that MLflow loads gives squall's own scores; without numpy, nothing is checked.
#[tokio::test]
async fn python_scores_an_encoded_model_as_squall_does() {
    let folder = TempDir::new().unwrap();
    let session = session(&folder).await;
    session.sql(&create("mixed", "SELECT side, flag, price, number, split, spike FROM training")).await.unwrap();
    let found = text(
        &session,
        "SELECT side, flag, CAST(price AS DOUBLE), number, score FROM ml_predict('mixed', 'SELECT * FROM training WHERE number = 3')",
    )
    .await;
    let python = "import json, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
try:
    import numpy
except ImportError:
    sys.exit(77)
import squall_model
rows = [line.split(' | ') for line in sys.stdin.read().splitlines()]
model = squall_model.SquallModel(json.load(open(sys.argv[2])))
scores = model.predict({'side': [row[0] for row in rows], 'flag': [row[1] == 'true' for row in rows],
    'price': [float(row[2]) for row in rows], 'number': [int(row[3]) for row in rows]})
assert len(rows) > 10 and max(abs(score - float(row[4])) for score, row in zip(scores, rows)) < 1e-15
missing = model.predict({'side': [None], 'flag': [True], 'price': [1.0], 'number': [1]})
assert numpy.isnan(missing).all()
";
    let root = env!("CARGO_MANIFEST_DIR");
    let model = folder.path().join("models/mixed/1/model.json");
    let python3 = std::env::var("SQUALL_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let started = Command::new(python3)
        .args(["-c", python, &format!("{root}/src/track")])
        .arg(model)
        .stdin(std::process::Stdio::piped())
        .spawn();
    let Ok(mut child) = started else {
        eprintln!("skipped: there is no python3");
        return;
    };
    use std::io::Write;
    child.stdin.take().unwrap().write_all(found.join("\n").as_bytes()).unwrap();
    let status = child.wait().unwrap();
    if status.code() == Some(77) {
        eprintln!("skipped: python3 has no numpy; SQUALL_TEST_PYTHON names another interpreter");
        return;
    }
    assert!(status.success(), "the scores differ");
}
