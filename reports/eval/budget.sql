-- What alerting on the highest-scored share of the judged rows would give. Rows with the same score alert together, as at a threshold.
WITH ranked AS (
    SELECT $score AS score, label,
           rank() OVER (ORDER BY $score DESC) AS place,
           count(*) OVER () AS all_rows,
           count(*) FILTER (WHERE label) OVER () AS all_positives
    FROM $rows
    WHERE split = $split AND label IS NOT NULL AND $score IS NOT NULL
),
shares AS (
    SELECT column1 AS share FROM (VALUES (0.01), (0.02), (0.05), (0.10), (0.20), (0.50))
)
SELECT share,
       count(*) AS alerts,
       min(score) AS lowest_score,
       count(*) FILTER (WHERE label) AS hits,
       avg(CASE WHEN label THEN 1.0 ELSE 0.0 END) AS "precision",
       CAST(count(*) FILTER (WHERE label) AS DOUBLE) / nullif(max(all_positives), 0) AS recall
FROM ranked JOIN shares ON place <= share * all_rows
GROUP BY share
ORDER BY share
