-- description: The rows for training and evaluating models: {{ product }}'s ticks with four features and the label, split in time
--   order into train, validation and test. A row is left out if its label window reaches into the next split.
--   tau is the {{ tau_quantile }} quantile of forward volatility over the training rows only.
-- grain: product_id, ts
-- time column: ts

WITH labelled AS (
  SELECT
    features.product_id, features.ts, features.midprice,
    features.rv_60s AS current_vol,
    labels.forward_vol,
    -- If the market stands still, volatility is 0, and ln(0) is undefined. The floor of 1e-6 is a hundredth of a basis point.
    ln(greatest(features.rv_10s, 1e-6)) AS log_rv_10s,
    ln(greatest(features.rv_60s, 1e-6)) AS log_rv_60s,
    ln(greatest(features.rv_300s, 1e-6)) AS log_rv_300s,
    ln(features.ticks_60s) AS log_ticks_60s
  FROM spike_features AS features
  JOIN rv_spike_60s AS labels ON labels.product_id = features.product_id AND labels.ts = features.ts
  WHERE features.product_id = '{{ product }}'
    AND features.rv_10s IS NOT NULL AND features.rv_60s IS NOT NULL AND features.rv_300s IS NOT NULL
    AND labels.forward_vol IS NOT NULL
), numbered AS (
  SELECT *, row_number() OVER (ORDER BY ts) AS place, count(*) OVER () AS total
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
  log_rv_10s, log_rv_60s, log_rv_300s, log_ticks_60s
FROM thresholds
