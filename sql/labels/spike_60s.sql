-- description: The Python original's label: the sample standard deviation of tick returns over (ts, ts + {{ horizon_s }} s].
--   NULL if fewer than 2 ticks lie in the window, if the product's data ends earlier, or if the window contains more than
--   {{ silence_s }} s without a tick.
-- grain: product_id, ts
-- time column: ts
-- horizon: {{ horizon_s }} s
-- units:
--   forward_vol: natural log, a sample standard deviation

WITH quotes AS (
  SELECT product_id, ts, (best_bid + best_ask) / 2 AS midprice
  FROM ticks
), returns AS (
  SELECT
    product_id, ts,
    ln(midprice / lag(midprice) OVER product) AS ret,
    CASE WHEN lag(ts) OVER product + INTERVAL '{{ silence_s }} seconds' < ts THEN 1 END AS silence
  FROM quotes
  WINDOW product AS (PARTITION BY product_id ORDER BY ts)
), windows AS (
  SELECT
    product_id, ts,
    stddev_samp(ret) OVER ahead AS deviation,
    count(*) OVER ahead AS ticks,
    count(silence) OVER ahead AS silences,
    -- The time from the last tick to the end of the horizon counts like a gap between two ticks.
    max(ts) OVER ahead + INTERVAL '{{ silence_s }} seconds' AS observed_until,
    max(ts) OVER (PARTITION BY product_id) AS data_end,
    ts + INTERVAL '{{ horizon_s }} seconds' AS horizon_end
  FROM returns
  WINDOW ahead AS (
    PARTITION BY product_id ORDER BY ts
    RANGE BETWEEN INTERVAL '1 nanosecond' FOLLOWING AND INTERVAL '{{ horizon_s }} seconds' FOLLOWING
  )
)
SELECT
  product_id, ts,
  CASE
    WHEN ticks >= 2 AND silences = 0 AND observed_until >= horizon_end AND data_end >= horizon_end THEN deviation
  END AS forward_vol
FROM windows
