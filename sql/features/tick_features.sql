-- description: The Python original's five features, over a window of {{ window_ticks }} ticks, which can span any length of time.
--   They give the same numbers as the original and have no rule for silences. We recommend spike_features instead.
-- grain: product_id, ts
-- time column: ts
-- lookback: {{ window_ticks }} ticks
-- units:
--   midprice: USD
--   midprice_return: fraction of the previous tick's midprice
--   rolling_vol: the same fraction, a sample standard deviation
--   spread: USD
--   trade_intensity: ticks

WITH quotes AS (
  SELECT product_id, ts, (best_bid + best_ask) / 2 AS midprice, best_ask - best_bid AS spread
  FROM ticks
), returns AS (
  SELECT *, midprice / lag(midprice) OVER (PARTITION BY product_id ORDER BY ts) - 1 AS midprice_return
  FROM quotes
), windows AS (
  SELECT *,
    -- There are n - 1 returns between the last n ticks. NULL until there are two returns.
    stddev_samp(midprice_return) OVER (
      PARTITION BY product_id ORDER BY ts ROWS BETWEEN {{ window_ticks - 2 }} PRECEDING AND CURRENT ROW
    ) AS rolling_vol,
    count(*) OVER (
      PARTITION BY product_id ORDER BY ts ROWS BETWEEN {{ window_ticks - 1 }} PRECEDING AND CURRENT ROW
    ) AS ticks
  FROM returns
)
SELECT
  product_id, ts, midprice, midprice_return, rolling_vol, spread,
  CASE WHEN ticks > 1 THEN ticks END AS trade_intensity
FROM windows
