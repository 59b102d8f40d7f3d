-- description: The rows for training and evaluating models: features and label ({{ label }}) of {{ products | join(", ") }}, split in time order
--   into train, validation and test. There is one row a product in each {{ grid_s }} s, its last tick; grid_s = 0 means every tick.
--   A row is left out if its label window reaches into the next split. tau is the {{ tau_quantile }} quantile of forward volatility
--   over the training rows of all products together.
-- grain: product_id, ts
-- time column: ts
-- units:
--   midprice: USD
--   current_vol, forward_vol, tau: natural log

WITH ticks_on_grid AS (
  SELECT
    *,
    -- In a burst the labels of neighbouring ticks are almost the same. The grid keeps a burst from counting as many rows.
    {{ grid_s }} = 0 OR lead(ts) OVER (PARTITION BY product_id ORDER BY ts) IS NULL
      OR date_bin(INTERVAL '{{ [grid_s, 1] | max }} seconds', lead(ts) OVER (PARTITION BY product_id ORDER BY ts))
        > date_bin(INTERVAL '{{ [grid_s, 1] | max }} seconds', ts) AS on_grid
  FROM spike_features
  WHERE product_id IN ({{ products }})
), labelled AS (
  SELECT
    features.product_id, features.ts, features.midprice,
    features.rv_60s AS current_vol,
    labels.forward_vol,
    -- If the market stands still, volatility is 0, and ln(0) is undefined. The floor of 1e-5 is a tenth of a basis point.
    ln(greatest(features.rv_10s, 1e-5)) AS log_rv_10s,
    ln(greatest(features.rv_60s, 1e-5)) AS log_rv_60s,
    ln(greatest(features.rv_300s, 1e-5)) AS log_rv_300s,
    ln(greatest(features.rv_1800s, 1e-5)) AS log_rv_1800s,
    ln(greatest(sqrt(features.bipower_60s), 1e-5)) AS log_bipower_60s,
    ln(greatest(sqrt(features.decayed_square), 1e-5)) AS log_decayed,
    ln(1 + features.changes_10s) AS log_changes_10s,
    ln(1 + features.changes_60s) AS log_changes_60s,
    ln(1 + features.changes_300s) AS log_changes_300s,
    ln(features.ticks_60s) AS log_ticks_60s,
    ln(greatest(features.range_60s, 1e-5)) AS log_range_60s,
    ln(greatest(features.range_300s, 1e-5)) AS log_range_300s,
    ln(greatest(abs(features.momentum_60s), 1e-5)) AS log_momentum_60s,
    ln(greatest(features.relative_spread_60s, 1e-7)) AS log_spread_60s
  FROM ticks_on_grid AS features
  JOIN {{ label }} AS labels ON labels.product_id = features.product_id AND labels.ts = features.ts
  WHERE features.on_grid
    AND features.rv_10s IS NOT NULL AND features.rv_60s IS NOT NULL AND features.rv_300s IS NOT NULL
    AND features.rv_1800s IS NOT NULL AND features.bipower_60s IS NOT NULL
    AND labels.forward_vol IS NOT NULL
), numbered AS (
  SELECT *, row_number() OVER (ORDER BY ts, product_id) AS place, count(*) OVER () AS total
  FROM labelled
), shared_out AS (
  SELECT *,
    CASE
      WHEN place <= floor(total * {{ train_share }}) THEN 'train'
      WHEN place <= floor(total * {{ train_share + validation_share }}) THEN 'validation'
      ELSE 'test'
    END AS split
  FROM numbered
), bounded AS (
  SELECT *,
    CASE split
      WHEN 'train' THEN min(CASE WHEN split <> 'train' THEN ts END) OVER ()
      WHEN 'validation' THEN min(CASE WHEN split = 'test' THEN ts END) OVER ()
    END AS next_split_start
  FROM shared_out
), purged AS (
  SELECT *
  FROM bounded
  WHERE next_split_start IS NULL OR ts + INTERVAL '{{ horizon_s }} seconds' < next_split_start
), ranked AS (
  -- The quantile is interpolated as in numpy.quantile: between the two training rows around its place in the order.
  SELECT *,
    -- The cast is needed: otherwise the engine makes a decimal of an unsigned number minus one, and a decimal does not compare
    -- exactly with a floating-point number.
    CAST(row_number() OVER (PARTITION BY split ORDER BY forward_vol) AS BIGINT) - 1 AS rank,
    (count(*) OVER (PARTITION BY split) - 1) * {{ tau_quantile }} AS quantile_place
  FROM purged
), enclosed AS (
  SELECT *,
    max(CASE WHEN split = 'train' AND rank = CAST(floor(quantile_place) AS BIGINT) THEN forward_vol END) OVER () AS below,
    max(CASE WHEN split = 'train' AND rank = CAST(ceil(quantile_place) AS BIGINT) THEN forward_vol END) OVER () AS above,
    max(CASE WHEN split = 'train' THEN quantile_place - floor(quantile_place) END) OVER () AS weight
  FROM ranked
), thresholds AS (
  SELECT *,
    CASE WHEN weight < 0.5 THEN below + (above - below) * weight ELSE above - (above - below) * (1 - weight) END AS tau
  FROM enclosed
)
SELECT
  product_id, ts, midprice, current_vol, forward_vol, tau,
  forward_vol >= tau AS spike,
  split,
  log_rv_10s, log_rv_60s, log_rv_300s, log_rv_1800s, log_bipower_60s, log_decayed,
  log_changes_10s, log_changes_60s, log_changes_300s, log_ticks_60s,
  log_range_60s, log_range_300s, log_momentum_60s, log_spread_60s
FROM thresholds
