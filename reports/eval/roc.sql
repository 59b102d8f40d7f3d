-- True against false positive rate at every distinct score of the test split, thinned to 300 steps.
WITH levels AS (
    SELECT model, score, count(*) AS rows, count(*) FILTER (WHERE spike) AS positives
    FROM spike_scores
    WHERE split = 'test' AND spike IS NOT NULL AND score BETWEEN 0 AND 1
    GROUP BY model, score
),
running AS (
    SELECT model,
           sum(rows - positives) OVER (PARTITION BY model ORDER BY score DESC) AS false_alarms,
           sum(positives) OVER (PARTITION BY model ORDER BY score DESC) AS hits,
           sum(rows - positives) OVER (PARTITION BY model) AS all_negatives,
           sum(positives) OVER (PARTITION BY model) AS all_positives
    FROM levels
),
curve AS (
    SELECT model,
           CAST(false_alarms AS DOUBLE) / all_negatives AS false_positive_rate,
           CAST(hits AS DOUBLE) / all_positives AS true_positive_rate
    FROM running
    WHERE all_positives > 0 AND all_negatives > 0
)
SELECT model,
       min(false_positive_rate) AS first_rate,
       max(false_positive_rate) AS last_rate,
       min(true_positive_rate) AS low,
       max(true_positive_rate) AS high
FROM curve
GROUP BY model, CAST(false_positive_rate * 150 AS BIGINT), CAST(true_positive_rate * 150 AS BIGINT)
ORDER BY model, first_rate, low
