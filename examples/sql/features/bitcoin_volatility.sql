-- description: Bitcoin's volatility as it was known at each tick of every product: that of its last tick, if it is not older than 10 s.
-- grain: product_id, ts
-- time column: ts
-- lookback: 310 s and 1 tick
-- units:
--   btc_rv_60s, btc_rv_300s: natural log, root of summed squares
--   btc_age_s: s

SELECT
  ticks.product_id, ticks.ts,
  bitcoin.rv_60s AS btc_rv_60s,
  bitcoin.rv_300s AS btc_rv_300s,
  CAST(CAST(ticks.ts - bitcoin.ts AS BIGINT) AS DOUBLE) / 1e9 AS btc_age_s
FROM ticks
ASOF LEFT JOIN (SELECT ts, rv_60s, rv_300s FROM spike_features WHERE product_id = 'BTC-USD') AS bitcoin
  ON bitcoin.ts <= ticks.ts TOLERANCE INTERVAL '10 seconds'
