-- A silence is a time of more than $silence_s s without a tick of the product.
WITH steps AS (
    SELECT product_id, ts,
           CAST(CAST(ts - lag(ts) OVER (PARTITION BY product_id ORDER BY ts) AS BIGINT) AS DOUBLE) / 1e9 AS step_s
    FROM ticks
)
SELECT product_id, min(ts) AS first_ts, max(ts) AS last_ts, count(*) AS ticks, sum(step_s) / 3600 AS hours,
       count(*) FILTER (WHERE step_s > $silence_s) AS silences,
       sum(step_s) FILTER (WHERE step_s > $silence_s) / 3600 AS silent_hours,
       max(step_s) / 60 AS longest_minutes
FROM steps
GROUP BY product_id
ORDER BY product_id
