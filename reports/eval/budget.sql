-- What alerting on the highest-scored share of the test rows would give.
WITH ranked AS (
    SELECT score, spike,
           row_number() OVER (ORDER BY score DESC) AS place,
           count(*) OVER () AS all_rows,
           count(*) FILTER (WHERE spike) OVER () AS all_positives
    FROM spike_scores
    WHERE model = $model AND split = 'test' AND spike IS NOT NULL AND score BETWEEN 0 AND 1
),
shares AS (
    SELECT column1 AS share FROM (VALUES (0.01), (0.02), (0.05), (0.10), (0.20), (0.50))
)
SELECT share,
       count(*) AS alerts,
       min(score) AS lowest_score,
       count(*) FILTER (WHERE spike) AS hits,
       avg(CASE WHEN spike THEN 1.0 ELSE 0.0 END) AS "precision",
       CAST(count(*) FILTER (WHERE spike) AS DOUBLE) / nullif(max(all_positives), 0) AS recall
FROM ranked JOIN shares ON place <= share * all_rows
GROUP BY share
ORDER BY share
