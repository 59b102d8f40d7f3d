-- The best precision with which the model and the baseline reach each recall, on the judged rows that both score.
WITH pairs AS (
    SELECT label, $score AS ours, $baseline AS theirs
    FROM $rows
    WHERE split = $split AND label IS NOT NULL AND $score IS NOT NULL AND $baseline IS NOT NULL
),
points AS (
    SELECT 'ours' AS line, point['recall'] AS recall, point['precision'] AS "precision"
    FROM (SELECT unnest(pr_curve(label, ours, 1000)) AS point FROM pairs)
    UNION ALL
    SELECT 'theirs', point['recall'], point['precision']
    FROM (SELECT unnest(pr_curve(label, theirs, 1000)) AS point FROM pairs)
),
grid AS (SELECT CAST(value AS DOUBLE) / 100 AS reached FROM generate_series(1, 100))
SELECT reached AS recall,
       max("precision") FILTER (WHERE line = 'ours') AS ours,
       max("precision") FILTER (WHERE line = 'theirs') AS theirs
FROM grid JOIN points ON recall >= reached - 1e-12
GROUP BY reached
ORDER BY reached
