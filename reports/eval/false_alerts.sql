-- Rows that alert less than $horizon_s s apart are one stretch of alerts, however many alerts of $horizon_s s it holds. Of those without a positive row, the
-- highest scores come first.
WITH alerts AS (
    SELECT part, time, label, $score AS score,
           CASE WHEN CAST(time AS BIGINT) - lag(CAST(time AS BIGINT)) OVER (PARTITION BY part ORDER BY time) < $horizon_s * 1000000000 THEN 0 ELSE 1 END AS starts
    FROM $rows
    WHERE split = $split AND time IS NOT NULL AND label IS NOT NULL AND $score >= $threshold
),
numbered AS (SELECT *, sum(starts) OVER (PARTITION BY part ORDER BY time) AS number FROM alerts)
SELECT part, min(time) AS first_time, max(time) AS last_time, count(*) AS rows, max(score) AS highest_score
FROM numbered
GROUP BY part, number
HAVING NOT bool_or(label)
ORDER BY highest_score DESC, first_time
LIMIT 10
