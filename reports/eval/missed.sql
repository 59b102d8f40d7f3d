-- Episodes without an alert at any of their rows. Those with the most positive rows come first.
WITH positives AS (
    SELECT part, time, $score AS score,
           CASE WHEN CAST(time AS BIGINT) - lag(CAST(time AS BIGINT)) OVER (PARTITION BY part ORDER BY time) < $horizon_s * 1000000000 THEN 0 ELSE 1 END AS starts
    FROM $rows
    WHERE split = $split AND time IS NOT NULL AND label AND $score IS NOT NULL
),
numbered AS (SELECT *, sum(starts) OVER (PARTITION BY part ORDER BY time) AS number FROM positives)
SELECT part, min(time) AS first_time, max(time) AS last_time, count(*) AS rows, max(score) AS highest_score
FROM numbered
GROUP BY part, number
HAVING max(score) < $threshold
ORDER BY rows DESC, first_time
LIMIT 10
