-- test: the window is open at the tick and closed at the horizon
-- parameters: horizon_s = 4, silence_s = 2
-- given ticks(product_id, ts, best_bid, best_ask):
VALUES
  ('A', '2026-01-01T00:00:00Z', 99, 101),
  ('A', '2026-01-01T00:00:01Z', 199, 201),
  ('A', '2026-01-01T00:00:02Z', 99, 101),
  ('A', '2026-01-01T00:00:03Z', 99, 101),
  ('A', '2026-01-01T00:00:04Z', 199, 201),
  ('A', '2026-01-01T00:00:05Z', 399, 401)
-- The first two windows each hold three doublings or halvings, the last one exactly at the horizon. The data ends before the
-- end of the third window.
-- expect(ts, forward_vol):
VALUES
  ('2026-01-01T00:00:00Z', sqrt(3) * ln(2)),
  ('2026-01-01T00:00:01Z', sqrt(3) * ln(2)),
  ('2026-01-01T00:00:02Z', NULL),
  ('2026-01-01T00:00:03Z', NULL),
  ('2026-01-01T00:00:04Z', NULL),
  ('2026-01-01T00:00:05Z', NULL)

-- test: a silence in the window makes the label NULL, but a pause of exactly the limit does not
-- parameters: horizon_s = 4, silence_s = 2
-- given ticks(product_id, ts, best_bid, best_ask):
VALUES
  ('A', '2026-01-01T00:00:00Z', 99, 101),
  ('A', '2026-01-01T00:00:02Z', 199, 201),
  ('A', '2026-01-01T00:00:04Z', 99, 101),
  ('A', '2026-01-01T00:00:05Z', 199, 201),
  ('A', '2026-01-01T00:00:07.000000001Z', 99, 101),
  ('A', '2026-01-01T00:00:08Z', 99, 101),
  ('A', '2026-01-01T00:00:12Z', 99, 101)
-- expect(ts, forward_vol):
VALUES
  ('2026-01-01T00:00:00Z', sqrt(2) * ln(2)),
  -- The gap of 2 s and a nanosecond begins in this window, but only 1 s of it lies inside.
  ('2026-01-01T00:00:02Z', sqrt(2) * ln(2)),
  ('2026-01-01T00:00:04Z', NULL),
  ('2026-01-01T00:00:05Z', NULL),
  ('2026-01-01T00:00:07.000000001Z', NULL),
  ('2026-01-01T00:00:08Z', NULL),
  ('2026-01-01T00:00:12Z', NULL)

-- test: the stretch from the last tick to the horizon counts as a silence too
-- parameters: horizon_s = 5, silence_s = 2
-- given ticks(product_id, ts, best_bid, best_ask):
VALUES
  ('A', '2026-01-01T00:00:00Z', 99, 101),
  ('A', '2026-01-01T00:00:01Z', 199, 201),
  ('A', '2026-01-01T00:00:02Z', 99, 101),
  -- After a silence of 5 s. Its first 3 s lie in the window of 00:00:00, and its first 2 s in the window of 23:59:59.
  ('A', '2026-01-01T00:00:07Z', 99, 101),
  ('A', '2025-12-31T23:59:59Z', 99, 101)
-- expect(ts, forward_vol):
VALUES
  ('2025-12-31T23:59:59Z', sqrt(2) * ln(2)),
  ('2026-01-01T00:00:00Z', NULL),
  ('2026-01-01T00:00:01Z', NULL),
  ('2026-01-01T00:00:02Z', NULL),
  ('2026-01-01T00:00:07Z', NULL)

-- test: one tick is not enough, and products do not see each other
-- parameters: horizon_s = 4, silence_s = 4
-- given ticks(product_id, ts, best_bid, best_ask):
VALUES
  ('A', '2026-01-01T00:00:00Z', 99, 101),
  ('B', '2026-01-01T00:00:01Z', 9, 11),
  ('A', '2026-01-01T00:00:03Z', 199, 201),
  ('B', '2026-01-01T00:00:03.5Z', 9, 11),
  ('B', '2026-01-01T00:00:04Z', 9, 11),
  ('A', '2026-01-01T00:00:05Z', 99, 101),
  ('B', '2026-01-01T00:00:05Z', 9, 11)
-- expect(product_id, ts, forward_vol):
VALUES
  ('A', '2026-01-01T00:00:00Z', NULL),
  ('A', '2026-01-01T00:00:03Z', NULL),
  ('A', '2026-01-01T00:00:05Z', NULL),
  -- A market that stands still has a volatility of exactly 0.
  ('B', '2026-01-01T00:00:01Z', 0),
  ('B', '2026-01-01T00:00:03.5Z', NULL),
  ('B', '2026-01-01T00:00:04Z', NULL),
  ('B', '2026-01-01T00:00:05Z', NULL)
