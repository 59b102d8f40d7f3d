-- description: Features of a product's quotes over the last 10, 60, 300 and 1800 seconds, at every tick. A column is NULL if its
--   lookback crosses a silence (no tick for more than {{ silence_s }} s, or the start of the data). rv_1800s alone has a weaker rule: it
--   is NULL if the last 300 s hold a silence; before that, it counts the time that was observed.
-- grain: product_id, ts
-- time column: ts
-- lookback: 1800 s and 1 tick
-- units:
--   midprice: USD
--   ret: natural log of the ratio of midprices
--   rv_10s, rv_60s, rv_300s, rv_1800s: natural log, root of summed squares
--   bipower_60s: natural log, squared
--   decayed_square: natural log, squared
--   changes_10s, changes_60s, changes_300s: changes of the midprice
--   relative_spread_60s: fraction of the midprice
--   spread_10s, spread_60s, spread_300s: USD
--   ticks_10s, ticks_60s, ticks_300s: ticks
--   range_10s, range_60s, range_300s: natural log of highest over lowest midprice
--   momentum_10s, momentum_60s, momentum_300s: natural log of last over first midprice
--   book_imbalance, book_imbalance_10s, book_imbalance_60s, book_imbalance_300s: -1 (all asks) to 1 (all bids)
--   microprice_offset, microprice_offset_10s, microprice_offset_60s, microprice_offset_300s: fraction of the midprice

