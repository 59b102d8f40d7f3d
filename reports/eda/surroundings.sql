-- Spread and ticks in steps of 10 s around the first spike row of each episode, from 5 minutes before to 5 minutes after. Steps without a
-- tick are left out.
WITH bins AS (
    SELECT product_id, CAST(floor(CAST(CAST(ts AS BIGINT) AS DOUBLE) / 10e9) AS BIGINT) AS bin, count(*) AS ticks,
           avg((best_ask - best_bid) / (best_bid + best_ask)) * 20000 AS spread_bp
    FROM ticks
    WHERE product_id IN ($products) AND best_bid > 0
    GROUP BY product_id, bin
),
onsets AS (
    SELECT product_id, CAST(floor(CAST(ns AS DOUBLE) / 10e9) AS BIGINT) AS bin
    FROM (SELECT product_id, CAST(ts AS BIGINT) AS ns, lag(CAST(ts AS BIGINT)) OVER (PARTITION BY product_id ORDER BY ts) AS before
          FROM $rows WHERE spike) AS spikes
    WHERE before IS NULL OR ns - before >= $horizon_s * 1000000000
),
moments AS (
    SELECT product_id, CAST(value AS BIGINT) AS step, bin + CAST(value AS BIGINT) AS bin
    FROM onsets
    CROSS JOIN generate_series(-30, 29) AS steps(value)
)
SELECT step * 10 AS seconds, count(*) AS episodes, avg(ticks) AS ticks, stddev_samp(ticks) / sqrt(count(*)) AS ticks_error,
       avg(spread_bp) AS spread_bp, stddev_samp(spread_bp) / sqrt(count(*)) AS spread_error,
       (SELECT avg(ticks) FROM bins) AS usual_ticks, (SELECT avg(spread_bp) FROM bins) AS usual_spread_bp
FROM moments
JOIN bins ON bins.product_id = moments.product_id AND bins.bin = moments.bin
GROUP BY step
ORDER BY step
