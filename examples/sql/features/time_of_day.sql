-- description: How volatile the hour of the day is in which a tick falls (UTC): the mean squared return a second of this hour over the
--   last 14 days, divided by that of all hours. 1 is an hour like the others, 4 has twice the volatility.
--   NULL until this hour was observed for 2.5 hours, three days as a rule.
-- grain: product_id, ts
-- time column: ts
-- lookback: 14 days and 1 tick
-- units:
--   variance_factor: ratio of variances
--   hour_observed: h

WITH steps AS (
  SELECT
    product_id, ts,
    ln((best_bid + best_ask) / lag(best_bid + best_ask) OVER product) AS ret,
    CAST(CAST(ts - lag(ts) OVER product AS BIGINT) AS DOUBLE) / 1e9 AS step_s
  FROM ticks
  WINDOW product AS (PARTITION BY product_id ORDER BY ts)
), returns AS (
  SELECT
    product_id, ts, date_part('hour', ts) AS hour,
    CASE WHEN step_s <= {{ silence_s }} THEN ret * ret END AS square,
    CASE WHEN step_s <= {{ silence_s }} THEN step_s END AS observed_s
  FROM steps
), windows AS (
  SELECT
    product_id, ts,
    sum(square) OVER this_hour AS hour_squares,
    sum(observed_s) OVER this_hour AS hour_observed_s,
    sum(square) OVER all_hours AS squares,
    sum(observed_s) OVER all_hours AS observed_s
  FROM returns
  -- The frames end twelve hours before the tick, so they hold this hour of earlier days and nothing of the present one.
  WINDOW
    this_hour AS (PARTITION BY product_id, hour ORDER BY ts RANGE BETWEEN INTERVAL '14 days' PRECEDING AND INTERVAL '12 hours' PRECEDING),
    all_hours AS (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '14 days' PRECEDING AND INTERVAL '12 hours' PRECEDING)
)
SELECT
  product_id, ts,
  CASE WHEN hour_observed_s >= 9000 AND squares > 0
    THEN (hour_squares / hour_observed_s) / (squares / observed_s) END AS variance_factor,
  hour_observed_s / 3600 AS hour_observed
FROM windows