WITH quotes AS (
  SELECT
    product_id, ts,
    (best_bid + best_ask) / 2 AS midprice,
    best_ask - best_bid AS spread,
    -- Without sizes, or with sizes of zero on both sides, the imbalance is undefined.
    (best_bid_quantity - best_ask_quantity) / nullif(best_bid_quantity + best_ask_quantity, 0) AS book_imbalance
  FROM ticks
), steps AS (
  SELECT *,
    -- The microprice weighs each side's price by the other side's size: its offset is the imbalance times half the spread.
    book_imbalance * spread / 2 / midprice AS microprice_offset,
    lag(midprice) OVER product AS previous_midprice,
    lag(ts) OVER product AS previous_ts,
    coalesce(lag(ts) OVER product + INTERVAL '{{ silence_s }} seconds' < ts, true) AS after_silence
  FROM quotes
  WINDOW product AS (PARTITION BY product_id ORDER BY ts)
), returns AS (
  SELECT *,
    CASE WHEN NOT after_silence THEN ln(midprice / previous_midprice) END AS ret,
    CASE WHEN after_silence THEN 1 END AS silence,
    CASE WHEN midprice <> previous_midprice THEN 1 END AS change,
    CASE WHEN NOT after_silence THEN CAST(CAST(ts - previous_ts AS BIGINT) AS DOUBLE) / 1e9 END AS observed_s
  FROM steps
), windows AS (
  SELECT
    product_id, ts, midprice, ret, book_imbalance, microprice_offset,
    count(silence) OVER last_10s AS silences_10s,
    sum(ret * ret) OVER last_10s AS squares_10s,
    avg(spread) OVER last_10s AS spread_10s,
    count(*) OVER last_10s AS ticks_10s,
    count(change) OVER last_10s AS changes_10s,
    min(midprice) OVER last_10s AS low_10s,
    max(midprice) OVER last_10s AS high_10s,
    first_value(midprice) OVER last_10s AS first_10s,
    avg(book_imbalance) OVER last_10s AS book_imbalance_10s,
    avg(microprice_offset) OVER last_10s AS microprice_offset_10s,

    count(silence) OVER last_60s AS silences_60s,
    sum(ret * ret) OVER last_60s AS squares_60s,
    avg(spread) OVER last_60s AS spread_60s,
    count(*) OVER last_60s AS ticks_60s,
    count(change) OVER last_60s AS changes_60s,
    min(midprice) OVER last_60s AS low_60s,
    max(midprice) OVER last_60s AS high_60s,
    first_value(midprice) OVER last_60s AS first_60s,
    avg(book_imbalance) OVER last_60s AS book_imbalance_60s,
    avg(microprice_offset) OVER last_60s AS microprice_offset_60s,
    bipower_variation(midprice) OVER last_60s AS bipower_60s,
    avg(spread / midprice) OVER last_60s AS relative_spread_60s,

    count(silence) OVER last_300s AS silences_300s,
    sum(ret * ret) OVER last_300s AS squares_300s,
    avg(spread) OVER last_300s AS spread_300s,
    count(*) OVER last_300s AS ticks_300s,
    count(change) OVER last_300s AS changes_300s,
    min(midprice) OVER last_300s AS low_300s,
    max(midprice) OVER last_300s AS high_300s,
    first_value(midprice) OVER last_300s AS first_300s,
    avg(book_imbalance) OVER last_300s AS book_imbalance_300s,
    avg(microprice_offset) OVER last_300s AS microprice_offset_300s,
    -- Ten half-lives: an older tick would count less than a thousandth.
    ewma(ret * ret, INTERVAL '30 seconds') OVER last_300s AS decayed_square,

    sum(ret * ret) OVER last_1800s AS squares_1800s,
    sum(observed_s) OVER last_1800s AS observed_1800s
  FROM returns
  WINDOW
    last_10s AS (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW),
    last_60s AS (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW),
    last_300s AS (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '300 seconds' PRECEDING AND CURRENT ROW),
    last_1800s AS (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1800 seconds' PRECEDING AND CURRENT ROW)
)
SELECT
  product_id, ts, midprice, ret, book_imbalance, microprice_offset,

  -- greatest: an engine that subtracts old values from a running sum can end with a tiny negative sum.
  CASE WHEN silences_10s = 0 THEN sqrt(greatest(squares_10s, 0)) END AS rv_10s,
  CASE WHEN silences_10s = 0 THEN spread_10s END AS spread_10s,
  CASE WHEN silences_10s = 0 THEN ticks_10s END AS ticks_10s,
  CASE WHEN silences_10s = 0 THEN changes_10s END AS changes_10s,
  CASE WHEN silences_10s = 0 THEN ln(high_10s / low_10s) END AS range_10s,
  CASE WHEN silences_10s = 0 THEN ln(midprice / first_10s) END AS momentum_10s,
  CASE WHEN silences_10s = 0 THEN book_imbalance_10s END AS book_imbalance_10s,
  CASE WHEN silences_10s = 0 THEN microprice_offset_10s END AS microprice_offset_10s,

  CASE WHEN silences_60s = 0 THEN sqrt(greatest(squares_60s, 0)) END AS rv_60s,
  CASE WHEN silences_60s = 0 THEN spread_60s END AS spread_60s,
  CASE WHEN silences_60s = 0 THEN ticks_60s END AS ticks_60s,
  CASE WHEN silences_60s = 0 THEN changes_60s END AS changes_60s,
  CASE WHEN silences_60s = 0 THEN ln(high_60s / low_60s) END AS range_60s,
  CASE WHEN silences_60s = 0 THEN ln(midprice / first_60s) END AS momentum_60s,
  CASE WHEN silences_60s = 0 THEN book_imbalance_60s END AS book_imbalance_60s,
  CASE WHEN silences_60s = 0 THEN microprice_offset_60s END AS microprice_offset_60s,
  CASE WHEN silences_60s = 0 THEN bipower_60s END AS bipower_60s,
  CASE WHEN silences_60s = 0 THEN relative_spread_60s END AS relative_spread_60s,

  CASE WHEN silences_300s = 0 THEN sqrt(greatest(squares_300s, 0)) END AS rv_300s,
  CASE WHEN silences_300s = 0 THEN spread_300s END AS spread_300s,
  CASE WHEN silences_300s = 0 THEN ticks_300s END AS ticks_300s,
  CASE WHEN silences_300s = 0 THEN changes_300s END AS changes_300s,
  CASE WHEN silences_300s = 0 THEN ln(high_300s / low_300s) END AS range_300s,
  CASE WHEN silences_300s = 0 THEN ln(midprice / first_300s) END AS momentum_300s,
  CASE WHEN silences_300s = 0 THEN book_imbalance_300s END AS book_imbalance_300s,
  CASE WHEN silences_300s = 0 THEN microprice_offset_300s END AS microprice_offset_300s,
  CASE WHEN silences_300s = 0 THEN decayed_square END AS decayed_square,

  -- Extrapolated from the time that was observed: an earlier silence, or the start of the data, shortens it.
  CASE WHEN silences_300s = 0 THEN sqrt(greatest(squares_1800s, 0) * 1800 / observed_1800s) END AS rv_1800s
FROM windows
