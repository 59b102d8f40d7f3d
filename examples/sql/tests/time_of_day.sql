-- test: two hours of the day have twice the volatility of the others, and the present day does not count
-- parameters: silence_s = 3600
-- given ticks(product_id, ts, best_bid, best_ask):
-- A tick an hour. Each step of the log of the price is 0.01, up or down; those at 14:00 and 15:00 are 0.02.
WITH hours AS (
  SELECT
    value AS hour,
    exp(CASE WHEN value % 24 = 14 THEN -0.01 WHEN value % 2 = 1 THEN 0.01 ELSE 0 END) AS price
  FROM generate_series(0, 111)
)
SELECT 'A', arrow_cast(1767225600000000000 + hour * 3600000000000, 'Timestamp(Nanosecond, Some("UTC"))'), price AS bid, price AS ask FROM hours
-- The hour was observed once on each earlier day, but the very first tick has no return. Of all steps until twelve hours before the tick,
-- two a day are large.
-- expect(ts, variance_factor, hour_observed):
WITH hours AS (
  SELECT value AS hour, greatest(value - 12, 0) AS steps FROM generate_series(0, 111)
), counted AS (
  SELECT
    hour, steps,
    2 * (steps / 24) + CASE WHEN steps % 24 >= 15 THEN 2 WHEN steps % 24 = 14 THEN 1 ELSE 0 END AS large_steps,
    nullif((hour - 1) / 24, 0) AS observed
  FROM hours
)
SELECT
  arrow_cast(1767225600000000000 + hour * 3600000000000, 'Timestamp(Nanosecond, Some("UTC"))'),
  CASE WHEN observed >= 3 THEN CASE WHEN hour % 24 IN (14, 15) THEN 4.0 ELSE 1.0 END * steps / (steps + 3 * large_steps) END,
  observed
FROM counted
