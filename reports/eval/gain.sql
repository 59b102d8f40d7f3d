-- The share of the positive rows that the highest-scored share of the rows holds. Rows with the same score are taken together. Of the
-- points in each percent of the rows, the last one.
SELECT $model AS model, max(taken) / max(all_rows) AS share, max(reached) / nullif(max(all_positives), 0) AS reached
FROM (
    SELECT sum(rows) OVER (ORDER BY score DESC) AS taken, sum(hits) OVER (ORDER BY score DESC) AS reached,
           sum(rows) OVER () AS all_rows, sum(hits) OVER () AS all_positives
    FROM (
        SELECT $score AS score, CAST(count(*) AS DOUBLE) AS rows, CAST(count(*) FILTER (WHERE label) AS DOUBLE) AS hits
        FROM $rows
        WHERE split = $split AND label IS NOT NULL AND $score IS NOT NULL
        GROUP BY $score
    )
)
GROUP BY ceil(100 * taken / all_rows)
