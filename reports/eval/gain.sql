-- The share of the positive rows that the highest-scored share of the rows holds. Of rows with the same score, the negative come first.
SELECT $model AS model, share, sum(hits) OVER (ORDER BY share) / nullif(sum(hits) OVER (), 0) AS reached
FROM (
    SELECT share, CAST(count(*) FILTER (WHERE label) AS DOUBLE) AS hits
    FROM (
        SELECT label, ceil(100.0 * row_number() OVER (ORDER BY $score DESC, label) / count(*) OVER ()) / 100 AS share
        FROM $rows
        WHERE split = $split AND label IS NOT NULL AND $score IS NOT NULL
    )
    GROUP BY share
)
