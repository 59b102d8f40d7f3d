//! The statement that joins scores with what happened.
//!
//! In: the files of a query's rows, and the relation of a label. Out: one row a line, with what happened beside what the scores alone
//! make one expect. The expected figures are those of CBPE (NannyML 0.13, `estimate_ap` and the expected confusion matrix): each score
//! counts as the probability that its row is an event. Rows of equal scores stand at one place, as in scikit-learn's average precision.

use std::path::Path;
use std::time::Duration;

use super::Asked;
use crate::live::sink::Kept;
use crate::text::{identifier, literal};

/// The columns that name the models of a row, and their versions. Rows that no model has scored do not have them.
pub const MODELS: [&str; 2] = ["model", "model_version"];

/// Which rows make a line; rows of different models or versions never do.
#[derive(Debug, Clone, Copy)]
pub enum Lines {
    /// Those of a product in a span of time.
    Spans(Duration),
    /// All rows from an instant on, in nanoseconds since 1970.
    Since(i64),
}

/// Returns the files of a query's rows in a folder, as a table in SQL.
pub fn files(dir: &Path, query: &str) -> String {
    literal(&dir.join(format!("{query}-*.parquet")).display().to_string())
}

/// Returns an instant in nanoseconds since 1970 as SQL.
pub fn instant(ns: i64) -> String {
    format!("arrow_cast({ns}, 'Timestamp(ns, \"UTC\")')")
}

/// Returns the statement over the rows that a folder holds of a query; `rows` and `labels` are the relations of these rows and of the
/// label, as SQL.
pub fn statement(asked: &Asked, kept: &Kept, [rows, labels]: [&str; 2], lines: Lines) -> String {
    let Asked { event, score, threshold, horizon, .. } = asked;
    let models = MODELS.into_iter().filter(|name| kept.has(name));
    let (mut keys, from, by) = match lines {
        Lines::Spans(span) => {
            let since = format!("date_bin(INTERVAL '{} seconds', ts) AS since, ", span.as_secs().max(1));
            (vec!["since", "product_id"], String::new(), since)
        }
        Lines::Since(ns) => {
            let query = format!("{} AS query, ", literal(&kept.query));
            (vec!["query"], format!(" WHERE ts >= {}", instant(ns)), query)
        }
    };
    let columns: String = models.clone().map(|name| format!("CAST({name} AS VARCHAR) AS {name}, ")).collect();
    keys.extend(models);
    let same = keys.iter().map(|key| format!("l.{key} IS NOT DISTINCT FROM e.{key}")).collect::<Vec<_>>().join(" AND ");
    let order = keys.iter().map(|key| format!("l.{key}")).collect::<Vec<_>>().join(", ");
    let keys = keys.join(", ");
    let horizon = horizon.map_or(String::new(), |horizon| format!(", {}", horizon.as_secs()));
    let score = identifier(score);
    format!(
        "WITH labels AS (SELECT product_id, ts, ({event}\n) AS happened FROM {labels}), \
         scores AS (SELECT product_id, ts, {columns}{by}CAST({score} AS DOUBLE) AS score FROM {rows}{from}), \
         joined AS (SELECT s.*, l.happened FROM scores AS s LEFT JOIN labels AS l ON l.product_id = s.product_id AND l.ts = s.ts), \
         ranked AS (SELECT *, sum(score) OVER above AS hits, count(score) OVER above AS place FROM joined \
         WINDOW above AS (PARTITION BY {keys} ORDER BY score DESC NULLS LAST)), \
         episodes AS (SELECT {keys}, sum(found['episodes']) AS episodes, sum(found['caught']) AS caught FROM (SELECT {keys}, \
         product_id AS product, episode_metrics(happened, score, ts, {threshold:?}{horizon}) AS found FROM joined \
         GROUP BY {keys}, product) GROUP BY {keys}), \
         lines AS (SELECT {keys}, count(*) AS rows, count(happened) AS known, min(score) >= 0 AND max(score) <= 1 AS are_shares, \
         avg(score) FILTER (WHERE happened IS NOT NULL) AS expected, avg(CAST(happened AS INT)) AS happened, \
         average_precision(happened, score) AS average_precision, brier_score(happened, score) AS brier, \
         precision_at(happened, score, {threshold:?}) AS alert_precision, recall_at(happened, score, {threshold:?}) AS alert_recall, \
         sum(score * hits / nullif(place, 0)) / nullif(sum(score), 0) AS expected_ap, avg(score * (1 - score)) AS expected_bs, \
         avg(score) FILTER (WHERE score >= {threshold:?}) AS expected_precision, \
         coalesce(sum(score) FILTER (WHERE score >= {threshold:?}), 0) / nullif(sum(score), 0) AS expected_recall \
         FROM ranked GROUP BY {keys}) \
         SELECT {order}, rows, known, expected, happened, average_precision, \
         CASE WHEN are_shares THEN expected_ap END AS expected_average_precision, \
         brier, CASE WHEN are_shares THEN expected_bs END AS expected_brier, \
         alert_precision, CASE WHEN are_shares THEN expected_precision END AS expected_alert_precision, \
         alert_recall, CASE WHEN are_shares THEN expected_recall END AS expected_alert_recall, episodes, caught \
         FROM lines AS l JOIN episodes AS e ON {same} ORDER BY {order}",
    )
}
