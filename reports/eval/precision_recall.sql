-- Precision and recall at every distinct score of the test split, thinned to 300 steps of recall.
WITH levels AS (
    SELECT model, score, count(*) AS rows, count(*) FILTER (WHERE spike) AS positives
    FROM spike_scores
    WHERE split = 'test' AND spike IS NOT NULL AND score BETWEEN 0 AND 1
    GROUP BY model, score
),
running AS (
    SELECT model,
           sum(rows) OVER (PARTITION BY model ORDER BY score DESC) AS alerts,
           sum(positives) OVER (PARTITION BY model ORDER BY score DESC) AS hits,
           sum(positives) OVER (PARTITION BY model) AS all_positives
    FROM levels
),
curve AS (
    SELECT model,
           CAST(hits AS DOUBLE) / all_positives AS recall,
           CAST(hits AS DOUBLE) / alerts AS "precision"
    FROM running
    WHERE all_positives > 0
)
SELECT model,
       max(recall) AS recall,
       min("precision") AS low,
       max("precision") AS high
FROM curve
GROUP BY model, CAST(recall * 300 AS BIGINT)
ORDER BY model, recall
