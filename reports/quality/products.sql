-- Each product's rows by status, and of its ticks (status ok) the steps, quotes and jumps. A silence is a step of over 10 s, as in
-- the table landed_silences. An outlier is a midprice that leaves its neighbours by over 0.5 % and is back at the next tick.
WITH statuses AS (
    SELECT product_id,
           count(*) AS rows,
           count(*) FILTER (WHERE status = 'duplicate') AS duplicates,
           count(*) FILTER (WHERE status = 'late') AS late,
           count(*) FILTER (WHERE status = 'ahead') AS ahead
    FROM landed_ticks
    GROUP BY product_id
),
steps AS (
    SELECT product_id, ts, event_time, best_bid, best_ask, connection,
           (best_bid + best_ask) / 2 AS midprice,
           lag((best_bid + best_ask) / 2) OVER product AS before,
           lead((best_bid + best_ask) / 2) OVER product AS after,
           lag(connection) OVER product AS connection_before,
           lag(ts) OVER product AS previous_ts
    FROM landed_ticks
    WHERE status = 'ok'
    WINDOW product AS (PARTITION BY product_id ORDER BY ts)
),
stepped AS (
    SELECT *, CAST(CAST(ts AS BIGINT) - CAST(previous_ts AS BIGINT) AS DOUBLE) / 1e9 AS step_s
    FROM steps
),
ticks AS (
    SELECT product_id,
           count(*) AS ticks,
           min(ts) AS first_ts,
           max(ts) AS last_ts,
           CAST(CAST(max(ts) AS BIGINT) - CAST(min(ts) AS BIGINT) AS DOUBLE) / 1e9 AS span_s,
           count(*) FILTER (WHERE step_s > 10) AS silences,
           coalesce(sum(step_s) FILTER (WHERE step_s > 10), 0) AS silent_s,
           max(step_s) AS longest_step_s,
           count(*) FILTER (WHERE previous_ts IS NOT NULL AND connection IS DISTINCT FROM connection_before) AS reconnections,
           count(*) FILTER (WHERE best_bid IS NULL OR best_ask IS NULL OR best_bid <= 0) AS unusable,
           count(*) FILTER (WHERE best_bid > best_ask) AS crossed,
           count(*) FILTER (WHERE best_bid = best_ask) AS locked,
           count(*) FILTER (WHERE best_bid > 0 AND before > 0 AND after > 0 AND abs(ln(midprice / before)) > 0.005
                            AND abs(ln(after / before)) < abs(ln(midprice / before)) / 5) AS outliers,
           avg((best_ask - best_bid) / midprice) FILTER (WHERE midprice > 0) * 10000 AS spread_bps,
           min(midprice) AS lowest,
           max(midprice) AS highest
    FROM stepped
    GROUP BY product_id
)
SELECT statuses.product_id, rows, coalesce(ticks, 0) AS ticks, duplicates, late, ahead, first_ts, last_ts, span_s,
       ticks / nullif(span_s - silent_s, 0) AS ticks_per_s, coalesce(silences, 0) AS silences, silent_s, longest_step_s,
       coalesce(reconnections, 0) AS reconnections, coalesce(unusable, 0) AS unusable, coalesce(crossed, 0) AS crossed,
       coalesce(locked, 0) AS locked, coalesce(outliers, 0) AS outliers, spread_bps, lowest, highest
FROM statuses
LEFT JOIN ticks ON ticks.product_id IS NOT DISTINCT FROM statuses.product_id
ORDER BY rows DESC, statuses.product_id
