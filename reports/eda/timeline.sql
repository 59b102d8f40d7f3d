-- The recorded time in 900 steps: the lowest and the highest midprice of all ticks, and current volatility and spikes of the rows that
-- models learn from. Pauses of more than 10 minutes take no room: they start a new stretch.
WITH all_rows AS (
    SELECT ts, (best_bid + best_ask) / 2 AS midprice, CAST(NULL AS DOUBLE) AS vol, CAST(NULL AS BOOLEAN) AS spike
    FROM ticks
    WHERE product_id = $product
    UNION ALL
    SELECT ts, CAST(NULL AS DOUBLE) AS midprice, current_vol AS vol, spike
    FROM $rows
    WHERE product_id = $product
),
paused AS (
    SELECT *, CAST(ts AS BIGINT) AS ns, CAST(ts AS BIGINT) - lag(CAST(ts AS BIGINT)) OVER (ORDER BY ts) AS pause_ns
    FROM all_rows
),
placed AS (
    SELECT *,
           sum(CASE WHEN pause_ns > 600000000000 THEN 1 ELSE 0 END) OVER (ORDER BY ts) AS stretch,
           sum(CASE WHEN pause_ns > 600000000000 THEN 0 ELSE coalesce(pause_ns, 0) END) OVER (ORDER BY ts) AS recorded_ns
    FROM paused
),
stepped AS (
    SELECT *,
           least(CAST(900 * CAST(recorded_ns AS DOUBLE) / greatest(max(recorded_ns) OVER (), 1) AS BIGINT), 899) AS step
    FROM placed
)
SELECT stretch, step, min(ns) AS first_ns, min(midprice) AS lowest_price, max(midprice) AS highest_price,
       min(vol) AS lowest_vol, max(vol) AS highest_vol, count(*) FILTER (WHERE spike) AS spikes
FROM stepped
GROUP BY stretch, step
ORDER BY stretch, step
