-- test: a column is NULL while its lookback holds a silence, and only then
-- parameters: silence_s = 10
-- given ticks(product_id, ts, best_bid, best_ask, best_bid_quantity, best_ask_quantity):
VALUES
  ('A', '2026-01-01T00:00:00Z', 99, 101, 3, 1),
  ('A', '2026-01-01T00:00:10Z', 199, 201, 3, 1),
  ('A', '2026-01-01T00:00:10.000000001Z', 99, 101, 3, 1),
  ('A', '2026-01-01T00:00:20.000000001Z', 98, 102, 0, 4),
  ('A', '2026-01-01T00:00:30.000000002Z', 99, 101, 1, 1)
-- expect(ts, ret, rv_10s, ticks_10s, spread_10s, range_10s, momentum_10s, book_imbalance, book_imbalance_10s, microprice_offset, rv_60s):
VALUES
  -- The first tick of a product counts as the first after a silence, and it still lies in the lookback of the second tick.
  ('2026-01-01T00:00:00Z', NULL, NULL, NULL, NULL, NULL, NULL, 0.5, NULL, 0.005, NULL),
  ('2026-01-01T00:00:10Z', ln(2), NULL, NULL, NULL, NULL, NULL, 0.5, NULL, 0.0025, NULL),
  ('2026-01-01T00:00:10.000000001Z', -ln(2), sqrt(2) * ln(2), 2, 2, ln(2), -ln(2), 0.5, 0.5, 0.005, NULL),
  ('2026-01-01T00:00:20.000000001Z', 0, ln(2), 2, 3, 0, 0, -1, -0.25, -0.02, NULL),
  ('2026-01-01T00:00:30.000000002Z', NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, 0, NULL)

-- test: without sizes there is no imbalance, and all other columns have values
-- parameters: silence_s = 100
-- given ticks(product_id, ts, best_bid, best_ask, best_bid_quantity, best_ask_quantity):
VALUES
  ('A', '2026-01-01T00:00:00Z', 99, 101, NULL, NULL),
  ('A', '2026-01-01T00:00:20Z', 199, 201, 0, 0)
-- expect(ts, ret, rv_10s, book_imbalance, book_imbalance_10s, microprice_offset, microprice_offset_10s):
VALUES
  ('2026-01-01T00:00:00Z', NULL, NULL, NULL, NULL, NULL, NULL),
  ('2026-01-01T00:00:20Z', ln(2), ln(2), NULL, NULL, NULL, NULL)

-- test: changes of the midprice, relative spread, bipower variation and the decayed mean of squared returns
-- parameters: silence_s = 10
-- given ticks(product_id, ts, best_bid, best_ask):
VALUES
  ('A', '2026-01-01T00:00:00Z', 99, 101),
  ('A', '2026-01-01T00:00:10Z', 99, 101),
  ('A', '2026-01-01T00:00:20Z', 99, 101),
  ('A', '2026-01-01T00:00:30Z', 199, 201),
  ('A', '2026-01-01T00:00:40Z', 399, 401)
-- expect(ts, changes_10s, rv_10s, rv_1800s, decayed_square, changes_60s):
VALUES
  ('2026-01-01T00:00:00Z', NULL, NULL, NULL, NULL, NULL),
  ('2026-01-01T00:00:10Z', NULL, NULL, NULL, NULL, NULL),
  ('2026-01-01T00:00:20Z', 0, 0, NULL, NULL, NULL),
  ('2026-01-01T00:00:30Z', 1, ln(2), NULL, NULL, NULL),
  ('2026-01-01T00:00:40Z', 2, sqrt(2) * ln(2), NULL, NULL, NULL)

-- test: rv_1800s counts the time that was observed, once 300 s have passed since a silence
-- parameters: silence_s = 400
-- given ticks(product_id, ts, best_bid, best_ask):
VALUES
  ('A', '2026-01-01T00:00:00Z', 99, 101),
  ('A', '2026-01-01T00:05:00Z', 199, 201),
  ('A', '2026-01-01T00:10:00Z', 199, 201),
  -- After a silence.
  ('A', '2026-01-01T00:20:00Z', 99, 101),
  ('A', '2026-01-01T00:25:00Z', 199, 201),
  ('A', '2026-01-01T00:30:00Z', 199, 201)
-- expect(ts, rv_300s, rv_1800s):
VALUES
  ('2026-01-01T00:00:00Z', NULL, NULL),
  ('2026-01-01T00:05:00Z', NULL, NULL),
  -- One doubling in the 600 s that were observed; over 1800 s it would be three.
  ('2026-01-01T00:10:00Z', ln(2), sqrt(3) * ln(2)),
  ('2026-01-01T00:20:00Z', NULL, NULL),
  ('2026-01-01T00:25:00Z', NULL, NULL),
  -- Two doublings in 1200 s.
  ('2026-01-01T00:30:00Z', ln(2), sqrt(3) * ln(2))
